"""Upkeep as a person has it: the command and the method of Project, on a real folder with a log of years ago."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coleta import Project
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.testing.bench import Bench, bench_stream

Call = Callable[..., Any]

LONG_AGO = datetime(2026, 2, 1, 12, 0, 50, tzinfo=UTC)
GOOD = {"ean": 1, "price": 1.5}

RETENTION = 'archive = "landed"\nretention = { archive = "90d", quarantine = "1d", superseded = "1d" }'


@pytest.fixture
def folder(write_project: Callable[..., Path]) -> Path:
    """A project whose store has an old answer, archived and with a broken record, and one that lost against it."""
    bench = Bench(bench_stream(archive="landed"))
    bench.clock.set(LONG_AGO)
    bench.api.answers += [json.dumps(each).encode() for each in ([GOOD, {"ean": "one"}], [GOOD])]
    stations = [bench.machine(name).open() for name in ("one", "two")]
    for station in stations:
        Collector(station).step()
    for station in stations:
        land(station)
    made = write_project(more=RETENTION)
    for name, body in bench.objects.objects.items():
        file = made / "lake" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    return made


def files(folder: Path) -> dict[str, int]:
    found = {}
    for part in ("_archive", "_quarantine", "_superseded"):
        path = folder / "lake/compras" / part
        found[part] = len(list(path.iterdir())) if path.is_dir() else 0
    return found


def test_what_was_kept_for_long_enough_is_deleted_and_the_books_still_balance(folder: Path, call: Call) -> None:
    assert files(folder) == {"_archive": 1, "_quarantine": 1, "_superseded": 1}

    seen = call("-C", folder, "maintain", "--dry-run", "--json")
    assert files(folder) == {"_archive": 1, "_quarantine": 1, "_superseded": 1}
    done = call("-C", folder, "maintain", "compras", "--json")

    told = {"stream": "compras", "given_up": 2, "deleted": 3, "superseded": 1, "left_alone": []}
    told |= {"retired": 0, "under_a_table": False, "roll_ups": 0}
    assert (seen.status, seen.document) == (0, {"dry_run": True, "streams": [told]})
    assert (done.status, done.document) == (0, {"dry_run": False, "streams": [told]})
    assert files(folder) == {"_archive": 0, "_quarantine": 0, "_superseded": 0}
    checked = call("-C", folder, "verify", "--replay", "--json").document["streams"][0]
    codes = {finding["code"] for finding in checked["findings"] if finding["severity"] == "damage"}
    assert codes <= {"hole"}, "months that nobody asked for, and nothing else"
    assert call("-C", folder, "maintain").status == 0
    assert call("-C", folder, "quarantine", "ls", "--json").document == {"files": []}


def test_a_stream_that_never_started_has_nothing_to_be_kept_up(write_project: Callable[..., Path], call: Call) -> None:
    made = write_project()

    done = call("-C", made, "maintain")

    assert (done.status, done.out) == (0, "")
    assert "no stream was ever started" in done.err
    assert call("-C", made, "maintain", "compras").status == 78


def test_in_python_the_same_is_done_by_a_method(folder: Path) -> None:
    project = Project.load(folder)

    assert project.maintain(dry_run=True)["compras"].deleted == 3
    done = project.maintain("compras")["compras"]

    assert (done.expired, done.deleted, done.superseded, done.kept) == (2, 3, 1, [])
    assert project.maintain()["compras"].nothing
