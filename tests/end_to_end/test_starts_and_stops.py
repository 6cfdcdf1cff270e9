"""How a collector starts beside another, and how it stops while much is under way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project, command, streams

Serve = Callable[..., LedgerApi]
MakeProject = Callable[..., Project]


def test_a_second_collector_in_the_same_folder_is_refused_and_does_no_harm(
    serve: Serve, make_project: MakeProject
) -> None:
    api = serve(seed=3)
    project = make_project(api)
    first = project.up()
    project.wait_for_objects(1)

    second = project.up()
    assert second.process.wait(timeout=30) == 75
    assert f"process {first.process.pid} on " in second.said()
    assert "collects this stream" in second.said()

    assert project.call("run", "s").status == 75
    project.wait_for_objects(2)
    assert first.stop() == 143
    assert project.verify()["sound"] is True
    balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=1)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_with_answers_in_flight_and_waiting_is_quick_and_loses_nothing(
    serve: Serve, make_project: MakeProject, number: signal.Signals, status: int
) -> None:
    api = serve(seed=7)
    project = make_project(api, s="", t='land = { every = "1h" }', u='deadline = "1s"')
    up = project.up()
    project.wait_for_objects(2, "s")
    project.wait_for_waiting(2, "t")
    accepted = {file.name for file in project.waiting("t")}
    api.hold()
    wait_until(lambda: api.held >= 3, "answers are in flight")

    since = monotonic()
    assert up.stop(number) == status
    assert monotonic() - since < 10
    api.let_go()

    assert project.objects("t") == 1, f"what waited was landed: {accepted}"
    assert project.verify()["sound"] is True
    for stream in ("s", "t", "u"):
        books = balance(project.lake, stream, api.sent, [project.spool(stream)], may_be_lost=1)
        assert books.waiting == 0
        cut = [gap for gap in books.gaps if gap["reason"] == "reset"]
        assert cut == [], "a stop is no reason for a gap"


def test_a_stop_while_the_store_is_away_is_quick_and_what_waits_lands_after_the_next_start(
    serve: Serve, make_project: MakeProject
) -> None:
    api = serve(seed=11)
    project = make_project(api)
    up = project.up()
    project.wait_for_objects(1)
    project.lake.rename(project.lake.with_name("away"))
    project.wait_for_waiting(2)

    since = monotonic()
    assert up.stop() == 143
    assert monotonic() - since < 10
    assert "accepted and not landed, safe in the spool" in up.said()
    project.lake.with_name("away").rename(project.lake)
    up = project.up()
    wait_until(lambda: not project.waiting(), "what waited lands")
    project.wait_for_objects(1)
    assert up.stop() == 143

    assert project.verify()["sound"] is True
    assert balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=2).superseded == 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="a pipe cannot be opened anew here")
def test_a_stop_is_heeded_though_whoever_reads_the_log_has_stalled(serve: Serve, make_project: MakeProject) -> None:
    api = serve(seed=13)
    project = make_project(api)
    reader, writer = os.pipe()
    try:
        with subprocess.Popen(command(project.folder, "up"), **streams(writer)) as up:
            project.wait_for_objects(2)
            _fill(writer)
            project.wait_for_objects(2)
            since = monotonic()
            up.terminate()
            try:
                assert up.wait(timeout=30) == 143
            finally:
                up.kill()
            assert monotonic() - since < 10
    finally:
        os.close(reader)
        os.close(writer)

    assert project.verify()["sound"] is True
    books = balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=1)
    assert books.waiting == 0


def _fill(pipe: int) -> None:
    # Opened anew, since not to block is a property that the other end's writer would share.
    other = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while os.write(other, b"x"):
            pass
    except BlockingIOError:
        return
    finally:
        os.close(other)
