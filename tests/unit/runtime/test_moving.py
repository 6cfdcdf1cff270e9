"""A log goes on at another place: all that it names, once, whatever goes wrong; and nothing more in the old one."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest

from coleta.adapters.below import Below, BelowHousekeeping
from coleta.contract.types import Contract, Field, Int
from coleta.errors import ColetaError, Corrupt, LogMoved, Misconfigured
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.moving import ORIGIN_NAME, Origin
from coleta.land.record import Place
from coleta.land.watermark import MARK_NOTE, Mark
from coleta.ports import SpoolContents
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.discard import discard
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.moving import Passage, gather, move
from coleta.runtime.redrive import Wanted
from coleta.stream import Stream
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.memory import MemoryHousekeeping, MemoryIndex
from coleta.testing.once import EVERY, Killed, Once, Trial, TrialStore

TERMS = Terms(Contract((Field("id", Int()),)))
OLD, NEW = "compras", "elsewhere"


def body(*ids: object) -> bytes:
    return json.dumps([{"id": one} for one in ids]).encode()


class Log:
    """A log of three answers, with records in the quarantine, some of them given up, and copies in the archive."""

    def __init__(self) -> None:
        self.bench = Bench(bench_stream(terms=TERMS, archive="landed"))
        self.machine = self.bench.machine()
        station = self.machine.open()
        for tick, ids in enumerate(((1, "one"), (2, 3), ("two", 4))):
            waiting(station, tick, body(*ids), terms=TERMS)
            land(station)
        housekeeping = BelowHousekeeping(MemoryHousekeeping(self.bench.objects.objects), OLD)
        discard(station, housekeeping, Wanted(tick=self.bench.commits()[0].record.accounts[0].tick.end))

    @property
    def there(self) -> Stream:
        return replace(self.bench.stream, path=NEW)

    def passage(self, trial: Trial | None = None, *, threads: int = 1) -> Passage:
        root = self.bench.store if trial is None else TrialStore(self.bench.store, trial)
        here = self.machine.premises(root=root)
        return Passage(here, self.machine.premises(self.there, root=root), self.machine.world(), threads)

    def objects(self, path: str) -> dict[str, bytes]:
        below = f"{path}/"
        return {n.removeprefix(below): b for n, b in self.bench.objects.objects.items() if n.startswith(below)}

    def findings(self, path: str) -> list[tuple[str, str]]:
        store = Below(self.bench.objects, path)
        identity = Identity.from_json(store.read(IDENTITY_NAME) or b"")
        now = self.bench.clock.now()
        evidence = Evidence(self.bench.stream, identity, store, MemoryIndex(), SpoolContents(), now)
        return [(one.severity, one.code) for one in whole(evidence, deep=Deep(replay=True)).findings]

    def check(self, *, audited: bool = True) -> None:
        """The new place holds the log, whole and sound, and the old one the same and its end."""
        old, new = self.objects(OLD), self.objects(NEW)
        assert new.pop(ORIGIN_NAME) == Origin(self.identity.uuid, "memory://", OLD).to_json()
        (end,) = (name for name in old.keys() - new.keys() if name.startswith("data/"))
        assert {name: body for name, body in old.items() if name != end} == new
        assert self.bench.commits()[-1].record.goes_on == Place("memory://", NEW)
        if audited:
            assert self.findings(OLD) == [("warning", "moved")]
            assert self.findings(NEW) == []

    @property
    def identity(self) -> Identity:
        return Identity.from_json(self.objects(OLD)[IDENTITY_NAME])


def test_a_log_moves_with_all_that_it_names_and_ends_where_it_was() -> None:
    log = Log()
    before = log.objects(OLD)

    done = move(log.passage())

    log.check()
    assert (done.commits, done.copied) == (4, len(before) - 1)
    assert move(log.passage()).copied == 0


def test_many_copied_at_once_are_the_same() -> None:
    log = Log()

    move(log.passage(threads=4))

    log.check()


@pytest.mark.parametrize("trouble", EVERY)
def test_whatever_goes_wrong_at_any_call_a_second_run_completes_the_move(trouble: Once) -> None:
    quiet = Trial()
    move(Log().passage(quiet))
    assert quiet.calls > 40
    for at in range(quiet.calls):
        log = Log()
        trial = Trial(at, trouble)

        with suppress(Killed, ColetaError):
            move(log.passage(trial))
        trial.deliver()
        move(log.passage())

        log.check(audited=False)  # the same bytes as in a quiet move, which is audited


def test_what_lands_while_the_log_is_copied_comes_along() -> None:
    log = Log()
    other = log.bench.machine("two").open()

    def meanwhile() -> None:
        waiting(other, 7, body(8), terms=TERMS)
        land(other)

    log.bench.store.plan("create", f"{NEW}/data/", meanwhile)
    assert move(log.passage()).commits == 5

    log.check()


def test_a_file_that_is_given_up_and_deleted_while_the_log_is_copied_is_not_missed() -> None:
    log = Log()
    other = log.bench.machine("two").open()
    housekeeping = BelowHousekeeping(MemoryHousekeeping(log.bench.objects.objects), OLD)
    (left,) = log.bench.names("_quarantine/")
    log.bench.store.plan("read", left, lambda: discard(other, housekeeping, Wanted()))

    move(log.passage())

    assert log.bench.names("_quarantine/") == []
    log.check()


@pytest.mark.parametrize("folder", ["_quarantine/", "_archive/", "_ledger/terms/", "data/"])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_damage_ends_the_move_before_the_log_does(folder: str, damage: str) -> None:
    log = Log()
    name = f"{OLD}/{log.bench.names(folder)[0]}"
    stored = log.bench.objects.objects.pop(name)
    if damage == "changed":
        log.bench.objects.objects[name] = stored[:9] + bytes([stored[9] ^ 1]) + stored[10:]

    with pytest.raises(Corrupt):
        move(log.passage())

    assert IDENTITY_NAME not in log.objects(NEW)
    log.bench.objects.objects[name] = stored
    assert all(commit.record.goes_on is None for commit in log.bench.commits())
    move(log.passage())
    log.check()


def test_an_object_that_others_had_composed_before_the_end_is_not_put_after_it() -> None:
    log = Log()
    other = log.bench.machine("two")
    station = other.open()
    waiting(station, 7, body(8), terms=TERMS)
    name = log.bench.commits()[-1].record.next
    log.bench.store.plan("create", name, lambda: move(log.passage()))

    with pytest.raises(LogMoved, match=f"it goes on at memory://{NEW}"):
        land(station)

    assert len(station.spool.contents().waiting) == 1
    assert log.bench.commits()[-1].record.goes_on == Place("memory://", NEW)
    # It lands in the new place, once its stream lies there.
    followed = other.open(log.there)
    land(followed)
    assert followed.spool.contents().waiting == ()
    assert [one for one in log.findings(NEW) if one[0] == "damage"] == []


def test_a_place_that_another_log_has_begun_in_meanwhile_is_left_alone_and_said_so() -> None:
    log = Log()
    another = Identity("another", "compras", "compras", log.identity.first_tick, log.identity.created).to_json()

    def meanwhile() -> None:
        log.bench.objects.objects[f"{NEW}/{IDENTITY_NAME}"] = another

    log.bench.store.plan("create", ORIGIN_NAME, meanwhile)
    with pytest.raises(Misconfigured, match="another log lies there"):
        move(log.passage())

    assert log.objects(NEW)[IDENTITY_NAME] == another
    assert all(commit.record.goes_on is None for commit in log.bench.commits())


def test_an_end_that_others_are_quicker_than_comes_after_theirs() -> None:
    log = Log()
    other = log.bench.machine("two").open()
    ticks = iter((7, 8, 9))

    def meanwhile() -> None:
        waiting(other, next(ticks), body(8), terms=TERMS)
        land(other)

    log.bench.store.plan("create", f"{OLD}/data/", meanwhile, times=3)
    assert move(log.passage()).commits > 4

    assert next(ticks, None) is None
    log.check()


def test_what_was_left_behind_is_gathered_but_for_what_has_landed() -> None:
    log = Log()
    move(log.passage())
    archived = log.bench.names("_archive/")
    new = Below(log.bench.objects, NEW)
    index = log.machine.index
    late = {"_superseded/20261124T120000Z-0123456789abcdef.spool": b"a", "_archive/x-fedcba9876543210.spool": b"b"}
    log.bench.objects.objects.update({f"{OLD}/{name}": body for name, body in late.items()})
    # Its log has given this one up since, and it was deleted.
    del log.bench.objects.objects[f"{NEW}/{archived[0]}"]

    assert gather(Below(log.bench.objects, OLD), new, index) == 2
    assert gather(Below(log.bench.objects, OLD), new, index) == 0

    assert {name: new.read(name) for name in late} == late
    assert new.read(archived[0]) is None


def test_a_damaged_roll_up_is_left_behind_since_it_is_derived() -> None:
    log = Log()
    log.bench.objects.objects[f"{OLD}/_ledger/rollup/000001000.json.zst"] = b"damaged"

    move(log.passage())

    assert not any(name.startswith("_ledger/rollup/") for name in log.objects(NEW))


def test_what_was_known_of_a_table_in_the_old_place_is_forgotten() -> None:
    log = Log()
    log.machine.notes.remember(MARK_NOTE, Mark("table", 3, 4).to_json())

    move(log.passage())

    assert Mark.from_json(log.machine.notes.recall(MARK_NOTE)) is None
