"""The outside thing, an Iceberg table over a stream's data objects, kept by pyiceberg. Registers files; writes no data.

Each change is offered to the catalog once (``Once``), with the snapshot and the schema that it was decided on. That it
is refused is a doubt, and so is each other error of a change, which does not say whether it came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import cast

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import DataFileContent, FileFormat, ManifestContent
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import TableProperties
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AssertTableUUID,
    SetCurrentSchemaUpdate,
    SetPropertiesUpdate,
)
from pyiceberg.table.update.snapshot import ExpireSnapshots
from pyiceberg.typedef import Record
from pyiceberg.types import NestedField, StructType

from coleta.adapters.iceberg_columns import new_schema, partition_of, widened
from coleta.adapters.iceberg_files import FOLDER, Area
from coleta.adapters.iceberg_once import Once, doubt, first_line
from coleta.adapters.iceberg_state import (
    HEAD,
    HEAD_SEQUENCE,
    OWNER,
    head_in,
    last_schema,
    old_snapshots,
    operations_of,
    state_of,
    unnamed_after,
)
from coleta.errors import ColetaError, Misconfigured, StoreUnavailable
from coleta.land.table import Columns
from coleta.land.watermark import ICEBERG, DataFile, TableMake, TableState

PROPERTIES = {
    # Else the list of manifests grows by one with each commit, and each commit writes it anew.
    TableProperties.MANIFEST_MERGE_ENABLED: "true",
    # Each commit writes a whole file of metadata. The last 100 are kept.
    TableProperties.METADATA_DELETE_AFTER_COMMIT_ENABLED: "true",
    # Engines that expire snapshots or look for orphans delete files, and the log needs each data object.
    "gc.enabled": "false",
}

Connect = Callable[[], Catalog | None]
"""The catalog as it is reached now: keys may be renewed meanwhile. None where there is none yet."""


class IcebergRegister:
    """The Iceberg table called `name`, whose metadata lies beside the stream's data objects."""

    make: TableMake = ICEBERG

    def __init__(self, name: tuple[str, ...], area: Area, *, connect: Connect, found: Connect) -> None:
        """Prepare; nothing is read yet. `connect` makes a catalog where there is none, `found` does not."""
        self._name = name
        self._area = area
        self._connect = connect
        self._found = found
        self._where = f"{area.root}/{FOLDER}"

    def open(self, log: str) -> OpenIceberg | None:
        """See ``Table``."""
        table = self._load()
        return None if table is None else OpenIceberg(table, state_of(table, log), self._area, log)

    def create(self, columns: Columns, *, log: str) -> None:
        """See ``Table``."""
        schema = new_schema(columns)
        namespace = self._name[:-1]

        def make() -> None:
            catalog = self._connect()
            if catalog is None or catalog.table_exists(self._name):
                raise TableAlreadyExistsError("there is a table of this name already")
            with suppress(NamespaceAlreadyExistsError):
                catalog.create_namespace(namespace)
            catalog.create_table(
                self._name,
                schema,
                location=self._where,
                partition_spec=partition_of(schema),
                properties={
                    **PROPERTIES,
                    OWNER: log,
                    TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json(),
                },
            )

        _changing(self._where, make)

    def rows(self) -> int | None:
        """See ``Table``."""
        table = self._load()
        if table is None:
            return None
        snapshot = table.metadata.current_snapshot()
        if snapshot is None:
            return 0
        with _reading(self._where):
            manifests = [one for one in snapshot.manifests(table.io) if one.content == ManifestContent.DATA]
        counts = [count for one in manifests for count in (one.added_rows_count, one.existing_rows_count)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def _load(self) -> IcebergTable | None:
        # Our own store first: a disk that is not mounted must not look like a table that is not there.
        next(iter(self._area.store.names(f"{FOLDER}/")), None)
        with _reading(self._where):
            catalog = self._found()
            try:
                return None if catalog is None else catalog.load_table(self._name)
            except NoSuchTableError:
                return None


class OpenIceberg:
    """A table as pyiceberg loaded it, and what it says."""

    def __init__(self, table: IcebergTable, state: TableState, area: Area, log: str) -> None:
        """Stand at `state`, which was read from `table`."""
        self._table = table
        self._state = state
        self._area = area
        self._log = log

    @property
    def state(self) -> TableState:
        """See ``OpenTable``."""
        return self._state

    def operations(self, since: int) -> Sequence[str]:
        """See ``OpenTable``."""
        done = sorted(operations_of(self._table.metadata), reverse=True)
        return [what for version, what in done if version > since]

    def widen(self, columns: Columns) -> None:
        """See ``OpenTable``."""
        about = self._table.metadata
        schema = widened(about.schema(), columns, last_id=about.last_column_id, schema_id=last_schema(about) + 1)
        mapping = {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}
        updates = (
            AddSchemaUpdate(schema=schema),
            SetCurrentSchemaUpdate.model_validate({"schema-id": -1}),
            SetPropertiesUpdate(updates=mapping),
        )
        once = Once(self._table)
        _changing(
            self._area.root, lambda: once.commit_table(self._table, (AssertTableUUID(uuid=about.table_uuid),), updates)
        )

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        """See ``OpenTable``."""
        table, about = self._table, self._table.metadata
        self._check_unknown(files)
        head = {OWNER: self._log, HEAD: str(until)}
        number = {HEAD_SEQUENCE: str(about.next_sequence_number())}
        old = old_snapshots(about)
        # Looked for before, since it can fail, and let go of only after a change that surely came to be.
        unnamed = _unnamed(table, old)

        def change() -> None:
            once = IcebergTable(table.name(), about, table.metadata_location, table.io, cast(Catalog, Once(table)))
            with once.transaction() as changes:
                changes.set_properties({**head, **number})
                with changes.update_snapshot(snapshot_properties=head).merge_append() as append:
                    for file in files:
                        append.append_data_file(self._file(file))
                if old:
                    ExpireSnapshots(changes).by_ids(old).commit()

        _changing(self._area.root, change)
        for location in unnamed:
            self._area.let_go(location)

    def _file(self, file: DataFile) -> IcebergFile:
        about = self._table.metadata
        nulls = dict(_counts(about.schema().fields, file.nulls))
        return IcebergFile.from_args(
            content=DataFileContent.DATA,
            file_path=f"{self._area.root}/{file.path}",
            file_format=FileFormat.PARQUET,
            partition=Record(_day(file)),
            record_count=file.rows,
            file_size_in_bytes=file.size_bytes,
            column_sizes={},
            value_counts=dict.fromkeys(nulls, file.rows),
            null_value_counts=nulls,
            nan_value_counts={},
            lower_bounds={},
            upper_bounds={},
            split_offsets=None,
            equality_ids=None,
            sort_order_id=None,
            key_metadata=None,
            spec_id=about.default_spec_id,
        )

    def _check_unknown(self, files: Sequence[DataFile]) -> None:
        """Refuse files that somebody else has put into the table already.

        Raises:
            Misconfigured: there are some.
            StoreUnavailable: it could not be told.

        """
        newest = self._table.metadata.current_snapshot()
        if newest is None or head_in(newest, self._log) is not None:
            return  # Made by us, upon what was looked at then: so it holds what the log has up to there.
        new = {f"{self._area.root}/{file.path}" for file in files}
        with _reading(self._area.root):
            known = {
                entry.data_file.file_path
                for manifest in newest.manifests(self._table.io)
                for entry in manifest.fetch_manifest_entry(self._table.io, discard_deleted=True)
            }
        if both := sorted(new & known):
            raise Misconfigured(
                "somebody else has put this data object into the Iceberg table already",
                where=both[0],
                hint="take it out of the table again; or drop the table in its catalog, and call "
                "`coleta publish STREAM --accept`, which makes it anew",
            )


def _unnamed(table: IcebergTable, old: Sequence[int]) -> Sequence[str]:
    """What nothing names once the snapshots `old` are gone; nothing, if that cannot be told now."""
    if not old:
        return ()
    try:
        return unnamed_after(table.metadata, old, table.io)
    except Exception:  # noqa: BLE001  # a list that cannot be read is no reason not to register: its files stay
        return ()


def _day(file: DataFile) -> int:
    return (date.fromisoformat(file.date) - date(1970, 1, 1)).days


def _counts(fields: Sequence[NestedField], nulls: dict[str, object]) -> Iterator[tuple[int, int]]:
    """Of each field's id how many values are null, as far as `nulls` says."""
    for field in fields:
        match nulls.get(field.name), field.field_type:
            case int(count), _:
                yield field.field_id, count
            case dict(inner), StructType(fields=parts):
                yield from _counts(parts, inner)


def _changing(where: str, change: Callable[[], object]) -> None:
    try:
        change()
    except ColetaError:
        raise
    except Exception as error:  # noqa: BLE001  # catalogs raise what their drivers raise
        raise doubt(where, error) from None


@contextmanager
def _reading(where: str) -> Iterator[None]:
    try:
        yield
    except ColetaError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        raise StoreUnavailable(
            f"the Iceberg table cannot be read: {first_line(error)}",
            where=where,
            hint="is its catalog there? See docs/how-to/iceberg.md",
        ) from None
