"""What the program is doing when it is struck: each stage can be set up anew as often as one likes, always the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.end_to_end.bucket import BucketProject
from tests.end_to_end.ledger_api import LedgerApi, Sent
from tests.end_to_end.program import Project
from tests.s3.service import S3Service

from proof.sites import Grounds

SETTLED = (0, 65)
"""65: more records broke the contract than the budget allows. They lie in the quarantine then."""

STEADY = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""So that two runs make the same calls."""


@dataclass(eq=False, slots=True)
class Trial:
    """A stage just set up: what is to be run, and where the books of it lie. ``service``: it runs until stopped."""

    project: Project
    words: tuple[str, ...]
    grounds: Grounds
    sent: Callable[[], list[Sent]]
    spools: Sequence[Path]
    streams: Sequence[str] = ("s",)
    service: bool = False
    lake: Callable[[], Path] = field(kw_only=True)


class Stage:
    """One of them, in a folder of its own, with an API of its own."""

    name = ""
    every = "1s"
    streams: dict[str, str] = {"s": ""}  # noqa: RUF012 - each kind of stage has one of its own

    def __init__(self, folder: Path, running: ExitStack) -> None:
        """Make what every trial begins with; `running` ends what is started here."""
        self._live, self._kept = folder / "live", folder / "kept"
        self._live.mkdir(parents=True)
        self.api = running.enter_context(LedgerApi(steady=True))
        self._prepare()
        shutil.copytree(self._live, self._kept)
        self._known = self.api.sent

    def trial(self) -> Trial:
        """Set it up."""
        shutil.rmtree(self._live)
        shutil.copytree(self._kept, self._live)
        before = len(self.api.sent)
        project = self._project()
        return Trial(
            project=project,
            words=self._words(),
            grounds=Grounds(
                folders=[(project.folder / ".coleta", "spool"), (project.lake, "store")], ports=[(self.api.port, "API")]
            ),
            sent=lambda: [*self._known, *self.api.sent[before:]],
            spools=[self._live / name / ".coleta" for name in ("one", "two")],
            streams=tuple(self.streams),
            lake=lambda: project.lake,
        )

    def _prepare(self) -> None:
        """Bring the folder to where every trial begins."""

    def _words(self) -> tuple[str, ...]:
        return ("run", "s")

    def _project(self, name: str = "one") -> Project:
        folder = self._live / name
        return Project(folder, self.api.url, self._live / "lake", self.streams, every=self.every, variables=STEADY)

    def _run(self, *words: str, project: Project | None = None, status: Sequence[int] = SETTLED) -> None:
        done = (project or self._project()).call(*words)
        assert done.status in status, f"{self.name}: {words} ended with {done.status}: {done.err}"


class FirstStart(Stage):
    """Nothing is there: it probes the store, makes the log, and lands one answer."""

    name = "first start"


class Backlog(Stage):
    """Answers of two dates, a gap, and one that another machine has landed first wait; another is asked for."""

    name = "backlog"
    every = "1h"
    streams = {"s": 'deadline = "1s"'}  # noqa: RUF012

    def _prepare(self) -> None:
        # Of the days before yesterday, so that a date changes between them whenever this runs.
        self._midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        make_log(self._live / "lake", "s", first_tick=self._midnight - timedelta(hours=3))
        one, two = self._project("one"), self._project("two")
        self._run("run", "s", "--tick", self._tick(-3), project=one)
        self._run("run", "s", "--tick", self._tick(-3), project=two)
        away = one.lake.with_name("away")
        one.lake.rename(away)
        for hours in (-2, 0):
            self._run("run", "s", "--tick", self._tick(hours), project=one, status=[75])
        self.api.close()
        self._run("run", "s", "--tick", self._tick(1), project=one, status=[69])
        self.api.open()
        self._run("run", "s", "--tick", self._tick(-1), project=one, status=[75])
        away.rename(one.lake)
        self._run("run", "s", "--tick", self._tick(-2), project=two)

    def _words(self) -> tuple[str, ...]:
        return ("run", "s", "--tick", self._tick(2))

    def _tick(self, hours: int) -> str:
        return (self._midnight + timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")


class Service(Stage):
    """Two streams are collected each second and landed, one of them in batches, until a stop."""

    name = "service"
    streams = {"s": "", "t": 'land = { every = "2s" }'}  # noqa: RUF012

    def _words(self) -> tuple[str, ...]:
        return ("up",)

    def trial(self) -> Trial:
        """Set it up."""
        trial = Stage.trial(self)
        trial.service = True
        return trial


class Bucket(Stage):
    """Nothing is there, and the store is a bucket of a real S3: each trial has a prefix of its own."""

    name = "bucket"
    s3: S3Service

    def trial(self) -> Trial:
        """Set it up."""
        trial = Stage.trial(self)
        port = int(self.s3.endpoint.rpartition(":")[2])
        spool = (trial.project.folder / ".coleta", "spool")
        trial.grounds = Grounds([spool], [(port, "store's line"), (self.api.port, "API")])
        project = trial.project
        assert isinstance(project, BucketProject)
        trial.lake = project.mirror
        return trial

    def _project(self, name: str = "one") -> Project:
        folder, url = self._live / name, self.s3.url()
        return BucketProject(
            folder, self.api.url, self._live / "lake", self.streams, variables=STEADY, s3=self.s3, url=url
        )


LOG_UUID = "00000000-0000-4000-8000-000000000000"


def identity(stream: str, first_tick: datetime) -> bytes:
    """The identity of a log whose first tick lies in the past, as docs/reference/data-object-and-record.md has it."""
    at = f"{first_tick:%Y-%m-%dT%H:%M:%SZ}"
    found = {"created": at, "first_tick": at, "format": 1, "project": "ledger", "stream": stream, "uuid": LOG_UUID}
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode()


def make_log(lake: Path, stream: str, *, first_tick: datetime) -> None:
    """Begin a log in the folder `lake`."""
    ledger = lake / stream / "_ledger"
    ledger.mkdir(parents=True)
    (lake / "_coleta/tmp").mkdir(parents=True)
    (ledger / "identity.json").write_bytes(identity(stream, first_tick))
