"""What a simulation is made of: the API, a computer with its disk, and one life of the program on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import NoReturn, Protocol

from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.response import Fault as WireFault
from coleta.stream import Stream
from coleta.testing.apis import Api
from coleta.testing.baton import Baton, Killed
from coleta.testing.faults import Fault
from coleta.testing.memory import MemoryIndex, MemoryNotes

LATE = (timedelta(seconds=1), timedelta(seconds=150), timedelta(minutes=4))
"""How late a late effect comes: at once, after two ticks, or after all others have long moved on."""


@dataclass(eq=False, slots=True)
class Machine:
    """A computer with a disk that outlives its processes."""

    number: int
    stream: Stream
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    files: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    indexes: dict[str, MemoryIndex] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """The answers accepted here, by the name of their spool file."""
    process: Process | None = None
    starts: int = 0
    doomed: bool = False
    """Whether the next death of its process is its own."""
    dead: bool = False

    def lose_disk(self) -> set[str]:
        """Lose all that lies here; the answers among it."""
        self.dead = True
        lost = {self.answers[name] for name in self.files if name in self.answers}
        self.files.clear()
        self.indexes.clear()
        self.notes.notes.clear()
        return lost


class Surroundings(Protocol):
    """What a process is in: the simulation."""

    baton: Baton
    random: Random
    api: Api

    def meet(self, process: Process, kind: str) -> Fault | None:
        """Give others their turn; what this call meets."""

    def crash(self, process: Process) -> None:
        """Let `process` die."""

    def clock_of(self, machine: Machine) -> datetime:
        """What the clock of `machine` shows."""


class Process:
    """One life of a program on a machine: its gate to the outside, its clock and its transport."""

    def __init__(self, world: Surroundings, machine: Machine) -> None:
        """Begin a life on `machine`."""
        self.world = world
        self.machine = machine
        self.newest = world.clock_of(machine)
        """The latest instant that the collector can have known of when it decided what to ask."""

    def meet(self, kind: str) -> Fault | None:
        """See ``Gate``."""
        return self.world.meet(self, kind)

    def die(self) -> NoReturn:
        """See ``Gate``."""
        self.world.crash(self)
        raise Killed

    def later(self, effect: Callable[[], None]) -> None:
        """See ``Gate``."""
        self.world.baton.later(self.world.random.choice(LATE), effect)

    def now(self) -> datetime:
        """See ``Clock``."""
        now = self.world.clock_of(self.machine)
        self.newest = max(self.newest, now)
        return now

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """See ``Transport``."""
        asked = self.now()
        fault = self.meet("transport.exchange")
        self.world.baton.pause(stall=timedelta(milliseconds=50))
        if fault is Fault.CUT:
            return Failed(WireFault.RESET, "simulated", self.now())
        status, body = 200, b""
        if fault is Fault.STATUS_500:
            status = 500
        elif fault is Fault.NOT_DATA:
            body = b'{"error": "simulated"}'
        else:
            body = self.world.api.body(request.url, self.world.baton.now)
        if fault is Fault.CRASH_AFTER:
            self.die()
        date = format_datetime(self.world.baton.now, usegmt=True)
        return Response(status, (("date", date),), body, body, None, asked, self.now())
