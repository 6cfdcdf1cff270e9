"""Stage 0: the rules of a field, read from its table and checked against its type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from coleta.contract.types import Bool, Decimal, Float, Int, List, Rules, Str, Type

RULE_KEYS = ("min", "max", "enum", "pattern", "min_length", "max_length")

_RULES_OF: Mapping[type, tuple[str, ...]] = {
    Int: ("min", "max", "enum"),
    Float: ("min", "max", "enum"),
    Decimal: ("min", "max", "enum"),
    Bool: ("enum",),
    Str: ("enum", "pattern", "min_length", "max_length"),
    List: ("min_length", "max_length"),
}


def read_rules(table: Mapping[str, object], kind: Type) -> tuple[Rules, list[str]]:
    """The rules in `table` for a value of type `kind`, and what is wrong with them, one text each."""
    wrong: list[str] = []
    for key in RULE_KEYS:
        if key in table and key not in _RULES_OF.get(type(kind), ()):
            wrong.append(f"{key} cannot be asked of this type")
    rules = Rules(
        minimum=_bound(table, "min", kind, wrong),
        maximum=_bound(table, "max", kind, wrong),
        enum=_enum(table, kind, wrong),
        pattern=_pattern(table, wrong),
        min_length=_length(table, "min_length", wrong),
        max_length=_length(table, "max_length", wrong),
    )
    if rules.minimum is not None and rules.maximum is not None and rules.minimum > rules.maximum:
        wrong.append(f"min {rules.minimum} is above max {rules.maximum}: nothing could land")
    if rules.min_length is not None and rules.max_length is not None and rules.min_length > rules.max_length:
        wrong.append(f"min_length {rules.min_length} is above max_length {rules.max_length}: nothing could land")
    return rules, wrong


def _bound(table: Mapping[str, object], key: str, kind: Type, wrong: list[str]) -> int | float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        wrong.append(f"{key} is a number, not {value!r}")
        return None
    if isinstance(kind, Int) and not (isinstance(value, int) and -(2**63) <= value < 2**63):
        wrong.append(f"{key} of an int is an integer within 64 bits, not {value!r}")
        return None
    return value


def _enum(table: Mapping[str, object], kind: Type, wrong: list[str]) -> tuple[str | int | float | bool, ...]:
    values = table.get("enum")
    if values is None:
        return ()
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        wrong.append("enum is a list of at least one allowed value")
        return ()
    allowed = []
    for value in values:
        if not isinstance(value, str | int | float) or not _may_be(kind, value):
            wrong.append(f"enum holds {value!r}, which this type can never be")
        else:
            allowed.append(value)
    return tuple(allowed)


def _may_be(kind: Type, value: str | int | float) -> bool:
    match kind:
        case Int():
            return type(value) is int
        case Float() | Decimal():
            return type(value) is int or (type(value) is float and math.isfinite(value))
        case Bool():
            return type(value) is bool
        case Str():
            return type(value) is str
        case _:
            return True


def _pattern(table: Mapping[str, object], wrong: list[str]) -> str | None:
    value = table.get("pattern")
    if value is None:
        return None
    if not isinstance(value, str):
        wrong.append(f"pattern is a text, not {value!r}")
        return None
    try:
        re.compile(value)
    except re.error as error:
        wrong.append(f"pattern {value!r} is no regular expression: {error}")
        return None
    return value


def _length(table: Mapping[str, object], key: str, wrong: list[str]) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        wrong.append(f"{key} is a whole number from 0 up, not {value!r}")
        return None
    return value
