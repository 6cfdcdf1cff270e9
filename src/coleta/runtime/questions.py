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
from coleta.runtime.log import known_head, read_commit
from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Books:
    """All that is known of one stream now. ``store_error`` says why the store could not be asked, if so."""

    stream: Stream
    identity: Identity
    head: Head
    commits: tuple[Committed, ...]
    spool: SpoolContents
    now: datetime
    store_error: str | None = None

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

    Only the `newest` commits remembered are read, if that is given.
    """
    head = known_head(shelves.index, shelves.identity)
    commits = list(shelves.index.commits(newest=newest)) if head.seq else []
    error = None
    try:
        while (found := read_commit(shelves.store, head.next)) is not None:
            head = head.after(found)
            if newest is None:
                check_redrives(found, commits)
            commits.append(found)
    except StoreUnavailable as trouble:
        error = str(trouble)
    return Books(shelves.stream, shelves.identity, head, tuple(commits), shelves.spool, now, error)
