"""How bytes on a local disk become durable, and what a disk's errors mean. Shared by the disk adapters.

A file is durable once its bytes are synced, and then the folder that names it. Nothing here decides
what follows from an error: that is the adapter's contract.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from coleta.adapters.disk_calls import DISK, DiskCalls

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


def make_folders(folder: Path, *, mode: int = 0o777, disk: DiskCalls = DISK) -> None:
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
            disk.make_folder(each, mode=mode)
        disk.sync_folder(each.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def replace_file(path: Path, body: bytes, *, mode: int = 0o600, disk: DiskCalls = DISK) -> None:
    """Put `body` in the place of the file at `path`, with `mode`: after a crash it is the old or the new, whole.

    Raises:
        OSError: it is not certain that the new one is durable.

    """
    temp = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    fd = disk.create(temp, mode=0o600)
    try:
        try:
            if mode != 0o600:
                # Not at its creation: what the process masks would be missing then.
                os.fchmod(fd, mode)
            disk.write(fd, body)
            disk.sync(fd)
        finally:
            disk.close(fd)
        disk.rename(temp, path)
    except OSError:
        with suppress(FileNotFoundError):
            disk.unlink(temp)
        raise
    disk.sync_folder(path.parent)
