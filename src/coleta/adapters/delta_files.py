"""The outside thing, a Delta table's files and its history, for upkeep. Removes only what is old of its log.

delta-rs (1.6.6) makes a commit anew upon what others have committed meanwhile, and does not see that they have
replaced the same files: rows would be there twice. So a replacement is made upon the very version that was looked at,
or not at all, and with a transaction of its own that counts generations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coleta.adapters.delta_table import DeltaRegister, hooks, reading, signed, state_of
from coleta.errors import Doubtful
from coleta.land.compaction import Layout, TableFile
from coleta.land.table import PARTITION
from coleta.land.watermark import DataFile

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

UNDERSTOOD = frozenset({"appendOnly", "invariants", "checkConstraints", "changeDataFeed", "timestampNtz"})
"""The features of a table whose files can be replaced by others with the same rows, and nothing else need be done."""

FROM_FEATURES = 7
"""The version of Delta's writers from which on a table names the features that it uses."""

UNDERSTOOD_BEFORE = 4
"""Up to this version of Delta's writers a table can have no other features than these."""

HISTORY = timedelta(days=30)
"""For how long older versions of a table stay readable where it does not say, by Delta's own rule."""

_INTERVAL = re.compile(r"interval\s+(\d+)\s+(second|minute|hour|day|week)s?", re.IGNORECASE)


class DeltaFiles:
    """The files of the table that `register` keeps."""

    def __init__(self, register: DeltaRegister) -> None:
        """Prepare; nothing is read yet."""
        self._register = register

    def open(self, log: str) -> OpenDeltaFiles | None:
        """See ``TableFiles``."""
        table = self._register.load()
        if table is None:
            return None
        layout = reading(self._register.uri, lambda: _layout(table, log))
        return OpenDeltaFiles(table, layout, self._register.changing)

    def tidy(self, now: datetime) -> Iterator[int]:
        """See ``TableFiles``."""
        yield 0


class OpenDeltaFiles:
    """A handle of delta-rs, and the files that it names."""

    def __init__(
        self, table: DeltaTable, layout: Layout, changing: Callable[[int, Callable[[], object]], None]
    ) -> None:
        """Stand at `layout`, which was read from `table`."""
        self._table = table
        self._layout = layout
        self._changing = changing

    @property
    def layout(self) -> Layout:
        """See ``OpenFiles``."""
        return self._layout

    def replace(self, gone: Collection[str], new: Sequence[DataFile]) -> None:
        """See ``OpenFiles``."""
        from deltalake import Transaction
        from deltalake.transaction import AddAction, RemoveAction

        known = {file.path: file for file in self._layout.files}
        if unknown := set(gone) - known.keys():
            # delta-rs would take that without a word, and the rows of `new` would be there twice.
            raise Doubtful(f"the table does not read {min(unknown)}", where=self._table.table_uri)
        state, number = self._layout.state, self._layout.generation + 1
        # Of the newest of them, as far as is known: nothing here knows the time.
        at = max((file.modified_ms for file in new), default=0)
        actions: list[AddAction | RemoveAction] = [
            *(
                AddAction(one.path, one.size_bytes, {PARTITION: one.date}, one.modified_ms, False, one.stats)
                for one in new
            ),
            *(
                RemoveAction(path, False, at, known[path].size_bytes, {PARTITION: known[path].date})
                for path in sorted(gone)
            ),
        ]
        told = signed(state.log, Transaction(_counter(state.log), number), tries=0)
        self._changing(
            state.version,
            lambda: self._table.create_write_transaction(
                actions,
                "append",
                self._table.schema(),
                partition_by=[PARTITION],
                commit_properties=told,
                post_commithook_properties=hooks(),
            ),
        )


def _layout(table: DeltaTable, log: str) -> Layout:
    state = state_of(table, log)
    found = table.get_add_actions(flatten=True)
    columns = ("path", "size_bytes", f"partition.{PARTITION}", "num_records", "modification_time")
    # A table without files has no column for the values of its partitions.
    values = [found.column(name).to_pylist() for name in columns] if found.num_rows else []
    return Layout(
        state=state,
        generation=table.transaction_version(_counter(state.log)) or 0,
        files=tuple(
            TableFile(path, size, None if day is None else day.isoformat(), rows, modified or 0)
            for path, size, day, rows, modified in zip(*values, strict=True)
        ),
        history=_history(table.metadata().configuration),
        obstacle=_obstacle(table),
    )


def _counter(log: str | None) -> str:
    """The application whose transactions count generations: that of the log, but for the end of its name."""
    return f"{log}/files"


def _history(properties: Mapping[str, str | None]) -> timedelta:
    found = _INTERVAL.fullmatch((properties.get("delta.logRetentionDuration") or "").strip())
    return HISTORY if found is None else timedelta(**{f"{found[2].lower()}s": float(found[1])})


def _obstacle(table: DeltaTable) -> str | None:
    """Why none of its files may be replaced."""
    protocol = table.protocol()
    if protocol.min_writer_version < FROM_FEATURES:
        is_old = protocol.min_writer_version <= UNDERSTOOD_BEFORE
        return None if is_old else f"it is written by version {protocol.min_writer_version} of Delta's writers"
    if strange := set(protocol.writer_features or ()) - UNDERSTOOD:
        return f"it uses {', '.join(sorted(strange))}"
    return None
