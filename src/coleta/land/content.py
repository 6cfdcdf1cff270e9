"""Stage 2, step 3: the content digest, the name of an object's rows whatever bytes hold them. Pure.

docs/reference/data-object-and-record.md specifies it: each column is a few streams (validity,
lengths, values), each stream is hashed on its own, so the digest does not depend on how the rows
are cut into pieces, row groups or pages, nor on the version of the library that wrote them.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING

from coleta.land import kernels

if TYPE_CHECKING:
    import pyarrow as pa


class ContentDigest:
    """sha256 over columns of rows that come in pieces."""

    def __init__(self, schema: pa.Schema) -> None:
        """Begin without rows."""
        self._schema = schema
        self._columns = [_Column() for _ in schema]

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of `batch`, which has the schema's columns in its order."""
        if not batch.num_rows:
            return  # or a batch of nothing would begin streams, and tell itself from no batch
        for column, values in zip(self._columns, batch.columns, strict=True):
            column.add("", values)

    def hex(self) -> str:
        """The digest of the rows so far."""
        whole = hashlib.sha256()
        for field, column in zip(self._schema, self._columns, strict=True):
            whole.update(f"{field.name}\0{_type_text(field.type)}\0{column.hex()}\n".encode())
        return whole.hexdigest()


def _type_text(kind: pa.DataType) -> str:
    """The type's name: Arrow's, but for nested types, whose inner names and nulls Parquet writes in its own way."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return f"list<{_type_text(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name}: {_type_text(field.type)}' for field in kind)}>"
    return str(kind)


class _Column:
    def __init__(self) -> None:
        self._streams: dict[str, hashlib._Hash] = {}

    def hex(self) -> str:
        lines = (f"{path} {stream.hexdigest()}\n" for path, stream in sorted(self._streams.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _feed(self, path: str, data: pa.Buffer) -> None:
        self._streams.setdefault(path, hashlib.sha256()).update(memoryview(data))

    def add(self, path: str, values: pa.Array) -> None:
        import pyarrow as pa

        self._feed(f"{path}valid", _fixed(kernels.is_valid(values)))
        kind = values.type
        if pa.types.is_string(kind):
            filled = kernels.filled(values, "")
            self._feed(f"{path}length", _fixed(kernels.text_lengths(filled)))
            self._feed(f"{path}value", _text(filled))
        elif pa.types.is_list(kind):
            self._feed(f"{path}length", _fixed(kernels.filled(kernels.list_lengths(values), 0)))
            self.add(f"{path}item\0", values.flatten())
        elif pa.types.is_struct(kind):
            for field, child in zip(kind, values.flatten(), strict=True):
                self.add(f"{path}{field.name}\0", child)
        else:
            self._feed(f"{path}value", _fixed(_plain(values)))


def _plain(values: pa.Array) -> pa.Array:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_decimal(kind):
        return kernels.filled(values, Decimal(0))
    if pa.types.is_boolean(kind):
        values = kernels.cast(values, pa.uint8())
    elif pa.types.is_date32(kind):
        values = values.view(pa.int32())
    elif pa.types.is_timestamp(kind):
        values = values.view(pa.int64())
    return kernels.filled(values, 0)


def _fixed(values: pa.Array) -> pa.Buffer:
    width = values.type.bit_width // 8
    return values.buffers()[1].slice(values.offset * width, len(values) * width) if len(values) else _nothing()


def _text(values: pa.Array) -> pa.Buffer:
    if not len(values):
        return _nothing()
    offsets = memoryview(values.buffers()[1]).cast("i")
    start, end = offsets[values.offset], offsets[values.offset + len(values)]
    data = values.buffers()[2]
    return data.slice(start, end - start) if data is not None else _nothing()


def _nothing() -> pa.Buffer:
    import pyarrow as pa

    return pa.py_buffer(b"")
