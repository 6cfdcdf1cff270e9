"""Registering what has landed: exactly once whatever is cut off, and never against what a person has done."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from io import BytesIO
from threading import Barrier
from typing import ClassVar

import pytest

from coleta.contract.types import Contract, Field, Float, Int, Str
from coleta.errors import Corrupt, Doubtful, Misconfigured, StoreUnavailable
from coleta.land.columns import schema
from coleta.land.commit import Committed, Head
from coleta.land.parquet import ObjectWriter
from coleta.land.record import record_digest
from coleta.land.table import Columns, columns_of
from coleta.land.watermark import DELTA, DataFile, TableMake, TableState
from coleta.ports import Created, Exists, ObjectStore, OpenTable
from coleta.runtime.events import Published, TableStopped, Trouble
from coleta.runtime.lander import land
from coleta.runtime.publisher import IDLE, LONG_PAUSE, SHORTEST_PAUSE, Publisher, publish_now, shelf_of
from coleta.runtime.registering import MANY, OBJECTS_AT_ONCE, Publication, pending, publish, publish_all
from coleta.runtime.station import Station
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.memory import MemoryIndex
from coleta.testing.memory_table import Kept, MemoryTable
from coleta.testing.samples import sample_gaps, sample_terms, spooled

STREAM = bench_stream(table="delta")
WIDER = Terms(Contract((*sample_terms().contract.fields, Field("city", Str(), required=False))))


class Power(BaseException):
    """The process is gone."""


@dataclass
class Faulty:
    """A table that meets one fault at its call number ``at``, before or after the call has had its effect."""

    make: ClassVar[TableMake] = DELTA

    inner: MemoryTable
    at: int = -1
    error: Callable[[], BaseException] = lambda: Doubtful("a lost response")
    after: bool = False
    calls: int = 0

    def meet(self, call: Callable[[], object], *, changes: bool) -> object:
        self.calls += 1
        if self.calls != self.at:
            return call()
        error = self.error()
        if isinstance(error, Doubtful) and not changes:
            error = StoreUnavailable("it is away")
        if self.after:
            call()
        raise error

    def open(self, log: str) -> OpenTable | None:
        found = self.meet(lambda: self.inner.open(log), changes=False)
        return None if found is None else FaultyHandle(self, found)  # type: ignore[arg-type]

    def create(self, columns: Columns, *, log: str) -> None:
        self.meet(lambda: self.inner.create(columns, log=log), changes=True)

    def rows(self) -> int | None:
        return self.inner.rows()


@dataclass
class FaultyHandle:
    table: Faulty
    inner: OpenTable

    @property
    def state(self) -> TableState:
        return self.inner.state

    def operations(self, since: int) -> Sequence[str]:
        return self.inner.operations(since)

    def widen(self, columns: Columns) -> None:
        self.table.meet(lambda: self.inner.widen(columns), changes=True)

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        self.table.meet(lambda: self.inner.register(files, until=until), changes=True)


@dataclass
class World:
    """A stream with a table, and machines that land in it."""

    bench: Bench = field(default_factory=lambda: Bench(STREAM))
    landed: int = 0

    def __post_init__(self) -> None:
        self.table = MemoryTable()
        self.bench.table = self.table
        self.machine = self.bench.machine()
        self.station = self.machine.open()

    def land(self, *answers: object, terms: Terms | None = None) -> None:
        for answer in answers:
            body = answer if isinstance(answer, bytes) else b"[%s]" % str(answer).encode()
            waiting(self.station, self.landed, body, terms=terms or sample_terms())
            land(self.station)
            self.landed += 1

    def publish(self, station: Station | None = None, **how: bool) -> list[Publication]:
        station = station or self.station
        assert station.table is not None
        return list(publish_all(shelf_of(station, station.table), **how))

    @property
    def kept(self) -> Kept:
        return self.table.kept

    def registered(self) -> list[tuple[str, int]]:
        return [(name.removeprefix("data/tick_date="), one.rows) for name, one in sorted(self.kept.files.items())]

    def filled(self) -> list[tuple[str, int]]:
        return [
            (one.name.removeprefix("data/tick_date="), one.record.rows)
            for one in self.bench.commits()
            if one.record.rows
        ]


@pytest.fixture
def world() -> World:
    return World()


ONE = b'[{"ean":1,"price":1.5}]'
TWO = b'[{"ean":1,"price":1.5},{"ean":2,"price":null},{"ean":3,"price":2}]'


def test_what_has_landed_is_registered_with_its_size_its_rows_and_its_date(world: World) -> None:
    world.land(ONE, TWO)

    assert world.publish() == [Publication(2, 3, 2)]

    name = "data/tick_date=2026-11-24/000000002.parquet"
    assert world.kept.files[name].size_bytes == len(world.bench.objects.objects[f"compras/{name}"])
    assert (world.kept.files[name].rows, world.kept.files[name].date) == (2, "2026-11-24")


def test_publishing_again_changes_nothing(world: World) -> None:
    world.land(ONE)
    world.publish()
    before = list(world.kept.states)

    assert world.publish() == []
    assert world.kept.states == before


def test_nothing_is_made_for_a_log_without_rows(world: World) -> None:
    world.land(b"[]")
    spooled(world.station.spool, sample_gaps(5, uuid=world.station.identity.uuid), ())
    land(world.station)

    assert world.publish() == []
    assert world.table.open(world.station.identity.uuid) is None


def test_objects_without_rows_are_passed_over_and_are_no_reason_for_a_commit(world: World) -> None:
    world.land(ONE)
    world.publish()
    world.land(b"[]", b"[]")
    assert world.publish() == []
    world.land(TWO)

    assert world.publish() == [Publication(1, 2, 4)]
    assert world.kept.states[-1].seq == 4


def test_a_turn_is_not_registered_and_what_lies_behind_it_is(world: World) -> None:
    world.land(ONE)
    world.landed = 24 * 60
    world.land(TWO)
    assert [one.record.kind for one in world.bench.commits()] == ["batch", "turn", "batch"]

    world.publish()

    assert world.registered() == [("2026-11-24/000000001.parquet", 1), ("2026-11-25/000000003.parquet", 2)]


def test_an_object_whose_rows_were_taken_away_is_not_registered(world: World) -> None:
    world.land(ONE, TWO)
    retire(world, 1)

    assert world.publish() == [Publication(1, 2, 2)]


def retire(world: World, seq: int) -> None:
    """Put an object without rows, with the same record, in the place of object `seq`."""
    committed = world.bench.commits()[seq - 1]
    sink = BytesIO()
    with ObjectWriter(sink, schema(sample_terms())) as writer:
        writer.finish(lambda rows, content: committed.record)
    world.bench.objects.objects[f"compras/{committed.name}"] = sink.getvalue()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fault", ["doubt", "crash"])
@pytest.mark.parametrize("at", range(1, 17))
def test_any_single_fault_at_any_call_registers_every_object_exactly_once(at: int, fault: str, after: bool) -> None:
    world = World()
    error: Callable[[], BaseException] = Power if fault == "crash" else lambda: Doubtful("a lost response")
    faulty = Faulty(world.table, at=at, error=error, after=after)
    for answers, terms in (([ONE], sample_terms()), ([TWO], WIDER), ([ONE, TWO], sample_terms())):
        world.land(*answers, terms=terms)
        for _ in range(3):
            try:
                publish_once(replace(world.station, table=faulty))
            except Power:
                world.station = world.machine.open(replace(STREAM, terms=WIDER))

    assert faulty.calls >= at, "the fault was never met"
    assert world.registered() == world.filled()
    assert world.kept.states[-1].seq == 4
    assert world.table.rows() == 6


def publish_once(station: Station) -> None:
    assert station.table is not None
    with suppress(StoreUnavailable):
        list(publish_all(shelf_of(station, station.table)))


def test_two_machines_that_publish_in_turn_register_each_object_once(world: World) -> None:
    other = world.bench.machine("two").open()
    world.land(ONE, TWO)
    world.publish()
    world.land(ONE)
    world.publish(other)
    world.land(TWO)

    assert world.publish() == [Publication(1, 2, 4)]
    assert world.publish(other) == []
    assert world.registered() == world.filled()


@pytest.mark.parametrize("before", [0, 1])
def test_whoever_is_overtaken_between_looking_and_writing_begins_anew(world: World, before: int) -> None:
    for _ in range(before):
        world.land(ONE)
        world.publish()
    world.land(ONE, TWO)
    table = Overtaken(world)

    done = list(publish_all(shelf_of(world.station, table)))

    assert done == []
    assert world.registered() == world.filled()
    assert world.kept.operations == ["CREATE TABLE", *["WRITE"] * before, "WRITE"]


@dataclass
class Overtaken:
    """A table in which another publishes after each look, once."""

    make: ClassVar[TableMake] = DELTA

    world: World
    done: bool = False

    def open(self, log: str) -> OpenTable | None:
        found = self.world.table.open(log)
        if not self.done:
            self.done = True
            self.world.publish(self.world.bench.machine("two").open())
        return found

    def create(self, columns: Columns, *, log: str) -> None:
        self.world.table.create(columns, log=log)

    def rows(self) -> int | None:
        return self.world.table.rows()


def test_a_machine_that_knows_nothing_goes_on_where_the_table_is(world: World) -> None:
    world.land(ONE, TWO)
    world.publish()
    world.land(ONE)
    world.machine.index, world.machine.notes = MemoryIndex(), type(world.machine.notes)()

    assert world.publish(world.machine.open()) == [Publication(1, 1, 3)]
    assert world.registered() == world.filled()


def test_what_this_machine_does_not_remember_is_read_from_the_store(world: World) -> None:
    world.land(ONE, TWO)
    station = replace(world.station, index=MemoryIndex())

    assert world.publish(station) == [Publication(2, 3, 2)]


def test_more_that_lands_while_the_log_is_read_is_not_taken_for_older_commits(world: World) -> None:
    world.land(ONE, TWO, ONE)
    station = replace(world.station, index=Moving(world, world.machine.index))

    world.publish(station)

    assert world.registered() == world.filled()


@dataclass
class Moving:
    """An index in which one more commit appears after its head was read."""

    world: World
    inner: MemoryIndex
    moved: bool = False

    def head(self) -> Head | None:
        return self.inner.head()

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        self.inner.enter(head, committed, before=before)

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        return self.inner.landed(answer_ids, days=days)

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        if not self.moved:
            self.moved = True
            self.world.land(TWO)
        return self.inner.commits(newest=newest, naming=naming)


def test_a_long_log_is_registered_in_parts(world: World) -> None:
    for n in range(OBJECTS_AT_ONCE + 3):
        world.land(ONE if n % 50 else b"[]")

    done = world.publish()

    assert [one.until for one in done] == [OBJECTS_AT_ONCE, OBJECTS_AT_ONCE + 3]
    assert [one.more for one in done] == [True, False]
    assert world.registered() == world.filled()


class Together:
    """A store whose data objects are given only to so many readers at once."""

    def __init__(self, inner: ObjectStore, readers: int) -> None:
        self.inner = inner
        self.barrier = Barrier(readers, timeout=20)

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        return self.inner.create(name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        if name.startswith("data/"):
            self.barrier.wait()
        return self.inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        return self.inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        return self.inner.names(prefix)


def test_the_objects_of_an_old_log_are_read_side_by_side_and_registered_in_order(world: World) -> None:
    for _ in range(MANY + 8):
        world.land(ONE)
    shelf = shelf_of(world.station, world.table)

    publish(replace(shelf, store=Together(shelf.store, 4)), beyond=False)

    assert world.registered() == world.filled()


def test_a_missing_object_stops_publishing_and_is_named(world: World) -> None:
    world.land(ONE, TWO)
    del world.bench.objects.objects["compras/data/tick_date=2026-11-24/000000001.parquet"]

    with pytest.raises(Corrupt, match=r"000000001\.parquet"):
        world.publish()


# Columns -------------------------------------------------------------------------------------------


def test_columns_that_a_contract_adds_are_there_before_its_rows_are(world: World) -> None:
    world.land(ONE)
    world.publish()
    world.land(TWO, terms=WIDER)

    world.publish()

    assert world.kept.operations == ["CREATE TABLE", "WRITE", "ADD COLUMN", "WRITE"]
    assert [column.name for column in world.kept.states[-1].columns][-2:] == ["tick_date", "city"]
    assert world.registered() == world.filled()


def test_columns_of_another_type_are_refused_and_shown_and_nothing_is_registered(world: World) -> None:
    world.land(ONE)
    world.publish()
    other = Terms(Contract((Field("ean", Str()), Field("price", Float()))))
    world.land(b'[{"ean":"1","price":1.5}]', terms=other)

    with pytest.raises(Misconfigured, match=re.escape("! ean long -> string")):
        world.publish()
    assert len(world.registered()) == 1


def test_rows_that_lack_a_column_of_the_table_are_registered(world: World) -> None:
    world.land(ONE, terms=WIDER)
    world.land(TWO)

    world.publish()

    assert world.registered() == world.filled()


def test_a_contract_that_a_table_cannot_follow_is_refused_before_anything_lands(world: World) -> None:
    world.land(ONE)
    changed = Terms(Contract((Field("ean", Int()), Field("price", Str()), Field("city", Str()))))

    with pytest.raises(Misconfigured) as refused:
        world.machine.open(replace(STREAM, terms=changed))

    assert "! price double -> string" in str(refused.value)
    assert "+ city string" in str(refused.value)
    assert "new stream" in str(refused.value.hint)


def test_a_contract_that_drops_a_field_is_refused_where_there_is_a_table(world: World) -> None:
    world.land(ONE)
    dropped = Terms(Contract((Field("ean", Int()),)))

    with pytest.raises(Misconfigured, match="- price double"):
        world.machine.open(replace(STREAM, terms=dropped))
    world.machine.open(replace(STREAM, terms=dropped, table=None))


def test_a_contract_that_only_adds_fields_or_demands_less_is_taken(world: World) -> None:
    world.land(ONE)
    less = Terms(
        Contract((Field("ean", Int(), required=False), Field("price", Float(), nullable=True), Field("n", Int())))
    )

    world.machine.open(replace(STREAM, terms=less))


# What a person has done ----------------------------------------------------------------------------


def stopped(world: World) -> str:
    with pytest.raises(Misconfigured) as refused:
        world.publish()
    return f"{refused.value} {refused.value.hint}"


def test_a_dropped_table_stops_publishing_and_is_made_anew_only_when_told(world: World) -> None:
    world.land(ONE, TWO)
    world.publish()
    world.table.kept = Kept()
    world.bench.table = world.table
    world.land(ONE)

    assert "no longer there" in stopped(world)
    assert "--accept" in stopped(world)
    assert world.kept.states == []

    assert world.publish(accept=True) == [Publication(3, 4, 3)]
    assert world.publish() == []
    assert world.registered() == world.filled()


def test_a_table_that_was_made_anew_stops_publishing_until_it_is_accepted(world: World) -> None:
    world.land(ONE, TWO)
    world.publish()
    world.table.kept = Kept(tables=1)
    world.table.create(columns_of(sample_terms()), log=world.station.identity.uuid)

    assert "another Delta table" in stopped(world)

    world.publish(accept=True)
    assert world.registered() == world.filled()


def test_a_table_whose_log_was_put_back_stops_publishing_until_it_is_accepted(world: World) -> None:
    world.land(ONE)
    world.publish()
    old = Kept(list(world.kept.states), list(world.kept.operations), dict(world.kept.files), world.kept.tables)
    world.land(TWO)
    world.publish()
    world.table.kept = old

    assert "was put back: its version 2 held the log up to commit 2, and now version 1" in stopped(world)

    world.publish(accept=True)
    assert world.registered() == world.filled()


def test_a_table_that_was_restored_by_a_commit_of_another_stops_publishing(world: World) -> None:
    world.land(ONE)
    world.publish()
    by_others(world, "RESTORE")
    world.land(TWO)

    assert "RESTORE" in stopped(world)
    assert "version 1" in stopped(world)


def test_upkeep_by_others_is_no_reason_to_stop(world: World) -> None:
    world.land(ONE)
    world.publish()
    for operation in ("OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "DELETE"):
        by_others(world, operation)
    world.land(TWO)

    assert world.publish() == [Publication(1, 2, 2)]


def by_others(world: World, operation: str) -> None:
    newest = world.kept.states[-1]
    world.kept.states.append(replace(newest, version=newest.version + 1))
    world.kept.operations.append(operation)


def test_a_table_of_something_else_is_never_written_to_even_when_told(world: World) -> None:
    world.table.create(columns_of(sample_terms()), log="another")
    world.land(ONE)

    assert "not made for this stream's log" in stopped(world)
    with pytest.raises(Misconfigured):
        world.publish(accept=True)
    assert world.registered() == []


def test_what_would_be_registered_is_counted_without_a_change(world: World) -> None:
    world.land(ONE, b"[]", TWO)
    shelf = shelf_of(world.station, world.table)

    assert list(pending(shelf)) == [Publication(2, 3, 3)]
    assert world.kept.states == []
    world.publish()
    assert list(pending(shelf)) == []


# In the service ------------------------------------------------------------------------------------


def test_a_step_registers_what_is_new_tells_of_it_and_rests(world: World) -> None:
    publisher = Publisher(world.station, world.table)
    world.land(ONE, TWO)
    now = world.bench.clock.now()

    assert publisher.step() == now + IDLE
    assert world.bench.told(Published) == [Published("compras", 2, 3, 2)]
    assert publisher.step() == now + IDLE
    assert len(world.bench.told(Published)) == 1


def test_a_table_that_is_away_is_tried_again_later_and_later_and_not_at_each_landing(world: World) -> None:
    table = Faulty(world.table, error=lambda: StoreUnavailable("away"))
    publisher = Publisher(world.station, table)
    world.land(ONE)
    waits = []
    for _ in range(3):
        table.at = table.calls + 1
        until = publisher.step()
        waits.append(until - world.bench.clock.now())
        assert publisher.step() == until
        world.bench.clock.set(until)

    assert waits == [SHORTEST_PAUSE, 2 * SHORTEST_PAUSE, 4 * SHORTEST_PAUSE]
    assert [one.where for one in world.bench.told(Trouble)] == ["table"] * 3
    publisher.step()
    assert world.registered() == world.filled()


def test_what_only_a_person_can_mend_is_told_once_and_looked_at_again_each_hour(world: World) -> None:
    publisher = Publisher(world.station, world.table)
    world.land(ONE)
    publisher.step()
    kept, world.table.kept = world.table.kept, Kept()
    world.land(TWO)
    for _ in range(2):
        now = world.bench.clock.now()
        assert publisher.step() == now + LONG_PAUSE
        world.bench.clock.advance(LONG_PAUSE + timedelta(seconds=1))
    world.table.kept = kept

    publisher.step()

    (told,) = world.bench.told(TableStopped)
    assert "--accept" in told.what
    assert world.registered() == world.filled()


def test_at_the_end_of_an_order_what_has_landed_is_registered_and_a_lost_table_is_its_error(world: World) -> None:
    world.land(ONE)
    assert publish_now(world.station) is None
    assert world.registered() == world.filled()
    world.table.kept = Kept()
    world.land(TWO)

    assert isinstance(publish_now(world.station), Misconfigured)
    assert publish_now(replace(world.station, table=None)) is None


def test_a_table_that_takes_no_commit_is_given_up_after_some_tries(world: World) -> None:
    class Stubborn(Faulty):
        def meet(self, call: Callable[[], object], *, changes: bool) -> object:
            if changes:
                raise Doubtful("not now")
            return call()

    world.land(ONE)

    with pytest.raises(StoreUnavailable, match="not now"):
        publish(shelf_of(world.station, Stubborn(world.table)))


def test_a_record_that_is_another_than_remembered_is_not_registered(world: World) -> None:
    world.land(ONE)
    head = world.machine.index.head()
    assert head is not None
    committed = next(world.machine.index.commits())
    forged = replace(committed, digest=record_digest(b"another"))
    index = MemoryIndex()
    index.enter(head, forged)

    with pytest.raises(Corrupt, match="not the one that was committed"):
        world.publish(replace(world.station, index=index))
