"""Stage 3: do the books balance? Pure: what the store and the spool hold goes in, findings come out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coleta.audit.account import holes
from coleta.collect.coverage import Coverage
from coleta.collect.tick import Interval
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity

Severity = Literal["damage", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. ``code`` is stable; ``where`` names an object, a file or a tick."""

    severity: Severity
    code: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Walk:
    """The log as far as it holds together: its head, its commits, and where it breaks, if it does."""

    head: Head
    commits: tuple[Committed, ...]
    broken: Finding | None = None


class LogWalk:
    """Follows a log commit by commit, checking each against all before it."""

    def __init__(self, identity: Identity) -> None:
        """Begin before commit 1."""
        self.head = Head.genesis(identity)
        self.commits: list[Committed] = []

    def add(self, committed: Committed) -> Finding | None:
        """Take the next commit, or say why it cannot be the next."""
        try:
            self.head = self.head.after(committed)
        except Corrupt as error:
            return Finding("damage", "broken_log", committed.name, error.what)
        self.commits.append(committed)
        return None


def check_names(commits: Sequence[Committed], listed: Iterable[str], head: Head) -> list[Finding]:
    """Compare the data objects that are listed with those that the log names."""
    known = {committed.name for committed in commits}
    findings = []
    for name in listed:
        if name not in known and name != head.next:
            what = "a data object that no record names: a reader of the folder sees its rows as well"
            findings.append(Finding("damage", "stray_object", name, what))
    return findings


def check_notes(commits: Iterable[Committed], listed: Iterable[str]) -> list[Finding]:
    """Compare the quarantine files that are listed with those that the records name."""
    found = set(listed)
    named = {file.path for committed in commits for file in committed.record.quarantine}
    findings = [
        Finding("damage", "missing_quarantine", path, "a record names this quarantine file, and it is not there")
        for path in sorted(named - found)
    ]
    unnamed = "no record names this file yet: a landing goes on now, or was interrupted"
    findings += [Finding("warning", "unnamed_quarantine", path, unnamed) for path in sorted(found - named)]
    return findings


def check_terms(digest: str, stored: bytes | None) -> Finding | None:
    """Check one terms file that records name."""
    where = f"_ledger/terms/{digest}.json"
    if stored is None:
        return Finding("damage", "missing_terms", where, "a record names these terms, and they are not there")
    if hashlib.sha256(stored).hexdigest() != digest:
        return Finding("damage", "changed_terms", where, "its bytes do not have the digest that names it")
    return None


def check_coverage(head: Head, waiting: Iterable[Interval], *, until: datetime) -> list[Finding]:
    """Find the time up to `until` that has no outcome, neither in the log nor waiting in the spool.

    Time after the newest outcome is only late (nobody collects now); a hole before it is damage.
    """
    spooled = Coverage.of(waiting)
    known = head.settled.union(spooled)
    findings = []
    for hole in holes(head, until):
        for part in spooled.uncovered(hole):
            late = known.end is None or part.start >= known.end
            findings.append(_late(part) if late else _hole(part))
    return findings


def _late(part: Interval) -> Finding:
    return Finding("warning", "late", str(part), "not asked yet: no collector has run since")


def _hole(part: Interval) -> Finding:
    what = "no outcome, and nothing for it waits in this spool; a running collector settles it"
    return Finding("damage", "hole", str(part), what)


def check_spool(damaged: Iterable[str], held: Iterable[str]) -> list[Finding]:
    """Report the spool files that cannot be landed."""
    findings = [Finding("damage", "damaged_spool", name, "an accepted answer fails its checks") for name in damaged]
    what = "it belongs to another log or a newer version, and is left untouched"
    findings += [Finding("warning", "held_spool", name, what) for name in held]
    return findings
