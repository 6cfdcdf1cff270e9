"""Contracts given as Python: dicts, dataclasses and Pydantic models say the same as a table of the project file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, AliasChoices, AliasPath, AwareDatetime, BaseModel, Field, NaiveDatetime
from pydantic import field_validator as check_field

from coleta.contract.parse import parse_contract
from coleta.contract.python import contract_from
from coleta.contract.types import Contract
from coleta.errors import Misconfigured


class Kind(StrEnum):
    SALE = "sale"
    RETURN = "return"


@dataclass
class Address:
    street: str
    number: int | None = None


@dataclass
class Sale:
    ean: int
    price: Annotated[Decimal, {"type": "decimal(9,2)", "min": 0}]
    kind: Kind
    address: Address
    day: date
    at: datetime
    weight: float | None
    paid: bool = True
    tags: list[str] = field(default_factory=list)
    extra: Any = None


class Place(BaseModel):
    city: str = Field(max_length=40)
    zip: str | None = None


class Order(BaseModel):
    ean: int = Field(ge=1, lt=10**13)
    price: Decimal = Field(max_digits=9, decimal_places=2, ge=Decimal("0.5"))
    rate: float = Field(gt=0)
    code: Annotated[str, Field(pattern="^[A-Z]{3}$", min_length=3, max_length=3)]
    kind: Literal["sale", "return"]
    state: Literal["open", None] = None
    at: AwareDatetime = Field(alias="dateTime")
    shown: NaiveDatetime
    login: str = Field(validation_alias=AliasPath("user", "login"))
    place: Place
    tags: list[Annotated[str, Field(max_length=9)]] = []
    sizes: Sequence[int] | None = None
    prices: tuple[Annotated[Decimal, Field(max_digits=5, decimal_places=1)], ...]


def table(**fields: object) -> Contract:
    return parse_contract(fields)


def test_a_dict_of_python_types_is_a_contract() -> None:
    assert contract_from({"ean": int, "price": float, "store": int, "dateTime": str}) == table(
        ean="int", price="float", store="int", dateTime="str"
    )


def test_a_table_of_the_project_file_is_a_contract() -> None:
    written = {"price": {"type": "decimal(9,2)", "min": 0}, "login": {"type": "str", "path": "$.user.login"}}

    assert contract_from(written) == parse_contract(written)


def test_a_dataclass_says_what_a_table_says() -> None:
    assert contract_from(Sale) == table(
        ean="int",
        price={"type": "decimal(9,2)", "min": 0},
        kind={"type": "str", "enum": ["sale", "return"]},
        address={"fields": {"street": "str", "number": "int?"}},
        day="date",
        at="timestamp",
        weight={"type": "float", "nullable": True},
        paid={"type": "bool", "required": False},
        tags={"type": "list[str]", "required": False},
        extra={"type": "json", "required": False},
    )


def test_a_pydantic_model_says_what_a_table_says() -> None:
    assert contract_from(Order) == table(
        ean={"type": "int", "min": 1, "max": 10**13 - 1},
        price={"type": "decimal(9,2)", "min": 0.5},
        rate={"type": "float", "min": 5e-324},
        code={"type": "str", "pattern": "^[A-Z]{3}$", "min_length": 3, "max_length": 3},
        kind={"type": "str", "enum": ["sale", "return"]},
        state={"type": "str", "enum": ["open"], "nullable": True, "required": False},
        at={"type": "timestamp", "path": "$.dateTime"},
        shown="local_timestamp",
        login={"type": "str", "path": "$.user.login"},
        place={"fields": {"city": {"type": "str", "max_length": 40}, "zip": "str?"}},
        tags={"type": "list", "item": {"type": "str", "max_length": 9}, "required": False},
        sizes={"type": "list[int]", "required": False, "nullable": True},
        prices="list[decimal(5,1)]",
    )


def test_every_mistake_of_a_class_is_told_at_once_with_its_field() -> None:
    class Wrong(BaseModel):
        step: int = Field(multiple_of=5)
        upper: Annotated[str, AfterValidator(str.upper)]
        either: int | str
        choice: str = Field(validation_alias=AliasChoices("a", "b"))
        cost: Decimal
        open_end: Decimal = Field(gt=0, max_digits=4, decimal_places=2)
        raw: bytes
        mixed: Literal["a", 1]

    with pytest.raises(Misconfigured) as caught:
        contract_from(Wrong)

    text = str(caught.value)
    for name in Wrong.model_fields:
        assert f"  - {name}: " in text
    assert text.count("\n") == len(Wrong.model_fields)


def test_a_validator_function_is_refused_since_it_would_not_run() -> None:
    class Checked(BaseModel):
        ean: int

        @check_field("ean")
        @classmethod
        def positive(cls, value: int) -> int:
            return abs(value)

    with pytest.raises(Misconfigured, match="positive: is a validator function"):
        contract_from(Checked)


def test_an_alias_within_another_object_is_refused() -> None:
    class Inner(BaseModel):
        name: str = Field(alias="Name")

    class Outer(BaseModel):
        inner: Inner

    with pytest.raises(Misconfigured, match=r"inner\.name: has the alias 'Name'"):
        contract_from(Outer)


class Loop(BaseModel):
    again: Loop


def test_a_class_that_holds_itself_is_refused() -> None:
    with pytest.raises(Misconfigured, match="20 deep"):
        contract_from(Loop)


@pytest.mark.parametrize("source", [int, "ean int", Order.model_construct(), 7])
def test_what_is_no_contract_is_refused(source: object) -> None:
    with pytest.raises(Misconfigured, match="is no contract"):
        contract_from(source)
