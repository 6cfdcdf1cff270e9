"""What waits in the spool's folder for streams that the project no longer names. Reads only, and takes no lock.

A stream that was taken out of the project file, or renamed there by hand, leaves its accepted answers behind. They
are never dropped, so somebody has to be told.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stray:
    """A folder of the spool that no stream of the project has: ``name`` is its stream's, ``waiting`` how many files."""

    name: str
    folder: Path
    waiting: int

    def __str__(self) -> str:
        """What a person has to know, and do."""
        files = "1 answer waits" if self.waiting == 1 else f"{self.waiting} answers or gaps wait"
        return (
            f"{files} in {self.folder} for a stream {self.name!r}, which coleta.toml does not name. If it has another "
            f"name now: coleta rename {self.name} NEW. Else put it back into coleta.toml until they have landed"
        )


def strays_in(spool: Path, known: Collection[str]) -> list[Stray]:
    """What waits in the folder `spool` for streams other than those `known`, by their names in logs."""
    found: list[Stray] = []
    # A spool that is not there, or cannot be read, is told of by whoever opens it.
    with suppress(OSError):
        for folder in sorted(spool.iterdir()):
            if folder.name in known or not folder.is_dir():
                continue
            waiting = sum(1 for _ in (folder / "waiting").glob("*.spool"))
            if waiting:
                found.append(Stray(folder.name, folder, waiting))
    return found
