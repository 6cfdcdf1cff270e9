"""Before the first step: whose log is this, and does the store keep its word? Then a stream is open.

Only the first start needs the store. Later the identity and the probe's result are remembered
beside the spool, so that collecting goes on through an outage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from coleta.collect.cadence import first_tick
from coleta.collect.clocks import EARLIEST
from coleta.errors import Corrupt, Doubtful, Misconfigured, Retryable, StoreUnavailable, WrongClock
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.moving import ORIGIN_NAME
from coleta.land.rollup import ROLL_UP_COMMITS
from coleta.land.table import check_change
from coleta.ports import Cell, Created, Exists, Housekeeping, Ids, Index, Notes, ObjectStore, Scratch, Spool, Table
from coleta.runtime.archive import ArchivingSpool, adopt
from coleta.runtime.events import Opened
from coleta.runtime.leases import LeaseHolder
from coleta.runtime.log import follow, read_commit
from coleta.runtime.recalling import Recalling
from coleta.runtime.station import Station, World
from coleta.stream import Stream
from coleta.terms import Terms

PROBE_NAME = "_coleta/probe"
PROBE_BODY = b"Coleta asks here whether this store honours create-only puts. Leave this object in place.\n"

_TRIES = 5


def probe(root: ObjectStore) -> None:
    """Make sure that the store refuses a second create of one name.

    Raises:
        Misconfigured: it does not: exactly-once landing is impossible there.
        StoreUnavailable: it could not be told.

    """
    sha256 = hashlib.sha256(PROBE_BODY).hexdigest()
    for _ in range(_TRIES):
        try:
            root.create(PROBE_NAME, PROBE_BODY, sha256=sha256)
            if root.size(PROBE_NAME) is None:
                continue
            if isinstance(root.create(PROBE_NAME, PROBE_BODY, sha256=sha256), Exists):
                return
        except Doubtful:
            continue
        raise Misconfigured(
            "the store lets an object be created twice, so landing exactly once is impossible there",
            where=PROBE_NAME,
            hint="use a store that honours create-only puts (If-None-Match), or a local folder",
        )
    raise StoreUnavailable("the probe got no clear answer", where=PROBE_NAME)


def identify(store: ObjectStore, stream: Stream, ids: Ids, now: datetime) -> Identity:
    """The identity of the log under the stream's path; created if there is none yet.

    Raises:
        Misconfigured: the path belongs to another project or stream.
        WrongClock: there is none, and `now` cannot be right: a log is never begun in 1970.
        Retryable: a log is on its way there.
        StoreUnavailable: it could not be told.

    """
    for _ in range(_TRIES):
        stored = store.read(IDENTITY_NAME)
        if stored is not None:
            identity = Identity.from_json(stored)
            check_owner(identity, stream)
            return identity
        if now < EARLIEST:
            # Its first tick would be kept for ever, and the decades since then be written down as missed.
            raise WrongClock(
                f"this machine's clock says {now:%Y-%m-%d %H:%M}, which cannot be right, so no log is begun",
                where=f"{stream.store}/{stream.path}",
                hint="set the clock (NTP); a service goes on by itself then",
            )
        _refuse_what_is_on_its_way(store)
        mine = Identity(ids.uuid(), stream.project, stream.log_name, first_tick(stream.schedule, now), now)
        body = mine.to_json()
        try:
            if isinstance(store.create(IDENTITY_NAME, body, sha256=hashlib.sha256(body).hexdigest()), Created):
                return mine
        except Doubtful:
            continue
    raise StoreUnavailable("it neither stores the identity nor says that one exists", where=IDENTITY_NAME)


def _refuse_what_is_on_its_way(store: ObjectStore) -> None:
    """Begin no log where another one is about to come: its identity is the last of it.

    Raises:
        Retryable: a move to this place has not ended.

    """
    if store.read(ORIGIN_NAME) is not None:
        raise Retryable(
            "a log is on its way to this place, and not all of it has come",
            where=ORIGIN_NAME,
            hint="wait, or run the same `coleta move` again where it was cut off; collecting goes on by itself then",
        )


def check_owner(identity: Identity, stream: Stream) -> None:
    """Refuse to land one stream in another's log.

    Raises:
        Misconfigured: project or stream do not agree.

    """
    if (identity.project, identity.stream) != (stream.project, stream.log_name):
        hint = "give the stream another `path`, or the project its old name"
        if identity.project == stream.project and stream.was is None:
            hint = f'give it another `path`; or if it is that stream under a new name, write was = "{identity.stream}"'
        raise Misconfigured(
            f"this path belongs to stream {identity.stream!r} of project {identity.project!r}, "
            f"not to stream {stream.log_name!r} of project {stream.project!r}",
            where=f"{stream.store}/{stream.path}",
            hint=hint,
        )


def check_newest(store: ObjectStore, index: Index, identity: Identity) -> None:
    """Make sure that the newest commit this machine remembers still exists, unchanged.

    Raises:
        Corrupt: it is missing or another: the store was restored, or objects were removed by hand.
        StoreUnavailable: it could not be told.

    """
    for known in index.commits(newest=1):
        found = read_commit(store, known.name)
        if known.record.uuid == identity.uuid and (found is None or found.digest != known.digest):
            raise Corrupt(
                "the newest commit that this machine remembers is " + ("missing" if found is None else "another"),
                where=known.name,
                hint="run `coleta verify`; if the store was restored on purpose, remove the index beside the spool",
            )


def check_columns(station: Station) -> None:
    """Make sure that the stream's table can follow its contract, before anything lands under it.

    Raises:
        Misconfigured: it cannot: the message is the diff.
        StoreUnavailable: it could not be told.

    """
    terms = station.stream.terms
    for newest in station.index.commits(newest=1):
        name = f"_ledger/terms/{newest.record.terms}.json"
        if newest.record.terms != terms.digest and (stored := station.store.read(name)) is not None:
            check_change(Terms.from_json(stored), terms, where=f"stream.{station.stream.name}.contract")


@dataclass(frozen=True, slots=True)
class Premises:
    """What is at hand before a stream is open: its store, and this machine's place for it.

    ``root`` is the store itself, ``store`` the same below the stream's path. The spool and the index
    are made once the identity is known, since both are for one log only.
    """

    stream: Stream
    root: ObjectStore
    store: ObjectStore
    notes: Notes
    scratch: Scratch
    spool_for: Callable[[Identity], Spool]
    index_for: Callable[[Identity], Index]
    clock_url: str | None = None
    """Where the store's time can be asked."""
    cell: Cell | None = None
    """Where the stream's lease lies; None: it takes none."""
    table: Table | None = None
    """The table that what has landed is registered in; None: the stream has none."""
    ahead: Callable[[ObjectStore], ObjectStore] | None = None
    """Reads `store` ahead, where each object takes a while: for a first start, which reads many in a row."""
    rolled: int = ROLL_UP_COMMITS
    """How many commits a roll-up holds: other than a thousand only for trials."""
    housekeeping: Housekeeping | None = None
    """What can delete, for a service's upkeep; None: it does none. No station holds it."""


def open_station(premises: Premises, world: World) -> Station:
    """Open a stream: with its store if that answers, else from what is remembered.

    Raises:
        StoreUnavailable: the store does not answer, and too little is remembered to go on without it.
        Misconfigured: the store or the path cannot be used for this stream.
        Corrupt: the log breaks its rules.

    """
    stored = premises.notes.recall("identity")
    remembered = None if stored is None else Identity.from_json(stored)
    if remembered is not None:
        check_owner(remembered, premises.stream)
    try:
        station = bare_station(premises, world, _agreed_identity(premises, world, remembered))
        check_newest(station.store, station.index, station.identity)
        head = follow(_reading(premises, station.index), station.index, station.identity, rolled=premises.rolled)
        if station.table is not None:
            check_columns(station)
        if premises.stream.archive == "first":
            # Before anything is asked: what a machine that died was promised to keep need not be asked again.
            adopt(station)
        if head.seq == 0:
            # Remembered, so that a later start during an outage knows that the log was still empty.
            station.index.enter(head, None)
    except StoreUnavailable:
        if remembered is None or premises.notes.recall("probe") is None:
            raise
        station = bare_station(premises, world, remembered)
        known = station.index.head()
        if known is None or known.uuid != remembered.uuid:
            raise
        head = known
    world.tell(Opened(premises.stream.name, station.identity.uuid, head.seq))
    return station


def _reading(premises: Premises, index: Index) -> ObjectStore:
    """The store as the log is followed in it: far behind, many objects are read one after the other."""
    return premises.store if premises.ahead is None or index.head() is not None else premises.ahead(premises.store)


def confirm(store: ObjectStore, identity: Identity) -> None:
    """Make sure that the log is still the one that this machine has landed in.

    Raises:
        Misconfigured: it is gone, or another lies in its place.
        Retryable: it is on its way there.
        StoreUnavailable: it could not be told.

    """
    stored = store.read(IDENTITY_NAME)
    if stored is None:
        _refuse_what_is_on_its_way(store)
    if stored is None or Identity.from_json(stored).uuid != identity.uuid:
        raise Misconfigured(
            f"the log {identity.uuid} that this machine has landed in is no longer there",
            where=IDENTITY_NAME,
            hint="bring the store back; or, to begin anew on purpose, move the stream's spool folder away",
        )


def _agreed_identity(premises: Premises, world: World, remembered: Identity | None) -> Identity:
    if premises.notes.recall("probe") is None:
        probe(premises.root)
        premises.notes.remember("probe", PROBE_BODY)
    if remembered is not None:
        confirm(premises.store, remembered)
        return remembered
    identity = identify(premises.store, premises.stream, world.ids, world.clock.now())
    premises.notes.remember("identity", identity.to_json())
    return identity


def bare_station(premises: Premises, world: World, identity: Identity) -> Station:
    """The stream's ports put together; nothing is asked of the store yet."""
    spool = premises.spool_for(identity)
    if premises.stream.archive == "first":
        spool = ArchivingSpool(spool, premises.store, premises.scratch)
    return Station(
        stream=premises.stream,
        identity=identity,
        world=world,
        spool=spool,
        store=premises.store,
        index=Recalling(premises.index_for(identity), premises.store, identity, rolled=premises.rolled),
        scratch=premises.scratch,
        clock_url=premises.clock_url,
        lease=_lease(premises, world, identity),
        notes=premises.notes,
        table=premises.table,
    )


def _lease(premises: Premises, world: World, identity: Identity) -> LeaseHolder | None:
    if premises.cell is None or not premises.stream.lease:
        return None
    # Remembered beside the spool: after a restart the lease is still this machine's.
    owner = premises.notes.recall("lease_owner")
    if owner is None:
        owner = world.ids.nonce().encode()
        premises.notes.remember("lease_owner", owner)
    return LeaseHolder(premises.cell, world.clock, uuid=identity.uuid, owner=owner.decode())
