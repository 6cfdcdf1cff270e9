"""Real file servers on this machine for a ``with`` block, each with one user.

SFTP by asyncssh, WebDAV by WsgiDAV, FTP by aioftp.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aioftp
import asyncssh
from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

from coleta.adapters.fsspec_wire import FsspecWire
from coleta.adapters.server_store import ServerHousekeeping, ServerStore, Wire
from coleta.adapters.sftp_wire import SftpWire
from coleta.adapters.webdav_wire import WebdavWire
from coleta.stream import SecretRef, Store

USER = "coleta"
PASSWORD = "canary-of-the-password"

_numbers = count(1)


@dataclass(frozen=True)
class FileServer:
    """A server of the files in ``root`` at ``base``, a URL without a path; ``known_hosts`` for SFTP."""

    base: str
    root: Path
    known_hosts: Path | None = None

    def place(self, *, exclusive: bool | None = None) -> Store:
        """A store in a folder of its own, which is made."""
        name = f"lake-{next(_numbers)}"
        (self.root / name).mkdir()
        return self.at(name, exclusive=exclusive)

    def at(self, name: str, *, exclusive: bool | None = None) -> Store:
        """A store in the folder `name`."""
        if self.base.startswith("fsspec+"):
            login = (("username", USER), ("password", SecretRef("env:PASSWORD")))
            return Store(f"{self.base}/{name}", options=login, exclusive=exclusive is not False)
        hosts = None if self.known_hosts is None else str(self.known_hosts)
        return Store(
            f"{self.base}/{name}", user=USER, password=SecretRef("env:PASSWORD"), known_hosts=hosts,
            exclusive=hosts is None if exclusive is None else exclusive,
        )  # fmt: skip

    def wire(self, place: Store, *, password: str = PASSWORD) -> Wire:
        """A wire to `place`, with that `password`."""
        kinds: dict[str, type[SftpWire] | type[FsspecWire]] = {"sftp": SftpWire, "fsspec+ftp": FsspecWire}
        kind = kinds.get(place.url.partition("://")[0], WebdavWire)
        return kind(place, environment=lambda: {"PASSWORD": password}, folder=Path())

    def store(self) -> ServerStore:
        """A new store in a new place."""
        return ServerStore(self.wire(self.place()), create=True)

    def with_housekeeping(self) -> tuple[ServerStore, ServerHousekeeping]:
        """A store in a new place, and what can delete there."""
        place = self.place()
        return ServerStore(self.wire(place), create=True), ServerHousekeeping(self.wire(place))


class _OneUser(asyncssh.SSHServer):
    def __init__(self, lines: list[asyncssh.SSHServerConnection]) -> None:
        self._lines = lines

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._lines.append(conn)

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class NoLinks(asyncssh.SFTPServer):
    """A server that can neither link files nor replace one in one step."""

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no links here")

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no such rename here")


@contextmanager
def serve_sftp(root: Path, *, kind: type[asyncssh.SFTPServer] = asyncssh.SFTPServer) -> Iterator[FileServer]:
    """Serve the files in `root` by SFTP until the ``with`` block ends."""
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    key = asyncssh.generate_private_key("ssh-ed25519")
    lines: list[asyncssh.SSHServerConnection] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=lambda: _OneUser(lines), server_host_keys=[key],
            sftp_factory=lambda channel: kind(channel, str(root).encode()),
        )  # fmt: skip

    async def end(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        for line in lines:
            line.abort()
            await line.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    port = acceptor.get_port()
    hosts = root.parent / f"{root.name}.known_hosts"
    hosts.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}", encoding="utf-8")
    try:
        yield FileServer(f"sftp://127.0.0.1:{port}", root, hosts)
    finally:
        asyncio.run_coroutine_threadsafe(end(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def serve_webdav(root: Path) -> Iterator[FileServer]:
    """Serve the files in `root` by WebDAV until the ``with`` block ends."""
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(root)},
            "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "logging": {"enable": False, "enable_loggers": []},
            "verbose": 0,
        }
    )
    server = Server(("127.0.0.1", 0), app, numthreads=4, shutdown_timeout=1)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield FileServer(f"webdav://127.0.0.1:{server.bind_addr[1]}", root)
    finally:
        server.stop()
        thread.join()


@contextmanager
def serve_ftp(root: Path) -> Iterator[FileServer]:
    """Serve the files in `root` by FTP until the ``with`` block ends."""
    logging.getLogger("aioftp").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    user = aioftp.User(USER, PASSWORD, base_path=root)
    server = aioftp.Server([user], path_io_factory=aioftp.AsyncPathIO)
    asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(30)
    try:
        yield FileServer(f"fsspec+ftp://127.0.0.1:{server.server_port}", root)
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
