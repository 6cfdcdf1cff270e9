"""The lock on a stream's spool folder: one process at a time writes there. Reading commands take none.

flock(2), so the kernel lets go of it however the process ends, and nothing is ever stale.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from coleta.adapters.durable import make_folders, meaning
from coleta.errors import Busy, Misconfigured


class StreamLock:
    """Held from ``acquire``, or the beginning of a ``with``, to ``release``. Use it from one thread."""

    def __init__(self, folder: Path) -> None:
        """Name the spool folder; nothing is locked yet."""
        self._path = folder / "lock"
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or say who has it.

        Raises:
            Busy: another process has it; the message names it.
            Misconfigured: the folder cannot be written, or its file system has no locks.

        """
        if self._fd is not None:
            return
        fd = self._open()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _text(fd)
            os.close(fd)
            raise self._refusal(error, holder) from None
        self._fd = fd
        # For people only, so a full disk does not matter here.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it; without it, nothing happens. The file stays, since removing it would race."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> StreamLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _open(self) -> int:
        try:
            make_folders(self._path.parent, mode=0o700)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            what, hint = meaning(error)
            raise Misconfigured(f"the spool cannot be used: {what}", where=str(self._path.parent), hint=hint) from None

    def _refusal(self, error: OSError, holder: str) -> Busy | Misconfigured:
        where = str(self._path.parent)
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return Busy(
                f"{holder or 'another process'} collects this stream",
                where=where,
                hint="stop that process, or let it work: `coleta status` needs no lock",
            )
        return Misconfigured(
            f"the spool's file system gives no locks: {meaning(error)[0]}",
            where=where,
            hint="put the spool on a local disk",
        )


def _text(fd: int) -> str:
    try:
        return os.pread(fd, 200, 0).decode(errors="replace").strip()
    except OSError:
        return ""
