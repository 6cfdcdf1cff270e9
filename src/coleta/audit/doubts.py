"""Stage 3: which landed answers a stream's checks doubt, read from the records alone. Pure.

Nothing is written down when an answer is taken with a warning: the number of its records and its response
digest stand in the record anyway. So the count follows the checks as they are now, for all the past.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coleta.audit.account import TickLine
from coleta.collect.plausible import Doubt, Seen, weigh
from coleta.land.record import Outcome
from coleta.stream import Checks

_TAKEN = (Outcome.OK, Outcome.EMPTY)


@dataclass(frozen=True, slots=True)
class Doubted:
    """A tick whose answer was taken, and what the checks hold against it."""

    line: TickLine
    doubt: Doubt


def doubted(checks: Checks, lines: Iterable[TickLine]) -> list[Doubted]:
    """Those of `lines`, in tick order, whose answers were taken and are doubted by `checks`."""
    if checks == Checks():
        return []
    found: list[Doubted] = []
    before: str | None = None
    known: set[str | None] = set()
    for line in lines:
        account = line.account
        # An answer whose quarantine was read again later has more than one account.
        if account.outcome not in _TAKEN or account.answer in known:
            continue
        known.add(account.answer)
        doubt = weigh(checks, Seen(account.received, account.response), before)
        if doubt is not None:
            found.append(Doubted(line, doubt))
        before = account.response
    return found
