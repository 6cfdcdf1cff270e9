"""Decoding, compared with a slow and obvious reading of the same records by Python's own parser."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Callable, Mapping
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coleta.contract.parse import parse_contract
from coleta.land.decode import NotRecords, decode
from coleta.terms import Terms

CONTRACT = parse_contract(
    {
        "ean": "int",
        "price": {"type": "float", "min": -1000, "max": 1e300},
        "name": {"type": "str", "max_length": 6, "pattern": "^[a-zé😀]"},
        "size": {"type": "str", "enum": ["S", "M"], "required": False},
        "ok": "bool?",
        "day": "date?",
        "at": "timestamp?",
        "local": "local_timestamp?",
        "amount": {"type": "decimal(5,2)", "required": False, "nullable": True, "min": 0.1},
        "any": "json?",
        "login": {"type": "str", "path": "$.user.login"},
        "tags": "list[int?]?",
        "place": {"fields": {"city": "str", "ean": "int?"}, "required": False, "nullable": True},
    }
)

GOOD = {
    "ean": ["1", "-0", "9223372036854775807", "-9223372036854775808"],
    "price": ["1", "2.5", "1E2", "-0.0", "1e-400", "1180591620717411303424", "0.1"],
    "name": ['"abc"', '"é"', '"\\u00e9x"', '"\\ud83d\\ude00"', '"a\\"ean"', '"a\\u0000"'],
    "size": ['"S"', '"\\u004d"'],
    "ok": ["true", "false", "null"],
    "day": ['"2026-11-24"', "null"],
    "at": ['"2026-11-24T12:00:00Z"', '"2026-11-24T12:00:00.123456000-03:00"', "null"],
    "local": ['"2026-11-24T12:00:00.5"', "null"],
    "amount": ["1", "123.45", '"7.50"', "1e2", "0.1", "null"],
    "any": ["{ }", '[1, {"ean": 2}]', '{"a":1,"a":2}', "1e400", "null", '"x"', '{"ean":1}'],
    "user": ['{"login":"m"}', '{ "id":1, "login" : "é" }', '{"login":"m","ean":{"price":1}}'],
    "tags": ["[]", "[1, null,2]", "null"],
    "place": ['{"city":"x"}', '{"ean":5,"city":"y"}', '{"city":"x","ean":null,"z":[]}', "null"],
}
ANYTHING = [
    *("null", "true", "12", "12.5", "1.0", "1e2", "1e400", "-1e400", "NaN", "-Infinity", '"12"', '"\\ud800"'),
    *('"\\ud800\\u0041"', '"nan"', '""', '"abcdefg"', '"1ab"', '"2026-02-30"', '"2026-11-24T12:00:00"', "[]", "{}"),
    *('"2026-11-24T12:00:00.1234567Z"', '"0001-01-01T00:00:00+05:00"', "9223372036854775808", "-9223372036854775809"),
    *("123456789012345678901234567890", "1000.00", "1.005", "0.05", '" 1"', '"1_0"', "[1,2.5]", "[1,NaN]", '["1"]'),
    *('{"city":1}', '{"city":"x","city":"y"}', '{"login":5}', '{"login":"a","login":"b"}', '{"login":null}'),
    *('{"city":"x","w":NaN}', '{"login":"a","q":"\\udc00"}', '{"login":"a","q":1,"q":2}', '{"ean":1,"ean":2}'),
    *("1" * 400, "1" * 5000, '{"a":NaN}', '"},{"', '"\\"ean\\":"', "[[[[[1]]]]]", '{"a":{"b":{"c":{"d":[]}}}}'),
]
SPELLINGS = {
    "ean": ["ean", "e\\u0061n", "\\u0065an"],
    "user": ["user", "us\\u0065r"],
    "price": ["price", "\\u0070rice"],
}


class Bad(Exception):
    """The oracle refuses this value."""


class Worse(Exception):
    """The oracle refuses this record, whatever the policy."""


class Number(str):
    """A number as it was written."""


def bad(*_: object) -> NoReturn:
    raise Bad


# --- the oracle: one record at a time, rules spelled out --------------------------------------------


def lone(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def sick(value: object) -> bool:
    """Whether `value` holds what JSON forbids."""
    match value:
        case float():
            return True
        case Number():
            return False
        case str():
            return lone(value)
        case tuple():
            return any(lone(name) or sick(inner) for name, inner in value)
        case list():
            return any(map(sick, value))
        case _:
            return False


def as_int(value: object) -> int:
    if not isinstance(value, Number) or not re.fullmatch(r"-?\d+", value) or len(value) > 21:
        bad()
    return int(value) if -(2**63) <= int(value) < 2**63 else bad()


def as_price(value: object) -> float:
    number = float(value) if isinstance(value, Number) else bad()
    return number if -1000 <= number <= 1e300 else bad()


def as_str(value: object) -> str:
    return value if isinstance(value, str) and not isinstance(value, Number) and not lone(value) else bad()


def as_name(value: object) -> str:
    text = as_str(value)
    return text if len(text) <= 6 and re.search("^[a-zé😀]", text) else bad()


def as_size(value: object) -> str:
    return as_str(value) if value in ("S", "M") else bad()


def as_bool(value: object) -> bool:
    return value if isinstance(value, bool) else bad()


def as_day(value: object) -> dt.date:
    text = as_str(value)
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else bad()
    except ValueError:
        bad()


def as_time(value: object, zone: str) -> dt.datetime:
    found = re.fullmatch(rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?({zone})", as_str(value)) or bad()
    digits = (found[2] or "").rstrip("0")
    if len(digits) > 6:
        bad()
    try:
        return dt.datetime.fromisoformat(f"{found[1]}.{digits:0<6}{found[3]}")
    except ValueError:
        bad()


def as_at(value: object) -> dt.datetime:
    try:
        return as_time(value, r"Z|[+-]\d\d:\d\d").astimezone(dt.UTC)
    except OverflowError:
        bad()


def as_amount(value: object) -> decimal.Decimal:
    if not isinstance(value, str) or not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value):
        bad()
    number = decimal.Decimal(value)
    if len(value) > 100 or not decimal.Decimal("0.1") <= number < 1000 or number * 100 != int(number * 100):
        bad()
    return number


def as_list(value: object) -> list[int | None]:
    return [None if item is None else as_int(item) for item in value] if isinstance(value, list) else bad()


FIELDS: dict[str, tuple[Callable[[object], object], bool, bool]] = {
    "ean": (as_int, True, False),
    "price": (as_price, True, False),
    "name": (as_name, True, False),
    "size": (as_size, False, False),
    "ok": (as_bool, False, True),
    "day": (as_day, False, True),
    "at": (as_at, False, True),
    "local": (lambda value: as_time(value, ""), False, True),
    "amount": (as_amount, False, True),
}


class Oracle:
    def __init__(self, *, nulls: bool, keep: bool) -> None:
        self.nulls, self.keep, self.nulled = nulls, keep, 0

    def members(self, pairs: object, known: set[str], *, every: bool = False) -> dict[str, object]:
        if not isinstance(pairs, tuple):
            bad()
        names = [name for name, _ in pairs]
        for name, value in pairs:
            if lone(name) or (name not in known and sick(value)):
                raise Worse
            if (every or name in known) and names.count(name) > 1:
                raise Worse
        return dict(pairs)

    def one(self, found: Mapping[str, object], name: str, read: Callable[[object], object], *flags: bool) -> object:
        required, nullable = flags
        try:
            if name not in found:
                return bad() if required else None
            if found[name] is None:
                return None if nullable else bad()
            return read(found[name])
        except Bad:
            if not self.nulls:
                raise
            self.nulled += 1
            return None

    def place(self, value: object) -> dict[str, object]:
        found = self.members(value, {"city", "ean"})
        city = self.one(found, "city", as_str, True, False)
        return {"city": city, "ean": self.one(found, "ean", as_int, False, True)}

    def user(self, value: object) -> object:
        return self.one(self.members(value, {"login"}), "login", as_str, True, False)

    def tags(self, value: object) -> list[object]:
        items = value if isinstance(value, list) else bad()
        return [self.one({"item": item}, "item", as_int, True, True) for item in items]

    def record(self, raw: bytes) -> dict[str, object]:
        pairs = json.loads(raw, object_pairs_hook=tuple, parse_int=Number, parse_float=Number)
        known = {*FIELDS, "any", "user", "tags", "place"}
        found = self.members(pairs, known, every=self.keep)
        row = {name: self.one(found, name, *rules) for name, rules in FIELDS.items()}
        row["any"] = self.one(found, "any", lambda value: bad() if sick(value) else value, False, True)
        row["login"] = self.one(found, "user", self.user, True, False)
        row["tags"] = self.one(found, "tags", self.tags, False, True)
        row["place"] = self.one(found, "place", self.place, False, True)
        if self.keep:
            row["_extra"] = tuple(pair for pair in pairs if pair[0] not in known) or None
        return row


# --- random records, as texts ------------------------------------------------------------------------

blank = st.sampled_from(["", "", "", " ", "\n  ", "\t\r"])


@st.composite
def records(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 30)) == 0:
        return draw(st.sampled_from([*ANYTHING, *GOOD["any"]]))
    members = {name: draw(st.sampled_from(texts)) for name, texts in GOOD.items()}
    if draw(st.booleans()):
        for name in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=2)):
            members[name] = draw(st.sampled_from(ANYTHING))
        for name in draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=2)):
            members.pop(name, None)
    pairs = [(draw(st.sampled_from(SPELLINGS.get(name, [name]))), value) for name, value in members.items()]
    if draw(st.integers(0, 3)) == 0:
        others = st.sampled_from(["x", "y", "we:ird", "Ean", "\\ud800", "caf\\u00e9"])
        pairs += draw(st.lists(st.tuples(others, st.sampled_from([*ANYTHING, *GOOD["any"]])), max_size=3))
    if draw(st.integers(0, 5)) == 0:
        name, value = draw(st.sampled_from(pairs)) if pairs else ("ean", "1")
        pairs.append((draw(st.sampled_from(SPELLINGS.get(json.loads(f'"{name}"'), [name]))), value))
    space = draw(blank)
    body = f",{space}".join(f'"{name}"{space}:{space}{value}' for name, value in draw(st.permutations(pairs)))
    return "{" + space + body + space + "}"


def terms_of(*, nulls: bool, keep: bool) -> Terms:
    return Terms(CONTRACT, on_violation="null" if nulls else "quarantine", unknown="keep" if keep else "drop")


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), max_size=40), blank, st.booleans(), st.booleans(), st.sampled_from([1, 300, 2000, 1 << 20]))
def test_exactly_the_records_that_the_oracle_accepts_land_with_the_same_values(
    texts: list[str], space: str, nulls: bool, keep: bool, window: int
) -> None:
    body = f"[{space}{f'{space},{space}'.join(texts)}{space}]".encode()
    compare(texts, body, nulls=nulls, keep=keep, window=window)


@settings(max_examples=200, deadline=None)
@given(st.lists(records(), max_size=12), st.data())
def test_a_damaged_page_is_refused_exactly_if_no_parser_takes_it_and_windows_change_nothing(
    texts: list[str], data: st.DataObject
) -> None:
    body = bytearray(f"[{', '.join(texts)}]".encode())
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(body)))
        insert = data.draw(st.sampled_from([b"", b"", b",", b'"', b"[", b"]", b"{", b"}", b"\\", b" ", b"\xff", b"\n"]))
        body[at : at + data.draw(st.sampled_from([0, 1, 1, 10_000]))] = insert
    page = bytes(body)
    try:
        readable_by_anyone = isinstance(json.loads(page.decode(), parse_int=Number, parse_float=Number), list)
    except ValueError:
        readable_by_anyone = False

    outcomes = [outcome(page, window) for window in (1, 100, 1000, 1 << 20)]

    assert outcomes == outcomes[:1] * 4
    assert (outcomes[0] is not None) == readable_by_anyone


def outcome(page: bytes, window: int) -> object:
    """What becomes of the records of `page`; None if it is refused."""
    try:
        pieces = list(decode([page], terms_of(nulls=False, keep=True), window_bytes=window))
    except NotRecords:
        return None
    landed = [pair for piece in pieces for pair in zip(piece.rows, piece.columns.to_pylist(), strict=True)]
    return landed, [reject for piece in pieces for reject in piece.rejects]


def readable(row: dict[str, object]) -> dict[str, object]:
    """`row` with its JSON texts read, so that they can be compared with what the oracle read."""
    for name in ("any", "_extra"):
        if isinstance(text := row.get(name), str):
            assert text != "null"
            row[name] = json.loads(text, object_pairs_hook=tuple, parse_int=Number, parse_float=Number)
    return row


def compare(texts: list[str], body: bytes, *, nulls: bool, keep: bool, window: int) -> None:
    accepted, refused, nulled = [], [], 0
    for row, text in enumerate(texts):
        oracle = Oracle(nulls=nulls, keep=keep)
        try:
            accepted.append((row, oracle.record(text.encode())))
            nulled += oracle.nulled
        except (Bad, Worse):
            refused.append((row, text.encode()))

    pieces = list(decode([body], terms_of(nulls=nulls, keep=keep), window_bytes=window, piece_rows=7))

    landed = [
        (row, readable(values))
        for piece in pieces
        for row, values in zip(piece.rows, piece.columns.to_pylist(), strict=True)
    ]
    assert landed == accepted
    assert [(reject.row, reject.raw) for piece in pieces for reject in piece.rejects] == refused
    assert sum(piece.nulled for piece in pieces) == nulled
    for piece in pieces:
        piece.columns.validate(full=True)
        assert piece.received == len(piece.rows) + len(piece.rejects) + piece.deduplicated
        assert len(piece.rows) == piece.columns.num_rows <= 7


def record(**instead: str) -> str:
    members = {name: texts[0] for name, texts in GOOD.items()} | instead
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_every_value_in_every_field_is_judged_as_the_oracle_does(nulls: bool, keep: bool) -> None:
    texts = [record(**{name: value}) for name in [*GOOD, "other"] for value in [*ANYTHING, *GOOD.get(name, [])]]

    compare(texts, f"[{','.join(texts)}]".encode(), nulls=nulls, keep=keep, window=1 << 20)
    for text in texts[::7]:
        compare([text], f"[{text}]".encode(), nulls=nulls, keep=keep, window=1 << 20)


@pytest.mark.parametrize("again", ["ean", "e\\u0061n", "\\u0065\\u0061\\u006E", "use\\u0072"])
@pytest.mark.parametrize("where", ["", "x", "user", "place"])
def test_a_name_that_comes_twice_is_found_however_it_is_spelled(again: str, where: str) -> None:
    inner = f'"{again}":1'
    if where:
        inner = {"x": f'"x":{{{inner}}}', "user": f'"user":{{"login":"m",{inner}}}', "place": ""}[where]
    text = record() if where == "place" else record()[:-1] + "," + inner + "}"
    if where == "place":
        text = record(place=f'{{"city":"x","ean":1,"{again}":1}}')

    compare([text], f"[{text}]".encode(), nulls=False, keep=False, window=1 << 20)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_pool_of_good_values_is_good(name: str) -> None:
    for text in GOOD[name]:
        (piece,) = decode([f"[{record(**{name: text})}]".encode()], terms_of(nulls=False, keep=False))
        assert list(piece.rows) == [0], piece.rejects
