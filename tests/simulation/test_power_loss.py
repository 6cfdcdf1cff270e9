"""The promise, kept by the real spool, store, notes and index on a disk that loses power."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from coleta.testing.power_loss import live
from coleta.testing.simulator import reproduction
from coleta.testing.torn_disk import RecordedDisk, Remains, TornDisk
from coleta.testing.worlds import PowerLoss, try_case

ONE_IN = 12
"""About 480 of the 5,700 states, spread over all steps; `make simulate ARGS=--power-loss` tries them all."""

PARTS = 12


@pytest.mark.parametrize("part", range(PARTS))
def test_a_power_loss_at_any_step_loses_and_doubles_nothing_and_leaves_nothing_stuck(part: int) -> None:
    numbers = range(part * ONE_IN, PowerLoss().count(), PARTS * ONE_IN)
    assert len(numbers) > 30
    for number in numbers:
        tried = try_case(PowerLoss(), number)
        assert not tried.faults, reproduction(tried)


def test_the_life_before_it_has_all_that_can_be_cut_short(tmp_path: Path) -> None:
    lived = live(tmp_path)

    folders = Counter(name.rpartition("/")[0] for name in lived.objects)
    assert folders["_superseded"] == 2
    assert folders["_quarantine"] >= 1
    assert {"data/tick_date=2026-11-24", "data/tick_date=2026-11-25"} < set(folders)
    assert {step.done for step in lived.steps} == {
        "make_folder", "create", "write", "save", "stamp", "sync", "rename", "link", "unlink", "sync_folder"
    }  # fmt: skip


class Recorded:
    """A disk on which something is done, and what a power loss may leave of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk = RecordedDisk(root=root)

    def write(self, name: str, *pieces: bytes, sync: bool = True) -> None:
        fd = self.disk.create(self.root / name, mode=0o600)
        for piece in pieces:
            self.disk.write(fd, piece)
        if sync:
            self.disk.sync(fd)
        self.disk.close(fd)

    def remains(self) -> list[Remains]:
        torn = TornDisk()
        for step in self.disk.steps:
            torn.apply(step)
        return list(torn.states(Random(0)))

    def found(self, name: str) -> set[bytes | None]:
        return {remains.files.get(name, (None, 0))[0] for remains in self.remains()}


def test_bytes_that_were_not_synced_may_be_missing_cut_or_zeros(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.write("a", b"1234", sync=False)
    recorded.disk.sync_folder(tmp_path)

    assert recorded.found("a") == {b"", b"12", b"12\0\0", b"\0\0\0\0", b"1234"}


def test_a_name_that_was_not_synced_may_be_there_or_not(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.write("a", b"1")

    assert recorded.found("a") == {None, b"1"}


def test_what_was_synced_file_and_folder_is_there(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.write("a", b"1")
    recorded.disk.sync_folder(tmp_path)

    assert recorded.found("a") == {b"1"}


def test_a_rename_may_leave_both_names_either_or_the_old_one(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.write("a", b"1")
    recorded.disk.sync_folder(tmp_path)
    recorded.disk.rename(tmp_path / "a", tmp_path / "b")

    assert {tuple(sorted(remains.files)) for remains in recorded.remains()} == {("a",), ("b",), ("a", "b"), ()}


def test_a_name_that_was_taken_away_may_come_back_until_its_folder_is_synced(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.write("a", b"1")
    recorded.disk.sync_folder(tmp_path)
    recorded.disk.unlink(tmp_path / "a")
    before = recorded.found("a")
    recorded.disk.sync_folder(tmp_path)

    assert before == {None, b"1"}
    assert recorded.found("a") == {None}


def test_what_lies_in_a_folder_whose_own_name_is_lost_is_lost(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.disk.make_folder(tmp_path / "inner")
    recorded.write("inner/a", b"1")
    recorded.disk.sync_folder(tmp_path / "inner")

    assert recorded.found("inner/a") == {None, b"1"}


def test_what_is_laid_out_is_what_remains(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.disk.make_folder(tmp_path / "inner")
    recorded.write("inner/a", b"1")
    (tmp_path / "again").mkdir()
    (*_, newest) = recorded.remains()

    newest.lay_out(tmp_path / "again")

    assert (tmp_path / "again/inner/a").read_bytes() == b"1"
