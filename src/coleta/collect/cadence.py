"""Stage 1, step 1: which ticks are due. Pure: schedule, coverage and the time go in, a plan comes out.

It promises that no two ticks that it gives overlap each other or what is covered, and that asking
for, or writing down, all that it gives leaves no hole from the first tick on, whatever the clock and
the schedule did meanwhile. It never remembers anything: what was planned and not covered is planned
again. A hole is cut at the grid's instants; what is left of it before the next covered interval is a
tick named by the hole's end, on no grid; what is left after the newest instant is no tick yet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from coleta.collect.carry import Link
from coleta.collect.coverage import Coverage
from coleta.collect.grid import check_cron, first_tick, instants, newest, phase, previous
from coleta.collect.tick import RESOLUTION, Interval, format_instant, tick_name
from coleta.errors import Misconfigured
from coleta.stream import CatchUp, Schedule, Stream

__all__ = [
    "MOST_ASKED", "MOST_MISSED", "Cadence", "Chain", "Plan", "check_cron", "due", "due_next", "find_tick",
    "first_tick", "instants", "newest", "phase", "previous", "ticks",
]  # fmt: skip

MOST_ASKED = 1_000
"""Ticks to be asked in one plan: 16 hours of minutes, far more than any pool of threads asks at once."""

MOST_MISSED = 10_000
"""Ticks to be written down as missed in one plan: a week of minutes, about 5 s of fsyncs at 0.5 ms each."""

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a stream is asked, and how much of an outage it makes up for."""

    schedule: Schedule
    catch_up: CatchUp
    delay: timedelta
    deadline: timedelta
    phase: timedelta

    @classmethod
    def of(cls, stream: Stream) -> Cadence:
        """What `stream` says of it."""
        return cls(
            schedule=stream.schedule,
            catch_up=stream.catch_up,
            delay=stream.delay,
            deadline=stream.source.deadline,
            phase=phase(stream.schedule, stream.name),
        )

    def not_before(self, tick: Interval) -> datetime:
        """The instant from which `tick` may be asked."""
        return tick.end + self.delay + self.phase


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now: ``ask`` and ``missed`` (to be written down as gaps), oldest first, and when to look again.

    ``next_at`` is the instant from which the next tick may be asked; or the present, where there is more than
    one plan holds. None: the schedule has no more instants.
    """

    ask: tuple[Interval, ...]
    missed: tuple[Interval, ...]
    next_at: datetime | None


def ticks(schedule: Schedule, covered: Coverage, *, after: datetime) -> Iterator[Interval]:
    """The ticks that `covered` leaves open and that end after `after`, oldest first; they go on into the future.

    A tick's start is the previous instant of the grid, or the end of the nearest covered interval if that is later.

    Raises:
        Misconfigured: the schedule has no instants.

    """
    known = covered.intervals
    begun = bisect_right(known, after, key=lambda interval: interval.end)
    floor = known[begun - 1].end if begun else None
    begin = after
    for interval in islice(known, begun, None):
        if begin < interval.start:
            yield from _cut(schedule, begin, interval.start, floor=floor)
        begin = floor = interval.end
    start = _start(schedule, begin, floor)
    for instant in instants(schedule, after=begin, until=_FOR_EVER):
        yield Interval(start, instant)
        start = instant


def due(cadence: Cadence, *, covered: Coverage, first_tick: datetime, now: datetime, limit: int = MOST_ASKED) -> Plan:
    """What is to be asked, and what is to be written down as missed, at `now`.

    `covered` holds the answers, the gaps, what waits in the spool and what is being asked at this moment.
    At most `limit` ticks to ask and ``MOST_MISSED`` missed ones come at once, the oldest ones, except that
    with ``latest`` the newest tick is always asked.

    - ``all``: every tick is asked, however late.
    - ``none``: a tick is asked only until its deadline has passed, then it is missed.
    - ``latest``: the same, but the newest tick of all is asked even then. It is one only while nothing newer
      is covered: after an answer of 13:00, that of 12:00 is not the latest any more.

    Raises:
        Misconfigured: the schedule has no instants.

    """
    since = first_tick - RESOLUTION
    ready = now - cadence.delay - cadence.phase

    def open_ticks(after: datetime, until: datetime, most: int) -> tuple[Interval, ...]:
        """One more than `most`, which says that there are more."""
        found = ticks(cadence.schedule, covered, after=max(after, since))
        return tuple(islice(takewhile(lambda tick: tick.end <= until, found), most + 1))

    fresh = since if cadence.catch_up == "all" else ready - cadence.deadline
    ask, missed = open_ticks(fresh, ready, limit), open_ticks(since, fresh, MOST_MISSED)
    more = len(ask) > limit or len(missed) > MOST_MISSED
    ask = ask[:limit]
    if cadence.catch_up == "latest":
        latest = _latest(cadence.schedule, covered, since=since, ready=ready)
        if latest is not None and latest not in ask[-1:]:
            ask = (*ask[: limit - 1], latest)
            missed = tuple(tick for tick in missed if tick != latest)
    coming = next(ticks(cadence.schedule, covered, after=max(ready, since)), None)
    next_at = cadence.not_before(coming) if coming else None
    return Plan(ask=ask, missed=missed[:MOST_MISSED], next_at=now if more else next_at)


@dataclass(frozen=True, slots=True)
class Chain:
    """How far the answers of a stream with state have come: the link that the next one takes up, and all answers.

    ``begin`` is where the stream's first tick starts: the first of the chain covers what was missed before it.
    """

    link: Link
    answered: Coverage
    begin: datetime

    def continued(self, tick: Interval) -> Interval:
        """`tick`, begun where the chain ended, or where a later answer without state did; an on-demand one as it is."""
        known = (self.begin, self.link.end, *(interval.end for interval in self.answered))
        ends = [end for end in known if end is not None and end < tick.end]
        return tick if tick.empty or not ends else Interval(max(ends), tick.end)


def due_next(cadence: Cadence, *, covered: Coverage, chain: Chain, first_tick: datetime, now: datetime) -> Plan:
    """The same for a stream that carries state: its next answer takes up where the newest of `chain` ended.

    So no tick is ever missed, only late: the next one that is asked covers what lies before it. The newest
    tick is asked, however late, unless `covered` holds its instant, by an answer or by a gap.
    """
    since = first_tick - RESOLUTION
    ready = now - cadence.delay - cadence.phase
    latest = _latest(cadence.schedule, covered, since=since, ready=ready)
    ask = () if latest is None else (chain.continued(latest),)
    coming = next(instants(cadence.schedule, after=max(ready, since), until=_FOR_EVER), None)
    next_at = None if coming is None else cadence.not_before(Interval(coming, coming))
    return Plan(ask=ask, missed=(), next_at=next_at)


def find_tick(
    cadence: Cadence,
    *,
    covered_by_answers: Coverage,
    gaps: Iterable[Interval],
    first_tick: datetime,
    now: datetime,
    end: datetime,
) -> Interval:
    """The tick that ends at `end`, asked for by its name: a hole's, a gap's, or one of the grid.

    `gaps` come one by one, as they were written down: the end of each is a name that may be given.

    Raises:
        Misconfigured: no tick ends there, it has its answer, or its time has not come; the hint
            names the nearest ticks that can be asked.

    """
    schedule, answers = cadence.schedule, covered_by_answers
    may_end = now - cadence.delay
    edges = {interval.start for interval in answers}
    edges.update(edge for gap in gaps for edge in (gap.start, gap.end))

    def askable(instant: datetime) -> bool:
        return first_tick <= instant <= may_end and not answers.covers(Interval(instant - RESOLUTION, instant))

    if askable(end) and (end in edges or newest(schedule, end) == end):
        return answers.uncovered(Interval(previous(schedule, end), end))[-1]
    coming = ticks(schedule, answers, after=max(end, first_tick) - RESOLUTION)
    candidates = edges | {newest(schedule, min(end, may_end))} | {tick.end for tick in islice(coming, 2)}
    near = sorted(filter(askable, candidates), key=lambda instant: abs(instant - end))[:3]
    names = ", ".join(tick_name(instant) for instant in sorted(near))
    hint = f"the nearest that can be asked: {names}" if names else "every tick up to now has its answer"
    if end < first_tick:
        reason = f"lies before the stream's first tick, {tick_name(first_tick)}"
    elif end > may_end:
        reason = f"cannot be asked before {format_instant(end + cadence.delay)}"
    else:
        reason = "is not the end of any tick" if askable(end) else "has its answer already"
    raise Misconfigured(f"{tick_name(end)} {reason}", hint=hint)


def _cut(schedule: Schedule, begin: datetime, end: datetime, *, floor: datetime | None) -> Iterator[Interval]:
    """The ticks of the hole (`begin`, `end`], which a covered interval follows."""
    start = _start(schedule, begin, floor)
    for instant in instants(schedule, after=begin, until=end):
        yield Interval(start, instant)
        start = instant
    if start < end:
        yield Interval(start, end)


def _start(schedule: Schedule, begin: datetime, floor: datetime | None) -> datetime:
    """Where the first tick that ends after `begin` starts; `floor` is the end of what is covered before it."""
    grid = newest(schedule, begin)
    return grid if floor is None else max(grid, floor)


def _latest(schedule: Schedule, covered: Coverage, *, since: datetime, ready: datetime) -> Interval | None:
    """The newest tick up to `ready`, unless its instant or anything newer is covered."""
    instant = newest(schedule, ready)
    if instant <= since or covered.overlaps(Interval(instant - RESOLUTION, ready)):
        return None
    # Two at most: that of the instant, and one that a covered interval closes at `ready` itself.
    *_, latest = takewhile(lambda tick: tick.end <= ready, ticks(schedule, covered, after=instant - RESOLUTION))
    return latest
