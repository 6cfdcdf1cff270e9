"""A struct that may be null, with members that may not: what is inside a null is nothing, and no fault."""

from __future__ import annotations

import json
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.contract.parse import parse_contract
from coleta.land.content import ContentDigest
from coleta.land.decode import decode
from coleta.terms import Terms

INNER = [
    pytest.param("int", 7, id="int"),
    pytest.param("str", "Olinda", id="str"),
    pytest.param("bool", True, id="bool"),
    pytest.param("date", "2026-11-24", id="date"),
    pytest.param("decimal(9,2)", "1.25", id="decimal"),
    pytest.param("list[str]", ["a", "b"], id="list"),
    pytest.param({"fields": {"x": "int", "y": "list[int?]"}}, {"x": 1, "y": [None, 2]}, id="struct"),
]


@pytest.mark.parametrize(("kind", "value"), INNER)
def test_a_null_struct_is_written_and_read_back_as_null_whatever_is_required_in_it(kind: object, value: object) -> None:
    terms = Terms(parse_contract({"pos": {"fields": {"must": kind, "may": "int?"}, "nullable": True}}))
    whole = {"must": value, "may": None}
    (piece,) = decode([json.dumps([{"pos": each} for each in (None, whole, None, whole)]).encode()], terms)
    table, file = pa.Table.from_batches([piece.columns]), BytesIO()

    pq.write_table(table, file, store_schema=False)

    found = pq.read_table(file)
    assert found.to_pylist() == table.to_pylist()
    assert [row["pos"] is None for row in found.to_pylist()] == [True, False, True, False]
    assert _digest(found) == _digest(table)


def _digest(table: pa.Table) -> str:
    digest = ContentDigest(table.schema)
    for batch in table.to_batches():
        digest.add(batch)
    return digest.hex()
