from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.envelope import BadEncoding, NotData, Page, TooLarge, look, unwrap
from coleta.contract.types import Contract, Field, Int
from coleta.paging import Cursor, PageNumber
from coleta.terms import Terms

LIMIT = 20_000_000
ARRAY = Terms(Contract((Field("a", Int()),)))
OBJECT = Terms(Contract((Field("a", Int()),)), expect="object")
WITHIN = Terms(Contract((Field("a", Int()),)), expect="object", records=("data", "items"))

PACKERS = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
}


@given(body=st.binary(max_size=5000), coding=st.sampled_from(sorted(PACKERS)))
def test_what_was_packed_comes_out_as_it_was(body: bytes, coding: str) -> None:
    assert unwrap(PACKERS[coding](body), coding, max_bytes=LIMIT) == body


@given(body=st.binary(max_size=5000), coding=st.sampled_from(sorted(PACKERS)), data=st.data())
def test_a_packed_body_that_is_cut_anywhere_is_refused(body: bytes, coding: str, data: st.DataObject) -> None:
    wire = PACKERS[coding](body)
    cut = data.draw(st.integers(0, len(wire) - 1))

    with pytest.raises(BadEncoding):
        unwrap(wire[:cut], coding, max_bytes=LIMIT)


@given(bodies=st.lists(st.binary(max_size=500), min_size=1, max_size=5))
def test_joined_gzip_members_are_all_read(bodies: list[bytes]) -> None:
    assert unwrap(b"".join(map(gzip.compress, bodies)), "gzip", max_bytes=LIMIT) == b"".join(bodies)


@given(body=st.binary(max_size=500), junk=st.binary(min_size=1, max_size=50))
def test_whatever_follows_the_end_of_a_packed_body_is_refused(body: bytes, junk: bytes) -> None:
    with pytest.raises(BadEncoding):
        unwrap(zlib.compress(body) + junk, "deflate", max_bytes=LIMIT)


@given(wire=st.binary(max_size=200), coding=st.sampled_from(["gzip", "deflate", "br", "identity", "gzip, gzip"]))
def test_any_bytes_are_read_or_refused_but_never_break_it(wire: bytes, coding: str) -> None:
    with suppress(BadEncoding, TooLarge):
        unwrap(wire, coding, max_bytes=LIMIT)


def test_deflate_without_its_zlib_frame_is_read_too() -> None:
    packer = zlib.compressobj(wbits=-15)
    wire = packer.compress(b"[1, 2]") + packer.flush()

    assert unwrap(wire, "deflate", max_bytes=LIMIT) == b"[1, 2]"


def test_a_body_larger_than_one_step_comes_out_whole() -> None:
    body = bytes(range(256)) * 20_000
    wire = gzip.compress(body, compresslevel=0)

    assert len(wire) > 2 << 20
    assert unwrap(wire + wire, "gzip", max_bytes=LIMIT) == body + body


@pytest.mark.parametrize("coding", [None, "identity", "gzip", "deflate"])
def test_the_limit_is_on_the_decoded_size_to_the_byte(coding: str | None) -> None:
    wire = PACKERS[coding](b"x" * 1000) if coding in PACKERS else b"x" * 1000

    assert len(unwrap(wire, coding, max_bytes=1000)) == 1000
    with pytest.raises(TooLarge):
        unwrap(wire, coding, max_bytes=999)


def test_a_bomb_is_refused_by_its_ratio_below_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(TooLarge):
        unwrap(bomb, "gzip", max_bytes=2_000_000_000)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,", "compress", "utf-8"])
def test_a_coding_that_was_not_asked_for_is_refused_by_name(coding: str) -> None:
    with pytest.raises(BadEncoding, match=coding.split(",")[0]):
        unwrap(b"[]", coding, max_bytes=LIMIT)


# Looking -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0),
        (b' [1, "two", {"a": [3, 4]}]\n', 3),
        (b"\xef\xbb\xbf[1]", 1),
        ('["São Paulo"]'.encode(), 1),
    ],
)
def test_an_array_is_counted(body: bytes, count: int) -> None:
    assert look(body, ARRAY) == Page(count)


@pytest.mark.parametrize(
    "body",
    [
        b"[NaN, 1]",
        b"[Infinity, 2]",
        b'["\\ud800", 1]',
        b"[1e400, 1]",
        b'[{"a": 1, "a": 2}, 1]',
        b"[" + b"9" * 90 + b", 1]",
    ],
)
def test_one_odd_value_does_not_cost_the_page(body: bytes) -> None:
    assert look(body, ARRAY) == Page(2)


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf  "])
def test_an_empty_body_is_not_data(body: bytes) -> None:
    assert look(body, ARRAY) == NotData("an empty body")


@pytest.mark.parametrize("terms", [ARRAY, OBJECT, WITHIN])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html><body>Sign in</body></html>", "HTML"),
        (b"\n <?xml version='1.0'?>", "HTML or XML"),
        (b'["\xff"]', "not UTF-8"),
        (b'["' + b"x" * 3_000_000 + b'\xc3"]', "not UTF-8"),
        (json.dumps([{"a": 1}]).encode("utf-16"), "not UTF-8"),
        (json.dumps([{"a": 1}]).encode("utf-16-le"), "broken JSON"),
        (b"[1, 2", "broken JSON"),
        (b"[1, 2] trailing", "broken JSON"),
        (b'{"a": 1}{"a": 2}', "broken JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "broken JSON"),
        (b"Service Unavailable", "broken JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'[{"a": NaN}, ' + b"[" * 100_000 + b"]" * 100_001, "nested too deep"),
    ],
)
def test_what_is_no_json_is_not_data_whatever_is_expected(terms: Terms, body: bytes, why: str) -> None:
    seen = look(body, terms)

    assert isinstance(seen, NotData)
    assert why in seen.why


def test_a_letter_across_two_steps_of_the_utf8_check_is_read() -> None:
    body = b'["' + b"x" * ((1 << 20) - 3) + "ç".encode() + b'"]'

    assert look(body, ARRAY) == Page(1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"error": "n must be positive"}', "an array was expected, an object with error came"),
        (b"null", "an array was expected, nothing came"),
        (b'"ok"', "an array was expected, a str came"),
        (b"NaN", "an array was expected, a float came"),
        (b"{}", "an array was expected, an object with no keys came"),
    ],
)
def test_another_shape_than_an_array_is_named(body: bytes, why: str) -> None:
    assert look(body, ARRAY) == NotData(why)


def test_an_object_is_one_record() -> None:
    assert look(b'{"a": 1}', OBJECT) == Page(1)
    assert look(b'{"b": 1}', OBJECT) == Page(1)


@pytest.mark.parametrize("body", [b'{"error": "no"}', b'{"error": "no", "code": 7}', b'{"errors": [1], "status": 400}'])
def test_an_error_in_the_place_of_the_record_is_not_data(body: bytes) -> None:
    assert isinstance(look(body, OBJECT), NotData)


def test_a_record_may_have_a_field_called_error() -> None:
    assert look(b'{"a": 1, "error": null}', OBJECT) == Page(1)
    assert look(b'{"error": 0}', Terms(Contract((Field("error", Int()),)), expect="object")) == Page(1)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null"])
def test_another_shape_than_an_object_is_not_data(body: bytes) -> None:
    assert isinstance(look(body, OBJECT), NotData)


@pytest.mark.parametrize("odd", [b"1", b"NaN"])
def test_records_within_an_object_are_counted_with_what_the_page_declares(odd: bytes) -> None:
    body = b'{"meta": {"total": 250, "pages": 3}, "x": %s, "data": {"items": [1, {"b": 2}]}}' % odd

    page = look(body, WITHIN, PageNumber(total=("meta", "total"), total_pages=("meta", "pages")))

    assert page == Page(2, total=250, total_pages=3)


@pytest.mark.parametrize("declared", [b'"250"', b"true", b"2.5", b"null", b"1e400", b"[1]"])
def test_a_declared_total_that_is_no_whole_number_counts_as_not_declared(declared: bytes) -> None:
    body = b'{"total": %s, "data": {"items": []}}' % declared

    assert look(body, WITHIN, PageNumber(total=("total",))) == Page(0)


@pytest.mark.parametrize("body", [b"{}", b'{"data": []}', b'{"data": {"items": null}}', b'{"data": {"items": {}}}'])
def test_an_object_without_the_array_is_not_data(body: bytes) -> None:
    seen = look(body, WITHIN)

    assert isinstance(seen, NotData)
    assert "data.items" in seen.why


def test_an_error_beside_an_empty_array_is_never_an_empty_page() -> None:
    assert isinstance(look(b'{"error": "quota", "data": {"items": []}}', WITHIN), NotData)
    assert look(b'{"error": null, "errors": [], "data": {"items": []}}', WITHIN) == Page(0)
    assert look(b'{"errors": ["one row skipped"], "data": {"items": [1]}}', WITHIN) == Page(1)


@given(st.binary(max_size=100))
def test_any_bytes_are_seen_as_a_page_or_as_not_data(body: bytes) -> None:
    for terms in (ARRAY, OBJECT, WITHIN):
        assert isinstance(look(body, terms), Page | NotData)


ODD_NAME = "what names the next page is neither a text nor a whole number"


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"data": {"items": [1]}, "next": "c2", "more": true}', Page(1, has_more=True, next="c2")),
        (b'{"data": {"items": [1]}, "next": 7, "more": false}', Page(1, has_more=False, next=7)),
        (b'{"data": {"items": [1]}, "next": null, "more": null}', Page(1)),
        (b'{"data": {"items": [NaN]}, "next": "", "x": 1}', Page(1)),
        (b'{"data": {"items": [1]}, "next": false}', Page(1)),
        (
            b'{"data": {"items": [1]}, "next": ["c2"]}',
            NotData(ODD_NAME),
        ),
        (
            b'{"data": {"items": [1]}, "next": 1.5}',
            NotData(ODD_NAME),
        ),
        (b'{"data": {"items": [1]}, "more": "true"}', NotData("more is neither true nor false")),
    ],
)
def test_what_a_page_says_of_the_next_one_is_read_and_never_guessed(body: bytes, seen: object) -> None:
    assert look(body, WITHIN, Cursor(next=("next",), has_more=("more",))) == seen


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (b'["half of it is missing"]', NotData("an error at x.errors")),
        (b'"quota"', NotData("an error at x.errors")),
        (b'{"code": 7}', NotData("an error at x.errors")),
        (b"[]", Page(1)),
        (b"null", Page(1)),
        (b"false", Page(1)),
        (b'""', Page(1)),
    ],
)
def test_a_page_that_tells_of_an_error_is_not_the_data_whatever_else_it_holds(error: bytes, seen: object) -> None:
    body = b'{"data": {"items": [1]}, "x": {"errors": %s}}' % error

    assert look(body, WITHIN, error_at=("x", "errors")) == seen
    assert look(body, WITHIN) == Page(1)
