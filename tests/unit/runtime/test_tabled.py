"""An audit of a stream with a table: the rows that landed are those that the table has, and it is still itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest
from tests.unit.runtime.test_publisher import ONE, TWO, World, by_others, retire

from coleta.audit.finding import Finding
from coleta.audit.repair import Place, step_for
from coleta.audit.table import behind
from coleta.errors import StoreUnavailable
from coleta.land.table import Columns, columns_of
from coleta.land.watermark import DELTA, MARK_NOTE, Mark, TableMake
from coleta.ports import OpenTable
from coleta.runtime.auditor import Evidence, Report, quick, whole
from coleta.testing.memory_table import Kept, MemoryTable
from coleta.testing.samples import sample_terms


@pytest.fixture
def world() -> World:
    world = World()
    world.land(ONE, TWO, b"[]")
    world.publish()
    return world


def evidence(world: World) -> Evidence:
    station = world.station
    contents, now = station.spool.contents(), world.bench.clock.now()
    mark = world.machine.notes.recall(MARK_NOTE)
    known = world.machine.notes.recall("identity")
    return Evidence(
        station.stream, station.identity, station.store, station.index, contents, now, known, station.table, mark
    )


def found(report: Report) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in report.findings if "table" in one.code]


def lose_it(world: World) -> None:
    world.table.kept = Kept()


def replace_it(world: World) -> None:
    world.table.kept = Kept(tables=1)
    world.table.create(columns_of(sample_terms()), log=world.station.identity.uuid)
    world.table.open(world.station.identity.uuid).register([], until=3)  # type: ignore[union-attr]


def give_it_to_another(world: World) -> None:
    world.table.kept = Kept()
    world.table.create(columns_of(sample_terms()), log="another")


def delete_rows(world: World) -> None:
    by_others(world, "DELETE")
    world.kept.files.popitem()


def add_rows(world: World) -> None:
    by_others(world, "WRITE")
    (name, file), *_ = world.kept.files.items()
    world.kept.files["copy.parquet"] = replace(file, path=name)


def lag(world: World) -> None:
    world.land(ONE)
    world.bench.clock.advance(timedelta(hours=1, seconds=1))


def never_publish(world: World) -> None:
    lose_it(world)
    world.machine.notes.notes.pop(MARK_NOTE)
    world.bench.clock.advance(timedelta(hours=2))


@pytest.mark.parametrize("audit", [quick, whole])
def test_a_table_that_has_what_landed_has_no_findings(world: World, audit: Callable[[Evidence], Report]) -> None:
    assert found(audit(evidence(world))) == []
    world.land(ONE)
    assert found(audit(evidence(world))) == [], "what landed just now may be registered later"


@pytest.mark.parametrize(
    ("spoil", "at_once", "later"),
    [
        (lose_it, ("damage", "lost_table"), None),
        (replace_it, ("damage", "other_table"), ("damage", "table_rows")),
        (give_it_to_another, ("damage", "other_table"), None),
        (delete_rows, None, ("damage", "table_rows")),
        (add_rows, None, ("damage", "table_rows")),
        (lag, ("warning", "table_behind"), None),
        (never_publish, ("warning", "table_behind"), None),
    ],
)
def test_each_thing_that_is_wrong_with_a_table_has_its_finding(
    world: World,
    spoil: Callable[[World], None],
    at_once: tuple[str, str] | None,
    later: tuple[str, str] | None,
) -> None:
    spoil(world)

    assert found(quick(evidence(world))) == [one for one in (at_once,) if one]
    assert found(whole(evidence(world))) == [one for one in (at_once, later) if one]


def test_a_table_that_holds_commits_which_the_log_has_lost_is_damage(world: World) -> None:
    world.land(ONE)
    world.publish()
    del world.bench.objects.objects[f"compras/{world.bench.commits()[-1].name}"]
    machine = world.bench.machine("another")
    seen = replace(evidence(world), index=machine.index)

    assert found(whole(seen)) == [("damage", "table_ahead")]


def test_a_table_that_grows_while_the_log_is_read_is_held_against_what_it_held_at_first(world: World) -> None:
    def go_on(seq: int) -> None:
        if seq == 1:
            world.land(TWO)
            world.publish()

    assert found(whole(evidence(world), progress=go_on)) == []


@pytest.mark.parametrize("first", ["table", "retired"])
def test_rows_that_were_taken_away_on_purpose_may_be_in_the_table_or_not(first: str) -> None:
    world = World()
    world.land(ONE, TWO)
    if first == "table":
        world.publish()
    retire(world, 1)
    world.publish()

    assert found(whole(evidence(world))) == []
    world.kept.files.clear()
    assert found(whole(evidence(world))) == [("damage", "table_rows")]


def test_files_that_do_not_say_their_rows_are_a_warning(world: World) -> None:
    class Silent(MemoryTable):
        def rows(self) -> int | None:
            return None

    assert found(whole(replace(evidence(world), table=Silent(world.kept)))) == [("warning", "table_uncounted")]


@dataclass
class Strange:
    """A table that is not as others are: ``step`` is done before each look."""

    make: ClassVar[TableMake] = DELTA

    world: World
    step: Callable[[], None]

    def open(self, log: str) -> OpenTable | None:
        self.step()
        return self.world.table.open(log)

    def create(self, columns: Columns, *, log: str) -> None:
        raise AssertionError

    def rows(self) -> int | None:
        return self.world.table.rows()


def test_a_table_that_never_stands_still_is_not_counted(world: World) -> None:
    restless = Strange(world, lambda: by_others(world, "OPTIMIZE"))

    assert found(whole(replace(evidence(world), table=restless))) == [("warning", "table_uncounted")]


@pytest.mark.parametrize("audit", [quick, whole])
def test_a_table_that_cannot_be_read_is_a_finding_and_the_log_is_looked_at_all_the_same(
    world: World, audit: Callable[[Evidence], Report]
) -> None:
    def fail() -> None:
        raise StoreUnavailable("its checkpoint is torn")

    report = audit(replace(evidence(world), table=Strange(world, fail)))

    assert found(report) == [("damage", "unreadable_table")]
    assert (report.objects, report.totals.landed) == (3, 3)


def test_every_finding_about_a_table_says_what_a_person_must_do(world: World) -> None:
    place = Place("compras", "file:///lake", "compras", "/p/.coleta/compras", None)
    steps = {
        code: step_for(Finding("damage", code, "_delta_log/", ""), place)
        for code in ("lost_table", "other_table", "table_ahead", "table_rows")
    }

    assert all("coleta publish compras --accept" in step for step in steps.values()), steps


def test_what_a_table_lacks_is_told_by_what_this_machine_remembers(world: World) -> None:
    mark = Mark.from_json(world.machine.notes.recall(MARK_NOTE))
    world.land(b"[]", TWO, ONE)

    assert [one.record.seq for one in behind(world.bench.commits(), mark)] == [5, 6]
    assert [one.record.seq for one in behind(world.bench.commits(), None)] == [1, 2, 5, 6]
