from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from coleta.cli.program import quoted
from coleta.cli.screen import Screen, error_lines, printable, table, to_json
from coleta.cli.span import parse_span
from coleta.cli.verdict import gap_error
from coleta.errors import ColetaError, Misconfigured

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_an_error_says_what_where_and_what_to_try_a_line_each() -> None:
    error = Misconfigured("line 3: no such key\nline 7: no such type", where="coleta.toml", hint="look there")

    assert error_lines(error) == [
        "error: line 3: no such key",
        "       line 7: no such type",
        "  where: coleta.toml",
        "  try: look there",
    ]
    assert error_lines(ColetaError("only this")) == ["error: only this"]


def test_values_in_json_are_exact_and_instants_are_in_utc() -> None:
    value = {"at": NOON, "micro": NOON + timedelta(microseconds=1), "day": date(2026, 11, 24), "price": Decimal("1.10")}

    assert json.loads(to_json(value)) == {
        "at": "2026-11-24T12:00:00Z",
        "micro": "2026-11-24T12:00:00.000001Z",
        "day": "2026-11-24",
        "price": "1.10",
    }


def test_a_table_has_its_numbers_to_the_right_and_no_blanks_at_the_ends_of_lines() -> None:
    assert table(("NAME", "ROWS"), [("a", 5), ("longer", 1234)]) == "NAME    ROWS\na          5\nlonger  1234"
    assert table(("NAME", "WHY"), [("a", None)]) == "NAME  WHY\na"


def test_a_long_value_is_cut_and_a_line_break_in_it_breaks_no_table() -> None:
    assert table(("V",), [("x" * 50,)], longest=10).splitlines()[1] == "x" * 9 + "…"
    assert len(table(("V",), [("a\nb",)]).splitlines()) == 2


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\x9b1m", "\u202e", "\r"])
def test_control_characters_of_an_api_never_reach_the_terminal(evil: str) -> None:
    assert evil not in printable(f"before{evil}after")
    assert "\\" in printable(evil)


def test_portuguese_stays_as_it_is() -> None:
    assert printable("câmera, não é\tsó") == "câmera, não é\tsó"


def test_with_json_stdout_holds_one_document_and_an_error_adds_no_second(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.json = True
    screen.out("a table")
    screen.document({"a": 1})
    screen.error(Misconfigured("wrong"))

    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert err == "error: wrong\n"


def test_with_json_an_error_before_any_document_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.json = True
    screen.error(Misconfigured("wrong", where="there"))

    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"], error["exit_status"]) == ("misconfigured", "there", 78)


def test_what_is_no_terminal_gets_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.out("fine", style="good")
    screen.note("not fine", style="bad")

    assert capsys.readouterr() == ("fine\n", "not fine\n")


@pytest.mark.parametrize(("text", "seconds"), [("3s", 3), ("5m", 300), ("1h", 3600)])
def test_a_span_is_a_number_and_its_unit(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


def test_a_suggested_command_is_one_word_for_the_shell() -> None:
    assert quoted("FROM 'a b'") == "\"FROM 'a b'\""
    assert quoted("costs $5") == "'costs $5'"


@pytest.mark.parametrize(("reason", "status"), [("auth", 77), ("secret", 77), ("http_500", 69), ("dns", 69)])
def test_a_gap_that_a_person_with_credentials_must_cure_is_77_and_any_other_69(reason: str, status: int) -> None:
    assert gap_error(reason, None, tick="2026-11-24T12:00:00Z").exit_status == status
