"""Stage 1, step 3: a whole answer that is the data by its shape, and may still not be what was meant. Pure.

An API that lost its database answers 200 with an empty list; one behind a stuck cache gives yesterday's
body again. A stream's checks say what such an answer is taken for. Never looks at a value: that is landing's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from coleta.stream import Checks, IfDoubted

_BY_STERNNESS: tuple[IfDoubted, ...] = ("accept", "warn", "retry", "reject")


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole answer: how many records it has, by their shape alone, and its response digest."""

    records: int
    response: str | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is odd about an answer, in words for a person, and what its stream wants done."""

    what: str
    then: IfDoubted


def weigh(checks: Checks, seen: Seen, before: str | None) -> Doubt | None:
    """What `checks` hold against the answer `seen`; None if it is to be taken as it is.

    `before` is the response digest of the answer before it, if one is known. Where several checks fail, the
    sternest says what is done. An answer without records is never "the same as before": two empty pages are
    as alike as two answers can be, and whether that is odd is what ``on_empty`` says.
    """
    found: list[Doubt] = []
    if not seen.records:
        found.append(Doubt("no records came", checks.on_empty))
    if checks.min_rows is not None and seen.records < checks.min_rows:
        found.append(Doubt(f"{seen.records} records came, at least {checks.min_rows} are expected", checks.on_few))
    if seen.records and before is not None and seen.response == before:
        found.append(Doubt("the answer is byte for byte the one before it", checks.on_same))
    # `max` takes the first of equals: the more telling check stands first.
    doubt = max(found, key=lambda one: _BY_STERNNESS.index(one.then), default=None)
    return None if doubt is None or doubt.then == "accept" else doubt
