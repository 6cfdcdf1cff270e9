"""Collecting: which ticks are asked and written down, and what becomes of each exchange."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from coleta.collect.response import Fault, Response
from coleta.collect.spool import Gap, Spooled, parse
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int
from coleta.runtime.collector import MISSED, Collector
from coleta.runtime.events import Accepted, AskAgain
from coleta.runtime.events import Trouble as Told
from coleta.runtime.lander import land
from coleta.runtime.opening import open_station
from coleta.runtime.station import Station
from coleta.stream import Cron, PageNumber, Source, Stream
from coleta.terms import Terms
from coleta.testing.bench import Answer, Bench, bench_stream
from coleta.testing.memory import MemorySpool
from coleta.testing.samples import MINUTE, NOON, sample_tick

HTML = b"<html>maintenance</html>"
URL = "http://api.test/compras"


def collect(bench: Bench, collector: Collector, *, until: datetime) -> None:
    """Step, moving the clock on to each instant that the collector asks for, up to `until`."""
    for _ in range(10_000):
        wake = collector.step()
        if wake > until:
            bench.clock.set(until)
            return
        bench.clock.set(max(bench.clock.now(), wake))
    raise AssertionError("the collector never rests")


def opened(stream: Stream | None = None, *answers: Answer) -> tuple[Bench, Station]:
    bench = Bench(stream)
    station = bench.machine().open()
    bench.api.answers.extend(answers)
    return bench, station


def waiting(station: Station) -> tuple[Spooled, ...]:
    return station.spool.contents().waiting


def ends(entries: Sequence[Spooled]) -> list[int]:
    """The ticks of `entries`, as minutes after noon."""
    return [(interval.end - NOON) // MINUTE for entry in entries for interval in entry.intervals]


def gaps(station: Station) -> list[Gap]:
    return [gap for entry in waiting(station) for gap in entry.header.gaps]


def with_source(**changed: object) -> Stream:
    return bench_stream(source=replace(Source(url=URL), **changed))  # type: ignore[arg-type]


# Which ticks ----------------------------------------------------------------------------------------


def test_each_tick_is_asked_once_and_accepted() -> None:
    bench, station = opened()

    collect(bench, Collector(station), until=NOON + 3 * MINUTE + timedelta(seconds=30))

    assert ends(waiting(station)) == [0, 1, 2, 3]
    assert len(bench.api.asked) == 4
    assert [entry.intervals[0] for entry in waiting(station)] == [sample_tick(n) for n in range(4)]


def test_a_restart_asks_for_nothing_again() -> None:
    bench = Bench()
    machine = bench.machine()
    for _ in range(3):
        collect(bench, Collector(machine.open()), until=NOON + MINUTE + timedelta(seconds=30))
    land(machine.open())
    collect(bench, Collector(machine.open()), until=NOON + MINUTE + timedelta(seconds=40))

    assert len(bench.api.asked) == 2


def test_a_tick_is_asked_after_its_delay() -> None:
    bench, station = opened(bench_stream(delay=timedelta(seconds=40)))
    bench.api.usual = b"[]"

    collect(bench, Collector(station), until=NOON + timedelta(seconds=39))
    assert bench.api.asked == []
    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))
    assert len(bench.api.asked) == 1


@pytest.mark.parametrize(
    ("catch_up", "asked", "missed"),
    [
        ("all", [0, 1, 2, 3, 4, 5], []),
        ("latest", [0, 5], [1, 2, 3, 4]),
        ("none", [0, 5], [1, 2, 3, 4]),
    ],
)
def test_what_an_outage_left_is_caught_up_as_the_stream_says(
    catch_up: str, asked: list[int], missed: list[int]
) -> None:
    bench, station = opened(bench_stream(catch_up=catch_up))
    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    bench.clock.set(NOON + 5 * MINUTE + timedelta(seconds=30))
    collect(bench, Collector(station), until=NOON + 5 * MINUTE + timedelta(seconds=50))

    answers = [entry for entry in waiting(station) if not entry.is_gap]
    assert ends(answers) == asked
    assert [(gap.tick.end - NOON) // MINUTE for gap in gaps(station)] == missed
    assert {gap.reason for gap in gaps(station)} <= {MISSED}


@pytest.mark.parametrize(("catch_up", "asked"), [("latest", 1), ("none", 0)])
def test_the_newest_tick_is_asked_even_late_where_the_latest_is_wanted(catch_up: str, asked: int) -> None:
    bench, station = opened(bench_stream(schedule=Cron("0 * * * *"), catch_up=catch_up))

    bench.clock.set(NOON + timedelta(minutes=30))
    collect(bench, Collector(station), until=NOON + timedelta(minutes=31))

    assert len(bench.api.asked) == asked
    assert len(gaps(station)) == 1 - asked


def test_missed_ticks_are_written_down_date_by_date() -> None:
    bench, station = opened(bench_stream(schedule=Cron("0 */6 * * *"), catch_up="none"))

    bench.clock.set(NOON + timedelta(days=2))
    collect(bench, Collector(station), until=NOON + timedelta(days=2, minutes=5))

    by_file = [[interval.date.day for interval in entry.intervals] for entry in waiting(station) if entry.is_gap]
    assert by_file == [[24, 24], [25, 25, 25, 25], [26, 26]]


def test_a_stopped_clock_set_back_asks_for_nothing_twice() -> None:
    bench, station = opened()
    collector = Collector(station)
    collect(bench, collector, until=NOON + 2 * MINUTE + timedelta(seconds=30))
    asked = len(bench.api.asked)

    bench.clock.set(NOON - timedelta(hours=1))
    for _ in range(5):
        collector.step()

    assert len(bench.api.asked) == asked
    assert ends(waiting(station)) == [0, 1, 2]


def test_a_tick_that_takes_longer_than_the_interval_delays_the_next_and_drops_none() -> None:
    bench, station = opened(bench_stream(catch_up="all"))
    bench.api.takes = timedelta(seconds=25)

    collect(bench, Collector(station), until=NOON + 3 * MINUTE + timedelta(seconds=59))

    assert ends(waiting(station)) == [0, 1, 2, 3]


# One exchange ---------------------------------------------------------------------------------------


def test_what_fails_on_the_way_is_asked_again_within_the_deadline() -> None:
    bench, station = opened(None, Fault.RESET, 500, 429, b"[]")

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    (entry,) = waiting(station)
    assert (entry.is_gap, entry.trailer.attempts) == (False, 4)
    assert [event.reason for event in bench.told(AskAgain)] == [
        "reset",
        "http_500",
        "http_429",
    ]


@pytest.mark.parametrize(("answer", "reason"), [(500, "http_500"), (Fault.REFUSED, "refused")])
def test_what_fails_until_the_deadline_is_a_gap_with_its_reason(answer: Answer, reason: str) -> None:
    bench, station = opened(with_source(deadline=timedelta(seconds=20)))
    bench.api.usual = answer

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    (gap,) = gaps(station)
    assert (gap.tick, gap.reason) == (sample_tick(0), reason)
    assert gap.attempts == len(bench.api.asked) > 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(401, "auth"), (404, "http_404"), (302, "redirect"), (Fault.TLS, "tls"), (Fault.TOO_LARGE, "too_large")],
)
def test_what_no_repetition_cures_is_a_gap_at_once(answer: Answer, reason: str) -> None:
    bench, station = opened(None, answer)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    assert [gap.reason for gap in gaps(station)] == [reason]
    assert len(bench.api.asked) == 1


def test_what_is_not_the_data_is_asked_for_again_and_kept_at_the_deadline() -> None:
    bench, station = opened(with_source(deadline=timedelta(seconds=20)))
    bench.api.usual = HTML

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    (entry,) = waiting(station)
    assert entry.trailer.wrong == "HTML or XML instead of JSON"
    assert len(bench.api.asked) > 3
    assert [wire for _, wire in parse(entry.name, station.spool.read(entry).whole()).pages] == [HTML]


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b"")])
def test_no_body_is_an_answer_only_where_the_stream_allows_it(status: int, body: bytes) -> None:
    nothing = Response(status, (), body, body, None, NOON, NOON)
    bench, station = opened(with_source(allow_empty_body=True), nothing)
    strict_bench, strict = opened(with_source(deadline=timedelta(seconds=5)))
    strict_bench.api.usual = nothing

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))
    collect(strict_bench, Collector(strict), until=NOON + timedelta(seconds=30))

    assert [entry.trailer.wrong for entry in waiting(station)] == [None]
    assert [entry.trailer.wrong for entry in waiting(strict)] == ["an empty body"]


@pytest.mark.parametrize("answer", [Fault.RESET, 500])
def test_a_request_that_may_change_something_is_not_sent_twice(answer: Answer) -> None:
    bench, station = opened(with_source(method="POST"), answer)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    assert len(bench.api.asked) == 1
    (gap,) = gaps(station)
    assert "not asked again" in gap.detail


def test_a_post_that_is_declared_safe_is_repeated() -> None:
    bench, station = opened(with_source(method="POST", retry_unsafe=True), Fault.RESET, b"[]")

    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    assert len(bench.api.asked) == 2
    assert gaps(station) == []


def test_the_wire_bytes_are_kept_as_they_came_and_secrets_are_not() -> None:
    wire = gzip.compress(b"[]")
    headers = (("etag", '"x"'), ("set-cookie", "sid=1"))
    came = Response(200, headers, wire, b"[]", "gzip", NOON, NOON)
    bench, station = opened(with_source(url=f"{URL}?api_key=hidden"), came)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    (entry,) = waiting(station)
    stored = station.spool.read(entry).whole()
    ((head, kept),) = parse(entry.name, stored).pages
    assert (kept, head.encoding, head.headers) == (wire, "gzip", (("etag", '"x"'),))
    assert b"hidden" not in stored
    assert b"sid=1" not in stored


# Pages ----------------------------------------------------------------------------------------------

PAGED = Terms(Contract((Field("ean", Int()),)), expect="object", records=("data",))


def paged(**changed: object) -> Stream:
    paging = replace(PageNumber(total=("total",)), **changed)  # type: ignore[arg-type]
    return replace(with_source(paging=paging, deadline=timedelta(seconds=20)), terms=PAGED)


def page(*eans: int, total: int | None = None) -> bytes:
    return json.dumps({"data": [{"ean": ean} for ean in eans], "total": total}).encode()


def test_an_answer_is_all_its_pages_in_order() -> None:
    bench, station = opened(paged(), page(1, 2, total=3), page(3, total=3))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))
    land(station)

    assert [request.url for request in bench.api.asked] == [f"{URL}?page=1", f"{URL}?page=2"]
    assert bench.rows("ean", "_row") == [(1, 0), (2, 1), (3, 2)]
    assert bench.told(Accepted)[0].records == 3


def test_a_page_is_retried_in_its_place() -> None:
    bench, station = opened(paged(), page(1, total=2), 500, Fault.RESET, page(2, total=2))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert [request.url[-1] for request in bench.api.asked] == ["1", "2", "2", "2"]
    (entry,) = waiting(station)
    assert (entry.trailer.pages, entry.trailer.attempts) == (2, 4)


def test_a_page_that_is_given_up_ends_the_tick_and_nothing_of_it_lands() -> None:
    bench, station = opened(paged(), page(1, total=2), 404)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert [gap.reason for gap in gaps(station)] == ["http_404"]
    assert len(waiting(station)) == 1


def test_a_total_that_does_not_agree_asks_for_all_pages_anew() -> None:
    bench, station = opened(paged(), page(1, total=3), page(total=3), page(1, 2, 3, total=3))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))
    land(station)

    assert [request.url[-1] for request in bench.api.asked] == ["1", "2", "1"]
    assert [row[0] for row in bench.rows("ean")] == [1, 2, 3]


def test_a_total_that_never_agrees_ends_rejected_with_its_pages_kept() -> None:
    bench, station = opened(paged())
    bench.api.usual = page(1, 2, total=1)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))
    land(station)

    account = bench.commits()[0].record.accounts[0]
    assert (str(account.outcome), account.reason) == ("rejected", "the API declares 1 records, 2 came")
    assert bench.rows("ean") == []
    assert len(bench.names("_quarantine/")) == 1


def test_an_api_that_repeats_a_page_for_ever_ends_rejected() -> None:
    bench, station = opened(paged())
    bench.api.usual = page(1)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    (entry,) = waiting(station)
    assert "page 2 repeats page 1" in (entry.trailer.wrong or "")


# Trouble of our own ---------------------------------------------------------------------------------


def test_a_spool_that_takes_nothing_pauses_fetching_and_loses_no_tick() -> None:
    bench = Bench(bench_stream(catch_up="all"))
    machine = bench.machine()
    small: list[MemorySpool] = []
    premises = machine.premises()

    def spool_for(identity: object) -> MemorySpool:
        del identity
        small.append(MemorySpool(uuid=uuid, now=bench.clock.now, quota_bytes=500_000, files=machine.files))
        return small[-1]

    uuid = machine.open().identity.uuid
    station = open_station(replace(premises, spool_for=spool_for), machine.world())
    collector = Collector(station)
    bench.api.usual = json.dumps([{"ean": n, "price": 1} for n in range(8_000)]).encode()

    collect(bench, collector, until=NOON + 5 * MINUTE)
    told = bench.told(Told)
    assert told
    assert {event.where for event in told} == {"spool"}
    held = len([entry for entry in waiting(station) if not entry.is_gap])
    assert 0 < held < 5

    land(station)
    collect(bench, collector, until=NOON + 5 * MINUTE + timedelta(seconds=20))
    land(station)
    collect(bench, collector, until=NOON + 5 * MINUTE + timedelta(seconds=40))
    land(station)
    settled = [account for commit in bench.commits() for account in commit.record.accounts]
    assert sorted((account.tick.end - NOON) // MINUTE for account in settled) == [0, 1, 2, 3, 4, 5]
    assert {str(account.outcome) for account in settled} == {"ok"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stop_during_an_exchange_leaves_no_gap(method: str) -> None:
    bench, station = opened(with_source(method=method), Fault.RESET)
    collector = Collector(station)
    bench.api.during = collector.cancel

    collector.step()
    collector.step()

    assert waiting(station) == ()
    assert len(bench.api.asked) == 1


def test_an_answer_that_comes_in_spite_of_a_stop_is_accepted() -> None:
    bench, station = opened()
    collector = Collector(station)
    bench.api.during = collector.cancel

    collector.step()

    assert ends(waiting(station)) == [0]


def test_after_a_stop_no_request_begins() -> None:
    bench, station = opened()
    collector = Collector(station)

    collector.cancel()
    for _ in range(3):
        collector.step()

    assert bench.api.asked == []
    assert waiting(station) == ()


def test_the_deadline_bounds_a_request_too() -> None:
    limits: list[timedelta] = []
    bench, station = opened(with_source(deadline=timedelta(seconds=20), timeout=timedelta(seconds=15)))
    exchange = bench.api.exchange

    class Listening:
        def exchange(self, request: object, *, timeout: timedelta, max_bytes: int) -> object:
            limits.append(timeout)
            return exchange(request, timeout=timeout, max_bytes=max_bytes)  # type: ignore[arg-type]

    bench.api.usual = Fault.READ_TIMEOUT
    bench.api.takes = timedelta(seconds=8)
    listening = replace(station, world=replace(station.world, transport=Listening()))  # type: ignore[arg-type]

    collect(bench, Collector(listening), until=NOON + timedelta(seconds=50))

    assert limits[0] == timedelta(seconds=15)
    assert all(limit <= timedelta(seconds=20) for limit in limits)
    assert limits[-1] < timedelta(seconds=12)
    assert len(gaps(station)) == 1


def test_a_tick_keeps_its_start_where_another_machine_has_answered_before_it() -> None:
    bench = Bench(bench_stream(schedule=Cron("0 * * * *")))
    one, two = bench.machine("one"), bench.machine("two")
    minutes = bench_stream()
    collect(bench, Collector(one.open(minutes)), until=NOON + timedelta(minutes=30, seconds=30))
    land(one.open(minutes))
    station = two.open()

    bench.clock.set(NOON + timedelta(hours=1, seconds=10))
    collect(bench, Collector(station), until=NOON + timedelta(hours=1, seconds=20))

    (entry,) = waiting(station)
    assert entry.intervals == (Interval(NOON + timedelta(minutes=30), NOON + timedelta(hours=1)),)
