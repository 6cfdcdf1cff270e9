"""Stage 2, step 3: rows and record to the bytes of a data object, and back. Pure, but for its sink.

zstd, page checksums on (without them most bit flips read back as wrong values in silence), the
record in the footer's key-value metadata. Rows come in pieces of any size and leave in row groups of
one size, so memory is bounded by a piece and a row group, not by the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from io import SEEK_END
from typing import TYPE_CHECKING, BinaryIO

from coleta.errors import Corrupt
from coleta.land import kernels
from coleta.land.content import ContentDigest
from coleta.land.record import FOOTER_KEY, Record, encode_record

if TYPE_CHECKING:
    import pyarrow as pa

    from coleta.land.decode import Piece

TAIL_BYTES = 64 * 1024
"""How much of an object's end is read first: enough for the footer and record of an hour of minutes."""

ROW_GROUP_ROWS = 131_072
"""Rows in a row group: about what readers of Parquet like best. A page's few rows are no row group."""

ROW_GROUP_BYTES = 32 << 20
"""The size in memory at which a row group is closed early, so that wide rows do not pile up."""

STAMP_KEY = "coleta.sha256"
"""Footer metadata: the sha256 of the object's bytes, taken while these 64 characters themselves were zeros."""

_BLANK = "0" * 64
_STAMP = STAMP_KEY.encode() + b"\x18\x40"
"""What stands before the 64 characters, in the encoding of footers: the key, then "text of 64 bytes"."""

_FOOTER_END_BYTES = 8
_DICTIONARY_SHARE = 0.5
_CHUNK_BYTES = 1 << 20


class ObjectWriter:
    """Writes one data object into a sink: pieces first, then the record that accounts for them.

    Used in a ``with`` block: what is left without a record at its end is no data object.
    """

    def __init__(self, sink: BinaryIO, schema: pa.Schema) -> None:
        """Begin an object whose columns are those of `schema`, lineage columns last."""
        self._sink = sink
        self._schema = schema
        self._content = ContentDigest(schema)
        self._writer: pa.parquet.ParquetWriter | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self.rows = 0

    def __enter__(self) -> ObjectWriter:
        return self

    def __exit__(self, *_: object) -> None:
        # An abandoned writer would complain when it is collected, long after its sink is closed.
        if self._writer is not None and self._writer.is_open:
            try:
                self._writer.close()
            finally:
                self._writer.is_open = False

    def add(self, piece: Piece, *, tick: datetime, fetched_at: datetime) -> None:
        """Add the landed rows of `piece`, which came for the tick that ends at `tick`."""
        import pyarrow as pa

        count = piece.columns.num_rows
        if not count:
            return
        stamp = pa.timestamp("us", tz="UTC")
        lineage = [
            pa.repeat(pa.scalar(tick, stamp), count),
            pa.array(piece.rows, pa.int64()),
            pa.repeat(pa.scalar(fetched_at, stamp), count),
        ]
        batch = pa.RecordBatch.from_arrays([*piece.columns.columns, *lineage], schema=self._schema)
        self._content.add(batch)
        self.rows += count
        while batch.num_rows:
            part = batch.slice(0, ROW_GROUP_ROWS - self._pending_rows)
            batch = batch.slice(part.num_rows)
            self._hold(part)

    def finish(self, account: Callable[[int, str], Record]) -> Record:
        """Close the object with the record that `account` makes of its rows and content digest."""
        record = account(self.rows, self._content.hex())
        self.close(encode_record(record))
        return record

    def close(self, record: bytes) -> None:
        """Close the object with these very bytes of a `record`."""
        self._flush()
        writer = self._open(None)
        # The stamp first: where a damaged list of keys has lost its end, the record is what is missed.
        writer.add_key_value_metadata({STAMP_KEY: _BLANK, FOOTER_KEY: record.decode()})
        writer.close()
        _stamp(self._sink)

    def _hold(self, part: pa.RecordBatch) -> None:
        self._pending.append(part)
        self._pending_rows += part.num_rows
        self._pending_bytes += part.nbytes
        if self._pending_rows >= ROW_GROUP_ROWS or self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Write what is held as one row group."""
        import pyarrow as pa

        if self._pending:
            group = pa.Table.from_batches(self._pending, self._schema)
            self._open(group).write_table(group, row_group_size=ROW_GROUP_ROWS)
            self._pending, self._pending_rows, self._pending_bytes = [], 0, 0

    def _open(self, first: pa.Table | None) -> pa.parquet.ParquetWriter:
        if self._writer is None:
            import pyarrow.parquet as pq

            from coleta.land.columns import ROW

            self._writer = pq.ParquetWriter(
                self._sink,
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[] if first is None else _repetitive(first),
                # Numbers that go up by one: a few hundred bytes instead of one a row.
                column_encoding={ROW: "DELTA_BINARY_PACKED"},
                write_page_checksum=True,
                store_schema=False,
            )
        return self._writer


def _stamp(sink: BinaryIO) -> None:
    """Write the digest of all bytes of the closed object into its footer, in the place of the zeros."""
    digest = hashlib.sha256()
    sink.seek(0)
    while chunk := sink.read(_CHUNK_BYTES):
        digest.update(chunk)
    end = sink.seek(-_FOOTER_END_BYTES, SEEK_END) + _FOOTER_END_BYTES
    start = end - footer_bytes(sink.read())
    sink.seek(start)
    # The last one: a record is JSON, in which the byte 0x18 cannot stand; a value among the statistics might hold it.
    sink.seek(start + sink.read().rindex(_STAMP + _BLANK.encode()) + len(_STAMP))
    sink.write(digest.hexdigest().encode())


def stamp_holds(body: bytes, stamp: str) -> bool:
    """Whether the bytes of the object `body` are those that its `stamp` was taken of."""
    at = body.rfind(_STAMP + stamp.encode())
    if at < 0 or len(stamp) != len(_BLANK):
        return False
    view, at = memoryview(body), at + len(_STAMP)
    digest = hashlib.sha256(view[:at])
    digest.update(_BLANK.encode())
    digest.update(view[at + len(_BLANK) :])
    return digest.hexdigest() == stamp


def _repetitive(first: pa.Table) -> list[str]:
    """The columns worth a dictionary, judged by the first rows: those whose values mostly repeat."""
    import pyarrow as pa

    from coleta.land.columns import ROW

    names = []
    for field, column in zip(first.schema, first.columns, strict=True):
        if pa.types.is_nested(field.type) or field.name == ROW:
            continue
        if kernels.distinct(column.slice(0, 10_000)) <= min(len(column), 10_000) * _DICTIONARY_SHARE:
            names.append(field.name)
    return names


def footer_bytes(tail: bytes) -> int:
    """How many bytes from the end the footer takes, given at least the last eight.

    Raises:
        Corrupt: these are not the last bytes of a Parquet file.

    """
    if len(tail) < _FOOTER_END_BYTES or tail[-4:] != b"PAR1":
        raise Corrupt("not a Parquet file, or cut short")
    return int.from_bytes(tail[-8:-4], "little") + _FOOTER_END_BYTES


def unreadable() -> tuple[type[Exception], ...]:
    """What pyarrow raises over damaged bytes: its own errors, and those that its Python parts stumble into."""
    import pyarrow as pa

    return (pa.ArrowException, OSError, ValueError, LookupError, TypeError)


def stored_record(tail: bytes) -> tuple[bytes, int]:
    """The record's bytes and the number of rows, from the last bytes of an object that hold its footer.

    Raises:
        Corrupt: there is no readable footer, or no record in it.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(pa.BufferReader(tail))
    except unreadable() as error:
        raise Corrupt(f"its footer cannot be read: {error}") from None
    stored = (footer.metadata or {}).get(FOOTER_KEY.encode())
    if stored is None:
        raise Corrupt("its footer holds no record: Coleta did not write it")
    return stored, footer.num_rows
