"""Data objects as bytes: rows in, a Parquet file with its record out, and back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.contract.types import Contract, Field, Int, Str
from coleta.errors import Corrupt
from coleta.land.columns import record_schema, schema
from coleta.land.commit import Head
from coleta.land.decode import Piece
from coleta.land.parquet import (
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    TAIL_BYTES,
    ObjectWriter,
    footer_bytes,
    stored_record,
)
from coleta.land.record import FOOTER_KEY, Account, Record, decode_record, encode_record
from coleta.runtime.log import read_commit
from coleta.terms import Terms
from coleta.testing.memory import MemoryStore
from coleta.testing.samples import NOON, sample_identity, sample_record

TERMS = Terms(Contract((Field("id", Int()), Field("name", Str()))))
FETCHED = datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)


def piece(ids: Sequence[int], *, at: int = 0, name: str | None = None) -> Piece:
    columns = pa.RecordBatch.from_pydict(
        {"id": list(ids), "name": [name or f"n{i}" for i in ids]}, schema=record_schema(TERMS)
    )
    return Piece(columns, rows=range(at, at + len(ids)), received=len(ids))


def record_of(rows: int, content: str) -> Record:
    return replace(sample_record(Head.genesis(sample_identity())), rows=rows, content=content)


def written(*pieces: Piece, tick: datetime = NOON, account: Account | None = None, times: int = 1) -> bytes:
    def with_accounts(rows: int, content: str) -> Record:
        record = record_of(rows, content)
        return record if account is None else replace(record, accounts=(account,) * times)

    sink = io.BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        for one in pieces:
            writer.add(one, tick=tick, fetched_at=FETCHED)
        writer.finish(with_accounts)
    return sink.getvalue()


def row_groups(body: bytes) -> list[int]:
    footer = pq.read_metadata(pa.BufferReader(body))
    return [footer.row_group(n).num_rows for n in range(footer.num_row_groups)]


def test_rows_come_back_with_where_and_when_they_came_from() -> None:
    body = written(piece([7, 8]), piece([9], at=4))

    assert pq.read_table(io.BytesIO(body)).to_pylist() == [
        {"id": 7, "name": "n7", "_tick": NOON, "_row": 0, "_fetched_at": FETCHED},
        {"id": 8, "name": "n8", "_tick": NOON, "_row": 1, "_fetched_at": FETCHED},
        {"id": 9, "name": "n9", "_tick": NOON, "_row": 4, "_fetched_at": FETCHED},
    ]


def test_the_lineage_columns_have_their_types_and_are_never_null() -> None:
    stored = pq.read_schema(io.BytesIO(written(piece([7]))))

    utc = pa.timestamp("us", tz="UTC")
    assert [stored.field(name).type for name in ("_tick", "_row", "_fetched_at")] == [utc, pa.int64(), utc]
    assert not any(stored.field(name).nullable for name in ("_tick", "_row", "_fetched_at"))


def test_many_small_pages_become_one_row_group() -> None:
    assert row_groups(written(*(piece([n]) for n in range(500)))) == [500]


def test_a_row_group_has_its_number_of_rows_however_the_pieces_come() -> None:
    part = piece(range(50_000))

    assert row_groups(written(*[part] * 6)) == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 300_000 - 2 * ROW_GROUP_ROWS]
    assert row_groups(written(piece(range(ROW_GROUP_ROWS)))) == [ROW_GROUP_ROWS]


def test_wide_rows_close_a_row_group_early_so_that_memory_stays_bounded() -> None:
    wide = piece(range(64), name="x" * (ROW_GROUP_BYTES // 128))

    assert row_groups(written(*[wide] * 5)) == [128, 128, 64]


def test_rows_keep_their_order_through_row_groups() -> None:
    body = written(piece(range(100_000)), piece(range(100_000, 200_000), at=100_000))

    ids = pq.read_table(io.BytesIO(body), columns=["id"])["id"].to_pylist()
    assert ids == list(range(200_000))


def test_the_content_digest_does_not_depend_on_pieces() -> None:
    def content(body: bytes) -> str | None:
        return decode_record("x", stored_record(body)[0]).content

    assert content(written(piece([1, 2, 3]))) == content(written(piece([1]), piece([]), piece([2, 3], at=1)))
    assert content(written(piece([1, 2, 3]))) != content(written(piece([1, 2]), piece([3], at=7)))


def test_an_object_without_rows_still_has_its_columns_and_its_record() -> None:
    body = written()

    assert pq.read_table(io.BytesIO(body)).num_rows == 0
    assert pq.read_schema(io.BytesIO(body)).names == ["id", "name", "_tick", "_row", "_fetched_at"]
    stored, rows = stored_record(body)
    assert (rows, decode_record("x", stored).seq) == (0, 1)


def test_repeating_columns_have_a_dictionary_and_the_others_none() -> None:
    rows = 20_000
    columns = pa.RecordBatch.from_pydict(
        {"id": list(range(rows)), "name": [f"shop {n % 11}" for n in range(rows)]}, schema=record_schema(TERMS)
    )
    group = pq.read_metadata(io.BytesIO(written(Piece(columns, rows=range(rows), received=rows)))).row_group(0)

    with_dictionary = {
        group.column(n).path_in_schema for n in range(group.num_columns) if group.column(n).has_dictionary_page
    }
    assert with_dictionary == {"name", "_tick", "_fetched_at"}


def test_lineage_costs_next_to_nothing() -> None:
    rows = 100_000
    group = pq.read_metadata(io.BytesIO(written(piece(range(rows))))).row_group(0)

    sizes = {group.column(n).path_in_schema: group.column(n).total_compressed_size for n in range(group.num_columns)}
    assert sizes["_tick"] + sizes["_row"] + sizes["_fetched_at"] < 3_000


def test_a_bit_that_flips_in_a_page_is_found() -> None:
    body = written(piece(range(2_000)))
    group = pq.read_metadata(io.BytesIO(body)).row_group(0)
    start = min(group.column(n).dictionary_page_offset or group.column(n).data_page_offset for n in range(5))
    end = start + group.total_byte_size
    end = min(end, len(body) - footer_bytes(body[-8:]))
    missed = []
    for at in range(start, end, max(1, (end - start) // 60)):
        damaged = bytearray(body)
        damaged[at] ^= 0x10
        try:
            table = pq.read_table(io.BytesIO(bytes(damaged)), page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            continue
        if not table.equals(pq.read_table(io.BytesIO(body))):
            missed.append(at)

    assert missed == []


def test_a_record_longer_than_the_first_read_is_read_whole() -> None:
    account = replace(sample_record(Head.genesis(sample_identity())).accounts[0], landed=0, received=0)
    body = written(account=account, times=500)
    assert footer_bytes(body[-8:]) > TAIL_BYTES

    found = read_commit(MemoryStore({"x": body}), "x")

    assert found is not None
    assert len(found.record.accounts) == 500


def test_the_footer_alone_is_enough_to_read_the_record() -> None:
    body = written(piece(range(1_000)))
    need = footer_bytes(body[-8:])

    assert stored_record(body[-need:]) == stored_record(body)
    with pytest.raises(Corrupt):
        stored_record(body[-need + 1 :])


@pytest.mark.parametrize("body", [b"", b"PAR1", b"hello world", b"PAR1" + bytes(20)])
def test_what_is_no_parquet_file_is_refused(body: bytes) -> None:
    with pytest.raises(Corrupt, match="not a Parquet file"):
        footer_bytes(body)


def test_a_footer_length_beyond_the_file_is_refused() -> None:
    store = MemoryStore({"x": b"PAR1" + (10_000).to_bytes(4, "little") + b"PAR1"})

    with pytest.raises(Corrupt, match="footer cannot be read"):
        read_commit(store, "x")


def test_a_parquet_file_of_anothers_is_refused() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), sink)

    with pytest.raises(Corrupt, match="Coleta did not write it"):
        stored_record(sink.getvalue())


def test_an_object_whose_record_counts_other_rows_is_refused() -> None:
    sink = io.BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        writer.add(piece([1, 2]), tick=NOON, fetched_at=FETCHED)
        writer.finish(lambda rows, content: record_of(rows + 1, content))

    with pytest.raises(Corrupt, match="counts 3 rows, the object has 2"):
        read_commit(MemoryStore({"x": sink.getvalue()}), "x")


def test_nothing_lies_at_a_name_that_is_free() -> None:
    assert read_commit(MemoryStore(), "x") is None


def test_the_record_stands_in_the_footer_as_its_own_bytes() -> None:
    sink = io.BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        record = writer.finish(record_of)

    metadata = pq.read_metadata(io.BytesIO(sink.getvalue())).metadata
    assert metadata[FOOTER_KEY.encode()] == encode_record(record)


class FullDisk(io.BytesIO):
    """A file on a disk that is full after some bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: object, /) -> int:
        size = memoryview(cast(bytes, data)).nbytes
        if self.tell() + size > self._room:
            raise OSError(28, "No space left on device")
        return super().write(cast(bytes, data))


@pytest.mark.parametrize("room", [0, 2_000, 60_000])
def test_a_full_disk_is_told_as_an_os_error_and_nothing_else(room: int) -> None:
    def write() -> None:
        with ObjectWriter(cast(BinaryIO, FullDisk(room)), schema(TERMS)) as writer:
            for start in range(0, 400_000, 100_000):
                writer.add(piece(range(start, start + 100_000)), tick=NOON, fetched_at=FETCHED)
            writer.finish(record_of)

    with pytest.raises(OSError, match="No space left"):
        write()


def test_an_object_that_is_given_up_is_no_data_object() -> None:
    sink = io.BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        writer.add(piece(range(ROW_GROUP_ROWS)), tick=NOON, fetched_at=FETCHED)

    with pytest.raises(Corrupt):
        read_commit(MemoryStore({"x": sink.getvalue()}), "x")


def test_pieces_of_two_ticks_lie_in_one_object_in_their_order() -> None:
    sink = io.BytesIO()
    ticks = [NOON, NOON + timedelta(minutes=1)]
    with ObjectWriter(sink, schema(TERMS)) as writer:
        for tick in ticks:
            writer.add(piece([1]), tick=tick, fetched_at=FETCHED)
        writer.finish(record_of)

    found = pq.read_table(io.BytesIO(sink.getvalue()))["_tick"].to_pylist()
    assert found == ticks
    assert all(a < b for a, b in pairwise(found))
