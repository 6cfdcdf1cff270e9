"""The quarantine at work: give files up for good. First the log says so, and only then they are deleted.

May be cut off after any line and simply called again: what the log gives up and is still there is deleted then.
Who deletes holds a ``Housekeeping``; the landing path does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from coleta.errors import Corrupt
from coleta.land.batch import MAX_MEMBERS
from coleta.land.commit import Head
from coleta.land.jail import Jail
from coleta.land.record import QuarantineFile
from coleta.land.redrive import Order, compose_expired
from coleta.land.retention import judge
from coleta.ports import Housekeeping
from coleta.runtime.log import follow
from coleta.runtime.opening import confirm
from coleta.runtime.putting import author_of
from coleta.runtime.redrive import ROUNDS, Progress, Wanted, catch_up, extend, silent
from coleta.runtime.station import Station
from coleta.terms import Terms

QUARANTINE = "_quarantine/"


@dataclass(frozen=True, slots=True)
class Discarded:
    """Files that a discard gives up, or would; and those left, which hold records for other reasons too."""

    files: tuple[QuarantineFile, ...] = ()
    mixed: tuple[QuarantineFile, ...] = ()
    deleted: int = 0
    """Files taken away, those of an earlier discard that was cut off included."""


def to_discard(jail: Jail, wanted: Wanted) -> Discarded:
    """What a discard of `wanted` would give up now."""
    meant = [file for one in jail.jailed() if wanted.fits(one) for file in one.files]
    # A file that two answers share is one file.
    by_path = {file.path: file for file in meant}
    whole = tuple(file for file in by_path.values() if wanted.fits_wholly(file))
    kept = {file.path for file in whole}
    mixed = tuple(file for path, file in by_path.items() if path not in kept and wanted.reason in file.reasons)
    return Discarded(whole, mixed)


def discard(station: Station, housekeeping: Housekeeping, wanted: Wanted, *, progress: Progress = silent) -> Discarded:
    """Give up what of the quarantine is `wanted`: first the log says so, and only then the files are deleted.

    Raises:
        StoreUnavailable: the store does not answer; called again, it goes on where it was.
        Corrupt: the log is damaged.

    """
    confirm(station.store, station.identity)
    jail = Jail()
    given_up: list[QuarantineFile] = []
    mixed: tuple[QuarantineFile, ...] = ()
    for _ in range(ROUNDS):
        head = follow(station.store, station.index, station.identity)
        catch_up(jail, station, head)
        found = to_discard(jail, wanted)
        mixed = found.mixed
        some = found.files[:MAX_MEMBERS]
        if not some:
            break
        if _give_up(station, head, [file.path for file in some]):
            given_up += some
    deleted = _delete_expired(station, housekeeping, progress)
    return Discarded(tuple(given_up), mixed, deleted)


def _give_up(station: Station, head: Head, paths: Sequence[str]) -> bool:
    order = Order(station.identity, terms_before(station), author_of(station.world))
    with closing(station.scratch.file()) as sink:
        record = compose_expired(paths, head, order, sink=sink)
        return extend(station, head, record, sink) is not None


def terms_before(station: Station) -> Terms:
    """The terms of the newest record: an object without rows has those of the one before it."""
    (newest,) = station.index.commits(newest=1)
    name = f"_ledger/terms/{newest.record.terms}.json"
    stored = station.store.read(name)
    if stored is None:
        raise Corrupt("the terms of a data object are missing", where=name, hint="coleta verify tells more")
    return Terms.from_json(stored)


def _delete_expired(station: Station, housekeeping: Housekeeping, progress: Progress) -> int:
    # The listing only hints which files are still there; that one may go, the log says.
    there = list(station.store.names(QUARANTINE))
    gone = judge(there, station.index.commits(naming=there), before=None).gone
    for done, name in enumerate(gone, start=1):
        housekeeping.delete(name)
        progress(done, len(gone))
    return len(gone)
