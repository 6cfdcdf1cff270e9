"""After landing, at work in a process: keep each stream's table up with its log. Delays and fails no landing.

What does not work now is told and tried again; what only a person can mend is told once and looked at each hour.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from coleta.errors import ColetaError, Corrupt, Misconfigured, Retryable, SpoolRefused
from coleta.ports import Table
from coleta.runtime.events import Published, TableStopped, Trouble
from coleta.runtime.log import known_head
from coleta.runtime.registering import MANY, Publication, Shelf, publish, publish_all
from coleta.runtime.station import Station

IDLE = timedelta(hours=1)
SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
LONG_PAUSE = timedelta(hours=1)
"""After what only a person can mend: it is looked at again now and then."""


class Publisher:
    """Keeps one stream's table up with its log, a step at a time. The only state is a pause and what was told."""

    def __init__(self, station: Station, table: Table, *, at_once: int = MANY) -> None:
        """Begin; nothing is read or written yet. Of many objects so many are read `at_once`."""
        self._station = station
        self._shelf = replace(shelf_of(station, table), at_once=at_once)
        self._pause = SHORTEST_PAUSE
        self._rests_until: datetime | None = None
        self._told: str | None = None
        self._held = 0

    def step(self) -> datetime:
        """Register what is due; when to be called again. Raises nothing that is no bug."""
        station, now = self._station, self._station.world.clock.now()
        if self._rests_until is not None and now < self._rests_until <= now + LONG_PAUSE:
            # Being roused by a landing is no reason to try again.
            return self._rests_until
        head = known_head(station.index, station.identity)
        if 0 < head.seq <= self._held:
            return now + IDLE
        try:
            published = publish(self._shelf, beyond=False)
        except (Retryable, SpoolRefused) as error:
            self._rests_until = until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            station.world.tell(Trouble(station.stream.name, "table", str(error), until))
            return until
        except (Misconfigured, Corrupt) as error:
            self._rests_until = now + LONG_PAUSE
            if str(error) != self._told:
                station.world.tell(TableStopped(station.stream.name, told(error)))
            self._told = str(error)
            return self._rests_until
        self._pause, self._rests_until, self._told = SHORTEST_PAUSE, None, None
        if published is not None:
            station.world.tell(told_of(station.stream.name, published))
            if published.more:
                return now
        self._held = head.seq
        return now + IDLE


def publish_now(station: Station) -> ColetaError | None:
    """Register all that has landed of a stream with a table, and tell of it; what only a person can mend, if it is so.

    What does not work now is told, and left for the next time.
    """
    if station.table is None:
        return None
    name, tell = station.stream.name, station.world.tell
    try:
        for published in publish_all(shelf_of(station, station.table)):
            tell(told_of(name, published))
    except (Retryable, SpoolRefused) as error:
        tell(Trouble(name, "table", str(error), station.world.clock.now()))
    except (Misconfigured, Corrupt) as error:
        tell(TableStopped(name, told(error)))
        return error
    return None


def shelf_of(station: Station, table: Table) -> Shelf:
    """What publishing needs of an open stream."""
    where = f"{station.stream.store}/{station.stream.path}"
    notes = station.notes
    return Shelf(where, station.identity, station.store, station.index, notes, table)


def told_of(stream: str, published: Publication) -> Published:
    """What is told of a commit of the table."""
    return Published(stream, published.objects, published.rows, published.until)


def told(error: ColetaError) -> str:
    """An error with its way out, in one line."""
    return f"{error}; {error.hint}" if error.hint else str(error)
