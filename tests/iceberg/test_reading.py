"""What is registered in an Iceberg table is read as it landed, by readers that are not ours; no filter loses a row."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.expressions import (
    AlwaysTrue,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    IsNull,
    LessThan,
    Reference,
)
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform
from tests.delta.readers import DUCKDB, _literal, quoted
from tests.delta.test_reading import ANSWERS, CONTRACT, ODD, plain
from tests.iceberg.lake import Row, by_id, collect, ids, publish, table

# Polars can plan with another package, which is faster, and says so where it is missing.
pytestmark = pytest.mark.filterwarnings("ignore:Iceberg scan planning:polars.exceptions.PerformanceWarning")

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
}


@dataclass(frozen=True)
class Condition:
    """A comparison of a column with a value; `op` is one of ``OPERATORS``, or ``null``."""

    name: str
    op: str
    value: Any = None

    def holds(self, row: Row) -> bool:
        found = row[self.name]
        return found is None if self.op == "null" else found is not None and bool(OPERATORS[self.op](found, self.value))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A stream with every type, in three objects, and its rows as the objects have them."""
    root = tmp_path_factory.mktemp("iceberg é")
    return root, collect(root, CONTRACT, ANSWERS)


def pyiceberg(found: Table, conditions: Sequence[Condition]) -> list[set[int]]:
    # pydantic hides from mypy how these are made.
    null: Callable[..., BooleanExpression] = IsNull
    comparisons: dict[str, Callable[..., BooleanExpression]] = {"==": EqualTo, "<": LessThan, ">=": GreaterThanOrEqual}

    def expression(one: Condition) -> BooleanExpression:
        name = Reference(one.name)
        return null(name) if one.op == "null" else comparisons[one.op](name, one.value)

    return [
        set(found.scan(row_filter=expression(one), selected_fields=("id",)).to_arrow()["id"].to_pylist())
        for one in conditions
    ]


def polars(found: Table, conditions: Sequence[Condition]) -> list[set[int]]:
    def expression(one: Condition) -> pl.Expr:
        column = pl.col(one.name)
        return column.is_null() if one.op == "null" else OPERATORS[one.op](column, one.value)

    return [
        set(pl.scan_iceberg(found).filter(expression(one)).select("id").collect()["id"].to_list()) for one in conditions
    ]


def duckdb(found: Table, conditions: Sequence[Condition]) -> list[set[int]]:
    def sql(one: Condition) -> str:
        name = quoted(one.name)
        return f"{name} IS NULL" if one.op == "null" else f"{name} {one.op} {_literal(one.value)}"

    asked = ask_duckdb(found, [f"SELECT id FROM t WHERE {sql(one)}" for one in conditions])
    return [{row[0] for row in rows} for rows in asked]


READERS = {reader.__name__: reader for reader in (pyiceberg, polars, duckdb)}


def ask_duckdb(found: Table, questions: Sequence[str]) -> list[list[list[Any]]]:
    if not DUCKDB.exists():
        pytest.skip("no DuckDB whose Iceberg extension comes from a package: make readers makes one")
    child = Path(__file__).with_name("ask_duckdb.py")
    done = subprocess.run(
        [DUCKDB, "-I", child, found.metadata_location],
        input=json.dumps([*questions]), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: list[list[list[Any]]] = json.loads(done.stdout)
    return answer


# Reading -------------------------------------------------------------------------------------------


def test_pyiceberg_reads_every_value_as_it_landed(rows: tuple[Path, list[Row]]) -> None:
    root, landed = rows

    assert by_id(table(root).scan().to_arrow().to_pylist()) == landed


def test_polars_reads_every_value_as_it_landed(rows: tuple[Path, list[Row]]) -> None:
    root, landed = rows

    assert by_id(pl.scan_iceberg(table(root)).collect().to_dicts()) == landed
    assert by_id(pl.scan_iceberg(table(root).metadata_location).collect().to_dicts()) == landed


def test_duckdb_reads_every_value_as_it_landed(rows: tuple[Path, list[Row]]) -> None:
    root, landed = rows
    names = [name for name in landed[0] if not name.startswith("_")]

    (found,) = ask_duckdb(table(root), [f"SELECT {', '.join(map(quoted, names))} FROM t ORDER BY id"])

    assert [[plain(value) for value in row] for row in found] == [
        [plain(row[name]) for name in names] for row in landed
    ]


TYPES = {
    "whole": "long", "real": "double", "price": "decimal(38, 18)", "small": "decimal(9, 2)", "yes": "boolean",
    "name": "string", "day": "date", "at": "timestamptz", "local": "timestamp", "raw": "string", "tags": "list<string>",
}  # fmt: skip


def test_each_type_of_a_contract_has_its_type_of_iceberg(rows: tuple[Path, list[Row]]) -> None:
    schema = table(rows[0]).schema()

    found = {field.name: field for field in schema.fields}
    assert {name: str(found[name].field_type) for name in TYPES} == TYPES
    assert [str(schema.find_type(name)) for name in ("pos.x", "pos.city name")] == ["long", "string"]
    assert {name for name, field in found.items() if field.required} == {"_tick", "_row", "_fetched_at"}


def test_the_table_is_partitioned_by_the_day_of_the_tick_as_the_folders_are(rows: tuple[Path, list[Row]]) -> None:
    found = table(rows[0])

    (field,) = found.spec().fields
    assert (field.name, field.transform) == ("tick_date", DayTransform())
    for file in found.inspect.files().to_pylist():
        assert f"data/tick_date={file['partition']['tick_date']}/" in file["file_path"]


def test_no_file_was_copied(rows: tuple[Path, list[Row]]) -> None:
    root, _ = rows
    objects = sorted(str(path) for path in (root / "lake/coisas/data").rglob("*.parquet"))

    assert sorted(file["file_path"] for file in table(root).inspect.files().to_pylist()) == [
        f"file://{o}" for o in objects
    ]
    assert not list((root / "lake/coisas/_iceberg").rglob("*.parquet"))


# Filters -------------------------------------------------------------------------------------------

FILTERED = [
    "whole", "real", "price", "small", "yes", "name", "day", "at", "local", "raw", *ODD, "_tick", "_row",
]  # fmt: skip


DOTTED = [name for name in ODD if "." in name]


def test_pyiceberg_refuses_to_filter_on_a_column_whose_name_has_a_dot(rows: tuple[Path, list[Row]]) -> None:
    for name in DOTTED:
        with pytest.raises(pa.ArrowInvalid, match="No match for FieldRef"):
            # It says so, and that is all that is asked of it here: the how-to names this limit.
            pyiceberg(table(rows[0]), [Condition(name, "null")])
    assert DOTTED


@pytest.mark.parametrize("reader", READERS)
def test_no_filter_loses_a_row(rows: tuple[Path, list[Row]], reader: str) -> None:
    root, landed = rows
    asked = []
    for name in FILTERED:
        if reader == "pyiceberg" and name in DOTTED:
            continue
        asked.append(Condition(name, "null"))
        for value in {row[name] for row in landed} - {None}:
            asked += [Condition(name, op, value) for op in OPERATORS if op == "==" or not isinstance(value, bool)]

    found = READERS[reader](table(root), asked)

    expected = [{row["id"] for row in landed if one.holds(row)} for one in asked]
    assert dict(zip(map(str, asked), found, strict=True)) == dict(zip(map(str, asked), expected, strict=True))


@pytest.mark.parametrize("reader", READERS)
def test_rows_from_before_a_column_came_are_null_there(reader: str, tmp_path: Path) -> None:
    publish(tmp_path, {"id": "int", "pos": {"fields": {"x": "int"}}}, ['[{"id": 1, "pos": {"x": 1}}]'])
    wider = {"id": "int", "pos": {"fields": {"x": "int", "y": "float?"}}, "na loja é": "int?", "tags": "list[int]?"}
    answer = '[{"id": 2, "pos": {"x": 2, "y": 1.5}, "na loja é": 5, "tags": [1]}, {"id": 3, "pos": {"x": 3}}]'

    publish(tmp_path, wider, [answer])

    conditions = [Condition("na loja é", "null"), Condition("na loja é", "==", 5), Condition("id", "<", 3)]
    assert READERS[reader](table(tmp_path), conditions) == [{1, 3}, {2}, {1, 2}]
    found = by_id(table(tmp_path).scan().to_arrow().to_pylist())
    assert [row["pos"] for row in found] == [{"x": 1, "y": None}, {"x": 2, "y": 1.5}, {"x": 3, "y": None}]
    assert [row["tags"] for row in found] == [None, [1], None]


def test_a_day_is_found_by_its_partition_alone(rows: tuple[Path, list[Row]]) -> None:
    root, landed = rows
    newest = max(row["_tick"] for row in landed)

    later = table(root).scan(row_filter=f"_tick >= '{newest.replace(year=newest.year + 1).isoformat()}'")

    assert list(later.plan_files()) == []
    assert len(list(table(root).scan(row_filter=AlwaysTrue()).plan_files())) == 3
    assert ids(root) == [1, 2, 3, 4, 5]
