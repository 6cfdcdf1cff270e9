"""Stage 1, step 1: which ticks a person did not want to be asked. Pure: pauses and a plan go in, a plan comes out.

A tick belongs to a pause if it ends within it. While one goes on, nothing that the schedule names is asked, and
each tick that comes due is written down as ``gap(paused)``; one that nobody wrote down then, since no collector
was running, is written down later, by its end. What a person orders is asked all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from coleta.collect.cadence import Plan
from coleta.collect.tick import Interval
from coleta.errors import Misconfigured
from coleta.terms import canonical

FORMAT = 1

MOST_PAUSES = 1_000
"""How many are remembered: one a day for years. Of older ones all ticks are written down long since."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The instants after ``since`` up to and including ``until``; None: it goes on."""

    since: datetime
    until: datetime | None = None

    def holds(self, tick: Interval) -> bool:
        """Whether `tick` ends within it."""
        return self.since < tick.end and (self.until is None or tick.end <= self.until)


@dataclass(frozen=True, slots=True)
class Pauses:
    """A stream's pauses on one machine, oldest first; the last may go on."""

    pauses: tuple[Pause, ...] = ()
    format: int = FORMAT

    @property
    def since(self) -> datetime | None:
        """Since when the stream is paused; None: it is not."""
        return self.pauses[-1].since if self.pauses and self.pauses[-1].until is None else None

    def begun(self, now: datetime) -> Pauses:
        """With a pause from `now` on; the same where one goes on already."""
        if self.since is not None:
            return self
        return replace(self, pauses=(*self.pauses, Pause(now))[-MOST_PAUSES:])

    def ended(self, now: datetime) -> Pauses:
        """With the pause that goes on, if one does, ended at `now`."""
        if self.since is None:
            return self
        # A clock that was set back meanwhile makes it an empty one, never one that ends before it began.
        last = replace(self.pauses[-1], until=max(now, self.since))
        return replace(self, pauses=(*self.pauses[:-1], last))

    def to_json(self) -> bytes:
        """As it is remembered."""
        return canonical(self)

    @classmethod
    def from_json(cls, stored: bytes | None) -> Pauses:
        """What was remembered; none where nothing was.

        Raises:
            Misconfigured: it cannot be read.

        """
        if stored is None:
            return cls()
        try:
            found = _DECODER.decode(stored)
        except msgspec.MsgspecError as error:
            hint = "remove the file paused-… beside the spool, and pause the stream again if it is to be"
            raise Misconfigured(f"what is remembered of its pauses cannot be read: {error}", hint=hint) from None
        if found.format > FORMAT:
            raise Misconfigured("a newer version of Coleta has paused this stream", hint="upgrade Coleta")
        return found


def without_paused(plan: Plan, pauses: Pauses) -> tuple[Plan, tuple[Interval, ...]]:
    """What of `plan` is to be done, and the ticks that are to be written down as paused, oldest first."""
    if not pauses.pauses:
        return plan, ()

    def is_paused(tick: Interval) -> bool:
        return any(pause.holds(tick) for pause in pauses.pauses)

    missed = tuple(tick for tick in plan.missed if not is_paused(tick))
    # While it goes on nothing is asked: also not what had come due before and was not asked yet.
    ask = () if pauses.since is not None else tuple(tick for tick in plan.ask if not is_paused(tick))
    paused = sorted({*plan.ask, *plan.missed} - {*ask, *missed}, key=lambda tick: tick.end)
    return replace(plan, ask=ask, missed=missed), tuple(paused)


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(Pauses)
