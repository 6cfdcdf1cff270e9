"""Where a data object grows until it is put: in memory while small, then in a file without a name.

The file has no name in its folder, so a crash leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from coleta.adapters.durable import make_folders, meaning
from coleta.errors import Misconfigured

IN_MEMORY_BYTES = 64 << 20
"""Most data objects are smaller; a few of this size side by side fit into a small machine."""


class DiskScratch:
    """Files in `folder`, for this user only. Writing to one raises OSError where the disk is full."""

    def __init__(self, folder: Path, *, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        """Use `folder`, made if it is missing, for files beyond `in_memory_bytes`.

        Raises:
            Misconfigured: the folder is missing and cannot be made.

        """
        try:
            make_folders(folder, mode=0o700)
        except OSError as error:
            what, hint = meaning(error)
            raise Misconfigured(what, where=str(folder), hint=hint) from None
        self._folder = folder
        self._in_memory_bytes = in_memory_bytes

    def file(self) -> BinaryIO:
        """An empty seekable file, in memory while small, that vanishes when closed."""
        # Its methods are a BinaryIO's; only its declared base says less.
        return cast(BinaryIO, SpooledTemporaryFile(max_size=self._in_memory_bytes, dir=str(self._folder)))
