"""Stage 2, step 1: which Arrow columns a contract becomes. Builds schemas; touches no values."""

from __future__ import annotations

import pyarrow as pa

from coleta.contract.types import (
    Bool,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    Json,
    List,
    LocalTimestamp,
    Str,
    Struct,
    Timestamp,
    Type,
)
from coleta.terms import Terms

EXTRA = "_extra"
TICK, ROW, FETCHED_AT = "_tick", "_row", "_fetched_at"

_INSTANT = pa.timestamp("us", tz="UTC")


def schema(terms: Terms) -> pa.Schema:
    """The columns of a data object: the contract's fields, ``_extra`` if kept, and the lineage columns.

    ``_tick`` and ``_fetched_at`` are timestamp[us, UTC], ``_row`` is int64; none is ever null.
    """
    lineage = [
        pa.field(TICK, _INSTANT, nullable=False),
        pa.field(ROW, pa.int64(), nullable=False),
        pa.field(FETCHED_AT, _INSTANT, nullable=False),
    ]
    return pa.schema([*record_schema(terms), *lineage])


def record_schema(terms: Terms) -> pa.Schema:
    """The same without lineage: what one record alone says.

    A column is nullable where its field may be absent or null, and everywhere when broken values
    become null.
    """
    fields = [_arrow_field(field, nulls=terms.on_violation == "null") for field in terms.contract.fields]
    if terms.unknown == "keep":
        fields.append(pa.field(EXTRA, pa.string()))
    return pa.schema(fields)


def _arrow_field(field: Field, *, nulls: bool) -> pa.Field:
    kind = _arrow_type(field.type, nulls=nulls)
    return pa.field(field.name, kind, nullable=nulls or field.nullable or not field.required)


def _arrow_type(kind: Type, *, nulls: bool) -> pa.DataType:
    match kind:
        case Int():
            return pa.int64()
        case Float():
            return pa.float64()
        case Bool():
            return pa.bool_()
        case Str() | Json():
            return pa.string()
        case Date():
            return pa.date32()
        case Timestamp():
            return _INSTANT
        case LocalTimestamp():
            return pa.timestamp("us")
        case Decimal(precision=precision, scale=scale):
            return pa.decimal128(precision, scale)
        case List(item=item):
            return pa.list_(_arrow_field(item, nulls=nulls))
        case Struct(fields=fields):
            return pa.struct([_arrow_field(inner, nulls=nulls) for inner in fields])
