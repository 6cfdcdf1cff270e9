"""Streams whose requests say how far the records are known: each record once, whatever comes late or twice."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from coleta.collect.lost import Unreadable
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.tick import Interval, format_instant
from coleta.contract.types import Contract, Field, Int, Timestamp
from coleta.errors import Misconfigured
from coleta.land.record import Account, Outcome
from coleta.runtime.collector import Collector
from coleta.runtime.events import Damaged
from coleta.runtime.lander import land
from coleta.runtime.log import follow
from coleta.runtime.orders import choose_tick, settle
from coleta.runtime.station import Station
from coleta.stream import Source, Stream
from coleta.terms import Terms
from coleta.testing.bench import BadDisk, Bench, bench_stream
from coleta.testing.samples import MINUTE, NOON

TERMS = Terms(Contract((Field("id", Int()), Field("at", Timestamp()))), key=("id",), cursor="at")
SECOND = timedelta(seconds=1)


def at(second: float) -> str:
    return format_instant(NOON + timedelta(seconds=second))


@dataclass(eq=False)
class Feed:
    """An API of records that gives all from `since` on; what it was asked is in ``asked``."""

    bench: Bench
    records: list[dict[str, object]] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    broken: bool = False

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        now = self.bench.clock.now()
        since = parse_qs(urlsplit(request.url).query).get("since", [None])[0]
        self.asked.append(since)
        if self.broken:
            return Failed(Fault.DNS, "as planned", now)
        found = [record for record in self.records if since is None or str(record["at"]) >= since]
        body = json.dumps(found).encode()
        return Response(200, (), body, body, None, now, now)


def feed_stream(*, lag: timedelta = timedelta(0), terms: Terms = TERMS) -> Stream:
    source = Source(url="http://api.test/eventos", params=(("since", "{cursor}"),), lag=lag)
    return bench_stream(source=source, terms=terms, catch_up="latest")


def opened(stream: Stream | None = None) -> tuple[Bench, Feed, Station]:
    bench = Bench(stream or feed_stream())
    feed = Feed(bench)
    bench.api = feed  # type: ignore[assignment]
    return bench, feed, bench.machine().open()


def collect(bench: Bench, station: Station, *, minutes: int = 1) -> None:
    """Let so many minutes pass, and ask when there is something to be asked."""
    collector = Collector(station)
    until = bench.clock.now() + minutes * MINUTE
    for _ in range(1_000):
        wake = collector.step()
        if wake > until:
            bench.clock.set(until)
            return
        bench.clock.set(max(bench.clock.now(), wake))
    raise AssertionError("the collector never rests")


def accounts(bench: Bench) -> list[Account]:
    return [account for commit in bench.commits() for account in commit.record.accounts]


def ids(bench: Bench) -> list[object]:
    return sorted(row[0] for row in bench.rows("id"))  # type: ignore[type-var]


def test_the_first_request_asks_for_all_and_the_next_from_the_greatest_value_seen() -> None:
    bench, feed, station = opened()
    feed.records += [{"id": 1, "at": at(5)}, {"id": 2, "at": at(3)}]

    collect(bench, station, minutes=2)

    assert feed.asked[:2] == [None, at(5)]


def test_records_with_the_same_cursor_value_that_come_later_land_once_each() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    feed.records.append({"id": 2, "at": at(5)})
    collect(bench, station, minutes=2)

    land(station)

    assert ids(bench) == [1, 2]
    assert sum(account.deduplicated for account in accounts(bench)) == sum(a.received for a in accounts(bench)) - 2


def test_a_record_that_comes_late_within_the_lag_lands_and_what_is_known_there_does_not_again() -> None:
    bench, feed, station = opened(feed_stream(lag=30 * SECOND))
    feed.records += [{"id": 1, "at": at(0)}, {"id": 2, "at": at(20)}]
    collect(bench, station)
    feed.records.append({"id": 3, "at": at(1)})
    collect(bench, station)

    land(station)

    assert feed.asked[1] == at(-10)
    assert ids(bench) == [1, 2, 3]


def test_a_record_that_broke_the_contract_is_quarantined_once() -> None:
    bench, feed, station = opened()
    feed.records += [{"id": "no number", "at": at(5)}, {"id": 1, "at": at(5)}]
    collect(bench, station, minutes=3)

    land(station)

    assert sum(account.quarantined for account in accounts(bench)) == 1
    assert ids(bench) == [1]


def test_a_record_that_changes_within_the_lag_lands_again_as_it_is_now() -> None:
    bench, feed, station = opened(feed_stream(lag=MINUTE))
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    feed.records[0] = {"id": 1, "at": at(9)}
    collect(bench, station, minutes=2)

    land(station)

    assert sorted(format_instant(row[0]) for row in bench.rows("at")) == [at(5), at(9)]  # type: ignore[arg-type]


def test_the_next_answer_covers_what_was_missed_before_it_and_asks_once() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    asked = len(feed.asked)
    bench.clock.advance(10 * MINUTE)
    collect(bench, station, minutes=0)

    land(station)

    *_, before, last = accounts(bench)
    assert len(feed.asked) == asked + 1
    assert last.tick == Interval(before.tick.end, before.tick.end + 10 * MINUTE)
    assert last.settles == (last.tick,)


def test_a_gap_is_replaced_by_the_next_answer() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    feed.broken = True
    collect(bench, station, minutes=3)
    land(station)
    feed.broken = False
    collect(bench, station)

    land(station)

    assert any(account.outcome == "gap" for account in accounts(bench))
    head = station.index.head()
    assert head is not None
    assert len(head.answered.intervals) == 1


def test_of_two_collectors_one_wins_and_every_record_lands_once() -> None:
    bench, feed, one = opened()
    other = bench.machine("two").open()
    feed.records.append({"id": 1, "at": at(5)})
    for number in range(2, 8):
        collect(bench, one)
        bench.clock.advance(-MINUTE)
        feed.records.append({"id": -number, "at": at(5 + number)})
        collect(bench, other)
        land(other if number % 2 else one)
        land(one if number % 2 else other)
        feed.records.append({"id": number, "at": at(5 + number)})
    collect(bench, one)
    land(one)

    assert ids(bench) == [*range(-7, -1), *range(1, 8)]
    assert bench.names("_superseded/")


def test_a_chain_lands_in_its_order_across_midnight_and_a_change_of_terms() -> None:
    bench, feed, station = opened()
    bench.clock.set(datetime(2026, 11, 24, 23, 57, 10, tzinfo=UTC))
    for number in range(3):
        feed.records.append({"id": number, "at": at(number)})
        collect(bench, station)
    changed = replace(station, stream=feed_stream(terms=replace(TERMS, on_violation="null")))
    for number in range(3, 7):
        feed.records.append({"id": number, "at": at(number)})
        collect(bench, changed)

    land(changed)

    links = [account.carried for account in accounts(bench) if account.carried is not None]
    answers = [account.answer for account in accounts(bench)]
    assert [link.parent for link in links] == [None, *answers[:-1]]
    assert len({commit.record.terms for commit in bench.commits()}) == 2
    assert ids(bench) == list(range(7))


def test_another_machine_with_an_empty_spool_goes_on_from_the_log() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    land(station)
    feed.records.append({"id": 2, "at": at(6)})

    new = bench.machine("new").open()
    collect(bench, new)
    land(new)

    assert feed.asked[-1] in (at(5), at(6))
    assert None not in feed.asked[1:]
    assert ids(bench) == [1, 2]


def test_an_answer_on_demand_is_a_link_but_not_an_end() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    feed.records.append({"id": 2, "at": at(6)})
    bench.clock.advance(timedelta(seconds=7))
    settle(station, choose_tick(station, None), cancelled=threading.Event())
    collect(bench, station)
    land(station)

    before, on_demand, last = accounts(bench)[-3:]
    assert on_demand.tick.empty
    assert on_demand.settles == ()
    assert last.carried is not None
    assert last.carried.parent == on_demand.answer
    assert last.tick.start == before.tick.end
    assert ids(bench) == [1, 2]


def test_an_answer_that_is_no_data_is_a_link_and_moves_no_cursor() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    good = feed.exchange

    def html(request: Request, *, timeout: timedelta, max_bytes: int) -> Response:
        answer = good(request, timeout=timeout, max_bytes=max_bytes)
        assert isinstance(answer, Response)
        return replace(answer, body=b"<html>", wire=b"<html>")

    bench.api = type("Html", (), {"exchange": staticmethod(html)})()
    station = replace(station, world=replace(station.world, transport=bench.api))
    collect(bench, station, minutes=2)
    station = replace(station, world=replace(station.world, transport=feed))
    feed.records.append({"id": 2, "at": at(6)})
    collect(bench, station)
    land(station)

    assert "rejected" in {account.outcome for account in accounts(bench)}
    assert ids(bench) == [1, 2]


def test_a_tick_that_an_answer_has_covered_cannot_be_ordered_again() -> None:
    bench, feed, station = opened()
    collect(bench, station, minutes=3)
    land(station)

    with pytest.raises(Misconfigured, match="has its answer already"):
        choose_tick(station, "20261124T120000Z")
    assert feed.asked


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_order_of_records_asks_landings_and_machines_each_record_lands_once(seed: int) -> None:
    chance = random.Random(seed)
    lag = chance.choice((0, 5, 20))
    bench, feed, one = opened(feed_stream(lag=lag * SECOND))
    stations = [one, bench.machine("two").open()]
    newest = 0
    for number in range(40):
        # A record comes at most the lag behind the newest one, often at the very same instant.
        newest += chance.choice((0, 0, 1, 3))
        feed.records.append({"id": number, "at": at(max(0, newest - chance.randint(0, lag)))})
        station = chance.choice(stations)
        if chance.random() < 0.5:
            collect(bench, station)
        if chance.random() < 0.4:
            land(chance.choice(stations))
    for station in stations * 2:
        collect(bench, station, minutes=2)
        land(station)

    assert Counter(ids(bench)) == Counter(range(40))


def test_the_first_answer_covers_the_ticks_that_were_missed_before_it() -> None:
    bench, feed, station = opened()
    bench.clock.advance(3 * MINUTE)
    feed.records.append({"id": 1, "at": at(5)})

    collect(bench, station)
    land(station)

    first, *_ = accounts(bench)
    assert first.tick == Interval(NOON - MINUTE, NOON + 3 * MINUTE)
    assert first.settles == (first.tick,)


def chain_holds(bench: Bench) -> bool:
    """Whether each answer begins where, and with what, the one before it ended."""
    parent, state, end = None, None, NOON - MINUTE
    for account in accounts(bench):
        carried = account.carried
        if carried is None or (carried.parent, carried.before, account.tick.start) != (parent, state, end):
            return False
        parent, state, end = account.answer, carried.after, account.tick.end
    return True


def test_an_answer_that_others_overtook_leaves_no_hole_before_the_one_that_is_asked_next() -> None:
    bench, feed, slow = opened()
    quick = bench.machine("two").open()
    feed.records.append({"id": 1, "at": at(5)})
    began = bench.clock.now()
    collect(bench, slow, minutes=2)
    later = bench.clock.now()
    # What it asks at the same tick has one more record, so it is another answer.
    feed.records.append({"id": 2, "at": at(6)})
    bench.clock.set(began)
    collect(bench, quick, minutes=0)
    land(quick)
    bench.clock.set(later)
    follow(slow.store, slow.index, slow.identity)

    collect(bench, slow, minutes=2)
    land(slow)

    assert chain_holds(bench)


def test_the_same_answer_on_other_terms_is_not_taken_for_the_parent_of_what_follows_from_it() -> None:
    bench, feed, keyed = opened()
    bare = bench.machine("two").open(feed_stream(terms=replace(TERMS, key=())))
    feed.records.append({"id": 1, "at": at(5)})
    now = bench.clock.now()
    collect(bench, keyed)
    bench.clock.set(now)
    collect(bench, bare, minutes=2)

    land(keyed)
    land(bare)
    collect(bench, bare)
    land(bare)

    assert len(accounts(bench)) > 1
    assert chain_holds(bench)


def test_an_answer_that_follows_from_the_log_lands_beside_an_older_one_that_claims_its_parent_in_vain() -> None:
    bench, feed, keyed = opened()
    bare = bench.machine("two").open(feed_stream(terms=replace(TERMS, key=())))
    feed.records.append({"id": 1, "at": at(5)})
    now = bench.clock.now()
    collect(bench, keyed)
    bench.clock.set(now)
    collect(bench, bare, minutes=2)
    land(keyed)

    follow(bare.store, bare.index, bare.identity)  # as upkeep does, while nothing lands
    collect(bench, bare)
    land(bare)

    assert len(bench.names("_superseded/")) == 1, "the older one, whose state is not the log's"
    assert len(accounts(bench)) > 1
    assert chain_holds(bench)


# Answers that cannot be used -------------------------------------------------------------------------


def test_an_answer_whose_parent_the_disk_does_not_give_now_waits_with_it() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    feed.records.append({"id": 2, "at": at(65)})
    collect(bench, station)
    waiting = station.spool.contents().waiting
    station, disk = BadDisk.under(station)
    disk.bad.add(waiting[0].name)

    with pytest.raises(Unreadable):
        land(station)

    assert station.spool.contents().waiting == waiting
    assert bench.names("_superseded/") == []
    disk.bad.clear()
    land(station)
    assert ids(bench) == [1, 2]
    assert all(account.outcome is not Outcome.GAP for account in accounts(bench))


def test_after_an_answer_is_damaged_the_next_takes_up_where_the_one_before_it_ended() -> None:
    bench, feed, station = opened()
    feed.records.append({"id": 1, "at": at(5)})
    collect(bench, station)
    land(station)
    feed.records.append({"id": 2, "at": at(65)})
    collect(bench, station)
    files = station.spool.files  # type: ignore[attr-defined]
    ((name, (accepted_at, body)),) = files.items()
    files[name] = (accepted_at, body[:-1])
    land(station)
    assert station.spool.contents().damaged == (name,)

    collect(bench, station)
    land(station)

    assert ids(bench) == [1, 2]
    assert [(event.name, event.asked_again) for event in bench.told(Damaged)] == [(name, True)]
    assert {account.outcome for account in accounts(bench)} == {Outcome.OK}
    assert len(tuple(follow(station.store, station.index, station.identity).answered)) == 1, "without a hole"
