"""Of which ticks rows are asked for."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Span(NamedTuple):
    """The dates of ticks between which rows are asked for, both included; None: no bound."""

    since: date | None = None
    until: date | None = None

    def has(self, day: date) -> bool:
        """Whether `day` lies in it."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)


EVERYTHING = Span()
