"""The contract of ``Alerts`` in code: the adapter in memory passes it, and so does a command."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from coleta.adapters.alert_command import AlertCommand
from coleta.audit.alerts import Incident, Notice
from coleta.ports import Alerts
from coleta.testing.alerts import MemoryAlerts
from coleta.testing.samples import NOON

LONG = timedelta(seconds=20)
SHORT = timedelta(seconds=1)
NOTICE = Notice("p", "m", NOON, (Incident("s", "gap", "opened", "auth: 401 \u00e9", NOON, NOON, 1),))


def python(code: str, folder: Path) -> AlertCommand:
    return AlertCommand([sys.executable, "-c", code], folder=folder)


@pytest.mark.parametrize("kind", ["memory", "command"])
def test_a_notice_that_was_taken_is_no_news(kind: str, tmp_path: Path) -> None:
    alerts: Alerts = MemoryAlerts() if kind == "memory" else python("import sys; sys.stdin.read()", tmp_path)

    assert alerts.send(NOTICE, timeout=LONG) is None
    alerts.close()
    assert alerts.send(NOTICE, timeout=LONG) is None


def test_the_command_gets_the_notice_as_one_line_of_json_in_the_projects_folder(tmp_path: Path) -> None:
    code = "import sys; open('got', 'wb').write(sys.stdin.buffer.read())"

    assert python(code, tmp_path).send(NOTICE, timeout=LONG) is None

    got = (tmp_path / "got").read_bytes()
    assert got.count(b"\n") == 1
    assert json.loads(got) == {
        "format": 1,
        "project": "p",
        "machine": "m",
        "at": "2026-11-24T12:00:00Z",
        "test": False,
        "more": 0,
        "incidents": [
            {
                "stream": "s",
                "cause": "gap",
                "state": "opened",
                "what": "auth: 401 \u00e9",
                "since": "2026-11-24T12:00:00Z",
                "last": "2026-11-24T12:00:00Z",
                "times": 1,
            }
        ],
    }


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9"),
        ("import sys; print('canary'); sys.exit('canary')", "ended with status 1"),
    ],
)
def test_a_command_that_fails_says_how_and_shows_nothing_of_its_own(
    code: str, why: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = python(code, tmp_path).send(NOTICE, timeout=LONG)

    assert told is not None
    assert told.endswith(why)
    assert "canary" not in told + "".join(capfd.readouterr())


def test_a_command_that_does_not_read_is_no_failure(tmp_path: Path) -> None:
    assert AlertCommand(["true"], folder=tmp_path).send(NOTICE, timeout=LONG) is None


@pytest.mark.parametrize("words", [["./no-such-program"], ["nul\0"], ["."]])
def test_a_command_that_cannot_be_run_says_so(words: list[str], tmp_path: Path) -> None:
    told = AlertCommand(words, folder=tmp_path).send(NOTICE, timeout=LONG)

    assert told is not None
    assert "cannot be run" in told


def test_a_command_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    began = monotonic()

    told = AlertCommand(["sh", "-c", "sleep 600 > alive & sleep 600"], folder=tmp_path).send(NOTICE, timeout=SHORT)

    assert told == "sh did not end within 1 s and was killed"
    assert monotonic() - began < 20
    # The end of the pipe is seen when nobody is left who could write to it, which waits for the child's child.
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_what_is_under_way_ends_when_it_is_closed(tmp_path: Path) -> None:
    fifo = tmp_path / "begun"
    os.mkfifo(fifo)
    command = AlertCommand(["sh", "-c", "echo > begun; sleep 600"], folder=tmp_path)
    told: list[str | None] = []
    thread = threading.Thread(target=lambda: told.append(command.send(NOTICE, timeout=timedelta(seconds=60))))
    thread.start()
    fifo.read_bytes()  # returns when the command runs

    command.close()

    thread.join(10)
    assert told == ["sh was ended by signal 9"]
