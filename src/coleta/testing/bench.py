"""One stream at work in memory, with trouble by script: for tests that say what happens, and when.

The simulator draws its troubles from a seed; here a test names each. One thread.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import BinaryIO, Literal, TypeVar

import pyarrow.parquet as pq

from coleta.adapters.below import Below
from coleta.collect.lost import Unreadable
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.spool import Header, Spooled, SpoolFile
from coleta.collect.tick import Interval
from coleta.errors import ColetaError, Corrupt, Doubtful, StoreUnavailable
from coleta.land.commit import Committed, Head, Identity
from coleta.ports import Created, Draft, Exists, Index, ObjectStore, Scratch, Spool, SpoolContents, Table
from coleta.runtime.ahead import HeadStarts
from coleta.runtime.events import Event
from coleta.runtime.log import read_commit
from coleta.runtime.opening import Premises, open_station
from coleta.runtime.station import Station, World
from coleta.stream import Every, Source, Stream
from coleta.testing.memory import (
    START,
    ManualClock,
    MemoryIndex,
    MemoryNotes,
    MemoryScratch,
    MemorySpool,
    MemoryStore,
    SeededIds,
)
from coleta.testing.samples import sample_header, sample_terms, spooled

Trouble = Literal["unavailable", "lost", "doubt", "late", "false_exists"]
"""What a call of the store meets: no effect, told so; its effect, untold; no effect, untold; its effect
later, untold; and a lie."""

Answer = bytes | int | Fault | Response
"""What the API answers: a body, a status, a failure on the way, or a response whole."""

T = TypeVar("T")


@dataclass(eq=False)
class ScriptedStore:
    """A store that does as it is told: each planned trouble meets the next call that it fits."""

    inner: MemoryStore
    calls: list[tuple[str, str]] = field(default_factory=list)
    delayed: list[Callable[[], object]] = field(default_factory=list)
    down: bool = False
    _plans: list[tuple[str, str, Trouble | Callable[[], object]]] = field(default_factory=list)

    def plan(self, call: str, part: str, trouble: Trouble | Callable[[], object], *, times: int = 1) -> None:
        """Let the next `times` of `call` whose name holds `part` meet `trouble`, or do something just before."""
        self._plans += [(call, part, trouble)] * times

    def deliver(self) -> None:
        """Let what was late have its effect now."""
        late, self.delayed = self.delayed, []
        for effect in late:
            effect()

    def _meet(self, call: str, name: str) -> Trouble | None:
        self.calls.append((call, name))
        if self.down:
            raise StoreUnavailable("the store is down", where=name)
        for at, (planned, part, trouble) in enumerate(self._plans):
            if planned == call and part in name:
                del self._plans[at]
                if not callable(trouble):
                    return trouble
                trouble()
                return None
        return None

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        kept = bytes(body)
        match self._meet("create", name):
            case "unavailable":
                raise StoreUnavailable("as planned", where=name)
            case "doubt":
                raise Doubtful("as planned", where=name)
            case "late":
                self.delayed.append(lambda: self.inner.create(name, kept, sha256=sha256))
                raise Doubtful("as planned", where=name)
            case "lost":
                self.inner.create(name, kept, sha256=sha256)
                raise Doubtful("as planned", where=name)
            case "false_exists":
                return Exists()
        return self.inner.create(name, kept, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """See ``ObjectStore``."""
        if self._meet("read", name) == "unavailable":
            raise StoreUnavailable("as planned", where=name)
        return self.inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        """See ``ObjectStore``."""
        if self._meet("size", name) == "unavailable":
            raise StoreUnavailable("as planned", where=name)
        return self.inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        """See ``ObjectStore``."""
        if self._meet("names", prefix) == "unavailable":
            raise StoreUnavailable("as planned", where=prefix)
        return self.inner.names(prefix)


@dataclass(eq=False)
class ScriptedApi:
    """An API that gives ``answers`` in turn, then ``usual`` for ever; what it was asked is in ``asked``."""

    clock: ManualClock
    answers: deque[Answer] = field(default_factory=deque)
    usual: Answer = b"[]"
    asked: list[Request] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    """Done while a request is under way."""
    takes: timedelta = timedelta(0)

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """See ``Transport``."""
        self.asked.append(request)
        began = self.clock.now()
        self.during()
        self.clock.advance(self.takes)
        match self.answers.popleft() if self.answers else self.usual:
            case Fault() as fault:
                return Failed(fault, "as planned", self.clock.now())
            case int(status):
                return Response(status, (), b"", b"", None, began, self.clock.now())
            case bytes(body):
                return Response(200, (), body, body, None, began, self.clock.now())
            case response:
                return replace(response, asked_at=began, received_at=self.clock.now())


@dataclass(eq=False)
class BadDisk:
    """A spool on a disk that does not give the files of some entries now, those named in ``bad``."""

    inner: Spool
    bad: set[str] = field(default_factory=set)

    @classmethod
    def under(cls, station: Station) -> tuple[Station, BadDisk]:
        """The `station` on such a disk."""
        disk = cls(station.spool)
        return replace(station, spool=disk), disk

    def draft(self, header: Header) -> Draft:
        """See ``Spool``."""
        return self.inner.draft(header)

    def contents(self) -> SpoolContents:
        """See ``Spool``."""
        return self.inner.contents()

    def read(self, entry: Spooled) -> SpoolFile:
        """See ``Spool``."""

        def fail() -> BinaryIO:
            raise OSError(errno.EIO, "as planned")

        def refuse(error: Corrupt | OSError) -> ColetaError:
            return Unreadable(str(error), entry=entry.name)

        return SpoolFile(entry.name, fail, refuse) if entry.name in self.bad else self.inner.read(entry)

    def release(self, entries: Sequence[Spooled]) -> None:
        """See ``Spool``."""
        self.inner.release(entries)


@dataclass(eq=False)
class Machine:
    """A computer whose disk outlives its processes."""

    bench: Bench
    name: str
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    files: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    scratch: Scratch = field(default_factory=MemoryScratch)
    aside: dict[str, bytes] = field(default_factory=dict)

    def premises(self, stream: Stream | None = None, *, root: ObjectStore | None = None) -> Premises:
        """What is at hand before a process has opened the stream."""
        stream = stream or self.bench.stream

        def spool_for(identity: Identity) -> Spool:
            return MemorySpool(uuid=identity.uuid, now=self.bench.clock.now, files=self.files, aside=self.aside)

        def index_for(identity: Identity) -> Index:
            return self.index

        root = root or self.bench.store
        return Premises(
            stream,
            root,
            Below(root, stream.path),
            self.notes,
            self.scratch,
            spool_for,
            index_for,
            table=self.bench.table if stream.table is not None else None,
        )

    def world(self) -> World:
        """What all streams of a process on this machine share."""
        bench = self.bench
        return World(
            bench.clock,
            bench.ids,
            bench.api,
            owner=self.name,
            tool="bench",
            tell=bench.events.append,
            head_starts=bench.head_starts,
        )

    def open(self, stream: Stream | None = None) -> Station:
        """Start a process and open the stream."""
        return open_station(self.premises(stream), self.world())


class Bench:
    """A store, an API, and machines that collect from the one into the other."""

    def __init__(self, stream: Stream | None = None) -> None:
        """Prepare; nothing is open yet."""
        # A while after the samples' noon, so that what they say came then is not of the future.
        self.clock = ManualClock(START + timedelta(seconds=10))
        self.ids = SeededIds()
        self.objects = MemoryStore()
        self.store = ScriptedStore(self.objects)
        self.api = ScriptedApi(self.clock)
        self.events: list[Event] = []
        self.stream = stream or bench_stream()
        self.head_starts: HeadStarts | None = None
        self.table: Table | None = None
        """The table of a stream that asks for one."""

    def machine(self, name: str = "one") -> Machine:
        """Another computer, with nothing on its disk."""
        return Machine(self, name)

    def commits(self) -> list[Committed]:
        """The log, as following it from its beginning shows it."""
        below = Below(self.objects, self.stream.path)
        stored = below.read("_ledger/identity.json")
        name = "" if stored is None else _first_name(stored)
        found: list[Committed] = []
        while name and (committed := read_commit(below, name)) is not None:
            found.append(committed)
            name = committed.record.next
        return found

    def rows(self, *columns: str) -> list[tuple[object, ...]]:
        """Every row under ``data/``, as a reader sees it who knows nothing of the log."""
        rows: list[tuple[object, ...]] = []
        for name in self.objects.names(f"{self.stream.path}/data/"):
            table = pq.read_table(BytesIO(self.objects.objects[name]))
            rows += zip(*(table[column].to_pylist() for column in columns), strict=True)
        return rows

    def names(self, folder: str) -> list[str]:
        """The names in a folder below the stream's path."""
        prefix = f"{self.stream.path}/"
        return [name.removeprefix(prefix) for name in self.objects.names(prefix + folder)]

    def told(self, kind: type[T]) -> list[T]:
        """The events of one `kind`, in order."""
        return [event for event in self.events if isinstance(event, kind)]


def _first_name(identity: bytes) -> str:
    return Head.genesis(Identity.from_json(identity)).next


def bench_stream(**changed: object) -> Stream:
    """The purchases, asked each minute and landed at once, but for what is `changed`."""
    usual = Stream(
        name="compras",
        project="compras",
        store="memory://",
        path="compras",
        source=Source(url="http://api.test/compras"),
        schedule=Every(timedelta(minutes=1)),
        terms=sample_terms(),
    )
    return replace(usual, **changed)  # type: ignore[arg-type]


def waiting(station: Station, tick: Interval | int, body: bytes, **header: object) -> Spooled:
    """An accepted answer for `tick` that waits in the spool of `station`."""
    made: Header = sample_header(tick if isinstance(tick, int) else 0, uuid=station.identity.uuid)
    if isinstance(tick, Interval):
        made = replace(made, tick=tick)
    return spooled(station.spool, replace(made, **header), (body,))  # type: ignore[arg-type]
