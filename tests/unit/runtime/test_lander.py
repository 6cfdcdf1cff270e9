"""Landing through every doubtful answer of a store, with another lander in the way, and on a full disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import BinaryIO, cast

import pytest

from coleta.collect.lost import Unreadable
from coleta.collect.spool import Gap, Spooled
from coleta.collect.tick import Interval, format_instant, on_demand
from coleta.contract.types import Contract, Field, Int, Timestamp
from coleta.errors import Corrupt, Misconfigured, StoreUnavailable
from coleta.land.contest import Contest
from coleta.land.record import Outcome
from coleta.runtime.asking import spool_gaps
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.events import Landed, Superseded
from coleta.runtime.events import Trouble as Told
from coleta.runtime.lander import IDLE, LONGEST_PAUSE, SHORTEST_PAUSE, Lander, Memory, land
from coleta.runtime.putting import PUT_TRIES
from coleta.runtime.station import Station
from coleta.stream import Landing
from coleta.terms import Terms
from coleta.testing.bench import BadDisk, Bench, Machine, Trouble, bench_stream, waiting
from coleta.testing.samples import MINUTE, NOON, sample_terms, sample_tick

DATA = "compras/data/"
FIRST = "compras/data/tick_date=2026-11-24/000000001.parquet"


def purchases(*eans: int) -> bytes:
    return json.dumps([{"ean": ean, "price": 1.5} for ean in eans]).encode()


def eans(bench: Bench) -> list[object]:
    return [row[0] for row in bench.rows("ean")]


def left(station: Station) -> tuple[Spooled, ...]:
    return station.spool.contents().waiting


def damage(station: Station, bench: Bench) -> list[str]:
    """What an audit finds wrong with the log, but for ticks that nobody asks in these tests."""
    contents = station.spool.contents()
    evidence = Evidence(station.stream, station.identity, station.store, station.index, contents, bench.clock.now())
    return [finding.code for finding in whole(evidence).findings if finding.code not in ("late", "hole")]


# The store's answers --------------------------------------------------------------------------------


def test_what_waits_is_landed_in_one_object_and_let_go() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1, 2))
    waiting(station, 2, purchases(3))

    land(station)

    assert bench.names("data/") == ["data/tick_date=2026-11-24/000000001.parquet"]
    assert eans(bench) == [1, 2, 3]
    assert left(station) == ()
    assert station.index.landed([bench.commits()[0].record.accounts[0].answer or ""])
    assert damage(station, bench) == []


def test_nothing_waiting_makes_no_call_to_the_store() -> None:
    bench = Bench()
    station = bench.machine().open()
    before = len(bench.store.calls)

    assert Lander(station).step() == bench.clock.now() + IDLE
    assert len(bench.store.calls) == before


@pytest.mark.parametrize("trouble", ["lost", "doubt", "false_exists"])
@pytest.mark.parametrize("part", [DATA, "_ledger/terms", "_quarantine/"])
def test_any_doubtful_answer_is_cured_by_reading_the_name(trouble: Trouble, part: str) -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, b'[{"ean":1,"price":2},{"ean":"x"}]')
    bench.store.plan("create", part, trouble, times=2)

    land(station)

    assert eans(bench) == [1]
    assert len(bench.commits()) == 1
    assert len(bench.names("_quarantine/")) == 1
    assert left(station) == ()
    assert damage(station, bench) == []


@pytest.mark.parametrize("call", ["create", "read"])
def test_while_the_store_is_down_everything_goes_on_waiting(call: str) -> None:
    bench = Bench()
    station = bench.machine().open()
    lander = Lander(station)
    waiting(station, 1, purchases(1))
    bench.store.plan(call, DATA, "unavailable")

    again = lander.step()

    assert again == bench.clock.now() + SHORTEST_PAUSE
    assert [event.until for event in bench.told(Told)] == [again]
    assert len(left(station)) == 1
    assert lander.step() == again, "an answer that comes in between is no reason to try sooner"
    bench.clock.set(again)
    lander.step()
    assert eans(bench) == [1]


def test_the_pauses_of_an_outage_grow_up_to_a_limit_and_start_anew_after_it() -> None:
    bench = Bench()
    station = bench.machine().open()
    lander = Lander(station)
    waiting(station, 1, purchases(1))
    bench.store.down = True

    pauses = [pause(lander, bench) for _ in range(9)]

    assert pauses[:3] == [SHORTEST_PAUSE, 2 * SHORTEST_PAUSE, 4 * SHORTEST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    bench.store.down = False
    lander.step()
    assert eans(bench) == [1]
    waiting(station, 2, purchases(2))
    bench.store.down = True
    assert pause(lander, bench) == SHORTEST_PAUSE


def pause(lander: Lander, bench: Bench) -> timedelta:
    """Step, and wait until the lander wants to be called again."""
    before = bench.clock.now()
    bench.clock.set(max(lander.step(), before))
    return bench.clock.now() - before


@pytest.mark.parametrize("trouble", ["doubt", "false_exists"])
def test_a_store_that_never_gives_a_clear_answer_counts_as_down(trouble: Trouble) -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1))
    bench.store.plan("create", DATA, trouble, times=PUT_TRIES)

    with pytest.raises(StoreUnavailable, match="neither stores the next object"):
        land(station)

    assert len(left(station)) == 1
    land(station)
    assert eans(bench) == [1]


def test_notes_that_cannot_be_put_stop_the_object_that_would_name_them() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, b'[{"ean":1,"price":2},{"ean":"x"}]')
    bench.store.plan("create", "_quarantine/", "unavailable")

    with pytest.raises(StoreUnavailable):
        land(station)

    assert bench.names("data/") == []
    order = [name for call, name in bench.store.calls if call == "create"]
    land(station)
    order = [name.split("/")[1] for call, name in bench.store.calls[len(order) :] if call == "create"]
    assert order[-1] == "data"
    assert order.index("_quarantine") < order.index("data")


# Another lander -------------------------------------------------------------------------------------


def two_machines() -> tuple[Bench, Station, Station]:
    bench = Bench()
    return bench, bench.machine("one").open(), bench.machine("two").open()


def test_an_object_of_anothers_stands_and_ours_goes_into_the_next() -> None:
    bench, one, two = two_machines()
    waiting(one, 1, purchases(1))
    waiting(two, 2, purchases(2))
    bench.store.plan("create", DATA, lambda: land(two))

    land(one)

    assert [(commit.record.seq, commit.record.owner) for commit in bench.commits()] == [(1, "two"), (2, "one")]
    assert sorted(map(str, eans(bench))) == ["1", "2"]
    assert left(one) == left(two) == ()
    assert damage(one, bench) == damage(two, bench) == []


def test_the_loser_of_a_race_for_one_tick_is_kept_before_it_is_let_go() -> None:
    bench, one, two = two_machines()
    mine = waiting(one, 1, purchases(1))
    waiting(two, 1, purchases(2))
    land(two)
    bench.store.plan("create", "_superseded/", "unavailable")

    with pytest.raises(StoreUnavailable):
        land(one)
    assert left(one) == (mine,)

    land(one)
    (name,) = bench.names("_superseded/")
    assert name == f"_superseded/20261124T120100Z-{(mine.trailer.answer or '')[:16]}.spool"
    assert left(one) == ()
    assert eans(bench) == [2]
    assert [event.name for event in bench.told(Superseded)] == [name]


def test_an_answer_covered_in_part_by_anothers_lands_for_the_rest() -> None:
    bench, one, two = two_machines()
    waiting(two, sample_tick(1), purchases(1))
    wide = Interval(sample_tick(1).start, sample_tick(2).end)
    waiting(one, wide, purchases(2))
    land(two)

    land(one)

    account = bench.commits()[1].record.accounts[0]
    assert (account.tick, account.settles) == (wide, (sample_tick(2),))
    assert eans(bench) == [1, 2]
    assert damage(one, bench) == []


def test_an_answer_covered_in_part_that_turns_out_to_be_no_data_is_superseded() -> None:
    bench, one, two = two_machines()
    waiting(two, sample_tick(1), purchases(1))
    waiting(one, Interval(sample_tick(1).start, sample_tick(2).end), b'[{"ean":"x"}]')
    land(two)

    land(one)

    assert len(bench.names("_superseded/")) == 1
    assert len(bench.commits()) == 1
    assert left(one) == ()


def test_a_gap_that_another_has_answered_is_let_go_without_a_commit() -> None:
    bench, one, two = two_machines()
    spool_gaps(one, (Gap(sample_tick(1), "missed"),))
    waiting(two, 1, purchases(1))
    land(two)

    land(one)

    assert len(bench.commits()) == 1
    assert left(one) == ()


def test_a_late_answer_replaces_a_gap() -> None:
    bench, one, two = two_machines()
    spool_gaps(one, (Gap(sample_tick(1), "missed"),))
    land(one)
    waiting(two, 1, purchases(1))

    land(two)

    assert [commit.record.accounts[0].outcome for commit in bench.commits()] == [Outcome.GAP, Outcome.OK]
    assert damage(two, bench) == []


def test_a_crash_between_the_put_and_the_release_lands_nothing_twice() -> None:
    bench = Bench()
    machine = bench.machine()
    station = machine.open()
    waiting(station, 1, purchases(1))
    files = dict(machine.files)
    land(station)
    machine.files.update(files)

    for again in (machine, replace_index(machine)):
        land(again.open())

    assert eans(bench) == [1]
    assert machine.files == {}
    assert bench.names("_superseded/") == []


def replace_index(machine: Machine) -> Machine:
    return replace(machine, index=Machine(machine.bench, "fresh").index)


def test_an_older_composition_that_arrives_late_is_not_taken_for_the_newer_one() -> None:
    bench = Bench()
    station = bench.machine().open()
    lander = Lander(station)
    waiting(station, 1, purchases(1))
    bench.store.plan("create", DATA, "late")
    bench.store.plan("create", DATA, "unavailable")
    bench.clock.set(lander.step())
    waiting(station, 2, purchases(2))
    # The newer composition holds both answers; the older one, with the first only, comes in just before it.
    bench.store.plan("create", DATA, bench.store.deliver)

    lander.step()

    assert sorted(map(str, eans(bench))) == ["1", "2"]
    assert [len(commit.record.accounts) for commit in bench.commits()] == [1, 1]
    assert len({commit.record.nonce for commit in bench.commits()}) == 2
    assert left(station) == ()
    assert damage(station, bench) == []


def test_our_own_put_that_arrives_late_and_twice_is_one_commit() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1))
    bench.store.plan("create", DATA, "late")

    land(station)
    bench.store.deliver()

    assert eans(bench) == [1]
    assert len(bench.told(Landed)) == 1
    assert damage(station, bench) == []


# Batches --------------------------------------------------------------------------------------------


def test_for_another_date_the_log_takes_a_turn_first() -> None:
    bench = Bench()
    station = bench.machine().open()
    tomorrow = Interval(sample_tick(0).end + timedelta(hours=13) - MINUTE, sample_tick(0).end + timedelta(hours=13))
    waiting(station, 1, purchases(1))
    waiting(station, tomorrow, purchases(2))

    land(station)

    assert [(commit.record.kind, commit.name[15:25]) for commit in bench.commits()] == [
        ("batch", "2026-11-24"),
        ("turn", "2026-11-24"),
        ("batch", "2026-11-25"),
    ]
    assert eans(bench) == [1, 2]
    assert damage(station, bench) == []


def test_a_turn_is_made_only_when_the_files_of_its_batch_are_put() -> None:
    bench = Bench()
    station = bench.machine().open()
    yesterday = Interval(sample_tick(0).end - timedelta(hours=13), sample_tick(0).end - timedelta(hours=13) + MINUTE)
    waiting(station, yesterday, b'[{"ean":"x"},{"ean":1,"price":1}]')
    bench.store.plan("create", "_quarantine/", "unavailable")

    with pytest.raises(StoreUnavailable):
        land(station)

    assert bench.commits() == []


def test_a_turn_whose_answer_is_lost_is_recognised() -> None:
    bench = Bench()
    station = bench.machine().open()
    yesterday = Interval(sample_tick(0).end - timedelta(hours=13), sample_tick(0).end - timedelta(hours=13) + MINUTE)
    waiting(station, yesterday, purchases(1))
    bench.store.plan("create", DATA, "lost")

    land(station)

    assert [commit.record.kind for commit in bench.commits()] == ["turn", "batch"]


def test_of_two_waiting_answers_that_overlap_the_first_lands_whole_and_the_second_for_the_rest() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, sample_tick(1), purchases(1))
    waiting(station, Interval(sample_tick(1).start, sample_tick(2).end), purchases(2))

    land(station)

    assert [commit.record.accounts[0].settles for commit in bench.commits()] == [(sample_tick(1),), (sample_tick(2),)]
    assert eans(bench) == [1, 2]
    assert damage(station, bench) == []


def test_on_demand_answers_of_one_instant_all_land() -> None:
    bench = Bench()
    station = bench.machine().open()
    tick = on_demand(sample_tick(1).end)
    for body in (purchases(1), purchases(2)):
        waiting(station, tick, body)
    waiting(station, 1, purchases(3))

    land(station)

    assert sorted(map(str, eans(bench))) == ["1", "2", "3"]
    assert damage(station, bench) == []


def test_answers_on_other_terms_go_into_an_object_of_their_own() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1))
    waiting(station, 2, purchases(2, 2), terms=replace(sample_terms(), key=("ean",)))

    land(station)

    first, second = bench.commits()
    assert first.record.terms != second.record.terms
    assert second.record.accounts[0].deduplicated == 1
    assert len(bench.names("_ledger/terms/")) == 2
    assert damage(station, bench) == []


def test_a_batch_waits_for_its_age_unless_there_is_a_hurry() -> None:
    bench = Bench(bench_stream(landing=Landing(every=5 * MINUTE)))
    station = bench.machine().open()
    entry = waiting(station, 1, purchases(1))
    lander = Lander(station)

    assert lander.step() == entry.received_at + 5 * MINUTE
    assert bench.names("data/") == []
    assert not lander.idle
    lander.step(hurry=True)
    assert eans(bench) == [1]
    assert lander.idle


# This machine's own trouble --------------------------------------------------------------------------


def test_a_damaged_spool_file_is_set_aside_and_stands_in_nobodys_way() -> None:
    bench = Bench()
    machine = bench.machine()
    station = machine.open()
    broken = waiting(station, 1, purchases(1))
    waiting(station, 2, purchases(2))
    accepted_at, body = machine.files[broken.name]
    machine.files[broken.name] = (accepted_at, body[:-9])

    land(station)

    assert eans(bench) == [2]
    assert station.spool.contents().damaged == (broken.name,)
    assert [event.where for event in bench.told(Told)] == ["spool"]


def test_a_damaged_answer_that_is_superseded_is_set_aside_too() -> None:
    bench, one, two = two_machines()
    broken = waiting(one, 1, purchases(1))
    waiting(two, 1, purchases(2))
    land(two)
    machine_files = one.spool.files  # type: ignore[attr-defined]
    accepted_at, body = machine_files[broken.name]
    machine_files[broken.name] = (accepted_at, body[:-9])

    land(one)

    assert one.spool.contents().damaged == (broken.name,)
    assert left(one) == ()
    assert bench.names("_superseded/") == []


def test_an_answer_that_the_disk_does_not_give_now_holds_up_no_other_and_lands_later() -> None:
    bench = Bench()
    station, disk = BadDisk.under(bench.machine().open())
    bad = waiting(station, 1, purchases(1))
    waiting(station, 2, purchases(2))
    disk.bad.add(bad.name)
    lander = Lander(station)

    again = lander.step()

    assert eans(bench) == [2]
    assert (left(station), station.spool.contents().damaged) == ((bad,), ())
    assert again == bench.clock.now() + SHORTEST_PAUSE
    assert [(event.where, event.until) for event in bench.told(Told)] == [("disk", again)]
    disk.bad.clear()
    bench.clock.set(again)
    lander.step()
    assert eans(bench) == [2, 1]
    assert left(station) == ()


def test_a_superseded_answer_that_the_disk_does_not_give_now_waits_to_be_kept() -> None:
    bench, one, two = two_machines()
    bad = waiting(one, 1, purchases(1))
    waiting(two, 1, purchases(2))
    land(two)
    one, disk = BadDisk.under(one)
    disk.bad.add(bad.name)
    waiting(one, 2, purchases(3))

    with pytest.raises(Unreadable):
        land(one)

    assert eans(bench) == [2, 3]
    assert left(one) == (bad,)
    disk.bad.clear()
    land(one)
    assert left(one) == ()
    assert len(bench.names("_superseded/")) == 1


class SmallDisk:
    """A scratch disk with room for files of some size, which may change."""

    def __init__(self, room: int) -> None:
        self.room = room

    def file(self) -> BinaryIO:
        return cast(BinaryIO, _SmallFile(self))


class _SmallFile(BytesIO):
    def __init__(self, disk: SmallDisk) -> None:
        super().__init__()
        self._disk = disk

    def write(self, data: object, /) -> int:
        if self.tell() + memoryview(cast(bytes, data)).nbytes > self._disk.room:
            raise OSError(28, "No space left on device")
        return super().write(cast(bytes, data))


@pytest.mark.parametrize("room", [0, 100, 1_500])
@pytest.mark.parametrize("hours", [0, 13], ids=["batch", "turn"])
def test_a_full_scratch_disk_is_trouble_that_passes(room: int, hours: int) -> None:
    bench = Bench()
    machine = bench.machine()
    disk = SmallDisk(room)
    machine.scratch = disk
    station = machine.open()
    lander = Lander(station)
    end = sample_tick(1).end - timedelta(hours=hours)
    waiting(station, Interval(end - MINUTE, end), purchases(1))

    assert pause(lander, bench) == SHORTEST_PAUSE

    (told,) = bench.told(Told)
    assert "no room to build what is to be put: No space left on device" in told.what
    assert bench.names("data/") == []
    disk.room = 1 << 20
    lander.step()
    assert eans(bench) == [1]


def test_a_disk_that_fills_up_for_the_turn_alone_is_trouble_too() -> None:
    bench = Bench()
    machine = bench.machine()
    rooms = iter([1 << 20, 0])

    class Filling(SmallDisk):
        def file(self) -> BinaryIO:
            self.room = next(rooms, 1 << 20)
            return cast(BinaryIO, _SmallFile(SmallDisk(self.room)))

    machine.scratch = Filling(0)
    station = machine.open()
    lander = Lander(station)
    end = sample_tick(1).end - timedelta(hours=13)
    waiting(station, Interval(end - MINUTE, end), purchases(1))

    pause(lander, bench)
    assert len(bench.told(Told)) == 1
    lander.step()
    assert eans(bench) == [1]


# A log that breaks its rules --------------------------------------------------------------------------


def anothers_object() -> bytes:
    other = Bench()
    other.ids.uuid()  # so that this log has another uuid
    station = other.machine().open()
    waiting(station, 1, purchases(1))
    land(station)
    return other.objects.objects[FIRST]


@pytest.mark.parametrize("make", [lambda: b"not a parquet file", anothers_object], ids=["garbage", "another log"])
def test_what_lies_at_the_next_name_and_is_no_commit_of_this_log_stops_landing(make: Callable[[], bytes]) -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1))
    bench.objects.objects[FIRST] = make()

    with pytest.raises(Corrupt):
        Lander(station).step()

    assert len(left(station)) == 1


def test_landed_is_told_with_the_commit() -> None:
    bench = Bench()
    station = bench.machine().open()
    waiting(station, 1, purchases(1))

    land(station)

    (told,) = bench.told(Landed)
    assert told.committed == bench.commits()[0]


# Another store, and what is put once ----------------------------------------------------------------


def test_a_stream_opened_in_an_outage_does_not_land_in_another_store_that_comes_back_in_its_place() -> None:
    bench = Bench()
    machine = bench.machine()
    waiting(machine.open(), 1, purchases(1))
    land(machine.open())
    bench.store.down = True
    station = machine.open()
    waiting(station, 2, purchases(2))
    bench.store.down = False
    for name in list(bench.store.inner.objects):
        del bench.store.inner.objects[name]

    with pytest.raises(Misconfigured, match="no longer there"):
        Lander(station).step()

    assert bench.names("") == []
    assert len(left(station)) == 1


def test_the_terms_are_put_with_the_first_commit_only() -> None:
    bench = Bench()
    station = bench.machine().open()
    lander = Lander(station)
    waiting(station, 1, purchases(1))
    lander.step()
    (terms,) = bench.names("_ledger/terms/")
    del bench.store.inner.objects[f"compras/{terms}"]
    waiting(station, 2, purchases(2))

    lander.step()

    assert eans(bench) == [1, 2]
    assert bench.names("_ledger/terms/") == []


# An interval that others have answered in part -------------------------------------------------------

WINDOW = Terms(Contract((Field("ean", Int()), Field("at", Timestamp()))), cursor="at")


def events(*seconds: float) -> bytes:
    return json.dumps([{"ean": n, "at": format_instant(NOON + timedelta(seconds=n))} for n in seconds]).encode()


def test_of_a_window_that_is_covered_in_part_only_the_records_of_the_rest_land() -> None:
    bench = Bench(bench_stream(terms=WINDOW))
    station = bench.machine().open()
    waiting(station, Interval(NOON, NOON + 2 * MINUTE), events(10, 60, 110), terms=WINDOW, window=True)
    waiting(station, Interval(NOON + MINUTE, NOON + 2 * MINUTE), events(110), terms=WINDOW, window=True)
    first, second = left(station)
    station.spool.release([first if first.intervals[0].start == NOON else second])
    land(station)
    waiting(station, Interval(NOON, NOON + 2 * MINUTE), events(10, 60, 110), terms=WINDOW, window=True)

    land(station)

    (account,) = bench.commits()[-1].record.accounts
    assert sorted(eans(bench)) == [10, 60, 110]  # type: ignore[type-var]
    assert account.settles == (Interval(NOON, NOON + MINUTE),)
    assert (account.received, account.landed, account.deduplicated) == (3, 2, 1)


def test_a_window_whose_records_do_not_say_when_they_are_from_is_superseded_when_it_is_covered_in_part() -> None:
    bench = Bench(bench_stream(terms=WINDOW))
    station = bench.machine().open()
    waiting(station, Interval(NOON + MINUTE, NOON + 2 * MINUTE), events(110), terms=WINDOW, window=True)
    land(station)
    body = b'[{"ean": 1}, {"ean": 2, "at": "2026-11-24T12:00:10Z"}]'
    waiting(station, Interval(NOON, NOON + 2 * MINUTE), body, terms=WINDOW, window=True)

    land(station)

    assert eans(bench) == [110]
    assert len(bench.names("_superseded/")) == 1
    assert not left(station)


# Races --------------------------------------------------------------------------------------------------


def test_a_lander_that_is_beaten_twice_asks_for_time_and_the_other_gives_it() -> None:
    bench = Bench()
    slow, quick = bench.machine("slow").open(), bench.machine("quick").open()
    waiting(slow, 9, purchases(99))

    def wins() -> None:
        number = len(bench.commits())
        waiting(quick, number, purchases(number))
        land(quick)
        if number == 0:
            bench.store.plan("create", DATA, wins)

    bench.store.plan("create", DATA, wins)
    memory = Memory()
    held = land(slow, memory, polite=True)

    *_, turn, last = bench.commits()
    assert held is None
    assert turn.record.kind == "turn"
    assert turn.record.wait is not None
    assert turn.record.wait.owner == "slow"
    assert last.record.owner == "slow"
    assert sorted(eans(bench)) == [0, 1, 99]  # type: ignore[type-var]


def test_while_another_has_asked_for_time_a_polite_lander_holds_its_puts_and_then_goes_on() -> None:
    bench = Bench()
    slow, quick = bench.machine("slow").open(), bench.machine("quick").open()
    waiting(slow, 9, purchases(99))
    slow_memory = Memory(contest=Contest(lost=2))
    bench.store.plan("create", "000000002", "unavailable")
    with pytest.raises(StoreUnavailable):
        land(slow, slow_memory)
    waiting(quick, 1, purchases(1))
    lander = Lander(quick)

    until = lander.step()
    assert eans(bench) == []
    bench.clock.set(until)
    lander.step()

    assert eans(bench) == [1]


def test_a_person_who_orders_a_tick_is_not_held() -> None:
    bench = Bench()
    slow, quick = bench.machine("slow").open(), bench.machine("quick").open()
    waiting(slow, 9, purchases(99))
    bench.store.plan("create", "000000002", "unavailable")
    with pytest.raises(StoreUnavailable):
        land(slow, Memory(contest=Contest(lost=2)))
    waiting(quick, 1, purchases(1))

    land(quick)

    assert eans(bench) == [1]
