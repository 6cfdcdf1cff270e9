"""Projects and the API for end-to-end tests; and a way for these modules to import each other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    # The tests are no package that is installed: they find each other from the root of the checkout.
    sys.path.insert(0, ROOT)

from tests.end_to_end.ledger_api import LedgerApi  # noqa: E402
from tests.end_to_end.program import Project  # noqa: E402


@pytest.fixture
def serve() -> Iterator[Callable[..., LedgerApi]]:
    """Starts an API, which ends with the test."""
    started: list[LedgerApi] = []

    def serving(*, seed: int = 0, trouble: float = 0.0, padding: int = 0) -> LedgerApi:
        api = LedgerApi(seed=seed, trouble=trouble, padding=padding)
        api.open()
        started.append(api)
        return api

    yield serving
    for api in started:
        api.__exit__()


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes a project whose processes end with the test; all projects of a test share one lake by default."""
    made: list[Project] = []

    def making(api: LedgerApi, name: str = "a project", lake: str = "lake", **streams: str) -> Project:
        project = Project(tmp_path / name, api.url, tmp_path / lake, streams or {"s": ""})
        made.append(project)
        return project

    yield making
    for project in made:
        project.end()
