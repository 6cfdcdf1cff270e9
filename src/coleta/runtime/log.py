"""Stage 2, step 1: learn the log by following ``next`` until it is absent. Names decide, never a listing."""

from __future__ import annotations

from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity
from coleta.land.parquet import TAIL_BYTES, footer_bytes, stored_record
from coleta.land.record import decode_record, record_digest
from coleta.ports import Index, ObjectStore


def follow(store: ObjectStore, index: Index, identity: Identity) -> Head:
    """The head of the log now; what was new is entered in `index`.

    Raises:
        StoreUnavailable: the store cannot be read.
        Corrupt: an object breaks the log's rules.

    """
    head = known_head(index, identity)
    while (found := read_commit(store, head.next)) is not None:
        head = head.after(found)
        index.enter(head, found)
    return head


def known_head(index: Index, identity: Identity) -> Head:
    """The newest head that this machine remembers of the log `identity`."""
    head = index.head()
    return head if head is not None and head.uuid == identity.uuid else Head.genesis(identity)


def read_commit(store: ObjectStore, name: str) -> Committed | None:
    """The commit that lies at `name`, read from its footer; None where nothing lies.

    Raises:
        StoreUnavailable: it could not be told.
        Corrupt: what lies there is no commit.

    """
    tail = store.read(name, last=TAIL_BYTES)
    if tail is None:
        return None
    try:
        need = footer_bytes(tail)
        if need > len(tail):
            tail = store.read(name, last=need) or b""
        stored, rows = stored_record(tail)
    except Corrupt as error:
        raise Corrupt(error.what, where=name, hint="coleta verify tells more") from None
    record = decode_record(name, stored)
    if record.rows != rows:
        raise Corrupt(f"its record counts {record.rows} rows, the object has {rows}", where=name)
    return Committed(name, record, record_digest(stored))
