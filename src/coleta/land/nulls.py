"""After landing: how many values are null in a data object, as its footer counts them. Pure.

Only what the footer is sure of is said. Of lists nothing is: there a footer counts items, not rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coleta.errors import Corrupt
from coleta.land.parquet import unreadable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def null_counts(tail: bytes) -> dict[str, object]:
    """Of each column how many rows are null, of a struct of its fields, from the end of an object.

    Raises:
        Corrupt: these bytes hold no footer.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(pa.BufferReader(tail))
        fields = footer.schema.to_arrow_schema()
    except unreadable() as error:
        raise Corrupt(f"its footer cannot be read: {error}") from None
    # Leaves by their place, not by their names: a name may have a dot in it, just as a path has.
    leaves = iter(range(footer.num_columns))
    return {field.name: count for field in fields if (count := _count(field.type, leaves, footer)) is not None}


def _count(kind: pa.DataType, leaves: Iterator[int], footer: pq.FileMetaData) -> int | dict[str, object] | None:
    import pyarrow as pa

    parts = [kind.field(at) for at in range(kind.num_fields)]
    if pa.types.is_struct(kind):
        counts = {one.name: _count(one.type, leaves, footer) for one in parts}
        return {name: count for name, count in counts.items() if count is not None}
    if pa.types.is_nested(kind):
        for one in parts:
            _count(one.type, leaves, footer)
        return None
    leaf, total = next(leaves), 0
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(leaf).statistics
        if statistics is None or not statistics.has_null_count:
            return None
        total += statistics.null_count
    return total
