"""What a person can order, and what a person can ask."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.collect.envelope import NotData
from coleta.collect.response import Fault, Response
from coleta.collect.tick import Interval, on_demand
from coleta.errors import AuthRefused, Misconfigured, SourceUnavailable, StoreUnavailable
from coleta.land.record import Outcome
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.runtime.orders import Settlement, choose_tick, preview, sample, settle, settled_tick
from coleta.runtime.questions import Books, Shelves, read_books
from coleta.runtime.station import Station
from coleta.stream import Source, Stream
from coleta.testing.bench import Answer, Bench, bench_stream, waiting
from coleta.testing.samples import MINUTE, NOON, PAGE, sample_terms, sample_tick

URL = "http://api.test/compras"
WINDOW = bench_stream(source=Source(url=f"{URL}?since={{tick.start}}"))


def opened(stream: Stream | None = None, *answers: Answer) -> tuple[Bench, Station]:
    bench = Bench(stream)
    station = bench.machine().open()
    bench.api.answers.extend(answers)
    return bench, station


def order(station: Station, tick: Interval) -> Settlement:
    return settle(station, tick, cancelled=threading.Event())


# Settling one tick ----------------------------------------------------------------------------------


def test_an_ordered_tick_is_asked_landed_and_told() -> None:
    bench, station = opened(None, PAGE)

    settlement = order(station, sample_tick(0))

    assert settlement.account is not None
    assert (settlement.tick, settlement.account.outcome) == (sample_tick(0), Outcome.OK)
    assert settlement.committed == bench.commits()[0]


def test_an_ordered_tick_whose_answer_waits_is_not_asked_again() -> None:
    bench, station = opened()
    waiting(station, 0, PAGE)

    settlement = order(station, sample_tick(0))

    assert bench.api.asked == []
    assert settlement.account is not None


def test_an_ordered_tick_that_cannot_be_asked_ends_as_a_gap() -> None:
    _, station = opened(None, 404)

    settlement = order(station, sample_tick(0))

    assert settlement.account is not None
    assert (settlement.account.outcome, settlement.account.reason) == (Outcome.GAP, "http_404")


def test_an_ordered_tick_that_another_settles_first_is_superseded() -> None:
    bench, station = opened(None, PAGE)
    other = bench.machine("two").open()

    def overtake() -> None:
        waiting(other, 0, b"[]")
        land(other)

    bench.api.during = overtake

    assert order(station, sample_tick(0)) == Settlement(sample_tick(0))
    assert len(bench.names("_superseded/")) == 1


def test_an_order_behind_a_long_backlog_finds_its_account() -> None:
    bench, station = opened(None, PAGE)
    terms = sample_terms()
    for n in range(1, 111):
        # Terms in turn, so that each of them needs an object of its own.
        waiting(station, n, PAGE, terms=replace(terms, key=("ean",) if n % 2 else (), records=(f"r{n}",)))

    settlement = order(station, sample_tick(0))

    assert len(bench.commits()) == 111
    assert settlement.account is not None


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_order_that_is_stopped_ends_in_nothing(method: str) -> None:
    bench, station = opened(bench_stream(source=Source(url=URL, method=method)), Fault.RESET)  # type: ignore[arg-type]
    cancelled = threading.Event()
    bench.api.during = cancelled.set

    with pytest.raises(SourceUnavailable, match="nothing was accepted"):
        settle(station, sample_tick(0), cancelled=cancelled)

    assert station.spool.contents().waiting == ()


def test_an_order_while_the_store_is_down_leaves_its_answer_in_the_spool() -> None:
    bench, station = opened(None, PAGE)
    bench.store.down = True

    with pytest.raises(StoreUnavailable):
        order(station, sample_tick(0))

    assert len(station.spool.contents().waiting) == 1
    bench.store.down = False
    assert order(station, sample_tick(0)).account is not None
    assert len(bench.api.asked) == 1


# Which tick -----------------------------------------------------------------------------------------


def test_without_a_name_the_tick_is_this_instant_and_covers_nothing() -> None:
    bench, station = opened()

    assert choose_tick(station, None) == on_demand(bench.clock.now())


def test_a_stream_whose_requests_name_the_interval_has_no_ticks_on_demand() -> None:
    _, station = opened(WINDOW)

    with pytest.raises(Misconfigured, match="no ticks on demand"):
        choose_tick(station, None)


@pytest.mark.parametrize("name", ["20261124T120000Z", "2026-11-24T12:00:00Z", "2026-11-24T09:00:00-03:00"])
def test_a_tick_is_chosen_by_its_name(name: str) -> None:
    _, station = opened()

    assert choose_tick(station, name) == sample_tick(0)


@pytest.mark.parametrize("name", ["yesterday", "", "20261124", "2026-11-24T12:00:00"])
def test_what_names_no_tick_is_refused_with_the_form(name: str) -> None:
    _, station = opened()

    with pytest.raises(Misconfigured) as refused:
        choose_tick(station, name)
    assert "20261124T120000Z" in (refused.value.hint or "")


def test_the_tick_of_a_gap_can_be_chosen_until_it_has_its_answer() -> None:
    _, station = opened(None, 404, PAGE)
    order(station, sample_tick(0))

    assert settled_tick(station, sample_tick(0).name) is None
    order(station, choose_tick(station, sample_tick(0).name))
    with pytest.raises(Misconfigured, match="has its answer already"):
        choose_tick(station, sample_tick(0).name)
    settled = settled_tick(station, sample_tick(0).name)
    assert settled is not None
    assert settled.account is not None
    assert settled.account.outcome is Outcome.OK


def test_what_was_never_settled_or_is_no_name_is_not_settled() -> None:
    _, station = opened(None, PAGE)
    order(station, on_demand(NOON))

    assert settled_tick(station, sample_tick(0).name) is None
    assert settled_tick(station, "yesterday") is None


# Looking without landing ----------------------------------------------------------------------------


def test_a_sample_asks_once_and_keeps_nothing() -> None:
    bench, station = opened(None, PAGE)

    came = sample(station.stream, station.world)

    assert came.response.body == PAGE
    assert len(bench.api.asked) == 1
    assert station.spool.contents().waiting == ()


def test_a_sample_that_is_not_the_data_says_so() -> None:
    _, station = opened(None, b"<html>")

    assert isinstance(sample(station.stream, station.world).page, NotData)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Fault.REFUSED, SourceUnavailable),
        (500, SourceUnavailable),
        (302, SourceUnavailable),
        (401, AuthRefused),
        (403, AuthRefused),
        (Fault.SECRET, AuthRefused),
    ],
)
def test_a_sample_that_does_not_come_says_why(answer: Answer, error: type[Exception]) -> None:
    _, station = opened(None, answer)

    with pytest.raises(error):
        sample(station.stream, station.world)


def test_an_empty_body_is_a_sample_where_it_is_allowed() -> None:
    nothing = Response(204, (), b"", b"", None, NOON, NOON)
    _, station = opened(bench_stream(source=Source(url=URL, allow_empty_body=True)), nothing)

    assert not isinstance(sample(station.stream, station.world).page, NotData)


def test_a_preview_shows_rows_and_rejects_and_lands_nothing() -> None:
    bench, station = opened()
    body = b'[{"ean":1,"price":2},{"ean":"x","price":2},{"ean":3,"price":4}]'

    seen = preview(station.stream, body, limit=1)

    assert (seen.received, seen.landed, seen.rows) == (3, 2, [{"ean": 1, "price": 2.0}])
    assert [reject[:3] for reject in seen.rejects] == [(1, "$.ean", "type")]
    assert preview(station.stream, b"<html>", limit=1).wrong is not None
    assert preview(station.stream, b"", limit=1) == preview(station.stream, b"[]", limit=1)
    assert bench.names("data/") == []


# Questions ------------------------------------------------------------------------------------------


def books(bench: Bench, station: Station, *, newest: int | None = None) -> Books:
    shelves = Shelves(station.stream, station.identity, station.store, station.index, station.spool.contents())
    return read_books(shelves, bench.clock.now(), newest=newest)


def test_books_show_every_tick_with_its_current_outcome() -> None:
    bench, station = opened(None, PAGE, 404, b"[]")
    for n in range(3):
        order(station, sample_tick(n))

    read = books(bench, station)

    outcomes = [(line.account.tick, str(line.account.outcome)) for line in read.ticks()]
    assert outcomes == [(sample_tick(0), "ok"), (sample_tick(1), "gap"), (sample_tick(2), "empty")]
    assert [line.account.tick for line in read.gaps()] == [sample_tick(1)]
    assert (read.totals().outcomes, read.totals().landed) == ({"empty": 1, "gap": 1, "ok": 1}, 2)


def test_a_gap_that_was_filled_is_no_gap_any_more() -> None:
    bench, station = opened(None, 404, PAGE)
    order(station, sample_tick(0))
    order(station, sample_tick(0))

    read = books(bench, station)

    assert read.gaps() == []
    assert [str(line.account.outcome) for line in read.ticks()] == ["ok"]


def test_books_read_what_others_have_committed_since() -> None:
    bench, station = opened()
    other = bench.machine("two").open()
    waiting(other, 0, PAGE)
    land(other)

    assert [commit.record.seq for commit in books(bench, station).commits] == [1]
    assert station.index.head() is not None
    assert station.index.head().seq == 0  # type: ignore[union-attr]


def test_books_are_shown_from_memory_while_the_store_is_down() -> None:
    bench, station = opened(None, PAGE)
    order(station, sample_tick(0))
    bench.store.down = True

    read = books(bench, station)

    assert (len(read.commits), read.store_error is not None) == (1, True)


def test_books_of_the_newest_commits_only() -> None:
    bench, station = opened()
    for n in range(4):
        waiting(station, n, PAGE)
        land(station)

    assert [commit.record.seq for commit in books(bench, station, newest=2).commits] == [3, 4]


def test_the_next_tick_is_due_now_or_when_its_time_comes() -> None:
    bench, station = opened()

    assert books(bench, station).next_at() == bench.clock.now()
    Collector(station).step()
    coming = books(bench, station).next_at()
    assert coming is not None
    assert NOON + MINUTE <= coming < NOON + MINUTE + timedelta(seconds=6)
