"""The quarantine at work: land what decodes by the terms of now. Never asks the API, never deletes.

What is open is judged against the head that the next object extends, again after each lost race. May be cut off
after any line and simply called again: what is taken up once is open no more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head
from coleta.land.jail import Jail, Jailed, Rows
from coleta.land.quarantine import unpacked
from coleta.land.record import QuarantineFile, Record, encode_record, folder_date, record_digest
from coleta.land.redrive import (
    Cells,
    Fate,
    Order,
    Redriven,
    choose,
    compose_redrive,
    compose_way,
    fate_of,
    keys_in,
)
from coleta.ports import ObjectStore
from coleta.runtime.events import Landed
from coleta.runtime.log import follow
from coleta.runtime.opening import confirm
from coleta.runtime.putting import author_of, no_room, put_commit, put_note
from coleta.runtime.station import Station
from coleta.terms import Terms, canonical

if TYPE_CHECKING:
    import pyarrow as pa

ROUNDS = 100_000
"""How many objects one call makes, or loses to others: some 270 years of a day each. Each round makes progress."""

Progress = Callable[[int, int], None]
"""Is told how many answers, or files, are done, and how many there are."""


def silent(done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which tick, and with which reason among its records, what is in the quarantine is meant."""

    tick: datetime | None = None
    reason: str | None = None

    def fits(self, one: Jailed) -> bool:
        """Whether `one` has something that is meant."""
        return self.tick in (None, one.account.tick.end) and any(self._has(file) for file in one.files)

    def fits_wholly(self, file: QuarantineFile) -> bool:
        """Whether nothing else is in `file`."""
        return self.reason is None or set(file.reasons) == {self.reason}

    def _has(self, file: QuarantineFile) -> bool:
        return self.reason is None or self.reason in file.reasons


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: its commits, and the fate of each answer that it looked at."""

    commits: tuple[Committed, ...] = ()
    fates: tuple[Fate, ...] = ()

    @property
    def landed(self) -> int:
        """How many records landed, or would."""
        return sum(fate.landed for fate in self.fates if fate.why is None)

    @property
    def left(self) -> int:
        """How many records, or pages, stay in the quarantine."""
        kept = (sum(file.count for file in fate.jailed.files) for fate in self.fates if fate.why is not None)
        return sum(kept) + sum(fate.quarantined for fate in self.fates if fate.why is None)


def foresee(store: ObjectStore, jail: Jail, terms: Terms, wanted: Wanted, *, progress: Progress = silent) -> Replayed:
    """What a replay would do now; nothing is changed.

    Raises:
        StoreUnavailable, Corrupt: the quarantine cannot be read.

    """
    meant = [one for one in jail.jailed() if wanted.fits(one)]
    fates: list[Fate] = []
    for one in meant:
        fates.append(fate_of(one, terms, cells_of(store, terms)))
        progress(len(fates), len(meant))
    return Replayed(fates=tuple(fates))


def replay(station: Station, wanted: Wanted, *, progress: Progress = silent) -> Replayed:
    """Land what of the quarantine decodes by the stream's terms of now; the rest stays, under a new name or its old.

    Raises:
        StoreUnavailable: the store does not answer; what was committed before stands.
        Corrupt: the log or a quarantine file is damaged.
        SpoolRefused: there is no room to build an object.

    """
    confirm(station.store, station.identity)
    work = _Replay(station, wanted)
    for _ in range(ROUNDS):
        if not work.round(progress):
            break
    return Replayed(tuple(work.commits), tuple(work.fates))


@dataclass(slots=True)
class _Replay:
    """One call of ``replay`` under way."""

    station: Station
    wanted: Wanted
    jail: Jail = field(default_factory=Jail)
    commits: list[Committed] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    done: set[tuple[str, ...]] = field(default_factory=set)
    """The files of answers that were looked at, so that what is left of one is not looked at for ever."""

    def round(self, progress: Progress) -> bool:
        """Make the next object; whether there may be more to do."""
        station = self.station
        head = follow(station.store, station.index, station.identity)
        catch_up(self.jail, station, head)
        meant = [one for one in self.jail.jailed() if self.wanted.fits(one) and one.paths not in self.done]
        progress(len(self.fates), len(self.fates) + len(meant))
        members = choose(meant, folder=folder_date(head.next))
        if not members:
            return False
        terms = station.stream.terms
        order = Order(station.identity, terms, author_of(station.world))
        with closing(station.scratch.file()) as sink:
            try:
                redriven = _composed(members, head, order, cells_of(station.store, terms), sink)
            except Corrupt:
                # A file that another has just given up is gone, and the log says so: what is open is judged anew.
                if follow(station.store, station.index, station.identity).seq == head.seq:
                    raise
                return True
            if redriven.record is None:
                self._note(redriven)
                return True
            _put_notes(station.store, terms, redriven)
            if folder_date(head.next) != members[0].day:
                _turn(station, members[0], head)
                return True
            committed = extend(station, head, redriven.record, sink)
        if committed is not None:
            self.commits.append(committed)
            self._note(redriven)
        return True

    def _note(self, redriven: Redriven) -> None:
        self.fates += redriven.fates
        self.done.update(fate.jailed.paths for fate in redriven.fates)
        self.done.update((one.file.path,) for one in redriven.quarantine)


def _composed(members: Sequence[Jailed], head: Head, order: Order, cells: Cells, sink: BinaryIO) -> Redriven:
    try:
        return compose_redrive(members, head, order, cells=cells, sink=sink)
    except OSError as error:
        raise no_room(error) from None


def _turn(station: Station, member: Jailed, head: Head) -> None:
    order = Order(station.identity, station.stream.terms, author_of(station.world))
    with closing(station.scratch.file()) as sink:
        record = compose_way(member.day, station.stream.schedule.to_json(), head, order, sink=sink)
        extend(station, head, record, sink)


def _put_notes(store: ObjectStore, terms: Terms, redriven: Redriven) -> None:
    put_note(store, f"_ledger/terms/{terms.digest}.json", canonical(terms))
    for one in redriven.quarantine:
        put_note(store, one.file.path, one.body)


def extend(station: Station, head: Head, record: Record, sink: BinaryIO) -> Committed | None:
    """Put `record`'s object after `head`; None where another's was first, so that all is decided anew."""
    # A record that breaks a law is a bug, and must be met before it is put.
    head.after(Committed(head.next, record, record_digest(encode_record(record))))
    committed = put_commit(station.store, head.next, record, sink)
    if committed.record.nonce != record.nonce:
        return None
    station.index.enter(head.after(committed), committed)
    station.world.tell(Landed(station.stream.name, committed))
    return committed


def catch_up(jail: Jail, station: Station, head: Head) -> None:
    """Let `jail` learn what `station` has learned of the log up to `head`."""
    for committed in station.index.commits(newest=max(head.seq - jail.seq, 0)):
        jail.add(committed)


def cells_of(store: ObjectStore, terms: Terms) -> Cells:
    """The quarantine in `store`, for a redrive by `terms`."""

    def content(file: QuarantineFile) -> bytes:
        return unpacked(store.read(file.path), file)

    def keys(one: Jailed) -> Collection[Hashable]:
        return {key for rows in one.rows for key in keys_in(_batches(store, rows), rows, terms)}

    return Cells(content, keys)


def _batches(store: ObjectStore, rows: Rows) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = store.read(rows.name)
    if body is None:
        raise Corrupt("a data object is missing", where=rows.name, hint="coleta verify tells more")
    try:
        with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
            yield from file.iter_batches()
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it cannot be read: {error}", where=rows.name, hint="coleta verify tells more") from None
