from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.file_store import FileStore
from coleta.errors import Doubtful, StoreUnavailable
from coleta.ports import Created, Exists

BODY = b"a body of some bytes"
NAME = "data/tick_date=2026-11-24/000000001.parquet"


def create(store: FileStore, name: str = NAME, body: bytes = BODY) -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


class Disk:
    """Syncs that are written down by what they sync, and fail from the `failing`-th on."""

    def __init__(self, root: Path, *, failing: int | None = None) -> None:
        self.root = root
        self.failing = failing
        self.synced: list[str] = []

    def sync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        known = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else "above"
        self.synced.append("the temporary file" if known.endswith(".tmp") else known)
        if self.failing is not None and len(self.synced) > self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


linux_only = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names of open files are read from /proc")


def test_a_create_that_loses_leaves_no_litter(tmp_path: Path) -> None:
    store = FileStore(tmp_path, create=True)
    create(store)

    create(store, body=b"another")

    assert files(tmp_path) == [NAME]


def test_an_object_is_an_ordinary_file_with_ordinary_rights(tmp_path: Path) -> None:
    create(FileStore(tmp_path, create=True))
    plain = tmp_path / "plain"
    plain.touch()

    assert (tmp_path / NAME).read_bytes() == BODY
    assert (tmp_path / NAME).stat().st_mode == plain.stat().st_mode


@linux_only
def test_the_file_is_durable_before_its_name_and_every_folder_on_the_way_is(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    store = FileStore(tmp_path, create=True, disk=DiskCalls(disk.sync))
    disk.synced.clear()

    create(store)

    assert disk.synced == ["the temporary file", ".", "data", "data/tick_date=2026-11-24"]


@linux_only
def test_folders_known_to_be_durable_are_not_synced_again(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    store = FileStore(tmp_path, create=True, disk=DiskCalls(disk.sync))
    create(store)
    disk.synced.clear()

    create(store, "data/tick_date=2026-11-24/000000002.parquet")

    assert disk.synced == ["the temporary file", "data/tick_date=2026-11-24"]


@linux_only
def test_what_another_process_made_is_durable_before_it_is_told(tmp_path: Path) -> None:
    create(FileStore(tmp_path, create=True))
    way = [".", "data", "data/tick_date=2026-11-24"]
    acts: list[Callable[[FileStore], object]] = [
        lambda store: store.read(NAME),
        lambda store: store.size(NAME),
    ]
    for act in acts:
        disk = Disk(tmp_path)
        act(FileStore(tmp_path, disk=DiskCalls(disk.sync)))
        assert disk.synced == way

    disk = Disk(tmp_path)
    assert isinstance(create(FileStore(tmp_path, disk=DiskCalls(disk.sync))), Exists)
    assert disk.synced == ["the temporary file", *way]


@linux_only
def test_an_old_folder_is_synced_once_for_many_reads(tmp_path: Path) -> None:
    create(FileStore(tmp_path, create=True))
    os.utime(tmp_path / "data/tick_date=2026-11-24", (1, 1))
    disk = Disk(tmp_path)
    store = FileStore(tmp_path, disk=DiskCalls(disk.sync))
    store.read(NAME)
    disk.synced.clear()

    assert store.read(NAME) == BODY
    assert disk.synced == []
    create(store, "data/tick_date=2026-11-24/000000002.parquet")
    assert "data/tick_date=2026-11-24" in disk.synced


@linux_only
@pytest.mark.parametrize("failing", range(3))
def test_an_error_before_the_link_is_unavailable_and_nothing_was_stored(tmp_path: Path, failing: int) -> None:
    FileStore(tmp_path, create=True)
    disk = Disk(tmp_path, failing=failing)

    with pytest.raises(StoreUnavailable, match="I/O error"):
        create(FileStore(tmp_path, disk=DiskCalls(disk.sync)))

    assert files(tmp_path) == []
    assert isinstance(create(FileStore(tmp_path)), Created)


@linux_only
@pytest.mark.parametrize("failing", [1, 2])
def test_folders_that_another_process_made_are_durable_before_the_link(tmp_path: Path, failing: int) -> None:
    FileStore(tmp_path, create=True)
    (tmp_path / NAME).parent.mkdir(parents=True)
    disk = Disk(tmp_path, failing=failing)

    with pytest.raises(StoreUnavailable, match="I/O error"):
        create(FileStore(tmp_path, disk=DiskCalls(disk.sync)))

    assert files(tmp_path) == []


@linux_only
def test_a_folder_that_changed_a_moment_ago_is_synced_at_each_read(tmp_path: Path) -> None:
    create(FileStore(tmp_path, create=True))
    soon = time.time() + 60
    os.utime((tmp_path / NAME).parent, (soon, soon))
    disk = Disk(tmp_path)
    store = FileStore(tmp_path, disk=DiskCalls(disk.sync))
    store.read(NAME)
    disk.synced.clear()

    store.read(NAME)

    assert disk.synced == ["data/tick_date=2026-11-24"]


@linux_only
def test_an_error_after_the_link_is_doubtful_and_reading_decides(tmp_path: Path) -> None:
    FileStore(tmp_path, create=True)
    disk = Disk(tmp_path, failing=3)
    store = FileStore(tmp_path, disk=DiskCalls(disk.sync))

    with pytest.raises(Doubtful, match="durable"):
        create(store)

    with pytest.raises(StoreUnavailable):
        store.read(NAME)
    disk.failing = None
    assert store.read(NAME) == BODY
    assert files(tmp_path) == [NAME]


@linux_only
def test_what_exists_but_may_not_be_durable_is_not_told(tmp_path: Path) -> None:
    create(FileStore(tmp_path, create=True))
    disk = Disk(tmp_path, failing=3)

    with pytest.raises(StoreUnavailable, match="not certain to be durable"):
        create(FileStore(tmp_path, disk=DiskCalls(disk.sync)))


def test_a_missing_store_is_unavailable_and_is_not_made(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "lake")

    with pytest.raises(StoreUnavailable, match="no store") as caught:
        create(store)
    assert "mounted" in (caught.value.hint or "")
    with pytest.raises(StoreUnavailable):
        store.read(NAME)
    with pytest.raises(StoreUnavailable):
        store.size(NAME)
    with pytest.raises(StoreUnavailable):
        list(store.names(""))
    assert not (tmp_path / "lake").exists()


def test_a_mount_that_vanishes_is_unavailable_and_heals_when_it_comes_back(tmp_path: Path) -> None:
    root, away = tmp_path / "lake", tmp_path / "away"
    store = FileStore(root, create=True)
    create(store)
    root.rename(away)
    root.mkdir()  # the empty mount point

    with pytest.raises(StoreUnavailable):
        store.read(NAME)
    with pytest.raises(StoreUnavailable):
        create(store, "data/other")
    assert list(root.iterdir()) == []

    root.rmdir()
    away.rename(root)
    assert store.read(NAME) == BODY
    assert isinstance(create(store, "data/other"), Created)


def test_a_copy_without_empty_folders_can_be_written_to(tmp_path: Path) -> None:
    store = FileStore(tmp_path, create=True)
    create(store, "_coleta/probe")
    (tmp_path / "_coleta/tmp").rmdir()

    assert isinstance(create(FileStore(tmp_path)), Created)


def test_a_file_in_the_place_of_a_folder_is_unavailable(tmp_path: Path) -> None:
    store = FileStore(tmp_path, create=True)
    create(store, "data")

    with pytest.raises(StoreUnavailable, match="a file, not a folder"):
        create(store)
    with pytest.raises(StoreUnavailable):
        store.read(NAME)
    assert files(tmp_path) == ["data"]


def test_a_folder_in_the_place_of_an_object_exists_and_cannot_be_read(tmp_path: Path) -> None:
    store = FileStore(tmp_path, create=True)
    create(store)

    assert isinstance(create(store, "data"), Exists)
    with pytest.raises(StoreUnavailable):
        store.read("data")


def test_a_root_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match="a file, not a folder"):
        FileStore(tmp_path / "file" / "lake", create=True)


def test_a_name_too_long_for_the_file_system_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="too long"):
        create(FileStore(tmp_path, create=True), "x" * 300)
    assert files(tmp_path) == []


def test_temporary_files_are_never_listed_and_their_names_are_refused(tmp_path: Path) -> None:
    store = FileStore(tmp_path, create=True)
    (tmp_path / "_coleta/tmp/.1-a.tmp").touch()
    create(store, "_coleta/probe")

    assert list(store.names("")) == ["_coleta/probe"]
    assert list(store.names("_coleta/tmp/")) == []
    with pytest.raises(ValueError, match="kept for"):
        create(store, "_coleta/tmp/mine")


def test_only_temporary_files_of_a_day_ago_are_cleared(tmp_path: Path) -> None:
    temps = tmp_path / "_coleta/tmp"
    FileStore(tmp_path, create=True)
    for name, age_s in ((".1-old.tmp", 90_000), (".1-new.tmp", 3_600), ("other", 90_000)):
        (temps / name).touch()
        os.utime(temps / name, (time.time() - age_s,) * 2)

    store = FileStore(tmp_path)
    store.read(NAME)
    assert len(list(temps.iterdir())) == 3
    create(store)
    assert sorted(path.name for path in temps.iterdir()) == [".1-new.tmp", "other"]


def test_links_to_elsewhere_are_not_listed(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "lake", create=True)
    create(store, "a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b").touch()
    (tmp_path / "lake/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "lake/c").symlink_to(tmp_path / "elsewhere/b")

    assert list(store.names("")) == ["a"]


@pytest.mark.parametrize("prefix", ["/", "../", "a/../b"])
def test_a_prefix_that_leads_elsewhere_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        list(FileStore(tmp_path, create=True).names(prefix))
