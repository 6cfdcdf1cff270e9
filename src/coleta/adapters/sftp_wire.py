"""The outside thing, an SFTP server, by asyncssh: one connection, made when it is needed and again after it broke.

An object gets its name by a hard link, which OpenSSH's server and others offer and which takes no name from another,
whoever else links at the same time. A server without links is for one machine at a time, and somebody must say so.
The server's host key must be known; an unknown one is never accepted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.adapters.server_store import Entry, Refused, no_swap, time_for
from coleta.adapters.ssh_key import private_key_of
from coleta.errors import Doubtful, Misconfigured, StoreUnavailable
from coleta.stream import Store

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection

T = TypeVar("T")
Work = Callable[["SFTPClient"], Coroutine[Any, Any, T]]

KEEP_ALIVE_S = 30
"""How often an idle line is used, so that no router between forgets it: they wait some minutes."""

CONNECT_TIMEOUT_S = 15.0
"""A login takes several round trips, and some servers look up where one comes from first."""


class SftpWire:
    """The folder that `store` names. Safe to use from several threads."""

    def __init__(self, store: Store, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up.

        Raises:
            Misconfigured: asyncssh is not installed.

        """
        if find_spec("asyncssh") is None:
            raise Misconfigured(
                "asyncssh is not installed, and sftp:// needs it", where=store.url, hint="pip install 'coleta[sftp]'"
            )
        parts = urlsplit(store.url)
        self._host, self._port = parts.hostname or "", parts.port or 22
        self._user = store.user or parts.username
        # Below the login folder, or from the root.
        self._root = parts.path.removeprefix("/~/") if parts.path.startswith("/~/") else parts.path
        self._store = store
        self._environment = environment
        self._folder = folder
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: tuple[SSHClientConnection, SFTPClient] | None = None
        self._connecting: asyncio.Lock | None = None

    def __str__(self) -> str:
        """Where it is, to be shown in errors."""
        return self._store.url

    def write(self, path: str, body: memoryview) -> None:
        """See ``Wire``. Synced where the server can do that; what it promises of its disk is its own."""
        from asyncssh import SFTPOpUnsupported

        async def work(sftp: SFTPClient) -> None:
            async with await sftp.open(self._at(path), "xb") as file:
                await file.write(bytes(body))
                with suppress(SFTPOpUnsupported):
                    await file.fsync()

        self._run(work, size_bytes=len(body))

    def place(self, temp: str, target: str) -> bool:
        """See ``Wire``."""
        from asyncssh import SFTPConnectionLost, SFTPError, SFTPOpUnsupported

        async def work(sftp: SFTPClient) -> bool:
            try:
                await sftp.link(self._at(temp), self._at(target))
            except SFTPOpUnsupported:
                return await self._move(sftp, temp, target)
            except SFTPConnectionLost:
                raise
            except SFTPError:
                # The protocol has no word for "it exists", so the name is asked. A link that was made is told as one.
                if await sftp.lexists(self._at(target)):
                    return False
                raise
            await self._sync(sftp, target.rpartition("/")[0])
            return True

        return self._run(work, in_doubt=True)

    async def _sync(self, sftp: SFTPClient, folder: str) -> None:
        """Make the names in `folder` durable, where the server lets a folder be opened as OpenSSH's does."""
        from asyncssh import SFTPConnectionLost, SFTPError

        try:
            async with sftp.open(self._at(folder), "rb") as opened:
                await opened.fsync()
        except SFTPConnectionLost:
            raise
        except SFTPError:
            # Others promise nothing of their disk that could be asked for.
            return

    async def _move(self, sftp: SFTPClient, temp: str, target: str) -> bool:
        if not self._store.exclusive:
            raise Refused(
                "this server cannot link files, so of two creates at once both could seem to win",
                hint="write exclusive = true if one machine alone ever lands there; else use a bucket",
            )
        if await sftp.lexists(self._at(target)):
            return False
        await sftp.rename(self._at(temp), self._at(target))
        await self._sync(sftp, target.rpartition("/")[0])
        return True

    def swap(self, temp: str, target: str) -> None:
        """See ``Wire``. SFTP's own rename takes no name that is there; OpenSSH's extension does, as rename(2)."""
        from asyncssh import SFTPOpUnsupported

        async def work(sftp: SFTPClient) -> None:
            try:
                await sftp.posix_rename(self._at(temp), self._at(target))
            except SFTPOpUnsupported:
                raise no_swap("this SFTP server") from None
            await self._sync(sftp, target.rpartition("/")[0])

        self._run(work)

    def read(self, path: str, last: int | None) -> bytes | None:
        """See ``Wire``."""
        size = self.size(path)
        if size is None:
            return None
        begin = 0 if last is None else max(0, size - last)

        async def work(sftp: SFTPClient) -> bytes:
            async with sftp.open(self._at(path), "rb") as file:
                found = await file.read(size - begin, begin)
                return found.encode() if isinstance(found, str) else bytes(found)

        found = self._absent(work, size_bytes=size - begin)
        if found is not None and len(found) != size - begin:
            raise StoreUnavailable("it is shorter than it was said to be", where=f"{path} at {self}")
        return found

    def size(self, path: str) -> int | None:
        """See ``Wire``."""

        async def work(sftp: SFTPClient) -> int:
            size = (await sftp.stat(self._at(path))).size
            return -1 if size is None else size

        return self._absent(work)

    def entries(self, folder: str) -> Sequence[Entry] | None:
        """See ``Wire``."""
        from asyncssh import FILEXFER_TYPE_DIRECTORY

        async def work(sftp: SFTPClient) -> list[Entry]:
            found = await sftp.readdir(self._at(folder))
            names = ((str(one.filename), one.attrs.type == FILEXFER_TYPE_DIRECTORY) for one in found)
            return [Entry(name, is_folder) for name, is_folder in names if name not in (".", "..")]

        return self._absent(work)

    def make_folder(self, path: str) -> None:
        """See ``Wire``."""
        from asyncssh import SFTPError

        async def work(sftp: SFTPClient) -> None:
            try:
                await sftp.mkdir(self._at(path))
            except SFTPError:
                if not await sftp.isdir(self._at(path)):
                    raise
            else:
                await self._sync(sftp, path.rpartition("/")[0])

        self._run(work)

    def remove(self, path: str) -> None:
        """See ``Wire``."""

        async def work(sftp: SFTPClient) -> None:
            await sftp.remove(self._at(path))

        self._absent(work)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _absent(self, work: Work[T], *, size_bytes: int = 0) -> T | None:
        from asyncssh import SFTPNoSuchFile, SFTPNoSuchPath

        async def asked(sftp: SFTPClient) -> T | None:
            try:
                return await work(sftp)
            except (SFTPNoSuchFile, SFTPNoSuchPath):
                return None

        return self._run(asked, size_bytes=size_bytes)

    def _run(self, work: Work[T], *, size_bytes: int = 0, in_doubt: bool = False) -> T:
        """What `work` gives; `in_doubt`: without an answer it may have been done."""
        from asyncssh import (
            Error,
            SFTPConnectionLost,
            SFTPError,
            SFTPNoConnection,
            SFTPNoSuchFile,
            SFTPPermissionDenied,
        )

        try:
            sftp = self._on_loop(self._connect(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            hint = "are host and port right, and the network up?"
            raise StoreUnavailable("no connection in time", where=str(self), hint=hint) from None
        lost: type[Doubtful | StoreUnavailable] = Doubtful if in_doubt else StoreUnavailable
        try:
            return self._on_loop(work(sftp), time_for(self._store.timeout, size_bytes))
        except SFTPPermissionDenied:
            hint = "this user must be allowed to read and write in the store's folder"
            raise Refused("access denied", hint=hint, credentials=True) from None
        except SFTPNoSuchFile:
            raise Refused("the folder above it is not there", hint="make the store's folder; Coleta does not") from None
        except TimeoutError:
            self._forget()
            raise lost("no answer in time", where=str(self)) from None
        except (Error, OSError) as error:
            if isinstance(error, SFTPError) and not isinstance(error, SFTPConnectionLost | SFTPNoConnection):
                # Its number only: the text is the server's own.
                what = f"the server did not do it (SFTP status {error.code})"
                raise StoreUnavailable(what, where=str(self)) from None
            self._forget()
            raise lost("the connection was cut before the answer", where=str(self)) from None

    def _on_loop(self, work: Coroutine[Any, Any, T], limit_s: float) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # It ends with the process: what waits for an answer then is in doubt anyway.
                threading.Thread(target=self._loop.run_forever, name="sftp", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, limit_s), self._loop).result()

    async def _connect(self) -> SFTPClient:
        if self._connecting is None:
            self._connecting = asyncio.Lock()
        async with self._connecting:
            if self._line is None:
                connection = await self._logged_in()
                self._line = (connection, await connection.start_sftp_client())
            return self._line[1]

    async def _logged_in(self) -> SSHClientConnection:
        import asyncssh

        secrets = EnvironmentSecrets(self._environment(), folder=self._folder)
        options: dict[str, object] = {"config": None, "keepalive_interval": KEEP_ALIVE_S}
        if self._user is not None:
            options["username"] = self._user
        if self._store.known_hosts is not None:
            options["known_hosts"] = self._store.known_hosts
        if self._store.password is not None:
            options |= {"password": secrets(self._store.password), "client_keys": None}
        if self._store.private_key is not None:
            options["client_keys"] = [private_key_of(secrets(self._store.private_key))]
        try:
            return await asyncssh.connect(self._host, self._port, **options)
        except asyncssh.HostKeyNotVerifiable:
            hint = "add it to ~/.ssh/known_hosts (ssh-keyscan, and compare), or name a file as known_hosts"
            raise Refused("the server's host key is not known", hint=hint) from None
        except asyncssh.PermissionDenied:
            hint = "user with password or private_key, or an agent's key, must be let in"
            raise Refused("the server refuses the login", hint=hint, credentials=True) from None
        except (OSError, asyncssh.Error):
            hint = "are host and port right, and the network up?"
            raise StoreUnavailable("no connection", where=str(self), hint=hint) from None

    def _forget(self) -> None:
        line, self._line = self._line, None
        if line is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(line[0].abort)
