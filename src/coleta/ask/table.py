"""A stream's landed rows, read from exactly the data objects that its records name. Read-only; takes no lock.

A snapshot: what lands later is not in it. Objects of different contracts are put together by the
names of their columns; a column that an object does not have is null there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from coleta.ask.span import EVERYTHING, Span
from coleta.errors import Corrupt, Misconfigured
from coleta.runtime.log import read_footer
from coleta.terms import Terms

if TYPE_CHECKING:
    import duckdb
    import polars
    import pyarrow as pa

    from coleta.land.commit import Committed
    from coleta.ports import ObjectStore
    from coleta.runtime.history import History

BATCH_ROWS = 131_072
"""The most rows in memory at once while they stream: one row group."""


class Table:
    """The landed rows of one stream, as they were when it was asked for."""

    def __init__(self, history: History, terms: Terms, *, span: Span = EVERYTHING, retires: bool = False) -> None:
        """Of the log in `history` the rows whose ticks are in `span`; `terms` are those of a stream without any.

        `retires` says that old objects may have lost their rows, so that records alone do not tell how many there are.
        """
        self._history = history
        self._store = history.store
        self._terms = terms
        self._span = span
        self._retires = retires
        self._kept = history.kept()

    @property
    def objects(self) -> tuple[str, ...]:
        """The names of the data objects that hold rows, below the stream's path, oldest first."""
        return tuple(committed.name for committed in self.filled())

    def filled(self) -> Iterator[Committed]:
        """The commits that landed rows in the span, oldest first. Of others of a long log most are not looked at.

        Raises:
            StoreUnavailable, Corrupt: this machine does not remember them all, and the store does not give the rest.

        """
        days = {day for day, one in self._kept.days.items() if self._span.has(date.fromisoformat(day)) and one.rows}
        yield from (committed for committed in self._history.of_days(days) if committed.record.rows)

    def __len__(self) -> int:
        """How many rows there are: the records say so, and nothing is read but where rows are kept for a time only."""
        if self._retires:
            footers = (read_footer(self._store, committed.name) for committed in self.filled())
            return sum(footer.rows for footer in footers if footer is not None)
        days = self._kept.days.items()
        return sum(one.rows for day, one in days if self._span.has(date.fromisoformat(day)))

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The columns, or those of them named, of the whole log: the contract's, then ``_tick, _row, _fetched_at``.

        Raises:
            Misconfigured: there is no such column, or it has had types that do not go together.
            Corrupt: the terms of an object are missing.

        """
        import pyarrow as pa

        from coleta.land.columns import FETCHED_AT, ROW, TICK, schema

        found = [schema(read_terms(self._store, one)) for one in self._kept.terms] or [schema(self._terms)]
        names = list(dict.fromkeys(name for one in found for name in one.names if name not in (TICK, ROW, FETCHED_AT)))
        names += [TICK, ROW, FETCHED_AT]
        for name in columns or ():
            if name not in names:
                raise Misconfigured(f"there is no column {name!r}", hint=f"there is: {', '.join(names)}")
        return pa.schema([_united(name, found) for name in columns or names])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows piece by piece, in the order of the log; memory is bounded by the largest object.

        Raises:
            StoreUnavailable: the store does not answer.
            Corrupt: an object is missing or damaged.
            Misconfigured: as ``schema``.

        """
        schema = self.schema(columns)
        for committed in self.filled():
            for batch in read_rows(self._store, committed.name, schema.names):
                yield _fitted(batch, schema)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows as a ``pyarrow.Table``; `columns` names the wanted ones. ``.to_pandas()`` needs pandas.

        Raises:
            as ``batches``.

        """
        import pyarrow as pa

        return pa.Table.from_batches(self.batches(columns), self.schema(columns))

    def to_polars(self, columns: Sequence[str] | None = None) -> polars.DataFrame:
        """All rows as a ``polars.DataFrame``; `columns` names the wanted ones.

        Raises:
            Misconfigured: polars is not installed. Else as ``batches``.

        """
        try:
            import polars
        except ModuleNotFoundError:
            raise _missing("polars") from None
        frame = polars.from_arrow(self.to_arrow(columns))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def to_duckdb(
        self, connection: duckdb.DuckDBPyConnection | None = None, columns: Sequence[str] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """All rows as a relation of `connection`, or of one of its own; `columns` names the wanted ones.

        Raises:
            Misconfigured: duckdb is not installed. Else as ``batches``.

        """
        try:
            import duckdb
        except ModuleNotFoundError:
            raise _missing("duckdb") from None
        return (connection or duckdb.connect()).from_arrow(self.to_arrow(columns))


def read_terms(store: ObjectStore, digest: str) -> Terms:
    """The terms with `digest`, on which something was landed in `store`.

    Raises:
        StoreUnavailable: the store does not answer.
        Corrupt: they are missing.

    """
    name = f"_ledger/terms/{digest}.json"
    stored = store.read(name)
    if stored is None:
        raise Corrupt("the terms of a data object are missing", where=name, hint="coleta verify tells more")
    return Terms.from_json(stored)


def read_rows(store: ObjectStore, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of the data object `name`, piece by piece; of `columns` those that it has.

    Raises:
        StoreUnavailable: the store does not answer.
        Corrupt: it is missing or damaged.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from coleta.land.parquet import unreadable

    body = store.read(name)
    if body is None:
        raise Corrupt("a data object is missing", where=name, hint="coleta verify tells more")
    try:
        with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
            present = [one for one in file.schema_arrow.names if columns is None or one in columns]
            yield from file.iter_batches(batch_size=BATCH_ROWS, columns=present)
    except unreadable() as error:
        raise Corrupt(f"it cannot be read: {error}", where=name, hint="coleta verify tells more") from None


def _united(name: str, schemas: Sequence[pa.Schema]) -> pa.Field:
    """The column `name` over all `schemas`; it may be null wherever it may be in one, or is missing in one."""
    fields = [one.field(name) for one in schemas if name in one.names]
    return one_field(name, fields).with_nullable(len(fields) < len(schemas) or any(field.nullable for field in fields))


def one_field(name: str, fields: Sequence[pa.Field]) -> pa.Field:
    """The field that has room for the values of all `fields`, called `name`: groups have the parts of all of them.

    Raises:
        Misconfigured: their types do not go together.

    """
    import pyarrow as pa

    first = fields[0]
    nullable = any(field.nullable for field in fields)
    if all(pa.types.is_struct(field.type) for field in fields):
        names = dict.fromkeys(part.name for field in fields for part in field.type)
        parts = [_part(f"{name}.{one}", one, fields) for one in names]
        return pa.field(first.name, pa.struct(parts), nullable)
    if all(pa.types.is_list(field.type) for field in fields):
        value = one_field(f"{name}[]", [field.type.value_field for field in fields])
        return pa.field(first.name, pa.list_(value), nullable)
    for field in fields[1:]:
        if field.type != first.type:
            raise Misconfigured(
                f"the column {name!r} was {first.type} and became {field.type}",
                hint="name the columns to read, without this one; a change of type belongs into a new stream",
            )
    return first.with_nullable(nullable)


def _part(where: str, name: str, fields: Sequence[pa.Field]) -> pa.Field:
    having = [field.type.field(name) for field in fields if field.type.get_field_index(name) >= 0]
    part = one_field(where, having)
    return part.with_nullable(part.nullable or len(having) < len(fields))


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` with the columns of `schema`; Parquet has its own names for what is inside lists."""
    import pyarrow as pa

    columns = [
        fitted(batch.column(field.name), field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def fitted(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """`values` as `wanted`, which has the parts of their groups and perhaps more; those are null."""
    import pyarrow as pa

    if values.type == wanted:
        return values
    # Parts and lists are those of the whole array, which a slice shares.
    values = pa.concat_arrays([values]) if values.offset else values
    missing = values.is_null() if values.null_count else None
    if pa.types.is_struct(wanted):
        parts = [
            fitted(values.field(part.name), part.type)
            if values.type.get_field_index(part.name) >= 0
            else pa.nulls(len(values), part.type)
            for part in wanted
        ]
        return pa.StructArray.from_arrays(parts, fields=list(wanted), mask=missing)
    if pa.types.is_list(wanted):
        inner = fitted(values.values, wanted.value_type)
        return pa.ListArray.from_arrays(values.offsets, inner, type=wanted, mask=missing)
    return values.cast(wanted)


def _missing(package: str) -> Misconfigured:
    return Misconfigured(f"{package} is not installed", hint=f"pip install {package}")
