"""What of a stream's quarantine is still open, learned from its commits. Pure.

A file is open from the record that names it until a ``redrive`` record takes it up or an ``expired`` one gives
it up. That happens once at most in a log: ``check_redrives`` is that law. It is asked of commits and not of the
``Head``, which must stay small: a log may have named a million files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from coleta.errors import Corrupt
from coleta.land.commit import Committed
from coleta.land.record import Account, QuarantineFile


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one answer that have landed: `count` rows of the data object `name`, from the row `start` on."""

    name: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Jailed:
    """What of one answer is in the quarantine: its open files, its first account, and the rows it has landed.

    ``shared`` says that another answer has one of these files too, so that it cannot be taken up for one alone.
    """

    account: Account
    files: tuple[QuarantineFile, ...] = ()
    rows: tuple[Rows, ...] = ()
    shared: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The names of its files, each once: two pages with the same bytes have one file."""
        return tuple(dict.fromkeys(file.path for file in self.files))

    @property
    def is_pages(self) -> bool:
        """Whether it is a whole answer that was no data, page by page."""
        return any(file.holds == "page" for file in self.files)

    @property
    def day(self) -> date:
        """The date of its tick, and so of the folder that its rows land in."""
        return self.account.tick.date


@dataclass(slots=True)
class Jail:
    """The open part of a quarantine, commit by commit."""

    seq: int = 0
    _open: dict[str, Jailed] = field(default_factory=dict)
    _owners: dict[str, set[str]] = field(default_factory=dict)

    def add(self, committed: Committed) -> None:
        """Learn the next commit; one that is known already changes nothing."""
        record = committed.record
        if record.seq <= self.seq:
            return
        self.seq = record.seq
        for path in record.redrives:
            for answer in self._owners.pop(path, set()):
                self._lift(answer, path)
        begun = {file.answer for file in record.quarantine}
        start = 0
        for account in record.accounts:
            answer = account.answer or ""
            if answer in begun or answer in self._open:
                known = self._open.get(answer) or Jailed(account)
                rows = (*known.rows, Rows(committed.name, start, account.landed)) if account.landed else known.rows
                self._open[answer] = replace(known, rows=rows)
            start += account.landed
        for file in record.quarantine:
            known = self._open[file.answer]
            self._open[file.answer] = replace(known, files=(*known.files, file))
            self._owners.setdefault(file.path, set()).add(file.answer)

    def _lift(self, answer: str, path: str) -> None:
        known = self._open[answer]
        # An answer without open files stays known: what still breaks of it comes with this very record.
        self._open[answer] = replace(known, files=tuple(file for file in known.files if file.path != path))

    def jailed(self) -> list[Jailed]:
        """Every answer with open files, in the order of ticks."""
        found = [
            replace(one, shared=any(len(self._owners[path]) > 1 for path in one.paths))
            for one in self._open.values()
            if one.files
        ]
        return sorted(found, key=lambda one: (one.account.tick.end, one.account.answer or ""))


def jail_of(commits: Iterable[Committed]) -> Jail:
    """What is open after `commits`, which are a log from its beginning."""
    jail = Jail()
    for committed in commits:
        jail.add(committed)
    return jail


def settled_files(commits: Iterable[Committed]) -> dict[str, str]:
    """Each quarantine file that is open no more, and the kind of the record that says so."""
    return {path: one.record.kind for one in commits for path in one.record.redrives}


def check_redrives(committed: Committed, earlier: Iterable[Committed]) -> None:
    """The law of the quarantine: a file is taken up, or given up, once at most, after a record that names it.

    Raises:
        Corrupt: `committed` breaks it, judged by the commits before it.

    """
    wanted = set(committed.record.redrives)
    if not wanted:
        return
    named: set[str] = set()
    taken: set[str] = set()
    for one in earlier:
        named.update(file.path for file in one.record.quarantine if file.path in wanted)
        named.update(file.path for file in one.record.archive if file.path in wanted)
        taken.update(path for path in one.record.redrives if path in wanted)
    _refuse(committed.name, "takes up a file that no record before it names", wanted - named)
    _refuse(committed.name, "takes up a file for a second time", wanted & taken)


def _refuse(name: str, what: str, paths: Iterable[str]) -> None:
    for path in sorted(paths)[:1]:
        raise Corrupt(f"it {what}: {path}", where=name, hint="coleta verify tells more")
