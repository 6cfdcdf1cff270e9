"""Two services on one bucket, either killed again and again; a second process on one spool; a machine that is lost."""

from __future__ import annotations

import shutil
from random import Random
from time import monotonic

from tests.end_to_end.bookkeeper import read_spool
from tests.end_to_end.ledger_api import wait_until
from tests.s3.proxy import Fault, FaultyProxy

from proof.camps import Camp
from proof.report import Line, Report
from proof.work import Work

KILLS = 20
LOST_MACHINES = 3
SECONDS = 3
"""How often a second process tries."""

BUSY = 75
"""The exit status of a process that finds another at work in its spool."""


def two_on_one_bucket(work: Work, report: Report) -> None:
    """Two machines collect the same streams into one bucket; one of them is killed at a time."""
    began = monotonic()
    random = Random(1)
    camp = Camp(work.place(), work.api(seed=21, trouble=0.15), work.s3, streams=("s", "t"))

    def crowd(camp: Camp) -> None:
        projects = [camp.project("one"), camp.project("two")]
        ups = [project.up() for project in projects]
        camp.wait_landed(projects[0])
        for _ in range(KILLS):
            number = random.randrange(2)
            asked = camp.api.requests
            more = random.choice((1, 2, 3))
            wait_until(lambda a=asked, m=more: camp.api.requests >= a + m, "it is asked", step_s=0.001)
            until = monotonic() + random.random() * 0.3
            wait_until(lambda u=until: monotonic() >= u, "a moment passes", step_s=0.001)
            camp.kill(projects[number], ups[number])
            ups[number] = projects[number].up()
        camp.wait_landed(projects[0])
        for project, up in zip(projects, ups, strict=True):
            camp.stop(project, up)
        camp.rest()

    books = camp.attempt(crowd, runs=KILLS)
    answers = sum(len(one.accounts) - len(one.gaps) for one in books)
    superseded = sum(one.superseded for one in books)
    note = f"killed {KILLS} times; {answers} answers landed, {superseded} superseded"
    report.lines.append(Line("two services on one S3", camp.found, monotonic() - began, note))


def one_spool(work: Work, report: Report) -> None:
    """A second process in the same project folder is refused, and does no harm."""
    began = monotonic()
    camp = Camp(work.place(), work.api(seed=22))

    def crowd(camp: Camp) -> None:
        project = camp.project()
        up = project.up()
        camp.wait_landed(project)
        for _ in range(SECONDS):
            second = project.up()
            status = second.process.wait(timeout=60)
            if status != BUSY:
                camp.found.blame(f"a second service in one spool ended with {status}: {second.said()}")
            status = project.call("run", "s").status
            if status != BUSY:
                camp.found.blame(f"`run` beside a service ended with {status}")
            camp.wait_landed(project)
        camp.stop(project, up)
        camp.rest()

    camp.attempt(crowd, runs=SECONDS)
    note = "each time an `up` and a `run` were refused"
    report.lines.append(Line("two processes, one spool", camp.found, monotonic() - began, note))


def lost_machine(work: Work, report: Report) -> None:
    """A machine is gone with its disk while answers wait there; another goes on from the bucket alone."""
    for more in ("", 'archive = "first"'):
        began = monotonic()
        with FaultyProxy(work.s3.endpoint) as proxy:
            camp = Camp(work.place(), work.api(seed=23), work.s3, work.s3.at(proxy.url), more=more)
            gone: list[int] = []
            books = camp.attempt(lambda camp: _lose(camp, proxy, gone), runs=LOST_MACHINES)  # noqa: B023  # called here
        ticks = [account["tick"]["end"] for one in books for account in one.accounts if account["outcome"] != "gap"]
        if len(set(ticks)) != len(ticks):
            camp.found.blame("a tick was answered twice")
        fate = "landed from the archive" if more else "were lost with their disk, as the promise says"
        note = f"{len(gone)} answers that waited {fate}"
        what = "a lost machine" + (f", `{more}`" if more else "")
        report.lines.append(Line(what, camp.found, monotonic() - began, note))


def _lose(camp: Camp, proxy: FaultyProxy, gone: list[int]) -> None:
    project = camp.project()
    for _ in range(LOST_MACHINES):
        up = project.up()
        camp.wait_landed(project, 2)
        # Nothing lands any more, but copies for the archive are still taken.
        proxy.plan = lambda seen: Fault.DROP_BEFORE if seen.method == "PUT" and "/data/" in seen.path else Fault.NONE
        camp.wait(lambda: len(project.waiting()) >= 2, "answers wait")
        camp.kill(project, up)
        for file in project.waiting():
            gone.append(1)
            if not camp.more:
                # What waited on that disk is gone with it, which the promise leaves out in so many words.
                camp.accepted -= set(read_spool(file)[2])
                camp.cuts += 1
        shutil.rmtree(project.folder / ".coleta")
        proxy.plan = lambda seen: Fault.NONE
    camp.rest()
