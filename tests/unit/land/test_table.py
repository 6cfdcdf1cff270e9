"""A table's columns: from a contract, to Delta's words and back, and how they may grow."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from coleta.contract.types import (
    Bool,
    Contract,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    Json,
    List,
    LocalTimestamp,
    Str,
    Struct,
    Timestamp,
    Type,
)
from coleta.errors import Misconfigured
from coleta.land.columns import schema
from coleta.land.table import (
    Column,
    Group,
    Many,
    check_change,
    check_names,
    columns_in,
    columns_of,
    differences,
    grown,
    schema_json,
    to_add,
    words,
)
from coleta.terms import Terms

EVERY: dict[str, Type] = {
    "int": Int(),
    "float": Float(),
    "decimal": Decimal(9, 2),
    "bool": Bool(),
    "str": Str(),
    "date": Date(),
    "timestamp": Timestamp(),
    "local": LocalTimestamp(),
    "json": Json(),
    "list": List(Field("item", List(Field("item", Int())))),
    "struct": Struct((Field("x", Int()), Field("in it", Struct((Field("y", Str()),))))),
}


def terms(**fields: Type) -> Terms:
    return Terms(Contract(tuple(Field(name, kind) for name, kind in fields.items())))


def test_a_table_has_the_columns_of_the_objects_and_the_folder_as_one_more() -> None:
    kept = replace(terms(**EVERY), unknown="keep")

    assert [column.name for column in columns_of(kept)] == [*schema(kept).names, "tick_date"]
    assert [column.name for column in columns_of(kept)][-5:] == ["_extra", "_tick", "_row", "_fetched_at", "tick_date"]


def test_no_column_of_a_contract_is_demanded_in_the_table_at_any_depth() -> None:
    text = schema_json(columns_of(terms(**EVERY)))

    demanded = re.findall(r'"name":"([^"]*)","nullable":false', text)
    assert sorted(demanded) == ["_fetched_at", "_row", "_tick"]
    assert '"containsNull":false' not in text


def test_columns_are_the_same_after_delta_has_written_and_read_them() -> None:
    columns = columns_of(terms(**EVERY))

    assert columns_in(schema_json(columns)) == columns


def test_a_type_that_no_contract_has_is_kept_as_its_text() -> None:
    strange = {"type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": True}
    field = {"name": "m", "type": strange, "nullable": True, "metadata": {}}

    (column,) = columns_in(json.dumps({"type": "struct", "fields": [field]}))

    assert json.loads(str(column.kind)) == strange


def test_types_are_told_in_words() -> None:
    assert words("decimal(9,2)") == "decimal(9,2)"
    assert words(Many(Group((Column("x", "long"), Column("y", Many("string")))))) == (
        "list<struct<x: long, y: list<string>>>"
    )


# Growing -------------------------------------------------------------------------------------------

BASE: dict[str, Type] = {"ean": Int(), "pos": Struct((Field("x", Int()),)), "tags": List(Field("item", Str()))}


def diff(**fields: Type) -> list[str]:
    return [str(one) for one in differences(columns_of(terms(**BASE)), columns_of(terms(**{**BASE, **fields})))]


def test_a_difference_names_the_column_by_its_path_with_both_types() -> None:
    assert diff() == []
    assert diff(city=Str()) == ["+ city string"]
    assert diff(ean=Str()) == ["! ean long -> string"]
    assert diff(pos=Struct((Field("y", Date()),))) == ["- pos.x long", "+ pos.y date"]
    assert diff(pos=Str()) == ["! pos struct<x: long> -> string"]
    assert diff(tags=List(Field("item", Int()))) == ["! tags list<string> -> list<long>"]


def test_items_of_a_list_cannot_get_another_part() -> None:
    few = columns_of(terms(of=List(Field("item", Struct((Field("x", Int()),))))))
    more = columns_of(terms(of=List(Field("item", Struct((Field("x", Int()), Field("y", Int())))))))

    (difference,) = differences(few, more)

    assert not difference.additive


def test_a_table_grows_by_new_columns_and_by_new_parts_of_a_struct_and_loses_none() -> None:
    table = columns_of(terms(**BASE))
    pos = Struct((Field("x", Int()), Field("y", Float())))

    both = grown(table, terms(pos=pos, city=Str()), where="here")

    assert [str(one) for one in differences(table, both)] == ["+ pos.y double", "+ city string"]
    assert [column.name for column in to_add(table, both)] == ["pos", "city"]
    assert grown(both, terms(**BASE), where="here") == both
    assert to_add(both, both) == ()


def test_rows_of_another_type_are_refused_with_each_such_column() -> None:
    other = terms(ean=Str(), pos=Struct((Field("x", Float()),)))

    with pytest.raises(Misconfigured) as refused:
        grown(columns_of(terms(**BASE)), other, where="here")

    assert "! ean long -> string; ! pos.x long -> double" in str(refused.value)


@pytest.mark.parametrize("names", [("Id", "id"), ("tick_date", "ean"), ("É", "é")])
def test_names_that_are_one_name_in_delta_are_refused(names: tuple[str, str]) -> None:
    fields: dict[str, Type] = {name: Int() for name in names}

    with pytest.raises(Misconfigured, match="one column"):
        check_names(columns_of(terms(**fields)), where="here")
    nested = terms(pos=Struct(tuple(Field(name, Int()) for name in (names[0], names[0].swapcase()))))
    with pytest.raises(Misconfigured, match="one column"):
        check_names(columns_of(nested), where="here")


def test_a_column_that_comes_may_not_differ_from_one_in_case_only() -> None:
    with pytest.raises(Misconfigured, match="one column"):
        grown(columns_of(terms(ean=Int())), terms(EAN=Int()), where="here")


def test_a_change_that_only_adds_or_demands_less_is_taken_and_any_other_shown_whole() -> None:
    before = terms(**BASE)
    check_change(before, terms(**BASE, city=Str()), where="here")
    check_change(before, Terms(before.contract, on_violation="null", unknown="keep"), where="here")

    with pytest.raises(Misconfigured) as refused:
        check_change(before, terms(pos=BASE["pos"], tags=Int(), city=Str()), where="here")

    assert str(refused.value).splitlines()[1:] == [
        "  - ean long",
        "  ! tags list<string> -> long",
        "  + city string",
    ]
