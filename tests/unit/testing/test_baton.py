"""Threads that take turns, and the faults that a seed or a test draws for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from coleta.testing.baton import STEP, Baton, Killed, Stuck
from coleta.testing.faults import MENU, Call, Fault, NoFaults, OneFault, RandomFaults
from coleta.testing.samples import NOON

SECOND = timedelta(seconds=1)


def baton(seed: int = 0, *, most_turns: int = 1_000) -> Baton:
    return Baton(Random(seed), NOON, most_turns=most_turns)


def interleaving(seed: int) -> list[str]:
    """The order in which three actors come to do five things each."""
    world, done = baton(seed), list[str]()

    def work(name: str) -> None:
        for _ in range(5):
            world.pause()
            done.append(name)

    for name in "abc":
        world.spawn(name, name, lambda name=name: work(name))  # type: ignore[misc]
    world.run(lambda: False)
    return done


def test_the_same_seed_gives_the_same_order_and_seeds_give_many() -> None:
    assert interleaving(1) == interleaving(1)
    assert len({tuple(interleaving(seed)) for seed in range(20)}) > 10
    assert all(sorted(interleaving(seed)) == sorted("abc" * 5) for seed in range(5))


def test_only_one_actor_runs_between_two_turns() -> None:
    world, inside = baton(3), list[int]()

    def work() -> None:
        for _ in range(20):
            inside.append(1)
            assert len(inside) == 1
            inside.pop()
            world.pause()

    for n in range(4):
        world.spawn(str(n), n, work)
    world.run(lambda: False)


def test_time_stands_still_for_those_who_wait_and_jumps_when_all_do() -> None:
    world, woke = baton(), list[datetime]()

    def work() -> None:
        world.sleep_until(NOON + 3600 * SECOND)
        woke.append(world.now)

    world.spawn("a", "a", work)
    world.run(lambda: False)

    assert woke == [NOON + 3600 * SECOND]
    assert world.turns < 10


def test_a_pause_takes_a_little_time_and_a_stall_more() -> None:
    world, seen = baton(), list[timedelta]()

    def work() -> None:
        world.pause()
        seen.append(world.now - NOON)
        world.pause(stall=SECOND)
        seen.append(world.now - NOON)

    world.spawn("a", "a", work)
    world.run(lambda: False)

    assert seen == [STEP, 2 * STEP + SECOND]


def test_the_roused_wake_before_their_time() -> None:
    world, woke = baton(), list[datetime]()

    def sleeper() -> None:
        world.sleep_until(NOON + 3600 * SECOND)
        woke.append(world.now)

    def rouser() -> None:
        world.sleep_until(NOON + SECOND)
        world.rouse("a")

    world.spawn("sleeper", "a", sleeper)
    world.spawn("rouser", "b", rouser)
    world.run(lambda: False)

    assert woke == [NOON + SECOND]


def test_the_killed_run_no_other_line_and_the_others_go_on() -> None:
    world, done = baton(), list[str]()

    def victim() -> None:
        try:
            world.sleep_until(NOON + 10 * SECOND)
            done.append("never")
        except Exception:  # noqa: BLE001 - to show that no handler takes a death for a failure
            done.append("handled")

    def killer() -> None:
        world.pause()
        world.kill("victim")
        world.pause()
        done.append("killer")

    world.spawn("victim", "victim", victim)
    world.spawn("killer", "killer", killer)
    world.run(lambda: False)

    assert done == ["killer"]


def test_who_dies_by_its_own_hand_ends_there() -> None:
    world, done = baton(), list[str]()

    def work() -> None:
        done.append("before")
        raise Killed

    world.spawn("a", "a", work)
    world.run(lambda: False)

    assert done == ["before"]


def test_late_effects_come_at_their_time_whoever_runs() -> None:
    world, order = baton(), list[str]()

    def work() -> None:
        world.later(5 * SECOND, lambda: order.append("effect"))
        world.sleep_until(NOON + 4 * SECOND)
        order.append("before")
        world.sleep_until(NOON + 6 * SECOND)
        order.append("after")

    world.spawn("a", "a", work)
    world.run(lambda: False)

    assert order == ["before", "effect", "after"]


def test_a_failure_in_an_actor_is_the_worlds() -> None:
    world = baton()

    def work() -> None:
        world.pause()
        raise ZeroDivisionError("a bug")

    world.spawn("a", "a", work)
    with pytest.raises(ZeroDivisionError):
        world.run(lambda: False)


def test_a_world_that_never_rests_is_stuck() -> None:
    world = baton(most_turns=50)

    def work() -> None:
        while True:
            world.pause()

    world.spawn("a", "a", work)
    with pytest.raises(Stuck, match="no rest after 51 turns"):
        world.run(lambda: False)
    world.end()


def test_the_end_unwinds_those_who_still_wait() -> None:
    world, unwound = baton(), list[str]()

    def work() -> None:
        try:
            world.sleep_until(NOON + 3600 * SECOND)
        finally:
            unwound.append("yes")

    world.spawn("a", "a", work)
    world.run(lambda: world.turns > 0)
    world.end()

    assert unwound == ["yes"]


# Faults ---------------------------------------------------------------------------------------------


def call(number: int, kind: str = "store.create", *, at: datetime = NOON) -> Call:
    return Call(number, kind, at)


def test_one_fault_meets_its_call_alone_if_such_a_call_can_meet_it() -> None:
    plan = OneFault(2, Fault.LOST)

    assert [plan.at(call(n)) for n in range(4)] == [None, None, Fault.LOST, None]
    assert plan.met
    other = OneFault(2, Fault.LOST)
    assert other.at(call(2, "spool.read")) is None
    assert not other.met


def test_random_faults_come_from_the_menu_and_from_the_seed() -> None:
    def drawn(seed: int) -> list[Fault | None]:
        plan = RandomFaults(Random(seed), rate=0.5)
        return [plan.at(call(n, kind)) for n, kind in enumerate(sorted(MENU) * 5)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert all(fault is None or fault in MENU[kind] for fault, kind in zip(drawn(1), sorted(MENU) * 5, strict=True))
    assert None in drawn(1)
    assert RandomFaults(Random(1), rate=1).at(call(0, "unknown")) is None


def test_an_outage_is_down_from_its_beginning_to_its_end() -> None:
    outage = (NOON, NOON + SECOND)
    plan = RandomFaults(Random(0), rate=0, store_outage=outage, source_outage=outage)

    at = [NOON - SECOND, NOON, NOON + SECOND]
    assert [plan.at(call(0, "store.read", at=one)) for one in at] == [None, Fault.UNAVAILABLE, None]
    assert [plan.at(call(0, "transport.exchange", at=one)) for one in at] == [None, Fault.STATUS_500, None]
    plan.over = True
    assert plan.at(call(0, "store.read", at=NOON)) is None


def test_no_faults_are_none() -> None:
    assert NoFaults().at(call(0)) is None
