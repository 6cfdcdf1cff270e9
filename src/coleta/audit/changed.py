"""Stage 3: in what the terms of now differ from those that last landed, as a person reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET

from coleta.contract.describe import describe, type_text
from coleta.contract.types import Contract, Field, Struct
from coleta.terms import Terms

Kind = Literal["added", "removed", "type", "demands", "terms"]
_SIGNS: dict[Kind, str] = {"added": "+", "removed": "-", "type": "!", "demands": "~", "terms": "~"}

OTHER_TERMS = ("on_violation", "unknown", "expect", "records", "key", "cursor", "format", "delimiter", "columns")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``path`` is a field's (``pos.city``), or the name of another of the terms, such as ``unknown``.

    ``kind`` is ``type`` where values become other ones, ``demands`` where only what is accepted differs.
    """

    path: str
    kind: Kind
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """One line, as a diff shows it."""
        sign, path = _SIGNS[self.kind], f"[{self.path}]" if self.kind == "terms" else self.path
        if self.before is None or self.after is None:
            return f"{sign} {path} {self.before or self.after}"
        return f"{sign} {path} {self.before} -> {self.after}"


def changes(before: Terms, after: Terms) -> tuple[Change, ...]:
    """All in which `after` differs from `before`: fields in their order, then what else the terms say."""
    return (*_fields(before.contract.fields, after.contract.fields, ""), *_others(before, after))


def _fields(before: tuple[Field, ...], after: tuple[Field, ...], path: str) -> Iterator[Change]:
    old, new = {field.name: field for field in before}, {field.name: field for field in after}
    for name, field in old.items():
        at = path + name
        if name not in new:
            yield Change(at, "removed", _words(field), None)
            continue
        other = new[name]
        if isinstance(field.type, Struct) and isinstance(other.type, Struct):
            yield from _fields(field.type.fields, other.type.fields, f"{at}.")
            if _notes(field) != _notes(other):
                yield Change(at, "demands", _notes(field) or "always there", _notes(other) or "always there")
        elif field != other:
            # Not by the words alone: a list's items may have demands that no word tells.
            kind: Kind = "demands" if type_text(field.type) == type_text(other.type) else "type"
            yield Change(at, kind, _words(field), _words(other))
    for name, field in new.items():
        if name not in old:
            yield Change(path + name, "added", None, _words(field))


def _others(before: Terms, after: Terms) -> Iterator[Change]:
    for name in OTHER_TERMS:
        old, new = _text(getattr(before, name)), _text(getattr(after, name))
        if old != new:
            yield Change(name, "terms", old, new)


def _text(value: object) -> str:
    if value is UNSET:
        return "default"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


def _words(field: Field) -> str:
    return ", ".join(part for part in (type_text(field.type), _notes(field)) if part)


def _notes(field: Field) -> str:
    ((_, _, notes),) = describe(Contract((field,)))
    return notes
