"""Stage 3: a stream's table against its log: is it there, is it this log's, has it the rows that landed? Pure.

The table is derived, so nothing here is lost with it; but whoever reads it reads something else than what landed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coleta.audit.finding import Finding
from coleta.land.commit import Committed
from coleta.land.watermark import DELTA, Mark, TableState

LAGS = timedelta(hours=1)
"""How long the table may lack an object before that is told: registering is tried again meanwhile."""


def behind(commits: Iterable[Committed], mark: Mark | None) -> tuple[Committed, ...]:
    """Those of `commits` with rows that a table lacks, by what this machine remembers of it."""
    seq = 0 if mark is None else mark.seq
    return tuple(committed for committed in commits if committed.record.seq > seq and committed.record.rows)


@dataclass(slots=True)
class TableWalk:
    """The table as it was when the log began to be followed, and what the log says of its rows.

    ``seen`` is None where there is no table, ``rows`` where they could not be counted; ``unreadable`` is why neither
    could be told.
    """

    log: str
    seen: TableState | None
    rows: int | None
    mark: Mark | None
    unreadable: str | None = None
    where: str = DELTA.folder
    landed: int = field(default=0, init=False)
    retired: int = field(default=0, init=False)
    late: int = field(default=0, init=False)

    def meet(self, committed: Committed, now: datetime, *, retired: bool = False) -> None:
        """Count the rows of a commit: those that the table must have, and those that it may lack for a while.

        Of an object that is `retired` nobody can tell whether its rows were in the table before.
        """
        record = committed.record
        if self.seen is not None and record.seq <= self.seen.seq:
            self.landed += record.rows
            self.retired += record.rows if retired else 0
        elif record.rows and not retired and record.created < now - LAGS:
            self.late += 1

    def watermark(self) -> Iterator[Finding]:
        """What is wrong by what this machine remembers of the table."""
        seen, mark = self.seen, self.mark
        if self.unreadable is not None:
            yield Finding("damage", "unreadable_table", self.where, self.unreadable)
            return
        if seen is None:
            if mark is not None:
                what = f"the table that held the log up to commit {mark.seq} is no longer there"
                yield Finding("damage", "lost_table", self.where, what)
        elif seen.log != self.log:
            yield Finding("damage", "other_table", self.where, "a table lies here that was not made for this log")
        elif mark is not None and not mark.moved_to(seen):
            what = f"the table was at version {mark.version} with commit {mark.seq}, and now another lies there, "
            what += f"or an older one: version {seen.version} with commit {seen.seq}"
            yield Finding("damage", "other_table", self.where, what)
        if self.late and (seen is None or seen.log == self.log):
            what = f"{self.late} objects with rows, which landed over an hour ago, are not in the table"
            yield Finding("warning", "table_behind", self.where, what)

    def at_the_end(self, seq: int) -> Iterator[Finding]:
        """The same, and what only the whole log up to commit `seq`, its newest, can show."""
        yield from self.watermark()
        seen = self.seen
        if seen is None or seen.log != self.log:
            return
        if seen.seq > seq:
            what = f"the table holds the log up to commit {seen.seq}, and the log ends with {seq}"
            yield Finding("damage", "table_ahead", self.where, what)
        elif self.rows is None:
            what = "its rows were not compared: files of others do not say how many they have, or it changed"
            yield Finding("warning", "table_uncounted", self.where, what)
        elif not self.landed - self.retired <= self.rows <= self.landed:
            what = f"{self.landed} rows have landed up to commit {seen.seq}, and the table has {self.rows}"
            yield Finding("damage", "table_rows", self.where, what)
