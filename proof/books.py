"""Asks the independent bookkeeper what a run came to, and counts instead of stopping at the first mistake.

*Accepted* is what the spool on the disk said at the moment of a kill: an answer that waited there, whole, was promised.
An answer that the API sent and that never came so far is not lost: its tick is asked again, or ends as a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from tests.end_to_end.bookkeeper import Balance, audit, read_spool
from tests.end_to_end.ledger_api import Sent

from proof.report import Tally


def accepted_ids(spools: Sequence[Path]) -> set[int]:
    """The ids in every answer that waits in one of `spools`, whose processes have ended."""
    return {one for spool in spools for file in spool.glob("waiting/*.spool") for one in read_spool(file)[2]}


def tally(
    lake: Path, stream: str, sent: Sequence[Sent], spools: Sequence[Path], *, accepted: Collection[int] = (), cuts: int
) -> tuple[Tally, Balance | None]:
    """What the books of `stream` come to, and the books, if they can be read at all.

    `cuts` is how many answers may have been cut off before they were accepted: one for each kill and each stop.
    """
    found = Tally()
    try:
        books = audit(lake, stream, sent, spools)
    except (AssertionError, OSError, ValueError, KeyError) as error:
        found.blame(f"the log cannot be read: {error}")
        return found, None
    promised = set(accepted)
    lost = [answer for answer in books.lost if promised & set(answer.ids)]
    cut = [answer for answer in books.lost if not promised & set(answer.ids)]
    # More than were in flight: some of them had been accepted, and nobody saw it.
    lost += cut[cuts:]
    found.lost = len(lost)
    found.doubled = len(books.doubled)
    found.silent = len(books.silent)
    found.wrong = len(books.wrong)
    found.said = [f"lost: {answer.ids}" for answer in lost] + books.doubled + books.silent + books.wrong
    return found, books
