"""The outside thing, what an Iceberg table says of itself: whose it is, how far the log is in it. Pure.

How far the log is stands in the snapshot, beside its files, and so goes back with them when somebody puts the table
back. It stands in a property of the table too, for when that snapshot is no longer kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pyiceberg.io import FileIO
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Snapshot

from coleta.adapters.iceberg_columns import columns_in
from coleta.errors import StoreUnavailable
from coleta.land.watermark import TableState

OWNER = "coleta.log"
"""A property of the table and of each of our snapshots: the uuid of the log."""

HEAD = "coleta.seq"
"""The newest commit of the log that is in the table; of a snapshot, and of the table."""

HEAD_SEQUENCE = "coleta.seq.sequence-number"
"""A property of the table: Iceberg's own number of the commit that wrote ``HEAD``."""

SNAPSHOTS_KEPT = 100
"""Each commit writes the list of all snapshots anew, nearly a kilobyte for each."""


def state_of(table: IcebergTable, log: str) -> TableState:
    """What `table` is, and how far the log `log` is in it.

    Raises:
        StoreUnavailable: it does not say how far.

    """
    about = table.metadata
    return TableState(
        table=str(about.table_uuid),
        log=about.properties.get(OWNER),
        version=about.next_sequence_number() - 1 + last_schema(about),
        seq=_head(table, log),
        columns=columns_in(about.schema()),
    )


def _head(table: IcebergTable, log: str) -> int:
    """The newest commit of the log `log` that is in the table as it is now."""
    about = table.metadata
    if about.properties.get(OWNER) != log:
        return 0
    eldest: Snapshot | None = None
    for snapshot in _ancestry(about):
        found = head_in(snapshot, log)
        if found is not None:
            return found
        eldest = snapshot
    if eldest is None:
        return 0
    # None of ours is among them, as far back as they are kept: the property tells when the newest of ours was made.
    made = int(about.properties.get(HEAD_SEQUENCE, "0"))
    if (eldest.sequence_number or 0) < made:
        raise StoreUnavailable(
            "the Iceberg table was put back to a snapshot that does not say how far the log is in it",
            where=table.location(),
            hint="put it to a newer snapshot; or drop it in its catalog, and call `coleta publish STREAM --accept`",
        )
    if any(one.sequence_number == made for one in about.snapshots):
        # It is kept, and yet nothing was built on it: the table was replaced, and has none of its rows.
        return 0
    return int(about.properties.get(HEAD, "0"))


def _ancestry(about: TableMetadata) -> Iterator[Snapshot]:
    """The snapshots that led to the newest, newest first, as far as they are kept."""
    snapshot = about.current_snapshot()
    while snapshot is not None:
        yield snapshot
        before = snapshot.parent_snapshot_id
        snapshot = None if before is None else about.snapshot_by_id(before)


def head_in(snapshot: Snapshot, log: str) -> int | None:
    """The commit of the log `log` that `snapshot` came to, if it is one of ours."""
    said = snapshot.summary.additional_properties if snapshot.summary is not None else {}
    return int(said[HEAD]) if said.get(OWNER) == log and HEAD in said else None


def last_schema(about: TableMetadata) -> int:
    """The number of the newest schema, from 0."""
    return max(schema.schema_id for schema in about.schemas)


def operations_of(about: TableMetadata) -> Iterator[tuple[int, str]]:
    """Each version that is still told of, and what made it."""
    snapshots = [(one.sequence_number or 0, one.schema_id or 0, one) for one in about.snapshots]
    for number, schema, snapshot in snapshots:
        said = snapshot.summary.operation.value if snapshot.summary is not None else ""
        yield number + schema, "WRITE" if said == "append" else said.upper()
    for schema in range(1, last_schema(about) + 1):
        before = max((number for number, other, _ in snapshots if other < schema), default=0)
        yield before + schema, "ADD COLUMN"


def old_snapshots(about: TableMetadata) -> list[int]:
    """The snapshots that the table needs no more: the oldest that led to the newest, and that no name points to."""
    named = {ref.snapshot_id for ref in about.refs.values()}
    line = [one.snapshot_id for one in _ancestry(about)]
    return [one for one in line[SNAPSHOTS_KEPT - 1 :] if one not in named]


def unnamed_after(about: TableMetadata, old: Collection[int], io: FileIO) -> list[str]:
    """The files that nothing names any more once the snapshots `old`, which ``old_snapshots`` gave, are gone.

    What a snapshot has dropped, none that is built on it takes up again: so of each manifest it is enough to look
    whether the oldest snapshot that stays names it. That holds for a single line: where others have made branches or
    tags, or there are snapshots beside the line, nothing is said to be unnamed.
    """
    line = list(_ancestry(about))
    kept = [one for one in line if one.snapshot_id not in old]
    if not kept or len(line) != len(about.snapshots) or set(about.refs) != {MAIN_BRANCH}:
        return []
    gone = [one for one in line if one.snapshot_id in old]
    named = {manifest.manifest_path for manifest in kept[-1].manifests(io)}
    dropped = {manifest.manifest_path for one in gone for manifest in one.manifests(io)} - named
    return [*(one.manifest_list for one in gone), *sorted(dropped)]
