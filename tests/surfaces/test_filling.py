"""Filling gaps: each open one is asked for again, in its order, and a source that gives nothing is left in peace."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from coleta.cli.app import App
from coleta.cli.filling import UNANSWERED, Filled, Span, fill
from coleta.collect.tick import Interval
from coleta.runtime.events import Event
from coleta.runtime.orders import settle
from coleta.runtime.questions import Books, Shelves, read_books
from coleta.runtime.station import Station
from coleta.stream import Source, Stream
from coleta.testing.bench import Answer, Bench, bench_stream
from coleta.testing.samples import PAGE, sample_tick

WINDOW = bench_stream(source=Source(url="http://api.test/compras?since={tick.start}&until={tick.end}"))
EVER = Span()


class Opened:
    """A stream with gaps, as the commands see it."""

    def __init__(self, gaps: int, *, stream: Stream | None = None, status: int = 404) -> None:
        self.bench = Bench(stream)
        self.here = self.bench.machine().open()
        self.bench.api.answers.extend([status] * gaps)
        for n in range(gaps):
            settle(self.here, sample_tick(n), cancelled=threading.Event())
        self.bench.api.asked.clear()

    @contextmanager
    def station(self, stream: Stream, tell: Callable[[Event], None]) -> Iterator[Station]:
        yield replace(self.here, world=replace(self.here.world, tell=tell))

    def gaps(self) -> list[Interval]:
        return [line.account.tick for line in self.books().gaps()]

    def books(self) -> Books:
        here = self.here
        shelves = Shelves(here.stream, here.identity, here.store, here.index, here.spool.contents())
        return read_books(shelves, self.bench.clock.now())

    def fill(self, *answers: Answer, span: Span = EVER, limit: int = 1000) -> Filled:
        self.bench.api.answers.extend(answers)
        app = cast(App, self)
        ways = {"tell": self.bench.events.append, "progress": lambda done, total: None}
        return fill(app, self.books(), span, limit=limit, **ways)  # type: ignore[arg-type]


def test_every_open_gap_is_asked_for_in_order_and_landed() -> None:
    opened = Opened(3, stream=WINDOW)

    done = opened.fill(PAGE, b"[]", PAGE)

    assert (done.asked, [one.state for one in done.results], done.remaining) == (3, ["ok", "empty", "ok"], 0)
    assert ["15" in one.url or "since=2026-11-24" in one.url for one in opened.bench.api.asked] == [True] * 3
    assert [one.tick for one in done.results] == [sample_tick(n) for n in range(3)]
    assert opened.gaps() == []


def test_only_the_part_that_no_answer_has_replaced_is_asked_for() -> None:
    opened = Opened(1, stream=WINDOW)
    tick = sample_tick(0)
    half = Interval(tick.start, tick.start + (tick.end - tick.start) / 2)
    settle(opened.here, half, cancelled=threading.Event())

    done = opened.fill(PAGE)

    assert [one.tick for one in done.results] == [Interval(half.end, tick.end)]
    assert opened.gaps() == []


def test_after_three_in_a_row_without_an_answer_the_others_are_left_for_later() -> None:
    opened = Opened(6)

    done = opened.fill(404, 404, PAGE, 404, 404, 404, PAGE)

    assert [one.state for one in done.results] == ["gap", "gap", "ok", "gap", "gap", "gap"]
    assert UNANSWERED == 3
    assert (done.asked, done.remaining) == (6, 5)
    assert "http_404" in str(done.stopped)


def test_an_api_that_refuses_who_asks_is_not_asked_again() -> None:
    opened = Opened(3)

    done = opened.fill(401)

    assert (done.asked, done.remaining, done.stopped is not None and done.stopped.exit_status) == (1, 3, 77)


def test_an_answer_that_the_store_does_not_take_waits_and_ends_the_filling() -> None:
    opened = Opened(2)
    books = opened.books()
    opened.bench.store.down = True
    opened.bench.api.answers.append(PAGE)
    ways = {"tell": opened.bench.events.append, "progress": lambda done, total: None}

    done = fill(cast(App, opened), books, Span(), **ways)  # type: ignore[arg-type]

    assert ([one.state for one in done.results], done.remaining) == (["waiting"], 2)
    assert len(opened.here.spool.contents().waiting) == 1
    opened.bench.store.down = False
    assert opened.fill(PAGE).remaining == 0
    assert len(opened.bench.api.asked) == 2, "what waited was landed, and not asked for a second time"
    assert opened.gaps() == []


def test_only_ticks_within_the_span_and_the_limit_are_asked_for() -> None:
    opened = Opened(5)

    done = opened.fill(PAGE, span=Span(sample_tick(1).end, sample_tick(3).end), limit=2)

    assert [one.tick for one in done.results] == [sample_tick(1), sample_tick(2)]
    assert (done.remaining, opened.gaps()) == (1, [sample_tick(0), sample_tick(3), sample_tick(4)])


def test_filling_again_asks_for_nothing_that_has_its_answer() -> None:
    opened = Opened(2)
    opened.fill(PAGE, PAGE)

    assert opened.fill().asked == 0
