"""A stream's ticks and its quarantine as rows, for SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from coleta.ask.landed import Landed
    from coleta.ask.quarantine import Rejected
    from coleta.audit.account import TickLine

PIECE_ROWS = 10_000
"""Of the quarantine so many records are in memory at once; each has its own bytes."""

_INSTANT = pa.timestamp("us", tz="UTC")

TICKS = pa.schema(
    [
        pa.field("tick", _INSTANT, nullable=False),
        pa.field("start", _INSTANT, nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        *(pa.field(name, pa.int64()) for name in ("received", "landed", "quarantined", "deduplicated", "nulled")),
        *(pa.field(name, pa.int64()) for name in ("attempts", "pages")),
        *(pa.field(name, _INSTANT) for name in ("scheduled", "asked_at", "received_at")),
        pa.field("answer", pa.string()),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("object", pa.string(), nullable=False),
    ]
)
"""The table ``<stream>_ticks``: a row for each tick, with its current outcome."""

QUARANTINE = pa.schema(
    [
        pa.field("tick", _INSTANT, nullable=False),
        pa.field("row", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("path", "reason", "detail", "raw")),
        pa.field("file", pa.string(), nullable=False),
    ]
)
"""The table ``<stream>_quarantine``: a row for each record, or page, in it. Bytes of ``raw`` that are no
UTF-8 are shown as escapes."""


def tick_rows(landed: Landed | None) -> pa.RecordBatchReader:
    """The ticks of a stream as rows."""
    return _reader(TICKS, (_tick(line) for line in (landed.ticks() if landed else ())))


def quarantine_rows(landed: Landed | None) -> pa.RecordBatchReader:
    """The quarantine of a stream as rows, read as they are asked for."""
    return _reader(QUARANTINE, (_rejected(one) for one in (landed.rejected() if landed else ())))


def _reader(schema: pa.Schema, rows: Iterable[Mapping[str, object]]) -> pa.RecordBatchReader:
    def pieces() -> Iterator[pa.RecordBatch]:
        left = iter(rows)
        while piece := list(islice(left, PIECE_ROWS)):
            yield pa.RecordBatch.from_pylist(piece, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, pieces())


def _tick(line: TickLine) -> Mapping[str, object]:
    account = line.account
    own = {name: getattr(account, name) for name in TICKS.names if hasattr(account, name)}
    return {
        **own,
        "tick": account.tick.end,
        "start": account.tick.start,
        "outcome": str(account.outcome),
        "seq": line.seq,
        "object": line.name,
    }


def _rejected(one: Rejected) -> Mapping[str, object]:
    raw = one.raw.decode("utf-8", "backslashreplace")
    return {**{name: getattr(one, name) for name in QUARANTINE.names}, "raw": raw}
