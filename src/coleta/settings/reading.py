"""Settings, the file against its shape: what does not fit is noted and taken out, the rest is kept.

So whoever looks at how values go together sees all that is sound, and one run reports all mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coleta.settings.mistakes import Keys, Mistakes, meant, nearest
from coleta.settings.model import TABLES, FileTable


def read_tables(table: Mapping[str, object], mistakes: Mistakes) -> FileTable:
    """The sound part of `table`; what is not sound is noted in `mistakes`."""
    try:
        return FileTable.model_validate(table)
    except ValidationError as error:
        sound = cast("dict[str, object]", _copy(table))
        for detail in error.errors(include_url=False, include_input=True):
            keys = tuple(key for key in detail["loc"] if isinstance(key, str))
            mistakes.add(keys, _explained(keys, detail))
            _take_out(sound, keys)
    try:
        return FileTable.model_validate(sound)
    except ValidationError as error:
        # A table that cannot be without the key that was wrong, and is told of already.
        for detail in error.errors(include_url=False, include_input=False):
            _take_out(sound, tuple(key for key in detail["loc"] if isinstance(key, str)))
        return FileTable.model_validate(sound)


def given(table: Mapping[str, object], keys: Keys) -> set[str]:
    """The keys that the table at `keys` has, or was meant to have: who writes ``evry`` misses no ``every``."""
    inner: object = table
    for key in keys:
        inner = inner.get(key) if isinstance(inner, dict) else None
    written = set(inner) if isinstance(inner, dict) else set()
    known = _keys_at(keys)
    return written | {near for name in written.difference(known) if (near := nearest(name, known)) is not None}


def _copy(value: object) -> object:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _take_out(table: dict[str, object], keys: Keys) -> None:
    """Take out what stands at `keys`, or the table that misses it."""
    *above, last = keys
    inner: object = table
    for key in above:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if isinstance(inner, dict) and last in inner:
        del inner[last]
    elif above:
        _take_out(table, tuple(above))


def _explained(keys: Keys, detail: ErrorDetails) -> str:
    """One sentence for one mistake; never with the value, unless a validator of ours chose to show it."""
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key {keys[-1]!r}; {meant(keys[-1], _keys_at(keys[:-1]))}"
        case "value_error":
            return str(context["error"])
        case "missing":
            return "missing"
        case "literal_error":
            known = str(context["expected"]).replace("'", '"')
            return f"must be {known}"
        case "string_type":
            return "must be a text in quotes"
        case "string_too_short":
            return "must not be empty"
        case "bool_type":
            return "must be true or false, without quotes"
        case "int_type" | "int_from_float":
            return "must be a whole number, without quotes"
        case "float_type" | "finite_number":
            return "must be a number, without quotes"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return _not_a_table(keys)
        case _:
            return detail["msg"]


def _not_a_table(keys: Keys) -> str:
    match keys:
        case ("store" | "auth" | "api" | "stream") as kind, _:
            return f"must be a table: write [{kind}.NAME] above its keys"
        case ("store" | "auth" | "api" | "stream" as kind,):
            return f"must be a table: write [{kind}.NAME]"
        case (*_, last):
            return f"must be a table: write {last} = {{ … }}"
        case _:
            return "must be a table"


def _keys_at(keys: Keys) -> list[str]:
    """The keys that the table at `keys` may have."""
    where = (keys[0], "NAME", *keys[2:]) if keys[:1] in (("store",), ("auth",), ("api",), ("stream",)) else keys
    return list(TABLES[where].model_fields)
