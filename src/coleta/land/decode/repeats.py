"""Stage 2, step 1: names that come twice in one object, which msgspec does not see: the last one wins.

Counting is cheap and looking is not. The names in a text are counted as bytes and compared with the
values that were decoded; only where there are more is the text looked at record by record. A count may
be too high (a text or a dropped object may hold the same name), never too low: JSON can spell a name in
other ways, and those are counted too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import msgspec
import stringzilla
from msgspec import UNSET, Raw

from coleta.land.decode.plan import Items, Leaf, Members, Plan, Shape

_BY_NAME = msgspec.json.Decoder(dict[str, Raw])
_ALL_BY_NAME = msgspec.json.Decoder(list[dict[str, Raw]])
_ESCAPED_ASCII = re.compile(rb"\\u00[0-7]")
# A name of these could begin with the quote that ends another string.
_STRUCTURAL = re.compile(r"[,:{}\[\]]")


@dataclass(frozen=True, slots=True)
class Watched:
    """A name that may not come twice: as usually written, and in all the ways that JSON can spell it."""

    name: str
    needle: bytes
    spelled: re.Pattern[bytes]
    countable: bool
    plain: bool


def watched(plan: Plan) -> tuple[Watched, ...]:
    """The names to be watched: all that the contract reads, at any depth."""
    return tuple(_watched(name) for name in sorted(_names(plan.root)))


def repeats(text: bytes, records: Sequence[msgspec.Struct], plan: Plan, names: Sequence[Watched]) -> bool:
    """Whether some name may come twice in the array `text`, which was decoded into `records`."""
    if not all(name.countable for name in names):
        return True
    expected = _expected(plan.root, records)
    escapes = b"\\" in text
    escaped_ascii = escapes and _ESCAPED_ASCII.search(text) is not None
    over = []
    for name in names:
        literal = not escapes or (name.plain and not escaped_ascii)
        # bytes.count, over every page for every name, would cost more than decoding; SIMD takes a tenth of it.
        if literal and stringzilla.count(text, name.needle) == expected[name.name]:
            continue
        if (count := len(name.spelled.findall(text))) != expected[name.name]:
            over.append((name, count))
    return bool(over) and _still_over(text, over, expected, plan)


def members_of(text: bytes) -> dict[str, bytes] | None:
    """The members of `text`, strict JSON of an object, each value as it stands; None if a name may come twice."""
    members = {name: bytes(value) for name, value in _BY_NAME.decode(text).items()}
    # Each member has one colon of its own; a value that was lost to a later one leaves its own behind.
    colons = text.count(b":") - b"".join(members.values()).count(b":")
    return members if colons == len(members) else None


def _still_over(text: bytes, over: Sequence[tuple[Watched, int]], expected: Counter[str], plan: Plan) -> bool:
    """Without what stands inside members that are dropped or kept as text, where a name may come again."""
    entered = {member.name for member in plan.root.members if not isinstance(member.shape, Leaf)}
    counts = {name.name: count for name, count in over}
    for members in _ALL_BY_NAME.decode(text):
        for member, value in members.items():
            if member in entered:
                continue
            inside = bytes(value)
            if inside[:1] in (b"{", b"["):
                for name, _ in over:
                    counts[name.name] -= len(name.spelled.findall(inside))
    return any(count != expected[name] for name, count in counts.items())


def _names(shape: Shape) -> set[str]:
    match shape:
        case Leaf():
            return set()
        case Items(item=item):
            return _names(item.shape)
        case Members(members=members):
            inner = (_names(member.shape) for member in members)
            return {member.name for member in members}.union(*inner)


def _watched(name: str) -> Watched:
    return Watched(
        name=name,
        needle=b'"' + name.encode() + b'"',
        spelled=re.compile(b'"' + b"".join(map(_spelling, name)) + rb'"[ \t\r\n]*:'),
        countable=not _STRUCTURAL.search(name),
        plain=name.isascii() and "/" not in name,
    )


def _spelling(char: str) -> bytes:
    ways = [re.escape(char.encode())]
    units = char.encode("utf-16-be")
    ways.append(b"".join(rb"\\u(?i:%s)" % units[at : at + 2].hex().encode() for at in range(0, len(units), 2)))
    if char == "/":
        ways.append(rb"\\/")
    return b"(?:" + b"|".join(ways) + b")"


def _expected(root: Members, records: Sequence[msgspec.Struct]) -> Counter[str]:
    counts: Counter[str] = Counter()
    _count(root, records, counts)
    return counts


def _count(shape: Shape, values: Sequence[object], counts: Counter[str]) -> None:
    """Add how often each name must stand in the text from which `values` were decoded."""
    match shape:
        case Leaf():
            return
        case Items(item=item):
            inner = chain.from_iterable(value for value in values if isinstance(value, list))
            _count(item.shape, [value for value in inner if value is not None], counts)
        case Members(members=members):
            for member in members:
                if member.required and isinstance(member.shape, Leaf):
                    counts[member.name] += len(values)
                    continue
                found = [value for value in map(attrgetter(member.attribute), values) if value is not UNSET]
                counts[member.name] += len(found)
                _count(member.shape, [value for value in found if value is not None], counts)
