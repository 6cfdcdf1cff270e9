"""Records that are lines of JSON, or rows of CSV: what they become, and what is no record."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.envelope import NotData, Page, look
from coleta.collect.formats import arrays_of, records_of
from coleta.collect.marks import raw_records
from coleta.contract.types import Bool, Contract, Date, Decimal, Field, Float, Int, Str
from coleta.land.decode import NotRecords, decode
from coleta.land.sieve import sieved
from coleta.terms import Terms, canonical

CONTRACT = Contract((Field("id", Int()), Field("name", Str())))
LINES = Terms(CONTRACT, format="ndjson")
ROWS = Terms(CONTRACT, format="csv")
MANY = Terms(
    Contract(
        (
            Field("i", Int(), nullable=True),
            Field("f", Float(), nullable=True),
            Field("b", Bool(), nullable=True),
            Field("d", Decimal(9, 2), nullable=True),
            Field("t", Date(), nullable=True),
            Field("s", Str(), nullable=True),
        )
    ),
    format="csv",
)


def landed(
    body: bytes, terms: Terms, *, window_bytes: int = 1 << 20
) -> tuple[list[dict[str, object]], list[tuple[int, str, object]]]:
    pieces = list(decode([body], terms, window_bytes=window_bytes))
    rows = [row for piece in pieces for row in piece.columns.to_pylist()]
    return rows, [(one.row, one.reason, one.raw) for piece in pieces for one in piece.rejects]


def test_each_line_is_a_record_and_a_bad_one_keeps_its_very_bytes() -> None:
    body = b'\xef\xbb\xbf{"id": 1, "name": "a"}\r\n\n  {"id":2,"name":"\xc3\xbc"}\n'
    body += b'{"id": "3",  "name": "c"}\n{"id":NaN,"name":"d"}'

    rows, rejects = landed(body, LINES)

    assert rows == [{"id": 1, "name": "a"}, {"id": 2, "name": "ü"}]
    assert [(row, raw) for row, _, raw in rejects] == [(2, b'{"id": "3",  "name": "c"}'), (3, b'{"id":NaN,"name":"d"}')]
    assert look(body, LINES) == Page(4)
    assert len(raw_records(body, LINES)) == 4


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":1,"name":"a"}\n{"id":2',
        b'{"id":1,"name":"a"},{"id":2,"name":"b"}',
        b'{"id":1,"name":"a"} {"id":2,"name":"b"}',
        b'{"id":[1\n2],"name":"a"}\n{"id":1},{"id":2}',
        b'[{"id":1,\n"name":"a"}]',
        b"<html>\n</html>",
        b'{"id":1,"name":"\xff"}',
    ],
)
def test_a_line_that_is_not_one_value_makes_the_answer_no_data(body: bytes) -> None:
    with pytest.raises(NotRecords):
        list(decode([body], LINES))
    assert isinstance(look(body, LINES), NotData)


def test_a_single_line_with_an_error_is_no_record() -> None:
    assert isinstance(look(b'{"error": "quota"}\n', LINES), NotData)
    assert look(b'{"id": 1, "error": null}\n', LINES) == Page(1)


@given(st.lists(st.integers(), max_size=30), st.integers(1, 200))
def test_lines_come_whole_however_they_are_cut_into_arrays(values: list[int], size: int) -> None:
    body = "\n".join(json.dumps({"id": value}) for value in values).encode()

    arrays = list(arrays_of(body, LINES, size))

    assert [one["id"] for array in arrays for one in json.loads(array)] == values
    assert len(arrays) >= 1


def test_a_cell_is_what_the_contract_wants_if_it_spells_that_and_nothing_is_guessed() -> None:
    good = b"i,f,b,d,t,s\r\n-12,1.5e3,true,12.50,2026-11-24,a\r\n9007199254740993,2,false,0.01,2026-01-01,12\r\n"

    rows, rejects = landed(good, MANY)

    assert [list(map(str, row.values())) for row in rows] == [
        ["-12", "1500.0", "True", "12.50", "2026-11-24", "a"],
        ["9007199254740993", "2.0", "False", "0.01", "2026-01-01", "12"],
    ]
    assert rejects == []


@pytest.mark.parametrize(
    "row",
    [
        b"012,,,,,",
        b"+1,,,,,",
        b"1.5,,,,,",
        b" 1,,,,,",
        b',"1,5",,,,',
        b",.5,,,,",
        b",,True,,,",
        b",,1,,,",
        b",,,,24/11/2026,",
        b"9223372036854775808,,,,,",
    ],
)
def test_a_cell_that_spells_something_else_breaks_the_contract(row: bytes) -> None:
    rows, rejects = landed(b"i,f,b,d,t,s\n" + row, MANY)

    assert rows == []
    assert len(rejects) == 1


def test_an_empty_cell_is_null_and_one_in_quotes_is_a_text() -> None:
    rows, _ = landed(b'i,f,b,d,t,s\n,,,,,\n,,,,,""\n', MANY)
    assert [row["s"] for row in rows] == [None, ""]

    rows, rejects = landed(b"id,name\n1,\n,b\n", ROWS)
    assert rows == [{"id": 1, "name": ""}]
    assert len(rejects) == 1


def test_a_row_of_another_length_is_no_record_and_the_others_land() -> None:
    rows, rejects = landed(b"id,name\n1,a\n2\n3,c,d\n4,e\n", ROWS)

    assert [row["id"] for row in rows] == [1, 4]
    assert [row for row, _, _ in rejects] == [1, 2]


def test_names_come_from_the_first_row_or_from_the_terms_and_signs_between_cells_may_be_others() -> None:
    named = replace(ROWS, columns=("name", "id"), delimiter=";")

    assert landed(b"a,b;1\n", named)[0] == [{"id": 1, "name": "a,b"}]
    assert landed(b"name , x,id\na,y,1\n", ROWS)[0] == [{"id": 1, "name": "a"}]
    assert landed(b"name\tid\na\t1", replace(ROWS, delimiter="\t"))[0] == [{"id": 1, "name": "a"}]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"id,name\n", 0),
        (b"id,name", 0),
        (b"id,name\n1,a", 1),
        (b"id,name\n\n1,a\n\n", 1),
        (b"id,name\r1,a\r", 1),
    ],
)
def test_rows_are_counted_as_they_land(body: bytes, count: int) -> None:
    assert look(body, ROWS) == Page(count)
    assert len(landed(body, ROWS)[0]) == count


@pytest.mark.parametrize(
    "body", [b'id,name\n1,"a', b'id,name\n1,"a"b\n', b'id,name\n1,a"b\n', b"id,id\n1,2\n", b"id,name\n1,\xff"]
)
def test_what_is_no_csv_is_no_data(body: bytes) -> None:
    assert isinstance(look(body, ROWS), NotData)
    with pytest.raises(NotRecords):
        list(decode([body], ROWS))


CELLS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8), min_size=2, max_size=2
)


@given(st.lists(CELLS, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_whatever_another_writes_as_csv_is_read_as_it_was(rows: list[list[str]], mark: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    terms = Terms(Contract((Field("a", Str()), Field("b", Str()))), format="csv", delimiter=mark)

    seen = [json.loads(one) for one in records_of(text.getvalue().encode(), terms)]

    assert seen == [{"a": a, "b": b} for a, b in rows]


@pytest.mark.parametrize(
    ("body", "terms"), [(b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}', LINES), (b"id,name\n1,a\n2,b\n", ROWS)]
)
def test_records_that_are_known_are_kept_out_of_any_format(body: bytes, terms: Terms) -> None:
    pieces = list(sieved([body], terms, lambda raw: b'"b"' in raw))

    assert [row for piece in pieces for row in piece.columns.to_pylist()] == [{"id": 2, "name": "b"}]


def test_terms_of_json_have_the_digest_that_they_always_had() -> None:
    assert canonical(Terms(CONTRACT)) == canonical(replace(LINES, format=Terms(CONTRACT).format))
    assert b"format" not in canonical(Terms(CONTRACT))
    assert b"delimiter" not in canonical(Terms(CONTRACT))
    assert Terms.from_json(canonical(ROWS)) == ROWS
    assert Terms.from_json(canonical(Terms(CONTRACT))) == Terms(CONTRACT)
