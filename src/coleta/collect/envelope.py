"""Stage 1, step 3: what is around the records. Pure: bytes go in, what they hold comes out.

``unwrap`` undoes a content coding and insists on its end; ``look`` reads a page only as far as
paging and completeness need. Whether records keep the contract is landing's business.
"""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import msgspec
from msgspec import UNSET

from coleta.collect.cut import NotRecords
from coleta.collect.formats import records_of
from coleta.paging import Cursor, NextLink, Paging, SinglePage
from coleta.terms import Terms

MAX_RATIO = 200
"""Text compresses up to about 100:1 at the very best seen in API answers; beyond twice that it is a bomb."""

RATIO_FREE_BYTES = 10_000_000
"""Below this size no ratio is too high: a small body of zeros harms nobody."""

_STEP_BYTES = 1 << 20
_SINGLE = SinglePage()
_BOM = b"\xef\xbb\xbf"
_ERROR_KEYS = frozenset({"error", "errors"})
_ONE_LEVEL = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw] | int | float | str | bool | None)


class BadEncoding(ValueError):
    """The content coding is broken, cut short, unknown, or not what the header said."""


class TooLarge(ValueError):
    """The decoded body passes the limit on size or ratio."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that holds records: how many, what it says of the whole, and what of the page after it."""

    count: int
    total: int | None = None
    total_pages: int | None = None
    has_more: bool | None = None
    next: int | str | None = None


@dataclass(frozen=True, slots=True)
class NotData:
    """A complete body that is not what was asked for; ``why`` in a few words."""

    why: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The API says, as it was asked to, that nothing is new since the answer that its validators name."""


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
    # BytesIO hands its buffer out without a copy, so the peak is the body once, not twice.
    out, decoder = BytesIO(), zlib.decompressobj(wbits)
    for start in range(0, len(wire), _STEP_BYTES):
        # Fed in steps: what zlib does not take yet it copies, which on the whole input would be quadratic.
        rest = wire[start : start + _STEP_BYTES]
        end = start + len(rest)
        while rest:
            if decoder.eof:
                if wbits != 31:
                    raise BadEncoding("bytes follow the end of the compressed body")
                # RFC 1952 allows several gzip members, one after the other.
                decoder = zlib.decompressobj(wbits)
            out.write(_step(decoder, rest))
            rest = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            _check_size(out, taken=end - len(rest), max_bytes=max_bytes)
    return _finished(out, decoder, len(wire), max_bytes)


def _check_size(out: BytesIO, *, taken: int, max_bytes: int) -> None:
    # Against what was taken so far, not against the whole: so a bomb is known by its first 10 MB, however large it is.
    limit = min(max_bytes, max(RATIO_FREE_BYTES, taken * MAX_RATIO))
    if out.tell() > limit:
        raise TooLarge(f"the compressed body expands to over {limit} bytes")


def _step(decoder: zlib._Decompress, wire: bytes) -> bytes:
    try:
        return decoder.decompress(wire, _STEP_BYTES)
    except zlib.error as error:
        raise BadEncoding(f"the compressed body is damaged: {error}") from None


def _finished(out: BytesIO, decoder: zlib._Decompress, taken: int, max_bytes: int) -> bytes:
    # zlib may hold back output even after it has taken all of the input; ask until nothing comes.
    while not decoder.eof:
        piece = _step(decoder, b"")
        if not piece:
            raise BadEncoding("the compressed body ends before its end-of-stream mark")
        out.write(piece)
        _check_size(out, taken=taken, max_bytes=max_bytes)
    return out.getvalue()


def look(body: bytes, terms: Terms, paging: Paging = _SINGLE, *, error_at: Sequence[str] = ()) -> Page | NotData:
    """What page `body` holds, judged by its shape only, and what of the signs that `paging` goes by.

    If something other than null, false or nothing at all stands at `error_at`, it is not the data.
    """
    body = body.removeprefix(_BOM)
    if not body or body.isspace():
        return NotData("an empty body")
    if terms.format is not UNSET:
        return _count_others(body, terms)
    # Only UTF-8 counts as JSON here (RFC 8259, 8.1), also where a value is skipped.
    if not _is_utf8(body):
        return NotData("not UTF-8")
    try:
        top = _open(body)
    except (ValueError, RecursionError) as error:
        return NotData(_why_not_json(body, error))
    if terms.expect == "array" and not terms.records:
        return Page(count=len(top)) if isinstance(top, list) else NotData(_shape("an array", top))
    if not isinstance(top, dict):
        return NotData(_shape("an object", top))
    if _at(top, error_at):
        return NotData(f"an error at {'.'.join(error_at)}")
    if not terms.records:
        return NotData(_shape("the record", top)) if _is_error(top, terms) else _page(1, top, paging)
    found = _at(top, terms.records)
    if not isinstance(found, list):
        return NotData(f"no array at {'.'.join(terms.records)}: {_shape('an array', found)}")
    if not found and any(_level(top.get(name)) for name in _ERROR_KEYS):
        # An error is never an empty page.
        return NotData("no records, but an error beside them")
    return _page(len(found), top, paging)


def _count_others(body: bytes, terms: Terms) -> Page | NotData:
    count, only = 0, b""
    try:
        for record in records_of(body, terms):
            count, only = count + 1, record
    except NotRecords as error:
        return NotData(error.why)
    if count == 1 and terms.format == "ndjson":
        try:
            top = _open(only)
        except (ValueError, RecursionError):
            top = None
        if isinstance(top, dict) and _is_error(top, terms):
            return NotData(_shape("a record", top))
    return Page(count)


def _page(count: int, top: dict[str, object], paging: Paging) -> Page | NotData:
    if isinstance(paging, SinglePage):
        return Page(count)
    total, total_pages, more = _at(top, paging.total), _at(top, paging.total_pages), _at(top, paging.has_more)
    if more is not None and not isinstance(more, bool):
        return NotData(f"{'.'.join(paging.has_more)} is neither true nor false")
    following = _at(top, paging.next) if isinstance(paging, Cursor | NextLink) else None
    if following is not None and not isinstance(following, str | int):
        return NotData("what names the next page is neither a text nor a whole number")
    return Page(
        count=count,
        total=total if type(total) is int else None,
        total_pages=total_pages if type(total_pages) is int else None,
        has_more=more,
        # False is how some say that there is none, as null and "" are.
        next=None if following is False or following == "" else following,
    )


def _is_error(top: dict[str, object], terms: Terms) -> bool:
    # An object with none of the fields that a record has, but with an error, is no record.
    fields = {field.keys[0] for field in terms.contract.fields}
    return fields.isdisjoint(top) and not _ERROR_KEYS.isdisjoint(top)


def _open(body: bytes) -> object:
    """The top level of JSON `body`: its values are not built but kept as ``Raw`` where that is possible.

    Raises:
        ValueError: it is not JSON, even to a lenient parser.
        RecursionError: it is nested too deep.

    """
    try:
        # Values are skipped, not built: about a tenth of the time of a full parse.
        return _ONE_LEVEL.decode(body)
    except msgspec.MsgspecError:
        # What msgspec refuses and a lenient parser takes: NaN, lone surrogates. Their records are
        # landing's business, so the page must not be lost for them.
        return json.loads(body.decode("utf-8"))


def _level(value: object) -> object:
    """One more level of `value`, which ``_open`` may have left unopened."""
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return _ONE_LEVEL.decode(value)
    except msgspec.MsgspecError:
        # A number that no float can hold is valid JSON, and none of what is looked for here.
        return None


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        # In steps, so that no second copy of a large body is made.
        for start in range(0, len(body), _STEP_BYTES):
            decoder.decode(body[start : start + _STEP_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _at(top: object, keys: Sequence[str]) -> object:
    if not keys:
        return None
    value = top
    for key in keys:
        value = _level(value.get(key)) if isinstance(value, dict) else None
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
    if body[:1000].lstrip()[:1] == b"<":
        return "HTML or XML instead of JSON"
    if isinstance(error, RecursionError):
        return "nested too deep"
    return f"broken JSON ({str(error)[:80]})"
