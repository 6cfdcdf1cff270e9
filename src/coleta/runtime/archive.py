"""Copies of accepted answers in the store: made before acceptance or before landing, and taken from there.

With ``archive = "first"`` an answer is in the store before it is accepted, so that it outlives the disk of
the machine that asked: an archived answer that no record names is an accepted answer, and any machine may
land it. Nothing is ever deleted or overwritten here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import BinaryIO

from coleta.collect import spool
from coleta.collect.spool import Contents, Header, PageHead, Spooled, SpoolFile, Trailer
from coleta.collect.tick import Interval, parse_tick_name
from coleta.errors import Corrupt, StoreUnavailable
from coleta.land.record import ArchiveFile
from coleta.ports import Draft, ObjectStore, Scratch, Spool, SpoolContents
from coleta.runtime.events import Adopted, Trouble
from coleta.runtime.putting import no_room, put_note
from coleta.runtime.station import Station

FOLDER = "_archive/"

ADOPTED_AT_ONCE = 1_000
"""How many answers one look takes from the archive: a day of minutes, a few seconds of reading."""

ALIVE = timedelta(minutes=10)
"""How long after it should have landed an archived answer is left to the machine that asked for it."""


def archive_name(tick: Interval, answer: str) -> str:
    """Where the copy of `answer` lies, relative to the stream's path."""
    return f"{FOLDER}{tick.name}-{answer[:16]}.spool"


class ArchivingSpool:
    """A spool whose answers are in the store before they are accepted. Gaps hold nothing that could be lost."""

    def __init__(self, inner: Spool, store: ObjectStore, scratch: Scratch) -> None:
        """Wrap `inner`; `store` is that of the stream, `scratch` has room for one answer."""
        self._inner = inner
        self._store = store
        self._scratch = scratch

    def draft(self, header: Header) -> Draft:
        """See ``Spool``."""
        inner = self._inner.draft(header)
        if header.tick is None:
            return inner
        return _ArchivingDraft(inner, self._store, self._scratch.file(), header)

    def contents(self) -> SpoolContents:
        """See ``Spool``."""
        return self._inner.contents()

    def read(self, entry: Spooled) -> SpoolFile:
        """See ``Spool``."""
        return self._inner.read(entry)

    def release(self, entries: Sequence[Spooled]) -> None:
        """See ``Spool``."""
        self._inner.release(entries)


class _ArchivingDraft:
    """See ``Draft``. Writes the same bytes twice, since the copy must be whole before the answer is accepted."""

    def __init__(self, inner: Draft, store: ObjectStore, copy: BinaryIO, header: Header) -> None:
        self._inner = inner
        self._store = store
        self._copy = copy
        self._header = header
        self._write(spool.opening(header))

    def page(self, head: PageHead, wire: bytes) -> None:
        """See ``Draft``."""
        self._inner.page(head, wire)
        for piece in spool.page(head, wire):
            self._write(piece)

    def accept(self, trailer: Trailer) -> Spooled:
        """See ``Draft``.

        Raises:
            SpoolRefused: as always.
            StoreUnavailable: there is no copy in the store, so it is not accepted; discard the draft, ask again.

        """
        assert self._header.tick is not None
        self._write(spool.closing(trailer))
        self._copy.seek(0)
        put_note(self._store, archive_name(self._header.tick, trailer.answer or ""), self._copy.read())
        self._copy.close()
        return self._inner.accept(trailer)

    def discard(self) -> None:
        """See ``Draft``."""
        self._copy.close()
        self._inner.discard()

    def _write(self, piece: bytes) -> None:
        try:
            self._copy.write(piece)
        except OSError as error:
            raise no_room(error) from None


def archived(station: Station, entries: Iterable[Spooled]) -> dict[str, ArchiveFile]:
    """The copies of the answers among `entries`, made where they are missing, by entries' names.

    Raises:
        StoreUnavailable: one could neither be made nor be found.
        Corrupt: a spool file is damaged, or what lies in the place of a copy is another answer.

    """
    if station.stream.archive == "none":
        return {}
    files = {}
    for entry in entries:
        answer = entry.trailer.answer
        if entry.header.tick is not None and answer is not None:
            name = archive_name(entry.header.tick, answer)
            mine = station.spool.read(entry).whole()
            put_note(station.store, name, mine)
            # Another machine may have asked the same and got the same: its copy has its own name in it.
            stored = station.store.read(name)
            if stored is None:
                raise StoreUnavailable("it says that a copy is there, and does not give it", where=name)
            if stored != mine and spool.parse(name, stored).trailer.answer != answer:
                raise Corrupt("another answer lies in the place of this one's copy", where=name)
            files[entry.name] = ArchiveFile(name, hashlib.sha256(stored).hexdigest(), answer)
    return files


def adopt(station: Station, *, until: datetime | None = None) -> int:
    """Take from the archive into this spool what no record names and nobody has set aside; how many there were.

    Answers that came after `until` are left to the machine that asked for them. What is taken twice is landed
    once, since an answer keeps its id.

    Raises:
        StoreUnavailable: the store cannot be read.
        SpoolRefused: this disk does not take them.

    """
    taken = 0
    for name in _unnamed(station):
        stored = station.store.read(name)
        if stored is None:
            continue
        try:
            contents = spool.parse(name, stored)
        except Corrupt as error:
            station.world.tell(Trouble(station.stream.name, "archive", str(error), station.world.clock.now()))
            continue
        young = until is not None and _received_at(contents) > until
        if contents.header.uuid == station.identity.uuid and not young:
            station.world.tell(Adopted(station.stream.name, _respool(station.spool, contents), name))
            taken += 1
    return taken


def _unnamed(station: Station) -> Iterator[str]:
    """The names of archived answers of which nothing is known, oldest first, so many at most as are taken at once."""
    listed = {digest16(name): name for name in station.store.names(FOLDER)}
    days = [day_of(name) for name in listed.values()]
    known = station.index.landed(listed.keys(), days=None if None in days else {day for day in days if day})
    known |= {digest16(name) for name in station.store.names("_superseded/")}
    known |= {(entry.trailer.answer or "")[:16] for entry in station.spool.contents().waiting}
    unnamed = sorted(name for digest, name in listed.items() if digest not in known)
    yield from unnamed[:ADOPTED_AT_ONCE]


def digest16(name: str) -> str:
    """The beginning of the answer's id in the `name` of a copy."""
    return name.rpartition("-")[2].removesuffix(".spool")


def day_of(name: str) -> date | None:
    """The date of the tick in the `name` of a copy; None where that is no name of one."""
    with suppress(ValueError):
        return parse_tick_name(name.rpartition("/")[2].partition("-")[0]).date()
    return None


def _received_at(contents: Contents) -> datetime:
    return max(head.received_at for head, _ in contents.pages)


def _respool(into: Spool, contents: Contents) -> Spooled:
    draft = into.draft(contents.header)
    try:
        for head, wire in contents.pages:
            draft.page(head, wire)
        return draft.accept(contents.trailer)
    finally:
        draft.discard()
