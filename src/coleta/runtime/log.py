"""Stage 2, step 1: learn the log by following ``next`` until it is absent. Names decide, never a listing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity
from coleta.land.jail import check_redrives
from coleta.land.kept import FOLDER as KEPT_HEADS
from coleta.land.kept import Kept, decode_kept, kept_name, seq_of
from coleta.land.moving import gone
from coleta.land.parquet import TAIL_BYTES, footer_bytes, stored_record
from coleta.land.record import decode_record, record_digest
from coleta.land.rollup import ROLL_UP_COMMITS, decode_rollup, rollup_name
from coleta.ports import Index, ObjectStore

KEPT_TRIES = 3
"""How many kept heads are tried, the newest first, before the roll-ups are read: one may be damaged."""


def follow(store: ObjectStore, index: Index, identity: Identity, *, rolled: int = ROLL_UP_COMMITS) -> Head:
    """The head of the log now, for whoever is to extend it; what was new is entered in `index`.

    An empty index begins with what the log has come to by the newest kept head, and has no commits from before it:
    ``Recalling`` gets them where they are asked for. `rolled` is how many commits a roll-up holds, for trials.

    Raises:
        StoreUnavailable: the store cannot be read.
        LogMoved: it has ended here, and goes on at another place.
        Corrupt: an object breaks the log's rules.

    """
    head = follow_to_end(store, index, identity, rolled=rolled)
    if head.moved_to is not None:
        raise gone(head.moved_to, identity)
    return head


def follow_to_end(store: ObjectStore, index: Index, identity: Identity, *, rolled: int = ROLL_UP_COMMITS) -> Head:
    """The same, also of a log that goes on at another place: such a head must not be extended.

    The record that says so is not entered: with the same number another one stands in the log where that goes on.
    """
    head = known_head(index, identity)
    if not head.seq and store.size(rollup_name(rolled)) is not None:
        head = _leap(store, index, _far_leap(store, index, identity) or head, rolled)
    while (found := read_commit(store, head.next)) is not None:
        if found.record.goes_on is not None:
            return head.after(found)
        head = _learn(index, head, found)
    return head


def _learn(index: Index, head: Head, found: Committed) -> Head:
    head = head.after(found)
    if found.record.redrives:
        # Rare, and the one law that needs more of the past than the head knows.
        check_redrives(found, index.commits(naming=found.record.redrives))
    index.enter(head, found)
    return head


def look_ahead(store: ObjectStore, head: Head) -> Head:
    """The head of the log now, from `head` on; nothing is remembered. Errors as for ``follow``."""
    while (found := read_commit(store, head.next)) is not None:
        head = head.after(found)
    return head


def newest_kept(store: ObjectStore, identity: Identity, *, until: int | None = None) -> tuple[Kept, Committed] | None:
    """The newest kept head that can be trusted, and the commit that it stands after; none later than `until`.

    It says by which digest that commit names all before it, and that very commit lies there. A listing only hints which
    there are: with an older one there is more to read, and nothing else.

    Raises:
        StoreUnavailable: the store cannot be read.

    """
    listed = sorted((seq for name in store.names(KEPT_HEADS) if (seq := seq_of(name)) is not None), reverse=True)
    wanted = [seq for seq in listed if until is None or seq <= until]
    for name in map(kept_name, wanted[:KEPT_TRIES]):
        try:
            kept = decode_kept(name, store.read(name) or b"")
            there = read_commit(store, kept.name)
        except Corrupt:
            continue
        if there is not None and kept.fits(identity, there):
            return kept, there
    return None


def _far_leap(store: ObjectStore, index: Index, identity: Identity) -> Head | None:
    newest = newest_kept(store, identity)
    if newest is None:
        return None
    kept, there = newest
    index.enter(kept.head, there)
    return kept.head


def _leap(store: ObjectStore, index: Index, head: Head, rolled: int) -> Head:
    """The head after all roll-ups that can be trusted: a new machine need not read every footer.

    Records name each other by digest, so one whose last record lies in the store just as it says is right in all.
    Whatever is wrong with one, the footers say it all.
    """
    while True:
        try:
            commits = _rolled_up(store, rollup_name(head.seq + rolled))
            heads = list(accumulate(commits, Head.after, initial=head))
            found = read_commit(store, commits[-1].name) if commits else None
        except Corrupt:
            return head
        if found is None or found.digest != heads[-1].digest:
            return head
        _learn_all(index, heads[1:], commits)
        head = heads[-1]


def _learn_all(index: Index, heads: Sequence[Head], commits: Sequence[Committed]) -> None:
    """Enter `commits`, which led to `heads`, together: one by one would take longer than all else in years of them."""
    start = 0
    for at, found in enumerate(commits):
        if found.record.redrives:
            if at > start:
                index.enter(heads[at - 1], commits[at - 1], before=commits[start : at - 1])
            check_redrives(found, index.commits(naming=found.record.redrives))
            start = at
    index.enter(heads[-1], commits[-1], before=commits[start:-1])


def _rolled_up(store: ObjectStore, name: str) -> list[Committed]:
    stored = store.read(name)
    return [] if stored is None else list(decode_rollup(name, stored).commits())


def known_head(index: Index, identity: Identity) -> Head:
    """The newest head that this machine remembers of the log `identity`."""
    head = index.head()
    return head if head is not None and head.uuid == identity.uuid else Head.genesis(identity)


def read_commit(store: ObjectStore, name: str) -> Committed | None:
    """The commit that lies at `name`, read from its footer; None where nothing lies.

    Raises:
        StoreUnavailable: it could not be told.
        Corrupt: what lies there is no commit.

    """
    footer = read_footer(store, name)
    return None if footer is None else footer.committed


@dataclass(frozen=True, slots=True)
class Footer:
    """What the end of a data object says: its commit, the record's very bytes, and how many rows are there.

    ``size_bytes`` is the object's size, or None where no more is known than that it is larger than what was read.
    """

    committed: Committed
    stored: bytes
    rows: int
    size_bytes: int | None

    @property
    def retired(self) -> bool:
        """Whether its rows were taken away, and its record left in place."""
        return self.rows == 0 < self.committed.record.rows


def read_footer(store: ObjectStore, name: str) -> Footer | None:
    """What the end of the object `name` says; None where nothing lies. Errors as for ``read_commit``."""
    found = read_end(store, name)
    return None if found is None else found[0]


def read_end(store: ObjectStore, name: str) -> tuple[Footer, bytes] | None:
    """The same, and the bytes that it was read from, which hold the whole footer."""
    tail = store.read(name, last=TAIL_BYTES)
    if tail is None:
        return None
    whole = len(tail) < TAIL_BYTES
    try:
        need = footer_bytes(tail)
        if need > len(tail):
            tail = store.read(name, last=need) or b""
    except Corrupt as error:
        raise Corrupt(error.what, where=name, hint="coleta verify tells more") from None
    return footer_in(name, tail, whole=whole), tail


def footer_in(name: str, tail: bytes, *, whole: bool) -> Footer:
    """What `tail`, the end of the object `name` or the `whole` of it, says.

    Raises:
        Corrupt: it is not that of a commit.

    """
    try:
        stored, rows = stored_record(tail)
    except Corrupt as error:
        raise Corrupt(error.what, where=name, hint="coleta verify tells more") from None
    record = decode_record(name, stored)
    # One that was retired has none left; that this was done on purpose is for an audit to find out.
    if rows not in (record.rows, 0):
        raise Corrupt(f"its record counts {record.rows} rows, the object has {rows}", where=name)
    return Footer(Committed(name, record, record_digest(stored)), stored, rows, len(tail) if whole else None)
