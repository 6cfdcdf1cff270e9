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
from coleta.contract.types import Contract, Field, Int, Timestamp
from coleta.runtime.events import Event
from coleta.runtime.orders import ask_again, settle
from coleta.runtime.questions import Books, Shelves, read_books
from coleta.runtime.station import Station
from coleta.stream import Source, Stream
from coleta.terms import Terms
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


# Streams that carry state ----------------------------------------------------------------------------

TERMS = Terms(Contract((Field("id", Int()), Field("at", Timestamp()))), key=("id",), cursor="at")
SINCE = bench_stream(source=Source(url="http://api.test/e", params=(("since", "{cursor}"),)), terms=TERMS)


def event(number: int, second: int) -> bytes:
    return f'[{{"id":{number},"at":"2026-11-24T12:00:{second:02d}Z"}}]'.encode()


def test_of_a_stream_that_carries_state_one_answer_from_where_it_ended_replaces_all_gaps() -> None:
    opened = Opened(0, stream=SINCE)
    opened.bench.api.answers.extend([event(1, 5), 404, 404])
    for n in range(3):
        settle_next(opened, n)
    opened.bench.api.asked.clear()

    done = opened.fill(event(2, 7))

    assert (done.asked, [one.state for one in done.results], done.remaining, done.behind) == (1, ["ok"], 0, 0)
    assert [one.url for one in opened.bench.api.asked] == ["http://api.test/e?since=2026-11-24T12%3A00%3A05Z"]
    assert done.results[0].tick == Interval(sample_tick(1).start, sample_tick(2).end)
    assert opened.gaps() == []


def test_a_gap_behind_where_the_answers_have_come_to_is_told_and_not_asked_for() -> None:
    opened = Opened(1)
    opened.bench.api.answers.append(PAGE)
    settle_next(opened, 1)
    opened.here = replace(opened.here, stream=SINCE)
    opened.bench.api.answers.append(event(1, 5))
    settle_next(opened, 2)
    opened.bench.api.asked.clear()

    done = opened.fill(PAGE)

    assert (done.asked, done.results, done.remaining, done.behind) == (0, [], 1, 1)
    assert opened.bench.api.asked == []
    assert opened.gaps() == [sample_tick(0)]


def settle_next(opened: Opened, n: int) -> None:
    """Ask for the tick `n` as a collector would."""
    (tick,) = ask_again(opened.here, [sample_tick(n)])
    settle(opened.here, tick, cancelled=threading.Event())
