"""What a simulation is made of: the API, a computer with its disk, and one life of the program on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Literal, NoReturn, Protocol

from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.response import Fault as WireFault
from coleta.collect.tick import Interval
from coleta.stream import Checks, Stream
from coleta.testing.apis import Api, Catalogue
from coleta.testing.baton import Baton, Killed
from coleta.testing.faults import Fault
from coleta.testing.memory import MemoryIndex, MemoryNotes
from coleta.testing.setting import REFUSING, Setting

CLOCK_URL = "http://store.test/"
"""Where a process learns what time it is at the store."""

Errand = Literal["replay", "discard", "publish", "accept"]

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
    errand: Errand | None = None
    """What a person does from here, who goes away then; None: a collector and a lander work here."""
    done: bool = False
    pauses: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    """When people have paused the stream here, by this machine's clock; None: it goes on."""
    bodies: list[tuple[datetime, bytes]] = field(default_factory=list)
    """The answers accepted here that its checks do not refuse: the ends of their ticks, and their bytes."""

    @property
    def is_guest(self) -> bool:
        """Whether it is only another process on a computer, whose disk it shares."""
        return self.errand in ("publish", "accept")

    def body_before(self, end: datetime) -> bytes | None:
        """The bytes of the answer accepted here for the newest tick before the one that ends at `end`."""
        return max((one for one in self.bodies if one[0] < end), default=(end, None))[1]

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

    setting: Setting
    baton: Baton
    random: Random
    api: Api
    slow_until: datetime
    """When the last effect that is late has come, and who was stopped goes on."""

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
        self.looks_failed = 0
        """How often the store did not say what time it is."""
        self.paused: tuple[tuple[datetime, datetime | None], ...] = ()
        """The pauses of its machine, as they were when the collector began its step."""
        self.asked: Interval | None = None
        """The tick that was asked last."""
        self.landed: Callable[[], None] = lambda: None
        """Called after each step of the lander."""

    def meet(self, kind: str) -> Fault | None:
        """See ``Gate``."""
        return self.world.meet(self, kind)

    def die(self) -> NoReturn:
        """See ``Gate``."""
        self.world.crash(self)
        raise Killed

    def later(self, effect: Callable[[], None]) -> None:
        """See ``Gate``."""
        after = self.world.random.choice(LATE)
        self.world.baton.later(after, effect)
        self.world.slow_until = max(self.world.slow_until, self.world.baton.now + after)

    def now(self) -> datetime:
        """See ``Clock``."""
        now = self.world.clock_of(self.machine)
        self.newest = max(self.newest, now)
        return now

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """See ``Transport``."""
        if request.url == CLOCK_URL:
            return self._look_at_the_clock()
        asked = self.now()
        checks = self.world.setting.checks
        checked = {checks.on_empty, checks.on_same} & set(REFUSING)
        fault = self.meet("transport.checked" if checked else "transport.exchange")
        self.world.baton.pause(stall=timedelta(milliseconds=50))
        if fault is Fault.CUT:
            return Failed(WireFault.RESET, "simulated", self.now())
        status, body, tag = self._answer(request, fault)
        if fault is Fault.CRASH_AFTER:
            self.die()
        return Response(status, (*self._date(), *tag), body, body, None, asked, self.now())

    def _answer(self, request: Request, fault: Fault | None) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
        """The status and the body with which the API answers, and the ETag, if it gives one."""
        api = self.world.api
        if fault is Fault.STATUS_500:
            return 500, b"", ()
        wrong = self._wrong(fault, self.world.setting.checks)
        if wrong is not None:
            return 200, wrong, ()
        since = dict(request.headers).get("If-None-Match")
        if isinstance(api, Catalogue) and fault is not Fault.NOT_DATA and api.has_nothing_new(str(since)):
            return 304, b"", (("etag", api.etag),)
        body = api.body(request.url, self.world.baton.now)
        tag = (("etag", api.etag),) if isinstance(api, Catalogue) else ()
        return 200, b'{"error": "simulated"}' if fault is Fault.NOT_DATA else body, tag

    def _wrong(self, fault: Fault | None, checks: Checks) -> bytes | None:
        """An answer that is not what was meant, where the checks must find it."""
        if fault is Fault.EMPTY and checks.on_empty in REFUSING:
            return b"[]"
        if fault is Fault.SAME and checks.on_same in REFUSING and self.asked is not None:
            return self.machine.body_before(self.asked.end)
        return None

    def _look_at_the_clock(self) -> Response | Failed:
        asked = self.now()
        fault = self.meet("clock.look")
        if fault is Fault.CUT:
            self.looks_failed += 1
            return Failed(WireFault.RESET, "simulated", self.now())
        status = 500 if fault is Fault.STATUS_500 else 403
        return Response(status, self._date(), b"", b"", None, asked, self.now())

    def _date(self) -> tuple[tuple[str, str], ...]:
        return (("date", format_datetime(self.world.baton.now, usegmt=True)),)
