#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from pyproject.toml:  sh tools/lock.sh [--upgrade]
#
# One resolution holds for every Python from 3.11 and every platform, which only uv can do; uv is fetched into a
# folder that is gone at the end, since nobody else needs it. Versions that still fit stay as they are.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."

python=$(sh tools/venv.sh which)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check --quiet install 'uv>=0.8,<1'

# Only what comes built, since that is all that tools/venv.sh installs: nobody needs a compiler, and nothing runs at install.
# No settings of this machine: the lock names packages and digests, never where they were found.
compile() {
    "$scratch/venv/bin/python" -m uv --no-config --quiet pip compile pyproject.toml --universal --python-version 3.11 \
        --generate-hashes --only-binary :all: --custom-compile-command 'make lock' --extra demo --extra query --group build "$@"
}
compile --output-file requirements.lock "$@"
# The same versions in both: tests must run on what users get.
compile --output-file requirements-dev.lock --constraint requirements.lock --group dev "$@"
