"""Upkeep in the service, and by the command: one round of it from time to time. Never in the way of landing.

In the service a round is done once a day, within the window if there is one, a step at a time, by a thread that
neither collects nor lands; where the stream has a lease, only on the machine that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta

from coleta.errors import ColetaError
from coleta.land.window import Window
from coleta.ports import Housekeeping
from coleta.runtime.events import Maintained, Trouble
from coleta.runtime.log import follow
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import Station
from coleta.runtime.upkeep import Done, Turn, Upkeep

NOT_BEFORE = timedelta(minutes=10)
"""How long after its start a service begins: one that ends again and again shall do no upkeep again and again."""

EVERY = timedelta(days=1)
"""How often: each round that gives something up makes a data object without rows, so few are better."""

LOOK_AGAIN = timedelta(minutes=10)
"""How soon it is looked at again whether the window is open, the lease is here, or the store is back."""


class Maintainer:
    """Does the upkeep of one stream in a service, a step at a time."""

    def __init__(
        self, station: Station, housekeeping: Housekeeping, *, turn: Turn = nullcontext, window: Window | None = None
    ) -> None:
        """Begin; `turn` keeps landing away while the log is extended, `window` None means at any time."""
        self._station = station
        self._housekeeping = housekeeping
        self._turn = turn
        self._window = window
        self._round: tuple[Upkeep, Iterator[None]] | None = None
        self._due_at = station.world.clock.now() + NOT_BEFORE

    def step(self) -> datetime:
        """Do a little of what is due; when to be called again. Raises nothing that is no bug."""
        now = self._station.world.clock.now()
        # Bounded, since a clock may have been set back.
        if now < self._due_at <= now + 2 * EVERY:
            return min(self._due_at, now + LOOK_AGAIN)
        waits = self._waits_until(now)
        if waits is not None:
            self._round = None  # a day may pass: what it has looked at is looked at again then
            return waits
        return self._go_on(now)

    def _waits_until(self, now: datetime) -> datetime | None:
        """When to look again, if nothing may be done now."""
        if self._window is not None and not self._window.is_open(now):
            return min(self._window.next_open(now), now + LOOK_AGAIN)
        lease = self._station.lease
        if lease is not None and lease.renew_at is None:
            return now + LOOK_AGAIN
        return None

    def _go_on(self, now: datetime) -> datetime:
        if self._round is None:
            upkeep = Upkeep(self._station, self._housekeeping, turn=self._turn)
            self._round = upkeep, upkeep.steps()
        upkeep, steps = self._round
        try:
            next(steps)
        except StopIteration:
            self._round = None
            # A window opens at the same time each day, and a round takes a while: due as soon as it opens again.
            self._due_at = now + EVERY if self._window is None else max(self._window.next_open(now), now)
            self._station.world.tell(
                Maintained(self._station.stream.name, upkeep.done.expired, upkeep.done.deleted, upkeep.done.retired)
            )
        except ColetaError as error:
            self._round = None
            self._due_at = now + LOOK_AGAIN
            self._tell(error)
        return self._station.world.clock.now() if self._round is not None else min(self._due_at, now + LOOK_AGAIN)

    def _tell(self, error: ColetaError) -> None:
        self._station.world.tell(Trouble(self._station.stream.name, "upkeep", str(error), self._due_at))


def maintain(station: Station, housekeeping: Housekeeping, *, progress: Callable[[Done], None]) -> Done:
    """Do all that is due now: the roll-ups that are missing, then what was kept for long enough.

    Raises:
        StoreUnavailable, Misconfigured, Corrupt, Doubtful: called again, it goes on where it was.

    """
    follow(station.store, station.index, station.identity)
    upkeep, rolling = Upkeep(station, housekeeping), RollUps(station)
    while rolling.advance():
        upkeep.done.rolled_up = rolling.written
        progress(upkeep.done)
    for _ in upkeep.steps():
        progress(upkeep.done)
    return upkeep.done
