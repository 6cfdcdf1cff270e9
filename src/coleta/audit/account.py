"""Stage 3: what became of every tick, read from the records alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from coleta.audit.redriven import accounts_now
from coleta.collect.coverage import Coverage
from coleta.collect.tick import RESOLUTION, Interval
from coleta.land.commit import Committed, Head
from coleta.land.record import Account, Outcome
from coleta.land.tally import Tally, Totals


@dataclass(frozen=True, slots=True)
class TickLine:
    """One tick with its current outcome, and where that is written down."""

    account: Account
    seq: int
    name: str
    open: tuple[Interval, ...] = ()
    """Of a gap the parts that no answer has replaced."""


def timeline(commits: Iterable[Committed], answered: Coverage) -> list[TickLine]:
    """Every tick with its current outcome, in tick order; a gap that answers have replaced is left out."""
    lines: list[TickLine] = []
    for committed, account in accounts_now(commits):
        open_parts: tuple[Interval, ...] = ()
        if account.outcome is Outcome.GAP:
            open_parts = tuple(part for mine in account.settles for part in answered.uncovered(mine))
            if not open_parts:
                continue
        lines.append(TickLine(account, committed.record.seq, committed.name, open_parts))
    return sorted(lines, key=lambda line: (line.account.tick.end, line.seq))


def holes(head: Head, until: datetime) -> tuple[Interval, ...]:
    """The instants from the first tick to `until` that nothing has settled."""
    since = head.first_tick - RESOLUTION
    return head.settled.uncovered(Interval(since, until)) if until > since else ()


def totals(accounts: Iterable[Account]) -> Totals:
    """Add up `accounts`."""
    tally = Tally()
    tally.add(accounts)
    return tally.totals()
