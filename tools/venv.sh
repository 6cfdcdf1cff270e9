#!/bin/sh
# Makes .venv with Coleta in it, or finds that it is there:  sh tools/venv.sh run|dev
# Only says which Python it would take:                      sh tools/venv.sh which
#
# `run` is what a user needs (the locked packages, and this checkout itself, editable); `dev` adds the tools of
# the tests. Whatever was finished is never done again, and whatever was cut off is never taken for finished:
# each part leaves its mark last, and a .venv without its marks is made again from nothing.
# Never touches anything outside this folder, and never asks.
set -eu
unset CDPATH PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT 2>/dev/null || true
cd "$(dirname "$0")/.."

kind=$1
here=.venv/bin/python

say() { printf 'coleta: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

# --- what is there --------------------------------------------------------------------------------------------

# The content of a part's mark: what the part was made from. Contents, not times of change: those move with
# every checkout of another branch. The path is in it because scripts in a .venv name the place they were made for.
made_from() {
    case $1 in
        run) pwd -P && cksum requirements.lock ;;
        dev) cksum requirements-dev.lock ;;
        project) cksum pyproject.toml src/coleta/__init__.py ;;
    esac
}
mark() { made_from "$1" >".venv/.made-$1"; }
unmark() { rm -f ".venv/.made-$1"; }
marked() { [ "$(cat ".venv/.made-$1" 2>/dev/null)" = "$(made_from "$1")" ]; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

# A system's upgrade can take the interpreter away, or put another one, from under a finished .venv.
starts() { [ -x $here ] && $here -I -c 'import pip' 2>/dev/null; }
imports_this_checkout() {
    $here -I -c 'import coleta, os, sys; sys.exit(not os.path.samefile(coleta.__path__[0], "src/coleta"))' 2>/dev/null
}
is_python_asked_for() { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of $here)" ]; }

complete() {
    marked run && marked project && { [ "$kind" = run ] || marked dev; } && is_python_asked_for && imports_this_checkout
}

# --- which Python makes it ------------------------------------------------------------------------------------

refuse_without_venv() { # $1: command, $2: its version
    say "Python $2 ($1) cannot make virtual environments: its venv or ensurepip module is missing."
    if command -v apt-get >/dev/null; then
        as_root=''
        [ "$(id -u)" = 0 ] || as_root='sudo '
        say "  try:  ${as_root}apt-get update && ${as_root}apt-get install python3-venv"
        say "  (for a Python that is not the system's own: python$2-venv)"
    else
        say "  try:  install the package of your system that holds them, often named python3-venv"
    fi
    exit 1
}

# Sets `python` to the first that is new enough and can make a virtual environment. Each is asked, not only
# looked for: a version manager leaves commands on the PATH whose Python is not there.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3.14 python3.13 python3.12 python3.11 python3; fi
    too_old='' without_venv=''
    for python; do
        version=$(version_of "$python") || continue
        if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            too_old="${too_old:-Python $version ($python)}"
        elif ! "$python" -m ensurepip --version >/dev/null 2>&1 || ! "$python" -c 'import venv' 2>/dev/null; then
            without_venv="${without_venv:-$python}"
        else
            return 0
        fi
    done
    [ -z "$without_venv" ] || refuse_without_venv "$without_venv" "$(version_of "$without_venv")"
    say "Python 3.11 or newer is needed; found ${too_old:-none${PYTHON:+ at PYTHON=$PYTHON}}."
    stop "  try:  install a newer one, or name one:  make install PYTHON=/path/to/python3.12"
}

# --- making it ------------------------------------------------------------------------------------------------

pip_install() {
    # Somebody at a terminal sees what is fetched; a log needs only what goes wrong.
    if [ -t 1 ]; then quiet=''; else quiet=--quiet; fi
    $here -m pip --disable-pip-version-check --no-input $quiet install "$@" ||
        stop "installing failed; pip says why above. Nothing half-made is kept: the same command begins again."
}

# Only wheels: a package that must be compiled would fail later, and much less clearly.
install_locked() { pip_install --require-hashes --only-binary :all: -r "$1"; }

make_venv() {
    choose_python
    say "making .venv with Python $version ($python); this fetches about 60 MB the first time"
    rm -rf .venv
    "$python" -m venv .venv || stop "$python -m venv failed"
    install_locked requirements.lock
    mark run
}

add_dev() {
    say "adding the tools of the tests to .venv"
    unmark run
    install_locked requirements-dev.lock
    mark dev
    mark run
}

# The builder came with the lock, so nothing is fetched here.
add_project() {
    unmark project
    pip_install --quiet --no-index --no-deps --no-build-isolation --editable .
    # pip compiles what it unpacks, but not an editable checkout; where PYTHONDONTWRITEBYTECODE is set, nothing
    # else ever would, and each start would compile it again.
    $here -m compileall -q src/coleta || true
    mark project
}

# Two makes in one checkout (`make run` beside `make test`) take turns. A link appears whole or not at all.
take_turn() {
    [ -w . ] || stop "$(pwd) is not writable"
    waiting=no
    until ln -s $$ .venv.lock 2>/dev/null; do
        holder=$(readlink .venv.lock || true)
        if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
            rm -f .venv.lock
            continue
        fi
        [ $waiting = yes ] || say "waiting for another make (process ${holder:-unknown}) that is making .venv"
        waiting=yes
        sleep 1
    done
    trap 'rm -f .venv.lock' EXIT
    trap 'say "stopped; the same command begins again"; exit 130' INT
    trap 'exit 143' TERM HUP
}

if [ "$kind" = which ]; then
    choose_python
    printf '%s\n' "$python"
    exit 0
fi
if complete; then exit 0; fi
take_turn
if complete; then exit 0; fi
if [ "$kind" = dev ] && [ -e .venv/.made-dev ] && ! marked dev; then unmark run; fi
if ! marked run || ! starts || ! is_python_asked_for; then make_venv; fi
if [ "$kind" = dev ] && ! marked dev; then add_dev; fi
if ! marked project || ! imports_this_checkout; then add_project; fi
imports_this_checkout || stop ".venv was made, but Coleta cannot be imported from it"
