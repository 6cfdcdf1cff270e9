"""Repairs: what can be proved is put right, nothing is overwritten, and of the rest a person hears what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from coleta.adapters.below import Below
from coleta.audit.repair import Place
from coleta.collect.spool import Spooled
from coleta.errors import StoreUnavailable
from coleta.land.commit import Committed
from coleta.land.rollup import decode_rollup, encode_rollup
from coleta.ports import ObjectStore
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.log import follow
from coleta.runtime.opening import bare_station
from coleta.runtime.repair import Repairs, Shop, repair
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import Station
from coleta.testing.bench import Bench, Machine, bench_stream, waiting
from coleta.testing.memory import MemoryAside, MemoryIndex, MemorySpool, MemoryStore
from coleta.testing.samples import MINUTE, NOON, OTHER_UUID, sample_header, sample_terms, spooled, spooled_answer

MIXED = b'[{"ean":1,"price":2},{"ean":"x"}]'
GOOD = b'[{"ean":1,"price":2}]'


class Log:
    """A log of five commits with archived answers; the second has a quarantine file, and two roll-ups are written."""

    def __init__(self, archive: str = "landed") -> None:
        self.bench = Bench(bench_stream(archive=archive))
        self.machine: Machine = self.bench.machine()
        self.station: Station = self.machine.open()
        for n in range(5):
            waiting(self.station, n, MIXED if n == 1 else GOOD)
            land(self.station)
        self.bench.clock.set(NOON + 4 * MINUTE + timedelta(seconds=30))
        rolling = RollUps(self.station, commits=2)
        while rolling.advance():
            pass
        self.backup = dict(self.objects)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    def data(self, n: int) -> str:
        return f"compras/data/tick_date=2026-11-24/{n:09d}.parquet"

    def the(self, folder: str, at: int = 0) -> str:
        return list(self.bench.objects.names(f"compras/{folder}/"))[at]

    def look(self) -> Evidence:
        spool = self.machine.premises().spool_for(self.station.identity)
        known = self.machine.notes.recall("identity")
        return Evidence(
            self.station.stream,
            self.station.identity,
            Below(self.bench.store, "compras"),
            self.machine.index,
            spool.contents(),
            self.bench.clock.now(),
            known,
        )

    def shop(self, *, copy: bool = False, change: bool = True) -> Shop:
        premises = self.machine.premises()
        station = bare_station(premises, self.machine.world(), self.station.identity)
        other: ObjectStore | None = Below(MemoryStore(self.backup), "compras") if copy else None
        place = Place("compras", "file:///lake", "compras", "/p/.coleta/compras", "./copy" if copy else None)
        aside = MemoryAside(self.machine.aside, self.machine.files)
        return Shop(self.look, place, aside, other, station if change else None, rollup_commits=2)

    def repair(self, *, copy: bool = False, change: bool = True, deep: Deep | None = None) -> Repairs:
        return repair(self.shop(copy=copy, change=change), deep=deep)

    def is_sound(self) -> bool:
        return whole(self.look(), deep=Deep()).findings == ()


def codes(found: Repairs) -> tuple[list[str], list[str]]:
    """Of what was done, and of what is left."""
    return [one.code for one in found.done], [one.finding.code for one in found.left]


def lose(name: str | Callable[[Log], str]) -> Callable[[Log], str]:
    """Lose one object; its name."""

    def spoil(log: Log) -> str:
        gone = name if isinstance(name, str) else name(log)
        del log.objects[gone]
        return gone

    return spoil


lose_identity = lose("compras/_ledger/identity.json")
lose_terms = lose(lambda log: log.the("_ledger/terms"))
lose_quarantine = lose(lambda log: log.the("_quarantine"))
lose_archive = lose(lambda log: log.the("_archive", 2))
lose_rollup = lose(lambda log: log.the("_ledger/rollup"))
lose_object = lose(lambda log: log.data(3))
lose_newest = lose(lambda log: log.data(5))


def test_a_sound_log_needs_nothing() -> None:
    log = Log()
    before = dict(log.objects)

    found = log.repair(copy=True, deep=Deep())

    assert (found.done, found.left, found.sound) == ((), (), True)
    assert log.objects == before


@pytest.mark.parametrize(
    ("spoil", "code", "copy"),
    [
        (lose_identity, "missing_identity", False),
        (lose_terms, "missing_terms", False),
        (lose_quarantine, "missing_quarantine", False),
        (lose_quarantine, "missing_quarantine", True),
        (lose_archive, "missing_archive", True),
        (lose_rollup, "missing_rollup", False),
        (lose_object, "missing_object", True),
        (lose_newest, "missing_object", True),
    ],
)
def test_what_is_missing_is_put_again_byte_by_byte_and_a_second_repair_finds_nothing(
    spoil: Callable[[Log], str], code: str, copy: bool
) -> None:
    log = Log()
    spoil(log)

    found = log.repair(copy=copy)

    assert codes(found) == ([code], [])
    assert found.sound
    assert log.objects == log.backup
    assert log.is_sound()
    again = log.repair(copy=copy)
    assert (again.done, again.left) == ((), ())


@pytest.mark.parametrize("spoil", [lose_identity, lose_terms, lose_quarantine, lose_archive, lose_rollup, lose_object])
def test_a_dry_run_says_the_same_and_changes_nothing(spoil: Callable[[Log], str]) -> None:
    log = Log()
    spoil(log)
    before = dict(log.objects)

    would = log.repair(copy=True, change=False)

    assert log.objects == before
    assert would.dry_run
    assert not would.sound
    assert would.done == log.repair(copy=True).done


@pytest.mark.parametrize("spoil", [lose_archive, lose_object])
def test_what_nobody_has_is_left_with_the_command_that_would_take_it_from_a_copy(spoil: Callable[[Log], str]) -> None:
    log = Log()
    spoil(log)

    found = log.repair()

    (left,) = found.left
    assert not found.sound
    assert "coleta repair compras --from STORE" in left.step
    assert found.done == ()


def test_many_losses_at_once_are_put_right_together_even_if_one_hides_another() -> None:
    log = Log()
    log.machine.index = MemoryIndex()
    for spoil in (lose_object, lose_quarantine, lose_terms, lose_archive, lose_identity):
        spoil(log)
    log.objects.pop(log.the("_ledger/rollup", 1))

    found = log.repair(copy=True)

    assert found.sound, found
    assert log.objects == log.backup


def test_a_loss_that_nobody_remembers_is_taken_from_a_copy_if_the_log_goes_on_behind_it() -> None:
    log = Log()
    for name in list(log.bench.objects.names("compras/_ledger/rollup/")):
        del log.objects[name], log.backup[name]
    log.machine.index = MemoryIndex()
    del log.objects[log.data(2)], log.objects[log.data(3)]
    would = log.repair(copy=True, change=False)

    found = log.repair(copy=True)

    assert [one.where for one in would.done] == [one.where for one in found.done][:2]
    assert [one.where for one in found.done if one.code == "missing_object"] == [
        log.data(n).removeprefix("compras/") for n in (2, 3)
    ]
    assert found.sound
    assert all(log.objects[name] == body for name, body in log.backup.items())


def test_what_a_copy_has_beyond_the_end_of_the_log_is_not_taken() -> None:
    log = Log()
    for name in list(log.bench.objects.names("compras/_ledger/rollup/")):
        del log.objects[name], log.backup[name]
    log.machine.index = MemoryIndex()
    del log.objects[log.data(4)], log.objects[log.data(5)]

    found = log.repair(copy=True)

    assert log.data(4) not in log.objects
    assert "missing_object" not in codes(found)[0]


def other_bytes(log: Log, name: str) -> None:
    log.backup[name] = log.backup[name][:-8] + bytes(8)


@pytest.mark.parametrize(
    "spoil", [lose_terms, lose_quarantine, lose_archive, lose_object, lose_newest], ids=lambda spoil: str(spoil)[-3:]
)
def test_a_copy_with_other_bytes_is_not_believed(spoil: Callable[[Log], str]) -> None:
    log = Log(archive="landed")
    log.station = replace(log.station, stream=replace(log.station.stream, terms=replace(sample_terms(), key=("ean",))))
    name = spoil(log)
    other_bytes(log, name)
    for one in list(log.objects):
        if "_archive/" in one and one != name:
            log.objects[one] = b"rubbish"
            log.backup[one] = b"rubbish"

    found = log.repair(copy=True)

    assert name not in log.objects
    assert found.done == ()
    assert [one.finding.where for one in found.left] == [name.removeprefix("compras/")]


@pytest.mark.parametrize("n", [3, 5], ids=["rolled up", "newest"])
def test_an_object_of_another_commit_is_not_believed(n: int) -> None:
    log = Log()
    log.backup[log.data(n)] = log.backup[log.data(n - 1)]
    del log.objects[log.data(n)]

    assert log.repair(copy=True).done == ()
    assert log.data(n) not in log.objects


def test_an_object_with_the_right_record_and_other_rows_is_not_believed() -> None:
    log = Log()
    whole_ = bytearray(log.backup[log.data(5)])
    whole_[whole_.index(b"PAR1", 0) + 40] ^= 1
    log.backup[log.data(5)] = bytes(whole_)
    del log.objects[log.data(5)]

    assert log.repair(copy=True).done == ()
    assert log.data(5) not in log.objects


def test_an_object_with_another_digest_than_its_roll_up_says_is_not_believed() -> None:
    log = Log()
    name = log.the("_ledger/rollup", 1)
    rolled = decode_rollup(name.removeprefix("compras/"), log.objects[name])
    third, fourth = rolled.objects
    log.objects[name] = encode_rollup(rolled.uuid, rolled.first, [replace(third, sha256="0" * 64), fourth])
    del log.objects[log.data(3)]

    assert log.repair(copy=True).done == ()
    assert log.data(3) not in log.objects


def test_of_an_answer_with_several_quarantine_files_the_one_that_is_missing_is_made() -> None:
    log = Log()
    spooled(log.station.spool, sample_header(5, uuid=log.station.identity.uuid), (b"<one>", b"<two>"))
    land(log.station)
    pages = [name for name in log.objects if name.endswith(".raw.zst")]
    kept = {name: log.objects.pop(name) for name in pages}

    found = log.repair()

    assert len(pages) == 2
    assert [one.code for one in found.done][:2] == ["missing_quarantine"] * 2
    assert {name: log.objects.get(name) for name in pages} == kept


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize(
    ("folder", "at", "code"),
    [
        ("data/tick_date=2026-11-24", 2, "unreadable_object"),
        ("_ledger/terms", 0, "changed_terms"),
        ("_quarantine", 0, "changed_quarantine"),
        ("_archive", 1, "changed_archive"),
        ("_ledger", 2, "changed_identity"),
        ("_ledger/rollup", 0, "changed_rollup"),
    ],
)
def test_wrong_bytes_are_never_overwritten_and_once_they_are_away_a_repair_puts_the_right_ones(
    folder: str, at: int, code: str, copy: bool
) -> None:
    log = Log()
    name = log.the(folder, at)
    log.objects[name] = b"rubbish"

    found = log.repair(copy=copy, deep=Deep())

    (left,) = found.left
    assert (found.done, left.finding.code) == ((), code)
    assert log.objects[name] == b"rubbish"
    assert f"mv /lake/{name} /lake/_set_aside/{name}" in left.step
    del log.objects[name]
    if copy:
        assert log.repair(copy=copy).sound
        assert log.objects == log.backup


def test_what_a_person_must_do_about_the_rest_is_told() -> None:
    log = Log()
    log.objects["compras/data/tick_date=2026-11-24/copy.parquet"] = log.objects[log.data(1)]
    waiting(log.station, 6, GOOD)
    land(log.station)
    log.bench.clock.advance(timedelta(days=2))

    found = log.repair()

    assert {one.finding.code: one.step[:20] for one in found.left} == {
        "stray_object": "look at it, and take",
        "hole": "coleta up asks for i",
    }


def test_in_an_empty_store_no_log_is_begun_but_from_a_copy_all_of_it_comes_back() -> None:
    log = Log()
    log.objects.clear()

    found = log.repair()

    assert "compras/_ledger/identity.json" not in log.objects
    assert "is it the right store" in next(one.step for one in found.left if one.finding.code == "missing_identity")
    assert log.repair(copy=True).sound
    del log.backup["_coleta/probe"]
    assert log.objects == log.backup


# This machine ----------------------------------------------------------------------------------------


def set_aside(log: Log, n: int, *, whole_: bool) -> Spooled:
    entry = waiting(log.station, n, GOOD)
    _, body = log.machine.files.pop(entry.name)
    log.machine.aside[f"{entry.name}-0badcafe"] = body if whole_ else body[:-1]
    return entry


def test_what_was_set_aside_and_is_whole_waits_again_and_lands() -> None:
    log = Log()
    entry = set_aside(log, 5, whole_=True)
    would = log.repair(change=False)
    assert list(log.machine.aside) == [would.done[0].where]

    found = log.repair()

    assert codes(found) == (["damaged_spool"], [])
    assert list(log.machine.files) == [entry.name]
    assert log.machine.aside == {}
    land(log.machine.open())
    assert log.bench.commits()[-1].record.accounts[0].answer == entry.trailer.answer
    assert codes(log.repair()) == (["missing_rollup"], []), "there are six commits now"


def test_what_was_set_aside_and_is_damaged_stays_for_a_person() -> None:
    log = Log()
    set_aside(log, 5, whole_=False)

    found = log.repair()

    assert codes(found) == ([], ["damaged_spool"])
    assert "coleta raw cat" in found.left[0].step
    assert len(log.machine.aside) == 1


def test_of_a_damaged_file_whose_answer_has_landed_it_is_told_that_nothing_is_lost() -> None:
    log = Log()
    answer = log.bench.commits()[2].record.accounts[0].answer or ""
    name = f"20261124T120200Z-{answer[:16]}.spool"
    log.machine.aside[name] = b"rubbish"

    (left,) = log.repair().left

    assert "not lost" in left.step
    assert f"rm /p/.coleta/compras/damaged/{name}" in left.step


def test_a_file_of_another_log_is_not_given_back() -> None:
    log = Log()
    theirs = MemorySpool(uuid=OTHER_UUID, now=log.bench.clock.now)
    entry = spooled_answer(theirs, uuid=OTHER_UUID)
    log.machine.aside[entry.name] = theirs.files[entry.name][1]

    assert codes(log.repair()) == ([], ["damaged_spool"])
    assert log.machine.files == {}


class Forgetful(MemoryIndex):
    """An index that remembers one commit wrongly, until it is told to forget."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        follow(log.station.store, self, log.station.identity)
        (third,) = [one for one in self.commits() if one.record.seq == 3]
        self._commits[3] = Committed(third.name, third.record, hashlib.sha256(b"").hexdigest())


def test_an_index_that_contradicts_itself_is_forgotten_and_learned_again() -> None:
    log = Log()
    log.machine.index = Forgetful(log)
    assert codes(log.repair(change=False)) == (["changed_index"], [])

    found = log.repair()

    assert codes(found) == (["changed_index"], [])
    assert [one.digest for one in log.machine.index.commits()] == [one.digest for one in log.bench.commits()]
    assert log.repair().done == ()


def test_an_index_that_the_store_contradicts_is_kept_since_it_alone_knows_what_the_store_has_lost() -> None:
    log = Log()
    for n in (4, 5):
        del log.objects[log.data(n)]
    for name in list(log.bench.objects.names("compras/_ledger/rollup/")):
        del log.objects[name]
    two = log.bench.machine("two").open()
    for n in (3, 4):
        waiting(two, n, MIXED)
        land(two)

    found = log.repair(copy=True)

    assert "other_history" in codes(found)[1]
    (left,) = (one for one in found.left if one.finding.code == "other_history")
    assert "index-*.sqlite" in left.step
    assert [one.digest for one in log.machine.index.commits()] != [one.digest for one in log.bench.commits()]


def test_a_commit_that_the_log_has_gone_on_without_is_not_put_back_into_it() -> None:
    log = Log()
    for n in (4, 5):
        del log.objects[log.data(n)]
    for name in list(log.bench.objects.names("compras/_ledger/rollup/")):
        del log.objects[name]
    two = log.bench.machine("two").open()
    waiting(two, 3, MIXED)
    land(two)

    found = log.repair(copy=True)

    assert log.data(5) not in log.objects
    assert "missing_object" not in codes(found)[0]
    assert not found.sound


def test_several_newest_objects_that_are_lost_come_back_in_their_order() -> None:
    log = Log()
    for n in (3, 4, 5):
        del log.objects[log.data(n)]
    would = log.repair(copy=True, change=False)

    found = log.repair(copy=True)

    assert [one.where for one in found.done] == [log.data(n).removeprefix("compras/") for n in (3, 4, 5)]
    assert would.done == found.done
    assert log.objects == log.backup


# Cut off, and in doubt -----------------------------------------------------------------------------


class Killed(Exception):
    """As kill -9 would."""


@dataclass
class Mortal:
    """A store whose user dies at the call of that number, before or after it has its effect."""

    inner: ObjectStore
    at: int
    after: bool

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> object:
        self.at -= 1
        if self.at == 0 and not self.after:
            raise Killed
        found = self.inner.create(name, body, sha256=sha256)
        if self.at == 0:
            raise Killed
        return found

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        return self.inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        return self.inner.size(name)

    def names(self, prefix: str) -> object:
        return self.inner.names(prefix)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 8))
def test_killed_at_any_put_and_called_again_it_ends_the_same(at: int, after: bool) -> None:
    log = Log()
    for spoil in (lose_object, lose_newest, lose_quarantine, lose_terms, lose_archive, lose_identity):
        spoil(log)
    shop = log.shop(copy=True)
    assert shop.station is not None
    mortal = Mortal(shop.station.store, at, after)
    shop = replace(shop, station=replace(shop.station, store=mortal))  # type: ignore[arg-type]

    try:
        repair(shop)
    except Killed:
        pass
    else:
        assert at == 7, "there are six puts"

    assert log.repair(copy=True).sound
    assert log.objects == log.backup


@pytest.mark.parametrize("trouble", ["lost", "doubt", "false_exists"])
def test_a_doubtful_put_is_cured_by_reading_the_name(trouble: str) -> None:
    log = Log()
    name = lose_quarantine(log)
    log.bench.store.plan("create", "_quarantine", trouble)  # type: ignore[arg-type]

    assert log.repair().sound
    assert name in log.objects


def test_a_store_that_is_away_is_an_error_and_what_was_done_stands() -> None:
    log = Log()
    lose_quarantine(log)
    lose_object(log)
    log.bench.store.plan("create", "data/", "unavailable")

    with pytest.raises(StoreUnavailable):
        log.repair(copy=True)

    assert log.repair(copy=True).sound
    assert log.objects == log.backup
