"""What a person can ask: what became of every tick, what is due, what waits. Read-only; takes no lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from coleta.audit.account import TickLine, timeline
from coleta.audit.doubts import Doubted, doubted
from coleta.collect.coverage import Coverage
from coleta.collect.tick import RESOLUTION, Interval
from coleta.errors import StoreUnavailable
from coleta.land.commit import Committed, Head, Identity
from coleta.land.jail import check_redrives
from coleta.land.record import Outcome
from coleta.land.tally import Totals
from coleta.ports import Index, ObjectStore, SpoolContents
from coleta.runtime.due import plan_of
from coleta.runtime.history import History, commits_after
from coleta.runtime.log import known_head, newest_kept
from coleta.stream import Checks, Stream


@dataclass(frozen=True, slots=True)
class Books:
    """All that is known of one stream now. ``store_error`` says why the store could not be asked, if so.

    ``most`` is how many of the commits that this machine remembered are asked about; None: all.
    """

    stream: Stream
    history: History
    spool: SpoolContents
    now: datetime
    store_error: str | None = None
    most: int | None = None

    @property
    def identity(self) -> Identity:
        """Whose log it is."""
        return self.history.identity

    @property
    def head(self) -> Head:
        """What the log has come to."""
        return self.history.head

    @property
    def commits(self) -> tuple[Committed, ...]:
        """Its commits, oldest first; they are kept in memory once they are asked for."""
        return self.history.all() if self.most is None else self.history.newest(self.most + len(self.history.beyond))

    def ticks(self) -> list[TickLine]:
        """Every tick with its current outcome, oldest first."""
        return self._now(self.commits)

    def gaps(self) -> list[TickLine]:
        """The ticks that ended without an answer, and still have none."""
        gaps = self.head.gaps
        if not gaps:
            return []
        # A tick lies in the folder of its end; one of which only a part is open may lie in another: then all are read.
        days = [day for day in self.history.kept().days if gaps.overlaps(_whole(date.fromisoformat(day)))]
        found = [line for line in self._now(self.history.of_days(days)) if line.open]
        whole = Coverage.of(part for line in found for part in line.open) == gaps
        return found if whole else [line for line in self.ticks() if line.open]

    def last(self) -> TickLine | None:
        """The newest tick with its current outcome."""
        newest = self.newest(1)
        return newest[0] if newest else None

    def newest(self, count: int) -> list[TickLine]:
        """The newest `count` ticks with their current outcomes, oldest first; of older days no commit is looked at."""
        found: list[TickLine] = []
        for day in sorted(self.history.kept().days, reverse=True):
            if len(found) >= count:
                break
            found = self._now(self.history.of_days([day])) + found
        return found[max(len(found) - count, 0) :]

    def known(self) -> int:
        """How many ticks have an outcome."""
        return sum(self.totals().outcomes.values())

    def _now(self, commits: Iterable[Committed]) -> list[TickLine]:
        return timeline(commits, self.head.answered)

    def doubted(self) -> list[Doubted]:
        """The ticks whose answers were taken, and which the stream's checks doubt, oldest first."""
        checks = self.stream.checks
        return [] if checks == Checks() else doubted(checks, self.ticks())

    def totals(self) -> Totals:
        """Sums over the current outcomes."""
        found, gaps = self.history.kept().totals, len(self.gaps())
        outcomes = {**found.outcomes, str(Outcome.GAP): gaps}
        return replace(found, outcomes={name: count for name, count in sorted(outcomes.items()) if count})

    def next_at(self) -> datetime | None:
        """When the next tick may be asked; the present if one is due now."""
        plan = plan_of(self.stream, self.spool, self.head, self.now)
        return self.now if plan.ask else plan.next_at


@dataclass(frozen=True, slots=True)
class Shelves:
    """Where the answers to questions about one stream lie."""

    stream: Stream
    identity: Identity
    store: ObjectStore
    index: Index
    spool: SpoolContents


def read_books(shelves: Shelves, now: datetime, *, newest: int | None = None) -> Books:
    """The books now: what this machine remembers, and what has been committed since.

    Commits are read when somebody asks for them; with `newest` there are so many of those remembered, and the rest.
    """
    store, identity = shelves.store, shelves.identity
    head = known_head(shelves.index, identity)
    beyond: list[Committed] = []
    until, error = head.seq, None
    try:
        if not head.seq and (kept := newest_kept(store, identity)) is not None:
            head, until = kept[0].head, kept[0].head.seq
        start = head
        for newer, found in commits_after(store, identity, start):
            head = newer
            beyond.append(found)
    except StoreUnavailable as trouble:
        error = str(trouble)
    history = History(identity, head, store, shelves.index, until, beyond)
    if newest is None:
        _check_redrives(history)
    return Books(shelves.stream, history, shelves.spool, now, error, newest)


def _check_redrives(history: History) -> None:
    """The one law of what has come since that needs more of the past than the head knows."""
    for found in history.beyond:
        if found.record.redrives:
            check_redrives(found, (one for one in history.commits() if one.record.seq < found.record.seq))


def _whole(day: date) -> Interval:
    """All instants of `day`."""
    begin = datetime.combine(day, time(), UTC) - RESOLUTION
    return Interval(begin, begin + timedelta(days=1))
