"""An API that refuses who asks: windows stay open until it takes the credentials, and all else ends as a gap (A 21)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from coleta.audit.verify import check_coverage
from coleta.collect.response import Fault
from coleta.collect.tick import Interval
from coleta.land.record import Outcome
from coleta.runtime.collector import Collector
from coleta.runtime.events import Trouble
from coleta.runtime.lander import land
from coleta.runtime.log import known_head
from coleta.runtime.orders import settle
from coleta.runtime.station import Station
from coleta.stream import CatchUp, Source
from coleta.testing.bench import Answer, Bench, bench_stream
from coleta.testing.samples import MINUTE, NOON, PAGE

WINDOW = Source(url="http://api.test/compras?from={tick.start}&until={tick.end}")
NOW = Source(url="http://api.test/compras")


def opened(source: Source = WINDOW, catch_up: CatchUp = "all") -> tuple[Bench, Station]:
    bench = Bench(bench_stream(source=source, catch_up=catch_up))
    bench.api.usual = PAGE
    return bench, bench.machine().open()


def work(bench: Bench, collector: Collector, station: Station, *, minutes: float) -> None:
    """Let so many minutes pass, and call a bit more often than is asked for, as being roused does."""
    until = bench.clock.now() + minutes * MINUTE
    while bench.clock.now() < until:
        wake = collector.step()
        bench.clock.set(max(min(wake, bench.clock.now() + 20 * MINUTE / 60, until), bench.clock.now() + MINUTE / 60))
    land(station)


def outcomes(bench: Bench) -> list[Outcome]:
    return [account.outcome for commit in bench.commits() for account in commit.record.accounts]


@pytest.mark.parametrize("refusal", [401, 403, Fault.SECRET, Fault.AUTH])
def test_windows_stay_open_and_all_are_asked_oldest_first_when_the_api_takes_the_key(refusal: Answer) -> None:
    bench, station = opened()
    collector = Collector(station)
    work(bench, collector, station, minutes=3)
    before = len(outcomes(bench))
    bench.api.usual = refusal
    work(bench, collector, station, minutes=120)
    assert outcomes(bench) == [Outcome.OK] * before
    bench.api.usual = PAGE

    work(bench, collector, station, minutes=17)

    assert set(outcomes(bench)) == {Outcome.OK}
    ends = [account.tick.end for commit in bench.commits() for account in commit.record.accounts]
    assert ends == [ends[0] + n * MINUTE for n in range(len(ends))]
    assert ends[-1] >= NOON + 130 * MINUTE


def test_meanwhile_it_is_asked_ever_more_rarely_and_one_trouble_is_told() -> None:
    bench, station = opened()
    collector = Collector(station)
    bench.api.usual = 401

    work(bench, collector, station, minutes=120)

    # After 0, 1, 3, 7, 15, 30, 45, … minutes.
    assert 10 <= len(bench.api.asked) <= 12
    troubles = {(event.where, event.what) for event in bench.told(Trouble)}
    assert troubles == {("auth", "auth: HTTP status 401; its ticks stay open")}


def test_ticks_that_stay_open_are_late_and_no_damage() -> None:
    bench, station = opened()
    collector = Collector(station)
    work(bench, collector, station, minutes=3)
    bench.api.usual = 401
    work(bench, collector, station, minutes=60 * 30)

    head = known_head(station.index, station.identity)
    findings = check_coverage(head, [], until=bench.clock.now())

    assert [(one.severity, one.code) for one in findings] == [("warning", "late")]


@pytest.mark.parametrize(("source", "catch_up"), [(NOW, "latest"), (WINDOW, "latest"), (WINDOW, "none"), (NOW, "all")])
def test_what_cannot_be_asked_later_ends_as_a_gap(source: Source, catch_up: CatchUp) -> None:
    bench, station = opened(source, catch_up)
    bench.api.usual = 401

    work(bench, Collector(station), station, minutes=5)

    assert outcomes(bench) == [Outcome.GAP] * 6


def test_any_other_failure_is_a_gap_of_windows_too() -> None:
    bench, station = opened()
    bench.api.usual = 404

    work(bench, Collector(station), station, minutes=5)

    assert outcomes(bench) == [Outcome.GAP] * 6


def test_who_orders_a_tick_is_told_of_the_refusal() -> None:
    bench, station = opened()
    bench.api.usual = 401

    settle(station, Interval(NOON - MINUTE, NOON), cancelled=threading.Event())

    assert outcomes(bench) == [Outcome.GAP]


def test_a_clock_that_is_set_back_does_not_lengthen_the_wait() -> None:
    bench, station = opened()
    collector = Collector(station)
    bench.api.usual = 401
    work(bench, collector, station, minutes=40)
    asked = len(bench.api.asked)
    bench.clock.set(bench.clock.now() - timedelta(minutes=30))

    collector.step()

    assert len(bench.api.asked) == asked + 1
