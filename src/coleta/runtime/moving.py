"""Moving a log to another place: copy, end it here, copy what came meanwhile, and only then let it begin there.

Promises that of the two places at most one can be landed in at any time, whoever lands with whatever project file. May
be cut off after any line and simply called again. Deletes and overwrites nothing, in either place.

1. The new place is taken for this log (``moved_from.json``), so that no other begins there meanwhile.
2. What the log names is copied, each thing checked as an audit does, while others may go on landing here.
3. The fence: a ``moved`` record takes the name of the next commit. Nobody lands here any more.
4. What came until then is copied, and what no record names but must not be lost.
5. The identity is put in the new place: from here on the log goes on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock

from coleta.errors import Corrupt, Misconfigured, StoreUnavailable
from coleta.land.commit import IDENTITY_NAME, Committed, Head, Identity
from coleta.land.moving import ORIGIN_NAME, Origin, gone
from coleta.land.record import Place
from coleta.land.redrive import Order, compose_moved
from coleta.land.watermark import MARK_NOTE
from coleta.ports import Index, ObjectStore
from coleta.runtime.copying import copy_loose, copy_named, copy_object, copy_terms, put_same
from coleta.runtime.log import follow_to_end
from coleta.runtime.opening import PROBE_BODY, Premises, check_newest, check_owner, confirm, identify, probe
from coleta.runtime.pausing import NOTE as PAUSED
from coleta.runtime.putting import author_of, no_room, put_commit, put_note
from coleta.runtime.recalling import Recalling
from coleta.runtime.redrive import Progress, silent
from coleta.runtime.station import World
from coleta.stream import Stream
from coleta.terms import Terms, canonical

ROUNDS = 1_000
"""How often others may land before the fence stands: each time they have, so this is a thousand of their ticks."""

LARGE_ROWS = 100_000
"""Objects of more rows are copied one by one, so that threads do not hold many of them in memory: some 10 MB each."""

AT_ONCE = 64
"""So many commits are handed to threads together: what a stop has to wait for, a second or so."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stream's log where it lies and where it is to lie; ``threads`` is how much is copied at once."""

    old: Premises
    new: Premises
    world: World
    threads: int = 1

    @property
    def to(self) -> Place:
        """The new place."""
        return place_of(self.new.stream)


@dataclass(frozen=True, slots=True)
class Moved:
    """What one call did: how many objects and files it copied, and how many commits the log has."""

    uuid: str
    commits: int
    copied: int


def place_of(stream: Stream) -> Place:
    """Where `stream` lies."""
    return Place(stream.store, stream.path)


def move(passage: Passage, *, progress: Progress = silent) -> Moved:
    """Move the log; what this machine remembers of it is remembered for the new place, too.

    Raises:
        Misconfigured: something else lies in the new place, or the log has moved to another one.
        Corrupt: something that the log names is missing or damaged; before the fence, unless it came about meanwhile.
        StoreUnavailable: a store does not answer; called again, it goes on where it was.
        SpoolRefused: there is no room to build the fence, or to remember the place.

    """
    old, new = passage.old, passage.new
    identity = _identity(passage)
    probe(new.root)
    arrived = _take(passage, identity)
    index = Recalling(old.index_for(identity), old.store, identity, rolled=old.rolled)
    work = _Move(passage, identity, index, progress)
    check_newest(old.store, work.index, identity)
    head = work.learn()
    if arrived and head.moved_to is None:
        raise Misconfigured(
            "this log lies there already, and has not ended here: two copies of it",
            where=str(passage.to),
            hint="if it is the same place under another name, or a copy that you have made, change only coleta.toml",
        )
    if not arrived:
        work.copy()
        work.fence()
        work.copy()
    work.copied += copy_loose(old.store, new.store, identity, without=work.given_up)
    stored = old.store.read(IDENTITY_NAME)
    if stored is None:
        raise Corrupt("it says whose log this is, and it is not there any more", where=IDENTITY_NAME)
    put_same(new.store, IDENTITY_NAME, stored)
    _remember(passage, stored)
    return Moved(identity.uuid, work.known, work.copied)


def _identity(passage: Passage) -> Identity:
    """Whose log lies in the old place. Where none does yet one is begun, so that it can be ended for all others."""
    old, world = passage.old, passage.world
    remembered = old.notes.recall("identity")
    if remembered is not None:
        identity = Identity.from_json(remembered)
        check_owner(identity, old.stream)
        confirm(old.store, identity)
        return identity
    if old.store.read(IDENTITY_NAME) is None:
        probe(old.root)
    return identify(old.store, old.stream, world.ids, world.clock.now())


def gather(old: ObjectStore, new: ObjectStore, index: Index) -> int:
    """Copy what other machines have put into the `old` place after the log had gone; how many files. Needs no lock.

    Raises:
        StoreUnavailable: a store does not answer.

    """
    stored, here = old.read(IDENTITY_NAME), new.read(IDENTITY_NAME)
    if stored is None or here is None or stored != here:
        return 0  # it was removed since, or another log has begun there
    return copy_loose(old, new, Identity.from_json(here), landed=index.landed)


def taken_by(store: ObjectStore, identity: Identity) -> str | None:
    """Why a place cannot be taken for the log `identity`; None if it can, or has been."""
    there, origin = store.read(IDENTITY_NAME), store.read(ORIGIN_NAME)
    if there is not None and Identity.from_json(there).uuid != identity.uuid:
        return "another log lies there"
    if there is not None and origin is None:
        return "this very log lies there already: the same place under another name, or a copy made by hand"
    if origin is not None and Origin.from_json(origin).uuid != identity.uuid:
        return "it is taken for another log that is to come there"
    if origin is None and next(iter(store.names("data/")), None) is not None:
        return "data lies there already"
    return None


def _take(passage: Passage, identity: Identity) -> bool:
    """Take the new place for this log; whether all of it has come there by an earlier call."""
    new, here = passage.new, place_of(passage.old.stream)
    for last in (False, True):
        why = taken_by(new.store, identity)
        if why is not None:
            raise Misconfigured(why, where=str(passage.to), hint="choose another place, where nothing lies")
        if not last and new.store.read(ORIGIN_NAME) is None:
            # Looked at again after the put: another may have been first.
            put_note(new.store, ORIGIN_NAME, Origin(identity.uuid, here.store, here.path).to_json())
    return new.store.read(IDENTITY_NAME) is not None


def _remember(passage: Passage, identity: bytes) -> None:
    """Notes for the new place: a start during an outage needs them, and a paused stream stays so."""
    old, new = passage.old.notes, passage.new.notes
    paused = old.recall(PAUSED)
    if paused is not None and new.recall(PAUSED) is None:
        new.remember(PAUSED, paused)
    if new.recall(MARK_NOTE):
        new.remember(MARK_NOTE, b"")  # a table is made anew in the new place, from the log that it registers
    if new.recall("identity") != identity:
        new.remember("identity", identity)
    if new.recall("probe") is None:
        new.remember("probe", PROBE_BODY)


@dataclass(slots=True)
class _Move:
    """One call under way."""

    passage: Passage
    identity: Identity
    index: Index
    progress: Progress
    known: int = 0
    """The newest commit learned, ``done`` the newest that was copied."""
    done: int = 0
    copied: int = 0
    given_up: set[str] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    one_at_a_time: Lock = field(default_factory=Lock)
    large: Lock = field(default_factory=Lock)

    def learn(self) -> Head:
        """The log's head now, with what its records give up."""
        with self.one_at_a_time:
            head = follow_to_end(self.passage.old.store, self.index, self.identity, rolled=self.passage.old.rolled)
            known = head.seq - (head.moved_to is not None)
            for committed in self.index.commits(newest=max(known - self.known, 0)):
                record = committed.record
                # What is named again after it was given up is there again.
                self.given_up.difference_update(file.path for file in record.quarantine)
                self.given_up.difference_update(file.path for file in record.archive)
                if record.kind == "expired":
                    self.given_up.update(record.redrives)
            self.known = max(self.known, known)
            return head

    def copy(self) -> None:
        """Copy what the commits name that were learned and not copied yet."""
        waiting = self.index.commits(newest=self.known - self.done)
        while some := list(islice(waiting, AT_ONCE)):
            self.copied += copy_terms(self._stores(), {one.record.terms for one in some} - self.terms)
            self.terms.update(one.record.terms for one in some)
            self.copied += sum(self._each(some))
            self.done = some[-1].record.seq
            self.progress(self.done, self.known)

    def fence(self) -> None:
        """End the log in the old place; whoever has done so, it must go on at the very place that is meant."""
        old, to = self.passage.old, self.passage.to
        for _ in range(ROUNDS):
            head = self.learn()
            if head.moved_to == to:
                return
            if head.moved_to is not None:
                raise gone(head.moved_to, self.identity)
            order = Order(self.identity, self._terms_before(), author_of(self.passage.world))
            with closing(old.scratch.file()) as sink:
                try:
                    record = compose_moved(to, head, order, sink=sink)
                except OSError as error:
                    raise no_room(error) from None
                put_commit(old.store, head.next, record, sink)
        here = str(place_of(old.stream))
        raise StoreUnavailable("others land here so often that the log cannot be ended", where=here)

    def _stores(self) -> tuple[Premises, Premises]:
        return self.passage.old, self.passage.new

    def _each(self, some: Iterable[Committed]) -> Iterator[int]:
        if self.passage.threads == 1:
            yield from map(self._copy_commit, some)
            return
        with ThreadPoolExecutor(self.passage.threads, thread_name_prefix="copy") as pool:
            yield from pool.map(self._copy_commit, some)

    def _copy_commit(self, committed: Committed) -> int:
        old, new = self.passage.old.store, self.passage.new.store
        count = 0
        named = [(file.path, file.sha256) for file in committed.record.quarantine]
        named += [(file.path, file.sha256) for file in committed.record.archive]
        for path, sha256 in named:
            if path in self.given_up:
                continue
            if (done := copy_named(old, new, path, sha256)) is None:
                self._require_given_up(path)
            count += done or 0
        with self.large if committed.record.rows > LARGE_ROWS else nullcontext():
            return count + copy_object(old, new, committed)

    def _require_given_up(self, path: str) -> None:
        """A file that is missing may be one that another machine has given up, and then deleted, meanwhile."""
        self.learn()
        if path not in self.given_up:
            raise Corrupt("a record names this file, and it is not there", where=path, hint="coleta verify tells more")

    def _terms_before(self) -> Terms:
        """The terms of the newest record, which an object without rows has, too; of an empty log the stream's."""
        store = self.passage.old.store
        for newest in self.index.commits(newest=1):
            name = f"_ledger/terms/{newest.record.terms}.json"
            stored = store.read(name)
            if stored is None:
                raise Corrupt("the terms of a data object are missing", where=name, hint="coleta verify tells more")
            return Terms.from_json(stored)
        terms = self.passage.old.stream.terms
        put_note(store, f"_ledger/terms/{terms.digest}.json", canonical(terms))
        return terms
