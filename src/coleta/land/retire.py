"""Stage 2, long after: a data object whose rows are no longer kept. Pure but for its sink.

It is never deleted, since it names the next one. It is *retired*: replaced by an object without rows that has the
very bytes of its record, once a roll-up keeps what only its own bytes could tell.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import BinaryIO

from coleta.land.columns import schema
from coleta.land.parquet import ObjectWriter
from coleta.land.record import decode_record
from coleta.land.rollup import RolledObject
from coleta.terms import Terms


def may_retire(
    rolled: RolledObject, stored: bytes, size_bytes: int, *, before: datetime, referenced: Container[str]
) -> bool:
    """Whether the object that `rolled` tells of, which has `size_bytes` and the record `stored`, may lose its rows.

    It was committed before `before`, is what its roll-up says, and no table still reads it: `referenced` are the
    names that one does. One that is not as it was written is left, so that an audit goes on finding it.
    """
    record = decode_record(rolled.name, stored)
    is_as_written = rolled.record.encode() == stored and rolled.size_bytes == size_bytes
    return is_as_written and record.rows > 0 and record.created < before and rolled.name not in referenced


def compose_retired(stored: bytes, terms: Terms, sink: BinaryIO) -> None:
    """Write an object without rows, with the columns of `terms`, and with the very record `stored`, into `sink`."""
    with ObjectWriter(sink, schema(terms)) as writer:
        writer.close(stored)
