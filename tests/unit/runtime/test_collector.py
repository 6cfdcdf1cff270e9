"""Collecting: which ticks are asked and written down, and what becomes of each exchange."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from coleta.collect.courtesy import BURST, OPEN_FAILURES, Go, Wish
from coleta.collect.envelope import Page
from coleta.collect.response import BASE_WAIT, Fault, Response
from coleta.collect.spool import Gap, Spooled, parse
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int
from coleta.paging import PageNumber
from coleta.runtime.collector import MISSED, Collector
from coleta.runtime.events import Accepted, AskAgain, Damaged
from coleta.runtime.events import Trouble as Told
from coleta.runtime.lander import land
from coleta.runtime.opening import open_station
from coleta.runtime.station import Station
from coleta.stream import Cron, Every, Source, Stream
from coleta.terms import Terms
from coleta.testing.bench import Answer, Bench, Machine, bench_stream
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


@pytest.mark.parametrize("status", [404, 401, 302])
def test_a_page_that_is_given_up_lets_the_tick_be_asked_anew(status: int) -> None:
    bench, station = opened(paged(), page(1, total=2), status, page(5, total=2), page(6, total=2))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))
    land(station)

    assert [request.url[-1] for request in bench.api.asked] == ["1", "2", "1", "2"]
    assert [row[0] for row in bench.rows("ean")] == [5, 6]


def test_a_page_that_is_given_up_again_and_again_ends_the_tick_and_nothing_of_it_lands() -> None:
    bench, station = opened(paged())
    answers: list[Answer] = [page(1, total=2), 404]
    bench.api.during = lambda: bench.api.answers.append(answers[(len(bench.api.asked) - 1) % 2])

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert [gap.reason for gap in gaps(station)] == ["http_404"]
    assert len(waiting(station)) == 1
    assert 4 <= len(bench.api.asked) <= 20


def test_a_first_page_that_is_given_up_ends_the_tick_at_once() -> None:
    bench, station = opened(paged(), 404)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert len(bench.api.asked) == 1


def test_the_wait_after_a_failure_counts_only_failures_of_the_same_page() -> None:
    bench, station = opened(paged(), *(page(n, total=9) for n in range(8)), 500, page(9, total=9))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert [event.after <= BASE_WAIT for event in bench.told(AskAgain)] == [True]
    assert not gaps(station)


def test_pages_that_contradict_each_other_are_kept_even_if_there_is_no_second_chance() -> None:
    bench, station = opened(paged(), page(1, total=3), page(total=3))
    use_up_the_budget(bench, station)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    (entry,) = waiting(station)
    assert (entry.trailer.pages, entry.trailer.wrong) == (2, "the API declares 3 records, 1 came")
    assert len(bench.api.asked) == 2


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


# A host that does not answer well ------------------------------------------------------------------


def use_up_the_budget(bench: Bench, station: Station) -> None:
    """Let no repetition be left for the host of `station`."""
    wish = Wish(again=True, now=bench.clock.now(), last_chance=NOON + timedelta(days=1))
    while station.world.hosts.may_ask("api.test", wish) == Go():
        pass


@pytest.mark.parametrize("answer", [500, Fault.REFUSED, Fault.DNS, 429])
def test_a_source_that_is_down_is_asked_once_a_tick_and_a_tenth_more(answer: Answer) -> None:
    bench, station = opened()
    bench.api.usual = answer
    collector = Collector(station)
    collect(bench, collector, until=NOON + timedelta(minutes=3, seconds=30))
    before, since = len(bench.api.asked), len(gaps(station))

    collect(bench, collector, until=NOON + timedelta(minutes=183, seconds=30))

    ticks = len(gaps(station)) - since
    assert ticks == 180
    assert 180 <= len(bench.api.asked) - before <= 1.1 * ticks
    assert MISSED not in {gap.reason for gap in gaps(station)}, "each tick was asked"
    assert [event.where for event in bench.told(Told)] == ["source"]


def test_the_tick_after_the_source_is_back_lands_and_what_fails_then_is_asked_again_as_ever() -> None:
    bench, station = opened()
    bench.api.usual = 500
    collector = Collector(station)
    collect(bench, collector, until=NOON + timedelta(minutes=10, seconds=30))

    bench.api.usual = b"[]"
    collect(bench, collector, until=NOON + timedelta(minutes=11, seconds=30))
    bench.api.answers.extend([500, 500, 500])
    collect(bench, collector, until=NOON + timedelta(minutes=12, seconds=30))

    answers = [entry for entry in waiting(station) if not entry.is_gap]
    assert ends(answers) == [11, 12]
    assert answers[-1].trailer.attempts == 4


def test_a_tick_of_an_hour_outlasts_an_outage_of_half_an_hour_with_a_few_requests() -> None:
    bench, station = opened(replace(with_source(deadline=timedelta(hours=1)), schedule=Cron("0 * * * *")))
    bench.api.usual = 503
    collector = Collector(station)
    collect(bench, collector, until=NOON + timedelta(minutes=30))
    asked = len(bench.api.asked)
    bench.api.usual = b"[]"

    collect(bench, collector, until=NOON + timedelta(minutes=59))

    assert ends(waiting(station)) == [0]
    assert not gaps(station)
    assert asked <= BURST + OPEN_FAILURES + 3


def test_a_tick_that_waits_for_its_host_is_asked_as_soon_as_another_stream_finds_it_well() -> None:
    bench, station = opened(replace(with_source(deadline=timedelta(hours=1)), schedule=Cron("0 * * * *")))
    bench.api.usual = 503
    collector = Collector(station)
    collect(bench, collector, until=NOON + timedelta(minutes=3))
    bench.api.usual = b"[]"

    well = Response(200, (), b"[]", b"[]", None, bench.clock.now(), bench.clock.now())
    wish = Wish(again=False, now=bench.clock.now(), last_chance=bench.clock.now())
    station.world.hosts.heard("api.test", well, Page(0), wish)
    collect(bench, collector, until=NOON + timedelta(minutes=3, seconds=6))

    assert ends(waiting(station)) == [0]


def test_a_tick_that_waits_for_its_host_does_not_keep_the_next_from_being_asked() -> None:
    second = timedelta(seconds=1)
    bench, station = opened(replace(with_source(deadline=MINUTE), schedule=Every(second)))
    bench.api.usual = 503
    collector = Collector(station)
    collect(bench, collector, until=NOON + 3 * MINUTE)
    before = len(bench.api.asked)

    collect(bench, collector, until=NOON + 4 * MINUTE)

    assert 59 <= len(bench.api.asked) - before <= 66


def test_what_is_not_the_data_is_kept_with_its_bytes_even_if_its_host_may_not_be_asked_again() -> None:
    bench, station = opened()
    bench.api.usual = HTML
    use_up_the_budget(bench, station)
    collector = Collector(station)

    collect(bench, collector, until=NOON + timedelta(seconds=65))
    assert (len(bench.api.asked), waiting(station)) == (1, ())
    collect(bench, collector, until=NOON + timedelta(seconds=80))

    (entry,) = waiting(station)
    assert entry.trailer.wrong == "HTML or XML instead of JSON"
    assert [wire for _, wire in parse(entry.name, station.spool.read(entry).whole()).pages] == [HTML]


def limited(body: bytes) -> Response:
    return Response(200, (("ratelimit", "limit=1, remaining=0, reset=7"),), body, body, None, NOON, NOON)


def test_a_limit_that_is_used_up_is_waited_for_before_the_next_page() -> None:
    bench, station = opened(paged(), limited(page(1, total=2)), page(2, total=2))
    collector = Collector(station)
    began = bench.clock.now()

    collect(bench, collector, until=began + timedelta(seconds=6))
    assert len(bench.api.asked) == 1
    collect(bench, collector, until=began + timedelta(seconds=8))

    assert len(bench.api.asked) == 2
    assert ends(waiting(station)) == [0]


def test_a_limit_that_is_used_up_is_waited_for_before_the_next_tick_but_not_beyond_its_last_chance() -> None:
    bench, station = opened(with_source(deadline=timedelta(seconds=40)))
    told = (("retry-after", "600"),)
    refused = Response(429, told, b"", b"", None, NOON, NOON)
    bench.api.usual = refused
    collector = Collector(station)
    collect(bench, collector, until=NOON + timedelta(seconds=59))
    asked = len(bench.api.asked)

    collect(bench, collector, until=NOON + MINUTE + timedelta(seconds=38))
    assert len(bench.api.asked) == asked
    collect(bench, collector, until=NOON + MINUTE + timedelta(seconds=42))

    assert len(bench.api.asked) == asked + 1
    assert ends(waiting(station)) == [0, 1]


# Answers from before the tick's end ----------------------------------------------------------------


def dated(at: datetime) -> Response:
    return Response(200, (("date", format_datetime(at, usegmt=True)),), b"[]", b"[]", None, NOON, NOON)


def test_an_answer_about_an_interval_that_had_not_ended_by_the_apis_clock_is_asked_for_again() -> None:
    window = with_source(url=f"{URL}?until={{tick.end}}")
    bench, station = opened(window, dated(NOON - timedelta(seconds=3)), dated(NOON))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    (entry,) = waiting(station)
    assert [event.reason for event in bench.told(AskAgain)] == ["early"]
    assert parse(entry.name, station.spool.read(entry).whole()).pages[0][0].headers == dated(NOON).headers


def test_asking_again_for_what_came_too_early_needs_no_budget_of_its_host() -> None:
    bench, station = opened(
        with_source(url=f"{URL}?until={{tick.end}}"), dated(NOON - timedelta(seconds=1)), dated(NOON)
    )
    use_up_the_budget(bench, station)

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert len(bench.api.asked) == 2
    assert ends(waiting(station)) == [0]


def test_an_api_whose_clock_is_an_hour_behind_gives_gaps_and_is_not_asked_for_ever() -> None:
    bench, station = opened(with_source(url=f"{URL}?until={{tick.end}}"))
    bench.api.usual = dated(NOON - timedelta(hours=1))

    collect(bench, Collector(station), until=NOON + 3 * MINUTE)

    assert {gap.reason for gap in gaps(station)} == {"early"}
    assert len(bench.api.asked) <= 2 * 3 + 1


def test_the_date_of_an_answer_that_is_about_no_interval_says_nothing() -> None:
    bench, station = opened(None, dated(NOON - timedelta(hours=1)))

    collect(bench, Collector(station), until=NOON + timedelta(seconds=30))

    assert ends(waiting(station)) == [0]


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


# What was accepted and is damaged -------------------------------------------------------------------


def damage(machine: Machine, n: int, *, header: bool = True) -> str:
    """Damage the file of the tick `n` while no process runs; its name."""
    (name,) = (name for name in machine.files if name.startswith(sample_tick(n).name))
    accepted_at, body = machine.files[name]
    machine.files[name] = (accepted_at, body[:-1] if header else b"rubbish")
    return name


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("after", [timedelta(0), 3 * MINUTE])
def test_a_tick_whose_answer_is_damaged_is_a_gap_that_says_so(header: bool, after: timedelta) -> None:
    bench = Bench()
    machine = bench.machine()
    collect(bench, Collector(machine.open()), until=NOON + MINUTE + timedelta(seconds=20))
    name = damage(machine, 1, header=header)
    asked = len(bench.api.asked)
    bench.clock.advance(after)

    station = machine.open()
    collect(bench, Collector(station), until=bench.clock.now() + timedelta(seconds=20))

    (gap,) = (gap for gap in gaps(station) if gap.reason == "damaged")
    assert gap.tick == sample_tick(1)
    assert name in gap.detail
    assert len(bench.api.asked) == asked + bool(after), "nothing but the newest tick, if there is a new one"
    assert sorted(ends(waiting(station))) == list(range(2 + after // MINUTE))
    assert [(event.name, event.asked_again) for event in bench.told(Damaged)] == [(name, False)]


def test_a_window_whose_answer_is_damaged_is_asked_again_though_its_deadline_has_passed() -> None:
    source = replace(Source(url=URL), params=(("until", "{tick.end}"),))
    bench = Bench(bench_stream(source=source, catch_up="none"))
    machine = bench.machine()
    collect(bench, Collector(machine.open()), until=NOON + MINUTE + timedelta(seconds=20))
    name = damage(machine, 0)
    bench.clock.advance(3 * MINUTE)

    station = machine.open()
    collect(bench, Collector(station), until=bench.clock.now() + timedelta(seconds=20))

    assert [gap.reason for gap in gaps(station)] == ["missed", "missed"]
    assert "T12%3A00%3A00Z" in bench.api.asked[-2].url or "T12:00:00Z" in bench.api.asked[-2].url
    assert [(event.name, event.asked_again) for event in bench.told(Damaged)] == [(name, True)]


def test_what_is_damaged_and_has_its_outcome_is_not_told_or_written_down_again() -> None:
    bench = Bench()
    machine = bench.machine()
    collect(bench, Collector(machine.open()), until=NOON + timedelta(seconds=20))
    damage(machine, 0)
    station = machine.open()
    collect(bench, Collector(station), until=NOON + timedelta(seconds=40))
    land(station)
    bench.events.clear()

    station = machine.open()
    collect(bench, Collector(station), until=NOON + timedelta(seconds=50))

    assert waiting(station) == ()
    assert bench.told(Damaged) == []
    assert [one.record.accounts[0].reason for one in bench.commits()] == ["damaged"]
