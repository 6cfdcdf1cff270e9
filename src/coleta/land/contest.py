"""Stage 2, step 4, among several landers: when to ask the others to wait, and whether to. Pure.

A slow put can lose every race against a fast one, for a store decides at the end of a put. A lander that was
beaten twice asks for some time in a turn, which is small and soon put. A courtesy: nothing rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coleta.land.record import Wait

BEATEN = 2
"""Races lost in a row before a lander asks for time: one is chance, and asking costs a commit."""

SHORTEST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=15)
"""Whoever asks may have died since; and 5 GB take so long on 50 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What one lander remembers of its last puts: races lost in a row, and how long the last put took."""

    lost: int = 0
    put_took: timedelta = timedelta(0)

    def won(self) -> Contest:
        """After a put that made the next object."""
        return replace(self, lost=0)

    def beaten(self, put_took: timedelta) -> Contest:
        """After a put that came second."""
        return Contest(self.lost + 1, put_took)

    def plea(self, owner: str, now: datetime) -> Wait | None:
        """What to ask of the others before the next put: twice the time that the last one took."""
        if self.lost < BEATEN:
            return None
        return Wait(owner, now + min(max(self.put_took * 2, SHORTEST_WAIT), LONGEST_WAIT))


def held_until(wait: Wait | None, owner: str, now: datetime) -> datetime | None:
    """Until when `owner` is to hold its puts, since another has asked for it; None if there is no such plea."""
    if wait is None or wait.owner == owner or wait.until <= now:
        return None
    # The other's clock may be wrong; whatever it says, no plea holds longer than one may.
    return min(wait.until, now + LONGEST_WAIT)
