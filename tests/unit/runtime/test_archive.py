"""Copies of answers in the store: before acceptance or before landing, and taken from there by other machines."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from coleta.collect.spool import parse
from coleta.errors import StoreUnavailable
from coleta.runtime.archive import ALIVE, adopt
from coleta.runtime.collector import Collector
from coleta.runtime.events import Adopted
from coleta.runtime.lander import Lander, land
from coleta.runtime.station import Station
from coleta.stream import Landing
from coleta.testing.bench import Bench, Machine, bench_stream

FIRST = bench_stream(archive="first")


def purchases(*eans: int) -> bytes:
    return json.dumps([{"ean": ean, "price": 1.5} for ean in eans]).encode()


def eans(bench: Bench) -> list[object]:
    return sorted(row[0] for row in bench.rows("ean"))  # type: ignore[type-var]


def asked(bench: Bench, machine: Machine, body: bytes) -> Station:
    """The station of a process that has asked once and has landed nothing."""
    bench.api.answers.append(body)
    station = machine.open()
    Collector(station).step()
    return station


def copies(bench: Bench) -> list[str]:
    return bench.names("_archive/")


def test_without_an_archive_nothing_is_copied() -> None:
    bench = Bench()
    land(asked(bench, bench.machine(), purchases(1)))

    assert copies(bench) == []
    assert bench.commits()[0].record.archive == ()


@pytest.mark.parametrize("archive", ["landed", "first"])
def test_a_landed_answer_has_its_spool_file_in_the_store_and_in_its_record(archive: str) -> None:
    bench = Bench(bench_stream(archive=archive))
    station = asked(bench, bench.machine(), purchases(1, 2))
    (entry,) = station.spool.contents().waiting
    stored = station.spool.read(entry).whole()

    land(station)

    (file,) = bench.commits()[0].record.archive
    assert bench.objects.objects[f"compras/{file.path}"] == stored
    assert (file.sha256, file.answer) == (hashlib.sha256(stored).hexdigest(), entry.trailer.answer)


def test_first_means_that_the_copy_is_there_when_the_answer_is_accepted() -> None:
    bench = Bench(FIRST)
    station = asked(bench, bench.machine(), purchases(1))

    (name,) = copies(bench)
    assert parse(name, bench.objects.objects[f"compras/{name}"]).trailer == (
        station.spool.contents().waiting[0].trailer
    )


def test_what_could_not_be_copied_is_not_accepted_and_is_asked_again() -> None:
    bench = Bench(FIRST)
    station = bench.machine().open()
    bench.api.answers += [purchases(1), purchases(2)]
    collector = Collector(station)
    bench.store.down = True
    bench.clock.set(collector.step())

    assert station.spool.contents().waiting == ()

    bench.store.down = False
    collector.step()
    land(station)

    assert eans(bench) == [2]


def test_what_a_dead_machine_had_accepted_is_landed_by_another_and_not_asked_again() -> None:
    bench = Bench(FIRST)
    asked(bench, bench.machine("dead"), purchases(1, 2))
    requests = len(bench.api.asked)

    new = bench.machine("new").open()
    Collector(new).step()
    land(new)

    assert eans(bench) == [1, 2]
    assert len(bench.api.asked) == requests
    assert len(bench.told(Adopted)) == 1
    assert bench.commits()[0].record.archive


def test_an_answer_that_was_copied_and_never_accepted_is_accepted_by_that() -> None:
    bench = Bench(FIRST)
    asked(bench, machine := bench.machine(), purchases(1))
    machine.files.clear()

    land(machine.open())

    assert eans(bench) == [1]


def test_an_answer_that_two_machines_hold_lands_once() -> None:
    bench = Bench(FIRST)
    one = asked(bench, bench.machine("one"), purchases(1))
    two = bench.machine("two").open()
    three = bench.machine("three").open()

    for station in (two, one, three):
        land(station)

    assert eans(bench) == [1]
    assert not any(station.spool.contents().waiting for station in (one, two, three))


def test_a_running_machine_takes_what_others_should_have_landed_long_ago_and_leaves_them_what_is_young() -> None:
    bench = Bench(bench_stream(archive="first", landing=Landing(every=timedelta(minutes=15))))
    other = bench.machine("other").open()
    lander = Lander(other)
    lander.step()
    asked(bench, bench.machine("dead"), purchases(1))

    bench.clock.advance(timedelta(minutes=15))
    lander.step()
    young = len(bench.told(Adopted))
    bench.clock.advance(ALIVE)
    lander.step()

    assert (young, len(bench.told(Adopted))) == (0, 1)


def test_what_is_landed_or_superseded_is_not_taken_again() -> None:
    bench = Bench(FIRST)
    bench.api.answers += [purchases(1), purchases(2)]
    stations = [bench.machine("one").open(), bench.machine("two").open()]
    for station in stations:
        Collector(station).step()
    for station in stations:
        land(station)
    new = bench.machine("new").open()

    assert adopt(new) == 0
    assert len(copies(bench)) == 2
    assert len(bench.names("_superseded/")) == 1


def test_a_damaged_copy_is_told_and_left_and_holds_nothing_else_up() -> None:
    bench = Bench(FIRST)
    asked(bench, bench.machine("dead"), purchases(1))
    (name,) = copies(bench)
    bench.objects.objects[f"compras/{name}"] = bench.objects.objects[f"compras/{name}"][:-3]

    new = bench.machine("new").open()

    assert new.spool.contents().waiting == ()
    assert copies(bench) == [name]


def test_a_start_without_the_store_goes_on_from_what_is_remembered() -> None:
    bench = Bench(FIRST)
    machine = bench.machine()
    machine.open()
    bench.store.down = True

    station = machine.open()

    with pytest.raises(StoreUnavailable):
        adopt(station)
