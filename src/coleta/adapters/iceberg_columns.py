"""The outside thing, an Iceberg table's schema: a table's columns in Iceberg's words, and back. Pure.

Fields are known by their ids there, and data objects have none: so each schema comes with a mapping of names to ids.
Other kinds of tables have the objects' date as a column. In Iceberg it is the name of the partition, by the day of
``_tick``, and no column: here it stands among the columns where the others have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.transforms import DayTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

from coleta.errors import Misconfigured
from coleta.land.table import PARTITION, Column, Columns, Group, Kind, Many

TICK = "_tick"
PARTITIONED = Column(PARTITION, "date")
AFTER = "_fetched_at"
"""The last of the columns that Coleta fills, which the partition's stands behind."""

_WORDS: dict[str, PrimitiveType] = {
    "long": LongType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "string": StringType(),
    "date": DateType(),
    "timestamp": TimestamptzType(),
    "timestamp_ntz": TimestampType(),
}
_TYPES = {kind: word for word, kind in _WORDS.items()}


def new_schema(columns: Columns) -> Schema:
    """The schema of a table that is made with `columns`.

    Raises:
        Misconfigured: Iceberg cannot tell their names apart.

    """
    return assign_fresh_schema_ids(_schema(_added((), columns, Ids(0)), 0))


def widened(schema: Schema, columns: Columns, *, last_id: int, schema_id: int) -> Schema:
    """`schema` with `columns`, new ones and ones with new parts, whose ids go on after `last_id`.

    Raises:
        Misconfigured: Iceberg cannot tell their names apart.

    """
    return _schema(_added(schema.fields, columns, Ids(last_id)), schema_id)


def partition_of(schema: Schema) -> PartitionSpec:
    """How a table with `schema` is partitioned: as the objects' folders are, by the UTC day of the tick."""
    tick = next(field for field in schema.fields if field.name == TICK)
    return PartitionSpec(PartitionField(tick.field_id, 1000, DayTransform(), PARTITION))


def columns_in(schema: Schema) -> Columns:
    """The columns that `schema` has. A type that no contract has is kept as its text."""
    return tuple(_with_partition(_columns(schema.fields)))


def _schema(fields: Iterable[NestedField], schema_id: int) -> Schema:
    try:
        return Schema(*fields, schema_id=schema_id)
    except ValueError as error:
        raise Misconfigured(
            f"an Iceberg table cannot have these columns: {error}",
            hint="a dot leads into a struct there: rename one of them, other_name = \"$['a.b']\"; or leave out `table`",
        ) from None


class Ids:
    """Ids for new fields."""

    def __init__(self, last: int) -> None:
        """Go on after `last`."""
        self._last = last

    def next(self) -> int:
        """The next one."""
        self._last += 1
        return self._last


def _with_partition(columns: Columns) -> Iterator[Column]:
    for column in columns:
        yield column
        if column.name == AFTER:
            yield PARTITIONED


def _columns(fields: Iterable[NestedField]) -> Columns:
    return tuple(Column(field.name, _kind(field.field_type), not field.required) for field in fields)


def _kind(kind: IcebergType) -> Kind:
    match kind:
        case ListType(element_type=item):
            return Many(_kind(item))
        case StructType(fields=fields):
            return Group(_columns(fields))
        case DecimalType(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case PrimitiveType() if kind in _TYPES:
            return _TYPES[kind]
    return str(kind)


def _added(fields: Iterable[NestedField], columns: Columns, ids: Ids) -> tuple[NestedField, ...]:
    """`fields` with what `columns` has more."""
    new = {column.name: column for column in columns if column != PARTITIONED}
    kept = [_grown(field, new.pop(field.name, None), ids) for field in fields]
    return (*kept, *(_field(column, ids) for column in new.values()))


def _grown(field: NestedField, column: Column | None, ids: Ids) -> NestedField:
    if column is None or not isinstance(column.kind, Group) or not _is_struct(field.field_type):
        return field
    kind = StructType(*_added(field.field_type.fields, column.kind.columns, ids))
    return NestedField(field.field_id, field.name, kind, required=field.required)


def _is_struct(kind: IcebergType) -> TypeGuard[StructType]:
    return isinstance(kind, StructType)


def _field(column: Column, ids: Ids) -> NestedField:
    return NestedField(ids.next(), column.name, _type(column.kind, ids), required=not column.nullable)


def _type(kind: Kind, ids: Ids) -> IcebergType:
    match kind:
        case Many(item):
            return ListType(ids.next(), _type(item, ids), element_required=False)
        case Group(columns):
            return StructType(*(_field(column, ids) for column in columns))
    if kind.startswith("decimal("):
        precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
        return DecimalType(int(precision), int(scale))
    return _WORDS[kind]
