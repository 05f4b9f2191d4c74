#!/bin/sh
# Makes a virtual environment and installs the project into it: with uv when it is there, else with venv and pip.
set -eu
python=$1
venv=$2
say() { printf '%s\n' "$*" >&2; }

if command -v uv >/dev/null 2>&1; then
  say "Setting up $venv with uv (once, a minute or two) ..."
  [ -x "$venv/bin/python" ] || uv venv -q --python "${PYTHON_VERSION:->=3.11}" "$venv"
  uv pip install -q --python "$venv/bin/python" -c constraints.txt -e '.[test]'
else
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$python is older than 3.11. Name a newer one: make demo PYTHON=python3.12"
    exit 1
  }
  say "Setting up $venv with pip (once, a minute or two) ..."
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  # pip compiles with one core only. A file that does not compile is one that nobody imports.
  "$venv/bin/python" -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt -e '.[test]'
  "$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" || :
fi
