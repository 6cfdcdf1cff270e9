"""Stage 2, step 1, for answers that are landed without some of their records. Pure.

Two things keep a record out: the state that its answer began with knows it, or another answer has its
part of the tick. What is kept out counts as deduplicated; what is kept is decoded as always, and keeps its
place in the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.collect.carry import Known
from coleta.collect.marks import Marker
from coleta.collect.tick import RESOLUTION, Interval
from coleta.land.decode import Piece, decode
from coleta.land.decode.pages import records_array
from coleta.land.decode.plan import plan_of
from coleta.land.decode.window import cut
from coleta.terms import Terms

if TYPE_CHECKING:
    import pyarrow

Keep = Callable[[bytes], bool]
"""Whether the record with these bytes is landed."""


def unknown_to(known: Known, terms: Terms) -> Keep:
    """Keep what `known` does not know."""
    marker = Marker(terms)
    return lambda raw: not known.knows(marker.mark(raw))


def belonging_to(settles: Sequence[Interval], terms: Terms) -> Keep:
    """Keep what the cursor value places in one of the intervals; what it does not place is not kept."""
    marker = Marker(terms)

    def keep(raw: bytes) -> bool:
        place = marker.place(raw)
        return isinstance(place, datetime) and any(
            # A record is placed by the microsecond that holds it; intervals are of whole microseconds.
            one.overlaps(Interval(place - RESOLUTION, place))
            for one in settles
        )

    return keep


def all_placed(bodies: Iterable[bytes], terms: Terms) -> bool:
    """Whether every record says when it is from, so that it can be told to whom it belongs.

    Raises:
        NotRecords: a page cannot be cut into records.

    """
    marker = Marker(terms)
    return all(marker.place(raw) is not None for body in bodies for raw in cut(records_array(body, terms)))


def sieved(bodies: Iterable[bytes], terms: Terms, keep: Keep) -> Iterator[Piece]:
    """The pieces of ``decode`` for those records of `bodies` that `keep` lets through; the others are counted.

    Raises:
        NotRecords: as ``decode`` does.

    """
    sieve = _Sieve(terms, keep)
    # What is left of a page is an array, wherever its records stood.
    for piece in decode(sieve.pages(bodies), terms.of_array):
        yield sieve.placed(piece)
    if sieve.dropped:
        yield sieve.placed(Piece(columns=_no_rows(terms), rows=()))


@dataclass(slots=True)
class _Sieve:
    terms: Terms
    keep: Keep
    places: list[int] = field(default_factory=list)
    """The place in its answer of each record that was kept."""
    seen: int = 0
    dropped: int = 0
    """Records kept out since the last piece."""

    def pages(self, bodies: Iterable[bytes]) -> Iterator[bytes]:
        for body in bodies:
            raws = cut(records_array(body, self.terms))
            chosen = [self.keep(raw) for raw in raws]
            self.places += [self.seen + at for at, kept in enumerate(chosen) if kept]
            self.seen += len(raws)
            self.dropped += chosen.count(False)
            if any(chosen):
                yield b"[" + b",".join(raw for raw, kept in zip(raws, chosen, strict=True) if kept) + b"]"

    def placed(self, piece: Piece) -> Piece:
        dropped, self.dropped = self.dropped, 0
        return replace(
            piece,
            rows=[self.places[row] for row in piece.rows],
            rejects=tuple(replace(reject, row=self.places[reject.row]) for reject in piece.rejects),
            received=piece.received + dropped,
            deduplicated=piece.deduplicated + dropped,
        )


def _no_rows(terms: Terms) -> pyarrow.RecordBatch:
    from coleta.land.decode.arrays import record_batch

    return record_batch(plan_of(terms), [])
