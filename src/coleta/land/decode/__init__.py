"""Stage 2, step 1: an answer and its own terms become typed columns, and the records that do not fit.

Promises: every record of the answer is landed, quarantined or counted as a duplicate, exactly one of
them; a value that lands is what stood in the body, exactly; a rejected record keeps its very bytes.
Never coerces, never guesses, and knows no clock, network or disk.

    bodies → pages → window → repeats → arrays       the fast way: a window at once
                       └ cut → judge → leaf          what fails: its records one by one
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping

from coleta.collect.cut import cut_object, first_element
from coleta.land.decode.outcome import AnswerRejected, NotRecords, Piece, Reason, Reject
from coleta.land.decode.pages import record_arrays
from coleta.land.decode.plan import Plan, plan_of
from coleta.land.decode.repeats import watched
from coleta.land.decode.window import Window, decode_window
from coleta.terms import Terms

__all__ = ["AnswerRejected", "NotRecords", "Piece", "Reason", "Reject", "decode"]

WINDOW_BYTES = 16 << 20
"""How much JSON is decoded at once: large enough to cost nothing, small enough to bound memory."""

PIECE_ROWS = 131_072
"""The most rows in a piece, and so in a row group: about what readers of Parquet like best."""


def decode(
    bodies: Iterable[bytes], terms: Terms, *, window_bytes: int = WINDOW_BYTES, piece_rows: int = PIECE_ROWS
) -> Iterator[Piece]:
    """The records in `bodies`, an answer's pages in order and without content coding, piece by piece.

    A record whose ``key`` came before in the answer is dropped and counted; one whose key is null in
    some field is not known by it, and lands. A page without records gives no piece. Memory is bounded
    by the window, except for the keys seen.

    An error may come after pieces: then none of them counts, for an answer is landed whole or not at all.

    Raises:
        NotRecords: a page cannot be cut into records.
        AnswerRejected: a record breaks the contract, and the terms refuse the answer for that.
        Misconfigured: the terms contradict themselves.

    """
    plan = plan_of(terms)
    names = watched(plan)
    seen: set[Hashable] = set()
    row = 0
    for body in bodies:
        drift: Mapping[str, int] | None = None
        for window in record_arrays(body, terms, window_bytes):
            if drift is None:
                drift = _first_drift(window, plan) if terms.unknown == "drop" else {}
            done = decode_window(window, row, plan, names)
            if done.received:
                row += done.received
                yield from _pieces(done, drift or done.drift, _repeated(done, terms, seen), piece_rows)
                drift = {}


def _first_drift(array: bytes, plan: Plan) -> Mapping[str, int]:
    first = first_element(array)
    if first[:1] != b"{":
        return {}
    names = {json.loads(name) for name, _ in cut_object(first)}
    return dict.fromkeys(sorted(names - plan.known), 1)


def _repeated(done: Window, terms: Terms, seen: set[Hashable]) -> list[bool] | None:
    """Which of the landed rows have a key that came before; None where no key is asked for."""
    if not terms.key:
        return None
    from coleta.land.decode.arrays import keys_of

    repeated = []
    for key in keys_of(done.columns, terms.key):
        repeated.append(key in seen)
        if key is not None:
            seen.add(key)
    return repeated


def _pieces(done: Window, drift: Mapping[str, int], repeated: list[bool] | None, piece_rows: int) -> Iterator[Piece]:
    """`done` without its repeated rows, cut to the size of pieces; what is counted goes with the first."""
    columns, rows, deduplicated = done.columns, done.rows, 0
    if repeated and (deduplicated := sum(repeated)):
        from coleta.land.decode.arrays import only

        columns = only(columns, [not again for again in repeated])
        rows = [row for row, again in zip(rows, repeated, strict=True) if not again]
    for start in range(0, max(len(rows), 1), piece_rows):
        part = rows[start : start + piece_rows]
        yield Piece(
            columns=columns.slice(start, piece_rows),
            rows=part,
            rejects=() if start else tuple(done.rejects),
            received=len(part) if start else len(part) + len(done.rejects) + deduplicated,
            deduplicated=0 if start else deduplicated,
            nulled=0 if start else done.nulled,
            drift={} if start else drift,
        )
