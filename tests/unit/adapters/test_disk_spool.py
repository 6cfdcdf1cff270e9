from __future__ import annotations

import errno
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.disk_spool import DiskSpool
from coleta.collect.lost import Unreadable
from coleta.errors import Corrupt, Misconfigured, SpoolRefused
from coleta.testing.memory import ManualClock
from coleta.testing.samples import (
    OTHER_UUID,
    PAGE,
    UUID,
    sample_header,
    sample_page,
    sample_trailer,
    spooled_answer,
)


def open_spool(folder: Path, *, read_only: bool = False) -> DiskSpool:
    return DiskSpool(folder, uuid=UUID, quota_bytes=1 << 20, now=ManualClock().now, read_only=read_only)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


class Disk:
    """Syncs that fail where told: of the file (0), of the folder (1), of nothing (None)."""

    def __init__(self) -> None:
        self.failing: int | None = None
        self.number = errno.EIO
        self.calls = 0
        self.synced: list[str] = []

    def arm(self, failing: int | None, number: int = errno.EIO) -> None:
        self.failing, self.number, self.calls = failing, number, 0
        self.synced.clear()

    def sync(self, fd: int) -> None:
        call, self.calls = self.calls, self.calls + 1
        self.synced.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        if call == self.failing:
            raise OSError(self.number, os.strerror(self.number))


def faulty_spool(folder: Path) -> tuple[DiskSpool, Disk]:
    disk = Disk()
    spool = DiskSpool(folder, uuid=UUID, quota_bytes=1 << 20, now=ManualClock().now, disk=DiskCalls(disk.sync))
    disk.arm(None)
    return spool, disk


def test_the_file_is_synced_before_the_rename_and_the_folder_after_it(tmp_path: Path) -> None:
    spool, disk = faulty_spool(tmp_path)

    spooled_answer(spool)

    assert disk.synced == ["file", "folder"]


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize(
    ("number", "says"), [(errno.EIO, "I/O error"), (errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")]
)
def test_an_answer_whose_sync_fails_is_not_accepted_and_never_will_be(
    tmp_path: Path, failing: int, number: int, says: str
) -> None:
    spool, disk = faulty_spool(tmp_path)
    draft = spool.draft(sample_header())
    draft.page(sample_page(), PAGE)
    disk.arm(failing, number)

    with pytest.raises(SpoolRefused, match=says):
        draft.accept(sample_trailer(sample_header(), [PAGE]))
    synced = disk.calls
    with pytest.raises(SpoolRefused):
        draft.accept(sample_trailer(sample_header(), [PAGE]))
    draft.discard()

    assert disk.calls == synced
    assert tree(tmp_path) == {}
    assert spool.contents().waiting == ()
    assert spool.contents().free_bytes == 1 << 20
    disk.arm(None)
    entry = spooled_answer(spool)
    assert open_spool(tmp_path).contents().waiting == (entry,)


def test_a_disk_that_takes_no_draft_refuses_it(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    (tmp_path / "parts").rmdir()

    with pytest.raises(SpoolRefused, match="no such file"):
        spool.draft(sample_header())
    assert spool.contents().free_bytes == 1 << 20


def test_files_and_folders_are_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "compras"
    entry = spooled_answer(open_spool(folder))

    assert stat.S_IMODE((folder / "waiting" / entry.name).stat().st_mode) == 0o600
    for each in (folder, folder.parent, folder / "waiting", folder / "parts", folder / "damaged"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700


def test_a_draft_that_a_crash_left_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    draft = open_spool(tmp_path).draft(sample_header())
    draft.page(sample_page(), PAGE)
    assert len(tree(tmp_path)) == 1

    open_spool(tmp_path, read_only=True)
    assert len(tree(tmp_path)) == 1
    open_spool(tmp_path)
    assert tree(tmp_path) == {}
    draft.discard()


def test_a_damaged_file_is_set_aside_whole_and_stays_told(tmp_path: Path) -> None:
    entry = spooled_answer(open_spool(tmp_path))
    (tmp_path / "waiting" / entry.name).write_bytes(b"rubbish")

    assert open_spool(tmp_path).contents().damaged == (entry.name,)

    assert tree(tmp_path) == {f"damaged/{entry.name}": b"rubbish"}
    assert open_spool(tmp_path).contents().damaged == (entry.name,)


def test_a_second_damaged_file_of_one_name_does_not_replace_the_first(tmp_path: Path) -> None:
    for rubbish in (b"one", b"two"):
        entry = spooled_answer(open_spool(tmp_path))
        (tmp_path / "waiting" / entry.name).write_bytes(rubbish)
        open_spool(tmp_path)

    assert sorted(tree(tmp_path).values()) == [b"one", b"two"]
    assert len(open_spool(tmp_path).contents().damaged) == 2


def test_damage_found_on_reading_is_set_aside_and_says_where(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    entry = spooled_answer(spool)
    (tmp_path / "waiting" / entry.name).write_bytes(b"rubbish")

    with pytest.raises(Corrupt, match="not a spool file") as caught:
        spool.read(entry).whole()

    assert caught.value.where == str(tmp_path / "waiting" / entry.name)
    assert tree(tmp_path) == {f"damaged/{entry.name}": b"rubbish"}


MEMORY = Path("/proc/self/mem")


class BadSector:
    """A file of the spool that the disk does not give (EIO), until it is mended."""

    def __init__(self, path: Path) -> None:
        if not MEMORY.exists():
            pytest.skip("there is no file here that answers with EIO")
        self._path = path
        self._kept = path.with_name("kept")
        path.rename(self._kept)
        # Nothing is mapped at its beginning, and Linux says so by EIO.
        path.symlink_to(MEMORY)

    def mend(self) -> None:
        self._kept.rename(self._path)


def test_an_answer_that_cannot_be_read_now_goes_on_waiting(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    entry = spooled_answer(spool)
    sector = BadSector(tmp_path / "waiting" / entry.name)

    for _ in range(2):
        with pytest.raises(Unreadable, match="cannot be read") as caught:
            spool.read(entry).whole()
        with pytest.raises(Unreadable):
            list(spool.read(entry).pages())

    assert (caught.value.entry, caught.value.where) == (entry.name, str(tmp_path / "waiting" / entry.name))
    assert (spool.contents().waiting, spool.contents().damaged) == ((entry,), ())
    sector.mend()
    assert spool.read(entry).whole()


def test_what_cannot_be_read_at_the_start_stays_where_it_is_and_is_read_again(tmp_path: Path) -> None:
    entry, other = spooled_answer(open_spool(tmp_path), 1), spooled_answer(open_spool(tmp_path), 2)
    sector = BadSector(tmp_path / "waiting" / entry.name)
    clock = ManualClock()

    spool = DiskSpool(tmp_path, uuid=UUID, quota_bytes=1 << 20, now=clock.now)

    contents = spool.contents()
    assert (contents.waiting, contents.damaged, contents.unread) == ((other,), (), (entry.name,))
    assert [(one.name, one.header, one.why[:14]) for one in contents.lost] == [(entry.name, None, "cannot be read")]
    sector.mend()
    assert spool.contents().unread == (entry.name,), "it is looked at again after a while only"
    clock.advance(timedelta(seconds=30))
    assert spool.contents().waiting == (entry, other)
    assert (spool.contents().unread, spool.contents().lost) == ((), ())


def test_what_is_damaged_is_told_with_its_header_wherever_that_is_known(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    entries = [spooled_answer(spool, n) for n in range(4)]
    paths = [tmp_path / "waiting" / entry.name for entry in entries]
    paths[0].write_bytes(b"rubbish")
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    with pytest.raises(Corrupt):
        spool.read(entries[0]).whole()
    known = {one.name: one.header for one in spool.contents().lost}

    again = {one.name: one.header for one in open_spool(tmp_path).contents().lost}
    later = {one.name: one.header for one in open_spool(tmp_path).contents().lost}

    assert known == {entries[0].name: entries[0].header}, "this process had read it while it was whole"
    assert again == later == {entries[0].name: None, entries[1].name: entries[1].header}


def test_what_another_log_has_lost_is_none_of_ours(tmp_path: Path) -> None:
    theirs = DiskSpool(tmp_path, uuid=OTHER_UUID, quota_bytes=1 << 20, now=ManualClock().now)
    entry = spooled_answer(theirs, uuid=OTHER_UUID)
    path = tmp_path / "waiting" / entry.name
    path.write_bytes(path.read_bytes()[:-1])

    contents = open_spool(tmp_path).contents()

    assert (contents.damaged, contents.lost) == ((entry.name,), ())


def test_an_answer_named_like_a_held_one_does_not_overwrite_it(tmp_path: Path) -> None:
    theirs = DiskSpool(tmp_path, uuid=OTHER_UUID, quota_bytes=1 << 20, now=ManualClock().now)
    held = spooled_answer(theirs, uuid=OTHER_UUID)
    before = tree(tmp_path)

    mine = spooled_answer(open_spool(tmp_path))

    assert mine.name != held.name
    assert before.items() <= tree(tmp_path).items()
    assert open_spool(tmp_path).contents().waiting == (mine,)


def test_a_read_only_spool_makes_moves_and_removes_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    good, bad = spooled_answer(spool, 1), spooled_answer(spool, 2)
    (tmp_path / "waiting" / bad.name).write_bytes(b"rubbish")
    before = tree(tmp_path)

    look = open_spool(tmp_path, read_only=True)

    assert look.contents().waiting == (good,)
    assert look.contents().damaged == (bad.name,)
    assert look.read(good)
    with pytest.raises(ValueError, match="read only"):
        look.draft(sample_header())
    with pytest.raises(ValueError, match="read only"):
        look.release([good])
    assert tree(tmp_path) == before


def test_a_read_only_spool_that_is_not_there_is_empty_and_is_not_made(tmp_path: Path) -> None:
    look = open_spool(tmp_path / "none", read_only=True)

    assert look.contents().waiting == ()
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured, match="the spool cannot be used") as caught:
        open_spool(tmp_path / "file" / "spool")
    assert caught.value.hint


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    open_spool(tmp_path)
    (tmp_path / "waiting" / "README").write_text("a person's")

    assert open_spool(tmp_path).contents().waiting == ()
    assert tree(tmp_path) == {"waiting/README": b"a person's"}
