"""Upkeep, of data objects: take the rows away that were kept for long enough, and leave the records in place.

From the beginning of the log on, in its order, and no further than its roll-ups go: they keep what only the whole
objects could tell. May be cut off after any line and simply called again; whoever does it puts the same. A stream
with a table is left alone, since the table reads these very objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Committed
from coleta.land.retire import compose_retired, may_retire
from coleta.land.rollup import FOLDER, RolledObject, decode_rollup, last_of, rollup_name
from coleta.land.watermark import DELTA, ICEBERG
from coleta.ports import Housekeeping, ObjectStore
from coleta.runtime.log import Footer, read_footer
from coleta.runtime.station import Station
from coleta.terms import Terms

NOTE = "retired"
"""Up to which commit this machine has looked. Only a hint: without it all footers are read once more."""


def has_table(store: ObjectStore) -> bool:
    """Whether a table lies over the data objects of `store`, whatever the project file says now."""
    return any(next(iter(store.names(make.folder)), None) is not None for make in (DELTA, ICEBERG))


class Retirer:
    """Retires the data objects of one stream that were committed before an instant."""

    def __init__(self, station: Station, housekeeping: Housekeeping, *, before: datetime) -> None:
        """Prepare; nothing is read yet."""
        self._station = station
        self._housekeeping = housekeeping
        self._before = before
        self._terms: dict[str, Terms] = {}
        self.retired = 0

    def steps(self) -> Iterator[None]:
        """Do it, an object at a time.

        Raises:
            StoreUnavailable: the store does not answer.
            Misconfigured: it does not let an object be replaced.
            Corrupt: what is needed for it is missing or damaged.

        """
        known = self._recall()
        for last in rolled_up(self._station.store):
            if last <= known:
                continue
            for rolled, committed in _commits_in(self._station, last):
                if committed.record.created >= self._before:
                    return
                if committed.record.rows and committed.record.seq > known:
                    self._retire(rolled, committed)
                    yield
            self._remember(last)

    def _retire(self, rolled: RolledObject, committed: Committed) -> None:
        footer = read_footer(self._station.store, rolled.name)
        # What is missing, or is not as it was written, is left for an audit to tell of.
        if footer is None or footer.retired:
            return
        size = _size(self._station.store, footer)
        if not may_retire(rolled, footer.stored, size, before=self._before, referenced=()):
            return
        with closing(self._station.scratch.file()) as sink:
            compose_retired(footer.stored, self._terms_of(committed), sink)
            sink.seek(0)
            self._housekeeping.replace(rolled.name, sink.read())
        self.retired += 1

    def _terms_of(self, committed: Committed) -> Terms:
        digest = committed.record.terms
        if digest not in self._terms:
            name = f"_ledger/terms/{digest}.json"
            stored = self._station.store.read(name)
            if stored is None:
                raise Corrupt("the terms of a data object are missing", where=name, hint="coleta verify tells more")
            self._terms[digest] = Terms.from_json(stored)
        return self._terms[digest]

    def _recall(self) -> int:
        notes = self._station.notes
        stored = None if notes is None else notes.recall(NOTE)
        uuid, _, seq = (stored or b"").decode("ascii", "replace").partition(" ")
        return int(seq) if uuid == self._station.identity.uuid and seq.isdecimal() else 0

    def _remember(self, last: int) -> None:
        if self._station.notes is not None:
            self._station.notes.remember(NOTE, f"{self._station.identity.uuid} {last}".encode())


def rolled_up(store: ObjectStore) -> list[int]:
    """The last commit of each roll-up, in order."""
    return sorted(last for name in store.names(FOLDER) if (last := last_of(name)) is not None)


def _commits_in(station: Station, last: int) -> Iterator[tuple[RolledObject, Committed]]:
    name = rollup_name(last)
    try:
        found = decode_rollup(name, station.store.read(name) or b"")
    except NewerFormat:
        return
    if found.uuid != station.identity.uuid:
        raise Corrupt(f"it is of another log, {found.uuid}", where=name, hint="coleta verify tells more")
    yield from zip(found.objects, found.commits(), strict=True)


def _size(store: ObjectStore, footer: Footer) -> int:
    return footer.size_bytes if footer.size_bytes is not None else store.size(footer.committed.name) or 0


def count_retirable(store: ObjectStore, commits: Sequence[Committed], *, before: datetime) -> int:
    """How many of `commits`, the log from its beginning, would be retired now.

    Looks from the newest that is old enough back to the first that is retired already.
    """
    until = max(rolled_up(store), default=0)
    count = 0
    old = [one for one in commits[:until] if one.record.rows]
    stop = next((at for at, one in enumerate(old) if one.record.created >= before), len(old))
    for one in reversed(old[:stop]):
        footer = read_footer(store, one.name)
        if footer is not None and footer.retired:
            break
        count += footer is not None
    return count
