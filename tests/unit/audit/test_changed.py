"""In what terms differ: each change once, in a line that says what a person needs to know."""

from __future__ import annotations

from dataclasses import replace

from coleta.audit.changed import changes
from coleta.contract.types import Contract, Decimal, Field, Float, Int, List, Rules, Str, Struct
from coleta.terms import Terms

EAN, PRICE = Field("ean", Int()), Field("price", Float())


def terms(*fields: Field) -> Terms:
    return Terms(Contract(fields))


def lines(before: Terms, after: Terms) -> list[str]:
    return [str(change) for change in changes(before, after)]


def test_the_same_terms_have_no_changes_in_whatever_order_their_fields_stand() -> None:
    assert changes(terms(EAN, PRICE), terms(PRICE, EAN)) == ()


def test_fields_that_come_and_go_are_told_with_what_they_are() -> None:
    assert lines(terms(EAN), terms(Field("city", Str(), required=False))) == ["- ean int", "+ city str, may be absent"]


def test_another_type_and_another_demand_are_told_apart() -> None:
    before = terms(EAN, PRICE)

    assert lines(before, terms(EAN, Field("price", Decimal(9, 2)))) == ["! price float -> decimal(9,2)"]
    limited = Field("ean", Int(), rules=Rules(minimum=1))
    assert lines(before, terms(limited, PRICE)) == ["~ ean int -> int, at least 1"]
    assert [one.kind for one in changes(before, terms(limited, PRICE))] == ["demands"]


def test_another_place_in_the_record_is_told() -> None:
    moved = Field("ean", Int(), path=("product", "ean"))

    assert lines(terms(EAN), terms(moved)) == ["~ ean int -> int, from $.product.ean"]


def test_fields_of_a_struct_are_told_by_their_paths_and_the_struct_itself_by_its_demands() -> None:
    before = terms(Field("pos", Struct((Field("x", Int()), Field("y", Int())))))
    after = terms(Field("pos", Struct((Field("x", Float()), Field("city", Str()))), nullable=True))

    assert lines(before, after) == [
        "! pos.x int -> float",
        "- pos.y int",
        "+ pos.city str",
        "~ pos always there -> may be null",
    ]


def test_demands_on_the_items_of_a_list_are_told_though_no_word_of_the_type_shows_them() -> None:
    before = terms(Field("tags", List(Field("item", Str()))))
    after = terms(Field("tags", List(Field("item", Str(), rules=Rules(max_length=9)))))

    assert [(one.path, one.kind) for one in changes(before, after)] == [("tags", "demands")]


def test_whatever_else_decoding_depends_on_is_told_after_the_fields() -> None:
    before = terms(EAN)
    after = replace(
        before,
        unknown="keep",
        on_violation="null",
        expect="object",
        records=("data", "items"),
        key=("ean",),
        cursor="ean",
    )

    assert lines(before, after) == [
        "~ [on_violation] quarantine -> null",
        "~ [unknown] drop -> keep",
        "~ [expect] array -> object",
        "~ [records] none -> data, items",
        "~ [key] none -> ean",
        "~ [cursor] none -> ean",
    ]


def test_a_format_that_was_not_told_of_is_the_default() -> None:
    terms = Terms(Contract((Field("a", Int()),)))

    assert [str(change) for change in changes(terms, replace(terms, format="csv"))] == ["~ [format] default -> csv"]


def test_every_part_of_the_terms_is_looked_at() -> None:
    from dataclasses import fields

    from coleta.audit.changed import OTHER_TERMS

    assert {field.name for field in fields(Terms)} == {"contract", *OTHER_TERMS}
