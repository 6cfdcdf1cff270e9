"""Stage 3 at work: read what a record names byte by byte. Read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from coleta.audit.finding import Finding
from coleta.audit.share import Share
from coleta.collect.spool import Header, NewerFormat, parse
from coleta.errors import Corrupt, WrongQuestion
from coleta.land.inspect import NOT_STAMPED, inspect_object, stamp_of
from coleta.land.quarantine import lines_in
from coleta.land.record import Account, Record
from coleta.ports import ObjectStore
from coleta.runtime.log import Footer

QUICK, LOG, DATA, REPLAY = range(4)
"""The levels of an audit: the newest commits; the log; all bytes; archived answers decoded again."""


@dataclass(frozen=True, slots=True)
class Deep:
    """How far an audit goes beyond the log: ``share`` of all bytes are read; with ``replay`` answers decoded again."""

    share: Share = field(default_factory=Share)
    replay: bool = False


def deep_of(level: int, subset: str | None) -> Deep | None:
    """What level 2 or 3 reads, all of it or the part `subset`, such as ``2/7``; None for the levels below.

    Raises:
        WrongQuestion: `subset` is no part of a whole, or the level reads nothing that has parts.

    """
    if level < DATA:
        if subset is not None:
            raise WrongQuestion("only levels 2 and 3 can be asked for a part", hint="without it all is looked at")
        return None
    return Deep(Share() if subset is None else Share.of(subset), replay=level >= REPLAY)


class Inspector:
    """Reads the objects and files of one log. Memory is bounded by the largest of them."""

    def __init__(self, store: ObjectStore, deep: Deep) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._deep = deep
        self.unstamped = 0
        self.replayed = 0

    def object(self, footer: Footer, body: bytes) -> Iterator[Finding]:
        """Whatever is wrong with a data object, and with the files that its record names."""
        committed = footer.committed
        wrong = list(inspect_object(body, committed.record, retired=footer.retired))
        seq = committed.record.seq
        yield from (Finding("damage", "changed_object", committed.name, what, seq) for what in wrong)
        if not wrong and stamp_of(body) is None:
            self.unstamped += 1
        yield from self._quarantine(committed.record)
        yield from self._archive(committed.record, None if wrong or footer.retired else body)

    def _quarantine(self, record: Record) -> Iterator[Finding]:
        for file in record.quarantine:
            body = self._store.read(file.path)
            if body is None:
                continue  # whether it may be missing is known at the log's end
            if hashlib.sha256(body).hexdigest() != file.sha256:
                yield Finding("damage", "changed_quarantine", file.path, _OTHER_BYTES, record.seq)
            elif file.holds == "records" and lines_in(body) != file.count:
                what = f"law 9: its record counts {file.count} lines in it, there are {lines_in(body)}"
                yield Finding("damage", "broken_law", file.path, what)

    def _archive(self, record: Record, object_body: bytes | None) -> Iterator[Finding]:
        """Whatever is wrong with the archived answers of `record`; replayed, where the rows at hand are right."""
        from coleta.land.replay import landed_rows  # late: it brings pyarrow, and status knows this module, too

        rows: dict[str | None, tuple[Account, str]] = {}
        if self._deep.replay and record.archive and record.kind == "batch" and object_body is not None:
            rows = {account.answer: (account, content) for account, content in landed_rows(object_body, record)}
        for file in record.archive:
            stored = self._store.read(file.path)
            if stored is None:
                continue
            if hashlib.sha256(stored).hexdigest() != file.sha256:
                yield Finding("damage", "changed_archive", file.path, _OTHER_BYTES, record.seq)
            elif file.answer in rows:
                yield from self._replay(file.path, stored, record.terms, *rows[file.answer])

    def _replay(self, path: str, stored: bytes, terms: str, was: Account, content: str) -> Iterator[Finding]:
        from coleta.land.replay import difference, replayed

        self.replayed += 1
        try:
            now, again = replayed(path, stored, was, terms)
        except Corrupt as error:
            yield Finding("damage", "replay_failed", path, error.what)
            return
        other = difference(was, now) or ("its rows are other values" if again != content else None)
        if other is not None:
            yield Finding("damage", "replay_differs", path, f"decoded again it gives something else: {other}")

    def spool_files(self, folder: str, names: Iterator[str]) -> Iterator[Finding]:
        """Whatever is wrong with spool files in the store that no record names: they say themselves what is right."""
        for name in names:
            body = self._store.read(name) if self._deep.share.has_file(name) else None
            if body is None:
                continue
            try:
                contents = parse(name, body)
            except NewerFormat as error:
                yield Finding("warning", f"newer_{folder}", name, error.what)
            except Corrupt as error:
                yield Finding("damage", f"changed_{folder}", name, error.what)
            else:
                expected = _name_of(contents.header, contents.trailer.answer)
                if PurePosixPath(name).name != expected:
                    yield Finding("damage", f"changed_{folder}", name, f"what it holds is named {expected}")

    def at_the_end(self) -> Iterator[Finding]:
        """What was seen on the way and is told once."""
        if self.unstamped:
            yield Finding("warning", "not_stamped", f"{self.unstamped} objects", NOT_STAMPED)


_OTHER_BYTES = "its bytes do not have the digest that its record says"


def _name_of(header: Header, answer: str | None) -> str:
    return f"{header.tick.name if header.tick else ''}-{(answer or '')[:16]}.spool"
