"""Streams that are asked only for what is new: each content once, and ``unchanged`` where the API says so (A 22)."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.tick import on_demand
from coleta.contract.types import Contract, Field, Int
from coleta.errors import Doubtful, Retryable
from coleta.land.record import Account, Outcome
from coleta.land.replay import difference, replayed
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.runtime.orders import settle
from coleta.runtime.station import Station
from coleta.stream import Archive, Auth, Checks, Source, Stream
from coleta.terms import Terms
from coleta.testing.bench import Bench, Trouble, bench_stream
from coleta.testing.samples import MINUTE, NOON

TERMS = Terms(Contract((Field("id", Int()),)))
OK, UNCHANGED, REJECTED, GAP = Outcome.OK, Outcome.UNCHANGED, Outcome.REJECTED, Outcome.GAP
CONDITIONS = ("If-None-Match", "If-Modified-Since")


@dataclass(eq=False)
class Catalogue:
    """An API that gives all that it has, with an ETag, and 304 to who has it already."""

    bench: Bench
    ids: tuple[int, ...] = (1,)
    etag: str | None = 'W/"1"'
    modified: timedelta | None = None
    """How long before now it was changed, if it says so."""
    trouble: Fault | int | bytes | None = None
    asked: list[dict[str, object]] = field(default_factory=list)

    def becomes(self, *ids: int) -> None:
        self.ids, self.etag = ids, f'W/"{"-".join(map(str, ids))}"'

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        now = self.bench.clock.now()
        condition = {name: value for name, value in request.headers if name in CONDITIONS}
        self.asked.append(dict(condition))
        headers = [("date", format_datetime(now, usegmt=True))]
        headers += [] if self.etag is None else [("etag", self.etag)]
        if self.modified is not None:
            headers.append(("last-modified", format_datetime(now - self.modified, usegmt=True)))
        status, body = 200, json.dumps([{"id": one} for one in self.ids]).encode()
        match self.trouble:
            case Fault() as fault:
                return Failed(fault, "as planned", now)
            case int(code):
                status, body = code, b""
            case bytes(other):
                body = other
            case None if self.etag is not None and condition.get("If-None-Match") == self.etag:
                status, body = 304, b""
        return Response(status, tuple(headers), body, body, None, now, now)


def stream_of(**changed: object) -> Stream:
    return bench_stream(source=Source(url="http://api.test/catalogo", conditional=True), terms=TERMS, **changed)


def opened(stream: Stream | None = None) -> tuple[Bench, Catalogue, Station]:
    bench = Bench(stream or stream_of())
    bench.clock.set(NOON + timedelta(seconds=10))
    api = Catalogue(bench)
    bench.api = api  # type: ignore[assignment]
    return bench, api, bench.machine().open()


def collect(bench: Bench, station: Station, *, minutes: int = 1, landed: bool = True) -> None:
    """Let so many more ticks be asked, each soon after its instant, up to 50 s past the last; then land."""
    collector = Collector(station)
    now = bench.clock.now()
    until = now - timedelta(seconds=(now.second + 10) % 60) + minutes * MINUTE
    while (wake := collector.step()) <= until:
        bench.clock.set(max(bench.clock.now(), wake))
    bench.clock.set(until)
    if landed:
        land(station)


def accounts(bench: Bench) -> list[Account]:
    return [account for commit in bench.commits() for account in commit.record.accounts]


def outcomes(bench: Bench) -> list[Outcome]:
    return [account.outcome for account in accounts(bench)]


def ids(bench: Bench) -> list[object]:
    return [row[0] for row in bench.rows("id")]


def test_what_is_new_lands_in_full_and_what_is_not_is_unchanged_and_lands_nothing() -> None:
    bench, api, station = opened()

    collect(bench, station, minutes=3)
    api.becomes(1, 2)
    collect(bench, station, minutes=2)

    assert outcomes(bench) == [OK, UNCHANGED, UNCHANGED, OK, UNCHANGED]
    assert ids(bench) == [1, 1, 2]
    assert api.asked[:2] == [{}, {"If-None-Match": 'W/"1"'}]


def test_unchanged_answers_are_links_of_one_chain_and_settle_their_ticks() -> None:
    bench, _, station = opened()

    collect(bench, station, minutes=3)

    first, second, third = accounts(bench)
    assert second.carried is not None
    assert third.carried is not None
    assert (second.carried.parent, third.carried.parent) == (first.answer, second.answer)
    assert first.carried is not None
    assert second.carried.before == first.carried.after
    assert [one.settles for one in (second, third)] == [(one.tick,) for one in (second, third)]
    assert (second.received, second.reason, second.pages) == (0, None, 1)


def test_answers_that_wait_in_the_spool_are_built_upon_and_land_the_same() -> None:
    bench, _, station = opened()

    collect(bench, station, minutes=3, landed=False)
    collect(bench, station)

    assert outcomes(bench) == [OK, UNCHANGED, UNCHANGED, UNCHANGED]


def test_a_304_that_was_not_asked_for_is_a_gap_and_the_next_request_asks_in_full() -> None:
    bench, api, station = opened()
    api.trouble = 304

    collect(bench, station)
    api.trouble = None
    collect(bench, station)

    assert outcomes(bench) == [GAP, OK]
    assert accounts(bench)[0].reason == "unexpected_304"
    assert api.asked == [{}, {}]


def test_after_an_answer_that_is_not_the_data_all_is_asked_for_again() -> None:
    bench, api, station = opened()
    collect(bench, station)
    api.trouble = b"<html>"
    collect(bench, station, minutes=2)
    api.trouble = None
    asked = len(api.asked)

    collect(bench, station, minutes=2)

    assert outcomes(bench)[:4] == [OK, REJECTED, OK, UNCHANGED]
    assert api.asked[asked] == {}


def test_an_outage_is_a_gap_until_the_api_says_that_nothing_has_changed_meanwhile() -> None:
    bench, api, station = opened()
    collect(bench, station)
    api.trouble = Fault.REFUSED
    collect(bench, station, minutes=3)
    api.trouble = None

    collect(bench, station)

    first = next(one for one in accounts(bench) if one.outcome is UNCHANGED)
    assert GAP in outcomes(bench)
    assert (first.tick.start, first.tick.end) == (NOON, NOON + 3 * MINUTE)


@pytest.mark.parametrize(
    ("etag", "modified", "sent"),
    [
        ('"a"', timedelta(hours=1), {"If-None-Match": '"a"'}),
        ('W/"a"', None, {"If-None-Match": 'W/"a"'}),
        (None, None, {}),
        ("a", None, {}),
        ('"a\r\nX: 1"', None, {}),
        ('"' + "a" * 2_000 + '"', None, {}),
        # What changes later in the same second keeps its Last-Modified, so that one tells nothing.
        (None, timedelta(0), {}),
    ],
)
def test_only_validators_that_can_be_relied_on_are_sent(
    etag: str | None, modified: timedelta | None, sent: dict[str, str]
) -> None:
    bench, api, station = opened()
    api.etag, api.modified = etag, modified

    collect(bench, station, minutes=2)

    assert api.asked[1] == sent


def test_without_an_etag_the_time_of_the_last_change_is_sent_as_it_came() -> None:
    bench, api, station = opened()
    api.etag, api.modified = None, timedelta(hours=1)

    collect(bench, station, minutes=2)

    (after,) = [one.carried.after for one in accounts(bench)[:1] if one.carried and one.carried.after]
    validators = after["validators"]
    assert isinstance(validators, dict)
    assert api.asked[1] == {"If-Modified-Since": validators["last_modified"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"terms": Terms(Contract((Field("id", Int()), Field("name", Int(), required=False))))},
        {"source": Source(url="http://api.test/catalogo", params=(("all", "1"),), conditional=True)},
        {"source": Source(url="http://api.test/catalogo", auth=Auth("b", "https://a/", "me"), conditional=True)},
        {"source": Source(url="http://api.test/catalogo", headers=(("Accept", "text/json"),), conditional=True)},
    ],
)
def test_another_request_or_other_terms_ask_in_full(changed: dict[str, object]) -> None:
    bench = Bench(stream_of())
    api = Catalogue(bench)
    bench.api = api  # type: ignore[assignment]
    machine = bench.machine()
    collect(bench, machine.open(), minutes=2)
    asked = len(api.asked)

    collect(bench, machine.open(replace(bench.stream, **changed)), minutes=2)  # type: ignore[arg-type]

    assert api.asked[asked:] == [{}, {"If-None-Match": 'W/"1"'}]


def test_an_answer_of_long_ago_is_not_what_the_next_one_is_unchanged_since() -> None:
    bench = Bench(stream_of())
    api = Catalogue(bench)
    bench.api = api  # type: ignore[assignment]
    machine = bench.machine()
    collect(bench, machine.open(), minutes=2)
    api.becomes(2)
    collect(bench, machine.open(replace(bench.stream, source=replace(bench.stream.source, conditional=False))))
    api.becomes(1)
    api.etag = 'W/"1"'

    collect(bench, machine.open())

    assert api.asked[-1] == {}
    assert ids(bench) == [1, 2, 1]


def test_who_asks_on_demand_is_given_all_of_it() -> None:
    bench, api, station = opened()
    collect(bench, station, minutes=2)

    settle(station, on_demand(bench.clock.now()), cancelled=threading.Event())

    assert api.asked[-1] == {}
    assert outcomes(bench)[-1] is OK


def test_of_two_collectors_the_later_answer_is_superseded_and_asked_again_from_what_landed() -> None:
    bench, api, station = opened()
    other = bench.machine("two").open()
    collect(bench, station)
    collect(bench, other)
    # Both know the first answer. Each asks for the next tick; the content changes in between.
    bench.clock.set(bench.clock.now() + MINUTE)
    Collector(station).step()
    api.becomes(7)
    Collector(other).step()
    land(other)
    land(station)

    collect(bench, station, minutes=2)

    assert len(bench.names("_superseded/")) >= 1
    assert ids(bench)[-1] == 7
    assert outcomes(bench)[-1] is UNCHANGED
    ends = [account.tick.end for account in accounts(bench)]
    assert ends == sorted(set(ends))


def test_an_answer_whose_response_was_lost_is_asked_again_with_the_same_validators() -> None:
    bench, api, station = opened()
    collect(bench, station)
    api.becomes(2)
    api.trouble = Fault.RESET
    bench.clock.set(bench.clock.now() + MINUTE)
    Collector(station).step()
    api.trouble = None
    Collector(station).step()
    land(station)

    assert api.asked[1:] == [{"If-None-Match": 'W/"1"'}] * 2
    assert ids(bench) == [1, 2]


def test_an_unchanged_answer_is_held_against_no_check() -> None:
    bench, _, station = opened(stream_of(checks=Checks(min_rows=1, on_few="reject", on_empty="reject")))

    collect(bench, station, minutes=3)

    assert outcomes(bench) == [OK, UNCHANGED, UNCHANGED]


def test_the_answer_before_is_the_newest_that_gave_something() -> None:
    bench, api, station = opened(stream_of(checks=Checks(on_same="reject")))
    collect(bench, station, minutes=2)
    api.etag = 'W/"another-name"'

    collect(bench, station)

    assert outcomes(bench) == [OK, UNCHANGED, REJECTED]


@pytest.mark.parametrize("archive", ["landed", "first"])
def test_the_copy_of_an_unchanged_answer_is_unchanged_when_it_is_landed_again_on_paper(archive: Archive) -> None:
    bench, _, station = opened(stream_of(archive=archive))

    collect(bench, station, minutes=3)

    commits = bench.commits()
    assert outcomes(bench) == [OK, UNCHANGED, UNCHANGED]
    for record in (commit.record for commit in commits):
        for account, copy in zip(record.accounts, record.archive, strict=True):
            stored = bench.objects.read(f"{bench.stream.path}/{copy.path}")
            assert stored is not None
            again, _ = replayed(copy.path, stored, account, record.terms)
            assert difference(account, again) is None


def test_another_machine_takes_up_the_chain_of_one_that_died_from_the_archive() -> None:
    bench, api, station = opened(stream_of(archive="first"))
    collect(bench, station, minutes=3, landed=False)
    asked = len(api.asked)
    bench.clock.set(bench.clock.now() + 30 * MINUTE)

    other = bench.machine("two").open()
    land(other)
    collect(bench, other)

    assert outcomes(bench)[:3] == [OK, UNCHANGED, UNCHANGED]
    assert api.asked[asked] == {"If-None-Match": 'W/"1"'}


class Crowd:
    """Two machines that collect one catalogue, with trouble drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.bench = Bench(stream_of())
        self.api = Catalogue(self.bench)
        self.bench.api = self.api  # type: ignore[assignment]
        self.machines = [self.bench.machine("one"), self.bench.machine("two")]
        self.stations = [machine.open() for machine in self.machines]
        self.collectors = [Collector(station) for station in self.stations]
        self.wakes = [self.bench.clock.now()] * 2
        self.given: dict[datetime, tuple[int, ...]] = {}

    def live(self, *, seconds: int) -> None:
        for n in range(seconds):
            self.bench.clock.advance(timedelta(seconds=1))
            match self.random.randrange(60):
                case 0:
                    self.api.becomes(self.random.choice((1, 2, 3)))
                case 1:
                    self.api.trouble = self.random.choice((None, None, Fault.RESET, 500, b"<html>"))
                case 2:
                    trouble: Trouble = self.random.choice(("unavailable", "lost", "doubt", "late"))
                    self.bench.store.plan("create", "data/", trouble)
                case 3:
                    self.restart(n % 2)
                case 4:
                    self.bench.store.deliver()
            self.given[self.bench.clock.now()] = self.api.ids
            for number in self.random.sample((0, 1), 2):
                if self.wakes[number] <= self.bench.clock.now():
                    self.wakes[number] = self.collectors[number].step()
                if self.random.random() < 1 / 20:
                    self.land(number)

    def restart(self, number: int) -> None:
        self.stations[number] = self.machines[number].open()
        self.collectors[number] = Collector(self.stations[number])
        self.wakes[number] = self.bench.clock.now()

    def land(self, number: int) -> None:
        with suppress(Retryable, Doubtful):
            land(self.stations[number])

    def rest(self) -> None:
        """Let all trouble end, and land what waits."""
        self.bench.store.deliver()
        for number in (0, 1, 0, 1):
            for _ in range(10):
                self.land(number)


@pytest.mark.parametrize("seed", range(15))
def test_whatever_happens_unchanged_says_the_truth_about_the_answer_before(seed: int) -> None:
    crowd = Crowd(seed)
    crowd.live(seconds=1_500)
    crowd.rest()

    before: Account | None = None
    for account in accounts(crowd.bench):
        if account.outcome is UNCHANGED:
            assert before is not None
            assert before.outcome is OK
            assert account.received_at is not None
            assert before.received_at is not None
            assert crowd.given[account.received_at] == crowd.given[before.received_at]
        elif account.outcome is not GAP:
            before = account
    found = outcomes(crowd.bench)
    assert found.count(UNCHANGED) > 1
    assert found.count(OK) > 1
    assert [row[0] for row in crowd.bench.rows("id")] == [
        one for account in accounts(crowd.bench) if account.received for one in crowd.given[account.received_at]  # type: ignore[index]
    ]  # fmt: skip
