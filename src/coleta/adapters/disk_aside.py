"""The folder ``damaged/`` of a stream's spool: what lies there, and back to ``waiting/`` with what is whole after all.

Whoever gives a file back holds the folder's ``StreamLock``. Nothing is ever removed here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.durable import meaning
from coleta.errors import SpoolRefused


class DiskAside:
    """What was set aside of the spool in `folder`; see ``Aside``."""

    def __init__(self, folder: Path, *, disk: DiskCalls = DISK) -> None:
        """Name the place; nothing is touched."""
        self._aside = folder / "damaged"
        self._waiting = folder / "waiting"
        self._disk = disk

    def names(self) -> Sequence[str]:
        """The files there; see ``Aside``."""
        return sorted(path.name for path in self._aside.glob("*"))

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; see ``Aside``."""
        try:
            return (self._aside / name).read_bytes()
        except OSError:
            return None

    def give_back(self, name: str, to: str) -> bool:
        """Let `name` wait again; see ``Aside``."""
        if os.path.lexists(self._waiting / to):
            return False
        try:
            # A name counts once it is durable in its new folder; a power loss in between leaves it in one of them.
            self._disk.rename(self._aside / name, self._waiting / to)
            self._disk.sync_folder(self._waiting)
            self._disk.sync_folder(self._aside)
        except OSError as error:
            what, hint = meaning(error)
            raise SpoolRefused(
                f"it could not be given back: {what}", where=str(self._aside / name), hint=hint
            ) from None
        return True
