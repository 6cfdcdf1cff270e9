"""The four figures: acceptance, a start with a full spool, the drain of a backlog, requests to a source that is down.

Take them on a machine that does nothing else, with the temporary folder on the disk that is meant.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, perf_counter

from tests.end_to_end.bucket import BucketProject
from tests.end_to_end.ledger_api import Sent
from tests.end_to_end.program import Project
from tests.s3.proxy import Fault, FaultyProxy

from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.disk_spool import DiskSpool
from coleta.collect.courtesy import OPEN_AFTER
from coleta.collect.tick import Interval
from coleta.settings.project import load_project
from coleta.testing.samples import UUID, sample_header, sample_page, sample_trailer, spooled
from proof.camps import Camp
from proof.outages import pass_time
from proof.report import Figure, Line, Report
from proof.stages import LOG_UUID, SETTLED, identity, make_log
from proof.work import Work

ACCEPTED = 2_000
ACCEPTED_MS = 20.0

SPOOLED = 10_000
READY_S = 30.0

DRAIN = 20.0
HOUR = timedelta(hours=1)

DOWN_S = 60.0
DOWN_STREAMS = ("s", "t", "u", "v")
DOWN_RATIO = 1.1

QUOTA = 10_000_000_000
RECORDS = 50
FULL_S = 600.0
"""The most that anything here may take."""

AWAY_S = 65.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DOWN_EVERY = timedelta(seconds=2)
FIRST_ID = 10_000_000
"""Above all that the API issues meanwhile."""


def acceptance(work: Work, report: Report) -> None:
    """From the first byte of an answer of 50 purchases to its durable name in the spool, on the disk."""
    folder = work.place(on_disk=True)
    spool = DiskSpool(folder / "spool", uuid=UUID, quota_bytes=QUOTA, now=lambda: datetime.now(UTC))
    page = json.dumps([{"ean": 7_891_234_567_895, "price": 12.5, "padding": "x" * 200}] * RECORDS).encode()
    took = []
    for number in range(ACCEPTED):
        since = perf_counter()
        spooled(spool, sample_header(number), [page])
        took.append((perf_counter() - since) * 1_000)
    bare = [_bare_ms(folder, number, page) for number in range(ACCEPTED)]
    note = f"{ACCEPTED:,} answers of {len(page):,} bytes; median {_at(took, 0.5):.2f} ms; "
    note += f"the disk itself (write, sync, rename, sync): median {_at(bare, 0.5):.2f}, p99 {_at(bare, 0.99):.2f} ms"
    p99 = _at(took, 0.99)
    report.figures.append(Figure("acceptance, p99", p99, "ms", f"< {ACCEPTED_MS:g} ms", p99 < ACCEPTED_MS, note))


def _bare_ms(folder: Path, number: int, page: bytes) -> float:
    since = perf_counter()
    part = folder / f"{number}.part"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, page)
    os.fsync(fd)
    os.close(fd)
    part.rename(folder / f"{number}.bare")
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(above)
    os.close(above)
    return (perf_counter() - since) * 1_000


def _at(values: list[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(eq=False, slots=True)
class Backlog:
    """``count`` answers of ticks that end just before now, one ``every`` so long, and how they come into a spool."""

    count: int
    every: timedelta
    first_tick: datetime = field(init=False)
    sent: list[Sent] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Choose the ticks: one more than there are answers, so that a first one can open the log."""
        now = datetime.now(UTC)
        newest = now - (now - EPOCH) % self.every
        self.first_tick = newest - self.every * self.count

    def open_log(self, project: Project) -> None:
        """Begin the log, with its first tick settled."""
        if isinstance(project, BucketProject):
            body = identity("s", self.first_tick)
            project.direct.create("s/_ledger/identity.json", body, sha256=hashlib.sha256(body).hexdigest())
        else:
            make_log(project.lake, "s", first_tick=self.first_tick)
        done = project.call("run", "s", "--tick", f"{self.first_tick:%Y%m%dT%H%M%SZ}")
        assert done.status in SETTLED, done.err

    def fill(self, project: Project) -> None:
        """Accept all answers, through the spool's own door, but without waiting for the disk."""
        stream = load_project(project.folder, environment=os.environ).streams[0]
        base = replace(
            sample_header(uuid=LOG_UUID),
            project="ledger",
            stream="s",
            terms=stream.terms,
            schedule=stream.schedule.to_json(),
        )  # fmt: skip
        spool = DiskSpool(
            project.spool(),
            uuid=LOG_UUID,
            quota_bytes=QUOTA,
            now=lambda: datetime.now(UTC),
            disk=DiskCalls(flush=lambda fd: None),
        )
        for number in range(self.count):
            end = self.first_tick + self.every * (number + 1)
            ids = tuple(range(FIRST_ID + number * RECORDS, FIRST_ID + (number + 1) * RECORDS))
            wire = json.dumps([{"id": one, "value": one} for one in ids]).encode()
            header = replace(base, tick=Interval(end - self.every, end), scheduled=end)
            draft = spool.draft(header)
            draft.page(sample_page(at=end), wire)
            self._names.add(draft.accept(sample_trailer(header, [wire])).name)
            self.sent.append(Sent("/s", ids, frozenset()))

    def left(self, project: Project) -> int:
        """How many of them still wait."""
        return len(self._names & {file.name for file in project.waiting()})


def ready(work: Work, report: Report) -> None:
    """10,000 answers wait as the service is started: how long until the first commit of them."""
    began = monotonic()
    camp = Camp(work.place(on_disk=True), work.api(seed=41))
    backlog = Backlog(SPOOLED, timedelta(seconds=1))
    took = [0.0, 0.0]

    def go(camp: Camp) -> None:
        project = camp.project()
        backlog.open_log(project)
        backlog.fill(project)
        before = project.objects()
        since = monotonic()
        up = project.up()
        camp.wait(lambda: project.objects() > before, "the first commit", within_s=FULL_S)
        took[0] = monotonic() - since
        camp.wait(lambda: not backlog.left(project), "all are landed", within_s=FULL_S)
        took[1] = monotonic() - since
        camp.stop(project, up)

    camp.attempt(go, sent=backlog.sent)
    what = f"{SPOOLED:,} spooled answers: from a start to the first commit of them"
    note = f"{RECORDS} records each; all landed after {took[1]:.1f} s"
    report.figures.append(Figure(what, took[0], "s", f"< {READY_S:g} s", 0 < took[0] < READY_S, note))
    report.lines.append(Line(f"a start with {SPOOLED:,} spooled answers", camp.found, monotonic() - began))


def drain(work: Work, report: Report) -> None:
    """An hour's answers wait while a bucket is away; from its return until all of them are landed."""
    for every, written in ((timedelta(minutes=1), "1m"), (timedelta(seconds=1), "1s")):
        began = monotonic()
        backlog = Backlog(HOUR // every, every)
        with FaultyProxy(work.s3.endpoint) as proxy:
            camp = Camp(work.place(on_disk=True), work.api(seed=42), work.s3, work.s3.at(proxy.url), every=written)
            took = _drain(camp, backlog, proxy)
        speed = HOUR.total_seconds() / took[1] if took[1] else 0.0
        note = f"{backlog.count:,} answers in {took[1]:.1f} s, of which {took[0]:.1f} s until the store was tried again"
        what = f'an hour of `every = "{written}"`, landed after an outage'
        report.figures.append(Figure(what, speed, "x real time", f">= {DRAIN:g} x", speed >= DRAIN, note))
        report.lines.append(Line(f"an hour's backlog of {written}", camp.found, monotonic() - began))


def _drain(camp: Camp, backlog: Backlog, proxy: FaultyProxy) -> Sequence[float]:
    """How many seconds it took until the first answer was landed, and until the last."""
    took = [0.0, 0.0]

    def go(camp: Camp) -> None:
        project = camp.project()
        backlog.open_log(project)
        backlog.fill(project)
        proxy.plan = lambda seen: Fault.DROP_BEFORE
        up = project.up()
        camp.wait(lambda: "open, at commit" in up.said(), "it is open", within_s=FULL_S)
        # Long enough for the pauses between its tries to have grown to the longest.
        pass_time(AWAY_S)
        assert backlog.left(project) == backlog.count
        proxy.plan = lambda seen: Fault.NONE
        since = monotonic()
        camp.wait(lambda: backlog.left(project) < backlog.count, "it begins to land", within_s=FULL_S)
        took[0] = monotonic() - since
        camp.wait(lambda: not backlog.left(project), "all are landed", within_s=FULL_S)
        took[1] = monotonic() - since
        camp.stop(project, up)

    camp.attempt(go, sent=backlog.sent)
    return took


def requests(work: Work, report: Report) -> None:
    """A source answers every request with 500: how many requests it is sent, for each tick that comes due."""
    began = monotonic()
    seconds = work.seconds or DOWN_S
    camp = Camp(work.place(), work.api(seed=43), streams=DOWN_STREAMS, every="2s", more='deadline = "60s"')
    at_first, down = [0, 0], [0, 0]

    def go(camp: Camp) -> None:
        project = camp.project()
        up = project.up()
        camp.wait_landed(project)
        camp.api.broken = True
        # A shorter failure is no outage yet: it is survived by asking again.
        at_first[:] = _count_requests(camp, OPEN_AFTER.total_seconds() + 10)
        down[:] = _count_requests(camp, seconds)
        camp.api.broken = False
        camp.wait_landed(project, 2)
        camp.stop(project, up)
        camp.rest()

    books = camp.attempt(go)
    ratio = down[0] / down[1] if down[1] else 0.0
    note = f"{down[0]} requests in {seconds:.0f} s, in which {down[1]} ticks came due; before it counted as down,"
    note += f" {at_first[0]} for {at_first[1]}"
    what = "requests for each tick, while a source is down"
    met = 0 < ratio <= DOWN_RATIO
    report.figures.append(Figure(what, ratio, "x", f"<= {DOWN_RATIO:g} x", met, note))
    note = f"{sum(len(one.gaps) for one in books)} gaps, each with its reason"
    report.lines.append(Line("a source that is down", camp.found, monotonic() - began, note))


def _count_requests(camp: Camp, seconds: float) -> tuple[int, int]:
    """How many requests come in so many seconds, and how many ticks are due in them."""
    asked, since = camp.api.requests, datetime.now(UTC)
    pass_time(seconds)
    instants = (datetime.now(UTC) - EPOCH) // DOWN_EVERY - (since - EPOCH) // DOWN_EVERY
    return camp.api.requests - asked, instants * len(DOWN_STREAMS)
