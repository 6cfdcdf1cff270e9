"""The production code on real disks that lose power: at every step, in every state that this may leave.

Two collectors of one project, each with its own spool, land in one store; all three lie on one disk. They
live a short life: answers, a gap, records that break the contract, an answer that another superseded,
midnight. Each step by which they change the disk is written down. Then, for every one of those steps,
what a power loss may have left just after it is laid out in an empty folder, the program is started on
it and brought to rest, and the ``Bookkeeper`` compares what was accepted before with what is landed now.

SQLite makes its own calls, so its file is looked at after each of ours: what it wrote to the journal
counts as not synced, as its setting has it, and the rest as synced.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NoReturn

from coleta.adapters.below import Below
from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.disk_notes import DiskNotes
from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.durable import make_folders
from coleta.adapters.file_store import FileStore
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.spool import Spooled
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.ports import Index, Spool
from coleta.runtime.collector import Collector
from coleta.runtime.lander import Lander
from coleta.runtime.opening import Premises, open_station
from coleta.runtime.station import Station, World
from coleta.testing.apis import Inventing
from coleta.testing.bookkeeper import Bookkeeper
from coleta.testing.faults import Fault
from coleta.testing.gates import GatedSpool
from coleta.testing.memory import ManualClock, MemoryScratch, SeededIds
from coleta.testing.setting import MINUTE, NEAR_MIDNIGHT, Setting
from coleta.testing.torn_disk import RecordedDisk, Remains, Step, TornDisk

STREAM = replace(Setting(catch_up="all").stream(0), store="file:///lake")
MACHINES = ("a", "b")
ROUNDS = 2
"""How many minutes the program is given to come to rest: one to land what waits, one to ask what is open then."""


def _sync_nothing(fd: int) -> None:
    """Take a moment less: what a second power loss would do is not asked."""


@dataclass(eq=False)
class _Answers:
    """The API: new records each time, or the status that it is told."""

    clock: ManualClock
    api: Inventing
    status: int = 200

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """See ``Transport``."""
        now = self.clock.now()
        body = self.api.body(request.url, now) if self.status == 200 else b""
        return Response(self.status, (), body, body, None, now, now)


@dataclass(eq=False)
class _Look:
    """A gate at which nothing happens, but that somebody looks before each call."""

    look: Callable[[], None]

    def meet(self, kind: str) -> Fault | None:
        """See ``Gate``."""
        self.look()
        return None

    def die(self) -> NoReturn:
        """See ``Gate``; not called, since no fault is met."""
        raise AssertionError

    def later(self, effect: Callable[[], None]) -> None:
        """See ``Gate``; not called."""
        raise AssertionError


@dataclass(eq=False)
class _House:
    """The collectors and their store, all on the disk below ``root``."""

    root: Path
    disk: DiskCalls
    clock: ManualClock
    answers: _Answers
    ids: SeededIds
    note: Callable[[Spooled, Spool], None]
    look: Callable[[], None]
    closing: ExitStack = field(default_factory=ExitStack)
    stations: dict[str, Station] = field(default_factory=dict)
    collectors: dict[str, Collector] = field(default_factory=dict)
    landers: dict[str, Lander] = field(default_factory=dict)

    def open(self, machine: str) -> None:
        """Start a process, as ``wiring`` does."""
        folder = self.root / machine / "compras"
        make_folders(folder, mode=0o700, disk=self.disk)  # as taking the stream's lock does
        notes = DiskNotes(folder, store_url=STREAM.store, disk=self.disk)
        store = FileStore(self.root / "lake", create=notes.recall("probe") is None, disk=self.disk)

        def spool_for(identity: Identity) -> Spool:
            inner = DiskSpool(folder, uuid=identity.uuid, quota_bytes=1 << 30, now=self.clock.now, disk=self.disk)
            return GatedSpool(inner, _Look(self.look), lambda entry: self.note(entry, inner))

        def index_for(identity: Identity) -> Index:
            index = SqliteIndex(folder / "index.sqlite", uuid=identity.uuid)
            self.closing.callback(index.close)
            return index

        world = World(self.clock, self.ids, self.answers, owner=machine, tool="sim", tell=lambda event: None)
        below = Below(store, STREAM.path)
        premises = Premises(STREAM, store, below, notes, MemoryScratch(), spool_for, index_for)
        station = self.stations[machine] = open_station(premises, world)
        self.collectors[machine], self.landers[machine] = Collector(station), Lander(station)

    def collect(self, machine: str, *, status: int = 200) -> None:
        """Ask all that is due."""
        self.answers.status = status
        while self.collectors[machine].step() <= self.clock.now():
            pass

    def land(self, machine: str) -> None:
        """Land all that waits."""
        self.landers[machine].step(hurry=True)
        self.look()

    @property
    def at_rest(self) -> bool:
        """Whether nothing waits anywhere."""
        return all(lander.idle for lander in self.landers.values())

    def objects(self) -> dict[str, bytes]:
        """What lies in the store, below the stream's path."""
        folder = self.root / "lake" / STREAM.path
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An answer was told to be accepted when so many ``steps`` had been made."""

    steps: int
    answer: str
    tick: tuple[datetime, datetime]
    bodies: bytes


@dataclass(frozen=True, slots=True)
class Life:
    """What happened before the power was lost."""

    steps: tuple[Step, ...]
    acceptances: tuple[Acceptance, ...]
    end: datetime
    objects: Mapping[str, bytes]

    def states(self) -> Iterator[tuple[int, Remains]]:
        """Every state that a power loss may leave, with the number of steps made before it; each once."""
        disk, random, seen = TornDisk(MACHINES), Random(0), set[object]()
        for number, step in enumerate(self.steps, start=1):
            disk.apply(step)
            accepted = sum(one.steps <= number for one in self.acceptances)
            for remains in disk.states(random):
                key = accepted, remains.key()
                if key not in seen:
                    seen.add(key)
                    yield number, remains


def live(root: Path) -> Life:
    """Let both collectors live below the empty folder `root`, and write down all that they do to it."""
    disk, clock, acceptances = RecordedDisk(root=root), ManualClock(NEAR_MIDNIGHT), list[Acceptance]()
    known: dict[Path, bytes | None] = {}

    def look() -> None:
        for machine in MACHINES:
            for end, durable in (("", True), ("-wal", False)):
                path = root / machine / "compras" / f"index.sqlite{end}"
                known[path] = disk.saw(path, known.get(path), durable=durable)

    def note(entry: Spooled, spool: Spool) -> None:
        acceptances.extend(_acceptances(entry, spool, len(disk.steps)))

    for machine in MACHINES:
        (root / machine).mkdir()
    house = _House(root, disk, clock, _Answers(clock, Inventing(Random(7))), SeededIds(1), note, look)
    with house.closing:
        for machine in MACHINES:
            house.open(machine)
        for first, second, status in (("a", "b", 200), ("b", "a", 200), ("a", "b", 404), ("b", "a", 200)):
            house.collect(first, status=status)
            house.collect(second)
            house.land(first)
            house.land(second)
            clock.advance(MINUTE)
        return Life(tuple(disk.steps), tuple(acceptances), clock.now(), house.objects())


def _acceptances(entry: Spooled, spool: Spool, steps: int) -> Iterator[Acceptance]:
    if entry.trailer.answer is not None:
        (tick,) = entry.intervals
        bodies = b"\n".join(wire for _, wire in spool.read(entry).pages())
        yield Acceptance(steps, entry.trailer.answer, (tick.start, tick.end), bodies)


def restart(life: Life, steps: int, remains: Remains, root: Path) -> list[str]:
    """Start the program on `remains` in the empty folder `root`; every way in which the promise is broken."""
    books = Bookkeeper()
    for one in life.acceptances:
        books.note(one.answer, one.tick, one.bodies)
        if one.steps > steps:
            books.lost.add(one.answer)  # it was not told to be accepted yet, so it may be there or not
    remains.lay_out(root)

    def note(entry: Spooled, spool: Spool) -> None:
        for one in _acceptances(entry, spool, 0):
            books.note(one.answer, one.tick, one.bodies)

    clock = ManualClock(life.end + MINUTE)
    answers = _Answers(clock, Inventing(Random(8), issued=1_000_000))
    house = _House(root, DiskCalls(_sync_nothing), clock, answers, SeededIds(2), note, lambda: None)
    with house.closing:
        try:
            for machine in MACHINES:
                house.open(machine)
            for _ in range(ROUNDS):
                for machine in MACHINES:
                    house.collect(machine)
                    house.land(machine)
                clock.advance(MINUTE)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is what was looked for
            return [f"it does not start: {type(error).__name__}: {error}"]
        objects = house.objects()
        first = Identity.from_json(objects[IDENTITY_NAME]).first_tick
        faults = books.check(objects, first=first, until=clock.now() - 2 * MINUTE)
        return faults if house.at_rest else [*faults, "it does not come to rest"]


def try_state(life: Life, steps: int, remains: Remains) -> list[str]:
    """``restart`` in a folder of its own, which is removed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return restart(life, steps, remains, root)
