"""What is special in a store that fsspec reaches: what must be installed and promised, and what is not believed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from tests.clouds.servers import FileServer

from coleta.adapters.fsspec_wire import FsspecWire
from coleta.adapters.server_store import ServerStore
from coleta.errors import Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.runtime.opening import probe
from coleta.stream import Store


class Failing(LocalFileSystem):  # type: ignore[misc]
    """A folder of this machine that goes wrong as FTP's filesystem does: without a word."""

    protocol = "failing"
    cachable = False
    empty_listings = 0
    half_written = False
    half_moved = False
    hangs: threading.Event | None = None

    def __init__(self, **options: object) -> None:
        options.pop("use_listings_cache", None)
        super().__init__(**options)

    def ls(self, path: str, detail: bool = False, **kwargs: object) -> object:
        if Failing.hangs is not None:
            Failing.hangs.wait(30)
        if Failing.empty_listings:
            Failing.empty_listings -= 1
            return []
        return super().ls(path, detail=detail, **kwargs)

    def cat_file(self, path: str, **kwargs: object) -> bytes:
        found = bytes(super().cat_file(path, **kwargs))
        cut = Failing.half_written or (Failing.half_moved and "_coleta/tmp/" not in path)
        return found[: len(found) // 2] if cut else found


fsspec.register_implementation("failing", Failing, clobber=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Store]:
    Failing.empty_listings, Failing.half_written, Failing.half_moved = 0, False, False
    (tmp_path / "lake").mkdir()
    yield Store(f"fsspec+failing://{tmp_path}/lake", exclusive=True)
    if Failing.hangs is not None:
        Failing.hangs.set()
    Failing.hangs = None


def wire(place: Store) -> FsspecWire:
    return FsspecWire(place, environment=dict, folder=Path())


def create(store: ServerStore, name: str = "a/b", body: bytes = b"body") -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def test_it_is_refused_unless_one_machine_alone_lands_there(place: Store) -> None:
    with pytest.raises(Misconfigured, match="only one wins") as caught:
        wire(replace(place, exclusive=False))

    assert "exclusive = true" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("url", "what", "hint"),
    [
        ("fsspec+nosuch://host/lake", "knows no filesystem 'nosuch'", "installed"),
        ("fsspec+dropbox://lake/x", "what fsspec's dropbox needs is not installed", "dropbox"),
    ],
)
def test_what_is_not_installed_is_named(url: str, what: str, hint: str) -> None:
    with pytest.raises(Misconfigured, match=what) as caught:
        wire(Store(url, exclusive=True))

    assert hint in str(caught.value.hint)


def test_a_listing_that_is_empty_for_a_moment_does_not_hide_an_object(place: Store) -> None:
    store = ServerStore(wire(place), create=True)
    create(store)
    Failing.empty_listings = 1

    assert store.size("a/b") == 4
    Failing.empty_listings = 1
    assert isinstance(create(store, body=b"another"), Exists)


def test_a_listing_that_stays_empty_with_all_others_is_an_outage_and_never_an_empty_store(place: Store) -> None:
    store = ServerStore(wire(place), create=True)
    create(store)
    Failing.empty_listings = 1_000

    with pytest.raises(StoreUnavailable, match="not believed"):
        store.read("a/b")
    with pytest.raises(StoreUnavailable):
        create(store, body=b"another")
    Failing.empty_listings = 0
    assert store.read("a/b") == b"body"


def test_what_is_not_read_back_as_it_was_written_does_not_count(place: Store) -> None:
    store = ServerStore(wire(place), create=True)
    probe(store)
    Failing.half_written = True

    with pytest.raises(StoreUnavailable, match="read back"):
        create(store)

    Failing.half_written = False
    assert store.read("a/b") is None


def test_what_is_another_after_its_move_is_in_doubt(place: Store) -> None:
    store = ServerStore(wire(place), create=True)
    probe(store)
    Failing.half_moved = True

    with pytest.raises(Doubtful, match="read back"):
        create(store)


def test_a_call_that_never_ends_is_an_outage_and_after_some_of_them_no_more_are_begun(place: Store) -> None:
    store = ServerStore(wire(replace(place, timeout=timedelta(milliseconds=20))), create=True)
    Failing.hangs = threading.Event()
    told = []
    for _ in range(4):
        with pytest.raises(StoreUnavailable) as caught:
            store.read("a")
        told.append(str(caught.value))

    assert "no answer in time" in told[0]
    assert "no more are begun" in told[-1]


def test_a_filesystem_without_a_rename_of_its_own_writes_the_object_under_its_name() -> None:
    place = Store("fsspec+memory://lake/x", exclusive=True)
    filesystem = fsspec.filesystem("memory")
    filesystem.makedirs("/lake/x", exist_ok=True)
    store = ServerStore(wire(place), create=True)

    probe(store)
    assert isinstance(create(store), Created)
    assert isinstance(create(store, body=b"another"), Exists)
    assert store.read("a/b", last=3) == b"ody"
    filesystem.rm("/lake", recursive=True)


def test_options_that_do_not_fit_are_told_without_their_values(ftp: FileServer) -> None:
    place = replace(ftp.place(), options=(("nosuch", "canary"), ("port", "canary")))

    with pytest.raises(Misconfigured) as caught:
        create(ServerStore(ftp.wire(place), create=True))

    assert "does not take these options" in str(caught.value)
    assert "FTPFileSystem" in str(caught.value.hint)
    assert "canary" not in f"{caught.value} {caught.value.hint} {caught.value!r}"
