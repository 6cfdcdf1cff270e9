"""What is registered is read as it landed, by readers that are not ours, and no filter loses a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder
from tests.delta.readers import READERS, Condition, ask_duckdb, quoted
from tests.surfaces.test_types_round_trip import answering

from coleta import Project

ODD = {
    "preço em r$": "float?",
    "loja. do centro": "str?",
    "a,b;c{d}(e)=f": "int?",
    "“aspas”": "int?",
    "SELECT": "int?",
    "日本語": "str?",
}

CONTRACT: dict[str, object] = {
    "id": "int",
    "whole": "int?",
    "real": "float?",
    "price": "decimal(38,18)?",
    "small": "decimal(9,2)?",
    "yes": "bool?",
    "name": "str?",
    "day": "date?",
    "at": "timestamp?",
    "local": "local_timestamp?",
    "raw": "json?",
    "tags": "list[str]?",
    "pos": {"fields": {"x": "int?", "city name": "str?"}, "required": False},
    **ODD,
}

ANSWERS = (
    """[
    {"id": 1, "whole": 9223372036854775807, "real": -0.0, "price": "12345678901234567890.123456789012345678",
     "small": "0.10", "yes": true, "name": "é", "day": "1969-12-31", "at": "2026-11-24T12:00:00.123456Z",
     "local": "2026-11-24T12:00:00.999999", "raw": {"a": [1, null]}, "tags": ["a", "b"],
     "pos": {"x": 1, "city name": "São Paulo"}, "preço em r$": 0.1, "loja. do centro": "Sé", "a,b;c{d}(e)=f": 1,
     "“aspas”": 5, "SELECT": 6, "日本語": "東京"},
    {"id": 2}
    ]""",
    """[
    {"id": 3, "whole": -9223372036854775808, "real": 1e300, "price": "-0.000000000000000001", "small": "9999999.99",
     "yes": false, "name": "LONG", "day": "2026-02-28", "at": "2026-11-24T12:00:00.123457Z",
     "local": "2026-11-24T12:00:01", "raw": "x", "tags": [], "pos": {"x": 2}, "preço em r$": 1e-300,
     "loja. do centro": "", "a,b;c{d}(e)=f": -1, "“aspas”": 0, "SELECT": 0, "日本語": "LONG"}
    ]""",
    '[{"id": 4, "real": 5e-324, "name": "LONGER", "pos": {"city name": "Rio"}}, {"id": 5, "whole": 0, "tags": ["z"]}]',
)
# Longer than what Parquet keeps of a text in its statistics, and alike for longer than any prefix of it.
LONG = "á" * 5000


@dataclass(frozen=True)
class Lake:
    """A landed and registered stream: where it lies, and its rows as its data objects have them."""

    place: Path
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three objects of one stream with every type, registered."""
    return collected(tmp_path_factory.mktemp("delta"), CONTRACT, ANSWERS)


def collected(root: Path, contract: dict[str, object], answers: tuple[str, ...]) -> Lake:
    for answer in answers:
        text = answer.replace("LONGER", LONG + "b").replace("LONG", LONG + "a")
        with answering(text.encode()) as url:
            project(root, url, contract).run("coisas")
    place = root / "lake" / "coisas"
    rows = project(root, "http://127.0.0.1:1/", contract).table("coisas").to_arrow().to_pylist()
    assert len(rows) == sum(len(json.loads(answer)) for answer in answers)
    return Lake(place, [{**row, "tick_date": row["_tick"].date()} for row in rows])


def project(root: Path, url: str, contract: dict[str, object], **more: object) -> Project:
    stream = {"url": url, "every": "1m", "deadline": "1s", "contract": contract, "table": "delta", **more}
    return Project.define(
        "delta",
        root=root,
        store={"lake": {"url": "file://./lake"}},
        spool={"allow_tmpfs": True},
        stream={"coisas": stream},
    )


def by_id(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: int(row["id"]))


# Reading -------------------------------------------------------------------------------------------


def test_deltalake_and_pyarrow_read_every_value_as_it_landed(lake: Lake) -> None:
    table = DeltaTable(str(lake.place)).to_pyarrow_table()

    assert by_id(table.to_pylist()) == by_id(lake.rows)


def test_polars_reads_every_value_as_it_landed(lake: Lake) -> None:
    assert by_id(pl.read_delta(str(lake.place)).to_dicts()) == by_id(lake.rows)


def test_delta_rs_by_its_own_sql_reads_every_row_with_odd_names_quoted(lake: Lake) -> None:
    builder = QueryBuilder().register("t", DeltaTable(str(lake.place)))
    names = ", ".join(map(quoted, ["id", *ODD]))

    found = pa.table(builder.execute(f"SELECT {names} FROM t ORDER BY id").read_all()).to_pylist()

    assert found == [{name: row[name] for name in ["id", *ODD]} for row in by_id(lake.rows)]


def test_duckdb_reads_every_value_as_it_landed(lake: Lake) -> None:
    names = [name for name in lake.rows[0] if not name.startswith("_")]
    columns = ", ".join(map(quoted, names))

    (found,) = ask_duckdb(lake.place, [f"SELECT {columns} FROM t ORDER BY id"])

    asked = [[plain(row[name]) for name in names] for row in by_id(lake.rows)]
    assert [[plain(value) for value in row] for row in found] == asked


def plain(value: object) -> object:
    """A value as JSON can carry it, times in the one way that DuckDB and Python print them both."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {name: plain(inner) for name, inner in value.items()}
        case list():
            return [plain(inner) for inner in value]
    return str(value).removesuffix("+00:00")


TYPES = {
    "whole": "long",
    "real": "double",
    "price": "decimal(38,18)",
    "yes": "boolean",
    "name": "string",
    "day": "date",
    "at": "timestamp",
    "local": "timestamp_ntz",
    "raw": "string",
}


def test_each_type_of_a_contract_has_its_type_of_delta(lake: Lake) -> None:
    found = {field["name"]: field for field in json.loads(DeltaTable(str(lake.place)).schema().to_json())["fields"]}

    assert {name: found[name]["type"] for name in TYPES} == TYPES
    assert found["tags"]["type"] == {"type": "array", "elementType": "string", "containsNull": True}
    assert [field["type"] for field in found["pos"]["type"]["fields"]] == ["long", "string"]
    assert {name for name, field in found.items() if not field["nullable"]} == {"_tick", "_row", "_fetched_at"}
    assert DeltaTable(str(lake.place)).metadata().partition_columns == ["tick_date"]


# Filters -------------------------------------------------------------------------------------------

DOTTED = ("loja. do centro",)

FILTERED = [
    *((name,) for name in ("whole", "real", "price", "small", "yes", "name", "day", "at", "local", "raw")),
    *((name,) for name in ODD),
    ("pos", "x"),
    ("pos", "city name"),
    ("_tick",),
    ("_row",),
    ("tick_date",),
]


def conditions(rows: list[dict[str, Any]], path: tuple[str, ...]) -> Iterator[Condition]:
    values = []
    for row in rows:
        value: Any = row
        for name in path:
            value = None if value is None else value[name]
        if value is not None and value not in values:
            values.append(value)
    assert values
    yield Condition(path, "null")
    for value in values:
        for op in ("==", "<", ">="):
            if not (isinstance(value, bool) and op != "=="):
                yield Condition(path, op, value)


@pytest.mark.parametrize("path", FILTERED, ids=".".join)
@pytest.mark.parametrize("reader", READERS)
def test_no_filter_loses_a_row(lake: Lake, reader: str, path: tuple[str, ...]) -> None:
    if reader == "duckdb" and path == DOTTED:
        with pytest.raises(AssertionError, match="references unknown column"):
            # It says so, and that is all that is asked of it here: the how-to names this limit.
            READERS[reader](lake.place, list(conditions(lake.rows, path)))
        return
    asked = list(conditions(lake.rows, path))

    found = READERS[reader](lake.place, asked)

    expected = [{row["id"] for row in lake.rows if one.holds(row)} for one in asked]
    assert dict(zip(map(str, asked), found, strict=True)) == dict(zip(map(str, asked), expected, strict=True))


@pytest.mark.parametrize("reader", READERS)
def test_no_filter_loses_a_row_that_landed_before_its_column_came(reader: str, tmp_path: Path) -> None:
    first: dict[str, object] = {"id": "int", "pos": {"fields": {"x": "int"}}}
    collected(tmp_path, first, ('[{"id": 1, "pos": {"x": 1}}, {"id": 2, "pos": {"x": 2}}]',))
    pos = {"fields": {"x": "int", "y": "float?"}}
    wider: dict[str, object] = {
        "id": "int",
        "pos": pos,
        "new": "int?",
        "at": "local_timestamp?",
    }
    answer = '[{"id": 3, "pos": {"x": 3, "y": 1.5}, "new": 5, "at": "2026-01-01T00:00:00"}, {"id": 4, "pos": {"x": 4}}]'
    with answering(answer.encode()) as url:
        project(tmp_path, url, wider).run("coisas")
    place = tmp_path / "lake" / "coisas"
    asked = [
        Condition(("new",), "null"),
        Condition(("new",), ">=", 5),
        Condition(("at",), "null"),
        Condition(("id",), "<", 3),
        Condition(("pos", "y"), "null"),
        Condition(("pos", "x"), ">=", 2),
    ]

    found = READERS[reader](place, asked)

    assert found == [{1, 2, 4}, {3}, {1, 2, 4}, {1, 2}, {1, 2, 4}, {2, 3, 4}]


def test_the_days_of_a_table_are_told_apart_by_their_folders(lake: Lake) -> None:
    table = DeltaTable(str(lake.place))
    days = {row["tick_date"] for row in lake.rows}

    assert {date.fromisoformat(one["tick_date"]) for one in table.partitions()} == days
