"""Stage 0: a table of field names and types, as people write it, becomes a ``Contract``.

Every mistake in the table is reported at once, each with the field and the nearest right word.
Never guesses: what is not understood is refused. Knows no TOML; a mapping is enough.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from coleta.contract.rules import RULE_KEYS, read_rules
from coleta.contract.types import (
    Bool,
    Contract,
    Date,
    Decimal,
    Field,
    Float,
    Int,
    List,
    Str,
    Struct,
    Timestamp,
    Type,
    type_names,
)
from coleta.errors import Misconfigured

MAX_PRECISION = 38
"""What Arrow's decimal128 holds, and Delta Lake and Iceberg too."""

_TABLE_KEYS = ("type", "required", "nullable", "path", "fields", "item", *RULE_KEYS)
_PYTHON_TYPES: Mapping[object, Type] = {
    int: Int(),
    float: Float(),
    str: Str(),
    bool: Bool(),
    datetime.date: Date(),
    datetime.datetime: Timestamp(),
}
_WORDS = (*type_names, "decimal(9,2)", "list[int]", "list", "struct")
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_STEP = r"\.[^.\[\]'\"*\s]+|\['[^']+'\]"
_PATH = re.compile(rf"\$(?:{_STEP})+")
_SHORT = re.compile(r"(?:([^$]*\S)\s+)?(\$.*)", re.DOTALL)
_UNSPEAKABLE = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')


class _Mistake(ValueError):
    """One thing that is wrong with the field being read."""


def parse_contract(table: Mapping[str, object]) -> Contract:
    """The contract that `table` writes down: field name to type, in column order.

    A value is a type word (``"int"``, ``"decimal(9,2)"``, ``"list[str]"``; with ``?`` at its end the
    field may be absent or null), a path (``"$.user.login"``, a ``str``; ``"int? $.user.id"`` with its type
    before it), one of Python's own types, or a table ``{type=, required=, nullable=, min=, max=, enum=,
    pattern=, min_length=, max_length=, path=, fields=, item=}``. ``fields`` are a struct's, ``item`` is a
    list's. ``pattern`` must match somewhere in the text (``re.search``), as in JSON Schema. ``path``
    (``$.user.login``) says where the value lies if not under the field's name.

    Raises:
        Misconfigured: the table is wrong; the message lists every mistake.

    """
    mistakes: list[str] = []
    if not table:
        mistakes.append('it has no fields; write for example { ean = "int", price = "float" }')
    fields = _fields(table, "", mistakes)
    mistakes += _overlaps(fields)
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise Misconfigured(
            f"the contract has {count}:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes),
            hint=f"types are {', '.join(_WORDS)}; a ? at the end means that the value may be absent or null",
        )
    return Contract(fields=fields)


def _fields(table: Mapping[str, object], inside: str, mistakes: list[str]) -> tuple[Field, ...]:
    fields = []
    for name, written in table.items():
        where = f"{inside}{name}"
        try:
            _check_name(name, top=not inside)
            fields.append(_field(name, written, where, mistakes, top=not inside))
        except _Mistake as mistake:
            mistakes.append(f"{where}: {mistake}")
    return tuple(fields)


def _check_name(name: object, *, top: bool) -> None:
    if not isinstance(name, str) or not name:
        raise _Mistake("a field's name is a text that is not empty")
    if top and name.startswith("_"):
        better = name.lstrip("_") or "name"
        raise _Mistake(
            "names beginning with _ are reserved for columns that Coleta adds; "
            f'rename it: {better} = {{ type = "str", path = "$.{name}" }}'
        )
    if _UNSPEAKABLE.search(name):
        raise _Mistake("a name may not hold quotes, backslashes or control characters")


def _field(name: str, written: object, where: str, mistakes: list[str], *, top: bool = False) -> Field:
    if isinstance(written, Mapping):
        return _field_of_table(name, written, where, mistakes, top=top)
    if isinstance(written, str) and (short := _SHORT.fullmatch(written.strip())):
        return _field_of_path(name, short[1], short[2], top=top)
    kind, optional = _type_word(written)
    return Field(name=name, type=kind, required=not optional, nullable=optional)


def _field_of_path(name: str, word: str | None, path: str, *, top: bool) -> Field:
    """The short form: where the value lies, after its type or else without one. Then it is a text."""
    if path.endswith("?"):
        raise _Mistake(
            f"nobody can tell whether the ? of {path!r} is part of the name; "
            f'write "{(word or "str").rstrip("?")}? {path.rstrip("?")}" for what may be absent or null, '
            "or $['…?'] for such a name"
        )
    kind, optional = (Str(), False) if word is None else _type_word(word)
    return Field(name=name, type=kind, required=not optional, nullable=optional, path=_path(path, top=top))


def _field_of_table(name: str, table: Mapping[str, object], where: str, mistakes: list[str], *, top: bool) -> Field:
    for key in table:
        if key not in _TABLE_KEYS:
            mistakes.append(f"{where}: unknown key {key!r}{_nearest(str(key), _TABLE_KEYS)}")
    kind, optional = _type_of_table(table, where, mistakes)
    flags = {"required": not optional, "nullable": optional}
    for flag in flags:
        value = table.get(flag, flags[flag])
        if isinstance(value, bool):
            flags[flag] = value
        else:
            mistakes.append(f"{where}: {flag} is true or false, not {value!r}")
    path: tuple[str, ...] = ()
    if "path" in table:
        try:
            path = _path(table["path"], top=top)
        except _Mistake as mistake:
            mistakes.append(f"{where}: {mistake}")
    rules, wrong = read_rules(table, kind)
    mistakes += [f"{where}: {mistake}" for mistake in wrong]
    return Field(name=name, type=kind, path=path, rules=rules, **flags)


def _type_of_table(table: Mapping[str, object], where: str, mistakes: list[str]) -> tuple[Type, bool]:
    word = table.get("type", "struct" if "fields" in table else "list" if "item" in table else None)
    if word is None:
        raise _Mistake('it has no type; write for example { type = "int", min = 0 }')
    bare = word.removesuffix("?") if isinstance(word, str) else None
    optional = isinstance(word, str) and word.endswith("?")
    if bare == "struct":
        inner = table.get("fields")
        if not isinstance(inner, Mapping) or not inner:
            raise _Mistake('a struct needs its fields: { fields = { street = "str", number = "int?" } }')
        return Struct(fields=_fields(inner, f"{where}.", mistakes)), optional
    if bare == "list":
        if "item" not in table:
            raise _Mistake('a list needs its item: { type = "list", item = "int" }, or shorter "list[int]"')
        return List(item=_field("item", table["item"], f"{where}[]", mistakes)), optional
    for key in ("fields", "item"):
        if key in table:
            mistakes.append(f"{where}: {key} belongs to a {'struct' if key == 'fields' else 'list'}, not to {word!r}")
    return _type_word(word)


def _type_word(written: object) -> tuple[Type, bool]:
    """The type that `written` names, and whether it ends with the mark of what may be absent."""
    if isinstance(written, type):
        if written in _PYTHON_TYPES:
            return _PYTHON_TYPES[written], False
        if written is decimal.Decimal:
            raise _Mistake('Decimal says neither digits nor scale; write for example "decimal(9,2)"')
    if not isinstance(written, str):
        raise _Mistake(f"{written!r} is no type; write a type word such as {', '.join(_WORDS[:4])}")
    if written.startswith("$"):
        raise _Mistake(f"{written!r} is a path, not a type; it belongs under the key path")
    word = written.strip()
    optional = word.endswith("?")
    word = word.removesuffix("?").strip()
    if word.startswith("list[") and word.endswith("]"):
        kind, nullable = _type_word(word[5:-1])
        return List(item=Field(name="item", type=kind, nullable=nullable)), optional
    if found := _DECIMAL.fullmatch(word):
        return _decimal(int(found[1]), int(found[2])), optional
    if word in type_names:
        return type_names[word], optional
    if word == "struct":
        raise _Mistake('a struct needs its fields: { fields = { street = "str", number = "int?" } }')
    raise _Mistake(f"unknown type {written!r}{_nearest(word, _WORDS)}")


def _decimal(precision: int, scale: int) -> Decimal:
    if not 1 <= precision <= MAX_PRECISION:
        raise _Mistake(f"a decimal has 1 to {MAX_PRECISION} digits, not {precision}")
    if scale > precision:
        raise _Mistake(f"a decimal of {precision} digits cannot have {scale} of them after the point")
    return Decimal(precision=precision, scale=scale)


def _path(written: object, *, top: bool) -> tuple[str, ...]:
    if not top:
        raise _Mistake("path is for a record's own fields, not for those within a struct or a list")
    if not isinstance(written, str) or not _PATH.fullmatch(written):
        raise _Mistake(f"{written!r} is no path; write $.key.key, or $['a key']; lists cannot be entered")
    keys = tuple(step[1:] if step.startswith(".") else step[2:-2] for step in re.findall(_STEP, written))
    if any(_UNSPEAKABLE.search(key) for key in keys):
        raise _Mistake("a path may not hold quotes, backslashes or control characters")
    return keys


def _overlaps(fields: Sequence[Field]) -> list[str]:
    return [
        f"{other.name}: its path lies at or within that of {one.name}; select each value once"
        for at, one in enumerate(fields)
        for other in [*fields[:at], *fields[at + 1 :]]
        if other.keys[: len(one.keys)] == one.keys and (other.keys != one.keys or other in fields[at + 1 :])
    ]


def _nearest(word: str, words: Sequence[str]) -> str:
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.5) or _SYNONYMS.get(word.lower(), [])
    return f"; did you mean {near[0]!r}?" if near else ""


_SYNONYMS: Mapping[str, list[str]] = {
    "string": ["str"],
    "text": ["str"],
    "varchar": ["str"],
    "double": ["float"],
    "number": ["float"],
    "long": ["int"],
    "bigint": ["int"],
    "datetime": ["timestamp"],
    "object": ["struct"],
    "dict": ["struct"],
    "array": ["list[int]"],
    "any": ["json"],
}
