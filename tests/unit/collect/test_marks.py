"""By what a record is known again, and where it stands."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest

from coleta.collect.marks import Marker, greatest, less, marks, order_of, placed_in_time, raw_records
from coleta.contract.types import Contract, Date, Field, Int, LocalTimestamp, Str, Timestamp, Type
from coleta.terms import Terms

FIELDS = (Field("id", Int(), path=("meta", "id")), Field("store", Int()), Field("at", Timestamp()))
TERMS = Terms(Contract(FIELDS), key=("id", "store"), cursor="at")
RAW = b'{"meta": {"id": 7}, "store": 11, "at": "2026-11-24T12:00:00Z"}'


def half(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def test_a_mark_is_the_cursor_value_as_it_stood_and_two_halves_of_digests() -> None:
    mark = Marker(TERMS).mark(RAW)

    assert (mark.at, mark.key, mark.raw) == ("2026-11-24T12:00:00Z", half(b"[7,11]"), half(RAW))


@pytest.mark.parametrize(
    "raw",
    [b'{"meta": {"id": null}, "store": 11}', b'{"store": 11}', b'{"meta": 7, "store": 11}', b"7", b"not json"],
)
def test_a_record_without_its_whole_key_is_known_by_its_bytes_alone(raw: bytes) -> None:
    assert Marker(TERMS).mark(raw).key is None
    assert Marker(TERMS).mark(raw).raw == half(raw)


def test_what_json_does_not_allow_hides_no_other_member() -> None:
    mark = Marker(TERMS).mark(b'{"meta": {"id": 7}, "store": 11, "at": "2026-11-24T12:00:00Z", "x": NaN}')

    assert mark.at == "2026-11-24T12:00:00Z"
    assert mark.key == half(b"[7,11]")


@pytest.mark.parametrize("value", [b"1", b"true", b'"yesterday"', b'"2026-11-24T12:00:00"', b"null", b"[]"])
def test_a_cursor_value_of_another_kind_is_none(value: bytes) -> None:
    assert Marker(TERMS).mark(b'{"at": ' + value + b"}").at is None


def test_records_are_cut_exactly_as_they_stand_wherever_they_are() -> None:
    inside = Terms(TERMS.contract, expect="object", records=("data", "items"))
    alone = Terms(TERMS.contract, expect="object")

    assert raw_records(b'\xef\xbb\xbf [ {"a" : 1} ,\n{"a":2} ] ', TERMS) == [b'{"a" : 1}', b'{"a":2}']
    assert raw_records(b'{"data": {"items": [ 1 , [2] ]}}', inside) == [b"1", b"[2]"]
    assert raw_records(b' {"a": 1}\n', alone) == [b'{"a": 1}']
    assert raw_records(b'[{"a": NaN}, {"a": 2}]', TERMS) == [b'{"a": NaN}', b'{"a": 2}']
    assert raw_records(b'{"data": {"items": [{"a": NaN}], "x": Infinity}}', inside) == [b'{"a": NaN}']


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1", b"{}", b'"text"', b"[" * 100_000])
def test_a_page_without_an_array_has_no_records(body: bytes) -> None:
    assert raw_records(body, TERMS) == []
    assert marks([body], TERMS) == []


@pytest.mark.parametrize(
    ("kind", "values", "last"),
    [
        (Int(), (9, 10, "11", True), 10),
        (Str(), ("b", "a", 3), "b"),
        (Date(), ("2026-11-24", "2026-02-01", "x"), "2026-11-24"),
        (Timestamp(), ("2026-11-24T12:00:00Z", "2026-11-24T10:00:00-03:00"), "2026-11-24T10:00:00-03:00"),
        (LocalTimestamp(), ("2026-11-24T12:00:00", "2026-11-24T13:00:00"), "2026-11-24T13:00:00"),
    ],
)
def test_values_are_compared_by_what_they_mean(kind: Type, values: tuple[int | str, ...], last: int | str) -> None:
    assert greatest(values, order_of(kind)) == last


def test_a_place_is_set_back_in_its_own_measure() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)

    assert less(10, 3) == 7
    assert less(noon, timedelta(minutes=5)) == noon - timedelta(minutes=5)
    assert less(date(2026, 11, 24), timedelta(days=2)) == date(2026, 11, 22)
    assert less("text", timedelta(days=2)) == "text"


def test_only_an_instant_places_a_record_in_time() -> None:
    assert placed_in_time(TERMS)
    assert not placed_in_time(Terms(TERMS.contract, cursor="store"))
    assert not placed_in_time(Terms(TERMS.contract))
