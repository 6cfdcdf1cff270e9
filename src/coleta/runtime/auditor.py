"""Stage 3 at work: read the whole log and what it names, and report. Read-only; takes no lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from coleta.audit.account import Totals, totals
from coleta.audit.verify import (
    Finding,
    LogWalk,
    check_coverage,
    check_names,
    check_notes,
    check_spool,
    check_terms,
)
from coleta.collect.cadence import Cadence, newest
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Identity
from coleta.ports import Index, ObjectStore, SpoolContents
from coleta.runtime.log import read_commit
from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit of one stream found; sound if no finding is damage."""

    stream: str
    level: int
    objects: int
    totals: Totals
    superseded: int
    waiting: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no damage; warnings do not count."""
        return all(finding.severity != "damage" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an audit looks at."""

    stream: Stream
    identity: Identity
    store: ObjectStore
    index: Index
    spool: SpoolContents
    now: datetime


RECENT = 100
"""How many of the newest commits L0 reads again: an hour and a half of minutes, in well under a second."""


def quick(evidence: Evidence) -> Report:
    """L0: the spool's checksums, and the newest records against what this machine remembers.

    Raises:
        StoreUnavailable: the store could not be read.

    """
    findings = check_spool(evidence.spool.damaged, evidence.spool.held)
    recent = list(evidence.index.commits(newest=RECENT))
    for committed in recent:
        finding = _still_there(evidence.store, committed)
        if finding is not None:
            findings.append(finding)
    for before, after in pairwise(recent):
        if after.record.prev != before.digest:
            findings.append(Finding("damage", "broken_log", after.name, "it does not continue the record before it"))
    return _report(evidence, 0, recent, findings)


def whole(evidence: Evidence, *, progress: Callable[[int], None] = lambda seq: None) -> Report:
    """L1: every record in order, every object named, every tick's outcome, both laws.

    `progress` is told the number of each commit read.

    Raises:
        StoreUnavailable: the store could not be read.

    """
    findings = check_spool(evidence.spool.damaged, evidence.spool.held)
    # Before the walk, since landing goes on meanwhile: all that is listed and remembered now the walk
    # must meet, and what comes later it may.
    remembered = evidence.index.head()
    listed = list(evidence.store.names("data/"))
    walk = LogWalk(evidence.identity)
    broken = _walk(evidence.store, walk, progress)
    if broken is not None:
        findings.append(broken)
    if remembered is not None and remembered.uuid == walk.head.uuid and remembered.seq > walk.head.seq:
        what = f"this machine remembers commit {remembered.seq}; the log ends at {walk.head.seq}"
        findings.append(Finding("damage", "lost_commits", walk.head.next, what))
    findings += check_names(walk.commits, listed, walk.head)
    # After the walk: what a record names lies there before the record does.
    findings += check_notes(walk.commits, evidence.store.names("_quarantine/"))
    for digest in sorted({committed.record.terms for committed in walk.commits}):
        finding = check_terms(digest, evidence.store.read(f"_ledger/terms/{digest}.json"))
        if finding is not None:
            findings.append(finding)
    waiting = (interval for entry in evidence.spool.waiting for interval in entry.intervals)
    cadence = Cadence.of(evidence.stream)
    # A tick ends at an instant of the grid: what is after the newest whose deadline has passed is no tick yet.
    until = newest(cadence.schedule, evidence.now - cadence.deadline - cadence.delay - cadence.phase)
    findings += check_coverage(walk.head, waiting, until=until)
    return _report(evidence, 1, walk.commits, findings)


def _walk(store: ObjectStore, walk: LogWalk, progress: Callable[[int], None]) -> Finding | None:
    while True:
        try:
            committed = read_commit(store, walk.head.next)
        except Corrupt as error:
            return Finding("damage", "unreadable_object", walk.head.next, error.what)
        if committed is None:
            return None
        finding = walk.add(committed)
        if finding is not None:
            return finding
        progress(walk.head.seq)


def _still_there(store: ObjectStore, committed: Committed) -> Finding | None:
    try:
        found = read_commit(store, committed.name)
    except Corrupt as error:
        return Finding("damage", "unreadable_object", committed.name, error.what)
    if found is None:
        return Finding("damage", "missing_object", committed.name, "it was committed, and it is not there")
    if found.digest != committed.digest:
        return Finding("damage", "changed_object", committed.name, "its record is not the one that was committed")
    return None


def _report(evidence: Evidence, level: int, commits: list[Committed], findings: list[Finding]) -> Report:
    return Report(
        stream=evidence.stream.name,
        level=level,
        objects=len(commits),
        totals=totals(account for committed in commits for account in committed.record.accounts),
        superseded=sum(1 for _ in evidence.store.names("_superseded/")),
        waiting=len(evidence.spool.waiting),
        findings=tuple(findings),
    )
