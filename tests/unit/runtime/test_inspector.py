"""Levels 2 and 3: every byte is read, archived answers are decoded again, and what is not as it was is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.audit.share import Share
from coleta.collect.spool import closing, opening, page, parse
from coleta.errors import WrongQuestion
from coleta.land.record import FOOTER_KEY
from coleta.runtime.auditor import Evidence, Report, whole
from coleta.runtime.inspector import Deep, deep_of
from coleta.runtime.lander import land
from coleta.stream import Landing
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.memory import MemoryIndex
from coleta.testing.samples import NOON

MIXED = b'[{"ean":1,"price":2},{"ean":"x"},{"ean":3,"price":4}]'
OTHER = b'[{"ean":1,"price":2},{"ean":5,"price":6}]'
ALL = Deep(replay=True)


class Lake:
    """A log of one commit with two answers, archived, and one that was superseded."""

    def __init__(self) -> None:
        self.bench = Bench(bench_stream(archive="landed", landing=Landing(every=timedelta(0))))
        self.machine = self.bench.machine()
        self.station = self.machine.open()
        other = self.bench.machine("two").open()
        waiting(self.station, 0, MIXED)
        waiting(self.station, 1, OTHER)
        land(self.station)
        waiting(other, 1, MIXED)
        land(other)
        self.bench.clock.set(NOON + timedelta(minutes=1, seconds=10))

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    def the(self, folder: str, at: int = 0) -> str:
        return f"compras/{self.bench.names(folder)[at]}"

    def audit(self, deep: Deep | None) -> Report:
        station = self.station
        contents = station.spool.contents()
        return whole(
            Evidence(station.stream, station.identity, station.store, MemoryIndex(), contents, self.bench.clock.now()),
            deep=deep,
        )

    def spoil(self, folder: str, change: Callable[[bytes], bytes], at: int = 0) -> None:
        name = self.the(folder, at)
        self.objects[name] = change(self.objects[name])


def found(report: Report) -> list[tuple[str, str, str]]:
    return [(one.severity, one.code, one.where) for one in report.findings]


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda body: body[:at] + bytes([body[at] ^ 1]) + body[at:][1:]


@pytest.mark.parametrize(("deep", "level"), [(None, 1), (Deep(), 2), (ALL, 3)])
def test_a_sound_lake_has_no_findings_at_any_level(deep: Deep | None, level: int) -> None:
    report = Lake().audit(deep)

    assert (report.findings, report.level, report.superseded) == ((), level, 1)
    assert report.replayed == (2 if level == 3 else 0)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("_quarantine/", "changed_quarantine"),
        ("_archive/", "changed_archive"),
        ("_superseded/", "changed_superseded"),
        ("data/", "changed_object"),
    ],
)
def test_a_changed_byte_is_found_by_level_2_and_not_by_level_1(folder: str, code: str) -> None:
    lake = Lake()
    lake.spoil(folder, flipped(20))

    assert found(lake.audit(Deep())) == [("damage", code, lake.the(folder).removeprefix("compras/"))]
    assert lake.audit(None).findings == ()


def test_a_superseded_file_of_another_answer_is_found() -> None:
    lake = Lake()
    lake.objects[lake.the("_superseded/")] = lake.objects[lake.the("_archive/")]

    assert found(lake.audit(Deep())) == [("damage", "changed_superseded", lake.bench.names("_superseded/")[0])]


def test_a_file_of_a_newer_version_is_a_warning() -> None:
    lake = Lake()
    lake.spoil("_superseded/", lambda body: body[:6] + b"\x02" + body[7:])

    assert found(lake.audit(Deep())) == [("warning", "newer_superseded", lake.bench.names("_superseded/")[0])]


def test_an_archived_answer_that_no_record_names_is_read_too() -> None:
    lake = Lake()
    copy = "compras/_archive/20261124T120500Z-0123456789abcdef.spool"
    lake.objects[copy] = lake.objects[lake.the("_archive/")][:-1]

    assert [one[:2] for one in found(lake.audit(Deep()))] == [
        ("warning", "unnamed_archive"),
        ("damage", "changed_archive"),
    ]


def test_an_archived_answer_that_was_superseded_has_its_end_and_is_no_warning() -> None:
    lake = Lake()
    name = lake.the("_superseded/")
    lake.objects[name.replace("_superseded", "_archive")] = lake.objects[name]

    assert lake.audit(ALL).findings == ()


def test_each_of_the_parts_finds_only_what_is_in_it_and_one_of_them_does() -> None:
    lake = Lake()
    lake.spoil("data/", flipped(20))
    lake.spoil("_superseded/", flipped(20))

    seen = [code for n in (1, 2, 3) for _, code, _ in found(lake.audit(Deep(Share(n, 3))))]

    assert sorted(seen) == ["changed_object", "changed_superseded"]


def test_objects_without_a_digest_are_a_warning_that_counts_them() -> None:
    lake = Lake()

    def unstamped(body: bytes) -> bytes:
        record = pq.read_metadata(pa.BufferReader(body)).metadata[FOOTER_KEY.encode()]
        sink, table = BytesIO(), pq.read_table(pa.BufferReader(body))
        with pq.ParquetWriter(
            sink, table.schema.remove_metadata(), store_schema=False, write_page_checksum=True
        ) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({FOOTER_KEY: record})
        return sink.getvalue()

    lake.spoil("data/", unstamped)

    assert found(lake.audit(Deep())) == [("warning", "not_stamped", "1 objects")]


# Replay -------------------------------------------------------------------------------------------------


def remade(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A spool file that is whole in itself, and holds other bodies under the old answer's name."""

    def made(body: bytes) -> bytes:
        contents = parse("x", body)
        ((head, wire),) = contents.pages
        from dataclasses import replace

        from coleta.collect.carry import answer_id, response_digest

        response = response_digest([change(wire)])
        tick = contents.header.tick
        assert tick is not None
        trailer = replace(
            contents.trailer, size_bytes=len(change(wire)), response=response, answer=answer_id(None, tick, response)
        )
        return b"".join([opening(contents.header), *page(head, change(wire)), closing(trailer)])

    return made


def test_an_archived_file_that_is_whole_in_itself_and_another_is_found() -> None:
    lake = Lake()
    lake.spoil("_archive/", remade(lambda wire: wire.replace(b"2", b"7")))

    assert [one[1] for one in found(lake.audit(ALL))] == ["changed_archive"]


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ({"price": [2.0, 4.0, 2.0, 7.0]}, "its rows are other values"),
        ({"ean": [1, 3, 1, 6]}, "its rows are other values"),
    ],
)
def test_a_replay_finds_rows_that_are_not_those_of_the_answer(rows: dict[str, list[object]], what: str) -> None:
    """An object with other rows, a record that goes with them, and all digests right: only the answer itself tells."""
    lake = Lake()
    lake.spoil("data/", forged(rows))

    report = lake.audit(ALL)

    assert lake.audit(Deep()).findings == ()
    assert [(one.code, one.where) for one in report.findings] == [("replay_differs", lake.bench.names("_archive/")[1])]
    assert what in report.findings[0].what


def forged(rows: dict[str, list[object]]) -> Callable[[bytes], bytes]:
    from dataclasses import replace

    from coleta.land.columns import record_schema, schema
    from coleta.land.decode import Piece
    from coleta.land.parquet import ObjectWriter
    from coleta.land.record import decode_record
    from coleta.testing.samples import sample_terms

    def made(body: bytes) -> bytes:
        table = pq.read_table(pa.BufferReader(body))
        record = decode_record("x", pq.read_metadata(pa.BufferReader(body)).metadata[FOOTER_KEY.encode()])
        values = {name: rows.get(name, table[name].to_pylist()) for name in ("ean", "price")}
        sink = BytesIO()
        with ObjectWriter(sink, schema(sample_terms())) as writer:
            at = 0
            for account in record.accounts:
                end = at + account.landed
                columns = pa.RecordBatch.from_pydict(
                    {name: column[at:end] for name, column in values.items()}, schema=record_schema(sample_terms())
                )
                numbers = table["_row"].to_pylist()[at:end]
                assert account.received_at is not None
                writer.add(
                    Piece(columns, numbers, received=end - at), tick=account.tick.end, fetched_at=account.received_at
                )
                at = end
            writer.finish(lambda _, content: replace(record, content=content))
        return sink.getvalue()

    return made


def test_a_level_reads_parts_only_where_it_reads_bytes() -> None:
    assert deep_of(1, None) is None
    assert deep_of(2, "2/7") == Deep(Share(2, 7))
    assert deep_of(3, None) == ALL
    with pytest.raises(WrongQuestion, match="only levels 2 and 3"):
        deep_of(1, "2/7")
