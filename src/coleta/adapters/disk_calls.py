"""The calls by which the disk adapters change what lies on a disk: the one place where they do.

Each method is one step, and a power loss may come between any two of them. A subclass that writes the
steps down can rebuild every state that it may leave (``testing/torn_disk.py``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

Sync = Callable[[int], None]
"""Makes what was written to an open file or folder durable, or raises OSError."""


def sync(fd: int) -> None:
    """Make what was written to `fd` durable: not in the drive's cache only."""
    if sys.platform == "darwin":
        # There fsync(2) stops at the drive's cache.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


@dataclass(frozen=True, slots=True)
class DiskCalls:
    """The calls themselves; ``flush`` is how a file or a folder is synced. All raise OSError."""

    flush: Sync = sync

    def make_folder(self, path: Path, *, mode: int = 0o777) -> None:
        """Make an empty folder where nothing is."""
        path.mkdir(mode=mode)

    def create(self, path: Path, *, mode: int) -> int:
        """Open a new empty file for writing, where nothing is."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """Write the whole of `data`, of which one call of the system may take only a part."""
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def stamp(self, fd: int, *, at_ns: int) -> None:
        """Say that the file was changed at `at_ns`, since 1970."""
        os.utime(fd, ns=(at_ns, at_ns))

    def sync(self, fd: int) -> None:
        """Make what was written to the file durable."""
        self.flush(fd)

    def close(self, fd: int) -> None:
        """Let go of the open file."""
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Give the file another name, over whatever has that."""
        old.rename(new)

    def link(self, old: Path, new: Path) -> None:
        """Give the file one more name, unless something has that."""
        os.link(old, new)

    def unlink(self, path: Path) -> None:
        """Take a name away."""
        path.unlink()

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.flush(fd)
        finally:
            os.close(fd)


DISK = DiskCalls()
"""The disk as it is."""
