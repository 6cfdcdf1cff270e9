"""The outside thing, a response's body: where it ends, and nothing after that.

Reads the wire bytes themselves, by the rules of RFC 9112 (6.3, 7.1, 8), more strictly than common
clients, which take a chunk without its line end, a chunk size cut short (``0`` of ``0800``) or a
body that merely stops. It never undoes a content coding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase

from coleta.adapters.http_broken import Broken
from coleta.collect.response import Fault

_STEP_BYTES = 256 * 1024
_LONGEST_LINE_BYTES = 8 * 1024
"""A chunk's size line or a trailer field; the longest that common servers themselves accept."""

_MOST_TRAILERS = 100
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


@dataclass(frozen=True, slots=True)
class NoBody:
    """The method or the status says that there is none."""


@dataclass(frozen=True, slots=True)
class Sized:
    """Exactly so many bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Chunked:
    """Chunks, until one of size 0."""


@dataclass(frozen=True, slots=True)
class UntilClose:
    """Whatever comes until the connection closes: nobody can tell whether it is whole."""


Framing = NoBody | Sized | Chunked | UntilClose


def framing(method: str, status: int, headers: Sequence[tuple[str, str]]) -> Framing:
    """How the end of the body is known; `headers` have names in lower case.

    Raises:
        Broken: FRAMING, the headers contradict one another or say what cannot be read.

    """
    if method == "HEAD" or status in (204, 304):
        return NoBody()
    codings = _listed(headers, "transfer-encoding")
    lengths = _listed(headers, "content-length")
    if codings and lengths:
        raise Broken(Fault.FRAMING, "both Content-Length and Transfer-Encoding")
    if codings:
        if [coding.lower() for coding in codings] != ["chunked"]:
            raise Broken(Fault.FRAMING, "a Transfer-Encoding other than chunked")
        return Chunked()
    if not lengths:
        return UntilClose()
    # The same length said twice is allowed (RFC 9110, 8.6); 18 digits are more than any body has.
    if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        raise Broken(Fault.FRAMING, "a Content-Length that is not one number")
    return Sized(int(lengths[0]))


def pieces(reader: BufferedIOBase, how: Framing) -> Iterator[bytes]:
    """The body, piece by piece, up to its end and not a byte further.

    Raises:
        Broken: INCOMPLETE, it ends before its end; FRAMING, its chunks are malformed.
        OSError: as the connection raises it, ``TimeoutError`` at the deadline.

    """
    match how:
        case NoBody():
            return
        case Sized(size_bytes):
            yield from _exactly(reader, size_bytes)
        case Chunked():
            yield from _chunks(reader)
        case UntilClose():
            while piece := reader.read1(_STEP_BYTES):
                yield piece


def _listed(headers: Sequence[tuple[str, str]], wanted: str) -> list[str]:
    return [part.strip() for name, value in headers if name == wanted for part in value.split(",")]


def _exactly(reader: BufferedIOBase, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left:
        piece = reader.read1(min(left, _STEP_BYTES))
        if not piece:
            raise Broken(Fault.INCOMPLETE, f"the body ends {left} bytes before its end")
        left -= len(piece)
        yield piece


def _chunks(reader: BufferedIOBase) -> Iterator[bytes]:
    while True:
        found = _CHUNK_SIZE.fullmatch(_line(reader))
        if found is None:
            raise Broken(Fault.FRAMING, "a chunk's size cannot be read")
        size_bytes = int(found[1], 16)
        if size_bytes == 0:
            _skip_trailers(reader)
            return
        yield from _exactly(reader, size_bytes)
        if _line(reader) != b"\r\n":
            raise Broken(Fault.FRAMING, "a chunk is longer than its size says")


def _skip_trailers(reader: BufferedIOBase) -> None:
    for _ in range(_MOST_TRAILERS):
        line = reader.readline(_LONGEST_LINE_BYTES)
        # The chunk of size 0 has come, so the body is whole (RFC 9112, 8) even if the rest is missing.
        if line in (b"\r\n", b""):
            return
        if not line.endswith(b"\n"):
            break
    raise Broken(Fault.FRAMING, "trailer fields without end")


def _line(reader: BufferedIOBase) -> bytes:
    line = reader.readline(_LONGEST_LINE_BYTES)
    if not line.endswith(b"\n"):
        if len(line) == _LONGEST_LINE_BYTES:
            raise Broken(Fault.FRAMING, "a chunk's size line is too long")
        raise Broken(Fault.INCOMPLETE, "the body ends within its chunks")
    return line
