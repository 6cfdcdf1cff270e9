"""What is special in landing on a file server: SFTP with links and without, WebDAV for one machine at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest
from tests.clouds.servers import FileServer, NoLinks, serve_sftp
from tests.s3.proxy import Fault, FaultyProxy, Seen, once

from coleta.adapters.server_store import ServerHousekeeping, ServerStore
from coleta.errors import AuthRefused, ColetaError, Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists
from coleta.runtime.opening import probe
from coleta.stream import SecretRef, Store


def create(store: ServerStore, name: str = "a/b", body: bytes = b"body") -> Created | Exists:
    return store.create(name, body, sha256=hashlib.sha256(body).hexdigest())


def full_text(error: ColetaError) -> str:
    return " ".join(str(one) for one in (error, error.hint, repr(error), error.__cause__))


@pytest.fixture(params=["sftp", "webdav", "ftp"])
def server(request: pytest.FixtureRequest) -> FileServer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, FileServer)
    return found


@pytest.fixture
def without_links(tmp_path: Path) -> Iterator[FileServer]:
    root = tmp_path / "files"
    root.mkdir()
    with serve_sftp(root, kind=NoLinks) as server:
        yield server


# Both --------------------------------------------------------------------------------------------------


def test_a_new_store_is_marked_probed_and_probed_again(server: FileServer) -> None:
    place = server.place()

    probe(ServerStore(server.wire(place), create=True))
    probe(ServerStore(server.wire(place), known=True))

    assert list(ServerStore(server.wire(place)).names("")) == ["_coleta/probe"]


def test_a_store_whose_disk_is_away_is_never_taken_for_an_empty_one(server: FileServer) -> None:
    place = server.place()
    create(ServerStore(server.wire(place), create=True))
    folder = server.root / place.url.rpartition("/")[2]
    away = folder.with_suffix(".away")
    folder.rename(away)
    folder.mkdir()
    store = ServerStore(server.wire(place), known=True)

    for ask in (lambda: store.read("a/b"), lambda: store.size("a/b"), lambda: list(store.names(""))):
        with pytest.raises(StoreUnavailable, match="it has no _coleta"):
            ask()
    with pytest.raises(StoreUnavailable, match="it has no _coleta"):
        create(store)
    assert list(folder.iterdir()) == []
    folder.rmdir()
    away.rename(folder)
    assert store.read("a/b") == b"body"


def test_a_folder_that_vanishes_between_two_creates_is_told_and_found_again(server: FileServer) -> None:
    place = server.place()
    store = ServerStore(server.wire(place), create=True)
    create(store, "a/1")
    shutil.rmtree(server.root / place.url.rpartition("/")[2] / "a")

    with pytest.raises((StoreUnavailable, Doubtful)):
        create(store, "a/2")

    assert isinstance(create(store, "a/2"), Created)


def test_nothing_but_the_object_stays_behind(server: FileServer) -> None:
    place = server.place()
    store = ServerStore(server.wire(place), create=True)
    create(store)
    create(store, body=b"another")

    folder = server.root / place.url.rpartition("/")[2]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == ["a/b"]


def test_what_a_killed_process_left_a_day_ago_is_removed_and_nothing_else_is(server: FileServer) -> None:
    place = server.place()
    temps = server.root / place.url.rpartition("/")[2] / "_coleta" / "tmp"
    temps.mkdir(parents=True)
    now = int(datetime.now(UTC).timestamp())
    old, new, other = f"{now - 90_000}-{'a' * 16}.tmp", f"{now - 80_000}-{'b' * 16}.tmp", "somebody's.tmp"
    for name in (old, new, other):
        (temps / name).write_bytes(b"half an object")

    store = ServerStore(server.wire(place))
    create(store)

    assert {path.name for path in temps.iterdir()} == {new, other}
    assert list(store.names("")) == ["a/b"]


def test_a_wrong_password_is_refused_and_not_shown(server: FileServer) -> None:
    place = server.place()
    wrong = ServerStore(server.wire(place, password="canary-that-is-wrong"), create=True)

    with pytest.raises(AuthRefused) as caught:
        create(wrong)
    with pytest.raises(StoreUnavailable):
        ServerStore(server.wire(place, password="of-yesterday"), known=True).read("a")

    assert "canary" not in full_text(caught.value)


def test_a_folder_that_is_not_there_is_not_made(server: FileServer) -> None:
    with pytest.raises(Misconfigured) as caught:
        probe(ServerStore(server.wire(server.at("nobody-made-it")), create=True))

    assert "make the store's folder" in str(caught.value.hint)
    assert not (server.root / "nobody-made-it").exists()


@pytest.mark.parametrize("scheme", ["sftp", "webdav"])
def test_a_server_that_nobody_listens_at_is_named(scheme: str, webdav: FileServer, sftp: FileServer) -> None:
    url = f"{scheme}://127.0.0.1:1/lake"
    server = sftp if scheme == "sftp" else webdav
    store = ServerStore(server.wire(replace(server.place(), url=url)), create=True)

    with pytest.raises(StoreUnavailable, match="no connection") as caught:
        create(store)

    assert caught.value.where == url


# SFTP --------------------------------------------------------------------------------------------------


def test_an_unknown_host_key_is_not_accepted(sftp: FileServer, tmp_path: Path) -> None:
    other = tmp_path / "known_hosts"
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    other.write_text(f"[127.0.0.1]:{sftp.base.rpartition(':')[2]} {key}", encoding="utf-8")
    store = ServerStore(sftp.wire(replace(sftp.place(), known_hosts=str(other))), create=True)

    with pytest.raises(Misconfigured, match="host key is not known"):
        create(store)


def test_what_is_no_private_key_is_refused_and_not_shown(sftp: FileServer) -> None:
    place = replace(sftp.place(), password=None, private_key=SecretRef("env:PASSWORD"))

    with pytest.raises(AuthRefused, match="private_key is no private key") as caught:
        create(ServerStore(sftp.wire(place, password="canary, and no key"), create=True))

    assert "canary" not in full_text(caught.value)


def test_a_server_without_links_is_refused_unless_one_machine_alone_lands_there(without_links: FileServer) -> None:
    place = without_links.place()

    with pytest.raises(Misconfigured, match="cannot link files") as caught:
        probe(ServerStore(without_links.wire(place), create=True))

    assert "exclusive = true" in str(caught.value.hint)
    probe(ServerStore(without_links.wire(replace(place, exclusive=True)), create=True))


def test_without_links_a_second_create_leaves_the_first_untouched(without_links: FileServer) -> None:
    store = ServerStore(without_links.wire(without_links.place(exclusive=True)), create=True)

    assert isinstance(create(store), Created)
    assert isinstance(create(store, body=b"another"), Exists)
    assert store.read("a/b") == b"body"


def test_where_a_file_cannot_be_replaced_in_one_step_it_stays_as_it_is(without_links: FileServer) -> None:
    place = without_links.place(exclusive=True)
    store = ServerStore(without_links.wire(place), create=True)
    create(store)

    with pytest.raises(Misconfigured, match="cannot be replaced in one step by this SFTP server"):
        ServerHousekeeping(without_links.wire(place)).replace("a/b", b"empty")

    assert store.read("a/b") == b"body"
    assert list(store.names("_coleta/tmp")) == []


class Dropping(asyncssh.SFTPServer):
    """A server that does the link, and is cut off before it says so."""

    drops = True

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        super().link(oldpath, newpath)
        if Dropping.drops:
            Dropping.drops = False
            self.channel.get_connection().abort()


def test_a_link_whose_answer_is_lost_is_in_doubt_and_is_there(tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.mkdir()
    with serve_sftp(root, kind=Dropping) as server:
        place = server.place()
        store = ServerStore(server.wire(place), create=True)

        with pytest.raises(Doubtful):
            create(store)

        assert store.read("a/b") == b"body"
        assert isinstance(create(store), Exists)


class Folder:
    """An opened folder, as OpenSSH's server gives one."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)


class Watched(asyncssh.SFTPServer):
    """A server that lets folders be opened, and writes down what is made durable and named."""

    steps: ClassVar[list[str]] = []

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        local = self.map_path(path).decode()
        opened = Folder(local) if Path(local).is_dir() else super().open(path, pflags, attrs)
        self._opened[opened] = path.decode()
        return opened

    def fsync(self, file_obj: object) -> None:
        super().fsync(file_obj)
        self.steps.append(f"sync {self._opened[file_obj].rpartition('/lake-')[2].partition('/')[2]}")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        super().link(oldpath, newpath)
        self.steps.append("link")

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], chroot: bytes) -> None:
        super().__init__(channel, chroot)
        self._opened: dict[object, str] = {}


def test_the_file_is_synced_before_it_is_linked_and_its_folder_after_it(tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.mkdir()
    with serve_sftp(root, kind=Watched) as server:
        store = ServerStore(server.wire(server.place()), create=True)
        create(store, "a/1")
        Watched.steps.clear()

        create(store, "a/2")

    file, *rest = Watched.steps
    assert file.startswith("sync _coleta/tmp/")
    assert rest == ["link", "sync a"]


# WebDAV ------------------------------------------------------------------------------------------------


def test_webdav_is_refused_unless_one_machine_alone_lands_there(webdav: FileServer) -> None:
    with pytest.raises(Misconfigured, match="only one wins") as caught:
        webdav.wire(webdav.place(exclusive=False))

    assert "exclusive = true" in str(caught.value.hint)


def test_webdav_without_tls_is_refused_elsewhere_than_here(webdav: FileServer) -> None:
    place = Store("webdav://files.example/lake", exclusive=True)

    with pytest.raises(Misconfigured, match="without TLS"):
        webdav.wire(place)
    webdav.wire(replace(place, allow_http=True))
    webdav.wire(replace(place, url="webdavs://files.example/lake"))


@pytest.fixture
def proxy(webdav: FileServer) -> Iterator[FaultyProxy]:
    with FaultyProxy(webdav.base.replace("webdav:", "http:")) as proxy:
        yield proxy


def through(proxy: FaultyProxy, webdav: FileServer) -> tuple[ServerStore, ServerStore]:
    """A store behind the proxy, and the same past it."""
    place = webdav.place()
    there = replace(place, url=place.url.replace(webdav.base, proxy.url.replace("http:", "webdav:")))
    return ServerStore(webdav.wire(there), create=True), ServerStore(webdav.wire(place), create=True)


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.CONFLICT_AFTER, Fault.SLOW_DOWN])
def test_a_move_without_a_clear_answer_is_in_doubt(proxy: FaultyProxy, webdav: FileServer, fault: Fault) -> None:
    store, direct = through(proxy, webdav)
    proxy.plan = once(fault, method="MOVE", part="/")

    with pytest.raises(Doubtful):
        create(store)

    assert direct.read("a/b") == (None if fault is Fault.SLOW_DOWN else b"body")
    assert len(proxy.requests("MOVE")) == 1


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.ERROR_AFTER])
def test_a_put_without_a_clear_answer_stores_nothing(proxy: FaultyProxy, webdav: FileServer, fault: Fault) -> None:
    store, direct = through(proxy, webdav)
    proxy.plan = once(fault, part="/")

    with pytest.raises(StoreUnavailable):
        create(store)

    assert direct.read("a/b") is None
    assert isinstance(create(store), Created)


def test_a_read_that_is_cut_is_tried_again(proxy: FaultyProxy, webdav: FileServer) -> None:
    store, direct = through(proxy, webdav)
    create(direct)
    proxy.plan = once(Fault.DROP_BEFORE, method="GET", part="/", times=2)

    assert store.read("a/b") == b"body"


def test_nothing_is_moved_over_another_and_only_what_is_ours_for_a_moment_is_removed(
    proxy: FaultyProxy, webdav: FileServer
) -> None:
    store, _ = through(proxy, webdav)
    probe(store)
    create(store)
    store.read("a/b")

    assert all(move.headers["overwrite"] == "F" for move in proxy.requests("MOVE"))
    changing = [*proxy.requests("DELETE"), *proxy.requests("PUT")]
    assert changing
    assert all("/_coleta/tmp/" in seen.path for seen in changing)


def test_a_server_that_is_none_of_webdav_is_not_believed(proxy: FaultyProxy, webdav: FileServer) -> None:
    store, _ = through(proxy, webdav)
    proxy.plan = lambda seen: Fault.SCRIPTED
    proxy.script = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    with pytest.raises(Misconfigured, match="not how a WebDAV server answers"):
        create(store)


def test_a_server_that_knows_no_ranges_is_read_whole(proxy: FaultyProxy, webdav: FileServer) -> None:
    store, direct = through(proxy, webdav)
    create(direct)

    def plan(seen: Seen) -> Fault:
        return Fault.SCRIPTED if seen.method == "GET" else Fault.NONE

    proxy.plan, proxy.script = plan, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

    assert store.read("a/b", last=3) == b"ody"
