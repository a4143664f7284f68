#!/bin/sh
# Writes requirements/*.txt from pyproject.toml: versions and hashes, no download addresses, all platforms and Pythons.
set -eu
venv=$1
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
compile() {
  out=$1; shift
  "$venv/bin/uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
    --no-annotate --python-version 3.11 "$@" -o "requirements/$out.txt" pyproject.toml
  echo "requirements/$out.txt: $(grep -c == "requirements/$out.txt") packages"
}
compile booth --extra devices
compile fleet --extra fleet
compile demo --extra demo
compile dev --extra dev
compile train --extra train -c requirements/dev.txt  # the same numpy and Pillow as everything else
