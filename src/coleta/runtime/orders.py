"""What a person can order: settle one tick now, or look at one answer without landing it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from coleta.collect.cadence import Cadence, Chain, find_tick, newest, previous
from coleta.collect.clocks import astray, in_words
from coleta.collect.envelope import NotData, Page, look
from coleta.collect.request import Question, asked_from, first_request, is_window
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.spool import Spooled
from coleta.collect.tick import Interval, on_demand, parse_tick_name
from coleta.errors import AuthRefused, Misconfigured, SourceUnavailable, WrongClock
from coleta.land.commit import Committed
from coleta.land.record import Account, Outcome
from coleta.runtime.asking import Later, TickAsking
from coleta.runtime.due import chain_of
from coleta.runtime.lander import land
from coleta.runtime.log import known_head
from coleta.runtime.station import Station, World
from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one ordered tick: its account, and the commit that holds it.

    Both are None where the answer was superseded: another had settled the tick first.
    """

    tick: Interval
    account: Account | None = None
    committed: Committed | None = None


def choose_tick(station: Station, name: str | None) -> Interval:
    """The tick that ``run --tick NAME`` means; without a name one of this instant, which covers nothing.

    Raises:
        Misconfigured: it cannot be asked; the hint says which can.
        WrongClock: this machine's clock and the store's are too far apart to tell.

    """
    where = f"stream.{station.stream.name}"
    now = station.world.clock.now()
    check_clock(station)
    if name is None:
        if is_window(station.stream.source):
            raise Misconfigured(
                "its requests name the tick's interval, so it has no ticks on demand",
                where=where,
                hint="name a tick: coleta run STREAM --tick 20261124T120000Z",
            )
        return on_demand(now)
    try:
        end = parse_tick_name(name)
    except ValueError:
        raise Misconfigured(
            f"{name!r} is no tick", where=where, hint="write it as 20261124T120000Z or 2026-11-24T12:00:00Z"
        ) from None
    head = known_head(station.index, station.identity)
    chain = _chain(station)
    tick = find_tick(
        Cadence.of(station.stream),
        covered_by_answers=head.answered,
        gaps=_gaps(station),
        first_tick=station.identity.first_tick,
        now=now,
        end=end,
    )
    return tick if chain is None else chain.continued(tick)


def check_clock(station: Station) -> None:
    """Refuse to begin a tick while nobody knows which have come.

    Raises:
        WrongClock: this machine's clock and the store's are too far apart to tell.

    """
    if astray(ahead := station.clock_ahead):
        raise WrongClock(
            f"this machine's clock is {in_words(ahead)} of the store's, so no tick is begun",
            hint="set the clock (timedatectl set-ntp true), or if it is right, that of the store",
        )


def ask_again(station: Station, gap: Iterable[Interval]) -> tuple[Interval, ...]:
    """The ticks by which a gap's open parts can be asked for again: what no answer has replaced, oldest first.

    Of a stream that carries state it is the one that takes up where its answers have come to.
    """
    answered = known_head(station.index, station.identity).answered
    parts = tuple(left for part in gap for left in answered.uncovered(part))
    chain = _chain(station)
    if chain is None:
        return parts
    return tuple(chain.continued(part) for part in parts[-1:] if chain.link.end is None or chain.link.end < part.end)


def _chain(station: Station) -> Chain | None:
    head = known_head(station.index, station.identity)
    return chain_of(station.stream, station.spool.contents(), head)


def settled_tick(station: Station, name: str) -> Settlement | None:
    """What became of the tick `name` if an answer has settled it already: ordering it again changes nothing."""
    try:
        end = parse_tick_name(name)
    except ValueError:
        return None
    for committed in station.index.commits():
        for account in committed.record.accounts:
            if account.tick.end == end and not account.tick.empty and account.outcome is not Outcome.GAP:
                return Settlement(account.tick, account, committed)
    return None


def settle(station: Station, tick: Interval, *, cancelled: threading.Event) -> Settlement:
    """Ask for `tick`, unless its answer waits already, land what waits, and say what became of it.

    Raises:
        StoreUnavailable: accepted but not landed yet: it waits in the spool and is safe.
        SpoolRefused: not accepted; nothing has changed.
        SourceUnavailable: `cancelled` was set before an answer came.

    """
    entry = _waiting(station, tick) or _ask(station, tick, cancelled)
    land(station)
    return _outcome(station, tick, entry)


def _waiting(station: Station, tick: Interval) -> Spooled | None:
    for entry in station.spool.contents().waiting:
        if not entry.is_gap and entry.header.tick == tick:
            return entry
    return None


def _ask(station: Station, tick: Interval, cancelled: threading.Event) -> Spooled:
    chain = _chain(station)
    asking = TickAsking(station, tick, link=chain.link if chain else None, cancelled=cancelled)
    while True:
        outcome = asking.advance()
        if not isinstance(outcome, Later):
            return outcome.entry
        # Short waits, so that a changed clock or a stop is noticed.
        while (left := outcome.at - station.world.clock.now()) > timedelta(0):
            if cancelled.wait(min(left, timedelta(seconds=1)).total_seconds()):
                break
        if cancelled.is_set():
            asking.abandon()
            raise SourceUnavailable("stopped before an answer came; nothing was accepted")


def _outcome(station: Station, tick: Interval, entry: Spooled) -> Settlement:
    # Nearly always among the newest; but landing a long outage's backlog may have put many after it.
    for most in (100, None):
        for committed in reversed(list(station.index.commits(newest=most))):
            for account in committed.record.accounts:
                same_answer = entry.trailer.answer is not None and account.answer == entry.trailer.answer
                if same_answer or (entry.is_gap and account.tick == tick and account.outcome is Outcome.GAP):
                    return Settlement(tick, account, committed)
    return Settlement(tick)


def _gaps(station: Station) -> list[Interval]:
    accounts = (account for commit in station.index.commits() for account in commit.record.accounts)
    return [account.tick for account in accounts if account.outcome is Outcome.GAP]


@dataclass(frozen=True, slots=True)
class Sample:
    """One live response, for `check` and `preview`: nothing is accepted or landed."""

    response: Response
    page: Page | NotData


def sample(stream: Stream, world: World) -> Sample:
    """Ask once for the newest tick's first page.

    Raises:
        SourceUnavailable: no complete 2xx response came; the message says why.
        AuthRefused: the API refuses who asks, or a secret cannot be found.

    """
    now = world.clock.now()
    end = newest(stream.schedule, now)
    tick = Interval(previous(stream.schedule, end), end)
    request = first_request(stream.source, Question(tick, asked_from(stream.source, stream.terms, None)))
    came = world.transport.exchange(request, timeout=stream.source.timeout, max_bytes=stream.source.max_answer_bytes)
    where = str(request.redacted()["url"])
    if isinstance(came, Failed):
        if came.fault is Fault.SECRET or (came.fault is Fault.AUTH and came.final):
            hint = "the stream's headers, or its auth, say where each secret is found"
            raise AuthRefused(came.detail, where=where, hint=hint)
        raise SourceUnavailable(
            f"{came.fault}: {came.detail}", where=where, hint="is the API running, and the URL right?"
        )
    if came.status in (401, 403):
        raise AuthRefused(f"HTTP status {came.status}", where=where, hint="check the credentials")
    if not 200 <= came.status < 300:
        raise SourceUnavailable(f"HTTP status {came.status}", where=where, hint="is the URL right?")
    if not came.body and stream.source.allow_empty_body:
        return Sample(came, Page(count=0))
    return Sample(came, look(came.body, stream.terms, stream.source.paging, error_at=stream.source.error_at))


@dataclass(frozen=True, slots=True)
class Preview:
    """A page as landing would see it: its first rows, and (row, path, reason, detail) of each reject.

    ``wrong`` says why the page is no data at all, if it is not.
    """

    received: int
    landed: int
    rows: Sequence[Mapping[str, object]] = ()
    rejects: Sequence[tuple[int, str, str, str]] = ()
    wrong: str | None = None


def preview(stream: Stream, body: bytes, *, limit: int) -> Preview:
    """What landing would make of a page `body`, with its first `limit` rows; nothing is landed."""
    from coleta.land.decode import NotRecords, decode

    try:
        pieces = list(decode([body] if body else [], stream.terms))
    except NotRecords as error:
        return Preview(0, 0, wrong=error.why)
    rows: list[Mapping[str, object]] = []
    for piece in pieces:
        rows += piece.columns.slice(0, max(limit - len(rows), 0)).to_pylist()
    return Preview(
        received=sum(piece.received for piece in pieces),
        landed=sum(piece.columns.num_rows for piece in pieces),
        rows=rows,
        rejects=[(one.row, one.path, one.reason, one.detail) for piece in pieces for one in piece.rejects],
    )
