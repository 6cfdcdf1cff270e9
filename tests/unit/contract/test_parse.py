"""Contracts as people write them."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping

import pytest

from coleta.contract.describe import describe
from coleta.contract.parse import parse_contract
from coleta.contract.types import (
    Bool,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    List,
    Rules,
    Str,
    Struct,
    Timestamp,
    type_names,
)
from coleta.errors import Misconfigured


def mistakes(table: Mapping[str, object]) -> str:
    with pytest.raises(Misconfigured) as caught:
        parse_contract(table)
    return str(caught.value)


@pytest.mark.parametrize("word", sorted(type_names))
def test_a_word_names_its_type(word: str) -> None:
    assert parse_contract({"v": word}).fields == (Field("v", type_names[word]),)


def test_pythons_own_types_are_understood() -> None:
    table = {"a": int, "b": float, "c": str, "d": bool, "e": datetime.date, "f": datetime.datetime}

    assert [field.type for field in parse_contract(table).fields] == [
        *(Int(), Float(), Str(), Bool(), Date(), Timestamp())
    ]


def test_a_question_mark_means_optional_and_nullable() -> None:
    assert parse_contract({"v": "int?"}).fields == (Field("v", Int(), required=False, nullable=True),)
    assert parse_contract({"v": {"type": "int?"}}) == parse_contract({"v": "int?"})


def test_decimals_and_lists_are_words_too() -> None:
    assert parse_contract({"v": "decimal(9, 2)"}).fields[0].type == Decimal(9, 2)
    assert parse_contract({"v": "list[decimal(9,2)?]?"}).fields[0] == Field(
        "v", List(Field("item", Decimal(9, 2), nullable=True)), required=False, nullable=True
    )


@pytest.mark.parametrize(
    ("short", "table"),
    [
        ("$.user.login", {"type": "str", "path": "$.user.login"}),
        ("  int  $.user.id ", {"type": "int", "path": "$.user.id"}),
        ("decimal(9, 2)? $.price", {"type": "decimal(9,2)?", "path": "$.price"}),
        ("list[str?]? $['the tags'].all", {"type": "list[str?]?", "path": "$['the tags'].all"}),
        ("$['admin?']", {"type": "str", "path": "$['admin?']"}),
    ],
)
def test_a_path_alone_or_after_its_type_is_short_for_a_table(short: str, table: Mapping[str, object]) -> None:
    assert parse_contract({"v": short}) == parse_contract({"v": table})


def test_a_table_says_all_that_can_be_said() -> None:
    table = {
        "login": {"type": "str", "path": "$.user['the name']", "required": False, "pattern": "a", "max_length": 3},
        "price": {"type": "float", "nullable": True, "min": 0, "max": 9.5, "enum": [1, 2.5]},
        "place": {"fields": {"city": "str", "n": {"type": "int", "min": 1}}},
        "items": {"type": "list", "item": {"fields": {"n": "int"}}, "min_length": 1},
    }

    assert parse_contract(table).fields == (
        Field("login", Str(), required=False, path=("user", "the name"), rules=Rules(pattern="a", max_length=3)),
        Field("price", Float(), nullable=True, rules=Rules(minimum=0, maximum=9.5, enum=(1, 2.5))),
        Field("place", Struct((Field("city", Str()), Field("n", Int(), rules=Rules(minimum=1))))),
        Field("items", List(Field("item", Struct((Field("n", Int()),)))), rules=Rules(min_length=1)),
    )


def test_all_mistakes_are_told_at_once_with_the_nearest_right_word() -> None:
    said = mistakes({"a": "integer", "b": "timestmp", "c": {"type": "int", "mni": 1}, "d": "string", "e": "int"})

    assert "4 mistakes" in said
    for line in ("a: unknown type 'integer'", "'timestamp'", "c: unknown key 'mni'; did you mean 'min'", "'str'"):
        assert line in said
    assert "e:" not in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "no fields"),
        ({"_tick": "str"}, "reserved"),
        ({"_id": "str"}, 'id = { type = "str", path = "$._id" }'),
        ({"": "str"}, "not empty"),
        ({'a"b': "str"}, "quotes"),
        ({"a": 5}, "5 is no type"),
        ({"a": None}, "None is no type"),
        ({"a": list}, "no type"),
        ({"a": decimal.Decimal}, "decimal(9,2)"),
        ({"a": "$.user.login?"}, "write \"str? $.user.login\" for what may be absent or null, or $['…?']"),
        ({"a": "int? $.user.id?"}, 'write "int? $.user.id"'),
        ({"a": "$.list[0]"}, "lists cannot be entered"),
        ({"a": "integer $.id"}, "unknown type 'integer'; did you mean 'int'"),
        ({"a": "struct $.place"}, "needs its fields"),
        ({"a": "int$.id"}, "unknown type 'int$.id'"),
        ({"a": {"type": "$.id"}}, "'$.id' is a path, not a type"),
        ({"a": {"fields": {"b": "$.c"}}}, "a.b: path is for a record's own fields"),
        ({"a": {"item": "int $.c"}}, "a: path is for a record's own fields"),
        ({"a": "$.user.login", "user": "json"}, "select each value once"),
        ({"a": "struct"}, "needs its fields"),
        ({"a": {"type": "struct"}}, "needs its fields"),
        ({"a": {"fields": {}}}, "needs its fields"),
        ({"a": {"type": "list"}}, "needs its item"),
        ({"a": "list"}, "unknown type 'list'; did you mean 'list"),
        ({"a": "list[itn]"}, "'int'"),
        ({"a": {"min": 1}}, "no type"),
        ({"a": "decimal(39,2)"}, "1 to 38"),
        ({"a": "decimal(0,0)"}, "1 to 38"),
        ({"a": "decimal(3,4)"}, "after the point"),
        ({"a": {"type": "int", "required": 1}}, "true or false"),
        ({"a": {"type": "int", "min": 0.5}}, "integer within 64 bits"),
        ({"a": {"type": "int", "max": 2**63}}, "integer within 64 bits"),
        ({"a": {"type": "int", "min": True}}, "is a number"),
        ({"a": {"type": "float", "min": float("nan")}}, "is a number"),
        ({"a": {"type": "int", "min": 2, "max": 1}}, "nothing could land"),
        ({"a": {"type": "str", "min_length": 2, "max_length": 1}}, "nothing could land"),
        ({"a": {"type": "str", "min": 2}}, "min cannot be asked"),
        ({"a": {"type": "int", "pattern": "x"}}, "pattern cannot be asked"),
        ({"a": {"type": "str", "pattern": "("}}, "no regular expression"),
        ({"a": {"type": "str", "pattern": 1}}, "pattern is a text"),
        ({"a": {"type": "str", "max_length": -1}}, "from 0 up"),
        ({"a": {"type": "str", "enum": "ab"}}, "list"),
        ({"a": {"type": "str", "enum": []}}, "at least one"),
        ({"a": {"type": "int", "enum": [1, "2"]}}, "can never be"),
        ({"a": {"type": "int", "enum": [True]}}, "can never be"),
        ({"a": {"type": "int", "fields": {"b": "int"}}}, "belongs to a struct"),
        ({"a": {"type": "str", "path": "user.login"}}, "no path"),
        ({"a": {"type": "str", "path": "$.a[0]"}}, "no path"),
        ({"a": {"type": "str", "path": "$"}}, "no path"),
        ({"a": {"fields": {"b": {"type": "str", "path": "$.c"}}}}, "a.b: path is for a record's own fields"),
        ({"a": "json", "b": {"type": "str", "path": "$.a.b"}}, "select each value once"),
        ({"b": {"type": "str", "path": "$.a.b"}, "a": "json"}, "select each value once"),
        ({"a": "str", "b": {"type": "str", "path": "$.a"}}, "select each value once"),
    ],
)
def test_what_is_not_understood_is_refused(table: Mapping[str, object], said: str) -> None:
    assert said in mistakes(table)
    assert "has 1 mistake:" in mistakes(table)


def test_a_field_of_a_struct_may_begin_with_an_underscore() -> None:
    assert parse_contract({"a": {"fields": {"_id": "str"}}})


def test_a_contract_is_described_a_line_a_field() -> None:
    contract = parse_contract(
        {
            "ean": "int",
            "login": {"type": "str?", "path": "$.user.login", "enum": ["a", "b"]},
            "price": {"type": "decimal(9,2)", "min": 0, "max": 5},
            "tags": {"type": "list[str?]", "min_length": 1, "max_length": 2},
            "place": {"fields": {"city": "str", "n": "int?"}},
            "name": {"type": "str", "pattern": "^a"},
        }
    )

    assert describe(contract) == [
        ("ean", "int", ""),
        ("login", "str", "from $.user.login, may be absent, may be null, one of 'a', 'b'"),
        ("price", "decimal(9,2)", "at least 0, at most 5"),
        ("tags", "list[str?]", "length at least 1, length at most 2"),
        ("place", "{ city = str, n = int? }", ""),
        ("name", "str", "matches ^a"),
    ]
