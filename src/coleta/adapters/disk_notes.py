"""A few small things remembered beside a stream's spool, a file each: its identity, the probe's result."""

from __future__ import annotations

import hashlib
from pathlib import Path

from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.durable import make_folders, meaning, replace_file
from coleta.errors import Misconfigured, SpoolRefused


class DiskNotes:
    """The notes in `folder` on the store `store_url`; those on other stores lie beside them."""

    def __init__(self, folder: Path, *, store_url: str, disk: DiskCalls = DISK) -> None:
        """Name the place; it is made with the first note."""
        self._folder = folder
        self._store = hashlib.sha256(store_url.encode()).hexdigest()[:16]
        self._disk = disk

    def recall(self, name: str) -> bytes | None:
        """What was last remembered under `name`, or None; see ``Notes``.

        Raises:
            Misconfigured: it is there and cannot be read.

        """
        path = self._path(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            what, hint = meaning(error)
            raise Misconfigured(what, where=str(path), hint=hint) from None

    def remember(self, name: str, body: bytes) -> None:
        """Remember `body` under `name`, durably; see ``Notes``."""
        path = self._path(name)
        try:
            make_folders(self._folder, mode=0o700, disk=self._disk)
            replace_file(path, body, disk=self._disk)
        except OSError as error:
            what, hint = meaning(error)
            raise SpoolRefused(f"it could not be remembered: {what}", where=str(path), hint=hint) from None

    def _path(self, name: str) -> Path:
        if not name.isidentifier():
            raise ValueError(f"not a name of a note: {name!r}")
        return self._folder / f"{name}-{self._store}"
