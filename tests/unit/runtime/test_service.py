"""Streams side by side on real threads and the real clock, until they are told to stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from coleta.adapters.below import Below, BelowHousekeeping
from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.system import SystemClock, SystemIds
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.collect.spool import Header, Spooled, SpoolFile
from coleta.errors import Corrupt, SpoolRefused, StoreUnavailable
from coleta.land.columns import schema
from coleta.land.commit import Committed, Head, Identity
from coleta.land.parquet import ObjectWriter
from coleta.land.record import encode_record, record_digest
from coleta.land.rollup import ROLL_UP_COMMITS, rollup_name
from coleta.land.window import Window
from coleta.ports import Created, Draft, Exists, Index, ObjectStore, Spool, SpoolContents
from coleta.runtime.events import Event, Landed, Maintained, Stopped, Trouble
from coleta.runtime.opening import Premises
from coleta.runtime.service import FETCHERS, SHARE_OF_A_HOST, Service
from coleta.runtime.station import World
from coleta.stream import Every, Landing, Retention, Source, Stream
from coleta.testing.bench import bench_stream
from coleta.testing.memory import MemoryHousekeeping, MemoryIndex, MemoryNotes, MemoryScratch, MemoryStore
from coleta.testing.samples import sample_identity, sample_record, sample_terms

PATIENCE_S = 15.0
SECOND = timedelta(seconds=1)


def eventually(done: Callable[[], bool]) -> None:
    """Wait until `done`, looking often; fail when that takes far too long."""
    never = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if done():
            return
        never.wait(0.02)
    raise AssertionError("it did not happen in time")


@dataclass(eq=False)
class Api:
    """Answers at once, unless it is told to raise, or to hang until it is closed."""

    bug: bool = False
    hangs: bool = False
    asked: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        self.asked += 1
        if self.bug:
            raise ZeroDivisionError("a bug")
        began = datetime.now(UTC)
        if self.hangs:
            self.closed.wait(PATIENCE_S)
            return Failed(Fault.RESET, "closed", datetime.now(UTC))
        body = b'[{"ean":1,"price":2}]'
        return Response(200, (), body, body, None, began, datetime.now(UTC))


@dataclass(eq=False)
class Store:
    """A store that hangs at, or refuses, creates of data objects while it is told to."""

    inner: MemoryStore = field(default_factory=MemoryStore)
    go_on: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False
    down: bool = False

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        if self.hangs and "/data/" in name:
            self.go_on.wait(PATIENCE_S)
        if self.down:
            raise StoreUnavailable("down", where=name)
        return self.inner.create(name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        if self.down:
            raise StoreUnavailable("down", where=name)
        return self.inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        return self.inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        return self.inner.names(prefix)


@dataclass(eq=False)
class LeapingClock:
    """The real clock, and as much later as a test says."""

    later: timedelta = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.later


@dataclass(eq=False)
class Fleet:
    """A service of several streams, run in a thread."""

    folder: Path
    streams: Sequence[Stream]
    grace: timedelta = timedelta(seconds=8)
    api: Api = field(default_factory=Api)
    store: Store = field(default_factory=Store)
    events: list[Event] = field(default_factory=list)
    clock: LeapingClock = field(default_factory=LeapingClock)
    spools: dict[str, Spool] = field(default_factory=dict)
    around: Callable[[Spool], Spool] = lambda spool: spool
    window: Window | None = None
    drained: bool | None = None
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        world = World(self.clock, SystemIds(), self.api, owner="fleet", tool="test", tell=self.events.append)
        premises = [self._premises(stream) for stream in self.streams]
        self.service = Service(premises, world, close=self.api.closed.set, grace=self.grace, window=self.window)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _premises(self, stream: Stream) -> Premises:
        root: ObjectStore = self.store
        folder = self.folder / stream.name
        folder.mkdir()

        def spool_for(identity: Identity) -> Spool:
            disk = DiskSpool(folder, uuid=identity.uuid, quota_bytes=1 << 30, now=self.clock.now)
            self.spools[stream.name] = self.around(disk)
            return self.spools[stream.name]

        index = MemoryIndex()

        def index_for(identity: Identity) -> Index:
            del identity
            return index

        below, whole = Below(root, stream.path), MemoryHousekeeping(self.store.inner.objects)
        keeping = BelowHousekeeping(whole, stream.path) if stream.retention != Retention() else None
        made = Premises(stream, root, below, MemoryNotes(), MemoryScratch(), spool_for, index_for)
        return replace(made, housekeeping=keeping)

    def _run(self) -> None:
        try:
            self.drained = self.service.run()
        except BaseException as error:  # noqa: BLE001  # looked at by the test
            self.failure = error

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.service.stop()
        self.end()

    def end(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def landed(self, stream: str = "compras") -> int:
        return len([event for event in self.events if isinstance(event, Landed) and event.stream == stream])

    def stopped(self) -> list[str]:
        return [event.stream for event in self.events if isinstance(event, Stopped)]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    made: list[Fleet] = []

    def make(*streams: Stream, **changed: object) -> Fleet:
        made.append(Fleet(tmp_path, streams, **changed))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.store.go_on.set()
        one.api.closed.set()
        one.service.stop()
        one.end()


def each(interval: timedelta, name: str = "compras", **changed: object) -> Stream:
    return bench_stream(name=name, path=name, schedule=Every(interval), **changed)


def test_streams_are_collected_and_landed_side_by_side_until_the_stop(fleet: Callable[..., Fleet]) -> None:
    two = fleet(each(SECOND, "compras"), each(SECOND, "vendas"))

    two.start()
    eventually(lambda: two.landed("compras") >= 2 and two.landed("vendas") >= 2)
    two.stop()

    assert (two.drained, two.failure, two.stopped()) == (True, None, [])
    assert all(not spool.contents().waiting for spool in two.spools.values())


def test_a_stop_lands_what_waits_for_its_age(fleet: Callable[..., Fleet]) -> None:
    slow = fleet(each(timedelta(hours=1), landing=Landing(every=timedelta(hours=1))))

    slow.start()
    eventually(lambda: bool(slow.spools and slow.spools["compras"].contents().waiting))
    assert slow.landed() == 0
    slow.stop()

    assert (slow.drained, slow.landed()) == (True, 1)


def test_a_stop_cuts_an_open_request_and_leaves_no_gap(fleet: Callable[..., Fleet]) -> None:
    hanging = fleet(each(timedelta(hours=1)), api=Api(hangs=True))

    hanging.start()
    eventually(lambda: hanging.api.asked == 1)
    hanging.stop()

    assert hanging.drained
    assert (hanging.landed(), hanging.spools["compras"].contents().waiting) == (0, ())


def test_a_stop_does_not_wait_for_ever_for_a_store_that_hangs(fleet: Callable[..., Fleet]) -> None:
    stuck = fleet(each(timedelta(hours=1)), store=Store(hangs=True), grace=timedelta(seconds=0.2))

    stuck.start()
    eventually(lambda: bool(stuck.spools and stuck.spools["compras"].contents().waiting))
    stuck.stop()

    assert stuck.drained is False
    assert len(stuck.spools["compras"].contents().waiting) == 1


def test_a_damaged_log_stops_its_stream_alone_and_is_told_at_the_end(fleet: Callable[..., Fleet]) -> None:
    two = fleet(each(SECOND, "broken"), each(SECOND, "compras"))

    def break_it() -> bool:
        stored = two.store.inner.read("broken/_ledger/identity.json")
        if stored is None:
            return False
        first = Identity.from_json(stored).first_tick.date()
        for seq in range(1, 1_000):
            two.store.inner.objects.setdefault(f"broken/data/tick_date={first}/{seq:09d}.parquet", b"no parquet")
        return True

    two.start()
    eventually(break_it)
    eventually(lambda: two.stopped() == ["broken"])
    asked, before = two.api.asked, two.landed()
    eventually(lambda: two.landed() >= before + 3)

    # From then on only the sound stream asks: once for each of its commits, and at most one under way.
    assert two.api.asked - asked <= two.landed() - before + 2
    two.stop()
    assert two.stopped() == ["broken"]
    assert isinstance(two.failure, Corrupt)


def test_without_a_stream_left_the_service_ends_by_itself(fleet: Callable[..., Fleet]) -> None:
    only = fleet(each(SECOND))
    only.store.inner.objects["compras/_ledger/identity.json"] = b"{"

    only.start()
    only.end()

    assert only.stopped() == ["compras"]
    assert isinstance(only.failure, Corrupt)


def test_a_bug_in_one_stream_stops_the_whole_process(fleet: Callable[..., Fleet]) -> None:
    buggy = fleet(each(SECOND, "compras"), each(SECOND, "vendas"), api=Api(bug=True))

    buggy.start()
    buggy.end()

    assert isinstance(buggy.failure, ZeroDivisionError)


def test_a_store_that_is_down_at_the_start_is_waited_for(fleet: Callable[..., Fleet]) -> None:
    early = fleet(each(SECOND), store=Store(down=True))

    early.start()
    eventually(lambda: any(isinstance(event, Trouble) for event in early.events))
    early.stop()

    assert (early.failure, early.stopped()) == (None, [])


def test_a_spool_s_disk_that_is_full_at_the_start_is_waited_for(fleet: Callable[..., Fleet]) -> None:
    def full(spool: Spool) -> Spool:
        raise SpoolRefused("the disk is full")

    early = fleet(each(SECOND), around=full)

    early.start()
    eventually(lambda: bool(early.events))
    early.stop()

    assert (early.failure, early.stopped()) == (None, [])
    assert [event.where for event in early.events if isinstance(event, Trouble)] == ["spool"]


@dataclass(eq=False)
class SlowLook:
    """A spool whose first look, by a lander, takes until it is released."""

    inner: Spool
    looked: threading.Event = field(default_factory=threading.Event)
    release_look: threading.Event = field(default_factory=threading.Event)
    by_collector: int = 0

    def contents(self) -> SpoolContents:
        found = self.inner.contents()
        self.by_collector += threading.current_thread().name.startswith("fetch")
        if threading.current_thread().name.startswith("land") and not self.looked.is_set():
            self.looked.set()
            self.release_look.wait(PATIENCE_S)
        return found

    def draft(self, header: Header) -> Draft:
        self.looked.wait(PATIENCE_S)
        return self.inner.draft(header)

    def read(self, entry: Spooled) -> SpoolFile:
        return self.inner.read(entry)

    def release(self, entries: Sequence[Spooled]) -> None:
        self.inner.release(entries)


def test_an_answer_accepted_while_its_lander_looks_at_the_spool_is_landed_at_once(fleet: Callable[..., Fleet]) -> None:
    looks: list[SlowLook] = []

    def around(spool: Spool) -> Spool:
        looks.append(SlowLook(spool))
        return looks[-1]

    one = fleet(each(timedelta(hours=1)), around=around)

    one.start()
    eventually(lambda: bool(looks and looks[0].inner.contents().waiting))
    # Once the collector has found nothing more to do nobody will call the lander again.
    eventually(lambda: looks[0].by_collector >= 2)
    threading.Event().wait(0.1)
    looks[0].release_look.set()

    eventually(lambda: one.landed() == 1)


def test_a_log_of_a_thousand_commits_is_rolled_up(fleet: Callable[..., Fleet]) -> None:
    beside = fleet(each(timedelta(hours=1)))
    identity = sample_identity()
    objects = beside.store.inner.objects
    objects["compras/_ledger/identity.json"] = identity.to_json()
    head = Head.genesis(identity)
    for _ in range(ROLL_UP_COMMITS):
        objects[f"compras/{head.next}"], head = empty_object(head)

    beside.start()
    eventually(lambda: f"compras/{rollup_name(ROLL_UP_COMMITS)}" in objects)
    beside.stop()

    assert (beside.failure, beside.stopped()) == (None, [])


def empty_object(head: Head) -> tuple[bytes, Head]:
    """The next object, a turn, and the head that it leads to."""
    sink = BytesIO()
    with ObjectWriter(sink, schema(sample_terms())) as writer:
        record = writer.finish(
            lambda rows, content: replace(sample_record(head, ticks=()), kind="turn", content=content)
        )
    return sink.getvalue(), head.after(Committed(head.next, record, record_digest(encode_record(record))))


def test_stopping_twice_and_before_the_start_does_no_harm(fleet: Callable[..., Fleet]) -> None:
    one = fleet(replace(each(SECOND), name="compras"))
    one.service.stop()
    one.service.stop()

    one.start()
    one.end()

    assert (one.drained, one.api.asked) == (True, 0)


@dataclass(eq=False)
class TwoHosts(Api):
    """One host that hangs and one that answers; how many requests each had at once, at the most."""

    at_once: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        host = request.url.split("/")[2]
        with self.lock:
            self.at_once[host] += 1
            self.most[host] = max(self.most[host], self.at_once[host])
        if host == "hangs.test":
            self.closed.wait(PATIENCE_S)
        came = super().exchange(request, timeout=timeout, max_bytes=max_bytes)
        with self.lock:
            self.at_once[host] -= 1
        return came


def at(host: str, name: str) -> Stream:
    return each(SECOND, name, source=Source(url=f"http://{host}/records"))


def test_a_host_that_hangs_holds_a_quarter_of_the_fetchers_and_no_more(fleet: Callable[..., Fleet]) -> None:
    api = TwoHosts()
    hanging = [at("hangs.test", f"hangs{n}") for n in range(SHARE_OF_A_HOST + 4)]
    many = fleet(*hanging, at("answers.test", "answers"), api=api)

    many.start()
    eventually(lambda: api.at_once["hangs.test"] == SHARE_OF_A_HOST)
    eventually(lambda: many.landed("answers") >= 3)

    assert SHARE_OF_A_HOST == FETCHERS / 4
    assert api.most["hangs.test"] == SHARE_OF_A_HOST
    # Those that were held up have their turn, too.
    api.closed.set()
    eventually(lambda: all(many.landed(stream.name) for stream in hanging))
    assert api.most["hangs.test"] == SHARE_OF_A_HOST


def test_a_service_gives_up_what_was_kept_for_long_enough_while_it_collects_and_lands(
    fleet: Callable[..., Fleet],
) -> None:
    short = Retention(archive=timedelta(minutes=30))
    keeping = fleet(each(SECOND, archive="landed", retention=short), each(SECOND, "vendas", archive="landed"))
    objects = keeping.store.inner.objects

    keeping.start()
    eventually(lambda: keeping.landed() >= 2 and keeping.landed("vendas") >= 2)
    old = {name for name in objects if "_archive/" in name}
    keeping.clock.later = timedelta(hours=1)
    eventually(lambda: any(isinstance(event, Maintained) for event in keeping.events))
    landed = keeping.landed()
    eventually(lambda: keeping.landed() > landed)
    keeping.stop()

    assert (keeping.failure, keeping.stopped()) == (None, [])
    left = old & objects.keys()
    assert left == {name for name in old if name.startswith("vendas/")} != set()


def test_a_service_gives_nothing_up_outside_its_window(fleet: Callable[..., Fleet]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    window = Window((now + timedelta(hours=2)).time(), (now + timedelta(hours=4)).time())
    keeping = fleet(each(SECOND, archive="landed", retention=Retention(archive=timedelta(minutes=30))), window=window)

    def maintained() -> bool:
        return any(isinstance(event, Maintained) for event in keeping.events)

    keeping.start()
    eventually(lambda: keeping.landed() >= 2)
    keeping.clock.later = timedelta(hours=1)
    landed = keeping.landed()
    eventually(lambda: keeping.landed() >= landed + 2)
    assert not maintained()

    keeping.clock.later = timedelta(hours=3)
    eventually(maintained)
    keeping.stop()
    assert (keeping.failure, keeping.stopped()) == (None, [])
