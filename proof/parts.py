"""The parts by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from proof.crowds import lost_machine, one_spool, two_on_one_bucket
from proof.figures import acceptance, drain, ready, requests
from proof.kills import Strikes
from proof.outages import faulty_network, full_disk, outage, stop_while_uploading
from proof.report import Report
from proof.sites import obstacle
from proof.stages import Backlog, Bucket, FirstStart, Service, Stage
from proof.work import Skipped, Work

RUNS = 2_000

Part = Callable[[Work, Report], None]
"""Does its work, and adds what it found to the report."""


def _strikes(how: str) -> Part:
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


PARTS: dict[str, Part] = {
    "kills": _strikes("signal=KILL"),
    "eio": _strikes("error=EIO"),
    "enospc": _strikes("error=ENOSPC"),
    "disk": full_disk,
    "stop": stop_while_uploading,
    "two": two_on_one_bucket,
    "spool": one_spool,
    "machine": lost_machine,
    "network": faulty_network,
    "outage": outage,
    "acceptance": acceptance,
    "ready": ready,
    "backlog": drain,
    "requests": requests,
}
