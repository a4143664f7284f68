#!/bin/sh
# Lays the virtual environment: locked requirements with their hashes, this project, the face models.
# usage: setup.sh VENV demo|dev     Every failure ends with one line that says what to do.
set -eu
venv=$1 what=$2
python=${PYTHON:-python3}
fail() { echo "setup: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "no $python found; install it: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old; Python 3.11 or newer is needed (PYTHON=/path/to/python3 make …)"
if [ ! -x "$venv/bin/python" ]; then
  "$python" -c 'import ensurepip' 2>/dev/null || fail "$python cannot make virtual environments; apt-get install python3-venv"
  echo "==> making the virtual environment $venv"
  "$python" -m venv "$venv" || fail "could not make $venv"
fi
echo "==> installing the locked packages (requirements/$what.txt); a first time takes a minute or two"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  -r "requirements/$what.txt" || fail "packages could not be installed; is the package index reachable?"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ||
  fail "this project could not be installed into $venv"
echo "==> fetching the face models"
"$venv/bin/python" provisioning/fetch_models.py || fail "the face models could not be fetched (see the line above)"
touch "$venv/.$what-ready"
[ "$what" != dev ] || touch "$venv/.demo-ready"
