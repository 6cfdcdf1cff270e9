"""Stage 2, steps 1 to 3 for one batch: waiting answers in, a whole data object out. Pure but for its sink.

Both laws are asserted here, before anything is put: every record of a landed answer is landed,
quarantined or deduplicated, and every answer of the batch has exactly one account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from coleta.collect.carry import Carried, Known, ruler_of
from coleta.collect.envelope import unwrap
from coleta.collect.spool import Header, PageHead, Spooled, SpoolFile
from coleta.errors import Corrupt
from coleta.land import quarantine
from coleta.land.batch import Batch
from coleta.land.columns import schema
from coleta.land.commit import Head, Ready
from coleta.land.decode import NotRecords, Piece, Reject, decode
from coleta.land.parquet import ObjectWriter
from coleta.land.quarantine import QuarantineObject
from coleta.land.record import Account, ArchiveFile, Author, Outcome, Record, Wait, object_name
from coleta.land.sieve import all_placed, belonging_to, sieved, unknown_to

CONTRACT_BROKEN = "contract"
"""The reason of a rejected tick all of whose records broke the contract."""

_NO_LIMIT = 1 << 62  # what is in the spool was within the limits when it was accepted


@dataclass(frozen=True, slots=True)
class Composed:
    """A data object ready to be put, once its quarantine files are.

    ``unfit`` are answers that turned out to be no data, or whose records cannot be placed in time, while a
    part of their tick is covered already: they are superseded instead, and this composition is void if there are any.
    """

    record: Record
    quarantine: tuple[QuarantineObject, ...]
    unfit: tuple[Spooled, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a batch's answers come from.

    ``read`` opens a spool file; ``decoded`` gives all pieces of an answer that was decoded before, by
    its id, or None. ``archived`` are the answers' copies in the store, ``wrong`` the answers known to be no
    data and why, both by their entry's name.
    """

    read: Callable[[Spooled], SpoolFile]
    decoded: Callable[[str | None], Sequence[Piece] | None] = lambda answer: None
    archived: Mapping[str, ArchiveFile] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)


class _NoDataAfterAll(Exception):
    """An answer turned out to be no data when some of its rows had been written: begin again without them."""

    def __init__(self, entry: str, why: str) -> None:
        super().__init__(why)
        self.entry = entry
        self.why = why


def compose(batch: Batch, head: Head, author: Author, *, source: Source, sink: BinaryIO) -> Composed:
    """Write the object that lands `batch` after `head` into `sink`. Memory is bounded by a page and a row group.

    Raises:
        Corrupt: a spool file is damaged (from `read`), or a law would be broken: a bug, and nothing is put.

    """
    known = {member.entry.name: member.entry.trailer.wrong for member in batch.members if member.entry.trailer.wrong}
    source = replace(source, wrong=known)
    while True:
        sink.seek(0)
        sink.truncate()
        try:
            return _compose(batch, head, author, source, sink)
        except _NoDataAfterAll as error:
            # Each round is one answer the fewer that can do this.
            source = replace(source, wrong={**source.wrong, error.entry: error.why})


def _compose(batch: Batch, head: Head, author: Author, source: Source, sink: BinaryIO) -> Composed:
    with ObjectWriter(sink, schema(batch.terms)) as writer:
        accounts, files, unfit = _land_all(batch, source, writer)
        _assert_laws(batch, accounts)
        first = batch.members[0].entry.header

        def record_of(rows: int, content: str) -> Record:
            record = _record(first, head, author, next_name=object_name(batch.day, head.seq + 2))
            named = tuple(one.file for one in files)
            copies = tuple(copy for one in batch.members if (copy := source.archived.get(one.entry.name)))
            return replace(
                record, accounts=tuple(accounts), quarantine=named, archive=copies, rows=rows, content=content
            )

        return Composed(writer.finish(record_of), tuple(files), tuple(unfit))


def _land_all(
    batch: Batch, source: Source, writer: ObjectWriter
) -> tuple[list[Account], list[QuarantineObject], list[Spooled]]:
    accounts: list[Account] = []
    files: list[QuarantineObject] = []
    unfit: list[Spooled] = []
    for member in batch.members:
        if member.entry.is_gap:
            accounts.extend(_gap_accounts(member))
            continue
        if _in_part(member) and not _placed(member, source):
            accounts.append(_blank_account(member))
            unfit.append(member.entry)
            continue
        account, quarantined = _land(member, source, writer)
        if account.outcome is Outcome.REJECTED and account.settles not in ((), (account.tick,)):
            unfit.append(member.entry)
        accounts.append(account)
        files.extend(quarantined)
    return accounts, files, unfit


def compose_turn(batch: Batch, head: Head, author: Author, *, sink: BinaryIO, wait: Wait | None = None) -> Record:
    """Write the 0-row object that sends the log from `head` to the folder that `batch` lands in.

    With `wait` it also asks others to hold their puts for a while.
    """
    first = batch.members[0].entry.header

    def record_of(rows: int, content: str) -> Record:
        record = _record(first, head, author, next_name=object_name(batch.day, head.seq + 2))
        return replace(record, kind="turn", rows=rows, content=content, wait=wait)

    with ObjectWriter(sink, schema(batch.terms)) as writer:
        return writer.finish(record_of)


def _record(header: Header, head: Head, author: Author, *, next_name: str) -> Record:
    return Record(
        uuid=head.uuid,
        project=header.project,
        stream=header.stream,
        seq=head.seq + 1,
        prev=head.digest,
        next=next_name,
        kind="batch",
        terms=header.terms.digest,
        created=author.now,
        owner=author.owner,
        tool=author.tool,
        nonce=author.nonce,
        schedule=header.schedule,
    )


def _gap_accounts(member: Ready) -> Iterator[Account]:
    for one in member.gaps:
        gap = one.gap
        yield Account(
            tick=gap.tick,
            settles=one.settles,
            outcome=Outcome.GAP,
            reason=gap.reason,
            detail=gap.detail or None,
            attempts=gap.attempts,
        )


def _land(member: Ready, source: Source, writer: ObjectWriter) -> tuple[Account, list[QuarantineObject]]:
    account, entry = _blank_account(member), member.entry
    if entry.unchanged:
        return replace(account, outcome=Outcome.UNCHANGED), []
    wrong = source.wrong.get(entry.name)
    if wrong is None:
        rows = writer.rows
        try:
            return _land_records(account, _pieces(source, member), writer)
        except NotRecords as error:
            wrong = str(error)
            if writer.rows != rows:
                raise _NoDataAfterAll(entry.name, wrong) from None
    pages = [
        quarantine.of_page(account.tick, account.answer or "", body, number=page.number, why=wrong)
        for page, body in _bodies(source.read(entry))
    ]
    return replace(account, outcome=Outcome.REJECTED, reason=wrong), pages


def _bodies(file: SpoolFile) -> Iterator[tuple[PageHead, bytes]]:
    for page, wire in file.pages():
        yield page, unwrap(wire, page.encoding, max_bytes=_NO_LIMIT)


def _in_part(member: Ready) -> bool:
    """Whether the member's records belong to an interval of which another answer has a part already."""
    return member.entry.header.window and member.settles not in ((), member.entry.intervals)


def _placed(member: Ready, source: Source) -> bool:
    try:
        return all_placed(_not_empty(source.read(member.entry)), member.entry.header.terms)
    except NotRecords:
        return False


def _pieces(source: Source, member: Ready) -> Iterable[Piece]:
    entry, terms = member.entry, member.entry.header.terms
    ready = source.decoded(entry.trailer.answer)
    carried = entry.header.carried
    known = Known.of(carried.before, ruler_of(terms)) if carried is not None else None
    if known:
        return sieved(_not_empty(source.read(entry)), terms, unknown_to(known, terms))
    if _in_part(member):
        return sieved(_not_empty(source.read(entry)), terms, belonging_to(member.settles, terms))
    return ready if ready is not None else decode(_not_empty(source.read(entry)), terms)


def _not_empty(file: SpoolFile) -> Iterator[bytes]:
    return (body for _, body in _bodies(file) if body)


def _land_records(
    account: Account, pieces: Iterable[Piece], writer: ObjectWriter
) -> tuple[Account, list[QuarantineObject]]:
    rejects: list[Reject] = []
    drift: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for piece in pieces:
        writer.add(piece, tick=account.tick.end, fetched_at=account.received_at or account.tick.end)
        rejects.extend(piece.rejects)
        drift.update(piece.drift)
        counts.update(received=piece.received, landed=piece.columns.num_rows)
        counts.update(deduplicated=piece.deduplicated, nulled=piece.nulled)
    all_broken = bool(rejects) and not counts["landed"]
    account = replace(
        account,
        outcome=Outcome.REJECTED if all_broken else Outcome.OK if counts["received"] else Outcome.EMPTY,
        reason=CONTRACT_BROKEN if all_broken else None,
        received=counts["received"],
        landed=counts["landed"],
        quarantined=len(rejects),
        deduplicated=counts["deduplicated"],
        nulled=counts["nulled"],
        drift={quarantine.spelled(name): count for name, count in sorted(drift.items())} or None,
    )
    return account, [quarantine.of_records(account.tick, account.answer or "", rejects)] if rejects else []


def _blank_account(member: Ready) -> Account:
    header, trailer = member.entry.header, member.entry.trailer
    (tick,) = member.entry.intervals
    carried = header.carried
    return Account(
        tick=tick,
        settles=member.settles,
        outcome=Outcome.OK,
        answer=trailer.answer,
        response=trailer.response,
        carried=None if carried is None else Carried(carried.parent, carried.before, trailer.after),
        attempts=trailer.attempts,
        pages=trailer.pages,
        scheduled=header.scheduled,
        asked_at=member.entry.asked_at,
        received_at=member.entry.received_at,
        tls_verified=member.entry.tls_verified,
    )


def _assert_laws(batch: Batch, accounts: list[Account]) -> None:
    unbalanced = [account.tick.name for account in accounts if not account.balances]
    if unbalanced:
        raise Corrupt(f"received is not landed + quarantined + deduplicated for {', '.join(unbalanced)}")
    answers = [account.answer for account in accounts if account.answer is not None]
    members = [member.entry.trailer.answer for member in batch.members if not member.entry.is_gap]
    if answers != members:
        raise Corrupt("the batch's answers and their accounts differ")
