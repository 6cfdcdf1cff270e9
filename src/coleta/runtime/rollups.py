"""Stage 2, after the fact, at work: a roll-up and a kept head after a thousand commits. Delays and fails no landing.

Each object is read back whole, so what a roll-up says of it is what lies in the store, looked at once more; over
bytes that are not as they were written none is made. A few objects at a time, so that a stop need not wait.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from coleta.errors import Corrupt, Doubtful, Retryable
from coleta.land.commit import Head
from coleta.land.inspect import is_whole
from coleta.land.record import decode_record, record_digest
from coleta.land.rollup import (
    FOLDER,
    ROLL_UP_COMMITS,
    RolledObject,
    decode_rollup,
    encode_rollup,
    rollup_name,
)
from coleta.runtime.events import Trouble
from coleta.runtime.kept_heads import HeadKeeper
from coleta.runtime.log import footer_in
from coleta.runtime.putting import put_note
from coleta.runtime.station import Station

OBJECTS_AT_ONCE = 20
"""How many objects one step reads back: a second or so from a store far away."""

IDLE = timedelta(hours=1)
PAUSE = timedelta(minutes=1)
LONG_PAUSE = timedelta(hours=1)
"""After damage: it is told again now and then, until a person has looked."""


class RollUps:
    """Writes the roll-ups that one stream's log lacks, a step at a time."""

    def __init__(self, station: Station, *, commits: int = ROLL_UP_COMMITS) -> None:
        """Begin; `commits` is how many each holds, other than a thousand only for trials."""
        self._station = station
        self._commits = commits
        self._last = 0
        self._next = ""
        self._prev: str | None = None
        self._objects: list[RolledObject] = []
        self._keeper = HeadKeeper(station.store, station.identity, rolled=commits)
        self.written = 0

    def step(self) -> datetime:
        """Do a little of what is due; when to be called again. Raises nothing that is no bug."""
        station = self._station
        now = station.world.clock.now()
        try:
            return now if self.advance() else now + IDLE
        except (Retryable, Doubtful):
            return now + PAUSE  # landing tells of a store that is away
        except Corrupt as error:
            self._last = 0
            station.world.tell(Trouble(station.stream.name, "roll-up", str(error), now + LONG_PAUSE))
            return now + LONG_PAUSE

    def advance(self) -> bool:
        """Do a little of what is due; whether there was something to do.

        Raises:
            Retryable, Doubtful: the store does not answer.
            Corrupt: an object is not as it was written.

        """
        head = self._station.index.head()
        if head is None or head.uuid != self._station.identity.uuid or head.seq < self._commits:
            return False
        if not self._last:
            self._begin()
            return True
        if self._keeper.advance(self._last - self._commits):
            return True
        if head.seq < self._last:
            return False
        for _ in range(min(OBJECTS_AT_ONCE, self._commits - len(self._objects))):
            if not self._read_back():
                return True
        if len(self._objects) == self._commits:
            first = self._last - self._commits + 1
            body = encode_rollup(self._station.identity.uuid, first, self._objects)
            put_note(self._station.store, rollup_name(self._last), body)
            # Where to go on is looked up: the next that is missing need not be the next one.
            self._last = 0
            self.written += 1
        return True

    def _begin(self) -> None:
        """Find the first roll-up that is missing, and where its commits begin."""
        store, last = self._station.store, self._commits
        listed = set(store.names(FOLDER))
        while rollup_name(last) in listed:
            last += self._commits
        self._objects, self._prev = [], None
        self._next = Head.genesis(self._station.identity).next
        before = rollup_name(last - self._commits)
        if last > self._commits:
            end = decode_rollup(before, store.read(before) or b"").objects[-1]
            self._next = decode_record(end.name, end.record.encode()).next
            self._prev = record_digest(end.record.encode())
        self._last = last

    def _read_back(self) -> bool:
        """Read the next object back; False where others have written this roll-up, and retired what it holds."""
        name, seq = self._next, self._last - self._commits + 1 + len(self._objects)
        body = self._station.store.read(name)
        if body is None:
            raise Corrupt("a data object is missing", where=name, hint="coleta verify tells more")
        footer = footer_in(name, body, whole=True)
        record = footer.committed.record
        if (record.uuid, record.seq, record.prev) != (self._station.identity.uuid, seq, self._prev):
            raise Corrupt("it does not continue the log", where=name, hint="coleta verify tells more")
        if footer.retired and self._station.store.size(rollup_name(self._last)) is not None:
            self._last = 0
            return False
        if footer.retired or not is_whole(body, record):
            raise Corrupt("it is not as it was written", where=name, hint="coleta verify --data tells more")
        text = footer.stored.decode()
        self._objects.append(RolledObject(name, len(body), hashlib.sha256(body).hexdigest(), text))
        self._next, self._prev = record.next, footer.committed.digest
        return True
