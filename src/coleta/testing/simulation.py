"""The production code in a world where everything goes wrong, repeatably.

Two collectors, each a process with a collecting and a landing actor, share one store. Every call to
the outside may meet a fault; processes die and start again. When the faults are over the world comes
to rest, and the ``Bookkeeper`` compares what was accepted with what the store holds.

``simulator`` is the way in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NoReturn

from coleta.adapters.below import Below
from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.response import Fault as WireFault
from coleta.collect.spool import Spooled
from coleta.contract.types import Contract, Field, Int
from coleta.errors import Retryable
from coleta.land.commit import Identity
from coleta.ports import Index, Spool
from coleta.runtime.collector import Collector
from coleta.runtime.events import Accepted, Event, Gapped
from coleta.runtime.lander import Lander
from coleta.runtime.opening import Premises, open_station
from coleta.runtime.station import Station, World
from coleta.stream import CatchUp, Every, Landing, PageNumber, SinglePage, Source, Stream
from coleta.terms import Terms
from coleta.testing.baton import Baton, Killed
from coleta.testing.bookkeeper import Bookkeeper, crc
from coleta.testing.faults import Call, Fault, FaultPlan
from coleta.testing.gates import GatedIndex, GatedNotes, GatedSpool, GatedStore
from coleta.testing.memory import MemoryIndex, MemoryNotes, MemoryScratch, MemorySpool, MemoryStore, SeededIds

MINUTE = timedelta(minutes=1)
STALL = timedelta(minutes=4)
NEAR_MIDNIGHT = datetime(2026, 11, 24, 23, 57, 30, tzinfo=UTC)
MOST_TURNS = 60_000

CONTRACT = Contract((Field("id", Int()), Field("value", Int())))


@dataclass(frozen=True, slots=True)
class Setting:
    """What one simulation is about. ``minutes`` is how long ticks come due; faults stop with it."""

    machines: int = 2
    minutes: int = 5
    every: tuple[timedelta, ...] = (MINUTE, MINUTE)
    land_every: timedelta = timedelta(0)
    catch_up: CatchUp = "latest"
    pages: int = 1
    start: datetime = NEAR_MIDNIGHT
    edits: bool = False
    """Whether people edit the project file between two lives of a process: its schedule, its terms."""

    @classmethod
    def drawn(cls, random: Random) -> Setting:
        """A setting as the seed has it."""
        return cls(
            machines=random.choice((1, 2, 2, 2)),
            minutes=random.choice((4, 6)),
            every=(MINUTE, random.choice((MINUTE, MINUTE, timedelta(seconds=90)))),
            land_every=random.choice((timedelta(0), timedelta(seconds=100))),
            catch_up=random.choice(("latest", "all", "none")),
            pages=random.choice((1, 1, 2)),
            start=NEAR_MIDNIGHT + random.choice((timedelta(0), timedelta(hours=5))),
            edits=random.random() < 1 / 3,
        )


@dataclass(slots=True)
class _Source:
    """The API: invents records at each request, so that each of them can be told from any other."""

    world: Simulation
    issued: int = 0

    def body(self, pages: int, page: int) -> bytes:
        """A page of up to three records, one in seven of them bad; the last page is empty."""
        if pages > 1 and page > pages:
            return b"[]"
        records = []
        for _ in range(self.world.random.choice((1, 2, 3)) if pages > 1 else self.world.random.choice((0, 1, 2, 3))):
            self.issued += 1
            bad = self.world.random.random() < 1 / 7
            records.append({"id": self.issued, "value": "bad" if bad else self.issued})
        return json.dumps(records).encode()


@dataclass(eq=False, slots=True)
class _Machine:
    """A computer with a disk that outlives its processes."""

    number: int
    stream: Stream
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    files: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    indexes: dict[str, MemoryIndex] = field(default_factory=dict)
    process: _Process | None = None
    starts: int = 0


class _Process:
    """One life of a program on a machine; its gate to the outside."""

    def __init__(self, world: Simulation, machine: _Machine) -> None:
        self.world = world
        self.machine = machine

    def meet(self, kind: str) -> Fault | None:
        return self.world.meet(self, kind)

    def die(self) -> NoReturn:
        self.world.crash(self)
        raise Killed

    def later(self, after: timedelta, effect: Callable[[], None]) -> None:
        self.world.baton.later(after, effect)

    # The ports that are made here ----------------------------------------------------------------

    def now(self) -> datetime:
        return self.world.baton.now

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
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
            page = int(request.url.rpartition("page=")[2] or 1) if "page=" in request.url else 1
            body = self.world.source.body(self.world.setting.pages, page)
        if fault is Fault.CRASH_AFTER:
            self.die()
        return Response(status, (), body, body, None, asked, self.now())


class Simulation:
    """One world, from its start to its rest."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan) -> None:
        """Prepare; nothing runs yet."""
        self.setting = setting
        self.random = Random(seed)
        self.faults = faults
        self.baton = Baton(self.random, setting.start, most_turns=MOST_TURNS)
        self.ids = SeededIds(seed)
        self.store = MemoryStore()
        self.source = _Source(self)
        self.books = Bookkeeper()
        self.calls: list[str] = []
        self.calls_until_calm = 0
        self.end = setting.start + setting.minutes * MINUTE
        self.calm = False
        self.closing = False
        self.machines = [_Machine(n, _stream(setting, n)) for n in range(setting.machines)]

    def run(self) -> list[str]:
        """Run to the end; every way in which the promise was broken."""
        try:
            for machine in self.machines:
                self.start(machine, after=timedelta(seconds=machine.number))
            self.baton.run(lambda: self.baton.now >= self.end)
            self._calm_down()
            # Long enough for every pause and every deadline to pass, and for late effects to come.
            settled = self.end + 12 * MINUTE
            self.baton.run(lambda: self.baton.now >= settled)
            self.closing = True
            self.baton.rouse()
            self.baton.run(self._at_rest)
        except Exception as error:  # noqa: BLE001 - a broken law or a bug, told as every other fault is
            return [f"{type(error).__name__}: {error}"]
        finally:
            self.baton.end()
        return self.check()

    def _calm_down(self) -> None:
        self.calm = True
        self.calls_until_calm = len(self.calls)
        for machine in self.machines:
            if machine.process is None:
                self.start(machine)

    def _at_rest(self) -> bool:
        return not any(machine.files for machine in self.machines)

    def check(self) -> list[str]:
        """Compare what was accepted with what the store holds now."""
        prefix = "compras/"
        objects = {name.removeprefix(prefix): self.store.read(name) or b"" for name in self.store.names(prefix)}
        identity = Identity.from_json(objects["_ledger/identity.json"])
        return self.books.check(objects, first=identity.first_tick, until=self.end - MINUTE)

    def digest(self) -> tuple[int, int]:
        """What tells two runs apart: how many calls were made, and every byte of the store."""
        return len(self.calls), crc({name: self.store.read(name) or b"" for name in self.store.names("")})

    # Processes -----------------------------------------------------------------------------------

    def start(self, machine: _Machine, *, after: timedelta = timedelta(0)) -> None:
        """Start a process on `machine`, which has forgotten its index in one of five cases."""
        if machine.starts and self.random.random() < 1 / 5:
            machine.indexes.clear()
        if machine.starts and self.setting.edits:
            every = self.random.choice((MINUTE, timedelta(seconds=90), timedelta(seconds=40)))
            terms = self.random.choice((Terms(CONTRACT), Terms(CONTRACT, key=("id",))))
            machine.stream = replace(machine.stream, schedule=Every(every), terms=terms)
        machine.starts += 1
        process = machine.process = _Process(self, machine)
        name = f"m{machine.number}.{machine.starts}"
        self.baton.spawn(f"{name}.open", process, lambda: self._open(name, process), after=after)

    def meet(self, process: _Process, kind: str) -> Fault | None:
        """A turn of the baton, then the fault that the plan has for this call."""
        self.baton.pause()
        number = len(self.calls)
        self.calls.append(kind)
        if self.calm:
            return None
        fault = self.faults.at(Call(number, kind, self.baton.now))
        if fault is Fault.CRASH_BEFORE:
            process.die()
        if fault is Fault.STALL:
            self.baton.pause(stall=STALL)
            return None
        return fault

    def crash(self, process: _Process) -> None:
        """Let `process` die; its machine starts another one after a while."""
        self.baton.kill(process)
        process.machine.process = None
        wait = self.random.choice((timedelta(seconds=1), timedelta(seconds=30), 3 * MINUTE))

        def again() -> None:
            if process.machine.process is None:
                self.start(process.machine)

        self.baton.later(wait, again)

    def _open(self, name: str, process: _Process) -> None:
        station = None
        while station is None:
            try:
                station = open_station(self._premises(process), self._world(process))
            except Retryable:
                self.baton.sleep_until(self.baton.now + timedelta(seconds=5))
        opened = station
        self.baton.spawn(f"{name}.collect", process, lambda: self._collect(opened, process))
        self.baton.spawn(f"{name}.land", process, lambda: self._land(opened))

    def _collect(self, station: Station, process: _Process) -> None:
        collector = Collector(station)
        while not self.closing:
            self.baton.sleep_until(collector.step())
            if self.closing:
                return

    def _land(self, station: Station) -> None:
        lander = Lander(station)
        while True:
            self.baton.sleep_until(lander.step(hurry=self.closing))
            if self.closing and lander.idle:
                return

    def _world(self, process: _Process) -> World:
        def tell(event: Event) -> None:
            if isinstance(event, Accepted | Gapped):
                self.baton.rouse(process)

        return World(
            clock=process, ids=self.ids, transport=process, owner=f"m{process.machine.number}", tool="sim", tell=tell
        )

    def _premises(self, process: _Process) -> Premises:
        machine = process.machine

        def spool_for(identity: Identity) -> Spool:
            inner = MemorySpool(uuid=identity.uuid, now=process.now, files=machine.files)

            def accepted(entry: Spooled) -> None:
                if entry.trailer.answer is not None:
                    pages = inner.read(entry).pages()
                    (tick,) = entry.intervals
                    bodies = b"\n".join(wire for _, wire in pages)
                    self.books.note(entry.trailer.answer, (tick.start, tick.end), bodies)

            return GatedSpool(inner, process, accepted)

        def index_for(identity: Identity) -> Index:
            inner = machine.indexes.setdefault(identity.uuid, MemoryIndex())
            return GatedIndex(inner, process)

        return Premises(
            stream=machine.stream,
            root=GatedStore(self.store, process),
            store=Below(GatedStore(self.store, process), "compras"),
            notes=GatedNotes(machine.notes, process),
            scratch=MemoryScratch(),
            spool_for=spool_for,
            index_for=index_for,
        )


def _stream(setting: Setting, number: int) -> Stream:
    paging = PageNumber(max_pages=5) if setting.pages > 1 else SinglePage()
    return Stream(
        name="compras",
        project="sim",
        store="memory://",
        path="compras",
        source=Source(url="http://api.test/compras", paging=paging, deadline=MINUTE),
        schedule=Every(setting.every[number % len(setting.every)]),
        terms=Terms(CONTRACT),
        catch_up=setting.catch_up,
        landing=Landing(every=setting.land_every),
    )
