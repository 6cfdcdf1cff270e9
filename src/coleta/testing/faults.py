"""What can go wrong at a call to the outside world, and when it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Protocol


class Fault(StrEnum):
    """One thing that goes wrong at one call."""

    CRASH_BEFORE = "crash_before"
    """The process dies, and the call has had no effect."""
    CRASH_AFTER = "crash_after"
    """The process dies, and the call has had its effect."""
    CRASH_LATE = "crash_late"
    """The process dies, and the call has its effect minutes later."""
    UNAVAILABLE = "unavailable"
    """The call fails, cleanly, without effect: an honest 503, or no connection."""
    LOST = "lost"
    """The call has its effect, and its answer is lost, or is a 500."""
    DOUBT = "doubt"
    """The call has no effect, and nobody can tell: a 500, or a connection that is cut."""
    LATE = "late"
    """The call has its effect later, up to minutes, and nobody can tell."""
    FALSE_EXISTS = "false_exists"
    """The store says that the name is taken (409, 412), though nothing was stored."""
    EXISTS_BY_US = "exists_by_us"
    """The call has its effect, and the store says that the name is taken: a repeat met our own success."""
    REFUSED = "refused"
    """The disk does not take it."""
    CUT = "cut"
    """The connection is cut within the response."""
    STATUS_500 = "status_500"
    """The API answers with an error."""
    NOT_DATA = "not_data"
    """The API answers 200, and it is not the data."""
    EMPTY = "empty"
    """The API answers 200 with no records, though there are some."""
    SAME = "same"
    """The API answers 200 with the very bytes of an answer before."""
    STALL = "stall"
    """This thread is held up for minutes before the call, while all others go on."""
    STOP = "stop"
    """The whole process is stopped for minutes before the call (SIGSTOP), then goes on as if nothing had been."""


_CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
_STOPS = (Fault.STALL, Fault.STOP)
_COMMIT = (Fault.LOST, Fault.DOUBT, Fault.LATE, *_CRASHES, Fault.CRASH_LATE, *_STOPS)

_EXCHANGE = (Fault.CUT, Fault.STATUS_500, Fault.NOT_DATA, *_CRASHES, *_STOPS)

MENU: dict[str, tuple[Fault, ...]] = {
    "transport.exchange": _EXCHANGE,
    "transport.checked": (*_EXCHANGE, Fault.EMPTY, Fault.SAME),
    "clock.look": (Fault.CUT, Fault.STATUS_500, Fault.CRASH_BEFORE, *_STOPS),
    "spool.draft": (Fault.REFUSED, Fault.CRASH_BEFORE),
    "spool.page": (Fault.REFUSED, Fault.CRASH_BEFORE),
    "spool.accept": (Fault.REFUSED, *_CRASHES, *_STOPS),
    "spool.read": (Fault.CRASH_BEFORE, *_STOPS),
    "spool.release": (*_CRASHES, *_STOPS),
    "store.create": (
        Fault.UNAVAILABLE,
        Fault.LOST,
        Fault.DOUBT,
        Fault.LATE,
        Fault.FALSE_EXISTS,
        Fault.EXISTS_BY_US,
        *_CRASHES,
        Fault.CRASH_LATE,
        *_STOPS,
    ),
    "store.read": (Fault.UNAVAILABLE, Fault.CRASH_BEFORE, *_STOPS),
    "store.size": (Fault.UNAVAILABLE, Fault.CRASH_BEFORE, *_STOPS),
    "store.names": (Fault.UNAVAILABLE, Fault.CRASH_BEFORE, *_STOPS),
    "store.delete": (Fault.UNAVAILABLE, Fault.LOST, *_CRASHES, *_STOPS),
    "cell.read": (Fault.UNAVAILABLE, Fault.CRASH_BEFORE, *_STOPS),
    "cell.replace": (Fault.UNAVAILABLE, Fault.LOST, *_CRASHES, *_STOPS),
    "table.open": (Fault.UNAVAILABLE, Fault.CRASH_BEFORE, *_STOPS),
    "table.create": _COMMIT,
    "table.widen": _COMMIT,
    "table.register": _COMMIT,
    "index.enter": (*_CRASHES, *_STOPS),
    "notes.remember": _CRASHES,
}
"""Which faults each kind of call can meet."""

DEADLY = (*_CRASHES, Fault.CRASH_LATE)
"""The faults of which a process dies: each may also be the last of its machine."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the outside world; ``number`` counts from 0 over the whole simulation."""

    number: int
    kind: str
    now: datetime


class FaultPlan(Protocol):
    """Decides what goes wrong where."""

    def at(self, call: Call) -> Fault | None:
        """The fault that `call` meets, if any."""


@dataclass(slots=True)
class NoFaults:
    """Nothing goes wrong."""

    def at(self, call: Call) -> Fault | None:
        """Nothing."""


@dataclass(slots=True)
class OneFault:
    """Exactly one call meets a fault."""

    number: int
    fault: Fault
    met: bool = False

    def at(self, call: Call) -> Fault | None:
        """The fault, at its call."""
        if call.number != self.number or self.fault not in MENU.get(call.kind, ()):
            return None
        self.met = True
        return self.fault


@dataclass(slots=True)
class RandomFaults:
    """Each call meets a fault with some chance, and the store or the API is down for some time."""

    random: Random
    rate: float
    store_outage: tuple[datetime, datetime] | None = None
    source_outage: tuple[datetime, datetime] | None = None
    over: bool = field(default=False)

    def at(self, call: Call) -> Fault | None:
        """What the seed says."""
        if self.over:
            return None
        if call.kind.startswith(_AT_THE_STORE) and _within(call.now, self.store_outage):
            return Fault.UNAVAILABLE
        if call.kind.startswith("transport.") and _within(call.now, self.source_outage):
            return Fault.STATUS_500
        menu = MENU.get(call.kind, ())
        return self.random.choice(menu) if menu and self.random.random() < self.rate else None


_AT_THE_STORE = ("store.", "cell.", "table.")


def _within(now: datetime, outage: tuple[datetime, datetime] | None) -> bool:
    return outage is not None and outage[0] <= now < outage[1]
