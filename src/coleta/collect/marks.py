"""Stage 1, step 4: by what a record is known when it comes again, and where it stands in time. Pure.

Reads a page's records only for their cursor value and their key. Whether a record keeps its contract is
landing's business: one that breaks it has a mark all the same, and is known by its very bytes at least.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec import UNSET, Raw

from coleta.collect.cut import NotRecords, cut_array, cut_object
from coleta.collect.formats import records_of
from coleta.contract.types import Date, Field, Int, LocalTimestamp, Str, Timestamp, Type
from coleta.terms import Terms, canonical

Place = int | str | date | datetime
"""Where a cursor value stands among others of its kind; values of one field are of one kind."""

Order = Callable[[int | str], Place | None]
"""A cursor value's place among those of its field; None for what is no such value."""

Lag = int | timedelta
"""How far behind the cursor is asked again, in the cursor's own measure."""

CURSOR_TYPES = (Int, Str, Date, Timestamp, LocalTimestamp)
"""The contract types whose values have one order that APIs and we agree on. Texts go by code point."""

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_RAWS = msgspec.json.Decoder(list[Raw])
_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered of one record: its cursor value as it stood, and halves of two digests.

    ``at`` is None where the value cannot be read, ``key`` where the terms have none, or a part of it
    cannot be read or is null. ``raw`` is over the record's bytes in the decoded body.
    """

    at: int | str | None
    key: str | None
    raw: str


class Marker:
    """Reads the marks of records, by what `terms` say of cursor and key."""

    def __init__(self, terms: Terms) -> None:
        """Find the fields."""
        fields = {field.name: field for field in terms.contract.fields}
        self._cursor = fields[terms.cursor] if terms.cursor is not None else None
        self._keys = [fields[name] for name in terms.key]
        self._order = order_of(self._cursor.type) if self._cursor is not None else None

    def mark(self, raw: bytes) -> Mark:
        """The mark of the record `raw`."""
        members = _members(raw)
        return Mark(at=self._at(members), key=self._key(members), raw=_half(raw))

    def place(self, raw: bytes) -> Place | None:
        """Where the record `raw` stands, or None where its cursor value cannot be read."""
        at = self._at(_members(raw))
        return None if at is None or self._order is None else self._order(at)

    def _at(self, members: dict[str, Raw] | None) -> int | str | None:
        if self._cursor is None or self._order is None:
            return None
        value = _value(members, self._cursor)
        if isinstance(value, bool) or not isinstance(value, int | str) or self._order(value) is None:
            return None
        return value

    def _key(self, members: dict[str, Raw] | None) -> str | None:
        values = [_value(members, field) for field in self._keys]
        if not values or any(value is None for value in values):
            return None
        return _half(canonical(values))


def raw_records(body: bytes, terms: Terms) -> list[bytes]:
    """Each record in page `body`, without its content coding, exactly as it stands; none where there is no array.

    A page that is lenient JSON (NaN, halves of UTF-16 pairs) is cut all the same.
    """
    if terms.format is not UNSET:
        try:
            return list(records_of(body, terms))
        except NotRecords:
            return []
    body = body.removeprefix(codecs.BOM_UTF8).strip(_SPACE)
    try:
        for name in terms.records:
            body = _inside(body, name).strip(_SPACE)
        if terms.expect == "object" and not terms.records:
            return [body] if body else []
        return [bytes(raw) for raw in _RAWS.decode(body)]
    except msgspec.MsgspecError:
        pass
    except (NotRecords, ValueError, RecursionError):
        return []
    try:
        return cut_array(body)
    except NotRecords:
        return []


def order_of(kind: Type) -> Order:
    """How cursor values of type `kind` are ordered: a value's place, or None for what is no such value."""
    match kind:
        case Int():
            return lambda value: value if isinstance(value, int) else None
        case Str():
            return lambda value: value if isinstance(value, str) else None
        case Date():
            return lambda value: _parsed(value, date.fromisoformat)
        case Timestamp():
            return lambda value: _parsed(value, _instant)
        case LocalTimestamp():
            return lambda value: _parsed(value, _local)
        case _:
            raise ValueError(f"values of {kind} have no order that could be asked by")


def less(place: Place, lag: Lag) -> Place:
    """`place` less the `lag`; the same where it has no such measure."""
    if isinstance(place, str) or not lag:
        return place
    try:
        return place - lag  # type: ignore[operator]
    except OverflowError:
        return place


def greatest(values: Iterable[int | str], order: Order) -> int | str | None:
    """The value that stands last, or None where there is none."""
    placed = [(place, value) for value in values if (place := order(value)) is not None]
    return max(placed, key=lambda pair: pair[0])[1] if placed else None


def _members(raw: bytes) -> dict[str, Raw] | None:
    try:
        return _MEMBERS.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        # NaN or a lone surrogate somewhere inside: its other members can be read all the same.
        return {json.loads(name): Raw(value) for name, value in cut_object(raw)}
    except (NotRecords, ValueError, RecursionError):
        return None


def _value(members: dict[str, Raw] | None, field: Field) -> object:
    inner, found = members, None
    for name in field.keys:
        if inner is None or name not in inner:
            return None
        found, inner = inner[name], _inner(inner[name])
    try:
        return None if found is None else msgspec.json.decode(found)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _inner(value: Raw) -> dict[str, Raw] | None:
    raw = bytes(value)
    return _members(raw) if raw[:1] == b"{" else None


def _inside(body: bytes, name: str) -> bytes:
    try:
        return bytes(_MEMBERS.decode(body).get(name, b""))
    except msgspec.MsgspecError:
        found = [value for quoted, value in cut_object(body) if json.loads(quoted) == name]
        return found[-1] if found else b""


def _parsed(value: int | str, parse: Callable[[str], Place | None]) -> Place | None:
    try:
        return parse(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _instant(text: str) -> datetime | None:
    instant = datetime.fromisoformat(text)
    return None if instant.tzinfo is None else instant.astimezone(UTC)


def _local(text: str) -> datetime | None:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is None else None


def _half(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def placed_in_time(terms: Terms) -> bool:
    """Whether a record's cursor value is an instant, so that it can be said which interval it belongs to."""
    kinds = {field.name: field.type for field in terms.contract.fields}
    return terms.cursor is not None and isinstance(kinds.get(terms.cursor), Timestamp)


def marks(bodies: Iterable[bytes], terms: Terms) -> Sequence[Mark]:
    """The marks of every record in `bodies`, an answer's pages in order and without content coding."""
    marker = Marker(terms)
    return [marker.mark(raw) for body in bodies if body for raw in raw_records(body, terms)]
