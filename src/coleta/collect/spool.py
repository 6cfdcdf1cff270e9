"""Stage 1, step 4: the spool file, as bytes. Pure; docs/reference/spool.md is its specification.

A spool file holds one accepted answer, or the gaps of one date, in frames with a CRC each. It says
all that landing needs, terms included, so it can be landed by any process, years later, from a copy.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from struct import Struct
from typing import BinaryIO, TypeVar

import msgspec

from coleta.collect.carry import Carried, ResponseDigest, answer_id
from coleta.collect.request import redacted_url
from coleta.collect.tick import Interval
from coleta.errors import ColetaError, Corrupt
from coleta.terms import Terms, canonical

FORMAT = 1
MAGIC = b"COLETA" + bytes([FORMAT]) + b"\n"
BODY_FRAME_BYTES = 16 << 20
"""The longest body frame: a reader needs no more than this at once, and a CRC covers no more."""

SMALL_FRAME_BYTES = 64 << 20
"""The longest header or trailer: a gap file of one date at one tick a second has about 10 MB."""

KEPT_RESPONSE_HEADERS = frozenset(
    {
        "age", "cache-control", "content-encoding", "content-language", "content-length", "content-range",
        "content-type", "date", "etag", "last-modified", "link", "ratelimit", "ratelimit-policy",
        "retry-after", "server", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
        "x-request-id", "x-total-count",
    }
)  # fmt: skip
"""The response headers that are kept. An allow-list, since Set-Cookie and its like are secrets."""

_LINK = re.compile(r"<([^<>]*)>")
_HEAD = Struct("<cI")
_CRC = Struct("<I")


class NewerFormat(Corrupt):
    """The file was written by a newer version of Coleta: leave it untouched."""

    code = "newer_format"


@dataclass(frozen=True, slots=True)
class Gap:
    """A tick that ended without an answer, and why."""

    tick: Interval
    reason: str
    detail: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """What is known before the first page: whose answer this is, to which question, on which terms.

    Exactly one of ``tick`` and ``gaps`` is given. ``scheduled`` is the instant that the request was
    planned for, ``request`` its redacted form, ``schedule`` what named the tick.
    """

    project: str
    stream: str
    uuid: str
    terms: Terms
    schedule: dict[str, object]
    owner: str
    tool: str
    tick: Interval | None = None
    gaps: tuple[Gap, ...] = ()
    scheduled: datetime | None = None
    window: bool = False
    request: dict[str, object] | None = None
    carried: Carried | None = None


@dataclass(frozen=True, slots=True)
class PageHead:
    """What came around one page's body. Its length and CRCs are in the frames."""

    number: int
    status: int
    headers: tuple[tuple[str, str], ...]
    encoding: str | None
    url: str
    asked_at: datetime
    received_at: datetime
    tls_verified: bool = True


@dataclass(frozen=True, slots=True)
class Trailer:
    """What is known after the last page. ``wrong`` says why the answer is not the data, if it is not."""

    pages: int = 0
    size_bytes: int = 0
    response: str | None = None
    answer: str | None = None
    attempts: int = 0
    wrong: str | None = None
    after: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Spooled:
    """An accepted answer, or gaps, waiting to be landed: all but the pages themselves."""

    name: str
    header: Header
    trailer: Trailer
    asked_at: datetime | None
    received_at: datetime
    size_bytes: int
    tls_verified: bool = True
    unchanged: bool = False
    """Whether the API said that nothing is new, instead of giving anything."""

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The ticks that this entry is about."""
        if self.header.tick is not None:
            return (self.header.tick,)
        return tuple(gap.tick for gap in self.header.gaps)

    @property
    def is_gap(self) -> bool:
        """Whether nothing was answered."""
        return self.header.tick is None


@dataclass(frozen=True, slots=True)
class Contents:
    """A whole spool file, read and checked."""

    header: Header
    pages: tuple[tuple[PageHead, bytes], ...]
    trailer: Trailer = field(default_factory=Trailer)


# Writing ----------------------------------------------------------------------------------------


def opening(header: Header) -> bytes:
    """The bytes that a spool file begins with."""
    return MAGIC + _frame(b"H", canonical(header))


def page(head: PageHead, wire: bytes) -> Iterator[bytes]:
    """The bytes of one page, in pieces of bounded size."""
    yield _frame(b"P", canonical(head))
    view = memoryview(wire)
    for start in range(0, len(view), BODY_FRAME_BYTES):
        yield _frame(b"B", view[start : start + BODY_FRAME_BYTES])


def closing(trailer: Trailer) -> bytes:
    """The bytes that a spool file ends with."""
    return _frame(b"T", canonical(trailer))


def file_name(header: Header, trailer: Trailer) -> str:
    """``<tick>-<digest16>.spool``: the first tick, and the answer's id (gaps: the header's digest)."""
    if header.tick is not None:
        return f"{header.tick.name}-{(trailer.answer or '')[:16]}.spool"
    crc = zlib.crc32(canonical(header))
    return f"{header.gaps[0].tick.name}-gap-{crc:08x}.spool"


def kept_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Of a response's headers those that may be stored, their links without what may be a secret."""
    kept = ((name, value) for name, value in headers if name in KEPT_RESPONSE_HEADERS)
    return tuple((name, _LINK.sub(_shown, value) if name == "link" else value) for name, value in kept)


def _shown(link: re.Match[str]) -> str:
    return f"<{redacted_url(link[1])}>"


def _frame(kind: bytes, payload: bytes | memoryview) -> bytes:
    head = _HEAD.pack(kind, len(payload))
    return b"".join((head, payload, _CRC.pack(zlib.crc32(payload, zlib.crc32(head)))))


# Reading ----------------------------------------------------------------------------------------

Part = Header | tuple[PageHead, bytes] | Trailer


def walk(name: str, file: BinaryIO) -> Iterator[Part]:
    """The header of spool file `name`, its pages in order, and its trailer, one after the other.

    What was given counts only once the end is reached, for only then is the whole known to be right.
    Memory is bounded by a page, not by the file.

    Raises:
        NewerFormat: a newer version wrote it.
        Corrupt: cut short, damaged, or not a spool file; the message says at which byte.

    """
    frames = _frames(name, file)
    kind, payload = next(frames)
    if kind != b"H":
        raise Corrupt("the first frame is not a header", where=name)
    header = _load(name, payload, _HEADER)
    yield header
    digest = ResponseDigest()
    head: PageHead | None = None
    body: list[bytes] = []
    trailer: Trailer | None = None
    for kind, payload in frames:
        if trailer is not None:
            raise Corrupt("something follows the trailer", where=name)
        if kind == b"B" and head is not None:
            body.append(payload)
            continue
        if head is not None:
            yield head, _page(digest, body)
            head, body = None, []
        if kind == b"P":
            head = _load(name, payload, _PAGE_HEAD)
        elif kind == b"T":
            trailer = _load(name, payload, _TRAILER)
        else:
            raise Corrupt(f"a frame {kind!r} has no place here", where=name)
    if trailer is None:
        raise Corrupt("cut short: there is no trailer", where=name)
    _check_whole(name, header, digest, trailer)
    yield trailer


def parse(name: str, file: bytes) -> Contents:
    """The whole of spool file `name`; errors as for ``walk``."""
    header, *pages, trailer = walk(name, BytesIO(file))
    return Contents(header, tuple(pages), trailer)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a disk knows of a spool file: its size, and when it was accepted."""

    size_bytes: int
    accepted_at: datetime


def summary(entry: str, header: Header, heads: Sequence[PageHead], trailer: Trailer, stored: Stored) -> Spooled:
    """What is kept in memory of the spool file `entry` while it waits."""
    return Spooled(
        name=entry,
        header=header,
        trailer=trailer,
        asked_at=heads[0].asked_at if heads else None,
        received_at=heads[-1].received_at if heads else stored.accepted_at,
        size_bytes=stored.size_bytes,
        tls_verified=all(head.tls_verified for head in heads),
        # Nothing but what was asked for is accepted, so a 304 that lies here is an answer.
        unchanged=any(head.status == 304 for head in heads),
    )


class SpoolFile:
    """A waiting spool file, to be read as often as needed. What goes wrong is told to the spool."""

    def __init__(
        self, name: str, open_: Callable[[], BinaryIO], refuse: Callable[[Corrupt | OSError], ColetaError]
    ) -> None:
        """Read what `open_` gives; `refuse` sets a damaged file aside, and gives the error to be raised."""
        self._name = name
        self._open = open_
        self._refuse = refuse

    def pages(self) -> Iterator[tuple[PageHead, bytes]]:
        """Each page's head and its body as received, in order; memory is bounded by a page.

        Raises:
            Corrupt: the file fails its checks, which may show only after the last page. It counts as
                damaged from here on, and what was given must not be used.
            Unreadable: it could not be read now, for a reason that is not the file's.

        """
        try:
            with self._open() as file:
                for part in walk(self._name, file):
                    if isinstance(part, tuple):
                        yield part
        except (Corrupt, OSError) as error:
            raise self._refuse(error) from None

    def whole(self) -> bytes:
        """All its bytes, checked; errors as for ``pages``."""
        try:
            with self._open() as file:
                stored = file.read()
            parse(self._name, stored)
        except (Corrupt, OSError) as error:
            raise self._refuse(error) from None
        return stored


def _page(digest: ResponseDigest, body: list[bytes]) -> bytes:
    wire = body[0] if len(body) == 1 else b"".join(body)
    digest.page(wire)
    return wire


def _frames(name: str, file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    magic = file.read(len(MAGIC))
    if len(magic) < len(MAGIC) or magic[:6] != MAGIC[:6] or magic[7] != MAGIC[7] or not magic[6]:
        raise Corrupt("this is not a spool file", where=name)
    if magic[6] > FORMAT:
        raise NewerFormat(
            f"written in spool format {magic[6]}; this version of Coleta reads up to {FORMAT}",
            where=name,
            hint="upgrade Coleta; the file is left as it is",
        )
    at = len(MAGIC)
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise Corrupt(f"cut short at byte {at}", where=name)
        kind, length = _HEAD.unpack(head)
        if length > (BODY_FRAME_BYTES if kind == b"B" else SMALL_FRAME_BYTES):
            raise Corrupt(f"the frame at byte {at} is longer than any can be", where=name)
        payload, crc = file.read(length), file.read(_CRC.size)
        if len(payload) < length or len(crc) < _CRC.size:
            raise Corrupt(f"cut short: the frame at byte {at} is not whole", where=name)
        if _CRC.unpack(crc)[0] != zlib.crc32(payload, zlib.crc32(head)):
            raise Corrupt(f"the frame at byte {at} fails its CRC", where=name)
        yield kind, payload
        at += _HEAD.size + length + _CRC.size
    # A file of nothing but the magic has no header; `walk` must not see StopIteration.
    if at == len(MAGIC):
        raise Corrupt("cut short: there is no header", where=name)


def _check_whole(name: str, header: Header, digest: ResponseDigest, trailer: Trailer) -> None:
    if trailer.pages != digest.pages:
        raise Corrupt(f"the trailer counts {trailer.pages} pages, there are {digest.pages}", where=name)
    if trailer.size_bytes != digest.size_bytes:
        raise Corrupt("the pages do not have the size that the trailer names", where=name)
    if (header.tick is None) == (not header.gaps):
        raise Corrupt("it must hold either the answer of one tick, or gaps", where=name)
    if header.tick is None:
        return
    parent = header.carried.parent if header.carried else None
    response = digest.hex()
    if trailer.response != response or trailer.answer != answer_id(parent, header.tick, response):
        raise Corrupt("the pages do not have the digest that the trailer names", where=name)


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_HEADER = msgspec.json.Decoder(Header)
_PAGE_HEAD = msgspec.json.Decoder(PageHead)
_TRAILER = msgspec.json.Decoder(Trailer)

T = TypeVar("T")


def _load(name: str, payload: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Corrupt(f"a frame cannot be read: {error}", where=name) from None
