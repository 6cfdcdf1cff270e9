"""What the methods of ``Project`` give back: plain values, in the words of the command line's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.errors import ColetaError

if TYPE_CHECKING:
    from coleta.audit.account import TickLine
    from coleta.cli import settling
    from coleta.runtime.auditor import Report
    from coleta.runtime.questions import Books

GOOD = frozenset({"ok", "empty", "unchanged", "settled_before", "superseded"})
"""The states in which nothing is left to do for a tick."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one ordered tick; true if nothing is left to do for it.

    ``state`` is the tick's outcome (``ok``, ``empty``, ``unchanged``, ``rejected``, ``gap``), or
    ``settled_before`` (nothing was done), ``superseded`` (another answer was first) or ``waiting`` (safe
    in the spool, not landed yet). ``object`` and ``quarantine`` are names below the stream's path in the
    store. ``error`` is what ``Project.run`` raises.
    """

    stream: str
    tick: datetime
    state: str
    received: int = 0
    landed: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    nulled: int = 0
    object: str | None = None
    quarantine: tuple[str, ...] = ()
    reason: str | None = None
    error: ColetaError | None = None

    def __bool__(self) -> bool:
        return self.state in GOOD

    @classmethod
    def of(cls, told: settling.Result) -> Result:
        """The same as the command line's."""
        account = told.settlement.account if told.settlement else None
        committed = told.settlement.committed if told.settlement else None
        return cls(
            stream=told.stream,
            tick=told.tick.end,
            state=told.state,
            received=account.received if account else 0,
            landed=account.landed if account else 0,
            quarantined=account.quarantined if account else 0,
            deduplicated=account.deduplicated if account else 0,
            nulled=account.nulled if account else 0,
            object=committed.name if committed else None,
            quarantine=tuple(
                file.path
                for file in (committed.record.quarantine if committed else ())
                if account is not None and file.answer == account.answer
            ),
            reason=account.reason if account else told.gap.reason if told.gap else None,
            error=told.error,
        )


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick with its current outcome. ``open`` are the parts of a gap that no answer has replaced yet."""

    tick: datetime
    start: datetime
    outcome: str
    reason: str | None
    detail: str | None
    received: int
    landed: int
    quarantined: int
    deduplicated: int
    nulled: int
    attempts: int
    asked_at: datetime | None
    received_at: datetime | None
    seq: int
    object: str
    open: tuple[tuple[datetime, datetime], ...] = ()

    @classmethod
    def of(cls, line: TickLine) -> Tick:
        """The same as a line of the books."""
        one = line.account
        return cls(
            tick=one.tick.end,
            start=one.tick.start,
            outcome=str(one.outcome),
            reason=one.reason,
            detail=one.detail,
            received=one.received,
            landed=one.landed,
            quarantined=one.quarantined,
            deduplicated=one.deduplicated,
            nulled=one.nulled,
            attempts=one.attempts,
            asked_at=one.asked_at,
            received_at=one.received_at,
            seq=line.seq,
            object=line.name,
            open=tuple((part.start, part.end) for part in line.open),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """How one stream is now. A stream that was never started has only its name.

    ``next_at`` is when the next tick may be asked, None for never; ``doubted`` are ticks whose answers were
    taken though the stream's checks hold something against them; ``waiting`` are accepted answers and
    gaps in this machine's spool. ``paused`` is since when this machine asks nothing for it, by a person's wish.
    ``behind`` are objects that the stream's table lacks, as far as this machine knows.
    ``error`` says why a stream, or its store, could not be read.
    """

    stream: str
    started: bool = False
    last: Tick | None = None
    next_at: datetime | None = None
    ticks: tuple[tuple[str, int], ...] = ()
    received: int = 0
    landed: int = 0
    quarantined: int = 0
    gaps: int = 0
    doubted: int = 0
    waiting: int = 0
    error: str | None = None
    paused: datetime | None = None
    behind: int = 0

    @classmethod
    def of(cls, books: Books) -> Status:
        """The same as the books say."""
        last, totals = books.last(), books.totals()
        return cls(
            stream=books.stream.name,
            started=True,
            last=Tick.of(last) if last else None,
            next_at=books.next_at(),
            ticks=tuple(totals.outcomes.items()),
            received=totals.received,
            landed=totals.landed,
            quarantined=totals.quarantined,
            gaps=len(books.gaps()),
            doubted=len(books.doubted()),
            waiting=len(books.spool.waiting),
            error=books.store_error,
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """What ``verify`` found: a report for each stream that was ever started; true if there is no damage."""

    reports: tuple[Report, ...]

    @property
    def sound(self) -> bool:
        """Whether no stream has damage; warnings do not count."""
        return all(report.sound for report in self.reports)

    def __bool__(self) -> bool:
        return self.sound
