"""Stage 1, step 4: what one answer hands to the next, and how an answer is named. Pure.

An answer's id is sha256(parent's id, start, end, response digest). It is never a digest of the
body alone: the same empty page comes twice, and those are two answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coleta.collect.tick import Interval, format_instant


@dataclass(frozen=True, slots=True)
class Carried:
    """The state that a stream carries from answer to answer.

    ``parent`` is the id of the answer whose state this one began with, ``before`` that state, ``after``
    the state that this answer ends with; in a spool file's header ``after`` is None, since only the
    trailer knows it. A state's keys (``end``, ``cursor``, ``validators``, ``boundary``) are specified in
    docs/reference/data-object-and-record.md. A stream that carries nothing has no ``Carried`` at all.
    """

    parent: str | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


def answer_id(parent: str | None, tick: Interval, response_digest: str) -> str:
    """The name of the answer for `tick` whose pages have `response_digest`, in hex."""
    parts = (parent or "", format_instant(tick.start), format_instant(tick.end), response_digest)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class ResponseDigest:
    """sha256 over the pages' bodies as received, each after its length in 8 bytes, little-endian."""

    def __init__(self) -> None:
        """Begin with no pages."""
        self._sha256 = hashlib.sha256()
        self.pages = 0
        self.size_bytes = 0

    def page(self, wire: bytes) -> None:
        """Add one page's body, as received."""
        self._sha256.update(len(wire).to_bytes(8, "little"))
        self._sha256.update(wire)
        self.pages += 1
        self.size_bytes += len(wire)

    def hex(self) -> str:
        """The digest of the pages so far."""
        return self._sha256.hexdigest()


def response_digest(pages: Iterable[bytes]) -> str:
    """The response digest of `pages`, each a body as received, in hex."""
    digest = ResponseDigest()
    for wire in pages:
        digest.page(wire)
    return digest.hex()
