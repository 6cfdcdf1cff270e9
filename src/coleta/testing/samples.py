"""Small, right values of every kind that the ports carry, for tests: say what matters, the rest is here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from coleta.collect.carry import ResponseDigest, answer_id
from coleta.collect.spool import Gap, Header, PageHead, Spooled, Trailer
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Float, Int
from coleta.land.commit import Committed, Head, Identity
from coleta.land.record import Account, Outcome, Record, encode_record, object_name, record_digest
from coleta.ports import Spool
from coleta.terms import Terms

UUID = "0b7a6d5e-3c2b-4a19-8f0e-1d2c3b4a5f60"
OTHER_UUID = "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PAGE = b'[{"ean":7891234567895,"price":12.5},{"ean":7891234567888,"price":3}]'
MINUTE = timedelta(minutes=1)


def sample_tick(n: int = 0) -> Interval:
    """The minute that ends `n` minutes after noon."""
    return Interval(NOON + (n - 1) * MINUTE, NOON + n * MINUTE)


def sample_terms() -> Terms:
    """An array of purchases with two fields."""
    return Terms(Contract((Field("ean", Int()), Field("price", Float()))))


def sample_header(n: int = 0, *, uuid: str = UUID) -> Header:
    """The header of the answer for the `n`-th tick."""
    return Header(
        project="compras",
        stream="compras",
        uuid=uuid,
        terms=sample_terms(),
        schedule={"every_s": 60.0},
        owner="sample",
        tool="coleta",
        tick=sample_tick(n),
        scheduled=sample_tick(n).end,
        request={"method": "GET", "url": "http://127.0.0.1:8000/gerar_compras/2"},
    )


def sample_gaps(*ticks: int, uuid: str = UUID, reason: str = "unreachable") -> Header:
    """The header of a spool file that holds a gap for each of `ticks`."""
    return Header(
        project="compras",
        stream="compras",
        uuid=uuid,
        terms=sample_terms(),
        schedule={"every_s": 60.0},
        owner="sample",
        tool="coleta",
        gaps=tuple(Gap(sample_tick(n), reason, attempts=3) for n in ticks),
    )


def sample_page(number: int = 1, *, at: datetime = NOON) -> PageHead:
    """What came around a page."""
    return PageHead(
        number=number,
        status=200,
        headers=(("content-type", "application/json"),),
        encoding=None,
        url=f"http://127.0.0.1:8000/gerar_compras/2?page={number}",
        asked_at=at,
        received_at=at + timedelta(milliseconds=50),
    )


def sample_trailer(header: Header, pages: Sequence[bytes]) -> Trailer:
    """The trailer that `header` and `pages` ask for."""
    if header.tick is None:
        return Trailer()
    digest = ResponseDigest()
    for wire in pages:
        digest.page(wire)
    parent = header.carried.parent if header.carried else None
    return Trailer(
        pages=digest.pages,
        size_bytes=digest.size_bytes,
        response=digest.hex(),
        answer=answer_id(parent, header.tick, digest.hex()),
        attempts=1,
    )


def spooled_answer(spool: Spool, n: int = 0, *, pages: Sequence[bytes] = (PAGE,), uuid: str = UUID) -> Spooled:
    """The answer for the `n`-th tick, accepted by `spool`."""
    return spooled(spool, sample_header(n, uuid=uuid), pages)


def spooled_gaps(spool: Spool, *ticks: int, uuid: str = UUID) -> Spooled:
    """Gaps for `ticks`, accepted by `spool`."""
    return spooled(spool, sample_gaps(*ticks, uuid=uuid), ())


def spooled(spool: Spool, header: Header, pages: Sequence[bytes]) -> Spooled:
    """An entry of `header` and `pages`, accepted by `spool`."""
    draft = spool.draft(header)
    try:
        for number, wire in enumerate(pages, start=1):
            draft.page(sample_page(number), wire)
        return draft.accept(sample_trailer(header, pages))
    finally:
        draft.discard()


def sample_identity(uuid: str = UUID) -> Identity:
    """The identity of the log `uuid`."""
    return Identity(uuid, "compras", "compras", first_tick=NOON - MINUTE, created=NOON)


def sample_record(head: Head, *, ticks: Sequence[int] = (0,), nonce: str = "0" * 32) -> Record:
    """The record that lands an answer for each of `ticks` after `head`; see ``sample_answer``."""
    return Record(
        uuid=head.uuid,
        project="compras",
        stream="compras",
        seq=head.seq + 1,
        prev=head.digest,
        next=object_name(NOON.date(), head.seq + 2),
        kind="batch",
        terms=sample_terms().digest,
        created=NOON,
        owner="sample",
        tool="coleta",
        nonce=nonce,
        accounts=tuple(_account(n) for n in ticks),
        rows=2 * len(ticks),
    )


def sample_answer(n: int = 0, pages: Sequence[bytes] = (PAGE,)) -> str:
    """The id of the answer that ``spooled_answer`` and ``sample_record`` know for the `n`-th tick."""
    answer = sample_trailer(sample_header(n), pages).answer
    assert answer is not None
    return answer


def sample_commit(head: Head, *, ticks: Sequence[int] = (0,)) -> tuple[Head, Committed]:
    """A commit after `head`, and the head that it leads to."""
    record = sample_record(head, ticks=ticks)
    committed = Committed(head.next, record, record_digest(encode_record(record)))
    return head.after(committed), committed


def _account(n: int) -> Account:
    trailer = sample_trailer(sample_header(n), (PAGE,))
    return Account(
        tick=sample_tick(n),
        settles=(sample_tick(n),),
        outcome=Outcome.OK,
        answer=trailer.answer,
        response=trailer.response,
        attempts=1,
        pages=1,
        received=2,
        landed=2,
    )
