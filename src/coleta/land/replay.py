"""Stage 2, once more: land an archived answer again on paper, and compare it with what has landed. Pure.

It goes the whole way of an answer, with the code that lands answers today: what an earlier version made of the same
bytes must still come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import NoReturn

from coleta.collect.spool import PageHead, Spooled, SpoolFile, Stored, parse, summary
from coleta.errors import Corrupt
from coleta.land.batch import Batch
from coleta.land.commit import Head, Ready
from coleta.land.compose import Composed, Source, compose
from coleta.land.content import ContentDigest
from coleta.land.parquet import ROW_GROUP_ROWS
from coleta.land.quarantine import QuarantineObject
from coleta.land.record import Account, Author, Record

_COMPARED = ("outcome", "received", "landed", "quarantined", "deduplicated", "nulled")


def replayed(name: str, stored: bytes, account: Account, terms: str) -> tuple[Account, str]:
    """What landing makes today of the answer in the spool file `stored`: its account, and its rows' content digest.

    `account` is the one that it got when it landed, on the terms whose digest is `terms`.

    Raises:
        Corrupt: the file is damaged, or holds another answer, or other terms.

    """
    record = _composed(name, stored, account, terms).record
    return record.accounts[0], record.content or ""


def replayed_quarantine(name: str, stored: bytes, account: Account, terms: str) -> tuple[QuarantineObject, ...]:
    """The quarantine files that landing makes today of the answer in the spool file `stored`; see ``replayed``."""
    return _composed(name, stored, account, terms).quarantine


def _composed(name: str, stored: bytes, account: Account, terms: str) -> Composed:
    entry = _entry(name, stored, account.received_at or account.tick.end)
    if (entry.trailer.answer, entry.header.tick) != (account.answer, account.tick):
        raise Corrupt("it holds another answer than the one that its record names", where=name)
    if entry.header.terms.digest != terms:
        raise Corrupt("it holds other terms than those that its answer landed on", where=name)
    batch = Batch(account.tick.date, entry.header.terms, (Ready(entry, settles=account.settles),))
    head = Head(entry.header.uuid, account.tick.end, next="")
    author = Author(owner="", tool="", nonce="", now=account.tick.end)
    source = Source(read=lambda _: SpoolFile(name, lambda: BytesIO(stored), _refuse))
    return compose(batch, head, author, source=source, sink=BytesIO())


def difference(was: Account, now: Account) -> str | None:
    """How the account of a replayed answer differs from the one that it got; None where it does not."""
    parts = [
        f"{name} was {getattr(was, name)}, is {getattr(now, name)}"
        for name in _COMPARED
        if getattr(was, name) != getattr(now, name)
    ]
    return "; ".join(parts) or None


def landed_rows(body: bytes, record: Record) -> Iterator[tuple[Account, str]]:
    """Each account of the object `body`, and the content digest of its rows: they come in the accounts' order.

    Raises:
        ArrowException, OSError: the rows cannot be read.

    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
        batches = file.iter_batches(batch_size=ROW_GROUP_ROWS)
        rest = next(batches, None)
        for account in record.accounts:
            digest, left = ContentDigest(file.schema_arrow), account.landed
            while left and rest is not None:
                part = rest.slice(0, left)
                digest.add(part)
                left -= part.num_rows
                rest = rest.slice(part.num_rows) if part.num_rows < rest.num_rows else next(batches, None)
            yield account, digest.hex()


def _entry(name: str, stored: bytes, at: datetime) -> Spooled:
    contents = parse(name, stored)
    heads: list[PageHead] = [head for head, _ in contents.pages]
    return summary(name, contents.header, heads, contents.trailer, Stored(len(stored), at))


def _refuse(error: Corrupt | OSError) -> NoReturn:
    raise error
