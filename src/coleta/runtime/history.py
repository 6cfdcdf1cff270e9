"""The commits of a log up to one moment, read where somebody asks for them. Read-only; takes no lock.

Much that people ask needs no commit at all: how many rows there are, and under which terms, the newest kept head says
for all but the last few. Never in memory are more commits than are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from coleta.errors import Corrupt, StoreUnavailable
from coleta.land.commit import Committed, Head, Identity
from coleta.land.kept import Day, Keeping, Kept
from coleta.land.record import folder_date
from coleta.land.rollup import ROLL_UP_COMMITS
from coleta.ports import Index, ObjectStore
from coleta.runtime.log import newest_kept, read_commit
from coleta.runtime.recalling import Recalling, commits_between, rolled_commits


@dataclass(frozen=True, slots=True)
class History:
    """The log ``identity`` up to ``head``.

    Commits to number ``until`` are those that `index` remembers or the store has; ``beyond`` are those after them.
    """

    identity: Identity
    head: Head
    store: ObjectStore
    index: Index
    until: int = 0
    beyond: Sequence[Committed] = ()
    rolled: int = ROLL_UP_COMMITS
    _known: list[tuple[Committed, ...]] = field(default_factory=list)
    _summed: list[Kept] = field(default_factory=list)

    def commits(self, first: int = 1) -> Iterator[Committed]:
        """The commits from number `first` on, oldest first.

        Raises:
            StoreUnavailable, Corrupt: this machine does not remember them all, and the store does not give the rest.

        """
        known = self.index.head()
        if known is not None and known.uuid == self.identity.uuid and known.seq >= self.until:
            recalling = Recalling(self.index, self.store, self.identity, keeps=False, rolled=self.rolled)
            # More may have been landed since; those are none of these.
            newest = recalling.commits(newest=max(known.seq - first + 1, 0))
            yield from (one for one in newest if first <= one.record.seq <= self.until)
        elif first <= self.until:
            yield from commits_between(self.store, self.identity, first, self.until, rolled=self.rolled)
        yield from (one for one in self.beyond if one.record.seq >= first)

    def all(self) -> tuple[Committed, ...]:
        """All of them, kept in memory from here on."""
        if not self._known:
            self._known.append(tuple(self.commits()))
        return self._known[0]

    def of_days(self, days: Collection[str]) -> Iterator[Committed]:
        """The commits that lie in the folders of `days`, by their dates, oldest first; of others few are looked at."""
        for first, last in _stretches(day for name, day in self.kept().days.items() if name in days):
            for committed in self.commits(first):
                if committed.record.seq > last:
                    break
                if folder_date(committed.name).isoformat() in days:
                    yield committed

    def newest(self, count: int) -> tuple[Committed, ...]:
        """The newest `count` of them, oldest first."""
        return tuple(self.commits(max(1, self.head.seq - count + 1)))

    def kept(self) -> Kept:
        """What the log has come to. Errors as for ``commits``."""
        if not self._summed:
            self._summed.append(self._kept_now())
        return self._summed[0]

    def _kept_now(self) -> Kept:
        try:
            newest = newest_kept(self.store, self.identity, until=self.head.seq)
        except StoreUnavailable:
            newest = None  # while the store is away, from what this machine remembers, if that is all
        try:
            return self._kept_after(None if newest is None else newest[0])
        except Corrupt:
            if newest is None:
                raise
            return self._kept_after(None)  # what was kept is not of this log; `coleta verify` tells

    def _kept_after(self, kept: Kept | None) -> Kept:
        keeping = Keeping(self.identity, kept)
        for committed in self.commits(keeping.head.seq + 1):
            keeping.add(committed)
        return keeping.kept()


def _stretches(days: Iterable[Day]) -> list[tuple[int, int]]:
    """The stretches of the log, first and last commit, that `days` lie in; those that meet are one."""
    found: list[tuple[int, int]] = []
    for day in sorted(days, key=attrgetter("first")):
        if found and day.first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], day.last)
        else:
            found.append((day.first, day.last))
    return found


def commits_after(
    store: ObjectStore, identity: Identity, head: Head, *, rolled: int = ROLL_UP_COMMITS
) -> Iterator[tuple[Head, Committed]]:
    """The commits after `head`, each with the head that it leads to: from roll-ups where that is far.

    Raises:
        StoreUnavailable: the store cannot be read.
        Corrupt: an object breaks the log's rules.

    """
    while True:
        commits: Sequence[Committed] = ()
        if head.seq % rolled == 0:
            commits = rolled_commits(store, identity, head.seq + rolled)
        if not commits:
            found = read_commit(store, head.next)
            if found is None:
                return
            commits = (found,)
        for committed in commits:
            head = head.after(committed)
            yield head, committed
