#!/bin/sh
# axe-core, which searches a page for what keeps people out of it: fetched once with npm, at one
# version, and used only when it is the file that we know. Prints the path of the file.
set -eu
cd "$(dirname "$0")/.."

version=4.14.1
sha256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
place=.cache/axe-core-$version
file=$place/axe.min.js

known() { [ -f "$1" ] && [ "$(openssl dgst -sha256 -r "$1" | cut -d' ' -f1)" = "$sha256" ]; }

if ! known "$file"; then
  command -v npm >/dev/null || { echo "npm is not on PATH: install it to fetch axe-core." >&2; exit 1; }
  mkdir -p .cache
  half=$(mktemp -d .cache/axe-core.XXXXXX)
  trap 'rm -rf "$half"' EXIT
  npm pack "axe-core@$version" --silent --pack-destination "$half" >/dev/null ||
    { echo "npm could not fetch axe-core $version: is there a network?" >&2; exit 1; }
  tar -xzf "$half/axe-core-$version.tgz" -C "$half" package/axe.min.js
  known "$half/package/axe.min.js" ||
    { echo "axe-core $version is not the file that we know: nothing of it is used." >&2; exit 1; }
  mkdir -p "$place"
  mv "$half/package/axe.min.js" "$file"
fi
echo "$PWD/$file"
