"""Stage 2, step 4: what goes into the quarantine, byte-exact and with reasons. Pure.

A quarantine file is named by the digest of its own bytes, so putting it twice is putting it once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from coleta.collect.tick import Interval
from coleta.errors import Corrupt
from coleta.land.record import QuarantineFile

if TYPE_CHECKING:
    from coleta.land.decode import Reject


@dataclass(frozen=True, slots=True)
class QuarantineObject:
    """A quarantine file as the record names it, and its bytes."""

    file: QuarantineFile
    body: bytes


def of_records(tick: Interval, answer: str, rejects: Sequence[Reject]) -> QuarantineObject:
    """The records of one answer that broke the contract, one a line of JSON, compressed with zstd."""
    text = "".join(_line(tick, reject) for reject in rejects)
    # Half of a UTF-16 pair, in a name that a reason tells, has no UTF-8; its escape is JSON's own.
    body = _compressed(text.encode("utf-8", "backslashreplace"))
    reasons = Counter(reject.reason for reject in rejects)
    return _object(tick, answer, body, kind="records", count=len(rejects), reasons=dict(sorted(reasons.items())))


def of_page(tick: Interval, answer: str, body: bytes, *, number: int, why: str) -> QuarantineObject:
    """Page `number` of an answer that is no data, without its content coding, compressed with zstd."""
    made = _object(tick, answer, _compressed(body), kind="page", count=1, reasons={why: 1})
    return replace(made, file=replace(made.file, page=number))


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it stands in a quarantine file."""

    tick: str
    row: int
    path: str
    reason: str
    raw: bytes
    detail: str | None = None


class _Line(msgspec.Struct):
    tick: str
    row: int
    path: str
    reason: str
    detail: str | None = None
    raw: str | None = None
    raw_b64: str | None = None


def kept_records(content: bytes, *, where: str) -> Iterator[Kept]:
    """The records in `content`, an unpacked quarantine file of records, in their order.

    Raises:
        Corrupt: a line of it cannot be read.

    """
    for line in content.splitlines():
        try:
            one = _DECODER.decode(line)
            raw = base64.b64decode(one.raw_b64) if one.raw_b64 is not None else (one.raw or "").encode()
        except (msgspec.MsgspecError, ValueError) as error:
            raise Corrupt(f"a line of it cannot be read: {error}", where=where) from None
        yield Kept(one.tick, one.row, one.path, one.reason, raw, one.detail)


def unpacked(stored: bytes | None, file: QuarantineFile) -> bytes:
    """The content of `file`, whose bytes in the store are `stored`.

    Raises:
        Corrupt: it is missing, or not the file that its record names.

    """
    import pyarrow as pa

    hint = "coleta verify tells more"
    if stored is None:
        raise Corrupt("a quarantine file is missing", where=file.path, hint=hint)
    if hashlib.sha256(stored).hexdigest() != file.sha256:
        raise Corrupt("its bytes do not have the sha256 that its record names", where=file.path, hint=hint)
    try:
        with pa.input_stream(pa.py_buffer(stored), compression="zstd") as stream:
            content: bytes = stream.read()
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"it cannot be unpacked: {error}", where=file.path) from None
    return content


def spelled(name: str) -> str:
    """`name` in a form that a record can hold: half of a UTF-16 pair, which has no UTF-8, as its escape."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _line(tick: Interval, reject: Reject) -> str:
    line: dict[str, object] = {
        "tick": tick.name,
        "row": reject.row,
        "path": reject.path,
        "reason": reject.reason,
        "detail": reject.detail,
    }
    try:
        line["raw"] = reject.raw.decode("utf-8")
    except UnicodeDecodeError:
        line["raw_b64"] = base64.b64encode(reject.raw).decode()
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _object(
    tick: Interval, answer: str, body: bytes, *, kind: str, count: int, reasons: dict[str, int]
) -> QuarantineObject:
    sha256 = hashlib.sha256(body).hexdigest()
    ending = "jsonl.zst" if kind == "records" else "raw.zst"
    return QuarantineObject(
        QuarantineFile(
            path=f"_quarantine/{tick.name}-{sha256[:16]}.{ending}",
            sha256=sha256,
            answer=answer,
            holds="records" if kind == "records" else "page",
            count=count,
            reasons=reasons,
        ),
        body,
    )


def _compressed(data: bytes) -> bytes:
    import pyarrow as pa

    out: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return out


def lines_in(body: bytes) -> int:
    """How many lines the quarantine file `body` holds; -1 where it cannot be read. Memory does not grow with it."""
    import pyarrow as pa

    lines = 0
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            while chunk := stream.read(1 << 20):
                lines += chunk.count(b"\n")
    except (pa.ArrowException, OSError):
        return -1
    return lines


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(_Line)
