"""Opening a stream: whose log it is, whether the store keeps its word, and what goes on without it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coleta.errors import Corrupt, Misconfigured, StoreUnavailable, WrongClock
from coleta.land.commit import Head, Identity
from coleta.ports import Created, Exists
from coleta.runtime.events import Opened
from coleta.runtime.lander import land
from coleta.runtime.opening import PROBE_BODY, PROBE_NAME, open_station
from coleta.testing.bench import Bench, Machine, Trouble, bench_stream, waiting
from coleta.testing.memory import MemoryIndex, MemoryStore
from coleta.testing.samples import NOON, OTHER_UUID, PAGE, sample_identity

IDENTITY = "compras/_ledger/identity.json"


def landed() -> tuple[Bench, Machine]:
    """A machine that has landed one answer and whose process has ended."""
    bench = Bench()
    machine = bench.machine()
    station = machine.open()
    waiting(station, 1, PAGE)
    land(station)
    return bench, machine


def test_the_first_start_makes_the_identity_and_leaves_the_probe() -> None:
    bench = Bench()

    station = bench.machine().open()

    stored = Identity.from_json(bench.objects.objects[IDENTITY])
    assert stored == station.identity
    assert (stored.project, stored.stream, stored.first_tick) == ("compras", "compras", NOON)
    assert bench.objects.objects[PROBE_NAME] == PROBE_BODY
    assert bench.told(Opened) == [Opened("compras", stored.uuid, 0)]


def test_the_second_machine_joins_the_log_that_the_first_began() -> None:
    bench = Bench()

    one, two = bench.machine("one").open(), bench.machine("two").open()

    assert one.identity == two.identity


def test_no_log_is_begun_by_a_clock_that_cannot_be_right() -> None:
    bench = Bench()
    right = bench.clock.now()
    bench.clock.set(datetime(1970, 1, 1, 0, 3, tzinfo=UTC))

    with pytest.raises(WrongClock, match="1970-01-01 00:03"):
        bench.machine().open()
    assert IDENTITY not in bench.objects.objects

    bench.clock.set(right)
    assert bench.machine().open().identity.first_tick == NOON


def test_a_log_that_exists_is_opened_by_whatever_clock() -> None:
    bench = Bench()
    begun = bench.machine("one").open().identity
    bench.clock.set(datetime(1970, 1, 1, tzinfo=UTC))

    assert bench.machine("two").open().identity == begun


@pytest.mark.parametrize("trouble", ["lost", "doubt", "false_exists"])
def test_a_doubtful_identity_is_read_back(trouble: Trouble) -> None:
    bench = Bench()
    bench.store.plan("create", IDENTITY, trouble)

    station = bench.machine().open()

    assert Identity.from_json(bench.objects.objects[IDENTITY]) == station.identity


def test_of_two_that_begin_at_once_the_one_whose_object_exists_wins() -> None:
    bench = Bench()
    others: list[Identity] = []
    bench.store.plan("create", IDENTITY, lambda: others.append(bench.machine("two").open().identity))

    station = bench.machine("one").open()

    assert [station.identity] == others


def test_an_identity_that_arrives_late_does_not_replace_the_one_in_use() -> None:
    bench = Bench()
    bench.store.plan("create", IDENTITY, "late")

    station = bench.machine().open()
    bench.store.deliver()

    assert Identity.from_json(bench.objects.objects[IDENTITY]) == station.identity


class Overwriting(MemoryStore):
    """A store that knows no create-only."""

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        self.objects.pop(name, None)
        return super().create(name, body, sha256=sha256)


class Forgetful(MemoryStore):
    """A store that never shows what it was given."""

    def size(self, name: str) -> int | None:
        return None


def test_a_store_that_lets_an_object_be_created_twice_is_refused() -> None:
    machine = Bench().machine()

    with pytest.raises(Misconfigured, match="created twice") as refused:
        open_station(machine.premises(root=Overwriting()), machine.world())

    assert refused.value.exit_status == 78
    assert machine.notes.recall("probe") is None


def test_a_probe_without_a_clear_answer_is_no_success() -> None:
    machine = Bench().machine()

    with pytest.raises(StoreUnavailable, match="no clear answer"):
        open_station(machine.premises(root=Forgetful()), machine.world())


@pytest.mark.parametrize("trouble", ["lost", "doubt"])
def test_a_doubtful_probe_is_tried_again(trouble: Trouble) -> None:
    bench = Bench()
    bench.store.plan("create", PROBE_NAME, trouble)

    bench.machine().open()

    assert PROBE_NAME in bench.objects.objects


def test_the_probe_is_asked_once_and_remembered() -> None:
    bench, machine = landed()
    before = len(bench.store.calls)

    machine.open()

    assert not [name for _, name in bench.store.calls[before:] if name == PROBE_NAME]


@pytest.mark.parametrize("changed", [{"project": "other"}, {"name": "vendas"}])
def test_a_path_that_belongs_to_another_is_refused(changed: dict[str, object]) -> None:
    bench, machine = landed()

    for starting in (bench.machine("new"), machine):
        with pytest.raises(Misconfigured, match="this path belongs to stream 'compras'"):
            starting.open(bench_stream(**changed))


# Without the store ----------------------------------------------------------------------------------


def test_the_first_start_needs_the_store() -> None:
    bench = Bench()
    bench.store.down = True

    with pytest.raises(StoreUnavailable):
        bench.machine().open()


def test_later_starts_go_on_from_what_is_remembered() -> None:
    bench, machine = landed()
    bench.store.down = True

    station = machine.open()

    assert station.identity.uuid == bench.told(Opened)[-1].uuid
    assert bench.told(Opened)[-1].seq == 1


def test_a_log_that_was_still_empty_is_remembered_as_such() -> None:
    bench = Bench()
    machine = bench.machine()
    machine.open()
    bench.store.down = True

    assert machine.open().index.head() is not None


@pytest.mark.parametrize("lost", ["index", "probe", "identity"])
def test_with_too_little_remembered_the_store_is_needed(lost: str) -> None:
    bench, machine = landed()
    if lost == "index":
        machine.index = MemoryIndex()
    else:
        del machine.notes.notes[lost]
    bench.store.down = True

    with pytest.raises(StoreUnavailable):
        machine.open()
    bench.store.down = False
    assert machine.open().index.head() is not None


def test_an_index_of_another_log_is_as_good_as_none() -> None:
    bench, machine = landed()
    machine.index = MemoryIndex()
    machine.index.enter(Head.genesis(sample_identity(OTHER_UUID)), None)
    bench.store.down = True

    with pytest.raises(StoreUnavailable):
        machine.open()


def test_an_outage_in_the_midst_of_opening_is_an_outage() -> None:
    bench, machine = landed()
    bench.store.plan("read", "compras/data/", "unavailable")

    machine.open()

    assert bench.told(Opened)[-1].seq == 1


# A store that was tampered with ---------------------------------------------------------------------


def test_a_lost_index_is_learned_again_from_the_log() -> None:
    _, machine = landed()
    machine.index = MemoryIndex()

    machine.open()

    assert [one.record.seq for one in machine.index.commits()] == [1]


@pytest.mark.parametrize("how", ["missing", "another"])
def test_a_newest_commit_that_is_gone_or_another_stops_the_stream(how: str) -> None:
    bench, machine = landed()
    (name,) = list(bench.objects.names("compras/data/"))
    body = bench.objects.objects.pop(name)
    if how == "another":
        bench.machine("two").open()
        other = bench.machine("two").open()
        waiting(other, 2, PAGE)
        land(other)
        assert bench.objects.objects[name] != body

    with pytest.raises(Corrupt, match=f"newest commit that this machine remembers is {how}"):
        machine.open()


@pytest.mark.parametrize("how", ["missing", "another"])
def test_an_identity_that_is_gone_or_another_is_never_made_anew(how: str) -> None:
    bench, machine = landed()
    identity = Identity.from_json(bench.objects.objects.pop(IDENTITY))
    if how == "another":
        bench.objects.objects[IDENTITY] = replace(identity, uuid=OTHER_UUID).to_json()

    with pytest.raises(Misconfigured, match="is no longer there"):
        machine.open()


def test_an_identity_that_cannot_be_read_stops_the_stream() -> None:
    bench = Bench()
    bench.objects.objects[IDENTITY] = b"{"

    with pytest.raises(Corrupt, match="not an identity"):
        bench.machine().open()


def test_many_that_begin_at_once_agree_on_one_identity() -> None:
    bench = Bench()
    stations: list[str] = []
    ready = threading.Barrier(8)

    def begin(name: str) -> None:
        machine = bench.machine(name)
        ready.wait(10)
        stations.append(machine.open().identity.uuid)

    threads = [threading.Thread(target=begin, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(stations) == 8
    assert len(set(stations)) == 1
