"""The outside thing, keepsakes: secrets that came in place of older ones, a file each, for this user alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.durable import make_folders, meaning, replace_file
from coleta.errors import Busy, SpoolRefused

LOOK_AGAIN_S = 0.05
"""How often whoever waits for another process looks whether that one is done: a token takes a tenth of a second."""


class DiskKeepsakes:
    """The port ``Keepsakes`` in `folder`, which is made with the first. For several processes and threads."""

    def __init__(self, folder: Path, *, disk: DiskCalls = DISK) -> None:
        """Name the place."""
        self._folder, self._disk = folder, disk

    @contextmanager
    def alone(self, name: str, *, timeout: timedelta) -> Iterator[None]:
        """See ``Keepsakes``. The kernel lets go of it however the process ends."""
        path, until = self._folder / f"{name}.lock", monotonic() + timeout.total_seconds()
        try:
            make_folders(self._folder, mode=0o700, disk=self._disk)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _refused(path, error) from None
        try:
            while not _locked(fd, path):
                if monotonic() >= until:
                    raise Busy("another process is asking for the token, and does not come to an end", where=str(path))
                sleep(LOOK_AGAIN_S)
            yield
        finally:
            os.close(fd)

    def recall(self, name: str) -> bytes | None:
        """See ``Keepsakes``."""
        path = self._folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(path, error) from None

    def remember(self, name: str, body: bytes) -> None:
        """See ``Keepsakes``."""
        path = self._folder / name
        try:
            make_folders(self._folder, mode=0o700, disk=self._disk)
            replace_file(path, body, disk=self._disk)
        except OSError as error:
            raise _refused(path, error) from None


def _locked(fd: int, path: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _refused(path, error) from None
    return True


def _refused(path: Path, error: OSError) -> SpoolRefused:
    what, hint = meaning(error)
    return SpoolRefused(f"a token could not be kept: {what}", where=str(path), hint=hint)
