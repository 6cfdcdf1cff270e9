"""Stage 0: a contract given as Python: a dict, a dataclass or a Pydantic model becomes the table that people write.

What an annotation says beyond its type (``Annotated``, Pydantic's constraints) becomes rules. Never
guesses and never runs code of the caller's: a validator function or a constraint that no rule can say
is refused by name, since leaving it out in silence would land what the model refuses. Imports no
Pydantic: a model is known by its ``model_fields``.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence

from coleta.contract.parse import parse_contract
from coleta.contract.types import Contract
from coleta.errors import Misconfigured

Table = dict[str, object]

_WORDS: Mapping[object, str] = {
    int: "int",
    float: "float",
    str: "str",
    bool: "bool",
    decimal.Decimal: "decimal",
    datetime.date: "date",
    datetime.datetime: "timestamp",
    typing.Any: "json",
    object: "json",
}
_WORDS_BY_NAME: Mapping[str, str] = {"AwareDatetime": "timestamp", "NaiveDatetime": "local_timestamp"}
"""Pydantic's own types, known by name since Pydantic is not imported here."""

_RULES: Mapping[str, str] = {
    "ge": "min",
    "le": "max",
    "min_length": "min_length",
    "max_length": "max_length",
    "pattern": "pattern",
}
_UNSAYABLE = ("multiple_of", "func")
_ARRAYS = (list, Sequence)

MOST_NESTED = 20
"""How deep classes may hold classes: more than any API's records, and an end to one that holds itself."""


class _Mistake(ValueError):
    """What is wrong with one field."""


def contract_from(source: object) -> Contract:
    """The contract that `source` is: see ``contract_table``.

    Raises:
        Misconfigured: it is none; the message lists every mistake.

    """
    return parse_contract(contract_table(source))


def contract_table(source: object) -> Mapping[str, object]:
    """`source` as the table of a contract, in the form that ``coleta.toml`` has.

    A mapping of names to types is such a table already (``{"ean": int, "price": "decimal(9,2)?"}``). A
    dataclass or a Pydantic model gives its fields: ``X | None`` may be null, a field with a default may
    be absent, ``list[X]`` and nested classes become lists and structs, ``Literal`` and ``Enum`` an
    ``enum``, constraints rules, a Pydantic alias a ``path``. An absent value lands as null: defaults are
    not filled in. A mapping in ``Annotated`` is merged into the field's table:
    ``Annotated[Decimal, {"type": "decimal(9,2)"}]``.

    Raises:
        Misconfigured: it is none of these, or says what no contract can.

    """
    if isinstance(source, Mapping):
        return source
    if not _has_fields(source):
        raise Misconfigured(
            f"{source!r} is no contract",
            hint='give a dict such as {"ean": int}, a dataclass, or a Pydantic model: the class itself',
        )
    mistakes: list[str] = []
    table = _table_of(source, "", mistakes)
    if mistakes:
        raise Misconfigured(
            "the contract has mistakes:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes),
            where=getattr(source, "__qualname__", None),
            hint="a contract has types and rules and runs no code: docs/reference/python.md lists what it takes",
        )
    return table


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """A field of a class: ``alias`` are the keys where its value lies, empty for its own name."""

    name: str
    annotation: object
    metadata: Sequence[object] = ()
    required: bool = True
    alias: tuple[object, ...] = ()


def _has_fields(source: object) -> bool:
    return isinstance(source, type) and (dataclasses.is_dataclass(source) or hasattr(source, "model_fields"))


def _table_of(source: object, inside: str, mistakes: list[str]) -> Table:
    table: Table = {}
    if inside.count(".") > MOST_NESTED:
        raise _Mistake(f"objects within objects, more than {MOST_NESTED} deep")
    if getattr(source, "__pydantic_decorators__", None) is not None:
        mistakes += [f"{inside}{name}: is a validator function" for name in _validators(source)]
    for member in _members(source, inside, mistakes):
        where = f"{inside}{member.name}"
        try:
            field = _field(member.annotation, where, mistakes)
            field |= _rules(member.metadata, field)
            _check_size(field)
            _place(field, member, top=not inside)
        except _Mistake as mistake:
            mistakes.append(f"{where}: {mistake}")
            continue
        if not member.required:
            field["required"] = False
        table[member.name] = field
    return table


def _validators(source: object) -> list[str]:
    decorators = getattr(source, "__pydantic_decorators__", None)
    kinds = ("validators", "field_validators", "root_validators", "model_validators")
    return [name for kind in kinds for name in getattr(decorators, kind, ())]


def _members(source: object, inside: str, mistakes: list[str]) -> list[_Member]:
    model_fields = getattr(source, "model_fields", None)
    if isinstance(model_fields, Mapping):
        return [
            _Member(name, field.annotation, tuple(field.metadata), field.is_required(), _alias(field))
            for name, field in model_fields.items()
        ]
    assert isinstance(source, type)
    assert dataclasses.is_dataclass(source)
    try:
        hints = typing.get_type_hints(source, include_extras=True)
    except (NameError, TypeError) as error:
        mistakes.append(f"{inside or source.__qualname__}: its annotations cannot be read: {error}")
        return []
    return [
        _Member(field.name, hints[field.name], required=_must_be_given(field)) for field in dataclasses.fields(source)
    ]


def _must_be_given(field: dataclasses.Field[object]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _alias(field: object) -> tuple[object, ...]:
    alias = getattr(field, "validation_alias", None) or getattr(field, "alias", None)
    path = getattr(alias, "path", None)
    return () if alias is None else (alias,) if path is None else tuple(path)


def _place(field: Table, member: _Member, *, top: bool) -> None:
    if not member.alias or member.alias == (member.name,):
        return
    if not all(isinstance(key, str) for key in member.alias):
        raise _Mistake("its alias is a choice, or enters a list; a contract selects by keys alone")
    if not top:
        raise _Mistake(f"has the alias {member.alias[-1]!r}; within another object give the field that name itself")
    field["path"] = "$" + "".join(f"['{key}']" for key in member.alias)


def _field(annotation: object, where: str, mistakes: list[str]) -> Table:
    """The table of a value annotated so."""
    # What the statement `type X = …` makes, from Python 3.12 on.
    annotation = getattr(annotation, "__value__", annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        field = _field(arguments[0], where, mistakes)
        return field | _rules(arguments[1:], field)
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in arguments if kind is not types.NoneType]
        if len(kinds) > 1:
            raise _Mistake("may be of several types; choose one, or Any, which keeps the JSON text")
        field = _field(kinds[0], where, mistakes)
        return field | ({"nullable": True} if len(kinds) < len(arguments) else {})
    if origin is typing.Literal:
        return _choice(arguments)
    if origin in _ARRAYS or (origin is tuple and arguments[1:] == (...,)):
        item = _field(arguments[0], f"{where}[]", mistakes)
        _check_size(item)
        return {"type": "list", "item": item}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _choice([member.value for member in annotation])
    if _has_fields(annotation):
        return {"type": "struct", "fields": _table_of(annotation, f"{where}.", mistakes)}
    return {"type": _word(annotation)}


def _word(annotation: object) -> str:
    for known, word in _WORDS.items():
        if annotation is known:
            return word
    name: str = getattr(annotation, "__name__", "")
    if name not in _WORDS_BY_NAME:
        shown = name or str(annotation)
        raise _Mistake(f"no column holds a {shown}; write a type of the contract, or Any, which keeps the JSON text")
    return _WORDS_BY_NAME[name]


def _choice(values: Sequence[object]) -> Table:
    allowed = [value for value in values if value is not None]
    kinds = {type(value) for value in allowed}
    if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
        raise _Mistake("its choices must all be texts, all numbers of one kind, or all true and false")
    return {"type": _WORDS[kinds.pop()], "enum": allowed, "nullable": len(allowed) < len(values)}


def _rules(metadata: Iterable[object], field: Table) -> Table:
    """What `metadata` adds to `field`: the rules that it says, and the size of a decimal."""
    found: Table = {}
    digits: object = None
    places: object = None
    for one in _flat(metadata):
        if isinstance(one, Mapping):
            found |= one
            continue
        for name in _UNSAYABLE:
            if getattr(one, name, None) is not None:
                raise _Mistake(f"{type(one).__name__} is no rule that a contract has")
        for name, rule in _RULES.items():
            if (value := getattr(one, name, None)) is not None:
                found[rule] = _plain(getattr(value, "pattern", value))
        for name in ("gt", "lt"):
            if (value := getattr(one, name, None)) is not None:
                found["min" if name == "gt" else "max"] = _next_to(value, name, field)
        digits = getattr(one, "max_digits", None) or digits
        places = places if (value := getattr(one, "decimal_places", None)) is None else value
    if field.get("type") == "decimal" and None not in (digits, places):
        found["type"] = f"decimal({digits},{places})"
    return found


def _next_to(bound: object, name: str, field: Table) -> int | float:
    """The nearest value that `bound` itself, which is not allowed, allows."""
    up = name == "gt"
    if field.get("type") == "int" and isinstance(bound, int):
        return bound + 1 if up else bound - 1
    if field.get("type") == "float" and isinstance(bound, int | float):
        return math.nextafter(bound, math.inf if up else -math.inf)
    raise _Mistake(f"{name} is no rule here; write {'ge' if up else 'le'}, which allows the bound itself")


def _check_size(field: Table) -> None:
    if field.get("type") == "decimal":
        raise _Mistake("a Decimal needs max_digits and decimal_places, or Annotated[Decimal, {'type': 'decimal(9,2)'}]")


def _flat(metadata: Iterable[object]) -> Iterable[object]:
    """`metadata` with what stands inside a Pydantic ``Field(…)``, which has metadata of its own."""
    for one in metadata:
        inner = getattr(one, "metadata", None)
        if isinstance(inner, Sequence) and not isinstance(one, type):
            yield from _flat(inner)
        else:
            yield one


def _plain(value: object) -> object:
    """A bound as the rules take it: a Decimal bound is a number."""
    if not isinstance(value, decimal.Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)
