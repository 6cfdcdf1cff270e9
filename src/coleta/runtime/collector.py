"""Stage 1 at work, for one stream: ask each due tick once, and write down each that cannot be asked.

One tick of a stream is asked at a time. Nothing is remembered between steps but the asking under way:
what is due is decided anew each time, from what is settled and what is spooled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from coleta.collect.clocks import astray, in_words
from coleta.collect.pauses import without_paused
from coleta.collect.spool import Gap
from coleta.collect.tick import Interval
from coleta.errors import Retryable, SpoolRefused
from coleta.land.commit import Head
from coleta.ports import SpoolContents
from coleta.runtime.asking import Answered, Later, TickAsking, spool_gaps
from coleta.runtime.clock_guard import LOOK_AGAIN
from coleta.runtime.due import chain_of, plan_of
from coleta.runtime.events import Trouble
from coleta.runtime.log import known_head, look_ahead
from coleta.runtime.pausing import read_pauses
from coleta.runtime.station import Station

MISSED = "missed"
MISSED_DETAIL = "it was not asked in time: no collector was running, or it was held up"

PAUSED = "paused"
PAUSED_DETAIL = "a person had paused the stream"

SPOOL_PAUSE = timedelta(seconds=5)
"""How long fetching pauses when the spool takes nothing: a disk that was full a moment ago still is."""

ROOM_BYTES = 64 * 1024
"""What the spool must have left before anything is asked for: some hundred records and their frames."""

LONGEST_SLEEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Refused:
    """An answer that the spool did not take: it is lost, and the next of its size must not be."""

    tick: Interval
    size_bytes: int


class Collector:
    """Collects one stream, a step at a time."""

    def __init__(self, station: Station) -> None:
        """Begin; nothing is asked yet."""
        self._station = station
        self._asking: TickAsking | None = None
        self._refused: _Refused | None = None
        self._cancelled = False

    def step(self) -> datetime:
        """Make at most one exchange; when to be called again."""
        now = self._station.world.clock.now()
        try:
            return self._step(now)
        except (SpoolRefused, Retryable) as error:
            # Retryable: the index is on the same disk, and may be of no use for a while.
            asking, self._asking = self._asking, None
            if asking is not None:
                self._refused = _Refused(asking.tick, asking.size_bytes)
            until = now + SPOOL_PAUSE
            self._station.world.tell(Trouble(self._station.stream.name, "spool", str(error), until))
            return until

    def cancel(self) -> None:
        """Let the asking under way end in nothing, and begin no other; its tick stays a hole. From any thread."""
        # First the mark, then the asking: a step that begins one just now looks at the mark afterwards.
        self._cancelled = True
        asking = self._asking
        if asking is not None:
            asking.cancel()

    def _step(self, now: datetime) -> datetime:
        if self._asking is None:
            station = self._station
            if astray(ahead := station.clock_ahead):
                return self._wait_for_the_clock(now, ahead)
            # Read anew each time, since a person may pause a stream, or let it go on, while this runs.
            pauses = read_pauses(station.notes)
            # A paused machine takes no lease: another may ask.
            if pauses.since is None and station.lease is not None and (until := station.lease.wait_until()) is not None:
                return until
            # The spool before the index: what is landed in between is then seen twice, never not at all.
            contents = station.spool.contents()
            head = self._head()
            plan, paused = without_paused(plan_of(station.stream, contents, head, now), pauses)
            self._write_down(plan.missed, MISSED, MISSED_DETAIL)
            self._write_down(paused, PAUSED, PAUSED_DETAIL)
            if not plan.ask:
                return now if plan.missed or paused else self._sleep(now, plan.next_at)
            self._require_room(plan.ask[0], contents)
            chain = chain_of(station.stream, contents, head)
            self._asking = TickAsking(station, plan.ask[0], link=chain.link if chain else None)
            if self._cancelled:
                self._asking.cancel()
        outcome = self._asking.advance()
        if isinstance(outcome, Later):
            return outcome.at
        self._asking = None
        if isinstance(outcome, Answered):
            self._refused = None
        return self._station.world.clock.now()

    def _head(self) -> Head:
        """The log as it is known; with a lease also what others have landed, before any of it is asked again."""
        station = self._station
        known = known_head(station.index, station.identity)
        if station.lease is None:
            return known
        try:
            return look_ahead(station.store, known)
        except Retryable:
            return known

    def _sleep(self, now: datetime, until: datetime | None) -> datetime:
        lease = self._station.lease
        renew_at = None if lease is None else lease.renew_at
        return min(at for at in (until, renew_at, now + LONGEST_SLEEP) if at is not None)

    def let_go(self) -> None:
        """Let other collectors begin at once. After ``cancel``, when no step is under way any more."""
        if self._station.lease is not None:
            self._station.lease.let_go()

    def _wait_for_the_clock(self, now: datetime, ahead: timedelta) -> datetime:
        """Begin no tick, and write none down as missed: nobody knows which have come. Landing goes on."""
        until = now + LOOK_AGAIN
        what = f"this machine's clock is {in_words(ahead)} of the store's, so no tick is begun; set it (NTP)"
        self._station.world.tell(Trouble(self._station.stream.name, "clock", what, until))
        return until

    def _require_room(self, tick: Interval, contents: SpoolContents) -> None:
        """Ask for nothing that could not be kept: an API may not give it twice.

        Raises:
            SpoolRefused: there is too little room.

        """
        need = ROOM_BYTES
        if self._refused is not None:
            large = ROOM_BYTES + self._refused.size_bytes
            # Where even landing all that waits will not make such room, the next tick is given its chance.
            after_landing = contents.free_bytes + sum(entry.size_bytes for entry in contents.waiting)
            if self._refused.tick == tick or after_landing >= large:
                need = large
        if contents.free_bytes < need:
            raise SpoolRefused(
                "too little room is left for another answer, so nothing is asked for",
                hint="it goes on by itself once what waits has landed, or the disk has room",
            )

    def _write_down(self, gone: Iterable[Interval], reason: str, detail: str) -> None:
        def day(tick: Interval) -> date:
            return tick.date

        for _, ticks in groupby(gone, key=day):
            spool_gaps(self._station, tuple(Gap(tick, reason, detail) for tick in ticks))
