"""Stage 3: the laws of the log that one commit after the other must keep. Pure.

docs/reference/data-object-and-record.md lists them by number. ``Head.after`` holds what landing itself rests
on (1, 2, 4, 5, 7), and here stands the rest of what the records alone can show (1, 6, 8, 9, 11, 12, 13), written
from that page and not from what landing does, so that the two are held against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from coleta.audit.finding import Finding
from coleta.audit.names import Once
from coleta.collect.tick import RESOLUTION, Interval, format_instant, parse_instant
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity
from coleta.land.record import Account, Outcome, Record
from coleta.land.tally import Tally


class LogWalk:
    """Follows a log commit by commit, checking each against all before it. Keeps no commit."""

    def __init__(self, identity: Identity) -> None:
        """Begin before commit 1."""
        self.head = Head.genesis(identity)
        self.tally = Tally()
        self.terms: set[str] = set()
        self._identity = identity
        self._answers = Once()
        self._files = Once()
        self._redriven: dict[str, int] = {}

    def add(self, committed: Committed) -> Finding | None:
        """Take the next commit, or say why it cannot be the next."""
        before = self.head
        try:
            self.head = before.after(committed)
        except Corrupt as error:
            return Finding("damage", "broken_log", committed.name, error.what)
        record = committed.record
        self.tally.commit(record)
        self.terms.add(record.terms)
        for account in record.accounts:
            if account.answer is not None and record.kind == "batch":
                self._answers.add(account.answer, record.seq)
        for path, _ in _named(record):
            self._files.add(path, record.seq)
        return None

    def broken_laws(self, committed: Committed, before: Head) -> Iterator[Finding]:
        """The laws that `committed` breaks, although it continues the log from `before`."""
        step = Step(self._identity, before, committed.record)
        for number, law in LAWS.items():
            for what in law(step):
                yield _broken(number, committed.name, what)
        for path in committed.record.redrives:
            first = self._redriven.setdefault(path, committed.record.seq)
            if first != committed.record.seq:
                yield _broken(12, committed.name, f"{path} was taken up or given up by commit {first} already")

    def at_the_end(self) -> Iterator[Finding]:
        """The laws that only the whole log can show to be broken."""
        for seqs in self._answers.repeated():
            where = " and ".join(f"commit {seq}" for seq in seqs)
            yield _broken(8, where, "the same answer has an account in each")
        named = self._files.first(self._redriven)
        for path, seq in self._redriven.items():
            if named.get(path, seq) >= seq:
                yield _broken(12, f"commit {seq}", f"no earlier record names {path}")


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of the log, and what was known before it."""

    identity: Identity
    head: Head
    record: Record


def _broken(number: int, where: str, what: str) -> Finding:
    return Finding("damage", "broken_law", where, f"law {number}: {what}")


def _owner(step: Step) -> Iterator[str]:
    found, mine = (step.record.project, step.record.stream), (step.identity.project, step.identity.stream)
    if found != mine:
        yield f"it is of stream {found[1]!r} of project {found[0]!r}, the log of {mine[1]!r} of {mine[0]!r}"


def _settles(step: Step) -> Iterator[str]:
    for account in step.record.accounts:
        tick, parts = account.tick, account.settles
        if not parts and not tick.empty and step.record.kind != "redrive":
            yield f"tick {tick.name}: it settles nothing"
        if parts and step.record.kind == "redrive":
            yield f"tick {tick.name}: a redrive settles it again"
        end = tick.start
        for part in parts:
            if part.empty or part.start < end or part.end > tick.end:
                yield f"tick {tick.name}: {part} is empty, outside the tick, or out of order"
            end = part.end


def _answers(step: Step) -> Iterator[str]:
    named = [account.answer for account in step.record.accounts if account.answer is not None]
    yield from (f"the answer {answer} has {n} accounts" for answer, n in Counter(named).items() if n > 1)
    for account in step.record.accounts:
        if (account.answer is None) != (account.outcome is Outcome.GAP):
            yield f"tick {account.tick.name}: {account.outcome} and the answer {account.answer} contradict each other"


def _files(step: Step) -> Iterator[str]:
    record = step.record
    answers = {account.answer for account in record.accounts}
    lines: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    for file in record.quarantine:
        (lines if file.holds == "records" else pages)[file.answer] += file.count
    for path, answer in _named(record):
        if answer not in answers:
            yield f"{path} is of an answer that has no account here"
    for account in record.accounts:
        held, whole = lines[account.answer or ""], pages[account.answer or ""]
        if held != account.quarantined:
            yield f"tick {account.tick.name}: {account.quarantined} records quarantined, {held} in its files"
        no_data = account.outcome is Outcome.REJECTED and not account.received and record.kind == "batch"
        if whole != (account.pages if no_data else 0) and record.kind == "batch":
            yield f"tick {account.tick.name}: {whole} of its {account.pages} pages in the quarantine"


def _named(record: Record) -> Iterator[tuple[str, str]]:
    """The path of each file that `record` names, and the answer that it is of."""
    yield from ((file.path, file.answer) for file in record.quarantine)
    yield from ((file.path, file.answer) for file in record.archive)


def _carried(step: Step) -> Iterator[str]:
    state: tuple[str | None, Mapping[str, object] | None] = (step.head.answer, step.head.carried)
    for n, account in enumerate(step.record.accounts):
        mine, name = account.carried, account.tick.name
        before = (mine.before if mine is not None else None) or {}
        if account.outcome is Outcome.UNCHANGED and not before.get("validators"):
            yield f"tick {name}: unchanged, and no answer before it gave anything that this could be said by"
        if mine is not None:
            if (mine.parent, mine.before) != state:
                yield f"tick {name}: it does not begin with the state that the answer before it left"
            end = before.get("end")
            if isinstance(end, str) and not account.tick.empty and not _takes_up(step, n, end):
                yield f"tick {name}: it does not start where the state before it ends, {end}"
            state = (account.answer, mine.after)


def _takes_up(step: Step, number: int, end: str) -> bool:
    """Whether account `number` starts where the state before it ends, at `end`, or a later answer without state."""
    accounts, start = step.record.accounts, step.record.accounts[number].tick.start
    if end == format_instant(start):
        return True
    settled = (part for one in accounts[:number] if one.outcome is not Outcome.GAP for part in one.settles)
    answered = step.head.answered.union(settled)
    return parse_instant(end) < start and answered.covers(Interval(start - RESOLUTION, start))


def _kinds(step: Step) -> Iterator[str]:
    record = step.record
    bare = record.kind in ("turn", "expired", "moved")
    if bare and (record.rows or record.accounts or record.quarantine or record.archive):
        yield f"a record of kind {record.kind} has rows, accounts or files"
    if not bare and not record.accounts:
        yield f"a record of kind {record.kind} has no account"
    if (record.kind in ("redrive", "expired")) != bool(record.redrives):
        yield f"a record of kind {record.kind} names {len(record.redrives)} files in redrives"
    if (record.kind == "moved") != (record.goes_on is not None):
        yield f"a record of kind {record.kind} says where the log goes on, or does not"
    if record.wait is not None and record.kind != "turn":
        yield f"a record of kind {record.kind} asks to wait"
    if record.kind == "batch":
        yield from (what for account in record.accounts for what in _outcome(account))


def _outcome(account: Account) -> Iterator[str]:
    name, outcome = account.tick.name, account.outcome
    reasoned = outcome in (Outcome.GAP, Outcome.REJECTED)
    if (account.reason is not None) != reasoned:
        yield f"tick {name}: {outcome} with the reason {account.reason}"
    if outcome is Outcome.OK and not account.landed + account.deduplicated:
        yield f"tick {name}: ok, and no record landed or was a duplicate"
    if outcome in (Outcome.EMPTY, Outcome.UNCHANGED, Outcome.GAP) and account.received:
        yield f"tick {name}: {outcome}, and {account.received} records received"
    if outcome is Outcome.REJECTED and account.landed:
        yield f"tick {name}: rejected, and {account.landed} records landed"


LAWS: dict[int, Callable[[Step], Iterator[str]]] = {
    1: _owner,
    6: _settles,
    8: _answers,
    9: _files,
    11: _carried,
    13: _kinds,
}
"""Each gives a text for every way in which a commit breaks the law of that number."""
