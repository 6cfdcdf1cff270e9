"""Stage 3: do the books balance? Pure: what the store and the spool hold goes in, findings come out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from coleta.audit.account import holes
from coleta.audit.finding import Finding
from coleta.collect.coverage import Coverage
from coleta.collect.tick import Interval
from coleta.errors import Corrupt
from coleta.land.commit import IDENTITY_NAME, Head, Identity
from coleta.terms import canonical

OPEN_FOR = timedelta(days=1)
"""How long a hole is only open: a collector that is cut off from the store holds its answers for hours, and one
that makes up for an outage comes to an old tick in minutes. After a day nobody does, and a person must look."""


def check_identity(stored: bytes | None, remembered: bytes | None) -> Finding | None:
    """Check the identity that lies in the store against the one that this machine remembers, if it does."""
    if stored is None:
        return Finding("damage", "missing_identity", IDENTITY_NAME, "it says whose log this is, and it is not there")
    try:
        Identity.from_json(stored)
        again = canonical(msgspec.json.decode(stored))
    except Corrupt as error:
        return Finding("damage", "changed_identity", IDENTITY_NAME, f"it cannot be read: {error}")
    if remembered is not None and stored != remembered:
        return Finding("damage", "changed_identity", IDENTITY_NAME, "it is not the one that this machine remembers")
    if stored != again:
        return Finding("damage", "changed_identity", IDENTITY_NAME, "it is not written as Coleta writes it")
    return None


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

    Time after the newest outcome is only late (nobody collects now). A hole before it is open for a while,
    since another machine may hold its answer; then it is damage.
    """
    spooled = Coverage.of(waiting)
    known = head.settled.union(spooled)
    findings = []
    for hole in holes(head, until):
        for part in spooled.uncovered(hole):
            if known.end is None or part.start >= known.end:
                findings.append(Finding("warning", "late", str(part), "not asked yet: no collector has run since"))
                continue
            old = Interval(part.start, min(part.end, max(part.start, until - OPEN_FOR)))
            if not old.empty:
                findings.append(Finding("damage", "hole", str(old), _HOLE))
            if old.end < part.end:
                findings.append(Finding("warning", "open", str(Interval(old.end, part.end)), _OPEN))
    return findings


_HOLE = "no outcome for a day, and nothing for it waits in this spool; a running collector settles it"
_OPEN = "no outcome yet, and nothing for it waits in this spool: another machine may hold its answer, or is about to"


def check_spool(damaged: Iterable[str], held: Iterable[str], unread: Iterable[str] = ()) -> list[Finding]:
    """Report the spool files that cannot be landed."""
    findings = [Finding("damage", "damaged_spool", name, "an accepted answer fails its checks") for name in damaged]
    what = "the disk does not give an accepted answer now; it is left where it is, and read again"
    findings += [Finding("damage", "unreadable_spool", name, what) for name in unread]
    what = "it belongs to another log or a newer version, and is left untouched"
    findings += [Finding("warning", "held_spool", name, what) for name in held]
    return findings
