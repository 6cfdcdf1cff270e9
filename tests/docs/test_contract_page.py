"""The contracts' page against the code: every type, rule and reason is on it, and its examples are contracts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from coleta.contract.parse import parse_contract
from coleta.contract.rules import RULE_KEYS
from coleta.contract.types import type_names
from coleta.errors import Misconfigured
from coleta.land.decode.outcome import Reason
from coleta.terms import OnViolation, Unknown

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml contract\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def first_column(title: str) -> list[str]:
    """The names in the first column of the table below a heading."""
    _, found, rest = PAGE.partition(f"\n## {title}\n")
    assert found, f"the page has no section {title}"
    cells = re.findall(r"^\| (`.+?) \|", rest.partition("\n## ")[0], flags=re.MULTILINE)
    return [name.strip('"') for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_type_is_on_the_page_and_no_other_is() -> None:
    assert sorted(first_column("Types")) == sorted([*type_names, "decimal(p,s)", "list[T]", "list", "struct"])


def test_every_key_of_a_field_is_on_the_page_and_no_other_is() -> None:
    keys = first_column("A field as a table")

    assert sorted(keys) == sorted(["type", "required", "nullable", "path", "fields", "item", *RULE_KEYS])
    with pytest.raises(Misconfigured, match="unknown key"):
        parse_contract({"a": {"type": "int", "no_such_key": 1}})


def test_every_reason_is_on_the_page_and_no_other_is() -> None:
    assert sorted(first_column("Reasons")) == sorted(get_args(Reason))


def test_every_way_to_treat_a_violation_and_an_unknown_field_is_on_the_page() -> None:
    assert first_column("When a record breaks the contract") == list(get_args(OnViolation))
    assert first_column("Unknown fields") == list(get_args(Unknown))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_contract(example: str) -> None:
    table = tomllib.loads(example)["contract"]

    assert [field.name for field in parse_contract(table).fields] == list(table)


def test_mistakes_are_told_as_the_page_shows_them() -> None:
    (shown,) = re.findall(r"^```text\n(the contract has .*?)\n```", PAGE, flags=re.MULTILINE | re.DOTALL)

    with pytest.raises(Misconfigured) as caught:
        parse_contract({"ean": "integer", "price": {"type": "float", "min": 2, "max": 1}})

    assert caught.value.what == shown


def test_the_examples_of_what_fits_and_what_does_not_are_three() -> None:
    assert len(EXAMPLES) == 3
