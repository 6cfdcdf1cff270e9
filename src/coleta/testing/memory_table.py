"""A registered table in memory: the contract of ``Table`` without Delta, for tests, trials and simulations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from coleta.errors import Doubtful
from coleta.land.table import Columns
from coleta.land.watermark import DELTA, DataFile, TableMake, TableState


@dataclass(slots=True)
class Kept:
    """What outlives an instance: each version as it was, what made it, and the files of the newest."""

    states: list[TableState] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    files: dict[str, DataFile] = field(default_factory=dict)
    tables: int = 0


class MemoryTable:
    """A table in plain values; ``kept`` may be shared, looked at, and put back."""

    make: TableMake = DELTA

    def __init__(self, kept: Kept | None = None) -> None:
        """Begin with what is `kept`, or without a table."""
        self.kept = kept or Kept()

    def open(self, log: str) -> MemoryOpenTable | None:
        """See ``Table``."""
        if not self.kept.states:
            return None
        newest = self.kept.states[-1]
        return MemoryOpenTable(self.kept, newest, newest if newest.log == log else replace(newest, seq=0))

    def create(self, columns: Columns, *, log: str) -> None:
        """See ``Table``."""
        if self.kept.states:
            raise Doubtful("there is a table already")
        self.kept.tables += 1
        self.kept.states.append(TableState(f"table-{self.kept.tables}", log, 0, 0, columns))
        self.kept.operations.append("CREATE TABLE")

    def rows(self) -> int | None:
        """See ``Table``."""
        return sum(file.rows for file in self.kept.files.values()) if self.kept.states else None


class MemoryOpenTable:
    """One version of a ``MemoryTable``."""

    def __init__(self, kept: Kept, newest: TableState, state: TableState) -> None:
        """Stand at what was `newest` in `kept`, which for one log is `state`."""
        self._kept = kept
        self._newest = newest
        self._state = state

    @property
    def state(self) -> TableState:
        """See ``OpenTable``."""
        return self._state

    def operations(self, since: int) -> Sequence[str]:
        """See ``OpenTable``."""
        return self._kept.operations[self._state.version : since : -1]

    def widen(self, columns: Columns) -> None:
        """See ``OpenTable``."""
        new = {column.name: column for column in columns}
        kept = tuple(new.pop(column.name, column) for column in self._state.columns)
        self._commit("ADD COLUMN", lambda state: replace(state, columns=(*kept, *new.values())))

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        """See ``OpenTable``."""
        self._commit("WRITE", lambda state: replace(state, seq=until))
        self._kept.files |= {file.path: file for file in files}

    def _commit(self, operation: str, change: Callable[[TableState], TableState]) -> None:
        _commit(self._kept, self._newest, operation, change)


def _commit(kept: Kept, found: TableState, operation: str, change: Callable[[TableState], TableState]) -> None:
    """Change what was `found` as the newest version, and still is."""
    # Also where the table was dropped or put back meanwhile: then another version has this one's number, or none.
    if not kept.states or kept.states[-1] is not found:
        raise Doubtful("another has changed the table since it was opened")
    # Of the newest, since a handle opened for another log stands at its beginning.
    kept.states.append(replace(change(found), version=found.version + 1))
    kept.operations.append(operation)
