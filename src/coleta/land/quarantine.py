"""Stage 2, step 4: what goes into the quarantine, byte-exact and with reasons. Pure.

A quarantine file is named by the digest of its own bytes, so putting it twice is putting it once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coleta.collect.tick import Interval
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
