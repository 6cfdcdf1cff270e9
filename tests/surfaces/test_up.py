"""``coleta up`` as a real process: what it logs, what stops it, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

Start = Callable[..., "subprocess.Popen[str]"]
Process = Callable[..., Any]
Write = Callable[..., Path]

PATIENCE_S = 30


def read_until(process: subprocess.Popen[str], pattern: str) -> list[str]:
    """The lines on stderr up to one that has `pattern`."""
    assert process.stderr is not None
    guard = threading.Timer(PATIENCE_S, process.kill)
    guard.start()
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if re.search(pattern, line):
                return lines
    finally:
        guard.cancel()
    raise AssertionError(f"{pattern!r} was never said: {lines}")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_lands_each_tick_and_a_signal_stops_it_in_time_with_nothing_left(
    start: Start, write_project: Write, call: Process, number: signal.Signals, status: int
) -> None:
    folder = write_project(every="1s")
    up = start("-C", folder, "up")
    read_until(up, r"compras  tick \S+  ok  5 received, 5 landed  data/tick_date=\S+\.parquet  \d+ ms")
    second = call("-C", folder, "up") if number is signal.SIGTERM else None
    looked = call("-C", folder, "status", "--json").document["streams"][0]

    since = monotonic()
    up.send_signal(number)
    out, err = up.communicate(timeout=PATIENCE_S)

    assert monotonic() - since < 10
    assert (up.returncode, out) == (status, "")
    assert "stopping" in err
    assert "nothing waits in the spool" in err
    assert "Traceback" not in err
    assert looked["landed"] >= 5
    if second is not None:
        assert second.status == 75, "one process at a time collects in a folder"
        assert second.err.startswith("error: ")
    assert call("-C", folder, "verify").status == 0


def test_a_store_that_goes_away_is_told_once_and_so_is_its_return(
    start: Start, write_project: Write, call: Process
) -> None:
    folder = write_project(every="1s")
    up = start("-C", folder, "up")
    read_until(up, "  ok  ")

    (folder / "lake").rename(folder / "away")
    told = read_until(up, "store: .*nothing is lost meanwhile")
    waiting = 0
    while waiting < 3:  # ticks go on being accepted
        waiting = call("-C", folder, "status", "--json").document["streams"][0]["waiting"]
    (folder / "away").rename(folder / "lake")
    told += read_until(up, "the store works again")
    read_until(up, "  ok  ")
    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=PATIENCE_S)

    assert sum("nothing is lost meanwhile" in line for line in told) == 1
    assert call("-C", folder, "verify").status == 0
    assert call("-C", folder, "gaps", "compras", "--json").document["gaps"] == []


def test_what_waits_at_the_end_is_said_and_landed_at_the_next_start(
    start: Start, write_project: Write, call: Process
) -> None:
    folder = write_project(every="1s", more='land = { every = "1h" }')
    assert call("-C", folder, "run", "compras").status == 0
    (folder / "lake").rename(folder / "away")
    up = start("-C", folder, "up")
    read_until(up, "accepted: 5 records, waiting in the spool")
    up.send_signal(signal.SIGTERM)
    _, err = up.communicate(timeout=PATIENCE_S)
    (folder / "away").rename(folder / "lake")

    assert up.returncode == 143
    left = re.search(r"compras: (\d+) accepted and not landed, safe in the spool", err)
    assert left is not None
    assert call("-C", folder, "run", "compras").status == 0
    assert call("-C", folder, "status", "--json").document["streams"][0]["waiting"] == 0


def test_a_stream_that_only_a_person_can_help_ends_up_with_its_status(write_project: Write, process: Process) -> None:
    folder = write_project(every="1s")
    identity = folder / "lake/compras/_ledger/identity.json"
    identity.parent.mkdir(parents=True)
    other = {"uuid": "x", "project": "another", "stream": "compras", "format": 1}
    times = {"first_tick": "2026-11-24T12:00:00Z", "created": "2026-11-24T12:00:00Z"}
    identity.write_text(json.dumps({**other, **times}), encoding="utf-8")

    done = process("-C", folder, "up")

    assert (done.status, done.out) == (78, "")
    assert "given up" in done.err
    assert "another" in done.err
    assert "Traceback" not in done.err
