"""Stage 2, step 1: the records of a page, as arrays small enough to be decoded whole.

Undoes no content coding and judges no record. Bytes come out as they stand in the body.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Raw

from coleta.collect.cut import cut_object, skip_space, split_off
from coleta.collect.formats import arrays_of, records_of
from coleta.land.decode.outcome import NotRecords
from coleta.land.decode.strict import fault, is_strict, kind_of
from coleta.terms import Terms

_TRIES = 8
"""How many places to cut are tried before records are walked one by one: each try parses a window."""

_UTF8_STEP = 1 << 24
_SPACE = b" \t\r\n"
_BORDER = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
_BY_NAME = msgspec.json.Decoder(dict[str, Raw])


def record_arrays(body: bytes, terms: Terms, window_bytes: int) -> Iterator[bytes]:
    """The records of page `body` as arrays of about `window_bytes` at most.

    Raises:
        NotRecords: the page cannot be cut into records; perhaps only after some arrays.

    """
    if terms.format is not UNSET:
        return arrays_of(body, terms, window_bytes)
    return windows(records_array(body, terms), window_bytes)


def records_array(body: bytes, terms: Terms) -> bytes:
    """The array of records in page `body`; a record that stands alone becomes an array of one.

    Raises:
        NotRecords: there is none.

    """
    if terms.format is not UNSET:
        return b"[" + b",".join(records_of(body, terms)) + b"]"
    body = body.removeprefix(codecs.BOM_UTF8)
    _check_utf8(body)
    start = skip_space(body, 0)
    first = body[start : start + 1]
    if not first:
        raise NotRecords("an empty body")
    if first == b"<":
        raise NotRecords("HTML or XML instead of JSON")
    for depth, key in enumerate(terms.records):
        body = _inside(body.strip(_SPACE), key, ".".join(terms.records[: depth + 1]))
        first = body[:1]
    if terms.records or terms.expect == "array":
        if first != b"[":
            raise NotRecords(f"an array was expected, {_found(body)} came")
        return body
    return b"[" + _single(body.strip(_SPACE)) + b"]"


def windows(array: bytes, window_bytes: int) -> Iterator[bytes]:
    """`array` as arrays of about `window_bytes` at most, or of one record where that is longer.

    A cut is right by construction: what lies before it is by itself a whole array, and only then
    is the comma that follows a border between two records.

    Raises:
        NotRecords: the array breaks off, or something follows its end.

    """
    if len(array) <= window_bytes:
        yield array
        return
    start = skip_space(array, array.index(b"[") + 1)
    if array[start : start + 1] == b"]":
        yield array
        return
    while len(array) - start > window_bytes:
        window, after = _window(array, start, window_bytes)
        yield window
        if after is None:
            return
        if array[after : after + 1] == b"]":
            raise NotRecords("broken JSON: no record follows the last comma")
        start = after
    yield b"[" + array[start:]


def _window(array: bytes, start: int, window_bytes: int) -> tuple[bytes, int | None]:
    at = start + window_bytes
    for _ in range(_TRIES):
        at = array.rfind(b"}", start, at)
        if at < 0:
            break
        if border := _BORDER.match(array, at):
            window = b"[" + array[start : at + 1] + b"]"
            if is_strict(window):
                return window, border.end() - 1
    return split_off(array, start, at_least=window_bytes)


def _check_utf8(body: bytes) -> None:
    if body.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        # In steps, so that a large page is not held twice.
        for at in range(0, len(body), _UTF8_STEP):
            decoder.decode(body[at : at + _UTF8_STEP], at + _UTF8_STEP >= len(body))
    except UnicodeDecodeError:
        raise NotRecords("not UTF-8") from None


def _inside(page: bytes, key: str, where: str) -> bytes:
    """The value of `key` in object `page`.

    Raises:
        NotRecords: there is none, or it comes twice, which would hide one of them.

    """
    if page[:1] != b"{":
        raise NotRecords(f"no array at {where}: {_found(page)} came")
    try:
        value = bytes(_BY_NAME.decode(page)[key])
    except KeyError:
        raise NotRecords(f"no array at {where}: {_found(page)} came") from None
    except RecursionError:
        raise NotRecords("nested too deep") from None
    except msgspec.MsgspecError:
        # Perhaps one record only; which, is told where records are judged.
        return _inside_lenient(page, key, where)
    # Names are looked at without the long value, whose place a 0 takes.
    before, _, after = page.partition(value)
    names = [json.loads(name) for name, _ in cut_object(before + b"0" + after)]
    if names.count(key) != 1:
        raise NotRecords(f"{where} comes {names.count(key)} times in one object")
    return value


def _inside_lenient(page: bytes, key: str, where: str) -> bytes:
    fault(page)
    values = [value for name, value in cut_object(page) if json.loads(name) == key]
    if len(values) != 1:
        raise NotRecords(f"{where} comes {len(values)} times in one object")
    return values[0]


def _single(record: bytes) -> bytes:
    if record[:1] != b"{":
        raise NotRecords(f"an object was expected, {_found(record)} came")
    if not is_strict(record):
        fault(record)
    if [json.loads(name) for name, _ in cut_object(record)] == ["error"]:
        raise NotRecords("the record was expected, an object with error came")
    return record


def _found(value: bytes) -> str:
    value = value.strip(_SPACE)
    if not is_strict(value):
        fault(value)
    if value[:1] != b"{":
        return kind_of(value)
    names = sorted(json.loads(name) for name, _ in cut_object(value))
    return f"an object with {', '.join(names[:5]) or 'no members'}"
