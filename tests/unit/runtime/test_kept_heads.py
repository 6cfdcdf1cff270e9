"""Kept heads: what a new machine begins with, what it gets when asked for more, and what an audit says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.audit.repair import step_for
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head
from coleta.land.kept import Kept, decode_kept, encode_kept, kept_name
from coleta.land.rollup import rollup_name
from coleta.land.sealed import seal
from coleta.ports import ObjectStore
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.lander import land
from coleta.runtime.log import follow
from coleta.runtime.opening import open_station
from coleta.runtime.recalling import Recalling, commits_between
from coleta.runtime.rollups import RollUps
from coleta.testing.bench import Bench, Machine, bench_stream, waiting
from coleta.testing.memory import MemoryIndex
from coleta.testing.samples import NOON

BODY = b'[{"ean":1,"price":2}]'
EACH = 3
DAY_ONE = NOON.date()
COMMITS = 11
"""Three roll-ups, and two commits more; the last four commits are of the next day."""


class Log:
    """A log of two days, whose roll-ups hold three commits each."""

    def __init__(self) -> None:
        self.bench = Bench(bench_stream(archive="landed"))
        self.machine: Machine = self.bench.machine()
        self.station = self.machine.open()
        for n in range(COMMITS - 1):  # one of its commits is the turn to the next day
            self.land(n if n < 7 else n + 1440)
        self.roll()

    def land(self, n: int) -> None:
        waiting(self.station, n, BODY)
        land(self.station)

    def roll(self) -> None:
        rolling = RollUps(self.station, commits=EACH)
        while rolling.advance():
            pass

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    @property
    def reads(self) -> list[str]:
        return [name.removeprefix("compras/") for call, name in self.bench.store.calls if call == "read"]

    def kept(self, seq: int) -> Kept:
        return decode_kept(kept_name(seq), self.objects[f"compras/{kept_name(seq)}"])

    def put(self, seq: int, body: bytes) -> None:
        self.objects[f"compras/{kept_name(seq)}"] = body

    def plain(self) -> Head:
        """The head as every footer says it."""
        known = self.machine.index.head()
        assert known is not None
        return known

    def follow(self, index: MemoryIndex) -> Head:
        return follow(self.station.store, index, self.station.identity, rolled=EACH)

    def new_machine(self, *, keeps: bool = True) -> tuple[MemoryIndex, Recalling]:
        index = MemoryIndex()
        assert self.follow(index) == self.plain()
        del self.bench.store.calls[:]
        return index, Recalling(index, self.station.store, self.station.identity, keeps=keeps, rolled=EACH)

    def audit(self) -> list[tuple[str, str, str]]:
        station = self.station
        now = NOON + timedelta(days=1, minutes=12)
        found = whole(
            Evidence(station.stream, station.identity, station.store, MemoryIndex(), station.spool.contents(), now)
        ).findings
        return [(one.severity, one.code, one.where) for one in found if one.code not in ("open", "hole", "late")]


def numbers(commits: Iterable[Committed]) -> list[int]:
    return [one.record.seq for one in commits]


def answers(commits: Iterable[Committed]) -> list[str]:
    return [account.answer or "" for one in commits for account in one.record.accounts]


# Keeping --------------------------------------------------------------------------------------------


def test_after_each_roll_up_the_head_is_kept_as_following_the_log_gives_it() -> None:
    log = Log()

    assert log.bench.names("_ledger/head/") == [kept_name(seq) for seq in (3, 6, 9)]
    head = Head.genesis(log.station.identity)
    for committed in log.bench.commits():
        head = head.after(committed)
        if head.seq in (3, 6, 9):
            assert log.kept(head.seq).head == head
    assert {day: (one.first, one.last, one.rows) for day, one in log.kept(9).days.items()} == {
        "2026-11-24": (1, 8, 7),
        "2026-11-25": (9, 9, 1),
    }


def test_an_old_log_without_kept_heads_gets_them_a_roll_up_in_a_step() -> None:
    log = Log()
    before = {name: log.objects.pop(f"compras/{name}") for name in log.bench.names("_ledger/head/")}
    rolling = RollUps(log.station, commits=EACH)
    rolling.advance()

    for expected in range(1, 4):
        rolling.advance()
        assert len(log.bench.names("_ledger/head/")) == expected
    assert not rolling.advance()
    assert {name: log.objects[f"compras/{name}"] for name in before} == before


def test_a_writer_that_starts_later_reads_no_roll_up_that_has_its_head() -> None:
    log = Log()
    for n in range(4, 7):
        log.land(1440 + 20 + n)
    del log.bench.store.calls[:]

    log.roll()

    assert kept_name(12) in log.bench.names("_ledger/head/")
    assert {name for name in log.reads if "rollup" in name} == {rollup_name(9), rollup_name(12)}


def test_over_a_damaged_roll_up_the_head_is_kept_from_the_objects() -> None:
    log = Log()
    right = log.objects.pop(f"compras/{kept_name(9)}")
    log.objects[f"compras/{rollup_name(9)}"] = b"damaged"

    with pytest.raises(Corrupt):  # told by the writer of roll-ups, which goes on from the last one
        log.roll()
    del log.objects[f"compras/{rollup_name(9)}"]
    log.roll()

    assert log.objects[f"compras/{kept_name(9)}"] == right


# A new machine --------------------------------------------------------------------------------------


def test_a_new_machine_begins_with_the_newest_kept_head_and_reads_only_what_came_after() -> None:
    log, index = Log(), MemoryIndex()
    del log.bench.store.calls[:]

    assert log.follow(index) == log.plain()

    assert numbers(index.commits()) == [9, 10, 11]
    assert [name for name in log.reads if "rollup" in name] == [rollup_name(12)]
    assert len([name for name in log.reads if name.startswith("data/")]) == 4, "the last three, and what comes next"


def of_another_log(log: Log) -> None:
    log.put(9, encode_kept(replace(log.kept(9), head=replace(log.kept(9).head, digest="0" * 64))))


def its_object_is_gone(log: Log) -> None:
    log.put(12, encode_kept(replace(log.kept(9), head=replace(log.kept(9).head, seq=12), name="data/x")))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda log: log.put(9, b"damaged"),
        lambda log: log.put(9, seal(b'{"format":2}')),
        lambda log: log.put(9, seal(b'{"format":1,"records":3}')),
        of_another_log,
        its_object_is_gone,
        lambda log: log.objects.update({f"compras/{name}": b"" for name in log.bench.names("_ledger/head/")}),
    ],
    ids=["damaged", "newer", "newer records", "another log's", "beyond the log", "all damaged"],
)
def test_a_kept_head_that_cannot_be_trusted_is_passed_over(spoil: Callable[[Log], None]) -> None:
    log = Log()
    spoil(log)

    assert log.follow(MemoryIndex()) == log.plain()


def test_a_first_start_reads_ahead_and_a_later_one_does_not() -> None:
    log = Log()
    ahead: list[ObjectStore] = []

    def reading(store: ObjectStore) -> ObjectStore:
        ahead.append(store)
        return store

    machine = log.bench.machine("two")
    for _ in range(2):
        open_station(replace(machine.premises(), ahead=reading, rolled=EACH), machine.world())

    assert len(ahead) == 1


def test_a_new_machine_lands_without_a_look_at_old_commits() -> None:
    log = Log()
    machine = log.bench.machine("two")
    station = open_station(replace(machine.premises(), rolled=EACH), machine.world())
    del log.bench.store.calls[:]

    waiting(station, 1460, BODY)
    land(station)

    assert not [name for name in log.reads if "_ledger/" in name and "terms" not in name]
    assert log.bench.commits()[-1].record.seq == COMMITS + 1


def test_what_landed_long_ago_is_not_landed_again_by_a_machine_that_has_forgotten_it() -> None:
    log = Log()
    machine = log.bench.machine("two")
    station = open_station(replace(machine.premises(), rolled=EACH), machine.world())

    waiting(station, 1, BODY)
    land(station)

    assert not station.spool.contents().waiting
    assert log.bench.names("_superseded/") == [], "it has landed, and lost no race"
    assert len(log.bench.commits()) == COMMITS


# What it gets when asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [True, False])
def test_all_commits_and_the_newest_are_there_for_whoever_asks(keeps: bool) -> None:
    log = Log()
    everything = log.bench.commits()
    for newest in (0, 1, 3, 4, 7, COMMITS, 99, None):
        index, recalling = log.new_machine(keeps=keeps)
        expected = everything if newest is None else everything[max(0, COMMITS - newest) :]

        assert list(recalling.commits(newest=newest)) == expected

        assert (numbers(index.commits())[0] < 9) == (keeps and len(expected) > 3)


@pytest.mark.parametrize("keeps", [True, False])
def test_commits_that_name_files_are_found_however_old(keeps: bool) -> None:
    log = Log()
    _, recalling = log.new_machine(keeps=keeps)
    paths = [path for seq in (2, 10) for path in log.bench.commits()[seq - 1].record.named_files()]

    assert numbers(recalling.commits(naming=paths)) == [2, 10]


@pytest.mark.parametrize("days", [None, [DAY_ONE, DAY_ONE + timedelta(days=1)]])
@pytest.mark.parametrize("keeps", [True, False])
def test_every_answer_that_landed_is_known_and_no_other(keeps: bool, days: list[object] | None) -> None:
    log = Log()
    _, recalling = log.new_machine(keeps=keeps)
    landed = answers(log.bench.commits())

    assert recalling.landed([*landed, landed[0][:16], "0" * 64], days=days) == {*landed, landed[0][:16]}  # type: ignore[arg-type]


def test_for_an_answer_of_a_day_only_what_may_be_of_that_day_is_got() -> None:
    log = Log()
    index, recalling = log.new_machine()

    assert not recalling.landed(["0" * 64], days=[DAY_ONE + timedelta(days=1)])

    assert numbers(index.commits()) == [9, 10, 11]
    assert not [name for name in log.reads if "rollup" in name]
    assert not recalling.landed(["0" * 64], days=[DAY_ONE])
    assert numbers(index.commits()) == list(range(1, COMMITS + 1))


def test_a_day_before_the_log_asks_for_no_roll_up() -> None:
    log = Log()
    _, recalling = log.new_machine()

    assert not recalling.landed(["0" * 64], days=[DAY_ONE - timedelta(days=9)])

    assert not [name for name in log.reads if "rollup" in name]


@pytest.mark.parametrize("lost", [(3,), (6,), (9,), (3, 6), (6, 9), (3, 6, 9)])
@pytest.mark.parametrize("keeps", [True, False])
def test_where_a_roll_up_is_missing_or_wrong_the_objects_are_read(lost: tuple[int, ...], keeps: bool) -> None:
    log = Log()
    _, recalling = log.new_machine(keeps=keeps)
    for number, last in enumerate(lost):
        log.objects[f"compras/{rollup_name(last)}"] = b"damaged"
        if number:
            del log.objects[f"compras/{rollup_name(last)}"]

    assert list(recalling.commits()) == log.bench.commits()


def test_a_stretch_of_the_log_may_begin_and_end_anywhere() -> None:
    log = Log()
    store, identity = log.station.store, log.station.identity
    for first in range(1, COMMITS + 1):
        for until in range(first, COMMITS + 1):
            found = commits_between(store, identity, first, until, rolled=EACH)
            assert numbers(found) == list(range(first, until + 1))


def test_an_object_that_is_missing_is_told_where_no_roll_up_has_its_record() -> None:
    log = Log()
    _, recalling = log.new_machine()
    second = log.bench.commits()[1].name
    del log.objects[f"compras/{second}"], log.objects[f"compras/{rollup_name(3)}"]

    with pytest.raises(Corrupt) as told:
        list(recalling.commits())

    assert told.value.where == second


def test_what_lies_in_the_store_must_lead_to_what_is_remembered() -> None:
    log = Log()
    index, recalling = log.new_machine()
    oldest = next(iter(index.commits()))
    # What is remembered as commit 9 names another commit 8 than there is.
    index.enter(log.kept(9).head, replace(oldest, record=replace(oldest.record, prev="0" * 64)))

    with pytest.raises(Corrupt, match="names"):
        list(recalling.commits())


# An audit -------------------------------------------------------------------------------------------


def test_kept_heads_that_are_right_give_no_findings() -> None:
    assert Log().audit() == []


def wrong(edit: Callable[[Kept], Kept]) -> Callable[[Log], None]:
    return lambda log: log.put(6, encode_kept(edit(log.kept(6))))


@pytest.mark.parametrize(
    "spoil",
    [
        wrong(lambda one: replace(one, head=replace(one.head, answered=one.head.gaps))),
        wrong(lambda one: replace(one, head=replace(one.head, uuid="another"))),
        wrong(lambda one: replace(one, days={})),
        wrong(lambda one: replace(one, terms=())),
        lambda log: log.put(6, b"damaged"),
    ],
    ids=["coverage", "log", "days", "terms", "bytes"],
)
def test_whatever_a_kept_head_says_wrongly_is_found(spoil: Callable[[Log], None]) -> None:
    log = Log()
    spoil(log)

    assert log.audit() == [("damage", "changed_head", kept_name(6))]


def test_one_beyond_the_log_is_found_and_one_of_a_newer_format_is_none_of_our_business() -> None:
    log = Log()
    log.put(12, encode_kept(replace(log.kept(9), head=replace(log.kept(9).head, seq=12))))
    log.put(9, seal(b'{"format":2}'))

    assert log.audit() == [("damage", "changed_head", kept_name(12))]


def test_the_step_after_a_wrong_one_is_to_take_it_away_and_let_machines_forget() -> None:
    from coleta.audit.finding import Finding
    from coleta.audit.repair import Place

    finding = Finding("damage", "changed_head", kept_name(6), "wrong")
    step = step_for(finding, Place("compras", "file:///lake", "compras", "/p/.coleta/compras"))

    assert f"mv /lake/compras/{kept_name(6)} /lake/_set_aside/compras/{kept_name(6)}" in step
    assert "/p/.coleta/compras/index-*.sqlite*" in step
