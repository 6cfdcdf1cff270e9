"""A log that is moved while another collector lands in it, by real processes on real folders: killed, and run again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from random import Random

from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project, command, streams

Serve = Callable[..., LedgerApi]
MakeProject = Callable[..., Project]


def move_and_kill(project: Project, files: int) -> bool:
    """Run the move, and kill it once `files` more files lie in the new place; whether it was killed in time."""
    new = project.folder / "new"

    def there() -> int:
        return sum(1 for path in new.rglob("*") if path.is_file()) if new.exists() else 0

    begun = there()
    words = command(project.folder, "move", "s", "--to", "./new")
    process = subprocess.Popen(words, **streams(subprocess.DEVNULL))
    while process.poll() is None and there() < begun + files:
        pass
    process.kill()
    return process.wait(timeout=30) != 0


def test_a_move_that_is_killed_again_and_again_beside_another_collector_loses_and_doubles_nothing(
    serve: Serve, make_project: MakeProject
) -> None:
    random = Random(8)
    api = serve(seed=3)
    one, two = (make_project(api, name, s='archive = "first"') for name in ("one", "two"))
    ups = [one.up(), two.up()]
    one.wait_for_objects(4)
    assert ups[0].stop() == 143

    killed = sum(move_and_kill(one, random.choice((0, 1, 1, 2, 5))) for _ in range(5))
    moved = one.call("move", "s", "--to", "./new", "--json")

    assert killed >= 2
    assert moved.status == 0, moved.err
    # The other one meets the end of the log where it is, by itself, and keeps what it has accepted.
    assert ups[1].process.wait(timeout=30) == 78
    assert f"goes on at {(one.folder / 'new').as_uri()}/s" in ups[1].said()
    assert two.call("move", "s", "--to", str(one.folder / "new")).status == 0
    lake, objects = one.folder / "new", len(list((one.folder / "new/s/data").rglob("*.parquet")))
    ups = [one.up(), two.up()]
    wait_until(lambda: len(list((lake / "s/data").rglob("*.parquet"))) >= objects + 4, "both land in the new place")
    for up in ups:
        assert up.stop() == 143
    assert one.call("move", "s", "--to", "./new").status == 0
    shutil.rmtree(one.lake)
    for project in (one, two):
        assert project.verify()["sound"] is True
    books = balance(lake, "s", api.sent, [one.spool(), two.spool()], may_be_lost=4)
    assert books.count("table") > 8, "there was something to lose"


def test_what_a_machine_archived_in_the_old_place_and_did_not_live_to_land_comes_along(
    serve: Serve, make_project: MakeProject
) -> None:
    api = serve(seed=4)
    one = make_project(api, "one", s='archive = "first"')
    two = make_project(api, "two", s='archive = "first"\nland = { every = "1h" }')
    assert one.call("run", "s").status == 0
    up = two.up()
    two.wait_for_waiting(1)
    assert one.call("move", "s", "--to", "./new").status == 0
    known = len(two.waiting())
    two.wait_for_waiting(known + 2)  # it has not come to land, and knows nothing of the move
    up.kill()
    shutil.rmtree(two.folder / ".coleta")

    again = one.call("move", "s", "--to", "./new", "--json")
    assert (again.status, json.loads(again.out)["copied"] >= 2) == (0, True), again.out
    shutil.rmtree(one.lake)
    assert one.call("run", "s").status == 0

    assert one.verify()["sound"] is True
    balance(one.folder / "new", "s", api.sent, [one.spool()], may_be_lost=1)
