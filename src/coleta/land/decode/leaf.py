"""Stage 2, step 1: what each type of one value demands beyond what msgspec's decoder checks.

A value passes through two forms. *Wire* is what the typed decoder gives: the value itself, a ``str``
for times, ``Raw`` for decimals and json. *Final* is what goes into the column. ``finisher`` gives the
function from a list of the one to a list of the other, which raises ``Broken`` at the first value that
loses something: so exactness is checked a column at a time.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw

from coleta.contract.types import Decimal, Field, Json, LocalTimestamp, Rules, Timestamp
from coleta.land.decode.outcome import Reason

Finish = Callable[[Sequence[object]], list[object]]

_Aware = list[Annotated[datetime, Meta(tz=True)] | None]
_Naive = list[Annotated[datetime, Meta(tz=False)] | None]
# Digits past the sixth that are not zero would be rounded away in silence.
_FINER_THAN_US = re.compile(r"\.[0-9]{6}[0-9]*[1-9]")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
# Wide enough for decimal128, and apart from the process's own context: Inexact must raise.
_EXACT = decimal.Context(prec=80, traps=[decimal.Inexact, decimal.InvalidOperation])


class Broken(Exception):
    """A value breaks the contract; ``path`` is from the value that was looked at, inwards."""

    def __init__(self, reason: Reason, detail: str, path: str = "") -> None:
        """`detail` is for a person."""
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
        self.path = path


def finisher(field: Field) -> Finish | None:
    """How wire values of `field` (None where absent or null) become final; None where they already are."""
    match field.type:
        case Timestamp():
            return _aware
        case LocalTimestamp():
            return _naive
        case Decimal() as kind:
            return partial(_decimals, kind=kind, rules=field.rules, nullable=field.nullable)
        case Json():
            return partial(_json, nullable=field.nullable)
        case _ if field.rules.enum:
            return partial(_enum, allowed=frozenset(field.rules.enum))
        case _:
            return None


def present(values: Sequence[object]) -> list[object]:
    """`values` with None where one is absent."""
    return [None if value is UNSET else value for value in values]


def _enum(values: Sequence[object], *, allowed: frozenset[object]) -> list[object]:
    for value in {*values} - allowed - {None}:
        raise Broken("enum", f"{short(value)} is not one of {', '.join(sorted(map(repr, allowed)))}")
    return list(values)


def _times(values: Sequence[object], *, zoned: bool) -> list[datetime | None]:
    texts = [value for value in values if isinstance(value, str)]
    if found := _FINER_THAN_US.search("\n".join(texts)):
        raise Broken("range", f"a fraction of a second finer than a microsecond ({found[0]})")
    try:
        return msgspec.convert(values, _Aware) if zoned else msgspec.convert(values, _Naive)
    except msgspec.ValidationError:
        shape = "2026-11-24T12:00:00Z" if zoned else "2026-11-24T12:00:00"
        zone = "with" if zoned else "without"
        raise Broken("format", f"no ISO 8601 time {zone} a zone, such as {shape}") from None


def _aware(values: Sequence[object]) -> list[object]:
    times = _times(values, zoned=True)
    try:
        return [None if time is None else time.astimezone(UTC) for time in times]
    except OverflowError:
        raise Broken("range", "in UTC the time lies outside the years 1 to 9999") from None


def _naive(values: Sequence[object]) -> list[object]:
    return list(_times(values, zoned=False))


def _json(values: Sequence[object], *, nullable: bool) -> list[object]:
    texts: list[object] = [bytes(value).decode() if isinstance(value, Raw) else None for value in values]
    if "null" in texts:
        if not nullable:
            raise Broken("null", "null, and the field is not nullable")
        return [None if text == "null" else text for text in texts]
    return texts


def _decimals(values: Sequence[object], *, kind: Decimal, rules: Rules, nullable: bool) -> list[object]:
    unit = decimal.Decimal((0, (1,), -kind.scale))
    # Through repr, since the float 0.1 itself is a little more than the 0.1 that was written.
    low, high = (None if bound is None else decimal.Decimal(repr(bound)) for bound in (rules.minimum, rules.maximum))
    allowed = {decimal.Decimal(repr(value)) for value in rules.enum if isinstance(value, int | float)}
    finals: list[object] = []
    for value in values:
        number = _decimal(bytes(value), nullable=nullable) if isinstance(value, Raw) else None
        if number is not None:
            number = _fit(number, kind, unit)
            if (low is not None and number < low) or (high is not None and number > high):
                raise Broken("range", f"{number} is outside {low} to {high}")
            if allowed and number not in allowed:
                raise Broken("enum", f"{number} is not one of {', '.join(map(str, sorted(allowed)))}")
        finals.append(number)
    return finals


def _decimal(text: bytes, *, nullable: bool) -> decimal.Decimal | None:
    if text == b"null":
        if nullable:
            return None
        raise Broken("null", "null, and the field is not nullable")
    quoted = text[:1] == b'"'
    number = text[1:-1] if quoted else text
    if not _NUMBER.fullmatch(number):
        raise Broken("format" if quoted else "type", f"no decimal number: {short(text.decode())}")
    try:
        return decimal.Decimal(number.decode(), context=_EXACT)
    except decimal.DecimalException:
        raise Broken("range", f"too many digits: {short(number.decode())}") from None


def _fit(number: decimal.Decimal, kind: Decimal, unit: decimal.Decimal) -> decimal.Decimal:
    if not number.is_finite() or (number and number.adjusted() >= kind.precision - kind.scale):
        raise Broken("range", f"over {kind.precision - kind.scale} digits before the point: {short(str(number))}")
    try:
        return number.quantize(unit, context=_EXACT)
    except decimal.DecimalException:
        raise Broken("range", f"over {kind.scale} digits after the point: {short(str(number))}") from None


def short(value: object) -> str:
    """`value` for a message: not longer than a person reads."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
