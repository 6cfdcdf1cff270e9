"""The store behind a faulty network, away for minutes, or hanging while it is told to stop; and a disk that is full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.end_to_end.ledger_api import wait_until
from tests.s3.proxy import Fault, FaultyProxy, Plan, often

from proof.camps import LOOK_S, Camp
from proof.report import Line, Report
from proof.work import Skipped, Work

SHARE = 0.2
STOPS = 3
STOP_S = 10.0
FILLINGS = 3


def pass_time(seconds: float) -> None:
    """Let `seconds` go by."""
    until = monotonic() + seconds
    wait_until(lambda: monotonic() >= until, "time passes", within_s=seconds + 60, step_s=LOOK_S)


def faulty_network(work: Work, report: Report) -> None:
    """One of five requests to the bucket is dropped, cut, refused, delayed, doubled or corrupted."""
    began = monotonic()
    seconds = work.seconds or 60.0
    with FaultyProxy(work.s3.endpoint) as proxy:
        through = work.s3.at(proxy.url)
        camp = Camp(work.place(), work.api(seed=31), work.s3, through, ("s", "t"), store='timeout = "2s"')

        def go(camp: Camp) -> None:
            project = camp.project()
            up = project.up()
            camp.wait_landed(project)
            proxy.plan = often(SHARE, seed=1)
            pass_time(seconds)
            proxy.plan = lambda seen: Fault.NONE
            proxy.release()
            camp.wait_landed(project)
            camp.stop(project, up)
            camp.rest()

        camp.attempt(go)
        met = [seen for seen in proxy.seen if seen.fault is not Fault.NONE]
    note = f"{len(met)} of {len(proxy.seen)} requests went wrong, in {len({seen.fault for seen in met})} ways"
    report.lines.append(Line(f"a network that fails {SHARE:.0%}", camp.found, monotonic() - began, note))


def outage(work: Work, report: Report) -> None:
    """The bucket is away for minutes; what was collected meanwhile lands once it is back."""
    began = monotonic()
    seconds = work.seconds or 180.0
    drained = [0.0, 0.0]
    with FaultyProxy(work.s3.endpoint) as proxy:
        camp = Camp(work.place(), work.api(seed=32), work.s3, work.s3.at(proxy.url))

        def go(camp: Camp) -> None:
            project = camp.project()

            def left(backlog: set[str]) -> set[str]:
                return backlog & {file.name for file in project.waiting()}

            up = project.up()
            camp.wait_landed(project)
            proxy.plan = lambda seen: Fault.DROP_BEFORE
            pass_time(seconds / 2)
            camp.kill(project, up)
            up = project.up()
            pass_time(seconds / 2)
            backlog = {file.name for file in project.waiting()}
            proxy.plan = lambda seen: Fault.NONE
            since = monotonic()
            camp.wait(
                lambda: len(backlog & {file.name for file in project.waiting()}) < len(backlog), "it begins to land"
            )
            first = monotonic() - since
            camp.wait(lambda: not backlog & {file.name for file in project.waiting()}, "it is landed")
            drained[:] = first, monotonic() - since
            camp.stop(project, up)
            camp.rest()

        books = camp.attempt(go)
    gaps = sum(len(one.gaps) for one in books)
    note = f"{seconds:.0f} s away, killed once meanwhile; {gaps} gaps"
    note += f"; then the first landed after {drained[0]:.1f} s, all after {drained[1]:.1f} s"
    report.lines.append(Line("an outage of the store", camp.found, monotonic() - began, note))


def stop_while_uploading(work: Work, report: Report) -> None:
    """SIGTERM while a put is on its way and does not come to an end; it is stored later, or never answered."""
    began = monotonic()
    took = []
    with FaultyProxy(work.s3.endpoint) as proxy:
        camp = Camp(work.place(), work.api(seed=33), work.s3, work.s3.at(proxy.url), store='timeout = "30s"')

        def go(camp: Camp) -> None:
            project = camp.project()
            for number in range(STOPS):
                up = project.up()
                camp.wait_landed(project)
                begun = len(proxy.requests("PUT", "/data/"))
                slow = Fault.HANG_AFTER if number % 2 else Fault.STALL
                proxy.plan = lambda seen, slow=slow: (
                    slow if seen.method == "PUT" and "/data/" in seen.path else Fault.NONE
                )  # type: ignore[misc]
                camp.wait(lambda n=begun: len(proxy.requests("PUT", "/data/")) > n, "a put is on its way")  # type: ignore[misc]
                took.append(camp.stop(project, up, within_s=STOP_S))
                proxy.plan = lambda seen: Fault.NONE
                if number == STOPS - 1:
                    break
                proxy.release()
            # The last put arrives only now, while the next start is at work.
            up = project.up()
            camp.wait_landed(project)
            proxy.release()
            camp.wait_landed(project)
            camp.stop(project, up)
            camp.rest()

        camp.attempt(go, runs=STOPS)
    note = f"the longest stop took {max(took, default=0):.1f} s"
    report.lines.append(Line("SIGTERM while uploading", camp.found, monotonic() - began, note))


def _puts_that(fault: Fault) -> Plan:
    return lambda seen: fault if seen.method == "PUT" and "/data/" in seen.path else Fault.NONE


def full_disk(work: Work, report: Report) -> None:
    """The disk of the spool, and then that of the store, is full: a small file system that is really filled."""
    for what in ("spool", "store"):
        began = monotonic()
        folder = work.place()
        with _small_disk(folder / "small") as disk:
            camp = Camp(folder, work.api(seed=34, padding=20_000))

            def go(camp: Camp, disk: Path = disk, what: str = what) -> None:
                _fill_again_and_again(camp, disk, what)

            camp.attempt(go, runs=FILLINGS)
        note = "each time killed once while it was full"
        report.lines.append(Line(f"a full disk under the {what}", camp.found, monotonic() - began, note))


def _fill_again_and_again(camp: Camp, disk: Path, what: str) -> None:
    project = camp.project()
    if what == "spool":
        (project.folder / ".coleta").symlink_to(disk)
    else:
        project.lake.symlink_to(disk)
    up = project.up()
    camp.wait_landed(project)
    ballast = disk / "ballast"
    for _ in range(FILLINGS):
        _fill(ballast)
        # It is told once, as the trouble begins.
        camp.wait(lambda one=up: "the disk is full" in one.said() or "too little room" in one.said(), "it says so")  # type: ignore[misc]
        pass_time(2)
        camp.kill(project, up)
        up = project.up()
        pass_time(3)
        if up.process.poll() is not None:
            camp.found.blame(f"with a full disk it ended: {up.said()[-600:]}")
        ballast.unlink()
        camp.wait_landed(project, 2)
    camp.stop(project, up)
    camp.rest()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4_096)):
                pass
        except OSError:
            return


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except OSError as error:
        raise Skipped(f"mount cannot be run: {error}") from None
    if done.returncode:
        raise Skipped(f"only root can mount a small disk: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
