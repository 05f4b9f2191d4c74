#!/bin/sh
# Known vulnerabilities of the exact versions in constraints.txt, by pip-audit, which is installed
# into .cache/audit once. It asks a service on the internet: meant for a schedule, not for each test
# run. Exit codes: 0 none is known, 1 some are (they are listed), 2 the service could not be asked.
set -eu
cd "$(dirname "$0")/.."

version=2.10.1
place=.cache/audit-$version
[ -x "$place/bin/pip-audit" ] || {
  "${PYTHON:-python3}" -m venv "$place"
  "$place/bin/pip" install -q "pip-audit==$version" ||
    { echo "pip-audit $version could not be installed: is there a network?" >&2; exit 2; }
}
said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$place/bin/pip-audit" -r constraints.txt --no-deps --disable-pip --strict --progress-spinner off \
  --format columns "$@" >"$said" 2>&1 && { cat "$said"; exit 0; }
if grep -q "^Found [0-9]* known vulnerabilit" "$said"; then
  cat "$said"
  exit 1
fi
tail -n 3 "$said" >&2
echo "The versions were not audited: the service did not answer for all of them. -s osv asks" \
  "another one." >&2
exit 2
