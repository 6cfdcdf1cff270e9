"""Stage 1 at work, for one stream: ask each due tick once, and write down each that cannot be asked.

One tick of a stream is asked at a time. Nothing is remembered between steps but the asking under way:
what is due is decided anew each time, from what is settled and what is spooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from coleta.collect.cadence import Plan
from coleta.collect.clocks import astray, in_words
from coleta.collect.lost import Lost, can_be_asked_again, make_good, still_open
from coleta.collect.pauses import Pauses, without_paused
from coleta.collect.request import is_window
from coleta.collect.spool import Gap
from coleta.collect.tick import Interval
from coleta.errors import AuthRefused, Retryable, SpoolRefused
from coleta.land.commit import Head
from coleta.ports import SpoolContents
from coleta.runtime.asking import Answered, Later, TickAsking, spool_gaps
from coleta.runtime.clock_guard import LOOK_AGAIN
from coleta.runtime.due import chain_of, covered_by, plan_of
from coleta.runtime.events import Damaged, Trouble
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

SHORTEST_BAN = timedelta(minutes=1)
LONGEST_BAN = timedelta(minutes=15)
"""How long an API that refuses who asks is left alone; it doubles. A person mends that, and does not wait for long."""

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
        self._told: set[str] = set()
        self._ban = SHORTEST_BAN
        self._banned_until: datetime | None = None

    def step(self) -> datetime:
        """Make at most one exchange; when to be called again."""
        now = self._station.world.clock.now()
        if self._banned_until is not None and now < self._banned_until <= now + LONGEST_BAN:
            return self._banned_until
        try:
            return self._step(now)
        except AuthRefused as error:
            return self._banned(error, now)
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
            # Read anew: the clock may have been set right while it was compared, and `now` be from before.
            now = station.world.clock.now()
            if self._pauses.since is not None:
                self.let_go()  # a paused machine holds no lease: another may ask, and at once
            elif station.lease is not None and (until := station.lease.wait_until()) is not None:
                return until
            # The spool before the index: what is landed in between is then seen twice, never not at all.
            contents = station.spool.contents()
            head = self._head()
            plan, written = self._plan(contents, head, now)
            if not plan.ask:
                return now if written else self._sleep(now, plan.next_at)
            self._require_room(plan.ask[0], contents)
            chain = chain_of(station.stream, contents, head)
            # What can be asked for later as well as now is not given up: else a key that has run out at the weekend
            # would leave a gap for each tick, to be filled by hand.
            later = is_window(station.stream.source) and station.stream.catch_up == "all"
            link = chain.link if chain else None
            self._asking = TickAsking(station, plan.ask[0], link=link, stays_open=later)
            if self._cancelled:
                self._asking.cancel()
        outcome = self._asking.advance()
        if isinstance(outcome, Later):
            return outcome.at
        self._asking = None
        self._ban, self._banned_until = SHORTEST_BAN, None
        if isinstance(outcome, Answered):
            self._refused = None
        return self._station.world.clock.now()

    @property
    def _pauses(self) -> Pauses:
        """Read anew each time, since a person may pause a stream, or let it go on, while this runs."""
        return read_pauses(self._station.notes)

    def _plan(self, contents: SpoolContents, head: Head, now: datetime) -> tuple[Plan, bool]:
        """What is to be asked; what never will be is written down, and whether there was any of that."""
        stream = self._station.stream
        plan = plan_of(stream, contents, head, now)
        gaps: tuple[Gap, ...] = ()
        if contents.lost:
            covered = covered_by(contents, head)
            lost = still_open(contents.lost, plan, covered)
            self._tell_damage(lost)
            plan, gaps = make_good(plan, lost, covered, stream)
        plan, paused = without_paused(plan, self._pauses)
        missed = [Gap(tick, MISSED, MISSED_DETAIL) for tick in plan.missed]
        for some in (gaps, missed, [Gap(tick, PAUSED, PAUSED_DETAIL) for tick in paused]):
            self._write_down(some)
        return plan, bool(gaps or missed or paused)

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
        """Let other collectors begin at once. Within a step, or when none is under way any more."""
        if self._station.lease is not None:
            self._station.lease.let_go()

    def _banned(self, error: AuthRefused, now: datetime) -> datetime:
        """Leave the tick open, and the API alone for a while."""
        self._asking = None
        self._banned_until = until = now + self._ban
        self._ban = min(2 * self._ban, LONGEST_BAN)
        self._station.world.tell(Trouble(self._station.stream.name, "auth", f"{error}; its ticks stay open", until))
        return until

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

    def _write_down(self, gaps: Sequence[Gap]) -> None:
        def day(gap: Gap) -> date:
            return gap.tick.date

        for _, same in groupby(gaps, key=day):
            spool_gaps(self._station, tuple(same))

    def _tell_damage(self, lost: Sequence[Lost]) -> None:
        stream = self._station.stream
        for one in lost:
            if one.name not in self._told:
                self._told.add(one.name)
                self._station.world.tell(Damaged(stream.name, one.name, one.why, can_be_asked_again(stream)))
