"""Stage 1, step 4: what one answer hands to the next, and how an answer is named. Pure.

An answer's id is sha256(parent's id, start, end, response digest). It is never a digest of the
body alone: the same empty page comes twice, and those are two answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from coleta.collect.marks import Lag, Mark, Order, Place, greatest, less, order_of
from coleta.collect.tick import Interval, format_instant, parse_instant
from coleta.terms import Terms

State = Mapping[str, object]
"""A state as records hold it: JSON values by name."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The state that a stream carries from answer to answer.

    ``parent`` is the id of the answer whose state this one began with, ``before`` that state, ``after``
    the state that this answer ends with; in a spool file's header ``after`` is None, since only the
    trailer knows it. A state's keys (``end``, ``cursor``, ``validators``, ``boundary``) are specified in
    docs/reference/data-object-and-record.md. A stream that carries nothing has no ``Carried`` at all.
    """

    parent: str | None = None
    before: State | None = None
    after: State | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What the next answer of a chain begins with: its parent's id, and the state that this one ended with."""

    parent: str | None = None
    state: State | None = None

    @property
    def end(self) -> datetime | None:
        """The end of the newest scheduled answer in the chain; None before the first."""
        end = None if self.state is None else self.state.get("end")
        return parse_instant(end) if isinstance(end, str) else None

    @property
    def cursor(self) -> int | str | None:
        """The greatest cursor value so far, as it stood in its record."""
        cursor = None if self.state is None else self.state.get("cursor")
        return cursor if isinstance(cursor, int | str) else None


@dataclass(frozen=True, slots=True)
class Ruler:
    """By what cursor values are compared, and how far behind the newest one is asked again."""

    order: Order
    lag: Lag = 0


@dataclass(frozen=True, slots=True)
class Known:
    """The records that a state knows: by half of the digest of their bytes, and by that of their key.

    A key is known at its cursor value only: the same key with another one is another version of the record, and
    new. A record whose cursor value cannot be read is known by its key alone.
    """

    raws: frozenset[str]
    keys: frozenset[str]
    versions: frozenset[tuple[str, Place | None]]
    order: Order

    @classmethod
    def of(cls, state: State | None, ruler: Ruler) -> Known:
        """What `state` knows."""
        elements = _boundary(state)
        keyed = [(str(one["key"]), one["at"]) for one in elements if one.get("key") is not None]
        return cls(
            raws=frozenset(str(one["raw"]) for one in elements),
            keys=frozenset(key for key, _ in keyed),
            versions=frozenset((key, ruler.order(at)) for key, at in keyed if isinstance(at, int | str)),
            order=ruler.order,
        )

    def __bool__(self) -> bool:
        return bool(self.raws)

    def knows(self, mark: Mark) -> bool:
        """Whether the record of `mark` has come before: either of its digests is enough."""
        if mark.raw in self.raws:
            return True
        if mark.key is None:
            return False
        return mark.key in self.keys if mark.at is None else (mark.key, self.order(mark.at)) in self.versions


def ruler_of(terms: Terms, lag: Lag = 0) -> Ruler:
    """By what the cursor values of records on `terms` are compared; without a cursor none is read."""
    kinds = {field.name: field.type for field in terms.contract.fields}
    if terms.cursor is None:
        return Ruler(lambda value: None)
    return Ruler(order_of(kinds[terms.cursor]), lag)


def state_after(before: State | None, tick: Interval, marks: Sequence[Mark], ruler: Ruler) -> dict[str, object]:
    """The state after an answer for `tick` whose records have `marks`, landed or not; `before` is its parent's.

    What may come again is what stands at the cursor less the lag, or after it: that is kept. A record without
    a readable cursor value is kept as if it stood at the cursor, since nobody knows better.
    """
    carried = Link(None, before)
    values = [mark.at for mark in marks if mark.at is not None]
    cursor = greatest([*values, *([] if carried.cursor is None else [carried.cursor])], ruler.order)
    end = format_instant(tick.end) if not tick.empty else None if carried.end is None else format_instant(carried.end)
    kept = [dict(one) for one in _boundary(before)]
    kept += [{"at": cursor if mark.at is None else mark.at, "key": mark.key, "raw": mark.raw} for mark in marks]
    return {**(before or {}), "end": end, "cursor": cursor, "boundary": _still_near(kept, cursor, ruler)}


def _still_near(elements: list[dict[str, object]], cursor: int | str | None, ruler: Ruler) -> list[dict[str, object]]:
    """Those of `elements` that the next request may bring again, each once."""
    place = None if cursor is None else ruler.order(cursor)
    floor = None if place is None else less(place, ruler.lag)
    near: dict[tuple[object, object], dict[str, object]] = {}
    for one in elements:
        at = one["at"]
        stands = ruler.order(at) if isinstance(at, int | str) else None
        if floor is None or stands is None or stands >= floor:  # type: ignore[operator]
            near[one["key"], one["raw"]] = one
    return list(near.values())


def _boundary(state: State | None) -> list[Mapping[str, object]]:
    found = None if state is None else state.get("boundary")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def answer_id(parent: str | None, tick: Interval, response_digest: str) -> str:
    """The name of the answer for `tick` whose pages have `response_digest`, in hex."""
    parts = (parent or "", format_instant(tick.start), format_instant(tick.end), response_digest)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class ResponseDigest:
    """sha256 over the pages' bodies as received, each after its length in 8 bytes, little-endian."""

    def __init__(self) -> None:
        """Begin with no pages."""
        self._sha256 = hashlib.sha256()
        self.pages = 0
        self.size_bytes = 0

    def page(self, wire: bytes) -> None:
        """Add one page's body, as received."""
        self._sha256.update(len(wire).to_bytes(8, "little"))
        self._sha256.update(wire)
        self.pages += 1
        self.size_bytes += len(wire)

    def hex(self) -> str:
        """The digest of the pages so far."""
        return self._sha256.hexdigest()


def response_digest(pages: Iterable[bytes]) -> str:
    """The response digest of `pages`, each a body as received, in hex."""
    digest = ResponseDigest()
    for wire in pages:
        digest.page(wire)
    return digest.hex()
