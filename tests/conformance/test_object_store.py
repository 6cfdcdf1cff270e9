"""The contract of ``coleta.ports.ObjectStore`` in code: every adapter passes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from coleta.adapters.file_store import FileStore
from coleta.ports import Created, Exists, ObjectStore
from coleta.testing.memory import MemoryStore

BODY = bytes(range(256)) * 10


CEPH = pytest.param("ceph", marks=pytest.mark.ceph)
SERVED = ["s3", "azure", "google", "sftp", "webdav", "ftp", "ceph"]
FOR_MANY = ["memory", "disk", "s3", "azure", "google", "sftp", CEPH]
"""Stores that several machines may land in at once."""
KINDS = [*FOR_MANY, "webdav", "ftp"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    makers: dict[str, Callable[[], ObjectStore]] = {
        "memory": MemoryStore,
        "disk": lambda: FileStore(tmp_path / "lake", create=True),
        # Asked for here, so that the service is started only where it is needed.
        **{name: lambda: request.getfixturevalue(kind).store() for name in SERVED},
    }
    return makers[kind]()


def create(store: ObjectStore, name: str, body: bytes | memoryview = BODY) -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def test_what_was_created_is_read_back_whole(store: ObjectStore) -> None:
    assert isinstance(create(store, "data/tick_date=2026-11-24/000000001.parquet"), Created)

    assert store.read("data/tick_date=2026-11-24/000000001.parquet") == BODY
    assert store.size("data/tick_date=2026-11-24/000000001.parquet") == len(BODY)


def test_a_second_create_says_exists_and_leaves_the_first_untouched(store: ObjectStore) -> None:
    create(store, "a/b")

    assert isinstance(create(store, "a/b", b"another"), Exists)
    assert store.read("a/b") == BODY


def test_the_same_bytes_a_second_time_exist_too(store: ObjectStore) -> None:
    create(store, "_coleta/probe")

    assert isinstance(create(store, "_coleta/probe"), Exists)


def test_where_nothing_is_nothing_is_read(store: ObjectStore) -> None:
    create(store, "a/b")

    assert store.read("a/c") is None
    assert store.read("x/y/z") is None
    assert store.read("a/c", last=8) is None
    assert store.size("a/c") is None


@pytest.mark.parametrize("last", [0, 1, 8, len(BODY) - 1, len(BODY), len(BODY) + 1])
def test_only_the_last_bytes_are_read_when_asked(store: ObjectStore, last: int) -> None:
    create(store, "a")

    assert store.read("a", last=last) == BODY[max(0, len(BODY) - last) :]


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    assert isinstance(create(store, "empty", b""), Created)

    assert store.read("empty") == b""
    assert store.size("empty") == 0
    assert isinstance(create(store, "empty"), Exists)


def test_a_memoryview_is_stored_like_its_bytes(store: ObjectStore) -> None:
    create(store, "view", memoryview(BODY)[3:300])

    assert store.read("view") == BODY[3:300]


def test_what_is_stored_does_not_change_with_the_callers_buffer(store: ObjectStore) -> None:
    buffer = bytearray(BODY)
    create(store, "buffer", memoryview(buffer))
    buffer[0] = 255

    assert store.read("buffer") == BODY


def test_a_body_without_the_digest_it_is_said_to_have_is_not_stored(store: ObjectStore) -> None:
    with pytest.raises(ValueError, match="sha256"):
        store.create("a", BODY, sha256="0" * 64)

    assert store.read("a") is None


def test_names_come_in_order_and_only_with_the_prefix(store: ObjectStore) -> None:
    given = ["b", "a/z", "a/b/c", "a.txt", "a-", "a/b.x", "a/b-/q", "ab", "a/é", "a/~"]
    for name in given:
        create(store, name)

    mine = [name for name in store.names("") if not name.startswith("_coleta/")]
    assert mine == sorted(given)
    assert list(store.names("a/b")) == sorted(name for name in given if name.startswith("a/b"))
    assert list(store.names("a/")) == sorted(name for name in given if name.startswith("a/"))
    assert list(store.names("a/b/c")) == ["a/b/c"]
    assert list(store.names("none/")) == []
    assert list(store.names("a/z/")) == []


def test_a_prefix_need_not_end_at_a_folder(store: ObjectStore) -> None:
    for date in ("2026-11-24", "2026-12-01", "2025-12-31"):
        create(store, f"data/tick_date={date}/000000001.parquet")

    assert list(store.names("data/tick_date=2026-1")) == [
        "data/tick_date=2026-11-24/000000001.parquet",
        "data/tick_date=2026-12-01/000000001.parquet",
    ]


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a/.", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(store: ObjectStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        create(store, name)
    with pytest.raises(ValueError, match="name"):
        store.read(name)
    with pytest.raises(ValueError, match="name"):
        store.size(name)


@pytest.mark.parametrize("kind", FOR_MANY, indirect=True)
def test_of_many_creates_at_once_exactly_one_wins_and_its_bytes_stand(store: ObjectStore, kind: str) -> None:
    # SeaweedFS waits a whole second now and then where several create one name.
    writers, rounds = 4, {"s3": 8, "ceph": 25, "azure": 25, "google": 25, "sftp": 25}.get(kind, 200)
    barrier = Barrier(writers)

    def contend(writer: int) -> list[bool]:
        won = []
        for n in range(rounds):
            barrier.wait(timeout=30)
            won.append(isinstance(create(store, f"data/{n:03d}", f"{writer}".encode() * 2_000), Created))
        return won

    with ThreadPoolExecutor(writers) as pool:
        results = list(pool.map(contend, range(writers)))

    for n in range(rounds):
        winners = [writer for writer in range(writers) if results[writer][n]]
        assert len(winners) == 1
        assert store.read(f"data/{n:03d}") == f"{winners[0]}".encode() * 2_000
    assert len(list(store.names("data/"))) == rounds
