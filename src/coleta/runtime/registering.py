"""After landing, at work: register what has landed in the stream's table. Delays and fails no landing.

May be cut off after any line and simply called again, by any process, two at once: what the table holds says where to
go on, and is read from the very handle that the next change is made on. Any doubt has one cure: open the table anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from coleta.errors import Corrupt, Doubtful, StoreUnavailable
from coleta.land.commit import Committed, Identity
from coleta.land.nulls import null_counts
from coleta.land.record import folder_date
from coleta.land.table import Columns, check_names, columns_of, grown, to_add
from coleta.land.watermark import (
    MARK_NOTE,
    DataFile,
    Mark,
    TableState,
    check_operations,
    check_state,
    check_there,
)
from coleta.ports import Index, Notes, ObjectStore, OpenTable, Table
from coleta.runtime.log import known_head, read_commit, read_end
from coleta.terms import Terms

OBJECTS_AT_ONCE = 200
"""How many commits of the log one commit of the table takes: a few seconds of reading from a store far away."""

MANY = 32
"""How many objects are read at once: each takes a bucket some 15 ms, in which Python can look at that many."""

TRIES = 5
"""How often a table is opened anew in a row before it counts as unavailable."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What publishing needs: a table, the log that it is made from, and what this machine remembers of both."""

    where: str
    """The stream's place in its store, for messages."""
    identity: Identity
    store: ObjectStore
    index: Index
    notes: Notes | None
    table: Table
    at_once: int = MANY
    """How many objects are read side by side where there are as many; fewer are read one by one."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What one commit of a table took: data objects with rows, their rows, and the commit of the log it came to.

    ``more`` says that the log goes on after it.
    """

    objects: int
    rows: int
    until: int
    more: bool = False


def publish(shelf: Shelf, *, accept: bool = False, beyond: bool = True) -> Publication | None:
    """Register the next objects of the log; None where the table holds all of them.

    `accept` takes the table for right as it lies there, or makes it anew where there is none. `beyond` looks in the
    store for commits that this machine does not remember yet.

    Raises:
        StoreUnavailable: the store or the table does not answer.
        Misconfigured: the table is not what it was, or cannot take these rows: a person must act.
        Corrupt: an object is missing or damaged.

    """
    doubt: Doubtful | None = None
    for _ in range(TRIES):
        try:
            return _publish(shelf, accept=accept, beyond=beyond)
        except Doubtful as error:
            doubt = error
    raise StoreUnavailable("the table takes no commit" + (f": {doubt.what}" if doubt else ""), where=shelf.where)


def _publish(shelf: Shelf, *, accept: bool, beyond: bool) -> Publication | None:
    opened = checked(shelf, accept=accept)
    found = list(islice(_commits_after(shelf, opened, beyond=beyond), OBJECTS_AT_ONCE + 1))
    taken, more = found[:OBJECTS_AT_ONCE], len(found) > OBJECTS_AT_ONCE
    filled = [committed for committed in taken if committed.record.rows]
    if not filled and not more:
        # Gaps and turns alone are no reason for a commit: they are passed over with the next rows.
        if opened is not None:
            _remember(shelf, opened.state)
        return None
    terms = [_terms(shelf, digest) for digest in dict.fromkeys(one.record.terms for one in filled or taken)]
    opened = _created(shelf, terms[0]) if opened is None else opened
    opened = _widened(shelf, opened, terms)
    files = _files(shelf, filled)
    until = taken[-1].record.seq
    opened.register(files, until=until)
    _remember(shelf, replace(opened.state, version=opened.state.version + 1, seq=until))
    return Publication(len(files), sum(file.rows for file in files), until, more)


def _created(shelf: Shelf, terms: Terms) -> OpenTable:
    """A new table for rows of `terms`."""
    columns = columns_of(terms)
    check_names(columns, where=shelf.where)
    shelf.table.create(columns, log=shelf.identity.uuid)
    opened = shelf.table.open(shelf.identity.uuid)
    if opened is None or opened.state.seq:
        raise Doubtful("the table was made, and is not as it was made")
    check_state(opened.state, None, log=shelf.identity.uuid, where=shelf.where, make=shelf.table.make)
    return opened


def checked(shelf: Shelf, *, accept: bool) -> OpenTable | None:
    """The table, which is this log's and has only grown since this machine looked last."""
    mark = None if accept else _recall(shelf)
    opened = shelf.table.open(shelf.identity.uuid)
    if opened is None:
        check_there(mark, where=shelf.where, make=shelf.table.make)
        return None
    check_state(opened.state, mark, log=shelf.identity.uuid, where=shelf.where, make=shelf.table.make)
    if mark is not None and mark.version < opened.state.version:
        check_operations(opened.operations(mark.version), mark, where=shelf.where, make=shelf.table.make)
    return opened


def _widened(shelf: Shelf, opened: OpenTable, terms: Sequence[Terms]) -> OpenTable:
    """The table with room for rows of all `terms`: its columns come first, its rows after."""
    columns: Columns = opened.state.columns
    for each in terms:
        columns = grown(columns, each, where=shelf.where)
    new = to_add(opened.state.columns, columns)
    if not new:
        return opened
    opened.widen(new)
    anew = shelf.table.open(shelf.identity.uuid)
    if anew is None or anew.state.seq != opened.state.seq or anew.state.table != opened.state.table:
        raise Doubtful("another was quicker")
    return anew


def _recall(shelf: Shelf) -> Mark | None:
    return None if shelf.notes is None else Mark.from_json(shelf.notes.recall(MARK_NOTE))


def _remember(shelf: Shelf, state: TableState) -> None:
    mark = Mark(state.table, state.version, state.seq)
    if shelf.notes is not None and _recall(shelf) != mark:
        shelf.notes.remember(MARK_NOTE, mark.to_json())


def _terms(shelf: Shelf, digest: str) -> Terms:
    name = f"_ledger/terms/{digest}.json"
    stored = shelf.store.read(name)
    if stored is None:
        raise Corrupt("a record names these terms, and they are not there", where=name, hint="coleta verify tells more")
    return Terms.from_json(stored)


def _files(shelf: Shelf, filled: Sequence[Committed]) -> list[DataFile]:
    """How the table names the objects of `filled`, in order. Many of them, as of an old log, are read side by side."""
    if len(filled) < shelf.at_once:
        found = [_file(shelf, one) for one in filled]
    else:
        with ThreadPoolExecutor(shelf.at_once, thread_name_prefix="register") as pool:
            found = list(pool.map(lambda one: _file(shelf, one), filled))
    return [file for file in found if file is not None]


def _file(shelf: Shelf, committed: Committed) -> DataFile | None:
    """How the table names the object of `committed`; None where it holds no rows, or they were taken away."""
    record, name = committed.record, committed.name
    if not record.rows:
        return None
    found = read_end(shelf.store, name)
    if found is None:
        raise Corrupt("a data object is missing", where=name, hint="coleta verify tells more")
    footer, tail = found
    if footer.committed.digest != committed.digest:
        raise Corrupt("its record is not the one that was committed", where=name, hint="coleta verify tells more")
    if footer.retired:
        return None
    size = footer.size_bytes if footer.size_bytes is not None else shelf.store.size(name)
    return DataFile(
        path=name,
        size_bytes=size or 0,
        date=folder_date(name).isoformat(),
        modified_ms=int(record.created.timestamp() * 1000),
        rows=record.rows,
        nulls=null_counts(tail),
    )


def _commits_after(shelf: Shelf, opened: OpenTable | None, *, beyond: bool) -> Iterator[Committed]:
    """The commits of the log that the table does not hold, oldest first; those in the store only if `beyond`."""
    seq = 0 if opened is None else opened.state.seq
    head = known_head(shelf.index, shelf.identity)
    if head.seq > seq:
        for committed in shelf.index.commits(newest=head.seq - seq):
            if committed.record.seq != seq + 1:
                # Landing has gone on since the head was read: "the newest so many" are others now.
                raise Doubtful("more has landed meanwhile")
            seq += 1
            yield committed
    while beyond and (found := read_commit(shelf.store, head.next)) is not None:
        head = head.after(found)
        if head.seq > seq:
            yield found


def publish_all(shelf: Shelf, *, accept: bool = False) -> Iterator[Publication]:
    """Register all that the log holds, commit by commit of the table. Errors as for ``publish``."""
    while (published := publish(shelf, accept=accept)) is not None:
        yield published
        accept = False
        if not published.more:
            return


def pending(shelf: Shelf, *, accept: bool = False) -> Iterator[Publication]:
    """What publishing would register now; nothing is changed, and no file is looked into. Errors as for ``publish``."""
    filled = [one for one in _commits_after(shelf, checked(shelf, accept=accept), beyond=True) if one.record.rows]
    if filled:
        yield Publication(len(filled), sum(one.record.rows for one in filled), filled[-1].record.seq)
