"""The outside thing, one change of an Iceberg table: offered to its catalog once, and only as it was decided.

pyiceberg makes a commit that was refused again upon what is newest, which would register the same objects twice.
"""

from __future__ import annotations

from contextlib import suppress

from pyiceberg.io import FileIO
from pyiceberg.table import CommitTableResponse, TableProperties
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import AssertCurrentSchemaId, AssertRefSnapshotId, TableRequirement, TableUpdate

from coleta.errors import ColetaError, Doubtful

MAIN = "main"


class Once:
    """A catalog that takes one offer of a change, and only if the table is as it was when it was loaded."""

    def __init__(self, table: IcebergTable) -> None:
        """Stand before the catalog that `table` was loaded from."""
        self._catalog = table.catalog
        about = table.metadata
        newest = about.current_snapshot()
        self._as_it_was: tuple[TableRequirement, ...] = (
            AssertRefSnapshotId.model_validate({"ref": MAIN, "snapshot-id": newest and newest.snapshot_id}),
            AssertCurrentSchemaId.model_validate({"current-schema-id": about.current_schema_id}),
        )

    def commit_table(
        self, table: IcebergTable, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Offer `updates`.

        Raises:
            Doubtful: they were refused, or it cannot be told.

        """
        kept = tuple(one for one in requirements if not isinstance(one, AssertRefSnapshotId))
        try:
            return self._catalog.commit_table(table, (*kept, *self._as_it_was), updates)
        except ColetaError:
            raise
        except Exception as error:  # noqa: BLE001  # catalogs raise what their drivers raise
            # Not as pyiceberg's own error of a refusal, upon which it would try again, and delete files.
            raise doubt(table.location(), error) from None

    def _delete_old_metadata(self, io: FileIO, base: TableMetadata, metadata: TableMetadata) -> None:
        """Delete the files that the table's metadata names no more. pyiceberg calls this after a change."""
        if metadata.properties.get(TableProperties.METADATA_DELETE_AFTER_COMMIT_ENABLED) != "true":
            return
        named = {one.metadata_file for one in metadata.metadata_log}
        for one in base.metadata_log:
            if one.metadata_file not in named:
                # What stays takes room, and nothing rests on it.
                with suppress(ColetaError):
                    io.delete(one.metadata_file)


def doubt(where: str, error: Exception) -> Doubtful:
    """What follows from an error of a change."""
    return Doubtful(f"the Iceberg table may have been changed or not: {first_line(error)}", where=where)


def first_line(error: Exception) -> str:
    """What `error` says, in short: the first line only, since what follows may be statements and their values."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
