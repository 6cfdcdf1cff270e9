"""After landing: how far a registered table has come, and whether it is still the one it was. Pure.

The table itself says how far: the newest commit of the log that it holds stands in it as a transaction of the log's
uuid, written together with the files. What a machine remembers beside its spool (``Mark``) is only held against that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from coleta.errors import Misconfigured
from coleta.land.table import Columns
from coleta.terms import canonical

MARK_NOTE = "table"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class TableMake:
    """What a person calls a kind of table, its record, which says what belongs to it, and its metadata's folder."""

    name: str
    record: str
    folder: str

    @property
    def article(self) -> str:
        """The name as it begins a sentence's subject."""
        return f"{'an' if self.name[0] in 'AEIOU' else 'a'} {self.name}"


DELTA = TableMake("Delta table", "_delta_log folder", "_delta_log/")
ICEBERG = TableMake("Iceberg table", "entry in its catalog", "_iceberg/")

UNDOING = ("RESTORE", "CREATE OR REPLACE TABLE", "REPLACE TABLE", "WRITE overwrite")
"""What others do to a table that takes away rows which it had been told of, as if they had never come."""


@dataclass(frozen=True, slots=True)
class TableState:
    """A table at one version: whose it is, its columns, and the commit up to which the log is in it (0: none).

    ``table`` is the table's own id, new for each table that is made. ``log`` is the uuid of the log that it was made
    for, None where something else made it.
    """

    table: str
    log: str | None
    version: int
    seq: int
    columns: Columns


@dataclass(frozen=True, slots=True)
class Mark:
    """What a machine remembers of the table when it last looked."""

    table: str
    version: int
    seq: int
    format: int = FORMAT

    def to_json(self) -> bytes:
        """As it stands beside the spool."""
        return canonical(self)

    @classmethod
    def from_json(cls, stored: bytes | None) -> Mark | None:
        """What `stored` says; None where there is nothing that can be read, since all it does is warn."""
        try:
            return None if stored is None else _MARK.decode(stored)
        except msgspec.MsgspecError:
            return None

    def moved_to(self, state: TableState) -> bool:
        """Whether the table may have got from here to `state` by growing."""
        return self.table == state.table and self.version <= state.version and self.seq <= state.seq


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data object as a table names it. ``nulls`` are how many rows are null, by column, structs by their fields."""

    path: str
    size_bytes: int
    date: str
    modified_ms: int
    rows: int
    nulls: dict[str, object]

    @property
    def stats(self) -> str:
        """Delta's statistics. No least and greatest values: see docs/decisions/0110-statistics-without-bounds.md."""
        return canonical({"numRecords": self.rows, "nullCount": self.nulls}).decode()


def check_there(mark: Mark | None, *, where: str, make: TableMake = DELTA) -> None:
    """Refuse to make a table where this machine has known one.

    Raises:
        Misconfigured: it has.

    """
    if mark is not None:
        raise Misconfigured(
            f"the {make.name} that held the log up to commit {mark.seq} is no longer there",
            where=where,
            hint=f"bring its {make.record} back; or, if it was dropped on purpose, {_ACCEPT}, which makes it anew",
        )


def check_state(state: TableState, mark: Mark | None, *, log: str, where: str, make: TableMake = DELTA) -> None:
    """Refuse a table that is not this log's, or no longer what this machine knew.

    Raises:
        Misconfigured: it is another's, or was made anew, or put back to an older version.

    """
    if state.log != log:
        raise Misconfigured(
            f"{make.article} lies here that was not made for this stream's log",
            where=where,
            hint=f"move its {make.record} away, or give the stream another `path`",
        )
    if mark is None or mark.moved_to(state):
        return
    was = f"its version {mark.version} held the log up to commit {mark.seq}"
    if mark.table != state.table:
        what = f"another {make.name} lies here than before: of the one that was here, {was}"
    else:
        what = f"the {make.name} was put back: {was}, and now version {state.version} holds it up to {state.seq}"
    raise Misconfigured(
        what, where=where, hint=f"bring the other {make.record} back; or, if this was done on purpose, {_ACCEPT}"
    )


def check_operations(operations: Iterable[str], mark: Mark | None, *, where: str, make: TableMake = DELTA) -> None:
    """Refuse to go on after others have undone what the table held.

    Raises:
        Misconfigured: they have.

    """
    undone = next((one for one in operations if one in UNDOING), None)
    if undone is not None and mark is not None:
        raise Misconfigured(
            f"somebody has put the {make.name} back or replaced its rows ({undone}) since version {mark.version}",
            where=where,
            hint=f"restore version {mark.version}; or remove the {make.record}, and {_ACCEPT}, which makes it anew",
        )


_ACCEPT = "call `coleta publish STREAM --accept`"

# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_MARK = msgspec.json.Decoder(Mark)
