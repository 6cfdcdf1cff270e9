"""What a person can ask: what became of every tick, what is due, what waits. Read-only; takes no lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coleta.audit.account import TickLine, Totals, timeline, totals
from coleta.audit.doubts import Doubted, doubted
from coleta.errors import StoreUnavailable
from coleta.land.commit import Committed, Head, Identity
from coleta.land.jail import check_redrives
from coleta.ports import Index, ObjectStore, SpoolContents
from coleta.runtime.due import plan_of
from coleta.runtime.history import History, commits_after
from coleta.runtime.log import known_head, newest_kept
from coleta.stream import Stream


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
        return timeline(self.commits, self.head.answered)

    def gaps(self) -> list[TickLine]:
        """The ticks that ended without an answer, and still have none."""
        return [line for line in self.ticks() if line.open]

    def doubted(self) -> list[Doubted]:
        """The ticks whose answers were taken, and which the stream's checks doubt, oldest first."""
        return doubted(self.stream.checks, self.ticks())

    def totals(self) -> Totals:
        """Sums over the current outcomes."""
        return totals(line.account for line in self.ticks())

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
