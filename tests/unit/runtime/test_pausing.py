"""A paused stream: nothing is asked, each tick is written down as paused, landing goes on."""

from __future__ import annotations

from datetime import datetime

from coleta.collect.tick import Interval
from coleta.land.record import Outcome
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.runtime.pausing import read_pauses, set_paused
from coleta.runtime.station import Station
from coleta.stream import CatchUp, Source
from coleta.testing.bench import Bench, Machine, bench_stream, waiting
from coleta.testing.samples import MINUTE, PAGE, sample_tick


class Paused:
    """A collector at work, in steps that a test asks for, and the log that comes of it."""

    def __init__(self, catch_up: CatchUp = "latest") -> None:
        self.bench = Bench(bench_stream(catch_up=catch_up, source=Source(url="http://api.test/compras")))
        self.bench.api.usual = PAGE
        self.machine: Machine = self.bench.machine()
        self.station: Station = self.machine.open()
        self.collector = Collector(self.station)
        self.go_on(1)

    def go_on(self, minutes: int) -> None:
        """So many minutes, in each of which a tick comes due."""
        for _ in range(minutes):
            self.bench.clock.advance(MINUTE)
            while self.collector.step() <= self.bench.clock.now():
                pass
        land(self.station)

    def pause(self, *, paused: bool = True) -> None:
        set_paused(self.machine.notes, self.bench.clock.now(), paused=paused)

    def outcomes(self) -> list[str]:
        found: dict[datetime, str] = {}
        for commit in self.bench.commits():
            for account in commit.record.accounts:
                name = account.reason if account.outcome is Outcome.GAP else str(account.outcome)
                found[account.tick.end] = name or ""
        return [found[end] for end in sorted(found)]


def test_while_it_is_paused_nothing_is_asked_and_each_tick_is_a_gap() -> None:
    world = Paused()
    before, asked = world.outcomes(), len(world.bench.api.asked)
    world.pause()

    world.go_on(3)
    assert len(world.bench.api.asked) == asked
    world.pause(paused=False)
    world.go_on(2)

    assert world.outcomes() == [*before, "paused", "paused", "paused", "ok", "ok"]
    assert len(world.bench.api.asked) == asked + 2


def test_with_catch_up_all_a_resumed_stream_does_not_make_up_for_its_pause() -> None:
    world = Paused("all")
    before = world.outcomes()
    world.pause()
    world.bench.clock.advance(2 * MINUTE)  # nobody collects meanwhile
    world.pause(paused=False)

    world.go_on(1)

    assert world.outcomes() == [*before, "paused", "paused", "ok"]


def test_ticks_of_a_pause_in_which_nobody_collected_are_paused_and_others_missed() -> None:
    world = Paused()
    begun = len(world.outcomes())
    world.bench.clock.advance(2 * MINUTE)
    world.pause()
    world.bench.clock.advance(2 * MINUTE)
    world.pause(paused=False)
    world.bench.clock.advance(5 * MINUTE)

    world.go_on(1)

    assert world.outcomes()[begun:] == ["missed"] * 2 + ["paused"] * 2 + ["missed"] * 5 + ["ok"]


def test_what_waits_is_landed_while_it_is_paused() -> None:
    world = Paused()
    world.pause()
    tick = sample_tick(-5)
    waiting(world.station, Interval(tick.end, tick.end), PAGE)

    world.go_on(1)

    assert world.station.spool.contents().waiting == ()


def test_an_answer_of_another_machine_replaces_a_paused_gap() -> None:
    world = Paused()
    world.pause()
    world.go_on(1)
    other = world.bench.machine("two").open()
    end = max(account.tick.end for commit in world.bench.commits() for account in commit.record.accounts)
    waiting(other, Interval(end - MINUTE, end), PAGE)

    land(other)

    assert world.outcomes()[-1] == "ok"


def test_a_pause_outlives_the_process_and_is_written_once() -> None:
    world = Paused()
    world.pause()
    before = dict(world.machine.notes.notes)
    world.bench.clock.advance(MINUTE)
    world.pause()

    assert world.machine.notes.notes == before
    assert read_pauses(world.machine.open().notes).since is not None
