"""Stage 2, step 1: decoded records become columns. The only part of decoding that imports pyarrow."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate, chain
from operator import attrgetter

import msgspec
import pyarrow as pa

from coleta.land.columns import record_schema
from coleta.land.decode.leaf import present
from coleta.land.decode.plan import Column, Items, Leaf, Members, Plan, Shape


def record_batch(plan: Plan, records: Sequence[msgspec.Struct], extras: Sequence[str | None] = ()) -> pa.RecordBatch:
    """One column for each field of the contract, and ``_extra`` from `extras` where it is kept.

    Raises:
        Broken: a value loses something in its column.

    """
    columns = arrays(plan, records)
    if plan.terms.unknown == "keep":
        columns.append(pa.array(extras, pa.string()))
    return pa.RecordBatch.from_arrays(columns, schema=record_schema(plan.terms))


def arrays(plan: Plan, records: Sequence[msgspec.Struct]) -> list[pa.Array]:
    """One array for each field of the contract.

    Raises:
        Broken: a value loses something in its column.

    """
    schema = record_schema(plan.terms)
    return [
        _array(column.shape, _reached(records, column), schema.field(at).type) for at, column in enumerate(plan.columns)
    ]


def keys_of(batch: pa.RecordBatch, names: Sequence[str]) -> list[Hashable]:
    """The key of each row; None where one of its fields is null, for then it is not known by its key."""
    columns = []
    for name in names:
        column = batch.column(name)
        # As a number: Python's times need a zone's rules, and cost ten times as much.
        values = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        nested = pa.types.is_nested(column.type)
        columns.append([value if value is None or not nested else repr(value) for value in values])
    return [None if None in key else key for key in zip(*columns, strict=True)]


def only(batch: pa.RecordBatch, mask: Sequence[bool]) -> pa.RecordBatch:
    """The rows of `batch` where `mask` is true."""
    return batch.filter(pa.array(mask, pa.bool_()))


def _reached(records: Sequence[object], column: Column) -> list[object]:
    values: list[object] = list(map(attrgetter(column.attributes[0]), records))
    for attribute in column.attributes[1:]:
        # An absent or null object on the way: what lies in it is absent too.
        values = [getattr(value, attribute) if isinstance(value, msgspec.Struct) else None for value in values]
    return values if column.field.required else present(values)


def _array(shape: Shape, values: Sequence[object], kind: pa.DataType) -> pa.Array:
    match shape:
        case Leaf(finish=finish):
            return pa.array(values if finish is None else finish(values), kind)
        case Items(item=item):
            lists = [value if isinstance(value, list) else None for value in values]
            ends = list(accumulate((len(one) if one else 0 for one in lists), initial=0))
            # An offset that is null marks its list as null.
            offsets = [None if one is None else end for one, end in zip(lists, ends, strict=False)]
            inner = list(chain.from_iterable(one for one in lists if one))
            items = _array(item.shape, inner, kind.value_type)
            return pa.ListArray.from_arrays(pa.array([*offsets, ends[-1]], pa.int32()), items, type=kind)
        case Members(members=members):
            children = [
                _child(_array(member.shape, present(_inside(values, member.attribute)), inner.type), inner)
                for member, inner in zip(members, kind, strict=True)
            ]
            mask = pa.array([value is None for value in values], pa.bool_())
            return pa.StructArray.from_arrays(children, fields=list(kind), mask=mask)


def _child(array: pa.Array, field: pa.Field) -> pa.Array:
    """`array` as what is in a struct: what may not be null is not, even where the struct itself is.

    There the value is never seen, but Parquet's writer refuses a null that it finds.
    """
    if field.nullable or not array.null_count:
        return array
    buffers = array.buffers()
    if pa.types.is_struct(field.type):
        own, children = [None], [array.field(at) for at in range(field.type.num_fields)]
    elif pa.types.is_list(field.type):
        own, children = [None, buffers[1]], [array.values]
    else:
        own, children = [None, *buffers[1:]], []
    return pa.Array.from_buffers(field.type, len(array), own, 0, 0, children)


def _inside(values: Sequence[object], attribute: str) -> list[object]:
    return [None if value is None else getattr(value, attribute) for value in values]
