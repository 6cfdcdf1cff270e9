"""Answers that land without some of their records: what is kept, what is counted, and where it stood."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from coleta.collect.carry import Known, ruler_of
from coleta.collect.marks import marks
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int, Timestamp
from coleta.land.decode import NotRecords
from coleta.land.sieve import all_placed, belonging_to, sieved, unknown_to
from coleta.terms import Terms
from coleta.testing.samples import NOON

TERMS = Terms(Contract((Field("id", Int()), Field("at", Timestamp()))), key=("id",), cursor="at")
WRAPPED = Terms(TERMS.contract, expect="object", records=("data", "items"), cursor="at")


def record(number: object, at: str = "2026-11-24T12:00:00Z") -> dict[str, object]:
    return {"id": number, "at": at}


def page(*records: object) -> bytes:
    return json.dumps(records).encode()


def known(*records: object) -> Known:
    elements = [{"at": mark.at, "key": mark.key, "raw": mark.raw} for mark in marks([page(*records)], TERMS)]
    return Known.of({"boundary": elements}, ruler_of(TERMS))


def ids(pieces: list) -> list[int]:  # type: ignore[type-arg]
    return [number for piece in pieces for number in piece.columns["id"].to_pylist()]


def test_what_is_known_by_its_key_or_by_its_bytes_is_dropped_and_counted() -> None:
    bodies = [
        page(record(1), record("bad"), record(2)),
        page({**record(1, "2026-11-24T10:00:00-02:00"), "x": 1}, record(3)),
    ]

    pieces = list(sieved(bodies, TERMS, unknown_to(known(record(1), record("bad")), TERMS)))

    assert ids(pieces) == [2, 3]
    assert sum(piece.deduplicated for piece in pieces) == 3
    assert sum(piece.received for piece in pieces) == 5


def test_a_key_with_another_cursor_value_is_another_version_and_new() -> None:
    later = record(1, "2026-11-24T12:00:01Z")

    (piece,) = sieved([page(later)], TERMS, unknown_to(known(record(1)), TERMS))

    assert ids([piece]) == [1]


def test_a_key_whose_cursor_value_cannot_be_read_is_known_by_itself() -> None:
    pieces = list(sieved([page({"id": 1})], TERMS, unknown_to(known(record(1)), TERMS)))

    assert sum(piece.deduplicated for piece in pieces) == 1


def test_what_is_kept_keeps_its_place_in_the_answer_also_when_it_is_rejected() -> None:
    bodies = [page(record(1), record(2)), page(record(3), record("bad"), record(4))]

    pieces = list(sieved(bodies, TERMS, unknown_to(known(record(1), record(3)), TERMS)))

    assert [row for piece in pieces for row in piece.rows] == [1, 4]
    assert [reject.row for piece in pieces for reject in piece.rejects] == [3]


def test_an_answer_all_of_which_is_known_has_received_all_of_it() -> None:
    (piece,) = sieved([page(record(1), record(2))], TERMS, unknown_to(known(record(1), record(2)), TERMS))

    assert (piece.received, piece.deduplicated, piece.columns.num_rows) == (2, 2, 0)
    assert piece.columns.schema.names == ["id", "at"]


def test_records_belong_to_the_interval_that_holds_their_cursor_value() -> None:
    minute = timedelta(minutes=1)
    spans = [Interval(NOON, NOON + minute), Interval(NOON + 2 * minute, NOON + 3 * minute)]
    times = ["12:00:00", "12:00:00.000001", "12:01:00", "12:01:00.000001", "12:02:30"]
    body = json.dumps({"data": {"items": [record(n, f"2026-11-24T{at}Z") for n, at in enumerate(times)]}}).encode()

    pieces = list(sieved([body], WRAPPED, belonging_to(spans, WRAPPED)))

    assert ids(pieces) == [1, 2, 4]
    assert [row for piece in pieces for row in piece.rows] == [1, 2, 4]


def test_a_record_that_does_not_say_when_it_is_from_is_found() -> None:
    assert all_placed([page(record(1)), page(record(2))], TERMS)
    assert not all_placed([page(record(1), {"id": 2})], TERMS)
    assert not all_placed([page(record(1, "2026-11-24T12:00:00"))], TERMS)


def test_a_page_that_is_no_array_is_no_data_here_too() -> None:
    with pytest.raises(NotRecords):
        list(sieved([b"{}"], TERMS, lambda raw: True))
