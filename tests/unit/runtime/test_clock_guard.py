"""A clock that is far from the store's: nothing new is begun by it, nothing is lost, and it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.errors import WrongClock
from coleta.runtime.clock_guard import LOOK_AGAIN, LOOK_EVERY, ClockGuard
from coleta.runtime.collector import Collector
from coleta.runtime.events import Trouble
from coleta.runtime.orders import choose_tick
from coleta.runtime.station import Station
from coleta.testing.bench import Bench
from coleta.testing.memory import ManualClock
from coleta.testing.samples import MINUTE

STORE = "http://store.test/"


@dataclass(eq=False)
class StoreTime:
    """A store that says what time it is: that of `clock`, less ``behind``."""

    clock: ManualClock
    behind: timedelta = timedelta(0)
    header: bool = True
    down: bool = False
    asked: list[str] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    """Done while a request is under way."""

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        self.asked.append(f"{request.method} {request.url}")
        self.during()
        now = self.clock.now()
        if self.down:
            return Failed(Fault.REFUSED, "as planned", now)
        headers = (("date", format_datetime(now - self.behind, usegmt=True)),) if self.header else ()
        return Response(403, headers, b"", b"", None, now, now)


def station_with(behind: timedelta) -> tuple[Bench, StoreTime, Station]:
    bench = Bench()
    store = StoreTime(bench.clock, behind)
    station = bench.machine().open()
    world = replace(station.world, clocks=ClockGuard(bench.clock, store))
    return bench, store, replace(station, world=world, clock_url=STORE)


@pytest.mark.parametrize("behind", [timedelta(hours=1), timedelta(hours=-1)])
def test_by_a_clock_that_is_an_hour_off_nothing_is_asked_and_nothing_is_missed(behind: timedelta) -> None:
    bench, _, station = station_with(behind)
    bench.clock.advance(90 * MINUTE)

    until = Collector(station).step()

    assert bench.api.asked == []
    assert station.spool.contents().waiting == ()
    (told,) = bench.told(Trouble)
    assert told.where == "clock"
    assert "ahead of the store's" in told.what if behind > timedelta(0) else "behind" in told.what
    assert until == bench.clock.now() + LOOK_AGAIN


def test_once_the_clock_is_right_collecting_goes_on_by_itself() -> None:
    bench, store, station = station_with(timedelta(hours=1))
    collector = Collector(station)
    bench.clock.set(collector.step())
    store.behind = timedelta(0)

    collector.step()

    assert len(bench.api.asked) == 1


def test_an_order_by_a_wrong_clock_is_refused_with_what_to_do() -> None:
    _, _, station = station_with(timedelta(minutes=75))

    with pytest.raises(WrongClock, match=r"1 h 1[45] min ahead") as caught:
        choose_tick(station, None)

    assert "set the clock" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["down", "no header"])
def test_a_store_that_does_not_say_the_time_holds_nothing_up(kind: str) -> None:
    bench, store, station = station_with(timedelta(hours=1))
    store.down, store.header = kind == "down", kind != "no header"

    Collector(station).step()

    assert len(bench.api.asked) == 1


def test_the_store_is_asked_once_in_a_while_by_a_request_that_needs_no_credentials() -> None:
    bench, store, station = station_with(timedelta(0))

    for _ in range(3):
        assert station.clock_ahead == timedelta(0)
    bench.clock.advance(LOOK_EVERY)
    assert station.clock_ahead == timedelta(0)

    assert store.asked == [f"HEAD {STORE}"] * 2


def test_a_clock_that_was_set_back_is_looked_at_at_once() -> None:
    bench, store, station = station_with(timedelta(0))
    assert station.clock_ahead == timedelta(0)

    bench.clock.advance(-MINUTE)
    assert station.clock_ahead == timedelta(0)

    assert len(store.asked) == 2


def test_a_clock_that_is_set_while_it_is_compared_is_compared_again() -> None:
    bench, store, station = station_with(timedelta(0))

    def sleeps_and_is_set_ahead() -> None:
        store.during = lambda: None
        store.behind = timedelta(hours=1)
        bench.clock.advance(timedelta(hours=1) + 3 * MINUTE)

    store.during = sleeps_and_is_set_ahead

    assert station.clock_ahead >= timedelta(minutes=59)
    assert len(store.asked) == 2


def test_a_clock_that_never_stands_still_is_compared_a_few_times_only() -> None:
    bench, store, station = station_with(timedelta(0))
    store.during = lambda: bench.clock.advance(timedelta(hours=1))

    assert station.clock_ahead == timedelta(0)
    assert len(store.asked) == 3


def test_a_clock_that_is_set_right_while_it_is_compared_begins_no_tick_of_what_it_showed_before() -> None:
    bench, store, station = station_with(timedelta(0))
    right = bench.clock.now()
    bench.clock.advance(timedelta(hours=1))
    store.during = lambda: bench.clock.set(right)

    Collector(station).step()

    assert all(entry.intervals[-1].end <= right for entry in station.spool.contents().waiting)
    assert len(bench.api.asked) == 1
