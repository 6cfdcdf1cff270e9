"""The network away, the store away, a machine lost, a disk full, a process suspended: nothing is lost or double."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project

Serve = Callable[..., LedgerApi]
MakeProject = Callable[..., Project]


def wait_for_seconds(count: int) -> None:
    """Wait until so many ticks of a stream that is asked each second have come due."""
    until = datetime.now(UTC) + timedelta(seconds=count)
    wait_until(lambda: datetime.now(UTC) >= until, f"{count} s pass")


def test_the_network_is_cut_off_and_each_tick_meanwhile_ends_with_a_reason_or_an_answer(
    serve: Serve, make_project: MakeProject
) -> None:
    api = serve(seed=4)
    project = make_project(api, s='deadline = "2s"', t='deadline = "60s"')
    up = project.up()
    project.wait_for_objects(2, "s")
    project.wait_for_objects(1, "t")

    api.close()
    wait_until(lambda: up.said().count("gap") >= 2, "ticks end as gaps")
    api.open()
    sent = len(api.sent)
    wait_until(lambda: len(api.sent) >= sent + 6, "the API is asked again")
    project.wait_for_objects(2, "t")
    assert up.stop() == 143

    assert project.verify()["sound"] is True
    short = balance(project.lake, "s", api.sent, [project.spool("s")], may_be_lost=2)
    assert short.gaps
    assert {gap["reason"] for gap in short.gaps} <= {"refused", "reset", "incomplete", "missed"}
    patient = balance(project.lake, "t", api.sent, [project.spool("t")], may_be_lost=2)
    assert patient.gaps == [], "its deadline is far, so every tick was answered later"


@pytest.mark.parametrize("in_its_place", ["nothing", "a file"])
def test_the_store_is_away_and_all_that_was_collected_meanwhile_lands_once(
    serve: Serve, make_project: MakeProject, in_its_place: str
) -> None:
    api = serve(seed=5)
    project = make_project(api)
    away = project.lake.with_name("away")
    up = project.up()
    project.wait_for_objects(2)

    project.lake.rename(away)
    if in_its_place == "a file":
        project.lake.write_text("no folder", encoding="utf-8")
    project.wait_for_waiting(3)
    up.kill()
    up = project.up()
    project.wait_for_waiting(len(project.waiting()) + 2)
    assert project.lake.exists() is (in_its_place == "a file")
    project.lake.unlink(missing_ok=True)
    away.rename(project.lake)
    project.wait_for_objects(1)
    wait_until(lambda: not project.waiting(), "all that waits lands")
    project.wait_for_objects(1)
    assert up.stop() == 143

    assert project.verify()["sound"] is True
    books = balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=2)
    assert books.gaps == []
    assert books.superseded == books.waiting == 0


def test_one_collector_is_suspended_while_the_other_lands_and_the_books_balance(
    serve: Serve, make_project: MakeProject
) -> None:
    api = serve(seed=6)
    one, two = make_project(api, "one"), make_project(api, "two")
    zombie, other = one.up(), two.up()
    wait_until(lambda: one.waiting() or one.objects() > 3, "both work")
    suspensions = 3
    for _ in range(suspensions):
        wait_until(lambda: any(one.spool().glob("waiting/*")), "an answer waits", within_s=10, step_s=0.0005)
        zombie.send(signal.SIGSTOP)
        two.wait_for_objects(2)
        zombie.send(signal.SIGCONT)
        wait_until(lambda: not one.waiting(), "what waited is landed or superseded")

    assert other.stop() == 143
    two.wait_for_objects(2)  # now by the one that was suspended
    assert zombie.stop() == 143

    for project in (one, two):
        assert project.verify()["sound"] is True
    # While it is suspended an answer may come for it that is too late when it goes on.
    books = balance(one.lake, "s", api.sent, [one.spool(), two.spool()], may_be_lost=2 + suspensions)
    assert books.waiting == 0


def test_a_machine_is_lost_and_a_new_one_goes_on_from_the_store(serve: Serve, make_project: MakeProject) -> None:
    api = serve(seed=8)
    project = make_project(api)
    for _ in range(3):
        up = project.up()
        project.wait_for_objects(2)
        assert up.stop() == 143
        assert project.waiting() == []
        shutil.rmtree(project.folder / ".coleta")

    assert project.verify()["sound"] is True
    books = balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=3)
    assert books.superseded == 0
    answers = [account for account in books.accounts if account["outcome"] != "gap"]
    assert len({account["tick"]["end"] for account in answers}) == len(answers), "no tick is asked twice"
    assert len(api.sent) == len(answers) + len(books.lost)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"only root can mount a disk for this test: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4_096)):
                pass
        except OSError:
            return


def test_the_spool_s_disk_is_full_and_fetching_waits_until_there_is_room(
    serve: Serve, make_project: MakeProject, small_disk: Path
) -> None:
    api = serve(seed=9, padding=20_000)
    project = make_project(api)
    (project.folder / ".coleta").symlink_to(small_disk)
    away = project.lake.with_name("away")
    up = project.up()
    project.wait_for_objects(2)

    # With the store away nothing can be landed to make room.
    project.lake.rename(away)
    project.wait_for_waiting(2)
    _fill(small_disk)
    wait_until(lambda: "spool: " in up.said(), "the spool takes nothing")
    asked = api.requests
    wait_for_seconds(6)  # longer than the pause of a collector whose spool takes nothing
    assert api.requests <= asked + 1, "what cannot be kept is not asked for"
    up.kill()
    up = project.up()
    wait_until(lambda: "open, at commit" in up.said(), "it starts on a full disk")
    wait_for_seconds(2)
    assert api.requests <= asked + 1
    assert up.process.poll() is None, up.said()

    accepted = {file.name for file in project.waiting()}
    away.rename(project.lake)
    wait_until(lambda: not accepted & {file.name for file in project.waiting()}, "it lands all the same")
    (small_disk / "ballast").unlink()
    project.wait_for_objects(3)
    assert up.stop() == 143

    assert project.verify()["sound"] is True
    # One that the disk did not take, one that the kill cut, one that the stop cut.
    balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=3)
