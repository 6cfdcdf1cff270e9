"""kill -9 at any moment, one collector or two: the books balance all the same."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import monotonic

import pytest
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project, Up

Serve = Callable[..., LedgerApi]
MakeProject = Callable[..., Project]


def wait_for_a_moment(random: Random, api: LedgerApi, project: Project, up: Up) -> None:
    """Wait for one of the moments worth a kill, drawn by `random`, and a little more."""
    stream = random.choice(list(project.streams))
    asked, sent, landed = api.requests, len(api.sent), project.objects(stream)
    more = random.choice((1, 1, 2, 3))
    temps = project.lake / "_coleta/tmp"
    moments: dict[str, Callable[[], bool]] = {
        "it has said its first word": lambda: bool(up.said()),
        "it opens its streams": lambda: "open, at commit" in up.said(),
        "a request came": lambda: api.requests >= asked + more,
        "an answer was sent": lambda: len(api.sent) >= sent + more,
        "a draft is being written": lambda: any(project.spool(stream).glob("parts/*")),
        "an answer was accepted": lambda: bool(project.waiting(stream)),
        "an object is being put": lambda: temps.is_dir() and any(temps.iterdir()),
        "an object was landed": lambda: project.objects(stream) >= landed + more,
    }
    what = random.choice(list(moments))
    try:
        wait_until(moments[what], what, within_s=4, step_s=0.0003)
    except AssertionError:
        return  # so short a moment may never be seen; this one is as good
    until = monotonic() + random.choice((0, 0, 0.001, 0.003, 0.01))
    wait_until(lambda: monotonic() >= until, "a few milliseconds pass", step_s=0.0003)


def test_fifteen_kills_in_a_row_and_the_books_balance(serve: Serve, make_project: MakeProject) -> None:
    random = Random(15)
    api = serve(seed=1, trouble=0.15)
    project = make_project(api, s="", t='land = { every = "2s" }')
    kills = 15
    for _ in range(kills):
        up = project.up()
        wait_for_a_moment(random, api, project, up)
        up.kill()

    up = project.up()
    project.wait_for_objects(2, "s")
    project.wait_for_objects(1, "t")
    assert up.stop() == 143

    assert project.verify()["sound"] is True
    for stream in ("s", "t"):
        # One more for the stop, which cuts what is in flight.
        books = balance(project.lake, stream, api.sent, [project.spool(stream)], may_be_lost=kills + 1)
        assert books.waiting == 0
        assert books.count("table") > 5


@pytest.mark.parametrize("seed", [1, 2])
def test_two_collectors_in_one_lake_with_either_killed_and_the_books_balance(
    serve: Serve, make_project: MakeProject, seed: int
) -> None:
    random = Random(seed)
    api = serve(seed=seed, trouble=0.15)
    streams = {"s": "", "t": 'land = { every = "2s" }'}
    projects = [make_project(api, name, **streams) for name in ("one", "two")]
    ups = [project.up() for project in projects]
    wait_until(lambda: projects[0].objects() >= 2, "both begin")
    kills = 6
    for _ in range(kills):
        number = random.randrange(2)
        wait_for_a_moment(random, api, projects[number], ups[number])
        ups[number].kill()
        ups[number] = projects[number].up()

    projects[0].wait_for_objects(4, "s")
    projects[0].wait_for_objects(2, "t")
    for up in ups:
        assert up.stop() == 143

    for project in projects:
        assert project.verify()["sound"] is True
    for stream in ("s", "t"):
        spools = [project.spool(stream) for project in projects]
        books = balance(projects[0].lake, stream, api.sent, spools, may_be_lost=kills + 2)
        assert books.waiting == 0
        assert books.count("table") > 5
