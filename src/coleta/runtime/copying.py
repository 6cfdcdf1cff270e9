"""What a move copies, thing by thing: read here, checked as an audit checks it, and put there create-only.

Called again for what is there already, each finds the same bytes and changes nothing. What lies there with other
bytes is never touched: then the place is not what it was taken for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable

from coleta.errors import Corrupt, Doubtful, Misconfigured, StoreUnavailable
from coleta.land.commit import Committed, Identity
from coleta.land.inspect import inspect_object, is_whole
from coleta.land.kept import FOLDER as KEPT_HEADS
from coleta.land.kept import decode_kept
from coleta.land.rollup import FOLDER as ROLL_UPS
from coleta.land.rollup import decode_rollup
from coleta.ports import Created, ObjectStore
from coleta.runtime.archive import FOLDER as ARCHIVE
from coleta.runtime.archive import digest16
from coleta.runtime.log import footer_in
from coleta.runtime.opening import Premises
from coleta.runtime.putting import PUT_TRIES

Landed = Callable[[Collection[str]], Collection[str]]
"""Which of the answers with these first 16 characters of their ids have landed."""

LOOSE = ("_superseded/", ARCHIVE)
"""Where answers lie that no record may name, and that are promised all the same. What was set aside comes first, so
that nobody takes it up from the archive."""


def put_same(store: ObjectStore, name: str, body: bytes) -> int:
    """Put `body` under `name`; 1 if it was not there before, 0 if the same bytes were.

    Raises:
        Misconfigured: something else lies there.
        StoreUnavailable: it neither stores it nor says that it exists.

    """
    sha256 = hashlib.sha256(body).hexdigest()
    if store.size(name) is None:
        for _ in range(PUT_TRIES):
            try:
                if isinstance(store.create(name, body, sha256=sha256), Created):
                    return 1
            except Doubtful:
                pass  # only the name tells
            if store.size(name) is not None:
                break
    found = store.read(name)
    if found is None:
        raise StoreUnavailable("it neither stores an object nor says that it exists", where=name)
    if found != body:
        raise Misconfigured(
            "something else lies there under this name",
            where=name,
            hint="choose another place for the log, where nothing lies",
        )
    return 0


def copy_object(old: ObjectStore, new: ObjectStore, committed: Committed) -> int:
    """Copy the data object of `committed`; how many were put.

    Raises:
        Corrupt: it is missing, or not as it was written.

    """
    body = old.read(committed.name)
    if body is None:
        raise Corrupt("a data object is missing", where=committed.name, hint="coleta verify tells more")
    footer = footer_in(committed.name, body, whole=True)
    if footer.retired:
        whole = next(inspect_object(body, committed.record, retired=True), None) is None
    else:
        whole = is_whole(body, committed.record)
    if footer.committed.digest != committed.digest or not whole:
        raise Corrupt("it is not as it was written", where=committed.name, hint="coleta verify --data tells more")
    return put_same(new, committed.name, body)


def copy_named(old: ObjectStore, new: ObjectStore, path: str, sha256: str) -> int | None:
    """Copy the file that a record names with this digest; how many were put, None where it is missing.

    Raises:
        Corrupt: its bytes have another digest.

    """
    body = old.read(path)
    if body is None:
        return None
    if hashlib.sha256(body).hexdigest() != sha256:
        raise Corrupt("it does not have the digest that its record says", where=path, hint="coleta verify tells more")
    return put_same(new, path, body)


def copy_terms(places: tuple[Premises, Premises], digests: Iterable[str]) -> int:
    """Copy these terms; how many were put.

    Raises:
        Corrupt: they are missing, or their bytes have another digest.

    """
    old, new = places
    count = 0
    for digest in sorted(digests):
        name = f"_ledger/terms/{digest}.json"
        done = copy_named(old.store, new.store, name, digest)
        if done is None:
            raise Corrupt("a record names these terms, and they are not there", where=name)
        count += done
    return count


def copy_loose(
    old: ObjectStore,
    new: ObjectStore,
    identity: Identity,
    *,
    without: Collection[str] = (),
    landed: Landed = lambda answers: (),
) -> int:
    """Copy answers that no record may name, the roll-ups and the kept heads; how many were put.

    Left out are the files `without`, and archived answers of which `landed` says that they have landed.
    """
    count = 0
    for folder in LOOSE:
        names = list(old.names(folder))
        settled = landed([digest16(name) for name in names]) if folder == ARCHIVE else ()
        for name in names:
            if name in without or digest16(name) in settled or new.size(name) is not None:
                continue  # put create-only with its digest, so that what is there is whole
            body = old.read(name)
            if body is not None:
                count += put_same(new, name, body)
    for folder in (ROLL_UPS, KEPT_HEADS):
        for name in old.names(folder):
            body = old.read(name)
            if body is not None and new.size(name) is None and _is_sound(name, body, identity):
                count += put_same(new, name, body)
    return count


def _is_sound(name: str, body: bytes, identity: Identity) -> bool:
    """Whether a roll-up or a kept head may come along: they are derived, so that a damaged one is left behind."""
    try:
        if name.startswith(KEPT_HEADS):
            return decode_kept(name, body).head.uuid == identity.uuid
        return decode_rollup(name, body).uuid == identity.uuid
    except Corrupt:
        return False
