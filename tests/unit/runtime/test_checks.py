"""Answers that are the data by their shape and look wrong: asked again, rejected with their bytes, or told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.collect.courtesy import Go, Wish
from coleta.collect.spool import parse
from coleta.collect.tick import Interval
from coleta.land.record import Outcome
from coleta.paging import PageNumber
from coleta.runtime.asking import Answered, Later, TickAsking
from coleta.runtime.checking import answer_before
from coleta.runtime.events import AskAgain, Doubted
from coleta.runtime.lander import land
from coleta.runtime.station import Station
from coleta.stream import Checks, Source, Stream
from coleta.testing.bench import Answer, Bench, bench_stream, waiting
from coleta.testing.samples import MINUTE, NOON, PAGE, sample_tick

ONE = b'[{"ean":1,"price":2.5}]'
TWO = b'[{"ean":1,"price":2.5},{"ean":2,"price":3}]'
FEW = "1 records came, at least 2 are expected"
SAME = "the answer is byte for byte the one before it"


def opened(checks: Checks, *answers: Answer, stream: Stream | None = None) -> tuple[Bench, Station]:
    bench = Bench(replace(stream or bench_stream(), checks=checks))
    station = bench.machine().open()
    bench.api.answers.extend(answers)
    return bench, station


def ask(bench: Bench, station: Station, tick: Interval | int = 0) -> Answered:
    """Ask until the tick has an answer, moving the clock on to each instant that is waited for."""
    bench.clock.set(max(bench.clock.now(), sample_tick(tick).end if isinstance(tick, int) else tick.end))
    asking = TickAsking(station, sample_tick(tick) if isinstance(tick, int) else tick)
    for _ in range(1_000):
        outcome = asking.advance()
        if isinstance(outcome, Later):
            bench.clock.set(max(bench.clock.now(), outcome.at))
            continue
        assert isinstance(outcome, Answered)
        return outcome
    raise AssertionError("it is asked for ever")


def outcomes(bench: Bench) -> list[tuple[Outcome, str | None]]:
    return [(one.outcome, one.reason) for commit in bench.commits() for one in commit.record.accounts]


def test_an_answer_with_few_records_is_asked_again_until_enough_come() -> None:
    bench, station = opened(Checks(min_rows=2), ONE, ONE, TWO)

    ask(bench, station)
    land(station)

    assert len(bench.api.asked) == 3
    assert [again.reason for again in bench.told(AskAgain)] == [FEW, FEW]
    assert outcomes(bench) == [(Outcome.OK, None)]
    assert bench.rows("ean") == [(1,), (2,)]
    assert bench.told(Doubted) == []


def test_at_the_deadline_it_is_rejected_with_its_bytes_kept() -> None:
    bench, station = opened(Checks(min_rows=2))
    bench.api.usual = ONE

    entry = ask(bench, station).entry
    pages = parse(entry.name, station.spool.read(entry).whole()).pages
    land(station)

    assert len(bench.api.asked) > 2
    assert [body for _, body in pages] == [ONE]
    assert outcomes(bench) == [(Outcome.REJECTED, FEW)]
    assert bench.rows("ean") == []
    assert len(bench.names("_quarantine/")) == 1
    assert bench.told(Doubted) == [Doubted("compras", sample_tick(), FEW, rejected=True)]


def test_it_is_rejected_with_all_its_bytes_where_its_host_may_not_be_asked_again() -> None:
    bench, station = opened(Checks(min_rows=2), ONE, TWO)
    wish = Wish(again=True, now=bench.clock.now(), last_chance=NOON + 9 * MINUTE)
    while station.world.hosts.may_ask("api.test", wish) == Go():
        pass

    answered = ask(bench, station)

    assert len(bench.api.asked) == 1
    assert (answered.entry.trailer.wrong, answered.entry.trailer.pages) == (FEW, 1)
    assert [(event.what, event.rejected) for event in bench.told(Doubted)] == [(FEW, True)]


def test_it_is_rejected_at_once_where_that_is_asked() -> None:
    bench, station = opened(Checks(min_rows=2, on_few="reject"), ONE)

    ask(bench, station)
    land(station)

    assert len(bench.api.asked) == 1
    assert outcomes(bench) == [(Outcome.REJECTED, FEW)]


def test_a_warning_lands_the_answer_and_tells() -> None:
    bench, station = opened(Checks(min_rows=2, on_few="warn"), ONE)

    ask(bench, station)
    land(station)

    assert outcomes(bench) == [(Outcome.OK, None)]
    assert bench.rows("ean") == [(1,)]
    assert bench.told(Doubted) == [Doubted("compras", sample_tick(), FEW, rejected=False)]


def test_records_are_counted_over_all_pages_and_all_pages_are_asked_anew() -> None:
    source = Source(url="http://api.test/compras", paging=PageNumber(size=1))
    bench, station = opened(Checks(min_rows=2), ONE, b"[]", ONE, b'[{"ean":3,"price":1}]', b"[]")
    station = replace(station, stream=replace(station.stream, source=source))

    ask(bench, station)
    land(station)

    assert [request.url.partition("?")[2] for request in bench.api.asked] == [
        *("page=1", "page=2"), *("page=1", "page=2", "page=3")
    ]  # fmt: skip
    assert bench.rows("ean") == [(1,), (3,)]


def test_a_request_that_may_not_be_sent_twice_is_not_asked_again() -> None:
    bench, station = opened(Checks(min_rows=2), ONE)
    station = replace(station, stream=replace(station.stream, source=Source(url="http://h/x", method="POST")))

    ask(bench, station)
    land(station)

    assert len(bench.api.asked) == 1
    assert outcomes(bench) == [(Outcome.REJECTED, FEW)]


def test_an_empty_answer_is_rejected_where_none_is_expected() -> None:
    bench, station = opened(Checks(on_empty="reject"), b"[]")

    ask(bench, station)
    land(station)

    assert outcomes(bench) == [(Outcome.REJECTED, "no records came")]


@pytest.mark.parametrize("landed", [False, True])
def test_the_answer_before_again_is_doubted_whether_it_waits_or_has_landed(landed: bool) -> None:
    bench, station = opened(Checks(on_same="warn"), TWO, TWO, ONE)

    ask(bench, station, 0)
    if landed:
        land(station)
    ask(bench, station, 1)
    ask(bench, station, 2)

    assert bench.told(Doubted) == [Doubted("compras", sample_tick(1), SAME, rejected=False)]


@pytest.mark.parametrize("landed", [False, True])
def test_an_answer_all_of_whose_records_broke_the_contract_is_the_answer_before_too(landed: bool) -> None:
    broken = b'[{"ean":"one","price":2.5}]'
    bench, station = opened(Checks(on_same="reject"), broken, broken)

    ask(bench, station, 0)
    if landed:
        land(station)
    ask(bench, station, 1)
    land(station)

    assert outcomes(bench) == [(Outcome.REJECTED, "contract"), (Outcome.REJECTED, SAME)]


def test_a_body_that_is_new_at_last_is_taken() -> None:
    bench, station = opened(Checks(on_same="retry"), TWO, TWO, ONE)

    ask(bench, station, 0)
    ask(bench, station, 1)
    land(station)

    assert outcomes(bench) == [(Outcome.OK, None), (Outcome.OK, None)]
    assert bench.rows("ean") == [(1,), (2,), (1,)]


def test_a_body_that_stays_the_same_is_rejected_tick_after_tick() -> None:
    bench, station = opened(Checks(on_same="reject"), TWO, TWO, TWO, ONE)

    for tick in range(4):
        ask(bench, station, tick)
        land(station)

    assert outcomes(bench) == [(Outcome.OK, None), *[(Outcome.REJECTED, SAME)] * 2, (Outcome.OK, None)]


@pytest.mark.parametrize("landed", [False, True])
def test_what_was_no_data_does_not_count_as_the_answer_before(landed: bool) -> None:
    source = Source(url="http://api.test/compras", deadline=timedelta(seconds=1))
    bench, station = opened(Checks(on_same="warn"), TWO, stream=bench_stream(source=source))
    ask(bench, station, 0)
    bench.api.usual = b"<html>"
    ask(bench, station, 1)
    if landed:
        land(station)
    bench.api.usual = TWO

    ask(bench, station, 2)

    assert [told.tick for told in bench.told(Doubted)] == [sample_tick(2)]


def test_the_answer_before_is_that_of_the_newest_earlier_tick_not_the_newest_one() -> None:
    _, station = opened(Checks())
    old, new = (waiting(station, tick, body) for tick, body in ((0, PAGE), (3, TWO)))

    assert answer_before(station, sample_tick(2)) == old.trailer.response
    assert answer_before(station, sample_tick(4)) == new.trailer.response
    assert answer_before(station, sample_tick(0)) is None


def test_nothing_is_read_for_a_stream_without_checks() -> None:
    bench, station = opened(Checks(), TWO, TWO)
    calls: list[str] = []

    class Watched:
        """The index, whose commits nobody is to read."""

        def __getattr__(self, name: str) -> object:
            calls.append(name)
            return getattr(station.index, name)

    watched = replace(station, index=Watched())  # type: ignore[arg-type]
    ask(bench, watched, 0)
    ask(bench, watched, 1)

    assert "commits" not in calls


def test_checks_are_no_part_of_the_terms() -> None:
    stream = bench_stream()

    assert replace(stream, checks=Checks(min_rows=5)).terms.digest == stream.terms.digest
    assert b"min_rows" not in json.dumps(stream.schedule.to_json()).encode()


def test_a_tick_of_this_instant_has_an_answer_before_it_too() -> None:
    bench, station = opened(Checks(on_same="warn"), TWO, TWO)
    ask(bench, station, 0)

    ask(bench, station, Interval(NOON + MINUTE, NOON + MINUTE))

    assert len(bench.told(Doubted)) == 1
