"""The few computations on columns that landing needs, without `pyarrow.compute`.

That module makes a documented Python function of each of some 300 kernels when it is imported: a sixth of the
time of a command that lands 50 records. What it calls is called here directly, by the kernel's public name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def is_valid(values: pa.Array) -> pa.Array:
    """uint8: 1 for each value, 0 for each null."""
    import pyarrow as pa

    return cast(_call("is_valid", values), pa.uint8())


def filled(values: pa.Array, default: object) -> pa.Array:
    """`values` with `default`, of their type, in the place of nulls."""
    import pyarrow as pa

    return _call("coalesce", values, pa.scalar(default, values.type)) if values.null_count else values


def text_lengths(values: pa.Array) -> pa.Array:
    """int32: the length in bytes of each text; null for null."""
    return _call("binary_length", values)


def list_lengths(values: pa.Array) -> pa.Array:
    """int32: the number of items of each list; null for null."""
    return _call("list_value_length", values)


def distinct(values: pa.Array | pa.ChunkedArray) -> int:
    """How many different values there are, nulls apart."""
    return int(_call("count_distinct", values).as_py())


def cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """`values` as `kind`, which must hold each of them."""
    from pyarrow._compute import CastOptions, call_function

    return call_function("cast", [values], CastOptions.safe(kind))


def _call(kernel: str, *values: object) -> pa.Array:
    from pyarrow._compute import call_function

    return call_function(kernel, list(values))
