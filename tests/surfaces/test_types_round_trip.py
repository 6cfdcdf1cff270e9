"""Each type of a contract from JSON, through the whole program, to Parquet, to DuckDB, and back to JSON values."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from coleta import Project
from coleta.cli.screen import to_json


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """An API on loopback that answers `body` whatever it is asked; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/records"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Landed:
    """What became of one answer."""

    project: Project
    rows: list[dict[str, Any]]
    """The rows as DuckDB gives them, turned into JSON and read again."""
    column: str
    """The type of the first column, as Parquet has it."""
    sql: str
    """The same as DuckDB has it."""
    reasons: list[tuple[int | None, str | None, str]]


Collect = Callable[..., Landed]
Write = Callable[..., Path]


@pytest.fixture
def collect(tmp_path: Path) -> Collect:
    """Collects an answer (JSON text) under a contract, and reads what landed by way of DuckDB."""

    def collecting(contract: dict[str, object], answer: str, **more: object) -> Landed:
        with answering(answer.encode()) as url:
            stream = {"url": url, "every": "1m", "deadline": "1s", "contract": contract, "budget": 1.0, **more}
            project = Project.define(
                "types",
                root=tmp_path,
                store={"lake": {"url": "file://./lake"}},
                spool={"allow_tmpfs": True},
                stream={"things": stream},
            )
            result = project.settle("things")
        assert result.object is not None
        stored = pq.read_schema(tmp_path / "lake" / "things" / result.object)
        found = project.query("SELECT * EXCLUDE (_tick, _row, _fetched_at) FROM things ORDER BY _row")
        (kind,) = project.query(f"SELECT typeof({stored.names[0]}) AS t FROM things LIMIT 1").to_pylist() or [{"t": ""}]
        return Landed(
            project=project,
            rows=json.loads(to_json(found.to_pylist())),
            column=str(stored.field(0).type),
            sql=kind["t"],
            reasons=[(one.row, one.path, one.reason) for one in project.quarantine("things")],
        )

    return collecting


VALUES = {
    "an int keeps all 64 bits": ("int", "[9223372036854775807, -9223372036854775808, 0]", "int64", "BIGINT", None),
    "a float keeps its bits, and an int is one": (
        "float", "[0.1, 1e300, -2.5, 7]", "double", "DOUBLE", [0.1, 1e300, -2.5, 7.0]
    ),
    "a decimal stays exact, written as number or text": (
        "decimal(12,3)", '[123456789.125, "0.001", -5]', "decimal128(12, 3)", "DECIMAL(12,3)",
        ["123456789.125", "0.001", "-5.000"],
    ),
    "a bool is true or false": ("bool", "[true, false]", "bool", "BOOLEAN", None),
    "a text keeps every character": (
        "str", r'["São Paulo", "", "\u0000\n\"", "\ud83d\ude00"]', "string", "VARCHAR", None
    ),
    "a date is a day": ("date", '["2026-02-28", "1969-12-31"]', "date32[day]", "DATE", None),
    "a timestamp is an instant in UTC, to the microsecond": (
        "timestamp", '["2026-11-24T09:00:00.123456-03:00", "1969-12-31T23:59:59Z"]',
        "timestamp[us, tz=UTC]", "TIMESTAMP WITH TIME ZONE",
        ["2026-11-24T12:00:00.123456Z", "1969-12-31T23:59:59Z"],
    ),
    "a local timestamp has no zone and gets none": (
        "local_timestamp", '["2026-11-24T09:00:00.5", "2026-03-29T02:30:00"]', "timestamp[us]", "TIMESTAMP",
        ["2026-11-24T09:00:00.500000", "2026-03-29T02:30:00"],
    ),
    "json keeps the value's own text": (
        "json", '[{"b": 1.0, "a": [true, null]}, "x", 1e2]', "string", "VARCHAR",
        ['{"b": 1.0, "a": [true, null]}', '"x"', "1e2"],
    ),
    "a list keeps its order and its length": (
        "list[int]", "[[3, 1, 2], []]", "list<element: int64 not null>", "BIGINT[]", None
    ),
    "a list may hold nulls where its item may be null": (
        "list[str?]", '[["a", null], [null]]', "list<element: string>", "VARCHAR[]", None
    ),
    "a struct keeps its fields": (
        {"type": "struct", "fields": {"login": "str", "age": "int?"}},
        '[{"login": "ana", "age": 7}, {"login": "rui", "age": null}]',
        "struct<login: string not null, age: int64>", "STRUCT(login VARCHAR, age BIGINT)", None,
    ),
    "a list of structs that hold lists keeps all of it": (
        {"type": "list", "item": {"type": "struct", "fields": {"sku": "str", "tags": "list[str]"}}},
        '[[{"sku": "a", "tags": ["x", "y"]}, {"sku": "b", "tags": []}]]',
        "list<element: struct<sku: string not null, tags: list<element: string not null> not null> not null>",
        "STRUCT(sku VARCHAR, tags VARCHAR[])[]", None,
    ),
}  # fmt: skip
"""What is said, the type, the values as JSON, the columns in Parquet and in DuckDB, and the values at the end:
None where those are the very same."""


@pytest.mark.parametrize("said", VALUES)
def test_values_come_back_as_they_were_sent(collect: Collect, said: str) -> None:
    kind, sent, column, sql, expected = VALUES[said]
    values = json.loads(sent) if expected is None else expected
    # Cut from the text, so that what is sent is written as it stands above.
    records = ", ".join(f'{{"v": {text}}}' for text in pieces(sent))

    landed = collect({"v": kind}, f"[{records}]")

    assert landed.reasons == []
    assert (landed.column, landed.sql) == (column, sql)
    assert [row["v"] for row in landed.rows] == values


def pieces(array: str) -> list[str]:
    """The elements of a JSON array, as they are written."""
    decoder, found, at = json.JSONDecoder(), [], 1
    while at < len(array) - 1:
        _, end = decoder.raw_decode(array, at)
        found.append(array[at:end])
        at = end + 2
    return found


REFUSED = {
    "a text is no int": ("int", '"12"'),
    "a broken number is no int": ("int", "12.5"),
    "true is no int": ("int", "true"),
    "an int beyond 64 bits is none": ("int", "9223372036854775808"),
    "a number beyond float64 is none": ("float", "1e400"),
    "a text is no float": ("float", '"1.5"'),
    "a decimal with too many places is none": ("decimal(5,2)", "1.234"),
    "a number is no bool": ("bool", "1"),
    "a number is no text": ("str", "7"),
    "a day that there is not is no date": ("date", '"2026-02-30"'),
    "a time without a zone is no instant": ("timestamp", '"2026-11-24T09:00:00"'),
    "a time with a zone is no local one": ("local_timestamp", '"2026-11-24T09:00:00Z"'),
    "a list with one wrong item is none": ("list[int]", '[1, "2"]'),
    "a struct without a field is none": ({"type": "struct", "fields": {"a": "int"}}, "{}"),
    "null is no value where it may not be": ("int", "null"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_not_of_the_type_is_never_made_to_fit(collect: Collect, said: str) -> None:
    kind, value = REFUSED[said]
    good = {"int": "1", "float": "1", "bool": "true", "str": '"a"', "date": '"2026-01-01"', "list[int]": "[]"}
    good |= {"timestamp": '"2026-01-01T00:00:00Z"', "local_timestamp": '"2026-01-01T00:00:00"', "decimal(5,2)": "1"}
    fine = good[kind] if isinstance(kind, str) else '{"a": 1}'

    landed = collect({"v": kind}, f'[{{"v": {fine}}}, {{"v": {value}}}]')

    assert len(landed.rows) == 1
    assert [row for row, _, _ in landed.reasons] == [1]
    (kept,) = landed.project.query("SELECT raw FROM things_quarantine").to_pylist()
    assert kept["raw"] == f'{{"v": {value}}}'


def test_a_field_deep_in_a_record_is_selected_and_renamed_by_its_path(collect: Collect) -> None:
    contract = {"id": "int", "login": {"type": "str", "path": "$.user.login"}}

    landed = collect(contract, '[{"id": 1, "user": {"login": "ana", "mail": "a@b"}}, {"id": 2, "user": {}}]')

    assert landed.rows == [{"id": 1, "login": "ana"}]
    assert landed.reasons == [(1, "$.user.login", "missing")]


def test_a_path_alone_selects_a_text_and_a_type_before_it_selects_that_type(collect: Collect) -> None:
    contract = {"login": "$.user.login", "id": "int $.user.id", "price": "decimal(9,2)? $.cost"}
    sent = [
        '{"user": {"login": "ana", "id": 9007199254740993}, "cost": 12345.67}',
        '{"user": {"login": "rui", "id": 2}}',
        '{"user": {"login": 7, "id": 3}}',
        '{"user": {"login": "eva", "id": "4"}}',
    ]

    landed = collect(contract, f"[{', '.join(sent)}]")

    assert landed.rows == [
        {"login": "ana", "id": 9007199254740993, "price": "12345.67"},
        {"login": "rui", "id": 2, "price": None},
    ]
    assert (landed.column, landed.sql) == ("string", "VARCHAR")
    assert landed.reasons == [(2, "$.user.login", "type"), (3, "$.user.id", "type")]


def test_the_short_form_of_a_field_works_in_the_project_file(write_project: Write) -> None:
    with answering(b'[{"user": {"login": "ana", "id": 5}}]') as url:
        made = write_project(url=url)
        text = (made / "coleta.toml").read_text(encoding="utf-8")
        contract = 'contract = { login = "$.user.login", id = "int $.user.id" }\n'
        (made / "coleta.toml").write_text(re.sub(r"contract = .*\n", contract, text), encoding="utf-8")
        project = Project.load(made)
        project.run("compras")

    assert project.table("compras").to_arrow(["login", "id"]).to_pylist() == [{"login": "ana", "id": 5}]


def test_what_may_be_absent_or_null_lands_as_null(collect: Collect) -> None:
    landed = collect({"id": "int", "note": "str?"}, '[{"id": 1}, {"id": 2, "note": null}, {"id": 3, "note": "x"}]')

    assert [row["note"] for row in landed.rows] == [None, None, "x"]


UNKNOWN = '[{"id": 1, "x": {"y": [1, 2.50]}, "z": null}, {"id": 2}]'


def test_fields_that_the_contract_does_not_name_are_dropped_and_counted(collect: Collect) -> None:
    landed = collect({"id": "int"}, UNKNOWN, unknown="drop")

    assert landed.rows == [{"id": 1}, {"id": 2}]


def test_fields_that_the_contract_does_not_name_are_kept_as_json(collect: Collect) -> None:
    landed = collect({"id": "int"}, UNKNOWN, unknown="keep")

    first, second = landed.rows
    assert json.loads(first["_extra"]) == {"x": {"y": [1, 2.5]}, "z": None}
    assert second["_extra"] in (None, "{}")
    assert landed.project.query("SELECT CAST(_extra->'x'->'y'->1 AS DOUBLE) AS y FROM things LIMIT 1").to_pylist() == [
        {"y": 2.5}
    ]


def test_an_answer_with_fields_that_the_contract_does_not_name_is_rejected_where_that_is_asked(
    collect: Collect,
) -> None:
    landed = collect({"id": "int"}, UNKNOWN, unknown="reject")

    assert landed.rows == []
    assert [tick.outcome for tick in landed.project.history("things")] == ["rejected"]
    (page,) = landed.project.quarantine("things")
    assert (page.row, page.raw) == (None, UNKNOWN.encode())


def test_bad_values_become_null_where_that_is_asked_and_good_ones_stay(collect: Collect) -> None:
    landed = collect({"id": "int", "price": "float"}, '[{"id": 1, "price": "x"}]', on_violation="null")

    assert landed.rows == [{"id": 1, "price": None}]


def test_a_record_in_the_quarantine_is_traced_by_the_value_that_is_only_written_as_text(collect: Collect) -> None:
    project = collect({"ean": "int"}, '[{"ean": 7}, {"ean": "7"}, {"ean": 8}, {"ean": "x"}]').project

    landed, kept = project.trace("things", {"ean": "7"})

    assert (landed.row, landed.file) == (0, None)
    assert (kept.row, kept.path, kept.reason, kept.record) == (1, "$.ean", "type", '{"ean": "7"}')
    assert kept.file == next(project.quarantine("things")).file
