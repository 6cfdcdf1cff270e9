"""All that has landed of one stream, at one moment: where its answers come from for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from coleta.ask.quarantine import Rejected, read_quarantine
from coleta.ask.span import EVERYTHING, Span
from coleta.ask.table import Table
from coleta.audit.account import TickLine
from coleta.land.commit import Committed
from coleta.ports import ObjectStore
from coleta.runtime.questions import Books
from coleta.stream import Stream

Progress = Callable[[str, int, int], None]
"""Is told what is read, how many of its objects are read, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One stream's commits as they were when it was asked for."""

    stream: Stream
    store: ObjectStore
    books: Books

    @property
    def commits(self) -> Sequence[Committed]:
        """Its commits, oldest first."""
        return self.books.commits

    def ticks(self) -> list[TickLine]:
        """Every tick with its current outcome, oldest first."""
        return self.books.ticks()

    def table(self, span: Span = EVERYTHING) -> Table:
        """Its rows, or those of ticks of some dates."""
        retires = self.stream.retention.data is not None
        return Table(self.books.history, self.stream.terms, span=span, retires=retires)

    def rejected(self, *, tick: datetime | None = None, reason: str | None = None) -> Iterator[Rejected]:
        """What broke its contract, or those of `tick`, or for `reason`, only; see ``read_quarantine``."""
        return read_quarantine(self.store, self.commits, tick=tick, reason=reason)
