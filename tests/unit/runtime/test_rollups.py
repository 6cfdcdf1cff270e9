"""Roll-ups: written in nobody's way, taken as a hint by a new machine, held against the log by an audit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest

from coleta.land.columns import schema
from coleta.land.commit import Head
from coleta.land.kept import kept_name
from coleta.land.parquet import ObjectWriter
from coleta.land.record import Record, object_name
from coleta.land.rollup import ROLL_UP_COMMITS, RolledObject, decode_rollup, encode_rollup, rollup_name
from coleta.runtime.auditor import Evidence, Report, whole
from coleta.runtime.events import Trouble
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.log import follow
from coleta.runtime.rollups import IDLE, LONG_PAUSE, OBJECTS_AT_ONCE, PAUSE, RollUps
from coleta.testing.bench import Bench, waiting
from coleta.testing.memory import MemoryIndex, MemoryStore
from coleta.testing.samples import NOON, sample_identity, sample_record, sample_terms

BODY = b'[{"ean":1,"price":2}]'
FIRST = "compras/_ledger/rollup/000000003.json.zst"


class Log:
    """A log of seven commits, whose roll-ups hold three each."""

    def __init__(self, commits: int = 7) -> None:
        self.bench = Bench()
        self.machine = self.bench.machine()
        self.station = self.machine.open()
        self.rolling = RollUps(self.station, commits=3)
        for n in range(commits):
            self.land(n)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    def land(self, n: int) -> None:
        waiting(self.station, n, BODY)
        land(self.station)

    def roll(self) -> timedelta:
        """Step until nothing is due; how long the writer rests then."""
        now = self.bench.clock.now()
        for _ in range(20):
            at = self.rolling.step()
            if at != now:
                return at - now
        raise AssertionError("it never rests")

    def data(self, n: int) -> str:
        return f"compras/data/tick_date=2026-11-24/{n:09d}.parquet"

    def audit(self, deep: Deep | None = None, *, index: MemoryIndex | None = None) -> Report:
        station = self.station
        contents = station.spool.contents()
        known = self.machine.index if index is None else index
        return whole(
            Evidence(station.stream, station.identity, station.store, known, contents, NOON + timedelta(minutes=6)),
            deep=deep,
        )


def found(report: Report) -> list[tuple[str, str]]:
    return [(one.severity, one.code) for one in report.findings]


# Writing --------------------------------------------------------------------------------------------


def test_each_full_number_of_commits_is_rolled_up_with_the_digests_of_the_bytes_that_lie_there() -> None:
    log = Log()

    assert log.roll() == IDLE

    assert log.bench.names("_ledger/rollup/") == [rollup_name(3), rollup_name(6)]
    second = decode_rollup(rollup_name(6), log.objects["compras/" + rollup_name(6)])
    commits = log.bench.commits()
    assert (second.uuid, second.first, second.last) == (log.station.identity.uuid, 4, 6)
    assert [one.digest for one in second.commits()] == [one.digest for one in commits[3:6]]
    for rolled, committed in zip(second.objects, commits[3:6], strict=True):
        body = log.objects[f"compras/{committed.name}"]
        assert (rolled.name, rolled.size_bytes) == (committed.name, len(body))
        assert rolled.sha256 == hashlib.sha256(body).hexdigest()


def test_a_writer_that_starts_later_goes_on_where_the_last_one_ended() -> None:
    log = Log()
    log.roll()
    for n in range(7, 10):
        log.land(n)
    before = dict(log.objects)

    log.rolling = RollUps(log.station, commits=3)
    log.roll()

    assert log.objects.keys() - before.keys() == {"compras/" + rollup_name(9), "compras/" + kept_name(9)}
    assert [log.objects[name] for name in before] == list(before.values())


def test_a_missing_roll_up_is_written_again_with_the_same_bytes() -> None:
    log = Log()
    log.roll()
    first = log.objects.pop(FIRST)

    log.rolling = RollUps(log.station, commits=3)
    log.roll()

    assert log.objects[FIRST] == first


def test_nothing_is_written_and_read_before_there_are_enough_commits() -> None:
    log = Log(commits=2)
    calls = len(log.bench.store.calls)

    assert log.roll() == IDLE

    assert len(log.bench.store.calls) == calls
    log.land(2)
    log.roll()
    assert log.bench.names("_ledger/rollup/") == [rollup_name(3)]


def test_a_step_reads_a_few_objects_only_so_that_a_stop_need_not_wait() -> None:
    log = Log(commits=OBJECTS_AT_ONCE + 5)
    log.rolling = RollUps(log.station, commits=OBJECTS_AT_ONCE + 5)
    for _ in range(2):
        log.rolling.step()

    reads = [name for call, name in log.bench.store.calls if call == "read" and "/data/" in name]
    del log.bench.store.calls[:]
    log.rolling.step()

    assert reads
    assert len([name for call, name in log.bench.store.calls if call == "read"]) == 5
    assert log.bench.names("_ledger/rollup/") == [rollup_name(OBJECTS_AT_ONCE + 5)]


@pytest.mark.parametrize("call", ["names", "read", "create"])
def test_a_store_that_is_away_makes_it_wait_and_go_on_later(call: str) -> None:
    log = Log()
    log.bench.store.plan(call, "", "unavailable", times=1)

    assert log.roll() == PAUSE
    log.bench.clock.advance(PAUSE)
    assert log.roll() == IDLE
    assert len(log.bench.names("_ledger/rollup/")) == 2


def cut(log: Log) -> None:
    log.objects[log.data(2)] = log.objects[log.data(2)][:-1]


def change(log: Log) -> None:
    body = bytearray(log.objects[log.data(2)])
    body[0] ^= 1
    log.objects[log.data(2)] = bytes(body)


def remove(log: Log) -> None:
    del log.objects[log.data(2)]


def swap(log: Log) -> None:
    log.objects[log.data(2)] = log.objects[log.data(3)]


@pytest.mark.parametrize("spoil", [cut, change, remove, swap])
def test_over_damaged_bytes_no_roll_up_is_made_and_it_is_told(spoil: Callable[[Log], None]) -> None:
    log = Log()
    whole_body = log.objects[log.data(2)]
    spoil(log)

    assert log.roll() == LONG_PAUSE

    assert log.bench.names("_ledger/rollup/") == []
    (told,) = log.bench.told(Trouble)
    assert (told.where, told.what.split(":")[0]) == ("roll-up", log.data(2).removeprefix("compras/"))
    log.objects[log.data(2)] = whole_body
    assert log.roll() == IDLE
    assert len(log.bench.names("_ledger/rollup/")) == 2


# A new machine ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_log() -> MemoryStore:
    """A log of a few more commits than a roll-up holds, of turns, and its roll-up."""
    store, head = MemoryStore(), Head.genesis(sample_identity())
    rolled = []
    for seq in range(1, ROLL_UP_COMMITS + 4):
        sink = BytesIO()
        with ObjectWriter(sink, schema(sample_terms())) as writer:
            record = writer.finish(turn_after(head, seq))
        body = sink.getvalue()
        store.objects[head.next] = body
        rolled.append(RolledObject(head.next, len(body), hashlib.sha256(body).hexdigest(), text_of(record)))
        head = head.after(committed_of(head.next, record))
    store.objects[rollup_name(ROLL_UP_COMMITS)] = encode_rollup(head.uuid, 1, rolled[:ROLL_UP_COMMITS])
    return store


def turn_after(head: Head, seq: int) -> Callable[[int, str], Record]:
    def record(rows: int, content: str) -> Record:
        made = replace(sample_record(head), kind="turn", accounts=(), rows=rows, content=content)
        return replace(made, next=object_name(NOON.date(), seq + 1))

    return record


def text_of(record: Record) -> str:
    from coleta.land.record import encode_record

    return encode_record(record).decode()


def committed_of(name: str, record: Record):  # type: ignore[no-untyped-def]  # noqa: ANN201
    from coleta.land.commit import Committed
    from coleta.land.record import encode_record, record_digest

    return Committed(name, record, record_digest(encode_record(record)))


class Counting(MemoryStore):
    """A store that remembers what was read."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(objects)
        self.reads: list[str] = []

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        self.reads.append(name)
        return super().read(name, last=last)


def test_a_machine_without_an_index_learns_a_roll_up_at_once_and_the_rest_from_footers(long_log: MemoryStore) -> None:
    store, index = Counting(dict(long_log.objects)), MemoryIndex()
    footers = MemoryIndex()
    plain = follow(
        MemoryStore({n: b for n, b in long_log.objects.items() if "rollup" not in n}), footers, sample_identity()
    )

    head = follow(store, index, sample_identity())

    assert head == plain
    assert list(index.commits()) == list(footers.commits())
    assert len(store.reads) < 10
    del store.reads[:]
    assert follow(store, index, sample_identity()) == head
    assert len(store.reads) == 1, "and never asks for a roll-up again"


def last_is_gone(objects: dict[str, bytes]) -> None:
    for n in range(ROLL_UP_COMMITS - 5, ROLL_UP_COMMITS + 4):
        del objects[object_name(NOON.date(), n)]


def of_another_log(objects: dict[str, bytes]) -> None:
    name = rollup_name(ROLL_UP_COMMITS)
    rolled = decode_rollup(name, objects[name])
    strangers = [replace(one, record=one.record.replace('"nonce":"0', '"nonce":"1')) for one in rolled.objects]
    objects[name] = encode_rollup(rolled.uuid, 1, strangers)


def damaged(objects: dict[str, bytes]) -> None:
    objects[rollup_name(ROLL_UP_COMMITS)] = objects[rollup_name(ROLL_UP_COMMITS)][:-1]


@pytest.mark.parametrize("spoil", [last_is_gone, of_another_log, damaged])
def test_a_roll_up_that_the_store_does_not_bear_out_is_passed_over(
    long_log: MemoryStore, spoil: Callable[[dict[str, bytes]], None]
) -> None:
    objects = dict(long_log.objects)
    spoil(objects)
    plain = follow(
        MemoryStore({n: b for n, b in objects.items() if "rollup" not in n}), MemoryIndex(), sample_identity()
    )

    assert follow(MemoryStore(objects), MemoryIndex(), sample_identity()) == plain


# An audit ---------------------------------------------------------------------------------------------


def rolled_log() -> Log:
    log = Log()
    log.roll()
    return log


@pytest.mark.parametrize("deep", [None, Deep()])
def test_roll_ups_that_are_right_give_no_findings(deep: Deep | None) -> None:
    assert found(rolled_log().audit(deep)) == []


def rewrite(log: Log, edit: Callable[[RolledObject], RolledObject]) -> None:
    rolled = decode_rollup(rollup_name(3), log.objects[FIRST])
    log.objects[FIRST] = encode_rollup(rolled.uuid, 1, [rolled.objects[0], edit(rolled.objects[1]), rolled.objects[2]])


@pytest.mark.parametrize(
    ("edit", "code", "deep"),
    [
        (lambda one: replace(one, name=one.name.replace("2", "3")), "changed_rollup", None),
        (lambda one: replace(one, record=one.record.replace("bench", "wench")), "changed_rollup", None),
        (lambda one: replace(one, size_bytes=one.size_bytes + 1), "changed_object", None),
        (lambda one: replace(one, sha256="0" * 64), "changed_object", Deep()),
    ],
)
def test_whatever_a_roll_up_says_wrongly_is_found(
    edit: Callable[[RolledObject], RolledObject], code: str, deep: Deep | None
) -> None:
    log = rolled_log()
    rewrite(log, edit)

    assert found(log.audit(deep)) == [("damage", code)]


def test_a_damaged_roll_up_and_one_of_another_log_are_found() -> None:
    log = rolled_log()
    rolled = decode_rollup(rollup_name(6), log.objects["compras/" + rollup_name(6)])
    log.objects[FIRST] = log.objects[FIRST][:-1]
    log.objects["compras/" + rollup_name(6)] = encode_rollup("another", 4, rolled.objects)

    assert found(log.audit()) == [("damage", "changed_rollup")] * 2


def test_a_roll_up_leads_over_a_break_where_nothing_else_is_remembered() -> None:
    log = rolled_log()
    cut(log)

    report = log.audit(index=MemoryIndex())

    assert found(report) == [("damage", "unreadable_object")]
    assert report.objects == 7


def test_objects_that_only_a_roll_up_remembers_are_missed() -> None:
    log = rolled_log()
    for n in (5, 6, 7):
        del log.objects[log.data(n)]

    assert [one.where for one in log.audit(index=MemoryIndex()).findings] == [
        log.data(n).removeprefix("compras/") for n in (5, 6)
    ]


def retire(log: Log, n: int) -> None:
    """Take the rows of commit `n` away and leave its record."""
    record = log.bench.commits()[n - 1].record
    sink = BytesIO()
    with ObjectWriter(sink, schema(log.station.stream.terms)) as writer:
        writer.finish(lambda rows, content: record)
    log.objects[log.data(n)] = sink.getvalue()


@pytest.mark.parametrize("deep", [None, Deep(replay=True)])
def test_a_retired_object_is_sound_where_a_roll_up_names_it_and_damage_elsewhere(deep: Deep | None) -> None:
    log = rolled_log()
    retire(log, 2)
    assert found(log.audit(deep)) == []
    assert follow(log.station.store, MemoryIndex(), log.station.identity).seq == 7

    retire(log, 7)

    report = log.audit(deep)
    assert found(report) == [("damage", "changed_object")]
    assert "no roll-up names it" in report.findings[0].what
