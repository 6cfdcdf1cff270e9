"""Stage 2, step 1: what decoding gives. Values and refusals only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from coleta.collect.cut import NotRecords

if TYPE_CHECKING:
    import pyarrow

__all__ = ["AnswerRejected", "NotRecords", "Piece", "Reason", "Reject"]

Reason = Literal[
    "not_an_object",
    "duplicate_key",
    "unknown_field",
    "missing",
    "null",
    "type",
    "range",
    "too_large",
    "not_a_number",
    "surrogate",
    "format",
    "enum",
    "pattern",
    "length",
]
"""Why a record is not landed. Append-only: records in the log and users' queries name them.

``too_large`` is an integer beyond 64 bits; ``range`` anything else that is too big, too small or finer
than its column; ``format`` a text that spells no date, time or number; ``not_a_number`` NaN or Infinity;
``surrogate`` half of a UTF-16 pair, which no text may hold.
"""


class AnswerRejected(NotRecords):
    """A record broke the contract, and the terms then refuse the whole answer."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that broke the contract: which one of the answer, where and why, and its very bytes."""

    row: int
    path: str
    reason: Reason
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer, decoded. ``received == len(rows) + len(rejects) + deduplicated``.

    ``columns`` holds the contract's fields, and ``_extra`` where unknown members are kept. ``rows`` are
    the landed rows' places in the whole answer, before filters, counted from 0 across pages.
    ``nulled`` counts the values that broke the contract and were set to null. ``drift`` counts members
    that the contract does not know by name: exactly where the terms keep them; where they are dropped,
    only those of the first record of each page, since counting them all would cost more than decoding.
    """

    columns: pyarrow.RecordBatch
    rows: Sequence[int]
    rejects: tuple[Reject, ...] = ()
    received: int = 0
    deduplicated: int = 0
    nulled: int = 0
    drift: Mapping[str, int] = field(default_factory=dict)
