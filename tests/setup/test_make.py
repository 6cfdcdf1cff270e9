"""The set-up commands, run for real in a copy whose path has spaces, with a Python that only notes what it is told.

The stand-in answers `-m venv`, `-m pip` and `-m coleta` in a moment and without a network; `-c` it hands to the real
interpreter. What the real ones do is shown by running the commands themselves, which every CI run does.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COPIED = ["Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "tools/venv.sh", ".ci/run"]
TOOLS = ["sh", "bash", "make", "env", "timeout", "awk", "cat", "cksum", "cp", "dirname", "echo", "id"]
TOOLS += ["ln", "mkdir", "readlink", "rm", "sleep", "touch"]

STAND_IN = """#!/bin/sh
[ "$1" = -I ] && shift
case "$1 $2" in
    '-m venv') mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    '-m ensurepip') [ "{ensurepip}" = yes ] ;;
    '-m pip')
        echo "$*" >>pip.log
        [ ! -e offline ] || exit 1
        case "$*" in *--editable*) touch .venv/editable ;; esac ;;
    '-m coleta') shift 2; exec "{real}" -c '{program}' "$@" ;;
    '-c '*)
        [ ! -e .venv/editable ] || export PYTHONPATH="$PWD/src"
        shift; code=$1; shift
        exec "{real}" -c "import sys; sys.version_info = {version}; $code" "$@" ;;
esac
"""

# Stopping takes it a moment, as it takes a real program: GNU make loses count of its children, and says so, when one
# is gone before make itself has heard of the Ctrl-C.
PROGRAM = """
import signal, sys, threading
try:
    print(sys.argv[1:], flush=True)
    if "--wait" in sys.argv:
        signal.pause()
except KeyboardInterrupt:
    threading.Event().wait(0.2)
    print("stopped cleanly", flush=True)
"""


@dataclass
class Machine:
    """A machine with the usual small tools, the Pythons given to it, and a checkout."""

    root: Path
    commands: Path = field(init=False)
    checkout: Path = field(init=False)

    def __post_init__(self) -> None:
        self.commands = self.root / "bin"
        self.commands.mkdir(parents=True)
        for name in TOOLS:
            self.command(name, None)
        self.checkout = self.root / "a path with spaces" / "coleta"
        for name in COPIED:
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, self.checkout / name)
        (self.checkout / "src" / "coleta").mkdir(parents=True)
        (self.checkout / "src" / "coleta" / "__init__.py").touch()

    def command(self, name: str, text: str | None) -> None:
        """Put a command on the PATH: the machine's own, or one with this text."""
        place = self.commands / name
        if text is None:
            place.symlink_to(shutil.which(name) or name)
        else:
            place.write_text(text)
            place.chmod(0o755)

    def python(self, name: str, version: tuple[int, int], *, ensurepip: bool = True) -> None:
        real, yes = sys.executable, "yes" if ensurepip else "no"
        self.command(name, STAND_IN.format(real=real, version=(*version, 0), ensurepip=yes, program=PROGRAM))

    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.commands), "HOME": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.checkout, env=self.environment(), capture_output=True, text=True, timeout=60
        )

    def make(self, *words: str) -> str:
        """What a make that must succeed prints."""
        done = self.ask("make", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """What a make that must fail says."""
        done = self.ask("make", *words)
        assert done.returncode != 0
        return done.stderr

    def installed(self) -> list[str]:
        """What pip was told to install since the last question: the file or folder, each time."""
        log = self.checkout / "pip.log"
        said = [line.split()[-1] for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return said


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def machine(bare: Machine) -> Machine:
    bare.python("python3", (3, 12))
    return bare


def test_make_alone_lists_what_can_be_asked_for(machine: Machine) -> None:
    said = machine.make()

    assert all(f"make {name} " in said for name in ["install", "run", "test", "lint", "lock", "clean"])
    assert machine.installed() == []


def test_run_installs_the_lock_and_this_checkout_and_starts_the_demo(machine: Machine) -> None:
    assert machine.make("run") == "['demo']\n"
    assert machine.installed() == ["requirements.lock", "."]


def test_words_for_the_program_arrive_as_the_shell_splits_them(machine: Machine) -> None:
    assert machine.make("run", 'ARGS=--ticks 3 --lake "a b"') == "['demo', '--ticks', '3', '--lake', 'a b']\n"


def test_a_second_time_nothing_is_installed(machine: Machine) -> None:
    machine.make("run")
    machine.make("test")
    machine.installed()

    machine.make("run")
    machine.make("test")

    assert machine.installed() == []


def test_the_tools_of_the_tests_are_added_to_what_is_there(machine: Machine) -> None:
    machine.make("install")
    machine.installed()

    machine.make("test")

    assert machine.installed() == ["requirements-dev.lock"]


def test_everything_is_installed_by_digest_and_nothing_else_is_fetched(machine: Machine) -> None:
    machine.make("test")

    for line in (machine.checkout / "pip.log").read_text().splitlines():
        assert "--require-hashes" in line or {"--no-index", "--no-deps", "--no-build-isolation"} <= set(line.split())


@pytest.mark.parametrize("target", ["install", "test"])
def test_an_install_that_was_cut_off_begins_again_from_nothing(machine: Machine, target: str) -> None:
    (machine.checkout / "offline").touch()
    assert "the same command begins again" in machine.refused(target)
    half_made = machine.checkout / ".venv" / "half-made"
    half_made.touch()
    (machine.checkout / "offline").unlink()
    machine.installed()

    machine.make(target)

    assert not half_made.exists()
    assert machine.installed()[0] == "requirements.lock"


def test_adding_the_tools_of_the_tests_may_be_cut_off_too(machine: Machine) -> None:
    machine.make("install")
    (machine.checkout / "offline").touch()
    machine.refused("test")
    (machine.checkout / "offline").unlink()
    machine.installed()

    machine.make("run")

    assert machine.installed() == ["requirements.lock", "."]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_another_lock_is_installed_from_nothing(machine: Machine, lock: str) -> None:
    machine.make("test")
    machine.installed()
    with (machine.checkout / lock).open("a") as file:
        file.write("# another\n")

    machine.make("test")

    assert machine.installed() == ["requirements.lock", "requirements-dev.lock", "."]


def test_another_project_file_installs_the_checkout_again_and_fetches_nothing(machine: Machine) -> None:
    machine.make("run")
    machine.installed()
    with (machine.checkout / "pyproject.toml").open("a") as file:
        file.write("# another\n")

    machine.make("run")

    assert machine.installed() == ["."]


def test_a_checkout_that_was_moved_is_installed_where_it_is_now(machine: Machine) -> None:
    machine.make("run")
    machine.installed()
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("elsewhere"))

    machine.make("run")

    assert machine.installed() == ["requirements.lock", "."]


def test_a_venv_whose_python_is_gone_is_made_again(machine: Machine) -> None:
    machine.make("run")
    machine.installed()
    (machine.checkout / ".venv" / "bin" / "python").unlink()

    machine.make("run")

    assert machine.installed() == ["requirements.lock", "."]


def test_a_killed_make_does_not_keep_the_next_one_waiting(machine: Machine) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (machine.checkout / ".venv.lock").symlink_to(str(gone.pid))

    machine.make("install")

    assert not (machine.checkout / ".venv.lock").is_symlink()


def test_a_python_that_is_too_old_is_named_with_its_version(bare: Machine) -> None:
    bare.python("python3", (3, 9))

    said = bare.refused("run")

    assert "Python 3.11 or newer is needed" in said
    assert "found Python 3.9 (python3)" in said
    assert not (bare.checkout / ".venv").exists()


def test_a_machine_without_any_python_is_told_so(bare: Machine) -> None:
    assert "Python 3.11 or newer is needed; found none" in bare.refused("run")


def test_a_missing_venv_is_named_with_the_command_that_installs_it(bare: Machine) -> None:
    bare.python("python3", (3, 11), ensurepip=False)
    bare.command("apt-get", "#!/bin/sh\n")

    said = bare.refused("run")

    assert "Python 3.11 (python3) cannot make virtual environments" in said
    assert "apt-get install python3-venv" in said
    assert "python3.11-venv" in said
    assert not (bare.checkout / ".venv").exists()


def test_the_newest_python_that_can_do_it_is_taken(bare: Machine) -> None:
    bare.command("python3.14", "#!/bin/sh\necho 'no such version here' >&2; exit 127\n")
    bare.python("python3.13", (3, 13), ensurepip=False)
    bare.python("python3.12", (3, 12))
    bare.python("python3", (3, 11))

    assert bare.ask("sh", "tools/venv.sh", "which").stdout == "python3.12\n"


def test_the_python_that_is_asked_for_is_taken_and_kept(machine: Machine) -> None:
    machine.make("install")
    machine.installed()
    machine.python("another python", (3, 13))

    machine.make("install", "PYTHON=another python")
    assert machine.installed() == ["requirements.lock", "."]
    machine.make("install")
    assert machine.installed() == []


def test_ctrl_c_stops_the_program_and_make_has_nothing_to_add(machine: Machine) -> None:
    machine.make("install")
    running = subprocess.Popen(
        ["make", "run", "ARGS=--wait"],
        cwd=machine.checkout,
        env=machine.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "['demo', '--wait']\n"

    os.killpg(running.pid, signal.SIGINT)  # what a terminal does: everybody in the foreground gets it

    said, _ = running.communicate(timeout=60)
    assert said == "stopped cleanly\n"


@pytest.mark.parametrize("broken", ["", "lint", "test", "mutants", "simulate", "proof"])
def test_ci_runs_all_whatever_fails_and_fails_if_one_does(machine: Machine, broken: str) -> None:
    (machine.commands / "make").unlink()
    machine.command("make", f'#!/bin/sh\nfor last; do :; done\necho "made $last"\n[ "$last" != "{broken}" ]\n')

    done = machine.ask("bash", ".ci/run")

    assert {"made lint", "made test", "made mutants", "made simulate", "made proof"} <= set(done.stdout.splitlines())
    assert (done.returncode == 0) == (broken == "")
    assert done.stdout.splitlines()[-1] == (
        f"ci: FAILED: make {broken}"
        if broken
        else "ci: make lint, make test, make mutants, make simulate and make proof passed"
    )
