"""How bytes on a local disk become durable, and what a disk's errors mean. Shared by the disk adapters.

A file is durable once its bytes are synced, and then the folder that names it. Nothing here decides
what follows from an error: that is the adapter's contract.
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

Sync = Callable[[int], None]
"""Makes what was written to an open file or folder durable, or raises OSError."""

_MEANINGS = {
    errno.ENOSPC: ("the disk is full", "free some space; it goes on by itself"),
    errno.EDQUOT: ("this user's disk quota is used up", "free some space; it goes on by itself"),
    errno.EROFS: ("the file system is read-only", "mount it for writing, or choose another folder"),
    errno.EACCES: ("permission denied", "give this user the right to write there"),
    errno.EPERM: ("not permitted", "give this user the right to write there"),
    errno.EIO: ("the disk reports an I/O error", "look at the kernel's log: the disk may be failing"),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "move that file away"),
    errno.ENAMETOOLONG: ("its name is too long for this file system", "choose a shorter path"),
}


def meaning(error: OSError) -> tuple[str, str | None]:
    """What `error` says in plain words, and what to try next."""
    known = _MEANINGS.get(error.errno or 0)
    return known or ((error.strerror or str(error)).lower(), None)


def sync(fd: int) -> None:
    """Make what was written to `fd` durable: not in the drive's cache only."""
    if sys.platform == "darwin":
        # There fsync(2) stops at the drive's cache.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


def sync_folder(folder: Path, sync: Sync = sync) -> None:
    """Make the names in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write the whole of `data`; one write(2) may take only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def make_folders(folder: Path, *, mode: int = 0o777, sync: Sync = sync) -> None:
    """Make `folder` and what is missing above it, durably; one that is there stays as it is.

    Raises:
        OSError: it could not be made, or a file has its name.

    """
    missing: list[Path] = []
    at = folder
    while not at.is_dir():
        missing.append(at)
        at = at.parent
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=mode)
        sync_folder(each.parent, sync)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def replace_file(path: Path, body: bytes, *, sync: Sync = sync) -> None:
    """Put `body` in the place of the file at `path`: after a crash it is the old or the new, whole.

    Raises:
        OSError: it is not certain that the new one is durable.

    """
    temp = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(fd, body)
            sync(fd)
        finally:
            os.close(fd)
        temp.rename(path)
    except OSError:
        temp.unlink(missing_ok=True)
        raise
    sync_folder(path.parent, sync)
