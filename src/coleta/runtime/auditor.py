"""Stage 3 at work: read the whole log and what it names, and report. Read-only; takes no lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, pairwise

from coleta.audit.account import totals
from coleta.audit.finding import MOST_OF_A_KIND, Finding, Findings
from coleta.audit.laws import LogWalk
from coleta.audit.names import Listed
from coleta.audit.verify import check_coverage, check_identity, check_spool, check_terms
from coleta.collect.cadence import Cadence, newest
from coleta.errors import Corrupt
from coleta.land.commit import IDENTITY_NAME, Committed, Identity
from coleta.land.tally import Totals
from coleta.ports import Index, ObjectStore, SpoolContents, Table
from coleta.runtime.inspector import DATA, LOG, QUICK, REPLAY, Deep, Inspector
from coleta.runtime.log import Footer, footer_in, read_footer
from coleta.runtime.recent import RECENT, still_there
from coleta.runtime.rolled import KeptLog, RolledLog
from coleta.runtime.tabled import look
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
    replayed: int = 0
    """How many archived answers were decoded again."""

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
    remembered: bytes | None = None
    """The log's identity as this machine has kept it, byte by byte; None where it has never collected."""
    table: Table | None = None
    mark: bytes | None = None
    """The stream's table, where it has one, and what this machine remembers of it."""


FILES = ("_quarantine/", "_archive/")
"""Where the files lie that records name."""


def quick(evidence: Evidence) -> Report:
    """L0: the spool's checksums, and the newest records against what this machine remembers.

    Raises:
        StoreUnavailable: the store could not be read.

    """
    findings = _spool(evidence)
    recent = list(evidence.index.commits(newest=RECENT))
    for committed in recent:
        finding = still_there(evidence.store, committed)
        if finding is not None:
            findings.append(finding)
    for before, after in pairwise(recent):
        if after.record.prev != before.digest:
            findings.append(Finding("damage", "broken_log", after.name, "it does not continue the record before it"))
    if evidence.table is not None:
        seen = look(evidence.table, evidence.identity.uuid, evidence.mark, count=False)
        for committed in recent:
            seen.meet(committed, evidence.now)
        findings += seen.watermark()
    sums = totals(account for committed in recent for account in committed.record.accounts)
    return _report(evidence, QUICK, len(recent), sums, findings)


def whole(
    evidence: Evidence,
    *,
    deep: Deep | None = None,
    progress: Callable[[int], None] = lambda seq: None,
    most: int = MOST_OF_A_KIND,
) -> Report:
    """L1: every record in order, every object named, every tick's outcome, every law that records alone can show.

    `deep` reads, beyond the records, the bytes of what they name: L2, and L3 with its replay. `progress` is told the
    number of each commit read. No commit is kept: memory is some 40 bytes for each, and the largest object. Of each
    kind of finding `most` are told one by one.

    Raises:
        StoreUnavailable: the store could not be read.

    """
    audit = _Audit(evidence, deep, most)
    audit.follow(progress)
    audit.close()
    return audit.report(LOG if deep is None else REPLAY if deep.replay else DATA)


class _Audit:
    """One audit of a whole log, step by step."""

    def __init__(self, evidence: Evidence, deep: Deep | None, most: int) -> None:
        """Look at what can be seen before the log is followed.

        Landing goes on meanwhile: all that is listed and remembered now the walk must meet, and what comes
        later it may. What a record names lies there before the record does.
        """
        store = evidence.store
        self._evidence = evidence
        self._findings = Findings(most)
        self._findings.add(_spool(evidence))
        self._found(check_identity(store.read(IDENTITY_NAME), evidence.remembered))
        self._remembered = evidence.index.head()
        self._data = Listed(store.names("data/"))
        self._files = Listed(chain.from_iterable(store.names(folder) for folder in FILES))
        self._rolled, self._kept = RolledLog(store, evidence.identity), KeptLog(store, evidence.identity)
        self._missing: dict[str, tuple[str, int]] = {}
        self._walk = LogWalk(evidence.identity)
        self._share = None if deep is None else deep.share
        self._inspector = Inspector(store, deep or Deep())
        self._broken = self._retired = False
        table, uuid = evidence.table, evidence.identity.uuid
        self._table = None if table is None else look(table, uuid, evidence.mark, count=True)

    def follow(self, progress: Callable[[int], None]) -> None:
        """Read the log from its beginning, as far as it holds together."""
        while (committed := self._next()) is not None:
            self._data.meet(committed.name)
            self._name_files(committed)
            self._findings.add(self._kept.check(committed, self._walk.head))
            if self._table is not None:
                self._table.meet(committed, self._evidence.now, retired=self._retired)
            progress(self._walk.head.seq)

    def close(self) -> None:
        """Look at all that only the whole log can show."""
        store, walk = self._evidence.store, self._walk
        self._findings.add(chain(walk.at_the_end(), self._rolled.at_the_end(), self._unnamed_objects()))
        for path, (folder, seq) in self._missing.items():
            # A listing is only a hint: the name decides.
            if store.size(path) is None:
                what = "a record names this file, and it is not there"
                self._found(Finding("damage", f"missing_{folder}", path, what, seq))
        if not self._broken:
            self._findings.add(chain(self._kept.at_the_end(), self._unnamed_files()))
            self._findings.add(self._open_time())
            if self._table is not None:
                self._findings.add(self._table.at_the_end(walk.head.seq))
        if walk.head.moved_to is not None:
            what = f"the log has ended here, and goes on at {walk.head.moved_to}: give the stream that place"
            self._found(Finding("warning", "moved", walk.head.next, what))
        if self._share is not None:
            self._findings.add(self._inspector.spool_files("superseded", store.names("_superseded/")))
            self._findings.add(self._inspector.spool_files("archive", self._files.strangers(store.names("_archive/"))))
            self._findings.add(self._inspector.at_the_end())
        for digest in sorted(walk.terms):
            self._found(check_terms(digest, store.read(f"_ledger/terms/{digest}.json")))

    def report(self, level: int) -> Report:
        """What was found."""
        report = _report(self._evidence, level, self._walk.head.seq, self._walk.tally.totals(), self._findings)
        return replace(report, replayed=self._inspector.replayed)

    def _found(self, finding: Finding | None) -> None:
        self._findings.add(() if finding is None else (finding,))

    def _next(self) -> Committed | None:
        """The next commit, taken by the walk; a bad one is told, and stepped over where this machine remembers it."""
        name, before = self._walk.head.next, self._walk.head
        wrong: Finding | None
        footer, body = None, None
        try:
            footer, body = self._read(name, before.seq + 1)
        except Corrupt as error:
            wrong = Finding("damage", "unreadable_object", name, error.what)
        else:
            if footer is None and (before.moved_to or not self._is_remembered(before.seq + 1)):
                # Where it goes on, others have the numbers that would come next.
                return None
            what = "it was committed, and it is not there"
            wrong = self._walk.add(footer.committed) if footer else Finding("damage", "missing_object", name, what)
        self._retired = footer is not None and footer.retired
        if wrong is None and footer is not None:
            self._findings.add(self._walk.broken_laws(footer.committed, before))
            self._findings.add(self._rolled.check(before.seq + 1, footer, body))
            self._found(self._other_history(footer.committed))
            if body is not None:
                self._findings.add(self._inspector.object(footer, body))
            return footer.committed
        self._found(None if wrong is None else replace(wrong, seq=before.seq + 1))
        known = self._recall(before.seq + 1)
        if known is None or self._walk.add(known) is not None:
            self._broken = True
            return None
        return known

    def _other_history(self, committed: Committed) -> Finding | None:
        """Whether this machine remembers another commit in this one's place, which the store has lost."""
        head, seq = self._remembered, committed.record.seq
        if head is None or not self._is_in_index(seq) or head.seq != seq or head.digest == committed.digest:
            return None
        what = "the log holds together, and this machine remembers another: the store has lost what was landed from it"
        return Finding("damage", "other_history", committed.name, what, seq)

    def _read(self, name: str, seq: int) -> tuple[Footer | None, bytes | None]:
        """What the end of object `seq` says, and all its bytes where they are to be looked at."""
        if self._share is None or not self._share.has_commit(seq):
            return read_footer(self._evidence.store, name), None
        body = self._evidence.store.read(name)
        return (None, None) if body is None else (footer_in(name, body, whole=True), body)

    def _is_remembered(self, seq: int) -> bool:
        return seq <= self._rolled.until or self._is_in_index(seq)

    def _is_in_index(self, seq: int) -> bool:
        head = self._remembered
        return head is not None and head.uuid == self._evidence.identity.uuid and head.seq >= seq

    def _recall(self, seq: int) -> Committed | None:
        """Commit `seq` as this machine, or a roll-up, remembers it."""
        if self._remembered is None or not self._is_in_index(seq):
            return self._rolled.recall(seq)
        newest = self._evidence.index.commits(newest=self._remembered.seq - seq + 1)
        return next((known for known in newest if known.record.seq == seq), None) or self._rolled.recall(seq)

    def _name_files(self, committed: Committed) -> None:
        record = committed.record
        if record.kind == "expired":
            for path in record.redrives:
                self._files.meet(path)
                self._missing.pop(path, None)
        for named, folder in ((record.quarantine, "quarantine"), (record.archive, "archive")):
            for file in named:
                if not self._files.meet(file.path):
                    self._missing[file.path] = folder, record.seq

    def _unnamed_objects(self) -> Iterator[Finding]:
        if self._broken and self._data.unmet:
            what = f"the log breaks here, and {self._data.unmet} data objects cannot be reached from it"
            yield Finding("damage", "unreachable", self._walk.head.next, what)
            return
        what = "a data object that no record names: a reader of the folder sees its rows as well"
        for name in self._data.strangers(self._evidence.store.names("data/")):
            if name != self._walk.head.next:
                yield Finding("damage", "stray_object", name, what)

    def _unnamed_files(self) -> Iterator[Finding]:
        what = "no record names this file yet: a landing goes on now, or was interrupted"
        store = self._evidence.store
        for folder in FILES:
            for name in self._files.strangers(store.names(folder)):
                # An archived answer whose tick others had settled first has its end in another folder.
                if folder == "_quarantine/" or store.size(name.replace(folder, "_superseded/", 1)) is None:
                    yield Finding("warning", f"unnamed_{folder.strip('_/')}", name, what)

    def _open_time(self) -> list[Finding]:
        evidence = self._evidence
        if self._walk.head.moved_to is not None:
            return []  # later time has its outcomes where the log goes on
        waiting = (interval for entry in evidence.spool.waiting for interval in entry.intervals)
        cadence = Cadence.of(evidence.stream)
        # A tick ends at an instant of the grid: what is after the newest whose deadline has passed is no tick yet.
        until = newest(cadence.schedule, evidence.now - cadence.deadline - cadence.delay - cadence.phase)
        return check_coverage(self._walk.head, waiting, until=until)


def _spool(evidence: Evidence) -> list[Finding]:
    return check_spool(evidence.spool.damaged, evidence.spool.held, evidence.spool.unread)


def _report(evidence: Evidence, level: int, objects: int, sums: Totals, findings: Iterable[Finding]) -> Report:
    return Report(
        stream=evidence.stream.name,
        level=level,
        objects=objects,
        totals=sums,
        superseded=sum(1 for _ in evidence.store.names("_superseded/")),
        waiting=len(evidence.spool.waiting),
        findings=tuple(findings),
    )
