"""The contract of ``coleta.ports.Housekeeping`` in code: every adapter passes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.s3.service import READER, S3Service

from coleta.adapters.below import Below, BelowHousekeeping
from coleta.adapters.file_store import FileStore
from coleta.adapters.housekeeping import FileHousekeeping
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.ports import Exists, Housekeeping, ObjectStore
from coleta.testing.memory import MemoryHousekeeping, MemoryStore

Pair = tuple[ObjectStore, Housekeeping]


def in_memory() -> Pair:
    store = MemoryStore()
    return store, MemoryHousekeeping(store.objects)


CEPH = pytest.param("ceph", marks=pytest.mark.ceph)


@pytest.fixture(params=["memory", "disk", "s3", "azure", "google", "sftp", "webdav", "ftp", CEPH])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    root = tmp_path / "lake"
    makers: dict[str, Callable[[], Pair]] = {
        "memory": in_memory,
        "disk": lambda: (FileStore(root, create=True), FileHousekeeping(root)),
    }
    kind = request.param
    return makers[kind]() if kind in makers else request.getfixturevalue(kind).with_housekeeping()


REPLACING = ["memory", "disk", "s3", "azure", "google", "sftp", CEPH]
"""Those that can put an object in another's place; WebDAV and fsspec refuse to."""


def create(store: ObjectStore, name: str) -> None:
    store.create(name, name.encode(), sha256=hashlib.sha256(name.encode()).hexdigest())


def test_what_is_deleted_is_gone_and_nothing_else_is(pair: Pair) -> None:
    store, housekeeping = pair
    for name in ("s/_quarantine/a", "s/_quarantine/ab", "s/_quarantine/b"):
        create(store, name)

    housekeeping.delete("s/_quarantine/a")

    assert store.read("s/_quarantine/a") is None
    assert list(store.names("s/")) == ["s/_quarantine/ab", "s/_quarantine/b"]


def test_to_delete_what_is_not_there_is_no_error(pair: Pair) -> None:
    store, housekeeping = pair
    create(store, "s/_quarantine/a")

    housekeeping.delete("s/_quarantine/a")
    housekeeping.delete("s/_quarantine/a")
    housekeeping.delete("s/never/there")

    assert list(store.names("s/")) == []


def test_below_a_path_only_what_lies_there_is_deleted(pair: Pair) -> None:
    store, housekeeping = pair
    create(store, "one/a")
    create(store, "two/a")

    BelowHousekeeping(housekeeping, "one").delete("a")

    assert (Below(store, "one").read("a"), Below(store, "two").read("a")) == (None, b"two/a")


@pytest.mark.parametrize("pair", REPLACING, indirect=True)
def test_what_is_replaced_is_the_new_one_whole_and_nothing_else_changes(pair: Pair) -> None:
    store, housekeeping = pair
    for name in ("s/data/a", "s/data/ab"):
        create(store, name)

    housekeeping.replace("s/data/a", b"empty")
    housekeeping.replace("s/data/a", b"empty")

    assert (store.read("s/data/a"), store.size("s/data/a")) == (b"empty", 5)
    assert store.read("s/data/ab") == b"s/data/ab"
    assert list(store.names("s/")) == ["s/data/a", "s/data/ab"]
    found = store.create("s/data/a", b"other", sha256=hashlib.sha256(b"other").hexdigest())
    assert isinstance(found, Exists), "its name does not come free"


@pytest.mark.parametrize("pair", REPLACING, indirect=True)
def test_below_a_path_only_what_lies_there_is_replaced(pair: Pair) -> None:
    store, housekeeping = pair
    create(store, "one/a")
    create(store, "two/a")

    BelowHousekeeping(housekeeping, "one").replace("a", b"new")

    assert (store.read("one/a"), store.read("two/a")) == (b"new", b"two/a")


@pytest.mark.parametrize("pair", ["webdav", "ftp"], indirect=True)
def test_who_cannot_do_it_in_one_step_replaces_nothing_and_says_what_to_write_instead(pair: Pair) -> None:
    store, housekeeping = pair
    create(store, "s/data/a")

    with pytest.raises(Misconfigured, match="cannot be replaced") as told:
        housekeeping.replace("s/data/a", b"new")
    assert "retention.data" in (told.value.hint or "")
    assert store.read("s/data/a") == b"s/data/a"


def test_whoever_has_a_file_open_while_it_is_replaced_goes_on_reading_the_old_one(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "lake", create=True)
    create(store, "s/data/a")

    with (tmp_path / "lake/s/data/a").open("rb") as reader:
        FileHousekeeping(tmp_path / "lake").replace("s/data/a", b"new")
        assert reader.read() == b"s/data/a"
    assert store.read("s/data/a") == b"new"
    assert list((tmp_path / "lake/_coleta/tmp").iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", ""])
def test_what_is_no_name_is_refused(pair: Pair, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        pair[1].delete(name)
    with pytest.raises(ValueError, match="name"):
        pair[1].replace(name, b"")


def test_a_login_that_may_not_delete_is_told_what_it_needs(s3: S3Service) -> None:
    store, housekeeping = s3.with_housekeeping(login=READER)
    create(store, "s/_quarantine/a")

    with pytest.raises(Misconfigured) as told:
        housekeeping.delete("s/_quarantine/a")
    assert "s3:DeleteObject" in (told.value.hint or "")
    with pytest.raises(Misconfigured):
        housekeeping.replace("s/_quarantine/a", b"")
    assert store.read("s/_quarantine/a") is not None


def test_a_folder_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("somebody's")

    with pytest.raises(StoreUnavailable, match="no store in this folder"):
        FileHousekeeping(tmp_path).delete("a")
    assert (tmp_path / "a").exists()
