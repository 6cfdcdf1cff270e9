"""The disk adapters against real kills and real full or read-only disks, in processes of their own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.file_store import FileStore
from coleta.adapters.scratch import DiskScratch
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.errors import Misconfigured, SpoolRefused, StoreUnavailable
from coleta.land.commit import Head
from coleta.ports import Created
from coleta.testing.memory import ManualClock
from coleta.testing.samples import UUID, sample_answer, sample_commit, sample_identity, spooled_answer

CREATES = """
import hashlib, sys
from pathlib import Path
from coleta.adapters.file_store import FileStore
store = FileStore(Path(sys.argv[1]), create=True)
for n in range(1_000_000):
    body = b"%d\\n" % n * 5_000
    store.create(f"data/{n // 7}/{n}", body, sha256=hashlib.sha256(body).hexdigest())
    print(f"data/{n // 7}/{n}", flush=True)
"""

ACCEPTS = """
import sys
from pathlib import Path
from coleta.adapters.disk_spool import DiskSpool
from coleta.testing.memory import ManualClock
from coleta.testing.samples import UUID, spooled_answer
spool = DiskSpool(Path(sys.argv[1]), uuid=UUID, quota_bytes=1 << 30, now=ManualClock().now)
for n in range(1_000_000):
    print(spooled_answer(spool, n, pages=(b"[%d]" % n * 9_000,)).name, flush=True)
"""


def lines_until_killed(program: str, folder: Path, *, after: int) -> list[str]:
    """What `program` had said when it was killed in the middle of its work."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, env=env) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(after)]
        child.kill()
        said += child.stdout.readlines()
    # The last line may be cut off; then nobody was told.
    return [line.decode().removesuffix("\n") for line in said if line.endswith(b"\n")]


@pytest.mark.parametrize("after", [1, 8, 20, 50])
def test_after_kill_9_every_object_that_is_seen_is_whole_and_every_one_told_is_there(
    tmp_path: Path, after: int
) -> None:
    told = lines_until_killed(CREATES, tmp_path, after=after)

    store = FileStore(tmp_path)
    seen = list(store.names("data/"))

    assert set(told) <= set(seen)
    assert len(seen) <= len(told) + 1
    for name in seen:
        assert store.read(name) == f"{name.rpartition('/')[2]}\n".encode() * 5_000


@pytest.mark.parametrize("after", [1, 8, 20, 50])
def test_after_kill_9_every_answer_told_to_be_accepted_waits_and_nothing_is_damaged(tmp_path: Path, after: int) -> None:
    told = lines_until_killed(ACCEPTS, tmp_path, after=after)

    contents = DiskSpool(tmp_path, uuid=UUID, quota_bytes=1 << 30, now=ManualClock().now).contents()

    waiting = [entry.name for entry in contents.waiting]
    assert set(told) <= set(waiting)
    assert len(waiting) <= len(told) + 1
    assert contents.damaged == contents.held == ()
    assert list((tmp_path / "parts").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB, for 100 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1m,nr_inodes=100,mode=700", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that is mounted for reading only, with a spool and a store in it."""
    folder = tmp_path / "fixed"
    DiskSpool(folder / "spool", uuid=UUID, quota_bytes=1 << 20, now=ManualClock().now)
    store = FileStore(folder / "lake", create=True)
    store.create("a", b"a", sha256=hashlib.sha256(b"a").hexdigest())
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*words: str) -> None:
    try:
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"only root can mount a disk for this test: {done.stderr.strip()}")


def test_a_full_disk_refuses_answers_and_goes_on_by_itself_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    spool = DiskSpool(small_disk / "spool", uuid=UUID, quota_bytes=1 << 30, now=ManualClock().now)
    first = spooled_answer(spool, 1)
    ballast.write_bytes(bytes(500_000))
    assert spool.contents().free_bytes < 600_000

    with pytest.raises(SpoolRefused, match="disk is full"):
        spooled_answer(spool, 2, pages=(b"x" * 600_000,))

    assert spool.contents().waiting == (first,)
    assert list((small_disk / "spool" / "parts").iterdir()) == []
    ballast.unlink()
    second = spooled_answer(spool, 2, pages=(b"x" * 600_000,))
    assert spool.contents().waiting == (first, second)


def test_a_spool_on_a_full_disk_opens_and_can_be_released(small_disk: Path) -> None:
    folder = small_disk / "spool"
    entry = spooled_answer(DiskSpool(folder, uuid=UUID, quota_bytes=1 << 30, now=ManualClock().now), 1)
    _fill_up(small_disk)
    _use_up_files(small_disk)

    spool = DiskSpool(folder, uuid=UUID, quota_bytes=1 << 30, now=ManualClock().now)

    assert spool.contents().waiting == (entry,)
    assert spool.contents().free_bytes == 0
    assert spool.read(entry).whole()
    spool.release([entry])
    assert spool.contents().waiting == ()


def test_an_object_that_does_not_fit_is_unavailable_and_leaves_nothing(small_disk: Path) -> None:
    store = FileStore(small_disk, create=True)
    body = bytes(2_000_000)

    with pytest.raises(StoreUnavailable, match="disk is full") as caught:
        store.create("a", body, sha256=hashlib.sha256(body).hexdigest())

    assert caught.value.hint
    assert list(store.names("")) == []
    body = bytes(800_000)
    assert isinstance(store.create("a", body, sha256=hashlib.sha256(body).hexdigest()), Created)


def test_an_index_on_a_full_disk_remembers_in_memory_and_saves_later(small_disk: Path) -> None:
    path = small_disk / "index"
    head = Head.genesis(sample_identity())
    commits = []
    with closing(SqliteIndex(path, uuid=UUID)) as index:
        for n in range(120):
            if n == 5:
                _fill_up(small_disk)
            head, committed = sample_commit(head, ticks=(n,))
            index.enter(head, committed)
            commits.append(committed)
            if n == 50:
                with closing(SqliteIndex(path, uuid=UUID, read_only=True)) as look:
                    saved = look.head()
                    assert saved is not None
                    assert saved.seq < 51
        assert index.head() == head
        assert list(index.commits()) == commits
        assert list(index.commits(newest=100)) == commits[-100:]
        asked = [sample_answer(n) for n in range(130)]
        assert index.landed(asked) == frozenset(asked[:120])

        (small_disk / "ballast").unlink()
        head, committed = sample_commit(head, ticks=(120,))
        index.enter(head, committed)
    with closing(SqliteIndex(path, uuid=UUID)) as index:
        assert index.head() == head
        assert list(index.commits()) == [*commits, committed]


def test_an_index_that_is_opened_on_a_full_disk_is_learned_anew_in_memory_and_its_file_stays(small_disk: Path) -> None:
    path = small_disk / "index"
    head, committed = sample_commit(Head.genesis(sample_identity()))
    with closing(SqliteIndex(path, uuid=UUID)) as index:
        index.enter(head, committed)
    _fill_up(small_disk)

    for read_only in (False, True):
        with closing(SqliteIndex(path, uuid=UUID, read_only=read_only)) as index:
            assert index.head() in (None, head)
            if not read_only:
                index.enter(head, committed)
                assert list(index.commits()) == [committed]

    (small_disk / "ballast").unlink()
    with closing(SqliteIndex(path, uuid=UUID)) as index:
        assert list(index.commits()) == [committed]


def test_a_new_index_on_a_full_disk_is_kept_in_memory(small_disk: Path) -> None:
    _fill_up(small_disk)
    head, committed = sample_commit(Head.genesis(sample_identity()))

    with closing(SqliteIndex(small_disk / "index", uuid=UUID)) as index:
        index.enter(head, committed)

        assert index.head() == head


def test_a_spool_that_cannot_be_written_is_a_mistake_of_configuration(read_only_disk: Path) -> None:
    with pytest.raises(Misconfigured, match="read-only") as caught:
        DiskSpool(read_only_disk / "spool", uuid=UUID, quota_bytes=1 << 20, now=ManualClock().now)
    assert caught.value.hint
    with pytest.raises(Misconfigured, match="read-only"):
        DiskScratch(read_only_disk / "scratch")

    look = DiskSpool(read_only_disk / "spool", uuid=UUID, quota_bytes=1, now=ManualClock().now, read_only=True)
    assert look.contents().waiting == ()


def test_a_store_that_cannot_be_written_can_be_read(read_only_disk: Path) -> None:
    store = FileStore(read_only_disk / "lake")

    assert store.read("a") == b"a"
    assert list(store.names("")) == ["a"]
    with pytest.raises(StoreUnavailable, match="read-only"):
        store.create("b", b"b", sha256=hashlib.sha256(b"b").hexdigest())


def test_a_folder_on_another_disk_inside_a_store_is_a_mistake_of_configuration(small_disk: Path) -> None:
    store = FileStore(small_disk.parent, create=True)

    with pytest.raises(Misconfigured, match="another file system"):
        store.create("small/a", b"a", sha256=hashlib.sha256(b"a").hexdigest())
    assert list(small_disk.iterdir()) == []


@pytest.fixture
def unlinkable(tmp_path: Path) -> Iterator[Path]:
    """A store whose folder ``data`` takes no links."""
    folder = tmp_path / "data"
    folder.mkdir()
    try:
        done = subprocess.run(["chattr", "+i", str(folder)], capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"chattr cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"only root, on some file systems, can forbid links: {done.stderr.strip()}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)


def test_a_file_system_without_links_is_a_mistake_of_configuration(unlinkable: Path) -> None:
    store = FileStore(unlinkable, create=True)

    with pytest.raises(Misconfigured, match="no file can be linked") as caught:
        store.create("data/a", b"a", sha256=hashlib.sha256(b"a").hexdigest())

    assert caught.value.hint
    assert list((unlinkable / "_coleta/tmp").iterdir()) == []


def _fill_up(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4_096)):
                pass
        except OSError:
            return


def _use_up_files(disk: Path) -> None:
    for n in range(1_000):
        try:
            (disk / f"ballast{n}").touch()
        except OSError:
            return
    pytest.fail("this disk takes any number of files")
