"""The readers that a registered table is held against: what each finds under a condition, by `id`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, QueryBuilder

Row = Mapping[str, Any]

DUCKDB = Path(__file__).parents[2] / ".venv-delta" / "bin" / "python"
"""Made by `make readers`: a DuckDB of its own, whose extension comes from a package."""


@dataclass(frozen=True)
class Condition:
    """A comparison of one column (a path leads into a struct) with a value; `op` is one of Python's, or ``null``."""

    path: tuple[str, ...]
    op: str
    value: Any = None

    def holds(self, row: Row) -> bool:
        """What SQL says of `row`: nothing is compared with null."""
        found: Any = row
        for name in self.path:
            found = None if found is None else found[name]
        if self.op == "null":
            return found is None
        return found is not None and OPERATORS[self.op](found, self.value)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
}


def pyarrow(place: Path, conditions: Sequence[Condition]) -> list[set[int]]:
    """By the dataset that deltalake makes for pyarrow, which leaves files out by their statistics."""
    dataset = DeltaTable(str(place)).to_pyarrow_dataset()

    def expression(one: Condition) -> ds.Expression:
        field = ds.field(*one.path) if len(one.path) > 1 else ds.field(one.path[0])
        return field.is_null() if one.op == "null" else OPERATORS[one.op](field, one.value)

    return [set(dataset.to_table(columns=["id"], filter=expression(one))["id"].to_pylist()) for one in conditions]


def polars(place: Path, conditions: Sequence[Condition]) -> list[set[int]]:
    """By a lazy scan, which leaves files out too."""

    def expression(one: Condition) -> pl.Expr:
        column = pl.col(one.path[0])
        for name in one.path[1:]:
            column = column.struct.field(name)
        return column.is_null() if one.op == "null" else OPERATORS[one.op](column, one.value)

    found = [pl.scan_delta(str(place)).filter(expression(one)).select("id").collect() for one in conditions]
    return [set(one["id"].to_list()) for one in found]


def datafusion(place: Path, conditions: Sequence[Condition]) -> list[set[int]]:
    """By delta-rs itself."""
    builder = QueryBuilder().register("t", DeltaTable(str(place)))
    found = [builder.execute(f"SELECT id FROM t WHERE {_sql(one)}").read_all() for one in conditions]
    return [set(one["id"].to_pylist()) for one in found]


def duckdb(place: Path, conditions: Sequence[Condition]) -> list[set[int]]:
    """By DuckDB's own reader of Delta."""
    found = ask_duckdb(place, [f"SELECT id FROM t WHERE {_sql(one)}" for one in conditions])
    return [{row[0] for row in rows} for rows in found]


def ask_duckdb(place: Path, questions: Iterable[str]) -> list[list[list[Any]]]:
    """The rows that DuckDB gives for each of `questions`."""
    if not DUCKDB.exists():
        pytest.skip("no DuckDB whose Delta extension comes from a package: make readers makes one")
    child = Path(__file__).with_name("ask_duckdb.py")
    done = subprocess.run(
        [DUCKDB, "-I", child, place], input=json.dumps([*questions]), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[list[list[Any]]] = json.loads(done.stdout)
    return found


READERS = {reader.__name__: reader for reader in (pyarrow, polars, datafusion, duckdb)}


def _sql(one: Condition) -> str:
    first, *rest = one.path
    column = f"t.{quoted(first)}" + "".join(f"['{name}']" for name in rest)
    if one.op == "null":
        return f"{column} IS NULL"
    return f"{column} {'=' if one.op == '==' else one.op} {_literal(one.value)}"


def quoted(name: str) -> str:
    """A column's name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    match value:
        case bool():
            return str(value).upper()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime():
            zone = " WITH TIME ZONE" if value.tzinfo is not None else ""
            return f"CAST('{value.isoformat()}' AS TIMESTAMP{zone})"
        case date():
            return f"CAST('{value.isoformat()}' AS DATE)"
        case Decimal():
            scale = -int(value.as_tuple().exponent)
            return f"CAST('{value:f}' AS DECIMAL({38 if scale > 9 else 18},{scale}))"
        case float():
            return f"CAST('{value!r}' AS DOUBLE)"
    return str(value)
