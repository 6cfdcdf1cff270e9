"""The content digest: the name of an object's rows, whatever bytes hold them."""

from __future__ import annotations

import datetime
import decimal
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coleta.contract.parse import parse_contract
from coleta.land.columns import record_schema
from coleta.land.content import ContentDigest
from coleta.terms import Terms

SCHEMA = record_schema(
    Terms(
        parse_contract(
            {
                "i": "int?",
                "f": "float?",
                "n": "decimal(9,2)?",
                "b": "bool?",
                "s": "str?",
                "d": "date?",
                "t": "timestamp?",
                "l": "local_timestamp?",
                "a": {"type": "list[list[int?]]", "nullable": True},
                "o": {"fields": {"x": "str", "y": "int?", "z": "list[str]"}, "nullable": True},
            }
        )
    )
)


def local(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | values


text = st.text(max_size=4)
ints = st.integers(-(2**63), 2**63 - 1)
instants = st.datetimes(local("1900-01-01"), local("2100-01-01"))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "i": maybe(ints),
            "f": maybe(st.floats(allow_nan=False)),
            "n": maybe(st.decimals(-9_999_999, 9_999_999, places=2)),
            "b": maybe(st.booleans()),
            "s": maybe(text),
            "d": maybe(st.dates()),
            "t": maybe(instants.map(lambda instant: instant.replace(tzinfo=datetime.UTC))),
            "l": maybe(instants),
            "a": maybe(st.lists(st.lists(maybe(ints), max_size=3), max_size=3)),
            "o": maybe(st.fixed_dictionaries({"x": text, "y": maybe(ints), "z": st.lists(text, max_size=2)})),
        }
    ),
    max_size=8,
)
few = settings(max_examples=60, deadline=None)


def batch(values: list[dict[str, object]], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(values, schema=schema)


def digest(*batches: pa.RecordBatch, schema: pa.Schema = SCHEMA) -> str:
    content = ContentDigest(schema)
    for one in batches:
        content.add(one)
    return content.hex()


@few
@given(rows, st.integers(0, 8))
def test_the_digest_does_not_depend_on_how_rows_are_cut(values: list[dict[str, object]], cut: int) -> None:
    whole = batch(values)

    assert digest(whole) == digest(batch(values[:cut]), batch(values[cut:]))
    # The same as slices of one batch, whose buffers begin elsewhere.
    assert digest(whole) == digest(whole.slice(0, cut), whole.slice(cut))
    assert digest(whole) == digest(batch([]), whole, batch([]))


@few
@given(rows, st.integers(1, 9))
def test_the_digest_survives_parquet_whatever_the_row_groups(values: list[dict[str, object]], size: int) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_batches([batch(values)], SCHEMA), sink, row_group_size=size, store_schema=False)
    file = pq.ParquetFile(io.BytesIO(sink.getvalue()))

    assert digest(*file.iter_batches(batch_size=3), schema=file.schema_arrow) == digest(batch(values))


@few
@given(rows, rows)
def test_two_digests_are_equal_only_for_equal_rows(
    one: list[dict[str, object]], other: list[dict[str, object]]
) -> None:
    # 0.0 and -0.0 are equal to Python and different bytes, so compared by what they are written as;
    # a shrunk example may hold the same members in another order, which makes no other row.
    written = [repr([sorted(row.items()) for row in rows_]) for rows_ in (one, other)]
    assert (digest(batch(one)) == digest(batch(other))) == (written[0] == written[1])


ROW: dict[str, object] = {
    "i": 1,
    "f": 1.5,
    "n": decimal.Decimal("1.50"),
    "b": True,
    "s": "a",
    "d": datetime.date(2026, 11, 24),
    "t": datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC),
    "l": local("2026-11-24"),
    "a": [[1, None], []],
    "o": {"x": "a", "y": None, "z": ["a", ""]},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("i", 2),
        ("f", -1.5),
        ("n", decimal.Decimal("1.51")),
        ("b", False),
        ("s", "b"),
        ("s", ""),
        ("d", datetime.date(2026, 11, 25)),
        ("t", datetime.datetime(2026, 11, 24, 0, 0, 0, 1, tzinfo=datetime.UTC)),
        ("l", local("2026-11-24T00:00:00.000001")),
        ("a", [[1], [None]]),
        ("a", [[1, None]]),
        ("a", [[1, 0], []]),
        ("o", {"x": "a", "y": 0, "z": ["a", ""]}),
        ("o", {"x": "a", "y": None, "z": ["", "a"]}),
        *((name, None) for name in ROW),
    ],
)
def test_any_other_value_gives_another_digest(name: str, value: object) -> None:
    assert digest(batch([ROW])) != digest(batch([{**ROW, name: value}]))


def test_null_differs_from_zero_empty_and_absent_rows() -> None:
    schema = pa.schema([("i", pa.int64()), ("s", pa.string()), ("a", pa.list_(pa.int64()))])
    nulls = digest(batch([{"i": None, "s": None, "a": None}], schema), schema=schema)

    assert nulls != digest(batch([{"i": 0, "s": "", "a": []}], schema), schema=schema)
    assert nulls != digest(batch([], schema), schema=schema)


def test_the_order_of_rows_counts() -> None:
    other = {**ROW, "i": 2}

    assert digest(batch([ROW, other])) != digest(batch([other, ROW]))


def test_text_does_not_move_from_one_value_to_the_next() -> None:
    schema = pa.schema([("s", pa.string())])

    assert digest(batch([{"s": "ab"}, {"s": "c"}], schema), schema=schema) != digest(
        batch([{"s": "a"}, {"s": "bc"}], schema), schema=schema
    )


def test_names_and_types_and_the_order_of_columns_count() -> None:
    a, b, wide = pa.field("a", pa.int64()), pa.field("b", pa.int64()), pa.field("a", pa.timestamp("us"))
    column = pa.array([1], pa.int64())

    def of(*fields: pa.Field) -> str:
        schema = pa.schema(fields)
        return digest(
            pa.RecordBatch.from_arrays([column.cast(field.type) for field in fields], schema=schema), schema=schema
        )

    assert len({of(a), of(b), of(wide), of(a, b), of(b, a)}) == 5


def test_what_lies_hidden_under_a_null_does_not_count() -> None:
    valid = pa.py_buffer(bytes([0b101]))
    values = pa.array([1, 2, 3], pa.int64())
    text = pa.array(["a", "b", "c"])
    hidden = pa.RecordBatch.from_arrays(
        [
            pa.Array.from_buffers(pa.int64(), 3, [valid, values.buffers()[1]]),
            pa.Array.from_buffers(pa.string(), 3, [valid, *text.buffers()[1:]]),
            pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), values, mask=pa.array([False, True, False])),
            pa.StructArray.from_arrays([values], ["x"], mask=pa.array([False, True, False])),
        ],
        names=["i", "s", "a", "o"],
    )
    plain = batch(hidden.to_pylist(), hidden.schema)

    assert hidden.column(0).buffers()[1].to_pybytes()[8:16] != plain.column(0).buffers()[1].to_pybytes()[8:16]
    assert digest(hidden, schema=hidden.schema) == digest(plain, schema=plain.schema)
