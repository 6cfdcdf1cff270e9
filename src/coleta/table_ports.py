"""The outside world as the runtime sees it, of registered tables: what publishing needs of one.

As for all of ``coleta.ports``, from where they are taken: each docstring is the contract, and tests/conformance is the
same contract in code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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
