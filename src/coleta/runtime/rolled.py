"""Stage 3 at work: what the roll-ups and the kept heads say of a log, held against the log itself. Read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from coleta.audit.finding import Finding
from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity
from coleta.land.kept import FOLDER as KEPT_HEADS
from coleta.land.kept import Keeping, decode_kept, kept_name, seq_of
from coleta.land.record import decode_record, record_digest
from coleta.land.rollup import FOLDER, RolledObject, RollUp, decode_rollup, last_of, rollup_name
from coleta.ports import ObjectStore
from coleta.runtime.log import Footer


class RolledLog:
    """The roll-ups of the log `identity`, read one after the other as the log is followed. Keeps one in memory."""

    def __init__(self, store: ObjectStore, identity: Identity) -> None:
        """List them; none is read yet."""
        self._store = store
        self._identity = identity
        self._lasts = self._listed()
        self.until = self._lasts[-1] if self._lasts else 0
        self._now: RollUp | None = None
        self._wrong: list[Finding] = []

    def check(self, seq: int, footer: Footer, body: bytes | None) -> Iterator[Finding]:
        """Whatever does not fit between commit `seq` and its roll-up; also that there must be one, if it is retired.

        `body` are all its bytes, if they are at hand.
        """
        name, rolled = footer.committed.name, self._rolled(seq)
        if rolled is None and footer.retired:
            # Others may have written one, and retired what it holds, since the roll-ups were listed.
            rolled = self._rolled_since(seq)
        yield from self._told()
        if rolled is None:
            if footer.retired:
                yield Finding("damage", "changed_object", name, "it has no rows left, and no roll-up names it", seq)
            return
        where = rollup_name(self._now.last if self._now else 0)
        if (rolled.name, rolled.record.encode()) != (name, footer.stored):
            yield Finding("damage", "changed_rollup", where, f"what it says of commit {seq} is not what {name} says")
        if footer.retired:
            return
        size = footer.size_bytes if footer.size_bytes is not None else self._store.size(name)
        if size != rolled.size_bytes:
            what = f"it has {size} bytes; its roll-up says {rolled.size_bytes}"
            yield Finding("damage", "changed_object", name, what, seq)
        elif body is not None and hashlib.sha256(body).hexdigest() != rolled.sha256:
            what = "its bytes do not have the digest that its roll-up says"
            yield Finding("damage", "changed_object", name, what, seq)

    def recall(self, seq: int) -> Committed | None:
        """Commit `seq` as its roll-up has it."""
        rolled = self._rolled(seq)
        if rolled is None:
            return None
        stored = rolled.record.encode()
        try:
            return Committed(rolled.name, decode_record(rolled.name, stored), record_digest(stored))
        except Corrupt:
            return None

    def at_the_end(self) -> Iterator[Finding]:
        """What is wrong with roll-ups that no commit was held against."""
        while self._lasts:
            self._load(self._lasts.pop(0))
        yield from self._told()

    def _rolled_since(self, seq: int) -> RolledObject | None:
        listed = self._listed()
        if not listed or listed[-1] <= self.until:
            return None
        self._lasts, self.until = [last for last in listed if last > self.until], listed[-1]
        return self._rolled(seq)

    def _listed(self) -> list[int]:
        return sorted(last for name in self._store.names(FOLDER) if (last := last_of(name)) is not None)

    def _rolled(self, seq: int) -> RolledObject | None:
        while self._lasts and (self._now is None or self._now.last < seq):
            self._load(self._lasts.pop(0))
        now = self._now
        return now.objects[seq - now.first] if now is not None and now.first <= seq <= now.last else None

    def _load(self, last: int) -> None:
        name = rollup_name(last)
        stored = self._store.read(name)
        try:
            found = None if stored is None else decode_rollup(name, stored)
        except NewerFormat:
            return  # nothing depends on it
        except Corrupt as error:
            self._wrong.append(Finding("damage", "changed_rollup", name, error.what))
            return
        if found is not None and found.uuid != self._identity.uuid:
            self._wrong.append(Finding("damage", "changed_rollup", name, f"it is of another log, {found.uuid}"))
        elif found is not None:
            self._now = found

    def _told(self) -> Iterator[Finding]:
        wrong, self._wrong = self._wrong, []
        yield from wrong


class KeptLog:
    """The kept heads of the log `identity`, each made again as the log is followed."""

    def __init__(self, store: ObjectStore, identity: Identity) -> None:
        """List them; none is read yet."""
        self._store = store
        self._keeping = Keeping(identity)
        self._listed = {seq for name in store.names(KEPT_HEADS) if (seq := seq_of(name)) is not None}

    def check(self, committed: Committed, head: Head) -> Iterator[Finding]:
        """What is wrong with the head that is kept after `committed`, if one is; `head` is the right one."""
        self._keeping.add(committed, head=head)
        if head.seq not in self._listed:
            return
        self._listed.discard(head.seq)
        name = kept_name(head.seq)
        stored = self._store.read(name)
        try:
            if stored is not None and decode_kept(name, stored) != self._keeping.kept():
                yield Finding("damage", "changed_head", name, "what it says is not what the log comes to", head.seq)
        except NewerFormat:
            return  # nothing depends on it
        except Corrupt as error:
            yield Finding("damage", "changed_head", name, error.what, head.seq)

    def at_the_end(self) -> Iterator[Finding]:
        """What is wrong with those that no commit was held against: the log, whole as it is, does not reach them."""
        for seq in sorted(self._listed):
            yield Finding("damage", "changed_head", kept_name(seq), "the log has no such commit", seq)
