"""The outside thing, a Delta table over a stream's data objects, kept by delta-rs. Registers files; writes none.

Only ``_delta_log`` is written, and nothing is ever deleted: no file of a failed commit, no old log, no checkpoint.
delta-rs does not keep two writers with one transaction apart by itself, only those who look and write on one handle:
so each change is made on the handle that the state was read from, and every handle makes one change.

What delta-rs raises does not say whether a commit came to be, so each error of a change is a doubt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from coleta.adapters.durable import meaning
from coleta.errors import ColetaError, Doubtful, StoreUnavailable
from coleta.land.table import PARTITION, Columns, columns_in, schema_json
from coleta.land.watermark import DELTA, DataFile, TableMake, TableState
from coleta.ports import ObjectStore

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
    from deltalake.transaction import AddAction, RemoveAction

LOG_FOLDER = "_delta_log/"

OWNER = "coleta.log"
"""A property of the table, and a word in each of our commits: the uuid of the log."""

PROPERTIES = {
    # A reader reads at most nine small files beside a checkpoint, and one commit in ten takes longer.
    "delta.checkpointInterval": "10",
    # A full VACUUM removes what no version names, and data objects that hold no rows are named by none.
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}

OPERATIONS_AT_MOST = 1_000
"""How many versions of others are looked through: more than a night of anybody's upkeep makes."""

MOST_SAID = 300
"""How many characters of an error of delta-rs are told."""

T = TypeVar("T")

Options = Callable[[], Mapping[str, str]]
"""What delta-rs needs to reach the store, as it is now: keys may be renewed meanwhile."""


class DeltaRegister:
    """The Delta table at `uri`, below which the stream's data objects lie."""

    make: TableMake = DELTA

    def __init__(self, uri: str, store: ObjectStore, *, options: Options, folder: Path | None = None) -> None:
        """Prepare; nothing is read yet. `store` is the same place, `folder` too if it is one on this machine."""
        self._uri = uri
        self._store = store
        self._options = options
        self._folder = folder

    def open(self, log: str) -> OpenDelta | None:
        """See ``Table``."""
        table = self.load()
        if table is None:
            return None
        return OpenDelta(table, reading(self._uri, lambda: state_of(table, log)), self.changing)

    def create(self, columns: Columns, *, log: str) -> None:
        """See ``Table``."""
        from deltalake import DeltaTable, Schema

        def make() -> None:
            DeltaTable.create(
                self._uri,
                Schema.from_json(schema_json(columns)),
                mode="error",
                partition_by=[PARTITION],
                configuration={**PROPERTIES, OWNER: log},
                storage_options=dict(self._options()),
                commit_properties=signed(log),
                raise_if_key_not_exists=False,
            )

        self.changing(0, make)

    @property
    def uri(self) -> str:
        """Where it lies, as delta-rs writes it."""
        return self._uri

    def rows(self) -> int | None:
        """See ``Table``."""
        table = self.load()
        if table is None:
            return None
        counts = reading(self._uri, lambda: table.get_add_actions(flatten=True).column("num_records").to_pylist())
        known = [int(count) for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def load(self) -> DeltaTable | None:
        """A fresh handle of delta-rs; None where there is no table. Errors as for ``open``."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self._uri, storage_options=dict(self._options()))
        except TableNotFoundError:
            # Said also where access is denied, or a disk is not mounted: our own store knows better, and says so.
            if next(iter(self._store.names(LOG_FOLDER)), None) is None:
                return None
            raise _unreadable(self._uri, "its log is not whole") from None
        except ColetaError:
            raise
        except Exception as error:  # noqa: BLE001  # delta-rs raises many kinds, some of them bare
            raise _unreadable(self._uri, str(error)) from None

    def changing(self, version: int, change: Callable[[], object]) -> None:
        """Make `change` to a table at `version`, and make it durable. Whatever is raised then is ``Doubtful``."""
        try:
            change()
        except ColetaError:
            raise
        except Exception as error:  # noqa: BLE001  # as above; whatever it is, the commit may have come to be
            raise Doubtful(
                f"the Delta table may have been changed or not: {_in_short(str(error))}", where=self._uri
            ) from None
        if self._folder is not None:
            try:
                _sync(self._folder / LOG_FOLDER, version)
            except OSError as error:
                what, hint = meaning(error)
                raise Doubtful(
                    f"the Delta table was changed, and may be lost: {what}", where=self._uri, hint=hint
                ) from None


class OpenDelta:
    """A handle of delta-rs and what it says."""

    def __init__(
        self, table: DeltaTable, state: TableState, changing: Callable[[int, Callable[[], object]], None]
    ) -> None:
        """Stand at `state`, which was read from `table`."""
        self._table = table
        self._state = state
        self._changing = changing

    @property
    def state(self) -> TableState:
        """See ``OpenTable``."""
        return self._state

    def operations(self, since: int) -> Sequence[str]:
        """See ``OpenTable``."""
        newer = min(self._state.version - since, OPERATIONS_AT_MOST)
        if newer <= 0:
            return []
        found = reading(self._table.table_uri, lambda: self._table.history(newer))
        return [_operation(one) for one in found if int(one.get("version", since + 1)) > since]

    def widen(self, columns: Columns) -> None:
        """See ``OpenTable``."""
        from deltalake import Schema

        fields = Schema.from_json(schema_json(columns)).fields
        self._changing(
            self._state.version,
            lambda: self._table.alter.add_columns(
                fields, commit_properties=signed(self._state.log), post_commithook_properties=hooks()
            ),
        )

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        """See ``OpenTable``."""
        from deltalake import Transaction
        from deltalake.transaction import AddAction

        log = self._state.log or ""
        adding: list[AddAction | RemoveAction] = [
            AddAction(file.path, file.size_bytes, {PARTITION: file.date}, file.modified_ms, True, file.stats)
            for file in files
        ]
        self._changing(
            self._state.version,
            lambda: self._table.create_write_transaction(
                adding,
                "append",
                self._table.schema(),
                partition_by=[PARTITION],
                commit_properties=signed(log, Transaction(log, until)),
                post_commithook_properties=hooks(),
            ),
        )


def reading(uri: str, read: Callable[[], T]) -> T:
    """What `read` gives. Some of it is read from the store only now, so this too may find it away."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001  # delta-rs raises many kinds, some of them bare
        raise _unreadable(uri, str(error)) from None


def state_of(table: DeltaTable, log: str) -> TableState:
    """What the handle `table` says of itself and of the log `log`."""
    about = table.metadata()
    return TableState(
        table=str(about.id),
        log=about.configuration.get(OWNER),
        version=table.version(),
        seq=table.transaction_version(log) or 0,
        columns=columns_in(table.schema().to_json()),
    )


def signed(log: str | None, *transactions: object, tries: int | None = None) -> CommitProperties:
    """What goes with each of our commits; with `tries` 0 it is made upon the very version of its handle, or not."""
    from deltalake import CommitProperties

    told = list(transactions) or None
    return CommitProperties(custom_metadata={OWNER: log}, app_transactions=told, max_commit_retries=tries)  # type: ignore[arg-type]


def hooks() -> PostCommitHookProperties:
    """What delta-rs does after each of our commits: a checkpoint now and then. Nothing is removed."""
    from deltalake import PostCommitHookProperties

    return PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def _operation(commit: Mapping[str, object]) -> str:
    name, said = str(commit.get("operation", "")), commit.get("operationParameters")
    mode = str(said.get("mode", "")) if isinstance(said, dict) else ""
    return f"{name} overwrite" if name == "WRITE" and mode.lower() == "overwrite" else name


def _unreadable(uri: str, why: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the Delta table cannot be read: {_in_short(why)}",
        where=uri,
        hint="if it stays so, see docs/how-to/delta.md: it can be made anew from the data objects",
    )


def _in_short(why: str) -> str:
    """What delta-rs says, on one line, without colours, and without the body of an answer, which may name a key."""
    lines = [re.sub(r"(\x1b?\[[0-9;]*m|↳)", "", line).strip() for line in why.splitlines()]
    said = " ".join(line for line in takewhile(lambda line: not line.startswith("<"), lines) if line)
    return said[:MOST_SAID] or "no reason given"


def _sync(folder: Path, version: int) -> None:
    """Sync what a commit to a table at `version` wrote to the log: delta-rs syncs nothing."""
    written = [folder, folder / "_last_checkpoint"]
    while (commit := folder / f"{version:020}.json").exists():
        # By name, since a listing of years of commits takes a while. Others may have committed just before.
        written += [commit, commit.with_suffix(".checkpoint.parquet")]
        version += 1
    for path in written:
        if path.exists():
            fd = os.open(path, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
