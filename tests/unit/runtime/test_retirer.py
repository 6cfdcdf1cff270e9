"""Rows that were kept for long enough go, and the log stays whole: whoever follows it finds every record."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.runtime.interrupted import MANY_CALLS, Interrupted

from coleta.adapters.below import BelowHousekeeping
from coleta.ask.table import Table
from coleta.collect.tick import Interval
from coleta.errors import ColetaError
from coleta.ports import Housekeeping, ObjectStore
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.events import Trouble
from coleta.runtime.history import History
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.log import follow, read_footer
from coleta.runtime.questions import Shelves, read_books
from coleta.runtime.retirer import rolled_up
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import Station
from coleta.runtime.upkeep import Done, Upkeep, foresee
from coleta.stream import Retention
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.memory import MemoryHousekeeping
from coleta.testing.once import EVERY as EVERY_TROUBLE
from coleta.testing.once import Killed, Trial, TrialHousekeeping, TrialStore
from coleta.testing.samples import sample_tick

MONTH = timedelta(days=30)
EACH = 3
"""So many commits a roll-up holds here."""


class Place:
    """Seven old commits, of which six are rolled up, the second without rows; and a young one."""

    def __init__(self, *, rolled: bool = True) -> None:
        self.bench = Bench(bench_stream(archive="landed", retention=Retention(data=MONTH)))
        self.machine = self.bench.machine()
        self.station = self.machine.open()
        for n in range(7):
            self.land(n, [] if n == 1 else [{"ean": n, "price": 1.5}])
        if rolled:
            self.roll()
        self.bench.clock.advance(2 * MONTH)
        late = Interval(sample_tick(6).end, sample_tick(6).end + 2 * MONTH)
        self.land(late, [{"ean": 8, "price": 1.5}])

    @property
    def housekeeping(self) -> Housekeeping:
        return BelowHousekeeping(MemoryHousekeeping(self.bench.objects.objects), self.bench.stream.path)

    def land(self, tick: Interval | int, records: list[dict[str, object]], station: Station | None = None) -> None:
        waiting(station or self.station, tick, json.dumps(records).encode())
        land(station or self.station)

    def roll(self) -> None:
        rolling = RollUps(self.station, commits=EACH)
        while rolling.advance():
            pass

    def maintain(self, station: Station | None = None, housekeeping: Housekeeping | None = None) -> Done:
        upkeep = Upkeep(station or self.station, housekeeping or self.housekeeping)
        for _ in upkeep.steps():
            pass
        return upkeep.done

    def foresee(self) -> Done:
        station = self.station
        shelves = Shelves(station.stream, station.identity, station.store, station.index, station.spool.contents())
        return foresee(shelves, read_books(shelves, self.bench.clock.now()))

    def eans(self) -> list[object]:
        return [ean for (ean,) in self.bench.rows("ean")]

    def retired(self) -> list[int]:
        """The commits that have no rows left."""
        footers = [read_footer(self.station.store, one.name) for one in self.bench.commits()]
        return [one.committed.record.seq for one in footers if one is not None and one.retired]

    def damage(self, store: ObjectStore | None = None) -> list[str]:
        station, now = self.machine.open(), self.bench.clock.now()
        store = store or station.store
        evidence = Evidence(station.stream, station.identity, store, station.index, station.spool.contents(), now)
        found = whole(evidence, deep=Deep(replay=True)).findings
        return [f"{one.where}: {one.what}" for one in found if one.code not in ("late", "hole", "open")]


def test_rows_that_were_kept_for_long_enough_go_as_far_as_there_are_roll_ups_and_the_records_stay() -> None:
    place = Place()
    before = [(one.name, one.digest) for one in place.bench.commits()]

    done = place.maintain()

    assert done.retired == 5
    assert place.retired() == [1, 3, 4, 5, 6]
    assert place.eans() == [6, 8], "the seventh commit has no roll-up yet, and the eighth is young"
    assert [(one.name, one.digest) for one in place.bench.commits()] == before
    assert place.damage() == []


def test_a_machine_that_knows_nothing_follows_the_log_to_the_same_end() -> None:
    place = Place()
    known = follow(place.station.store, place.station.index, place.station.identity)

    place.maintain()
    new = place.bench.machine("new").open()

    assert follow(new.store, new.index, new.identity) == known
    place.land(Interval(sample_tick(6).end + 2 * MONTH, sample_tick(7).end + 2 * MONTH), [{"ean": 9}], new)
    assert place.damage() == []


def test_what_no_roll_up_holds_keeps_its_rows() -> None:
    place = Place(rolled=False)

    assert place.maintain().nothing
    assert place.retired() == []


def test_what_is_not_old_enough_keeps_its_rows_and_so_does_all_where_nobody_asked() -> None:
    place = Place()
    for kept_for in (Retention(data=3 * MONTH), Retention()):
        stream = replace(place.bench.stream, retention=kept_for)
        assert place.maintain(replace(place.station, stream=stream)).nothing
    assert place.retired() == []


@pytest.mark.parametrize("name", ["_delta_log/00000000000000000000.json", "_iceberg/00000.metadata.json"])
def test_what_lies_under_a_table_keeps_its_rows_and_that_is_told(name: str) -> None:
    place = Place()
    place.bench.objects.objects[f"compras/{name}"] = b"{}"

    done = place.maintain()

    assert (done.retired, done.under_a_table, place.retired()) == (0, True, [])
    assert place.foresee().under_a_table


def test_an_object_that_is_not_as_it_was_written_is_left_for_an_audit_to_find() -> None:
    place = Place()
    third, fourth = (place.bench.commits()[at].name for at in (2, 3))
    objects = place.bench.objects.objects
    # A byte within the magic number at the beginning: the footer is whole, and the object is longer.
    objects[f"compras/{third}"] = b"P" + objects[f"compras/{third}"]
    del objects[f"compras/{fourth}"]

    place.maintain()

    found = whole(evidence(place)).findings
    assert {one.where for one in found if one.severity == "damage" and one.code.endswith("object")} == {third, fourth}


def test_whoever_reads_the_table_finds_the_rows_that_are_left_and_counts_as_many() -> None:
    place = Place()
    place.maintain()
    station = place.station
    head = station.index.head()
    assert head is not None
    history = History(station.identity, head, station.store, station.index, head.seq)
    table = Table(history, place.bench.stream.terms, retires=True)

    assert len(table) == 2
    assert table.to_arrow(["ean"]).to_pylist() == [{"ean": 6}, {"ean": 8}]


def evidence(place: Place) -> Evidence:
    station = place.station
    contents = station.spool.contents()
    return Evidence(station.stream, station.identity, station.store, station.index, contents, place.bench.clock.now())


def test_to_do_it_again_changes_nothing_with_and_without_what_is_remembered() -> None:
    place = Place()
    place.maintain()
    before = dict(place.bench.objects.objects)

    assert place.maintain().nothing
    place.machine.notes.notes.pop("retired")
    assert place.maintain().nothing
    assert place.maintain(place.bench.machine("another").open()).nothing
    assert place.bench.objects.objects == before


def test_what_would_be_retired_is_told_and_nothing_is_changed() -> None:
    place = Place()
    before = dict(place.bench.objects.objects)

    assert place.foresee().retired == 5
    assert place.bench.objects.objects == before
    place.maintain()
    assert place.foresee().retired == 0


@pytest.mark.parametrize("trouble", EVERY_TROUBLE)
def test_whatever_goes_wrong_at_any_call_the_log_stays_whole_and_the_rows_go_in_the_end(trouble: str) -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place, trial = Place(), Trial(at, trouble)  # type: ignore[arg-type]
        station = replace(place.station, store=TrialStore(place.station.store, trial))
        with suppress(Killed, ColetaError):
            place.maintain(station, TrialHousekeeping(place.housekeeping, trial))
        assert place.damage() == [], f"{trouble} at call {at}"
        place.maintain(place.bench.machine("another").open())
        trial.deliver()
        assert (place.retired(), place.damage()) == ([1, 3, 4, 5, 6], []), f"{trouble} at call {at}"
        if trial.calls <= at:
            break
        tried += 1
    assert 10 < tried < MANY_CALLS


@pytest.mark.parametrize("others", ["landing", "retiring"])
def test_others_may_land_or_retire_before_any_call(others: str) -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place = Place()
        store = Interrupted(place.station.store, at, OTHERS[others](place))
        place.maintain(replace(place.station, store=store))
        if not store.met:
            break
        assert (place.retired(), place.damage()) == ([1, 3, 4, 5, 6], []), f"at call {at}"
        tried += 1
    assert 10 < tried < MANY_CALLS


def _landing(place: Place) -> Callable[[], object]:
    other = place.bench.machine("a collector").open()
    tick = Interval(sample_tick(6).end + 2 * MONTH, sample_tick(7).end + 2 * MONTH)
    return lambda: place.land(tick, [{"ean": 9, "price": 1.5}], other)


def _retiring(place: Place) -> Callable[[], object]:
    other = place.bench.machine("a maintainer").open()
    return lambda: place.maintain(other)


OTHERS: dict[str, Callable[[Place], Callable[[], object]]] = {"landing": _landing, "retiring": _retiring}


def test_an_audit_beside_it_finds_no_fault_whenever_roll_ups_come_and_objects_are_retired() -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place = Place(rolled=False)
        new = place.bench.machine("an auditor").open()

        def others(place: Place = place) -> None:
            place.roll()
            place.maintain()

        store = Interrupted(new.store, at, others)
        assert place.damage(store) == [], f"at call {at}"
        if not store.met:
            break
        tried += 1
    assert tried > 20


def test_a_roll_up_that_others_finish_and_retire_meanwhile_is_no_trouble() -> None:
    for at in range(MANY_CALLS):
        place = Place(rolled=False)
        other = place.bench.machine("another").open()

        def others(place: Place = place) -> None:
            place.roll()
            place.maintain()

        store = Interrupted(other.store, at, others)
        rolling = RollUps(replace(other, store=store), commits=EACH)
        for _ in range(20):
            rolling.step()
        assert place.bench.told(Trouble) == [], f"at call {at}"
        assert rolled_up(place.station.store) == [3, 6, 9]
        if not store.met:
            break
    assert at > 5
