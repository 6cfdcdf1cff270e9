"""Stage 2, step 1, for what came long ago: commits that this machine does not remember, from the store.

A new machine begins with a kept head, and remembers only what came after it. Most never need more: landing asks of old
commits only whether they name an answer, and of those only the ones of the same date. Whoever asks for more gets it,
from the roll-ups, or object by object where one is missing. Never changes the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import chain, pairwise

from coleta.errors import Corrupt, Retryable
from coleta.land.commit import Committed, Head, Identity
from coleta.land.kept import Kept, first_of
from coleta.land.record import SHORT_ID
from coleta.land.rollup import ROLL_UP_COMMITS, decode_rollup, rollup_name
from coleta.ports import Index, ObjectStore
from coleta.runtime.log import newest_kept, read_commit


def rolled_commits(store: ObjectStore, identity: Identity, last: int) -> tuple[Committed, ...]:
    """The commits of the roll-up that ends with commit `last`; empty where there is none that can be trusted.

    Records name each other by digest, so one whose last record lies in the store just as it says is right in all.
    """
    name = rollup_name(last)
    try:
        found = decode_rollup(name, store.read(name) or b"")
        commits = tuple(found.commits())
        there = read_commit(store, commits[-1].name) if commits else None
    except Corrupt:
        return ()
    linked = all(
        (after.record.seq, after.record.prev, after.name) == (one.record.seq + 1, one.digest, one.record.next)
        for one, after in pairwise(commits)
    )
    right = linked and there is not None and there.digest == commits[-1].digest
    return commits if right and commits[-1].record.seq == last and found.uuid == identity.uuid else ()


def commits_between(
    store: ObjectStore, identity: Identity, first: int, until: int, *, rolled: int = ROLL_UP_COMMITS
) -> Iterator[Committed]:
    """The commits from number `first` to `until`, oldest first; `rolled` is how many a roll-up holds.

    Raises:
        StoreUnavailable: the store cannot be read.
        Corrupt: an object that the log names is missing, or is not what it names.

    """
    last = -(-first // rolled) * rolled
    before: Committed | None = None
    while last - rolled < until:
        commits: Sequence[Committed] = rolled_commits(store, identity, last)
        if not commits:
            if before is None and last > rolled:
                # Its name stands in the record before it, wherever that is to be had.
                *_, before = commits_between(store, identity, last - rolled, last - rolled, rolled=rolled)
            commits = list(_objects(store, identity, before, min(last, until)))
        yield from (one for one in commits if first <= one.record.seq <= until)
        before = commits[-1]
        last += rolled


def _objects(store: ObjectStore, identity: Identity, before: Committed | None, until: int) -> Iterator[Committed]:
    """The commits after `before`, read from their objects, to number `until`."""
    seq = 0 if before is None else before.record.seq
    name = Head.genesis(identity).next if before is None else before.record.next
    digest = None if before is None else before.digest
    while seq < until:
        found = read_commit(store, name)
        if found is None or (found.record.seq, found.record.prev) != (seq + 1, digest):
            what = "a data object is missing" if found is None else "it does not continue the log"
            raise Corrupt(what, where=name, hint="coleta verify tells more")
        yield found
        seq, name, digest = found.record.seq, found.record.next, found.digest


class Recalling:
    """An index that gets what it lacks from the store; see ``Index``. Safe to use from several threads.

    Its methods raise ``StoreUnavailable`` and ``Corrupt``, too, where they need the store.
    """

    def __init__(
        self,
        own: Index,
        store: ObjectStore,
        identity: Identity,
        *,
        keeps: bool = True,
        rolled: int = ROLL_UP_COMMITS,
    ) -> None:
        """Wrap `own`, what this machine remembers. If it `keeps`, what is got is entered there, else read anew."""
        self.own = own
        self._store = store
        self._identity = identity
        self._keeps = keeps
        self._rolled = rolled
        self._kept: Kept | None = None

    def head(self) -> Head | None:
        """See ``Index``."""
        return self.own.head()

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        """See ``Index``."""
        self.own.enter(head, committed, before=before)

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        """See ``Index``: only commits that may lie in a folder of one of `days` are got, if those are given."""
        found = self.own.landed(answer_ids)
        left = frozenset(answer_ids) - found
        oldest = self._oldest() if left else 1
        first = self._first_of(days, oldest) if oldest > 1 else oldest
        if first >= oldest:
            return found
        if self._keeps:
            self._reach(first)
            return self.own.landed(answer_ids)
        return found | _named(left, self._between(first, oldest - 1))

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        """See ``Index``."""
        if naming is not None:
            yield from self._naming(naming)
            return
        head = self.own.head()
        known = self.own.commits(newest=newest)
        oldest = next(known, None)
        if head is None or oldest is None:
            return
        first = 1 if newest is None else max(1, head.seq - newest + 1)
        if oldest.record.seq <= first:
            yield from chain((oldest,), known)
        elif self._keeps:
            self._reach(first)
            yield from self.own.commits(newest=newest)
        else:
            yield from self._between(first, oldest.record.seq - 1)
            yield from chain((oldest,), known)

    def _naming(self, paths: Collection[str]) -> Iterator[Committed]:
        oldest = self._oldest()
        if oldest > 1 and self._keeps:
            self._reach(1)
        elif oldest > 1:
            wanted = frozenset(paths)
            older = self._between(1, oldest - 1)
            yield from (one for one in older if not wanted.isdisjoint(one.record.named_files()))
        yield from self.own.commits(naming=paths)

    def _oldest(self) -> int:
        """The number of the oldest commit remembered; 1 where nothing is lacking."""
        oldest = next(self.own.commits(), None)
        return 1 if oldest is None else oldest.record.seq

    def _first_of(self, days: Collection[date] | None, oldest: int) -> int:
        """From which commit on there are any that lie in a folder of one of `days`; 1 where that is not known."""
        if self._kept is None or self._kept.head.seq < oldest - 1:
            newest = None if days is None else newest_kept(self._store, self._identity)
            self._kept = None if newest is None else newest[0]
        if days is None or self._kept is None or self._kept.head.seq < oldest - 1:
            return 1
        return first_of(self._kept, days)

    def _between(self, first: int, until: int) -> Iterator[Committed]:
        return commits_between(self._store, self._identity, first, until, rolled=self._rolled)

    def _reach(self, first: int) -> None:
        """Enter what is older than all that is remembered, the newest of it first, to commit `first` at least."""
        while (oldest := next(self.own.commits(), None)) is not None and oldest.record.seq > first:
            until = oldest.record.seq - 1
            older = tuple(self._between((until - 1) // self._rolled * self._rolled + 1, until))
            if older[-1].digest != oldest.record.prev:
                raise Corrupt("it is not the commit that the one after it names", where=older[-1].name)
            self.own.enter(None, None, before=older)
            if self._oldest() > older[0].record.seq:
                raise Retryable("what this machine remembers has been learned anew meanwhile", where="index")


def own(index: Index) -> Index:
    """What the machine itself remembers, of an index that may get the rest from the store."""
    return index.own if isinstance(index, Recalling) else index


def _named(answer_ids: Collection[str], commits: Iterator[Committed]) -> frozenset[str]:
    """Those of `answer_ids` that `commits` name."""
    wanted, found = frozenset(answer_ids), set[str]()
    for one in commits:
        if one.record.kind == "batch":
            ids = {account.answer for account in one.record.accounts if account.answer is not None}
            found |= wanted & (ids | {answer[:SHORT_ID] for answer in ids})
    return frozenset(found)
