"""Which columns a data object has."""

from __future__ import annotations

import pyarrow as pa

from coleta.contract.parse import parse_contract
from coleta.land.columns import schema
from coleta.terms import Terms

CONTRACT = parse_contract(
    {
        "i": "int",
        "f": {"type": "float", "nullable": True},
        "b": {"type": "bool", "required": False},
        "s": "str?",
        "d": "date",
        "t": "timestamp",
        "l": "local_timestamp",
        "n": "decimal(9,2)",
        "j": "json",
        "a": "list[int?]",
        "o": {"fields": {"x": "str", "y": "int?"}},
    }
)
UTC = pa.timestamp("us", tz="UTC")


def test_each_type_has_its_column_and_the_lineage_comes_last() -> None:
    assert schema(Terms(CONTRACT)) == pa.schema(
        [
            pa.field("i", pa.int64(), nullable=False),
            pa.field("f", pa.float64()),
            pa.field("b", pa.bool_()),
            pa.field("s", pa.string()),
            pa.field("d", pa.date32(), nullable=False),
            pa.field("t", UTC, nullable=False),
            pa.field("l", pa.timestamp("us"), nullable=False),
            pa.field("n", pa.decimal128(9, 2), nullable=False),
            pa.field("j", pa.string(), nullable=False),
            pa.field("a", pa.list_(pa.field("item", pa.int64())), nullable=False),
            pa.field(
                "o", pa.struct([pa.field("x", pa.string(), nullable=False), pa.field("y", pa.int64())]), nullable=False
            ),
            pa.field("_tick", UTC, nullable=False),
            pa.field("_row", pa.int64(), nullable=False),
            pa.field("_fetched_at", UTC, nullable=False),
        ]
    )


def test_unknown_members_are_kept_in_a_column_before_the_lineage() -> None:
    assert schema(Terms(CONTRACT, unknown="keep")).names[-4:] == ["_extra", "_tick", "_row", "_fetched_at"]


def test_where_broken_values_become_null_every_value_may_be_null_but_never_the_lineage() -> None:
    columns = schema(Terms(CONTRACT, on_violation="null"))

    assert [field.name for field in columns if not field.nullable] == ["_tick", "_row", "_fetched_at"]
    assert columns.field("o").type.field("x").nullable
