"""Files are kept for as long as was asked, and then go: the log says so first, and nothing else ever goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial

import pytest
from tests.unit.runtime.interrupted import MANY_CALLS, Interrupted

from coleta.adapters.below import BelowHousekeeping
from coleta.collect.response import Response
from coleta.collect.tick import Interval
from coleta.errors import ColetaError, Misconfigured, StoreUnavailable
from coleta.land.window import Window
from coleta.ports import Housekeeping
from coleta.runtime.archive import adopt
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.clock_guard import ClockGuard
from coleta.runtime.discard import discard
from coleta.runtime.events import Maintained, Trouble
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.leases import LeaseHolder
from coleta.runtime.maintainer import EVERY, LOOK_AGAIN, NOT_BEFORE, Maintainer, maintain
from coleta.runtime.questions import Shelves, read_books
from coleta.runtime.redrive import Wanted, replay
from coleta.runtime.station import Station
from coleta.runtime.upkeep import Done, foresee
from coleta.stream import Retention
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.memory import MemoryCell, MemoryHousekeeping
from coleta.testing.once import EVERY as EVERY_TROUBLE
from coleta.testing.once import Killed, Trial, TrialHousekeeping, TrialStore
from coleta.testing.samples import sample_tick

MONTH = timedelta(days=30)
SHORT = Retention(archive=MONTH, quarantine=MONTH, superseded=MONTH)
GOOD = {"ean": 1, "price": 1.5}
BAD = {"ean": "one", "price": 1.5}


def silent(done: Done) -> None:
    """Tell nobody."""


class Place:
    """A stream that archives, and what has landed of it."""

    def __init__(self, retention: Retention = SHORT) -> None:
        self.bench = Bench(bench_stream(archive="landed", retention=retention))
        self.machine = self.bench.machine()
        self.station = self.machine.open()

    @property
    def housekeeping(self) -> Housekeeping:
        return BelowHousekeeping(MemoryHousekeeping(self.bench.objects.objects), self.bench.stream.path)

    def landed(self, tick: Interval | int, *records: object) -> None:
        waiting(self.station, tick, json.dumps(list(records)).encode())
        land(self.station)

    def beaten(self, tick: Interval | int, *records: object) -> None:
        """An answer that another machine has, and that lost: set aside."""
        other = self.bench.machine("other").open()
        waiting(other, tick, json.dumps(list(records)).encode())
        land(other)

    def later(self, by: timedelta) -> None:
        self.bench.clock.advance(by)

    def files(self) -> list[str]:
        return [name for folder in ("_archive/", "_quarantine/", "_superseded/") for name in self.bench.names(folder)]

    def kinds(self) -> list[str]:
        return [commit.record.kind for commit in self.bench.commits()]

    def maintain(self, station: Station | None = None, housekeeping: Housekeeping | None = None) -> Done:
        return maintain(station or self.station, housekeeping or self.housekeeping, progress=silent)

    def foresee(self) -> Done:
        station = self.station
        contents = station.spool.contents()
        shelves = Shelves(station.stream, station.identity, station.store, station.index, contents)
        return foresee(shelves, read_books(shelves, self.bench.clock.now()))

    def damage(self) -> list[str]:
        """What an audit of every byte, with all archived answers decoded again, finds."""
        station, now = self.machine.open(), self.bench.clock.now()
        contents = station.spool.contents()
        evidence = Evidence(station.stream, station.identity, station.store, station.index, contents, now)
        found = whole(evidence, deep=Deep(replay=True)).findings
        return [f"{one.where}: {one.what}" for one in found if one.code not in ("late", "hole", "open")]


def used() -> Place:
    """A place with something of each kind, all of it old enough, and something young."""
    place = Place()
    place.landed(0, GOOD, BAD)
    place.landed(1, GOOD)
    place.beaten(0, GOOD)
    place.later(MONTH)
    place.later(timedelta(minutes=1))
    young = Interval(sample_tick(0).end + MONTH, sample_tick(1).end + MONTH)
    place.landed(young, GOOD, BAD)
    place.beaten(young, GOOD)
    return place


# What goes, and what stays ------------------------------------------------------------------------


def test_what_was_kept_for_long_enough_goes_and_the_rest_stays() -> None:
    place = used()
    before = place.files()

    done = place.maintain()

    assert (done.expired, done.deleted, done.superseded) == (3, 4, 1)
    young = f"{sample_tick(0).end + MONTH:%Y%m%d}"
    assert place.files() == [name for name in before if f"/{young}" in name]
    assert len(place.files()) == 3
    assert place.damage() == []


def test_the_log_says_what_it_gives_up_and_nothing_more() -> None:
    place = used()

    place.maintain()

    given_up = [path for one in place.bench.commits() if one.record.kind == "expired" for path in one.record.redrives]
    named = [one.record for one in place.bench.commits() if one.record.kind == "batch"][:2]
    assert sorted(given_up) == sorted(path for record in named for path in record.named_files())
    assert place.bench.rows("ean") == [(1,)] * 3


def test_to_maintain_again_changes_nothing() -> None:
    place = used()
    place.maintain()
    before = dict(place.bench.objects.objects)

    assert place.maintain().nothing
    assert place.bench.objects.objects == before


def test_what_shall_be_kept_for_ever_is() -> None:
    place = Place(Retention())
    place.landed(0, GOOD, BAD)
    place.beaten(0, GOOD)
    place.later(timedelta(days=36_500))
    before = place.files()

    assert place.maintain().nothing
    assert place.files() == before
    assert place.kinds() == ["batch"]


def test_each_folder_has_a_time_of_its_own() -> None:
    place = Place(Retention(quarantine=MONTH))
    place.landed(0, GOOD, BAD)
    place.beaten(0, GOOD)
    place.later(2 * MONTH)

    place.maintain()

    assert [name.split("/")[0] for name in place.files()] == ["_archive", "_superseded"]


def test_a_file_that_no_record_names_is_never_deleted() -> None:
    place = used()
    strangers = [
        "_archive/20200101T000000Z-0000000000000000.spool",
        "_quarantine/20200101T000000Z-0000000000000000.jsonl.zst",
        "_quarantine/readme.txt",
        "_superseded/20200101T000000Z-0000000000000000.spool",
    ]
    for name in strangers:
        place.bench.objects.objects[f"compras/{name}"] = b"somebody's"

    done = place.maintain()

    assert set(strangers) <= set(place.files())
    assert done.kept == [strangers[-1]]


def test_an_archived_answer_that_nobody_has_landed_is_landed_however_old_it_is() -> None:
    bench = Bench(bench_stream(archive="first", retention=SHORT))
    place = Place()
    place.bench, place.machine = bench, bench.machine()
    place.station = place.machine.open()
    dead = bench.machine("dead").open()
    waiting(dead, 0, json.dumps([GOOD]).encode())
    place.later(2 * MONTH)

    place.maintain()
    adopt(place.station)
    land(place.station)

    assert bench.rows("ean") == [(1,)]


def test_a_quarantine_file_that_a_replay_has_taken_up_stays_since_a_log_settles_each_once() -> None:
    place = Place()
    place.landed(0, GOOD, BAD)
    loose = replace(place.bench.stream.terms, on_violation="null")
    replay(place.machine.open(replace(place.bench.stream, terms=loose)), Wanted())
    place.later(2 * MONTH)

    place.maintain(place.machine.open())

    assert len(place.bench.names("_quarantine/")) == 1
    assert place.damage() == []


def test_a_superseded_answer_whose_tick_has_only_a_gap_stays_and_is_told() -> None:
    place = Place()
    place.landed(1, GOOD)
    name = place.bench.names("_archive/")[0]
    (mine,) = [body for one, body in place.bench.objects.objects.items() if one.endswith(name)]
    place.bench.objects.objects["compras/" + name.replace("_archive", "_superseded")] = mine
    place.later(2 * MONTH)
    place.maintain()
    assert place.bench.names("_superseded/") == [], "its tick is answered"

    gapped = Place()
    gapped.bench.objects.objects["compras/" + name.replace("_archive", "_superseded")] = mine
    gapped.later(2 * MONTH)

    assert gapped.maintain().kept == [name.replace("_archive", "_superseded")]


def test_the_archived_copy_of_a_superseded_answer_goes_with_it_so_that_nobody_takes_it_up_again() -> None:
    bench = Bench(bench_stream(archive="first", retention=SHORT))
    for name, records in (("one", [GOOD]), ("two", [GOOD, GOOD])):
        station = bench.machine(name).open()
        waiting(station, 0, json.dumps(records).encode())
    for name in ("one", "two"):
        land(bench.machine(f"{name} again").open())
    place = Place()
    place.bench, place.machine = bench, bench.machine()
    place.station = place.machine.open()
    assert (len(bench.names("_superseded/")), len(bench.names("_archive/"))) == (1, 2)
    place.later(2 * MONTH)

    place.maintain()

    assert place.files() == []
    assert adopt(bench.machine("new").open()) == 0
    assert place.damage() == []


def test_what_a_discard_was_cut_off_from_deleting_is_deleted_and_what_came_back_since_is_not() -> None:
    place = Place()
    place.landed(0, GOOD, BAD)
    (name,) = place.bench.names("_quarantine/")
    body = place.bench.objects.objects[f"compras/{name}"]
    discard(place.station, place.housekeeping, Wanted())
    place.bench.objects.objects[f"compras/{name}"] = body

    place.later(2 * MONTH)
    place.maintain()

    assert place.bench.names("_quarantine/") == []


def test_what_would_be_done_is_told_and_nothing_is_changed() -> None:
    place = used()
    before = dict(place.bench.objects.objects)

    told = place.foresee()

    assert place.bench.objects.objects == before
    done = place.maintain()
    assert (told.expired, told.deleted, told.superseded, told.kept) == (
        done.expired,
        done.deleted,
        done.superseded,
        done.kept,
    )


def test_with_a_clock_that_differs_from_the_stores_nothing_is_deleted() -> None:
    place = used()
    before = place.files()
    now = place.bench.clock.now()
    told = format_datetime(now - timedelta(minutes=5), usegmt=True)
    place.bench.api.usual = Response(200, (("date", told),), b"", b"", None, now, now)
    world = replace(place.station.world, clocks=ClockGuard(place.bench.clock, place.bench.api))
    station = replace(place.station, clock_url="http://store.test/", world=world)

    with pytest.raises(StoreUnavailable, match="clock"):
        place.maintain(station)
    assert place.files() == before


# Whatever goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", EVERY_TROUBLE)
def test_whatever_goes_wrong_at_any_call_each_file_is_given_up_once_and_before_it_is_deleted(trouble: str) -> None:
    calls = attempt(used(), Trial()).calls

    for number in range(calls):
        place, trial = used(), Trial(number, trouble)  # type: ignore[arg-type]
        with suppress(Killed, ColetaError):
            attempt(place, trial)
        assert place.damage() == [], f"{trouble} at call {number}"
        trial.deliver()
        place.station = place.machine.open()
        place.maintain()
        assert len(place.files()) == 3, f"{trouble} at call {number}"
        assert place.damage() == [], f"{trouble} at call {number}"
        assert place.bench.rows("ean") == [(1,)] * 3


def attempt(place: Place, trial: Trial) -> Trial:
    station = place.machine.open()
    on_trial = replace(station, store=TrialStore(station.store, trial))
    place.maintain(on_trial, TrialHousekeeping(place.housekeeping, trial))
    return trial


def test_two_machines_that_maintain_at_once_give_each_file_up_once() -> None:
    place = used()
    other = place.bench.machine("maintainer").open()
    place.bench.store.plan("create", "data/", lambda: place.maintain(other))

    done = place.maintain()

    given_up = [path for one in place.bench.commits() if one.record.kind == "expired" for path in one.record.redrives]
    assert len(given_up) == len(set(given_up)) == 3
    assert (done.expired, len(place.files())) == (0, 3)
    assert place.damage() == []


def test_what_another_machine_commits_just_before_is_followed_and_the_file_is_given_up_all_the_same() -> None:
    place = used()
    other = place.bench.machine("collector").open()
    later = Interval(sample_tick(1).end + MONTH, sample_tick(2).end + MONTH)
    waiting(other, later, json.dumps([GOOD]).encode())
    place.bench.store.plan("create", "data/", lambda: land(other))

    place.maintain()

    assert place.kinds()[-3:] == ["batch", "expired", "expired"]
    assert len(place.files()) == 4
    assert place.damage() == []


# Side by side --------------------------------------------------------------------------------------


LATER = Interval(sample_tick(1).end + MONTH, sample_tick(2).end + MONTH)


def collectors(place: Place) -> Callable[[], object]:
    """Two collectors that hold answers to one tick, one of which must lose."""
    stations = [place.bench.machine(name).open() for name in ("a collector", "another")]
    for station, records in zip(stations, ([GOOD, BAD], [GOOD, GOOD]), strict=True):
        waiting(station, LATER, json.dumps(records).encode())
    return lambda: [land(station) for station in stations]


def assert_sound(place: Place, *, at: int) -> None:
    given_up = [path for one in place.bench.commits() if one.record.kind == "expired" for path in one.record.redrives]
    assert len(given_up) == len(set(given_up)) == 3, f"at call {at}"
    assert place.bench.rows("ean") == [(1,)] * 4, f"at call {at}"
    # Of the young tick, and of that of the collectors: a copy, a record that broke the contract, the one that lost.
    assert len(place.files()) == 6, f"at call {at}"
    assert place.damage() == [], f"at call {at}"


def test_two_collectors_may_land_before_any_call_of_a_maintainer() -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place = used()
        store = Interrupted(place.station.store, at, collectors(place))
        place.maintain(replace(place.station, store=store))
        if not store.met:
            break
        assert_sound(place, at=at)
        tried += 1
    assert 15 < tried < MANY_CALLS


def test_a_maintainer_may_do_its_work_before_any_call_of_a_collector() -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place = used()
        other, loser = (place.bench.machine(name).open() for name in ("a collector", "another"))
        for station, records in ((other, [GOOD, BAD]), (loser, [GOOD, GOOD])):
            waiting(station, LATER, json.dumps(records).encode())
        store = Interrupted(other.store, at, place.maintain)
        land(replace(other, store=store))
        land(loser)
        if not store.met:
            break
        assert_sound(place, at=at)
        tried += 1
    assert 5 < tried < MANY_CALLS


def test_two_maintainers_may_meet_at_any_call() -> None:
    tried = 0
    for at in range(MANY_CALLS):
        place = used()
        collectors(place)()
        other = place.bench.machine("maintainer").open()
        store = Interrupted(place.station.store, at, partial(place.maintain, other))
        place.maintain(replace(place.station, store=store))
        if not store.met:
            break
        assert_sound(place, at=at)
        tried += 1
    assert 15 < tried < MANY_CALLS


# In the service -----------------------------------------------------------------------------------


def run(place: Place, maintainer: Maintainer, *, steps: int = 50) -> None:
    """Call it whenever it asks for that, for less than a day."""
    end = place.bench.clock.now() + timedelta(hours=20)
    for _ in range(steps):
        wake = maintainer.step()
        if wake > end:
            return
        place.bench.clock.set(max(wake, place.bench.clock.now()))


def test_in_a_service_a_round_begins_some_minutes_after_the_start_and_the_next_a_day_later() -> None:
    place = used()
    began = place.bench.clock.now()
    maintainer = Maintainer(place.station, place.housekeeping)

    assert maintainer.step() == began + NOT_BEFORE
    run(place, maintainer, steps=10)
    assert place.bench.told(Maintained) == [Maintained("compras", 3, 4)]

    place.later(MONTH)
    run(place, maintainer, steps=10)
    assert [one.expired for one in place.bench.told(Maintained)] == [3, 2]


def test_outside_its_window_a_service_maintains_nothing() -> None:
    place = used()
    place.bench.clock.set(place.bench.clock.now().replace(hour=12))
    maintainer = Maintainer(place.station, place.housekeeping, window=Window.of("18:00-19:00"))

    while place.bench.clock.now().hour < 18:
        assert place.bench.told(Maintained) == []
        place.bench.clock.set(maintainer.step())
    run(place, maintainer)

    assert place.bench.told(Maintained) == [Maintained("compras", 3, 4)]


def test_where_a_stream_has_a_lease_only_who_holds_it_maintains() -> None:
    place = used()
    cell = MemoryCell()
    holders = [
        LeaseHolder(cell, place.bench.clock, uuid=place.station.identity.uuid, owner=name) for name in ("one", "two")
    ]
    maintainers = [Maintainer(replace(place.station, lease=one), place.housekeeping) for one in holders]
    assert holders[0].wait_until() is None
    assert holders[1].wait_until() is not None
    place.later(NOT_BEFORE)

    for _ in range(10):
        maintainers[1].step()
    assert place.bench.told(Maintained) == []

    for _ in range(10):
        maintainers[0].step()
    assert place.bench.told(Maintained) == [Maintained("compras", 3, 4)]


def test_landing_is_kept_away_only_while_the_log_is_extended() -> None:
    place = used()
    turns: list[int] = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append(len(place.bench.commits()))
        yield
        turns.append(len(place.bench.commits()))

    run(place, Maintainer(place.station, place.housekeeping, turn=turn))

    commits = len(place.bench.commits())
    assert turns[0] == commits - 2
    assert turns[-1] == commits
    assert len(turns) <= 8


def test_a_store_that_is_away_is_told_and_tried_again_and_one_that_denies_it_as_well() -> None:
    place = used()

    class Denied:
        def delete(self, name: str) -> None:
            raise Misconfigured("access denied")

        def replace(self, name: str, body: bytes) -> None:
            raise Misconfigured("access denied")

    maintainer = Maintainer(place.station, Denied())
    place.later(NOT_BEFORE)
    place.bench.store.down = True
    place.bench.clock.set(maintainer.step())
    place.bench.store.down = False
    run(place, maintainer, steps=10)

    told = [(one.where, one.what) for one in place.bench.told(Trouble)]
    assert told[0][0] == told[1][0] == "upkeep"
    assert "down" in told[0][1]
    assert "denied" in told[1][1]
    assert place.bench.told(Maintained) == []


def test_a_clock_that_was_set_back_holds_upkeep_up_for_no_more_than_two_days() -> None:
    place = used()
    maintainer = Maintainer(place.station, place.housekeeping)
    place.bench.clock.set(place.bench.clock.now() - 3 * EVERY)

    assert maintainer.step() <= place.bench.clock.now() + LOOK_AGAIN
    run(place, maintainer)
    assert place.bench.told(Maintained)
