"""Stage 2, step 5: putting what is composed, and telling who holds a name then. For all that extends a log.

Any doubtful answer of the store has one cure: read that name. Nothing is ever deleted on an error.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from coleta.errors import Doubtful, SpoolRefused, StoreUnavailable
from coleta.land.commit import Committed
from coleta.land.record import Author, Record, encode_record, record_digest
from coleta.ports import Created, ObjectStore
from coleta.runtime.log import read_commit
from coleta.runtime.station import World

PUT_TRIES = 5
"""How often one name is put and read back in a row before the store counts as unavailable."""


def put_commit(store: ObjectStore, name: str, record: Record, sink: BinaryIO) -> Committed:
    """Put the object and tell who holds `name` now: us, if its nonce is ours."""
    sink.seek(0)
    body = sink.read()
    sha256 = hashlib.sha256(body).hexdigest()
    for _ in range(PUT_TRIES):
        try:
            if isinstance(store.create(name, body, sha256=sha256), Created):
                return Committed(name, record, record_digest(encode_record(record)))
        except Doubtful:
            pass  # a lost response makes our own success look like a conflict: only the name tells
        found = read_commit(store, name)
        if found is not None:
            return found
    raise StoreUnavailable("it neither stores the next object nor says that one exists", where=name)


def put_note(store: ObjectStore, name: str, body: bytes) -> None:
    """Put an object whose name says what is in it, so that whoever put it first has put ours too."""
    sha256 = hashlib.sha256(body).hexdigest()
    for _ in range(PUT_TRIES):
        try:
            if isinstance(store.create(name, body, sha256=sha256), Created):
                return
        except Doubtful:
            pass
        if store.size(name) is not None:
            return
    raise StoreUnavailable("it neither stores an object nor says that it exists", where=name)


def no_room(error: OSError) -> SpoolRefused:
    """What it means that the disk did not take an object that was being built."""
    what = error.strerror or str(error)
    return SpoolRefused(f"no room to build what is to be put: {what}", hint="free some disk")


def author_of(world: World) -> Author:
    """Who composes now, with a nonce of its own."""
    return Author(owner=world.owner, tool=world.tool, nonce=world.ids.nonce(), now=world.clock.now())
