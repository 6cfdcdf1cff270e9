"""Stage 2, for the quarantine: what broke an older contract is decoded by the terms of now. Pure but for its sink.

A redrive takes up whole files and names them, so that each record of them is landed, quarantined anew or dropped
as a duplicate, exactly one of these. Of an answer nothing of which would land nothing is taken up. Its rows keep
the tick, the place and the time of their answer. Which files are open is ``jail``'s to say, against the very head
that the object extends. An ``expired`` record gives files up; only what it names may be deleted afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

from coleta.errors import Corrupt
from coleta.land import quarantine
from coleta.land.batch import MAX_MEMBERS
from coleta.land.columns import schema
from coleta.land.commit import Head, Identity
from coleta.land.decode import NotRecords, Piece, Reject, decode
from coleta.land.jail import Jailed, Rows
from coleta.land.parquet import ObjectWriter
from coleta.land.quarantine import QuarantineObject, kept_records
from coleta.land.record import (
    MOVED_FORMAT,
    Account,
    Author,
    Kind,
    Outcome,
    Place,
    QuarantineFile,
    Record,
    folder_date,
    object_name,
)
from coleta.terms import Terms

if TYPE_CHECKING:
    import pyarrow as pa

MOST_RECORDS = 500_000
"""Records taken up in one object: a few hundred MB of lines, a file of them in memory at a time."""


@dataclass(frozen=True, slots=True)
class Order:
    """For which log, by which terms, and by whom a redrive, a discard, a move or a turn is composed."""

    identity: Identity
    terms: Terms
    author: Author


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the quarantine is read.

    ``content`` gives a file unpacked and checked, ``keys`` the keys of the rows that an answer has landed.
    """

    content: Callable[[QuarantineFile], bytes]
    keys: Callable[[Jailed], Collection[Hashable]] = lambda jailed: ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What would become of an answer's records in the quarantine. ``why`` says why none would land."""

    jailed: Jailed
    received: int = 0
    landed: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Redriven:
    """A redrive ready to be put, once its quarantine files are; no record where nothing would land."""

    record: Record | None
    quarantine: tuple[QuarantineObject, ...] = ()
    fates: tuple[Fate, ...] = ()


def choose(jailed: Iterable[Jailed], *, folder: date) -> tuple[Jailed, ...]:
    """What is taken up together: answers of the date of `folder` first, else of the oldest date.

    A whole answer that was no data comes alone, since its size is not known.
    """
    waiting = sorted(jailed, key=lambda one: (one.day != folder, one.day, one.is_pages, one.account.tick.end))
    chosen: list[Jailed] = []
    records = 0
    for one in waiting[:MAX_MEMBERS]:
        count = sum(file.count for file in one.files)
        if chosen and (one.day != chosen[0].day or one.is_pages or records + count > MOST_RECORDS):
            break
        chosen.append(one)
        records += count
    return tuple(chosen)


def fate_of(one: Jailed, terms: Terms, cells: Cells) -> Fate:
    """What decoding by `terms` would make of the answer `one`; nothing is written.

    Raises:
        Corrupt: a file is missing or damaged.

    """
    if one.shared:
        return Fate(one, why="another answer has the same file, and what is whose cannot be told")
    if one.is_pages and len(one.files) != one.account.pages:
        return Fate(one, why=f"of its {one.account.pages} pages {len(one.files)} are open in the quarantine")
    if one.is_pages and _comes_again(one):
        return Fate(one, why="the answer after it asked from the same place on, so its records came again")
    counts: Counter[str] = Counter()
    try:
        for piece in _pieces(one, terms, cells):
            counts.update(received=piece.received, landed=len(piece.rows), quarantined=len(piece.rejects))
            counts.update(deduplicated=piece.deduplicated)
    except NotRecords as error:
        return Fate(one, why=str(error))
    nothing = "it holds no records" if not counts["received"] else "all of it still breaks the contract"
    if counts["deduplicated"]:
        nothing = "what does not break the contract has landed with the answer already"
    return Fate(one, **counts, why=None if counts["landed"] else nothing)


def _comes_again(one: Jailed) -> bool:
    """Whether the answer left the cursor of its stream where it was, so that what it held is asked for again."""
    carried = one.account.carried
    if carried is None or carried.after is None or "validators" in carried.after:
        return False  # it carries no cursor: each answer stands for itself
    before = carried.before or {}
    return all((before.get(key) or None) == (carried.after.get(key) or None) for key in ("cursor", "boundary"))


def compose_redrive(members: Sequence[Jailed], head: Head, order: Order, *, cells: Cells, sink: BinaryIO) -> Redriven:
    """Write the object that takes up `members`, all of one date, after `head` into `sink`.

    Raises:
        Corrupt: a file is missing or damaged, or a law would be broken: a bug, and nothing is put.

    """
    accounts: list[Account] = []
    files: list[QuarantineObject] = []
    taken: list[Jailed] = []
    fates: list[Fate] = []
    with ObjectWriter(sink, schema(order.terms)) as writer:
        for one in members:
            fates.append(fate_of(one, order.terms, cells))
            if fates[-1].why is not None:
                continue
            account, quarantined = _land(one, order.terms, cells, writer)
            taken.append(one)
            accounts.append(account)
            files.extend(quarantined)
        if not taken:
            return Redriven(None, fates=tuple(fates))

        def record_of(rows: int, content: str) -> Record:
            record = _record("redrive", head, order, folder=taken[0].day)
            redrives = tuple(path for one in taken for path in one.paths)
            named = tuple(one.file for one in files)
            record = replace(record, accounts=tuple(accounts), quarantine=named, redrives=redrives)
            return replace(record, rows=rows, content=content)

        record = writer.finish(record_of)
    _assert_laws(record)
    return Redriven(record, tuple(files), tuple(fates))


def compose_expired(paths: Sequence[str], head: Head, order: Order, *, sink: BinaryIO) -> Record:
    """Write the 0-row object that gives up `paths` after `head`; `order.terms` are those of the record before."""
    record = replace(_record("expired", head, order, folder=folder_date(head.next)), redrives=tuple(paths))
    return _empty(record, order, sink)


def compose_moved(to: Place, head: Head, order: Order, *, sink: BinaryIO) -> Record:
    """Write the 0-row object that ends the log at `head`, since it goes on at `to`. Terms: as for ``expired``."""
    record = _record("moved", head, order, folder=folder_date(head.next))
    return _empty(replace(record, moved_to=to, format=MOVED_FORMAT), order, sink)


def compose_way(folder: date, schedule: dict[str, object], head: Head, order: Order, *, sink: BinaryIO) -> Record:
    """Write the 0-row object that sends the log from `head` to `folder`, where a redrive is to land."""
    return _empty(replace(_record("turn", head, order, folder=folder), schedule=schedule), order, sink)


def keys_in(batches: Iterable[pa.RecordBatch], rows: Rows, terms: Terms) -> set[Hashable]:
    """The keys, by `terms`, of `rows` in an object whose rows are `batches`; none if it has no such columns."""
    from coleta.land.decode.arrays import keys_of

    found: set[Hashable] = set()
    at = 0
    for batch in batches:
        start, end = max(rows.start - at, 0), min(rows.start + rows.count - at, batch.num_rows)
        at += batch.num_rows
        if start < end and set(terms.key) <= set(batch.schema.names):
            found.update(keys_of(batch.slice(start, end - start), terms.key))
    return found


def _land(one: Jailed, terms: Terms, cells: Cells, writer: ObjectWriter) -> tuple[Account, list[QuarantineObject]]:
    first = one.account
    rejects: list[Reject] = []
    drift: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for piece in _pieces(one, terms, cells):
        writer.add(piece, tick=first.tick.end, fetched_at=first.received_at or first.tick.end)
        rejects.extend(piece.rejects)
        drift.update(piece.drift)
        counts.update(received=piece.received, landed=len(piece.rows))
        counts.update(deduplicated=piece.deduplicated, nulled=piece.nulled)
    account = replace(
        first,
        settles=(),
        outcome=Outcome.OK,
        reason=None,
        detail=None,
        carried=None,
        received=counts["received"],
        landed=counts["landed"],
        quarantined=len(rejects),
        deduplicated=counts["deduplicated"],
        nulled=counts["nulled"],
        drift={quarantine.spelled(name): count for name, count in sorted(drift.items())} or None,
    )
    return account, [quarantine.of_records(first.tick, first.answer or "", rejects)] if rejects else []


def _pieces(one: Jailed, terms: Terms, cells: Cells) -> Iterator[Piece]:
    known = set(cells.keys(one)) if terms.key else set()
    if one.is_pages:
        pages = sorted(one.files, key=lambda file: file.page or 0)
        bodies = (body for body in map(cells.content, pages) if body)
        for piece in decode(bodies, terms):
            yield _without(piece, terms, known)
        return
    kept = [each for file in one.files for each in kept_records(cells.content(file), where=file.path)]
    kept.sort(key=lambda each: each.row)
    rows = [each.row for each in kept]
    # The records alone, without what stood around them in their page.
    body = b"[" + b",".join(each.raw for each in kept) + b"]"
    for piece in decode([body], terms.of_array):
        placed = replace(
            piece,
            rows=[rows[at] for at in piece.rows],
            rejects=tuple(replace(reject, row=rows[reject.row]) for reject in piece.rejects),
        )
        yield _without(placed, terms, known)


def _without(piece: Piece, terms: Terms, known: Collection[Hashable]) -> Piece:
    """`piece` without the rows whose key the answer has landed already."""
    if not known or not len(piece.rows):
        return piece
    from coleta.land.decode.arrays import keys_of, only

    new = [key is None or key not in known for key in keys_of(piece.columns, terms.key)]
    return replace(
        piece,
        columns=only(piece.columns, new),
        rows=[row for row, is_new in zip(piece.rows, new, strict=True) if is_new],
        deduplicated=piece.deduplicated + new.count(False),
    )


def _record(kind: Kind, head: Head, order: Order, *, folder: date) -> Record:
    author = order.author
    return Record(
        uuid=head.uuid,
        project=order.identity.project,
        stream=order.identity.stream,
        seq=head.seq + 1,
        prev=head.digest,
        next=object_name(folder, head.seq + 2),
        kind=kind,
        terms=order.terms.digest,
        created=author.now,
        owner=author.owner,
        tool=author.tool,
        nonce=author.nonce,
    )


def _empty(record: Record, order: Order, sink: BinaryIO) -> Record:
    with ObjectWriter(sink, schema(order.terms)) as writer:
        return writer.finish(lambda rows, content: replace(record, rows=rows, content=content))


def _assert_laws(record: Record) -> None:
    unbalanced = [account.tick.name for account in record.accounts if not account.balances]
    if unbalanced or sum(account.landed for account in record.accounts) != record.rows:
        raise Corrupt(f"a redrive's accounts and rows differ: {', '.join(unbalanced)}")
