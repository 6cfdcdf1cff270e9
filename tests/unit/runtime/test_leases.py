"""With a lease one of several collectors asks. Without the store, or without the holder, the others do."""

from __future__ import annotations

from dataclasses import replace

from coleta.collect.lease import LENGTH, RENEW_AFTER, Lease
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.runtime.leases import LeaseHolder
from coleta.runtime.opening import open_station
from coleta.runtime.pausing import set_paused
from coleta.runtime.station import Station
from coleta.testing.bench import Bench, Machine, bench_stream
from coleta.testing.memory import MemoryCell

LEASED = bench_stream(lease=True)


def opened(bench: Bench, machine: Machine, cell: MemoryCell) -> Station:
    return open_station(replace(machine.premises(LEASED), cell=cell), machine.world())


def lease_in(cell: MemoryCell) -> Lease:
    lease = Lease.from_json(cell.held[0])
    assert lease is not None
    return lease


def test_one_asks_and_the_other_waits_until_the_lease_would_run_out() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    one, two = (Collector(opened(bench, bench.machine(name), cell)) for name in ("one", "two"))
    began = bench.clock.now()

    one.step()
    until = two.step()

    assert len(bench.api.asked) == 1
    assert until == began + LENGTH


def test_the_holder_renews_and_keeps_it() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    collector = Collector(opened(bench, bench.machine(), cell))
    collector.step()
    until = lease_in(cell).until

    assert collector.step() <= bench.clock.now() + RENEW_AFTER
    bench.clock.advance(RENEW_AFTER)
    collector.step()

    assert lease_in(cell).until > until


def test_a_holder_that_is_paused_lets_the_other_begin_at_once_and_rests() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    machine, other = bench.machine("one"), bench.machine("two")
    one, two = opened(bench, machine, cell), Collector(opened(bench, other, cell))
    collector = Collector(one)
    collector.step()
    land(one)
    bench.clock.advance(RENEW_AFTER)
    set_paused(machine.notes, bench.clock.now(), paused=True)

    steps = [collector.step() for _ in range(5)]
    two.step()

    assert steps[-1] > bench.clock.now()
    assert lease_in(cell).until == bench.clock.now() + LENGTH
    assert lease_in(cell).owner.encode() == other.notes.recall("lease_owner")


def test_when_the_holder_dies_the_other_goes_on_and_asks_nothing_that_is_landed() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    dead, other = opened(bench, bench.machine("dead"), cell), Collector(opened(bench, bench.machine("other"), cell))
    Collector(dead).step()
    land(dead)
    asked = len(bench.api.asked)

    bench.clock.set(other.step())
    other.step()

    # The tick that the dead one has landed is not asked again, though this machine never landed anything.
    assert len(bench.api.asked) == asked + 1
    assert lease_in(cell).until == bench.clock.now() + LENGTH


def test_a_clean_stop_hands_it_on_at_once() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    one, two = (Collector(opened(bench, bench.machine(name), cell)) for name in ("one", "two"))
    one.step()
    one.cancel()
    one.let_go()

    two.step()

    assert lease_in(cell).until > bench.clock.now()
    assert len(bench.api.asked) == 2


def test_after_a_restart_it_is_still_this_machines() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    machine = bench.machine()
    Collector(opened(bench, machine, cell)).step()

    Collector(opened(bench, machine, cell)).step()
    bench.clock.advance(LENGTH / 5)
    Collector(opened(bench, machine, cell)).step()

    assert len(bench.api.asked) > 1


def test_without_the_store_everybody_asks() -> None:
    bench, cell = Bench(LEASED), MemoryCell()
    one, two = (Collector(opened(bench, bench.machine(name), cell)) for name in ("one", "two"))
    cell.down = True

    one.step()
    two.step()

    assert len(bench.api.asked) == 2


def test_of_two_that_take_it_at_once_one_has_it() -> None:
    bench = Bench(LEASED)
    taken: list[LeaseHolder] = []

    class Racing(MemoryCell):
        def replace(self, body: bytes, tag: str | None) -> bool:
            if taken:
                taken.pop().wait_until()
            return super().replace(body, tag)

    cell = Racing()
    holders = [LeaseHolder(cell, bench.clock, uuid="u", owner=name) for name in ("one", "two")]
    taken.append(holders[1])

    waits = [holders[0].wait_until(), holders[1].wait_until()]

    assert lease_in(cell).owner == "two"
    assert [wait is None for wait in waits] == [False, True]
