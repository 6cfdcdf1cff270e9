"""Upkeep at work: what has been kept for as long as it was to be is given up, and only then deleted.

For each file the log says so first (``expired``), and what the log says is judged anew against the head that this
record extends. May be cut off after any line and simply called again: what was given up and still lies there is
deleted then. Safe beside collectors, and beside others that do the same. Never touches what no record names, but
for superseded answers, which other answers have made unneeded for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from coleta.collect.clocks import astray
from coleta.collect.spool import Contents, parse
from coleta.errors import Corrupt, StoreUnavailable
from coleta.land.batch import MAX_MEMBERS
from coleta.land.commit import Head
from coleta.land.contest import held_until
from coleta.land.redrive import Order, compose_expired
from coleta.land.retention import Judged, is_unneeded, judge, old_names
from coleta.ports import Housekeeping, ObjectStore
from coleta.runtime.archive import FOLDER as ARCHIVE
from coleta.runtime.clock_guard import ClockGuard
from coleta.runtime.discard import QUARANTINE, terms_before
from coleta.runtime.log import follow
from coleta.runtime.opening import confirm
from coleta.runtime.putting import author_of
from coleta.runtime.questions import Books, Shelves
from coleta.runtime.redrive import extend
from coleta.runtime.retirer import Retirer, count_retirable, has_table
from coleta.runtime.station import Station

SUPERSEDED = "_superseded/"

DELETES_AT_ONCE = 20
"""How many files one step deletes: a second or so in a store far away, so that a stop need not wait."""

_TRIES = 5
"""How often a record is composed anew because another's was first, before these files are left for the next time."""

Turn = Callable[[], AbstractContextManager[object]]
"""Keeps others in this process from extending the log meanwhile: what the index remembers must go forward only."""


@dataclass(slots=True)
class Done:
    """What upkeep has done for one stream, or would do; numbers of files."""

    expired: int = 0
    """Files that the log has given up."""
    deleted: int = 0
    """Files deleted; those of an earlier time that was cut off included."""
    superseded: int = 0
    """Of the deleted ones, superseded answers; their copies in the archive not counted."""
    kept: list[str] = field(default_factory=list)
    """Superseded answers that are old enough, and stay since nothing proves them unneeded."""
    rolled_up: int = 0
    """Roll-ups written."""
    retired: int = 0
    """Data objects whose rows were taken away."""
    under_a_table: bool = False
    """Rows are old enough, and stay, since a table lies over the data objects."""

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.expired or self.deleted or self.rolled_up or self.retired)


class Upkeep:
    """One round of upkeep of one stream, in small steps."""

    def __init__(self, station: Station, housekeeping: Housekeeping, *, turn: Turn = nullcontext) -> None:
        """Prepare; nothing is read yet."""
        self._station = station
        self._housekeeping = housekeeping
        self._turn = turn
        self._head = Head.genesis(station.identity)
        self.done = Done()

    def steps(self) -> Iterator[None]:
        """Do it; each step is a second or so of work.

        Raises:
            StoreUnavailable: the store does not answer, or this machine's clock cannot be trusted.
            Misconfigured: the store does not let anything be deleted, or another log lies there.
            Corrupt: the log is damaged.

        """
        station, kept_for = self._station, self._station.stream.retention
        confirm(station.store, station.identity)
        with self._turn():
            self._head = follow(station.store, station.index, station.identity)
        if kept_for.archive is not None:
            yield from self._files(ARCHIVE, kept_for.archive)
        if kept_for.quarantine is not None:
            yield from self._files(QUARANTINE, kept_for.quarantine)
        if kept_for.superseded is not None:
            yield from self._superseded(kept_for.superseded)
        if kept_for.data is not None:
            yield from self._data(kept_for.data)

    def _data(self, kept_for: timedelta) -> Iterator[None]:
        """Take the rows away that were committed longer ago than `kept_for`."""
        self.done.under_a_table = has_table(self._station.store)
        if self.done.under_a_table:
            return
        retirer = Retirer(self._station, self._housekeeping, before=_before(self._station, kept_for))
        for _ in retirer.steps():
            self.done.retired = retirer.retired
            yield

    def _files(self, folder: str, kept_for: timedelta) -> Iterator[None]:
        """Give up and delete what of `folder` was named longer ago than `kept_for`."""
        before, after = _before(self._station, kept_for), ""
        while names := _some(self._station.store, folder, before=before, after=after):
            after = names[-1]
            gone = self._judge(names, before).gone
            for path in (*gone, *(yield from self._give_up(names, before))):
                self._housekeeping.delete(path)
                self.done.deleted += 1
                if self.done.deleted % DELETES_AT_ONCE == 0:
                    yield
            yield

    def _judge(self, names: Sequence[str], before: datetime) -> Judged:
        return judge(names, self._station.index.commits(naming=names), before=before)

    def _give_up(self, names: Sequence[str], before: datetime) -> Generator[None, None, tuple[str, ...]]:
        """Let the log say which of `names` it gives up; these."""
        station = self._station
        for _ in range(_TRIES):
            with self._turn():
                head = follow(station.store, station.index, station.identity)
                due = self._judge(names, before).due
                held = held_until(head.wait, station.world.owner, station.world.clock.now())
                if not due or held is not None:
                    return ()
                if self._extended(head, due):
                    self.done.expired += len(due)
                    return due
            yield
        return ()

    def _extended(self, head: Head, paths: Sequence[str]) -> bool:
        station = self._station
        order = Order(station.identity, terms_before(station), author_of(station.world))
        with closing(station.scratch.file()) as sink:
            record = compose_expired(paths, head, order, sink=sink)
            return extend(station, head, record, sink) is not None

    def _superseded(self, kept_for: timedelta) -> Iterator[None]:
        """Delete superseded answers that came longer ago than `kept_for`, and that nobody can miss."""
        station, before, after = self._station, _before(self._station, kept_for), ""
        head = self._head
        while names := _some(station.store, SUPERSEDED, before=before, after=after):
            after = names[-1]
            for name in names:
                contents = _answer_in(station.store, name)
                if contents is None or not is_unneeded(name, contents, head, before=before):
                    self.done.kept.append(name)
                else:
                    self._delete_superseded(name, contents)
                yield

    def _delete_superseded(self, name: str, contents: Contents) -> None:
        answer = contents.trailer.answer or ""
        copy = name.replace(SUPERSEDED, ARCHIVE, 1)
        # The copy first: without the file that sets it aside it would be an accepted answer again. One that a record
        # names is the log's, and goes when the log gives it up.
        tick = contents.header.tick
        if not self._station.index.landed([answer], days=None if tick is None else [tick.date]):
            archived = _answer_in(self._station.store, copy)
            if archived is not None and archived.trailer.answer == answer:
                self._housekeeping.delete(copy)
                self.done.deleted += 1
        self._housekeeping.delete(name)
        self.done.deleted += 1
        self.done.superseded += 1


def foresee(shelves: Shelves, books: Books) -> Done:
    """What upkeep would do now, by `books`, which are those of `shelves`; nothing is changed.

    Raises:
        StoreUnavailable: the store cannot be read.

    """
    done, kept_for, store = Done(), books.stream.retention, shelves.store
    for folder, time in ((ARCHIVE, kept_for.archive), (QUARANTINE, kept_for.quarantine)):
        if time is not None:
            before = books.now - time
            judged = judge(list(old_names(store.names(folder), before=before)), books.commits, before=before)
            done.expired += len(judged.due)
            done.deleted += len(judged.due) + len(judged.gone)
    if kept_for.superseded is not None:
        before = books.now - kept_for.superseded
        for name in old_names(store.names(SUPERSEDED), before=before):
            contents = _answer_in(store, name)
            if contents is None or not is_unneeded(name, contents, books.head, before=before):
                done.kept.append(name)
            else:
                done.superseded += 1
                done.deleted += 1
    if kept_for.data is not None:
        done.under_a_table = has_table(store)
        if not done.under_a_table:
            done.retired = count_retirable(store, books.commits, before=books.now - kept_for.data)
    return done


def _before(station: Station, kept_for: timedelta) -> datetime:
    """What was committed earlier than this was kept for long enough."""
    world, ahead = station.world, timedelta(0)
    if world.clocks is not None and station.clock_url is not None:
        # With a look of its own: while one of the collector's guard is under way, others take what was seen before.
        ahead = ClockGuard(world.clock, world.transport).ahead(station.clock_url)
    if astray(ahead):
        what = f"this machine's clock is {abs(ahead)} off that of the store, so how old anything is cannot be told"
        raise StoreUnavailable(what, hint="set the clock right; nothing is deleted until then")
    return world.clock.now() - kept_for


def _some(store: ObjectStore, folder: str, *, before: datetime, after: str) -> list[str]:
    """The next names of `folder` that may be old enough: as many as one record gives up."""
    return list(islice(old_names(store.names(folder), before=before, after=after), MAX_MEMBERS))


def _answer_in(store: ObjectStore, name: str) -> Contents | None:
    """The answer in the file `name`; None where it is gone, damaged, or a newer version's."""
    stored = store.read(name)
    try:
        return None if stored is None else parse(name, stored)
    except Corrupt:
        return None
