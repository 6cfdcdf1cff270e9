"""What becomes of an answer's records, sentence by sentence."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pytest

from coleta.contract.parse import parse_contract
from coleta.errors import Misconfigured
from coleta.land.decode import AnswerRejected, NotRecords, Piece, Reject, decode
from coleta.terms import Expect, OnViolation, Terms, Unknown

COMPRAS = {"ean": "int", "price": "float", "store": "int?", "dateTime": "str?"}
GOOD = b'{"ean":1,"price":2.5}'


def terms(
    table: Mapping[str, object] = COMPRAS,
    *,
    on_violation: OnViolation = "quarantine",
    unknown: Unknown = "drop",
    key: tuple[str, ...] = (),
) -> Terms:
    return Terms(parse_contract(table), on_violation=on_violation, unknown=unknown, key=key)


def wrapped(*keys: str, expect: Expect = "object") -> Terms:
    return Terms(parse_contract(COMPRAS), expect=expect, records=keys)


def landed(pieces: Iterable[Piece]) -> list[tuple[int, dict[str, object]]]:
    return [pair for piece in pieces for pair in zip(piece.rows, piece.columns.to_pylist(), strict=True)]


def column(texts: str, kind: object, on_violation: OnViolation = "quarantine") -> list[object]:
    """What a column `v` of `kind` holds after values with these JSON texts, split at spaces, came."""
    body = "[" + ",".join(f'{{"v":{text}}}' for text in texts.split()) + "]"
    return [row["v"] for _, row in landed(decode([body.encode()], terms({"v": kind}, on_violation=on_violation)))]


def rejects(body: bytes, table: Mapping[str, object] = COMPRAS) -> list[Reject]:
    return [reject for piece in decode([body], terms(table)) for reject in piece.rejects]


def reason(text: str, kind: object) -> str:
    """Why the value with this JSON text is refused, at `$.v`."""
    (reject,) = rejects(f'[{{"v":{text}}}]'.encode(), {"v": kind})
    assert reject.path.startswith("$.v"), reject
    return reject.path.removeprefix("$.v") + reject.reason


def refusal(body: bytes, under: Terms | None = None, **sizes: int) -> str:
    with pytest.raises(NotRecords) as caught:
        list(decode([body], under or terms(), **sizes))
    return caught.value.why


# --- pages --------------------------------------------------------------------------------------------


def test_rows_are_counted_across_pages_before_any_filter() -> None:
    pages = [b"[" + GOOD + b",7," + GOOD + b"]", b"[]", b"[null," + GOOD + b"]"]

    pieces = list(decode(pages, terms()))

    assert [row for row, _ in landed(pieces)] == [0, 2, 4]
    assert [(reject.row, reject.raw) for piece in pieces for reject in piece.rejects] == [(1, b"7"), (3, b"null")]
    assert [piece.received for piece in pieces] == [3, 2]


def test_a_page_without_records_gives_no_piece() -> None:
    assert list(decode([b"[]", b" [ ] "], terms())) == []
    assert list(decode([b"[" + b" " * 50 + b"]"], terms(), window_bytes=8)) == []


def test_a_byte_order_mark_is_skipped() -> None:
    assert len(landed(decode([b"\xef\xbb\xbf[" + GOOD + b"]"], terms()))) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<html>503</html>", "HTML"),
        (b"\n <?xml version='1.0'?>", "HTML or XML"),
        (b"[" + GOOD, "broken JSON"),
        (b"[" + GOOD + b",", "broken JSON"),
        (b"[" + GOOD + b",]", "broken JSON"),
        (b"[" + GOOD + b"] x", "broken JSON"),
        (b"[" + GOOD + b"][]", "broken JSON"),
        (b"[" + GOOD + GOOD + b"]", "broken JSON"),
        (b'[{"ean":1,"price":2,}]', "broken JSON"),
        (b'[{"ean" 1}]', "broken JSON"),
        (b'[{"ean":tru}]', "broken JSON"),
        (b'[{"ean":01}]', "broken JSON"),
        (b'[{"ean":1,"price":2}}]', "broken JSON"),
        (b'[{"ean":1,"price":[2}]]', "broken JSON"),
        (b'[{"x":"a\nb"}]', "broken JSON"),
        (b'[{"x":"a\x00b"}]', "broken JSON"),
        (b'{"error":"n < 1"}', "an array was expected, an object with error came"),
        (b'"text"', "an array was expected, a string came"),
        (b"null", "an array was expected, null came"),
        (("[" + GOOD.decode() + "]").encode("utf-16"), "not UTF-8"),
        (b'[{"ean":1,"price":2,"dropped":"\xff"}]', "not UTF-8"),
        (b'[{"ean":1,"price":2,"dropped":"\xed\xa0\x80"}]', "not UTF-8"),
        (b'[{"ean":1,"price":2,"dropped":"\xc3', "not UTF-8"),
    ],
)
def test_a_page_that_cannot_be_cut_into_records_is_refused_whole(body: bytes, why: str) -> None:
    assert why in refusal(body)


@pytest.mark.parametrize("brackets", [b"[]", b'{"a":}'])
def test_nesting_of_100000_is_refused_without_a_crash(brackets: bytes) -> None:
    half = len(brackets) - 1
    deep = brackets[:half] * 100_000 + b"1" + brackets[half:] * 100_000

    assert refusal(b'[{"ean":1,"price":2,"x":' + deep + b"}]") == "nested too deep"
    assert refusal(b'[{"ean":1,"price":NaN,"x":' + deep + b"}]") == "nested too deep"


def test_records_inside_an_object_are_found_by_their_keys() -> None:
    body = b' {"page":1,"data": {"n":1,"items" : [' + GOOD + b', 7 ]},"items":[]} '

    pieces = list(decode([body], wrapped("data", "items")))

    assert [row for row, _ in landed(pieces)] == [0]
    assert pieces[0].rejects[0].raw == b"7"


def test_one_record_with_nan_inside_an_envelope_does_not_spoil_the_others() -> None:
    body = b'{"data":[' + GOOD + b',{"ean":1,"price":NaN}],"next":null}'

    pieces = list(decode([body], wrapped("data")))

    assert [row for row, _ in landed(pieces)] == [0]
    assert pieces[0].rejects[0].reason == "not_a_number"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"error":"no"}', "no array at data: an object with error came"),
        (b'{"data":{"error":1}}', "an array was expected, an object with error came"),
        (b"[]", "no array at data: an array came"),
        (b'{"data":[],"data":[]}', "data comes 2 times"),
        (b'{"data":[],"d\\u0061ta":[]}', "data comes 2 times"),
        (b'{"data":[NaN],"data":[]}', "data comes 2 times"),
        (b'{"data":[' + GOOD + b"]", "broken JSON"),
        (b'{"data":[' + GOOD + b"]} x", "broken JSON"),
    ],
)
def test_an_envelope_that_does_not_hold_one_array_is_refused(body: bytes, why: str) -> None:
    assert why in refusal(body, wrapped("data"))


def test_an_object_may_itself_be_the_one_record() -> None:
    pieces = list(decode([b" " + GOOD + b"\n", b'{"ean":"x","price":1}'], wrapped()))

    assert [row for row, _ in landed(pieces)] == [0]
    assert pieces[1].rejects[0] == Reject(
        1, "$.ean", "type", "a number was expected, a string came", b'{"ean":"x","price":1}'
    )
    assert "an object with error came" in refusal(b'{"error":"no"}', wrapped())
    assert "an array came" in refusal(b"[" + GOOD + b"]", wrapped())


# --- windows and pieces -------------------------------------------------------------------------------


def test_a_long_array_is_decoded_window_by_window_and_cut_only_between_records() -> None:
    tricky = [{"ean": n, "price": 1, "x": [{"ean": 1}, {"ean": '},{"ean":2'}], "y": "}, {"} for n in range(200)]
    for separators in [(",", ":"), (" ,\n ", " : ")]:
        body = json.dumps(tricky, separators=separators).encode()
        for window in (1, 64, 200, 1000, 5000):
            pieces = list(decode([body], terms(), window_bytes=window))
            assert [(row, values["ean"]) for row, values in landed(pieces)] == [(n, n) for n in range(200)]
            assert len(pieces) > 1


@pytest.mark.parametrize("end", [b"", b",", b",]", b"]]", b"] x", b",{]", b"}]"])
def test_a_long_array_that_ends_wrongly_is_refused_however_it_is_cut(end: bytes) -> None:
    body = b"[" + b" , ".join([GOOD] * 50) + end
    for window in (1, 30, 100, 5000):
        assert "broken JSON" in refusal(body, window_bytes=window)


def test_a_piece_has_no_more_rows_than_asked_and_what_is_counted_goes_with_the_first() -> None:
    body = b"[" + b",".join([GOOD] * 10 + [b"7"]) + b"]"

    pieces = list(decode([body], terms(), piece_rows=4))

    assert [len(piece.rows) for piece in pieces] == [4, 4, 2]
    assert [len(piece.rejects) for piece in pieces] == [1, 0, 0]
    assert [piece.received for piece in pieces] == [5, 4, 2]


def test_memory_is_bounded_by_the_window_not_by_the_page() -> None:
    body = b"[" + b",".join([GOOD] * 400_000) + b"]"
    tracemalloc.start()
    try:
        rows = sum(len(piece.rows) for piece in decode([body], terms(), window_bytes=1 << 20))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert rows == 400_000
    assert peak < 2 * len(body)


# --- types --------------------------------------------------------------------------------------------


def test_an_int_is_a_json_integer_within_64_bits() -> None:
    assert column("1 -0 9223372036854775807 -9223372036854775808", "int") == [1, 0, 2**63 - 1, -(2**63)]
    for text in ("1.0", "1e2", "1E400", "true", '"12"', "[]", "{}"):
        assert reason(text, "int") == "type"
    for text in ("9223372036854775808", "-9223372036854775809", "1" * 5000):
        assert reason(text, "int") == "too_large"
    assert reason("null", "int") == "null"


def test_a_float_is_any_json_number_that_float64_can_hold() -> None:
    assert column("1 1180591620717411303424 -0.0 1e2 1e-400 9007199254740993", "float") == [
        *(1.0, 2.0**70, 0.0, 100.0, 0.0, 9007199254740992.0)
    ]
    for text in ("1e400", "-1e400", "1" * 400):
        assert reason(text, "float") == "range"
    for text in ("true", '"1"', '"NaN"', "[1]"):
        assert reason(text, "float") == "type"
    for text in ("NaN", "Infinity", "-Infinity"):
        assert reason(text, "float") == "not_a_number"


def test_a_decimal_is_exact_to_its_last_digit() -> None:
    assert column('12345678901234567.89 9007199254740993 "1.50" 1e2 -0.00 0.100', "decimal(19,2)") == [
        decimal.Decimal(text) for text in ("12345678901234567.89", "9007199254740993", "1.50", "100", "0", "0.10")
    ]
    assert column("0.99 -0.01", "decimal(2,2)") == [decimal.Decimal("0.99"), decimal.Decimal("-0.01")]
    for text in ("1.005", "12345678", '"1.005"', "1e400", "1e-400", "1e99999999999999999999", "1" * 5000, "1e5"):
        assert reason(text, "decimal(7,2)") == "range"
    for text in ('"NaN"', '"Infinity"', '" 1"', '"1_0"', '"+1"', '"1."', '".5"', '"\\u0661"', '""'):
        assert reason(text, "decimal(7,2)") == "format"
    for text in ("true", "[1]", "{}"):
        assert reason(text, "decimal(7,2)") == "type"
    assert reason("null", "decimal(7,2)") == "null"


def test_a_bool_is_true_or_false() -> None:
    assert column("true false", "bool") == [True, False]
    assert [reason(text, "bool") for text in ("1", '"true"', "null")] == ["type", "type", "null"]


def test_a_str_may_hold_any_character_but_half_of_a_pair() -> None:
    assert column('"\\u0000" "\\ud83d\\ude00" "é" "\\u00e9" ""', "str") == ["\0", "😀", "é", "é", ""]
    for text in ('"\\ud800"', '"\\udc00"', '"\\ud800x"', '"\\ud800\\u0041"'):
        assert reason(text, "str") == "surrogate"


def test_a_date_is_a_calendar_date() -> None:
    assert column('"2026-11-24" "2024-02-29"', "date") == [dt.date(2026, 11, 24), dt.date(2024, 2, 29)]
    for text in ('"2026-02-29"', '"20261124"', '"2026-11-24T00:00:00"', '"0000-01-01"', '""'):
        assert reason(text, "date") == "format"
    assert reason("20261124", "date") == "type"


def test_a_timestamp_needs_a_zone_and_lands_in_utc() -> None:
    noon = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    texts = '"2026-11-24T12:00:00Z" "2026-11-24T09:00:00-03:00" "2026-11-24T12:00:00.000000000Z"'
    assert column(texts, "timestamp") == [noon] * 3
    for text in ('"2026-11-24T12:00:00"', '"2026-11-24"', '"2026-11-24T25:00:00Z"', '"2026-11-24T12:00Z"', '"x"'):
        assert reason(text, "timestamp") == "format"
    assert reason("1732449600", "timestamp") == "type"


def test_a_local_timestamp_has_no_zone() -> None:
    assert column('"2026-11-24T12:00:00.5"', "local_timestamp") == [dt.datetime.fromisoformat("2026-11-24T12:00:00.5")]
    assert reason('"2026-11-24T12:00:00Z"', "local_timestamp") == "format"


def test_a_time_finer_than_a_microsecond_or_outside_the_calendar_is_not_rounded() -> None:
    assert reason('"2026-11-24T12:00:00.1234567Z"', "timestamp") == "range"
    assert reason('"2026-11-24T12:00:00.000000001"', "local_timestamp") == "range"
    assert reason('"0001-01-01T00:00:00+05:00"', "timestamp") == "range"
    assert reason('"9999-12-31T23:59:59-05:00"', "timestamp") == "range"


def test_json_keeps_its_own_text() -> None:
    texts = ['{ "a" : [1.0, 1e400] }', "12345678901234567.890", '"\\u0041"', '{"a":1,"a":2}', "true"]
    body = "[" + ",".join(f'{{"v": {text} }}' for text in texts) + "]"

    assert [row["v"] for _, row in landed(decode([body.encode()], terms({"v": "json"})))] == texts
    assert reason("null", "json") == "null"
    assert reason("[NaN]", "json") == "not_a_number"
    assert column("null", "json?") == [None]


def test_lists_and_structs_are_nested_and_say_where_they_break() -> None:
    table = {"v": {"type": "list", "item": {"fields": {"price": "float", "tags": "list[str]?"}}}}
    (piece,) = decode([b'[{"v":[{"price":1,"tags":["a"]},{"price":2.5}]},{"v":[]}]'], terms(table))

    assert piece.columns.to_pylist() == [
        {"v": [{"price": 1.0, "tags": ["a"]}, {"price": 2.5, "tags": None}]},
        {"v": []},
    ]
    assert reason('[{"price":1},{"price":1},{"price":"x"}]', table["v"]) == "[2].pricetype"
    assert reason('[{"price":1,"tags":["a",null]}]', table["v"]) == "[0].tags[1]null"
    assert reason("[{}]", table["v"]) == "[0].pricemissing"
    assert reason("[1]", table["v"]) == "[0]type"
    assert reason("{}", table["v"]) == "type"


def test_a_path_selects_and_renames() -> None:
    table = {
        "login": {"type": "str", "path": "$.user.login"},
        "id": {"type": "int?", "path": "$.user['the id']"},
        "n": "int",
    }
    (piece,) = decode([b'[{"n":1,"user":{"login":"m","the id":7}},{"user":{"login":"n"},"n":2},{"n":3}]'], terms(table))

    assert piece.columns.to_pylist() == [{"login": "m", "id": 7, "n": 1}, {"login": "n", "id": None, "n": 2}]
    assert [(reject.path, reject.reason) for reject in piece.rejects] == [("$.user", "missing")]
    for user, path in [("5", "$.user"), ("null", "$.user"), ("{}", "$.user.login"), ('{"login":1}', "$.user.login")]:
        assert rejects(f'[{{"n":1,"user":{user}}}]'.encode(), table)[0].path == path


def test_an_absent_object_leaves_optional_fields_null() -> None:
    table = {"login": {"type": "str?", "path": "$.user.name.login"}, "n": "int"}
    body = b'[{"n":1},{"n":2,"user":null},{"n":3,"user":{}},{"n":4,"user":{"name":null}}]'

    assert [row["login"] for _, row in landed(decode([body], terms(table)))] == [None] * 4


# --- rules --------------------------------------------------------------------------------------------


def test_optional_and_nullable_are_two_things() -> None:
    table = {"a": {"type": "int", "required": False}, "b": {"type": "int", "nullable": True}}
    (piece,) = decode([b'[{"a":1,"b":null},{"b":1},{"a":null,"b":1},{"a":1}]'], terms(table))

    assert piece.columns.to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": 1}]
    assert [(reject.path, reject.reason) for reject in piece.rejects] == [("$.a", "null"), ("$.b", "missing")]


def test_rules_are_kept() -> None:
    assert column("1 5", {"type": "int", "min": 1, "max": 5}) == [1, 5]
    assert [reason(text, {"type": "int", "min": 1, "max": 5}) for text in ("0", "6")] == ["range", "range"]
    assert reason("0.09", {"type": "float", "min": 0.1}) == "range"
    assert column("0.1", {"type": "decimal(3,2)", "min": 0.1, "max": 0.1}) == [decimal.Decimal("0.1")]
    assert reason("0.09", {"type": "decimal(3,2)", "min": 0.1}) == "range"
    assert reason("0.2", {"type": "decimal(3,2)", "enum": [0.1]}) == "enum"
    assert column('"a"', {"type": "str", "enum": ["a"]}) == ["a"]
    assert reason('"b"', {"type": "str", "enum": ["a"]}) == "enum"
    assert reason("3", {"type": "int", "enum": [1, 2]}) == "enum"
    assert reason('"é"', {"type": "str", "min_length": 2}) == "length"
    assert column('"😀"', {"type": "str", "max_length": 1}) == ["😀"]
    assert reason("[1,2]", {"type": "list", "item": "int", "max_length": 1}) == "length"


def test_a_pattern_must_match_somewhere() -> None:
    assert column('"xabx"', {"type": "str", "pattern": "ab"}) == ["xabx"]
    assert reason('"xabx"', {"type": "str", "pattern": "^ab"}) == "pattern"


# --- records ------------------------------------------------------------------------------------------


def test_a_rejected_record_keeps_its_very_bytes_and_the_first_reason_in_contract_order() -> None:
    raw = b'{ "price" : "caro" ,\n\t"ean":"\\u0031", "x":1.50 }'
    (piece,) = decode([b"[ " + GOOD + b" ,\n " + raw + b" ]"], terms())

    assert piece.rejects == (Reject(1, "$.ean", "type", "a number was expected, a string came", raw),)


@pytest.mark.parametrize("twice", [b'"ean":2', b'"ean" : 2', b'"e\\u0061n":2', b'"\\u0065\\u0061\\u006E"\n:2'])
@pytest.mark.parametrize("neighbours", [0, 100])
def test_a_name_that_comes_twice_is_quarantined_and_its_neighbours_land(twice: bytes, neighbours: int) -> None:
    raw = GOOD[:-1] + b"," + twice + b"}"
    (piece,) = decode([b"[" + b",".join([GOOD] * neighbours + [raw]) + b"]"], terms())

    assert [(one.row, one.path, one.reason, one.raw) for one in piece.rejects] == [
        (neighbours, "$.ean", "duplicate_key", raw)
    ]
    assert len(piece.rows) == neighbours


@pytest.mark.parametrize("name", ["preço", "a/b", "a,b", "x':'", "é😀", " ", "a:b"])
def test_a_name_of_any_characters_is_read_and_watched(name: str) -> None:
    for spelled in (json.dumps(name), json.dumps(name, ensure_ascii=False), json.dumps(name).replace("/", "\\/")):
        once, twice = f'{{{spelled}:1,"z":"\\\\"}}', f'{{{spelled}:1,"{name}":2}}'
        (piece,) = decode([f"[{once},{twice}]".encode()], terms({name: "int"}))
        assert piece.columns.to_pylist() == [{name: 1}]
        assert [reject.reason for reject in piece.rejects] == ["duplicate_key"]


def test_the_same_name_in_a_dropped_object_or_a_text_is_no_duplicate() -> None:
    body = b'[{"ean":1,"price":2,"x":{"ean":{"price":1}},"y":["\\"ean\\":",{"price":3}],"z":"ean"}]'

    assert [row for row, _ in landed(decode([body], terms()))] == [0]


def test_what_json_forbids_is_refused_even_in_a_dropped_field() -> None:
    for value, why in ((b"NaN", "not_a_number"), (b'"\\ud800"', "surrogate")):
        (reject,) = rejects(b"[" + GOOD + b"," + GOOD[:-1] + b',"x":' + value + b"}]")
        assert (reject.row, reject.path, reject.reason) == (1, "$.x", why)


def test_a_key_that_comes_again_in_the_answer_is_dropped_and_counted_across_pages() -> None:
    pages = [b'[{"ean":1,"price":1},{"ean":1,"price":2},{"ean":"x","price":3}]', b'[{"ean":2,"price":4},' + GOOD + b"]"]

    pieces = list(decode(pages, terms(key=("ean",))))

    assert [(row, values["price"]) for row, values in landed(pieces)] == [(0, 1.0), (3, 4.0)]
    assert [(one.received, one.deduplicated, len(one.rejects)) for one in pieces] == [(3, 1, 1), (2, 1, 0)]


def test_the_first_of_a_key_that_lands_is_kept_even_if_one_before_it_was_refused() -> None:
    pieces = list(decode([b'[{"ean":1,"price":"x"},{"ean":1,"price":2}]'], terms(key=("ean",))))

    assert [row for row, _ in landed(pieces)] == [1]


def test_a_record_whose_key_is_null_is_not_known_by_it() -> None:
    body = b'[{"store":1,"ean":null},{"store":1,"ean":null},{"store":1,"ean":5},{"store":1,"ean":5}]'
    pieces = list(decode([body], terms({"store": "int", "ean": "int?"}, key=("store", "ean"))))

    assert [row for row, _ in landed(pieces)] == [0, 1, 2]


def test_times_lists_and_decimals_may_be_keys() -> None:
    table = {"at": "timestamp", "tags": "list[int]", "n": "decimal(5,2)"}
    one = '{"at":"2026-11-24T12:00:00Z","tags":[1],"n":1.0}'
    same = '{"at":"2026-11-24T09:00:00-03:00","tags":[ 1 ],"n":"1.00"}'
    (piece,) = decode([f"[{one},{same}]".encode()], terms(table, key=("at", "tags", "n")))

    assert piece.deduplicated == 1


def test_a_key_that_the_contract_does_not_have_is_a_mistake() -> None:
    with pytest.raises(Misconfigured, match="nope"):
        list(decode([b"[]"], terms(key=("nope",))))


# --- policies -----------------------------------------------------------------------------------------


def test_under_null_a_value_that_breaks_becomes_null_and_is_counted() -> None:
    table = {"ean": "int", "tags": "list[int]", "place": {"fields": {"city": "str", "n": "int"}}}
    body = b'[{"ean":"x","tags":[1,"2"],"place":{"city":1,"n":2}},{"tags":[],"place":5},7,{"ean":1,"ean":2}]'

    (piece,) = decode([body], terms(table, on_violation="null"))

    assert piece.columns.to_pylist() == [
        {"ean": None, "tags": [1, None], "place": {"city": None, "n": 2}},
        {"ean": None, "tags": [], "place": None},
    ]
    assert piece.nulled == 5
    assert [reject.reason for reject in piece.rejects] == ["not_an_object", "duplicate_key"]
    assert all(field.nullable for field in piece.columns.schema)


def test_under_null_a_time_or_a_decimal_that_loses_something_becomes_null() -> None:
    assert column('"2026-11-24T12:00:00.1234567Z" NaN "\\ud800"', "timestamp", on_violation="null") == [None] * 3
    assert column("1.005 NaN 1.5", "decimal(3,2)", on_violation="null") == [None, None, decimal.Decimal("1.5")]


def test_under_reject_one_bad_record_refuses_the_answer() -> None:
    under = terms(on_violation="reject")

    assert len(landed(decode([b"[" + GOOD + b"]"], under))) == 1
    with pytest.raises(AnswerRejected, match=r"type at \$\.ean of record 1"):
        list(decode([b"[" + GOOD + b',{"ean":"x","price":1}]'], under))


def test_an_unknown_member_is_dropped_and_its_name_counted_in_the_first_record_of_a_page() -> None:
    page = b'[{"ean":1,"price":2,"new":1,"older":[]},{"ean":1,"price":2,"late":1}]'

    pieces = list(decode([page, page], terms(), window_bytes=8))

    assert [dict(piece.drift) for piece in pieces] == [{"new": 1, "older": 1}, {}, {"new": 1, "older": 1}, {}]
    assert "_extra" not in pieces[0].columns.schema.names


def test_an_unknown_member_is_kept_with_its_own_text() -> None:
    body = (
        b'[{"ean":1,"price":2,"caf\\u00e9": 1.50,"x" : {"b" :1e400}},{"ean":1,"price":2},{"ean":1,"price":2,"x":null}]'
    )

    (piece,) = decode([body], terms(unknown="keep"))

    assert piece.columns.column("_extra").to_pylist() == ['{"café":1.50,"x":{"b" :1e400}}', None, '{"x":null}']
    assert piece.drift == {"café": 1, "x": 2}


def test_an_unknown_member_that_comes_twice_is_not_kept_by_half() -> None:
    (piece,) = decode([b'[{"ean":1,"price":2,"x":1,"x":2}]'], terms(unknown="keep"))

    assert [reject.reason for reject in piece.rejects] == ["duplicate_key"]


def test_under_reject_one_unknown_member_refuses_the_answer() -> None:
    with pytest.raises(AnswerRejected, match=r"unknown_field at \$\.x"):
        list(decode([b'[{"ean":1,"price":2,"x":1}]'], terms(unknown="reject")))
    assert len(landed(decode([b"[" + GOOD + b"]"], terms(unknown="reject")))) == 1


def test_a_whole_answer_of_bad_records_lands_nothing_and_loses_nothing() -> None:
    (piece,) = decode([b"[" + b",".join([b'{"ean":0}'] * 200) + b"]"], terms())

    assert piece.columns.num_rows == 0
    assert len(piece.rejects) == piece.received == 200


def test_the_columns_are_the_contracts_in_its_order() -> None:
    (piece,) = decode([b'[{"dateTime":"x","price":2,"ean":1}]'], terms())

    assert piece.columns.schema == pa.schema(
        [
            pa.field("ean", pa.int64(), nullable=False),
            pa.field("price", pa.float64(), nullable=False),
            pa.field("store", pa.int64()),
            pa.field("dateTime", pa.string()),
        ]
    )


def test_importing_the_decoder_does_not_import_pyarrow() -> None:
    code = "import sys, coleta.land.decode; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
