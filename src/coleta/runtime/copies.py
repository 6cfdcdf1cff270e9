"""Stage 3 at work, for a repair: where the right bytes of something may still be found, each proved before it is told.

The proof is always the log's: a digest that a record, the next record, a roll-up or a name says. Read-only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from coleta.collect.spool import Contents, parse
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head
from coleta.land.inspect import inspect_object
from coleta.land.record import ArchiveFile, QuarantineFile, decode_record, record_digest
from coleta.land.replay import replayed_quarantine
from coleta.land.rollup import ROLL_UP_COMMITS, RolledObject, decode_rollup, rollup_name
from coleta.ports import Aside, ObjectStore
from coleta.runtime.archive import archive_name
from coleta.runtime.auditor import Evidence
from coleta.runtime.log import Footer, footer_in, read_commit
from coleta.terms import Terms, canonical

MOST_LOST = 10_000
"""How many objects in a row may be missing and still be taken from a copy: a week of minutes."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes that are proved to be the right ones for ``name``, and where they were found."""

    name: str
    body: bytes
    origin: str


class Copies:
    """Looks in what is at hand: this machine's spool, the store itself, and another place if there is one."""

    def __init__(
        self, evidence: Evidence, aside: Aside, other: ObjectStore | None, *, commits: int = ROLL_UP_COMMITS
    ) -> None:
        """Prepare; `other` is the stream's store at another place, `commits` what a roll-up holds."""
        self._evidence = evidence
        self._aside = aside
        self._other = other
        self._commits = commits

    def identity(self, name: str) -> Copy | None:
        """The identity as this machine remembers it, byte by byte, if its log lies there."""
        known, identity = self._evidence.remembered, self._evidence.identity
        # In an empty store, which may be there in place of another, it would let a second log begin.
        first = self._there(Head.genesis(identity).next)
        if known is None or first is None or first.record.uuid != identity.uuid:
            return None
        return Copy(name, known, "what this machine remembers")

    def terms(self, name: str) -> Copy | None:
        """The terms file `name`, whose name is the digest of its bytes."""
        digest = name.rpartition("/")[2].removesuffix(".json")
        for terms, origin in self._known_terms(digest):
            if terms.digest == digest:
                return Copy(name, canonical(terms), origin)
        return self._from_other(name, digest)

    def file(self, name: str, seq: int) -> Copy | None:
        """The quarantine or archive file `name` that commit `seq` names with its sha256."""
        committed = self.commit(seq)
        if committed is None:
            return None
        named: tuple[QuarantineFile | ArchiveFile, ...] = (*committed.record.quarantine, *committed.record.archive)
        for file in named:
            if file.path == name:
                return self._from_other(name, file.sha256) or self._made(file, committed)
        return None

    def object(self, name: str, seq: int, back: Container[str] = ()) -> Copy | None:
        """The data object of commit `seq`, if this machine or a roll-up knows what it was, and the log agrees.

        `back` are the objects that are missing, too, and will be put before it.
        """
        known = self.commit(seq)
        if known is None or known.name != name or not self._is_in_place(known, back):
            return None
        return self._object(known)

    def commit(self, seq: int) -> Committed | None:
        """Commit `seq` as this machine, or its roll-up, knows it."""
        head = self._evidence.index.head()
        if head is not None and head.uuid == self._evidence.identity.uuid and seq <= head.seq:
            newest = self._evidence.index.commits(newest=head.seq - seq + 1)
            found = next((known for known in newest if known.record.seq == seq), None)
            if found is not None:
                return found
        rolled = self._rolled(seq)
        if rolled is None:
            return None
        text = rolled.record.encode()
        return Committed(rolled.name, decode_record(rolled.name, text), record_digest(text))

    def lost_chain(self, head: Head) -> list[Committed]:
        """The commits after `head` that the store lacks and the other place has, up to one that the store still has.

        That one names the last of them by its digest, so all of them are proved. Empty where it is not so.
        """
        if self._other is None:
            return []
        found: list[Committed] = []
        for _ in range(MOST_LOST):
            if found and self._continues(head):
                return found
            body = self._other.read(head.next)
            footer = None if body is None else _footer(head.next, body)
            if body is None or footer is None or not _is_right(body, footer, None):
                return []
            try:
                head = head.after(footer.committed)
            except Corrupt:
                return []
            found.append(footer.committed)
        return []

    def of_chain(self, committed: Committed) -> Copy | None:
        """The object of a commit that ``lost_chain`` gave."""
        return self._object(committed)

    def _is_in_place(self, known: Committed, back: Container[str]) -> bool:
        """Whether its neighbours in the store name it: a store that was restored may have gone on otherwise."""
        record = known.record
        links: list[bool] = []
        if record.seq == 1:
            links.append(known.name == Head.genesis(self._evidence.identity).next)
        elif (before := self.commit(record.seq - 1)) is not None:
            there = self._there(before.name)
            if there is not None or before.name in back:
                links.append((there or before).digest == record.prev)
        if (after := self._there(record.next)) is not None:
            links.append(after.record.prev == known.digest)
        return bool(links) and all(links)

    def _there(self, name: str) -> Committed | None:
        try:
            return read_commit(self._evidence.store, name)
        except Corrupt:
            return None

    def _continues(self, head: Head) -> bool:
        there = self._there(head.next)
        try:
            return there is not None and bool(head.after(there))
        except Corrupt:
            return False

    def _object(self, known: Committed) -> Copy | None:
        body = None if self._other is None else self._other.read(known.name)
        footer = None if body is None else _footer(known.name, body)
        if body is None or footer is None or footer.committed.digest != known.digest:
            return None
        return Copy(known.name, body, "the copy") if _is_right(body, footer, self._rolled(known.record.seq)) else None

    def _rolled(self, seq: int) -> RolledObject | None:
        """What its roll-up says of commit `seq`."""
        name = rollup_name(-(-seq // self._commits) * self._commits)
        stored = self._evidence.store.read(name)
        try:
            found = None if stored is None else decode_rollup(name, stored)
        except Corrupt:
            return None
        if found is None or found.uuid != self._evidence.identity.uuid or not found.first <= seq <= found.last:
            return None
        return found.objects[seq - found.first]

    def _known_terms(self, digest: str) -> Iterator[tuple[Terms, str]]:
        evidence = self._evidence
        yield evidence.stream.terms, "coleta.toml as it is now"
        headers = [one.header for one in evidence.spool.waiting]
        headers += [one.header for one in evidence.spool.lost if one.header is not None]
        yield from ((header.terms, "a file in the spool") for header in headers)
        for committed in evidence.index.commits():
            if committed.record.terms == digest:
                for file in committed.record.archive:
                    for stored in self._stored([file.path]):
                        contents = _parsed(file.path, stored)
                        if contents is not None:
                            yield contents.header.terms, "an archived answer"

    def _from_other(self, name: str, sha256: str) -> Copy | None:
        body = None if self._other is None else self._other.read(name)
        return Copy(name, body, "the copy") if body is not None and _has(body, sha256) else None

    def _made(self, file: QuarantineFile | ArchiveFile, committed: Committed) -> Copy | None:
        """The file as the answer that it is of gives it, if the answer's own bytes are at hand."""
        account = next((one for one in committed.record.accounts if one.answer == file.answer), None)
        if account is None:
            return None
        name = archive_name(account.tick, file.answer)
        short = name.rpartition("/")[2].removesuffix(".spool")
        for stored in self._answers(name, short):
            if isinstance(file, ArchiveFile):
                if _has(stored, file.sha256):
                    return Copy(file.path, stored, "a copy of the answer")
                continue
            if committed.record.kind != "batch":
                continue
            try:
                made = replayed_quarantine(name, stored, account, committed.record.terms)
            except Corrupt:
                continue
            for one in made:
                if (one.file.path, one.file.sha256) == (file.path, file.sha256):
                    return Copy(file.path, one.body, "the answer, decoded again")
        return None

    def _answers(self, name: str, short: str) -> Iterator[bytes]:
        yield from self._stored([name, name.replace("_archive/", "_superseded/", 1)])
        for kept in self._aside.names():
            if kept.startswith(short) and (stored := self._aside.read(kept)) is not None:
                yield stored

    def _stored(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            for store in (self._evidence.store, self._other):
                if store is not None and (stored := store.read(name)) is not None:
                    yield stored


def _parsed(name: str, stored: bytes) -> Contents | None:
    try:
        return parse(name, stored)
    except Corrupt:
        return None


def _footer(name: str, body: bytes) -> Footer | None:
    try:
        return footer_in(name, body, whole=True)
    except Corrupt:
        return None


def _has(body: bytes, sha256: str) -> bool:
    return hashlib.sha256(body).hexdigest() == sha256


def _is_right(body: bytes, footer: Footer, rolled: RolledObject | None) -> bool:
    """Whether every byte is as it was written: by the digests that the object, its record and its roll-up say."""
    if footer.retired or (rolled is not None and not _has(body, rolled.sha256)):
        return False
    return next(inspect_object(body, footer.committed.record), None) is None
