"""After a start, beside collecting: do the newest commits still lie in the store as this machine remembers them?

A start itself looks at the very newest only, since in a bucket each look takes a while and ticks are due. A few objects
at a time, so that a stop need not wait; once all are looked at, never again. Read-only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from coleta.audit.finding import Finding
from coleta.audit.repair import contradiction
from coleta.errors import Corrupt, Retryable
from coleta.land.commit import Committed
from coleta.ports import ObjectStore
from coleta.runtime.log import read_commit
from coleta.runtime.station import Station

RECENT = 100
"""How many of the newest commits are read again: an hour and a half of minutes, in well under a second from a disk."""

AT_ONCE = 20
"""How many of them one step reads: a third of a second from a bucket."""

PAUSE = timedelta(minutes=1)
NEVER = datetime.max.replace(tzinfo=UTC)

_HINT = "run `coleta verify` to see all of it; `coleta repair` says what can be put right"


class RecentCommits:
    """Looks at the newest commits of one stream once, a step at a time."""

    def __init__(self, station: Station) -> None:
        """Begin; nothing is read yet."""
        self._station = station
        self._left: list[Committed] | None = None

    def step(self) -> datetime:
        """Look at a few; when to be called again.

        Raises:
            Corrupt: one is missing or another, or what this machine remembers is no chain: a person must look.

        """
        now = self._station.world.clock.now()
        try:
            if self._left is None:
                self._left = self._remembered()
            for committed in list(reversed(self._left))[:AT_ONCE]:
                finding = still_there(self._station.store, committed)
                if finding is not None:
                    raise Corrupt(finding.what, where=finding.where, hint=_HINT)
                self._left.pop()
        except Retryable:
            return now + PAUSE  # landing tells of a store that is away
        return now if self._left else NEVER

    def _remembered(self) -> list[Committed]:
        index, uuid = self._station.index, self._station.identity.uuid
        recent = [one for one in index.commits(newest=RECENT) if one.record.uuid == uuid]
        why = contradiction(recent, None)
        if why is not None:
            raise Corrupt(f"this machine's index contradicts itself: {why}", where="index", hint=_HINT)
        return recent


def still_there(store: ObjectStore, committed: Committed) -> Finding | None:
    """What is wrong where `committed` should lie, or None."""
    try:
        found = read_commit(store, committed.name)
    except Corrupt as error:
        return Finding("damage", "unreadable_object", committed.name, error.what)
    if found is None:
        return Finding("damage", "missing_object", committed.name, "it was committed, and it is not there")
    if found.digest != committed.digest:
        return Finding("damage", "changed_object", committed.name, "its record is not the one that was committed")
    return None
