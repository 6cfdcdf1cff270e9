"""A data object read again, every byte of it: what is as it was written, and what is not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.contract.types import Contract, Field, Int, Str
from coleta.errors import Corrupt
from coleta.land.columns import schema
from coleta.land.commit import Head
from coleta.land.decode import decode
from coleta.land.inspect import inspect_object, is_whole, stamp_of
from coleta.land.parquet import STAMP_KEY, ObjectWriter, footer_bytes, stamp_holds, stored_record
from coleta.land.record import FOOTER_KEY, Record
from coleta.terms import Terms, canonical
from coleta.testing.samples import NOON, sample_identity, sample_record

TERMS = Terms(Contract((Field("id", Int()), Field("name", Str()))))
FETCHED = datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)


def written(*names: str) -> tuple[bytes, Record]:
    """An object of rows with `names`, and its record."""
    body = canonical([{"id": n, "name": name} for n, name in enumerate(names)])
    sink = io.BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        for piece in decode([body], TERMS):
            writer.add(piece, tick=NOON, fetched_at=FETCHED)
        record = writer.finish(
            lambda rows, content: replace(sample_record(Head.genesis(sample_identity())), rows=rows, content=content)
        )
    return sink.getvalue(), record


def test_an_object_says_the_digest_of_all_its_bytes() -> None:
    body, record = written(*(f"n{n}" for n in range(1_000)))
    stamp = pq.read_metadata(pa.BufferReader(body)).metadata[STAMP_KEY.encode()].decode()

    assert hashlib.sha256(body.replace(stamp.encode(), b"0" * 64)).hexdigest() == stamp
    assert stamp_of(body) == stamp
    assert stamp_holds(body, stamp)
    assert is_whole(body, record)
    assert list(inspect_object(body, record)) == []
    for at in (0, 10, len(body) // 2, len(body) - 1, body.rindex(stamp.encode())):
        assert not stamp_holds(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], stamp)
    assert not stamp_holds(body, "")
    assert not stamp_holds(body[:-1], stamp)


def test_a_value_that_looks_like_a_digest_is_not_taken_for_it() -> None:
    text = "coleta.sha256\x18@" + "0" * 64

    body, record = written(text)

    assert pq.read_table(io.BytesIO(body))["name"].to_pylist() == [text]
    assert body.count(text.encode()) > 1, "it stands among the statistics of the footer, too"
    assert list(inspect_object(body, record)) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda record: replace(record, rows=record.rows + 1), "its record counts 3 rows, 2 can be read"),
        (lambda record: replace(record, content="0" * 64), "content digest"),
    ],
)
def test_an_inspection_holds_the_rows_against_the_record(change: Callable[[Record], Record], what: str) -> None:
    body, record = written("a", "b")

    (found,) = inspect_object(body, change(record))
    assert what in found


def test_an_object_without_a_digest_may_hold_its_record_alone() -> None:
    def plain(**metadata: str) -> bytes:
        sink = io.BytesIO()
        with pq.ParquetWriter(sink, schema(TERMS), store_schema=False) as writer:
            writer.add_key_value_metadata({FOOTER_KEY: "{}", **metadata})
        return sink.getvalue()

    record = replace(sample_record(Head.genesis(sample_identity())), rows=0, content=None)

    assert list(inspect_object(plain(), record)) == []
    assert list(inspect_object(plain(**{"coleta.sha257": "0" * 64}), record)) == [
        "its digest is missing among coleta.record, coleta.sha257"
    ]
    assert "footer" in next(inspect_object(b"PAR1", record))
    assert stamp_of(plain()) is None
    assert is_whole(plain(), record)
    assert not is_whole(plain(), replace(record, rows=1))


def test_a_column_whose_name_is_no_text_any_more_is_damage_and_no_bug() -> None:
    body, record = written("a")
    at = body.index(b"name", len(body) - footer_bytes(body[-8:]))  # in the schema, which the footer begins with
    changed = body[:at] + b"\xef" + body[at + 1 :]

    with pytest.raises(Corrupt, match="footer cannot be read"):
        stored_record(changed)
    assert "footer cannot be read" in next(inspect_object(changed, record))
