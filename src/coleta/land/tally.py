"""Stage 2, after the fact: how many ticks had which outcome, and what became of their records. Pure.

Counted are accounts, commit by commit, so a gap that answers have replaced since is counted too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from coleta.land.record import Account, Record

PAGE = ".raw.zst"
"""How the quarantine files of an answer that was no data end; a redrive takes up none with others."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over accounts: ticks by outcome, records by fate."""

    outcomes: dict[str, int]
    received: int = 0
    landed: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    nulled: int = 0


class Tally:
    """Adds accounts up, and keeps none."""

    def __init__(self, so_far: Totals | None = None) -> None:
        """Begin at nothing, or with what was counted before."""
        before = so_far or Totals({})
        self._outcomes: Counter[str] = Counter(before.outcomes)
        self._sums = [before.received, before.landed, before.quarantined, before.deduplicated, before.nulled]

    def commit(self, record: Record) -> None:
        """Count all accounts of `record`."""
        no_data = any(path.endswith(PAGE) for path in record.redrives)
        self.add(record.accounts, redriven=record.kind == "redrive", no_data=no_data)

    def add(self, accounts: Iterable[Account], *, redriven: bool = False, no_data: bool = False) -> None:
        """Count `accounts`; those that are `redriven` tell anew what became of records counted before.

        An answer that was `no_data` had no records until it was redriven.
        """
        for one in accounts:
            self._outcomes[str(one.outcome)] += not redriven
            received, quarantined = one.received, one.quarantined
            if redriven and not no_data:
                received, quarantined = 0, quarantined - received
            more = (received, one.landed, quarantined, one.deduplicated, one.nulled)
            self._sums = [total + count for total, count in zip(self._sums, more, strict=True)]

    def totals(self) -> Totals:
        """The sums so far."""
        return Totals({name: count for name, count in sorted(self._outcomes.items()) if count}, *self._sums)
