"""Services at work on one store, with an account of what they were seen to accept and how often they were cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.end_to_end.bookkeeper import Balance
from tests.end_to_end.bucket import BucketProject
from tests.end_to_end.ledger_api import LedgerApi, Sent, wait_until
from tests.end_to_end.program import Project, Up
from tests.s3.service import S3Service

from coleta.stream import Store
from proof.books import accepted_ids, tally
from proof.report import Tally

LOOK_S = 0.1
"""How often a store is looked at: a listing of a bucket is not free."""

STOPPED = 143

RESTS = 3
"""An answer that is accepted just while a stop lands the others is left to the next start, which may happen again."""


@dataclass(eq=False, slots=True)
class Camp:
    """Projects that collect into one lake or bucket, each with at most one service that runs."""

    folder: Path
    api: LedgerApi
    s3: S3Service | None = None
    """The bucket's service; without one the store is a folder."""
    through: S3Service | None = None
    """Where the projects find it, if that is another address."""
    streams: Sequence[str] = ("s",)
    more: str = ""
    store: str = ""
    every: str = "1s"
    projects: list[Project] = field(default_factory=list)
    found: Tally = field(default_factory=Tally)
    accepted: set[int] = field(default_factory=set)
    cuts: int = 0
    _url: str = ""

    def __post_init__(self) -> None:
        """Choose a place in the bucket, if it is one."""
        self._url = "" if self.s3 is None else self.s3.url()

    def project(self, name: str = "one") -> Project:
        """A new project."""
        streams = dict.fromkeys(self.streams, self.more)
        folder, lake = self.folder / name, self.folder / "lake"
        made: Project
        if self.s3 is None:
            made = Project(folder, self.api.url, lake, streams, every=self.every, store=self.store)
        else:
            s3 = self.through or self.s3
            made = BucketProject(
                folder, self.api.url, lake, streams, every=self.every, store=self.store, s3=s3, url=self._url
            )
            # We look at the bucket itself, whatever stands before it.
            made.direct = self.s3.store(Store(self._url))
        self.projects.append(made)
        return made

    def kill(self, project: Project, up: Up) -> None:
        """Kill -9, and look what had been accepted."""
        up.kill()
        self._note(project)

    def stop(self, project: Project, up: Up, *, within_s: float = 10.0) -> float:
        """SIGTERM; how many seconds it took to end, which must not be more than `within_s`."""
        began = monotonic()
        status = up.stop()
        took = monotonic() - began
        if status != STOPPED:
            self.found.blame(f"a stop ended with {status}: {up.said()[-600:]}")
        if took > within_s:
            self.found.blame(f"a stop took {took:.1f} s")
        self._note(project)
        return took

    def _note(self, project: Project) -> None:
        self.cuts += 1
        self.accepted |= accepted_ids([project.spool(stream) for stream in self.streams])

    def wait(self, condition: Callable[[], bool], what: str, *, within_s: float = 120.0) -> None:
        """Wait until `condition` holds."""
        wait_until(condition, what, within_s=within_s, step_s=LOOK_S)

    def wait_landed(self, project: Project, more: int = 1, *, within_s: float = 120.0) -> None:
        """Wait until `more` objects of each stream have landed."""
        goals = {stream: project.objects(stream) + more for stream in self.streams}

        def landed() -> bool:
            return all(project.objects(stream) >= goal for stream, goal in goals.items())

        self.wait(landed, f"{more} more objects of each stream land", within_s=within_s)

    def waiting(self, project: Project) -> int:
        """How many files wait in its spool."""
        return sum(len(project.waiting(stream)) for stream in self.streams)

    def rest(self) -> None:
        """Start each project again until nothing waits after its stop."""
        for project in self.projects:
            for _ in range(RESTS):
                up = project.up()
                self.wait_landed(project)
                self.wait(lambda one=project: self.waiting(one) <= 1, "what waits is landed")  # type: ignore[misc]
                self.stop(project, up)
                if not self.waiting(project):
                    break
            else:
                self.found.blame(f"after {RESTS} stops {self.waiting(project)} files wait in {project.folder.name}")

    def books(self, sent: Sequence[Sent] = ()) -> list[Balance]:
        """Close the books: end what runs, ask the bookkeeper of each stream, and count; `sent` came otherwise."""
        for project in self.projects:
            try:
                project.end()
            except AssertionError as error:
                self.found.blame(f"a bug: {str(error)[-600:]}")
        lake = self.projects[0].lake
        if isinstance(self.projects[0], BucketProject):
            lake = self.projects[0].mirror()
        balances = []
        for stream in self.streams:
            spools = [project.spool(stream) for project in self.projects]
            found, books = tally(lake, stream, [*sent, *self.api.sent], spools, accepted=self.accepted, cuts=self.cuts)
            self.found.add(found)
            if books is not None:
                balances.append(books)
        return balances

    def attempt(self, work: Callable[[Camp], None], *, runs: int = 1, sent: Sequence[Sent] = ()) -> list[Balance]:
        """Do `work`, whatever comes of it, and close the books; what never came is counted as wrong.

        `runs` is how often it does what it is to prove; `sent` are answers that were spooled by other ways.
        """
        self.found.runs += runs
        try:
            work(self)
        except AssertionError as error:
            self.found.blame(f"{error}; the service said: {self._last_words()}")
        return self.books(sent)

    def _last_words(self) -> str:
        ups = [up for project in self.projects for up in project.started]
        with suppress(OSError):
            return ups[-1].said()[-600:] if ups else ""
        return ""
