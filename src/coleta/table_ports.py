"""The outside world as the runtime sees it, of registered tables: what publishing needs of one, and what upkeep does.

As for all of ``coleta.ports``, from where they are taken: each docstring is the contract, and tests/conformance is the
same contract in code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from coleta.land.compaction import Layout
from coleta.land.table import Columns
from coleta.land.watermark import DataFile, TableMake, TableState


class OpenTable(Protocol):
    """A registered table as it was when it was opened.

    Of two who register from one state only one can, and of two who widen it. Files are registered where they lie,
    and never written, deleted or moved. After a change, open it anew.
    """

    @property
    def state(self) -> TableState:
        """What it was then."""

    def operations(self, since: int) -> Sequence[str]:
        """What was done to it by the versions after `since`, newest first, as far as its log still says."""

    def widen(self, columns: Columns) -> None:
        """Give it `columns`, new ones or ones with new parts, which are null in every row that is there.

        Raises:
            Doubtful: it may or may not have been done; open it anew and decide again.

        """

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        """Add `files`, and note that the log is in it up to commit `until`: both or nothing.

        Raises:
            Doubtful: it may or may not have been done; open it anew and decide again.

        """


class Table(Protocol):
    """A stream's registered table, over its data objects. Derived from the log, and never needed by it."""

    @property
    def make(self) -> TableMake:
        """What kind of table it is, in words."""

    def open(self, log: str) -> OpenTable | None:
        """The table as it is now, and how far the log with the uuid `log` is in it; None where there is none.

        Raises:
            StoreUnavailable: it could not be told.

        """

    def create(self, columns: Columns, *, log: str) -> None:
        """Make an empty table for the log `log`, unless there is one.

        Raises:
            Doubtful: it may or may not have been made, or one is there: open it and decide again.

        """

    def rows(self) -> int | None:
        """How many rows its files have, by its own books; None where they do not say, or there is no table.

        Raises:
            StoreUnavailable: it could not be told.

        """


class OpenFiles(Protocol):
    """What a registered table is made of, as it was when it was opened. After a change, open it anew."""

    @property
    def layout(self) -> Layout:
        """What it was made of then."""

    def replace(self, gone: Collection[str], new: Sequence[DataFile]) -> None:
        """Let the table read `new` instead of the files called `gone`, and count one generation more: all or nothing.

        The rows are the same, so to whoever follows the table's changes nothing has changed. How far the log is in it
        stays as it is. Nobody else has changed the table's files since it was opened, else nothing is done. No file is
        deleted. `gone` are files of the table; both may be empty: then only the generation goes on, and whoever opened
        it before replaces nothing any more.

        Raises:
            Doubtful: it may or may not have been done; open it anew and decide again.

        """


class TableFiles(Protocol):
    """The files of a stream's registered table, and the history of it, for upkeep."""

    def open(self, log: str) -> OpenFiles | None:
        """The table as it is now, for the log with the uuid `log`; None where there is none.

        Raises:
            StoreUnavailable: it could not be told.

        """

    def tidy(self, now: datetime) -> Iterator[int]:
        """Remove what is only needed for versions of the table that need no longer be readable at `now`.

        Gives, a step at a time, how many of its own files have gone. Never a file with rows. May be cut off anywhere.

        Raises:
            StoreUnavailable: it could not go on; called again, it does.
            Misconfigured: nothing may be removed there.

        """
