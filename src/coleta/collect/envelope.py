"""Stage 1, step 3: what is around the records. Pure: bytes go in, what they hold comes out.

``unwrap`` undoes a content coding and insists on its end; ``look`` reads a page only as far as
paging and completeness need. Whether records keep the contract is landing's business.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from coleta.terms import Terms

MAX_RATIO = 200
"""Text compresses up to about 100:1 at the very best seen in API answers; beyond twice that it is a bomb."""

RATIO_FREE_BYTES = 10_000_000
"""Below this size no ratio is too high: a small body of zeros harms nobody."""

_STEP_BYTES = 1 << 20
_DEEPEST = 500
"""How deep JSON may be nested; far deeper than data, far shallower than Python's recursion limit."""


class BadEncoding(ValueError):
    """The content coding is broken, cut short, unknown, or not what the header said."""


class TooLarge(ValueError):
    """The decoded body passes the limit on size or ratio."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that holds records: how many, and what it says of the whole."""

    count: int
    total: int | None = None
    total_pages: int | None = None


@dataclass(frozen=True, slots=True)
class NotData:
    """A complete body that is not what was asked for; ``why`` in a few words."""

    why: str


def unwrap(wire: bytes, encoding: str | None, *, max_bytes: int) -> bytes:
    """The body without its content coding.

    Raises:
        BadEncoding: cut short, damaged, trailing bytes, or a coding that was not asked for.
        TooLarge: decoded it is over `max_bytes`, or expands like a bomb.

    """
    match (encoding or "identity").strip().lower():
        case "identity" | "":
            if len(wire) > max_bytes:
                raise TooLarge(f"the body has {len(wire)} bytes, over the limit of {max_bytes}")
            return wire
        case "gzip" | "x-gzip":
            return _inflate(wire, wbits=31, max_bytes=max_bytes)
        case "deflate":
            # RFC 9110 means zlib; some servers send raw deflate. The first byte tells them apart.
            zlib_wrapped = len(wire) > 1 and wire[0] & 0x0F == 8 and (wire[0] << 8 | wire[1]) % 31 == 0
            return _inflate(wire, wbits=15 if zlib_wrapped else -15, max_bytes=max_bytes)
        case other:
            raise BadEncoding(f"content coding {other!r} was not asked for")


def _inflate(wire: bytes, *, wbits: int, max_bytes: int) -> bytes:
    limit = min(max_bytes, max(RATIO_FREE_BYTES, len(wire) * MAX_RATIO))
    out: list[bytes] = []
    size, rest = 0, wire
    while True:
        # One round a gzip member: RFC 1952 allows several, one after the other.
        decoder = zlib.decompressobj(wbits)
        while not decoder.eof:
            try:
                piece = decoder.decompress(rest, _STEP_BYTES)
            except zlib.error as error:
                raise BadEncoding(f"the compressed body is damaged: {error}") from None
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the compressed body expands to over {limit} bytes")
            rest = decoder.unconsumed_tail
            if piece:
                out.append(piece)
            elif not rest and not decoder.eof:
                raise BadEncoding("the compressed body ends before its end-of-stream mark")
        rest = decoder.unused_data
        if not rest:
            return b"".join(out)
        if wbits != 31:
            raise BadEncoding(f"{len(rest)} bytes follow the end of the compressed body")


def look(body: bytes, terms: Terms, *, total: Sequence[str] = (), total_pages: Sequence[str] = ()) -> Page | NotData:
    """What page `body` holds, judged by its shape only.

    `total` and `total_pages` are keys, from the top, to counts that the page may declare.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip():
        return NotData("an empty body")
    if terms.expect == "array" and not total and not total_pages and not terms.records:
        return _count_array(body)
    try:
        whole = _parse(body)
    except (ValueError, RecursionError) as error:
        return NotData(_why_not_json(body, error))
    return _look_inside(whole, terms, total, total_pages)


def _count_array(body: bytes) -> Page | NotData:
    try:
        # Values are skipped, not built: about a tenth of the time of a full parse.
        return Page(count=len(msgspec.json.decode(body, type=list[msgspec.Raw])))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        # What msgspec refuses and a lenient parser takes (NaN, lone surrogates, wrong shape).
        whole = _parse(body)
    except (ValueError, RecursionError) as error:
        return NotData(_why_not_json(body, error))
    return Page(count=len(whole)) if isinstance(whole, list) else NotData(_shape("an array", whole))


def _look_inside(whole: object, terms: Terms, total: Sequence[str], total_pages: Sequence[str]) -> Page | NotData:
    if terms.expect == "array" and not terms.records:
        if not isinstance(whole, list):
            return NotData(_shape("an array", whole))
        return Page(count=len(whole))
    if not isinstance(whole, dict):
        return NotData(_shape("an object", whole))
    if not terms.records:
        return NotData(_shape("the record", whole)) if set(whole) == {"error"} else Page(count=1)
    records = _at(whole, terms.records)
    if not isinstance(records, list):
        return NotData(f"no array at {'.'.join(terms.records)}: {_shape('an array', records)}")
    declared, declared_pages = _at(whole, total), _at(whole, total_pages)
    return Page(
        count=len(records),
        total=declared if type(declared) is int else None,
        total_pages=declared_pages if type(declared_pages) is int else None,
    )


def _parse(body: bytes) -> object:
    # Only UTF-8 counts as JSON here (RFC 8259, 8.1); json.loads would guess UTF-16 from bytes.
    text = body.decode("utf-8")
    if _depth_over(body, _DEEPEST):
        raise ValueError(f"nested deeper than {_DEEPEST}")
    return json.loads(text)


def _depth_over(body: bytes, limit: int) -> bool:
    # Brackets within strings only make this count too high, and only past what can be data.
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    depth, in_string, escaped = 0, False, False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > limit:
                return True
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return False


def _at(value: object, keys: Sequence[str]) -> object:
    if not keys:
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _shape(wanted: str, found: object) -> str:
    match found:
        case dict():
            names = ", ".join(sorted(map(str, found))[:5])
            return f"{wanted} was expected, an object with {names or 'no keys'} came"
        case list():
            return f"{wanted} was expected, an array came"
        case None:
            return f"{wanted} was expected, nothing came"
        case _:
            return f"{wanted} was expected, a {type(found).__name__} came"


def _why_not_json(body: bytes, error: Exception) -> str:
    if body.lstrip()[:1] == b"<":
        return "HTML or XML instead of JSON"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deep"
    return f"broken JSON ({str(error)[:80]})"
