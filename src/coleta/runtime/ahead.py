"""A head start for landing: an answer's pages are decoded while the next ones are being fetched.

Fetching mostly waits and decoding mostly computes, so side by side they take little more than the
longer of the two. Nothing rests on it: what was decoded is used if its answer is landed from here,
and else forgotten, and then landing decodes the spool file as always. Never touches spool or store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from queue import Queue
from typing import TYPE_CHECKING

from coleta.terms import Terms

if TYPE_CHECKING:
    from coleta.land.decode import Piece

MOST_BYTES = 128 << 20
"""What one answer's columns may take: two million small records. A larger answer gets no head start."""

MOST_ANSWERS = 2
"""Head starts under way or kept in a process at once, so that an outage cannot pile them up."""

_PAGES_BEHIND = 4
"""How many pages may wait for decoding before fetching waits for it: with one, both would wait in turns."""


class HeadStarts:
    """The head starts of a process."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._under_way = 0
        self._kept: dict[str, Sequence[Piece]] = {}

    def begin(self, terms: Terms) -> Ahead | None:
        """A head start for an answer on `terms`; None where enough are under way."""
        with self._lock:
            if self._under_way >= MOST_ANSWERS:
                return None
            self._under_way += 1
        return Ahead(terms, self)

    def ended(self, answer: str | None, pieces: Sequence[Piece] | None) -> None:
        """Take note that one has ended, and keep its `pieces`, if there are any, for `answer`."""
        with self._lock:
            self._under_way -= 1
            if answer is not None and pieces is not None:
                while len(self._kept) >= MOST_ANSWERS:
                    del self._kept[next(iter(self._kept))]
                self._kept[answer] = pieces

    def take(self, answer: str | None) -> Sequence[Piece] | None:
        """What was decoded of `answer`, all of it, once; or None."""
        with self._lock:
            return self._kept.pop(answer, None) if answer is not None else None


class Ahead:
    """One answer's head start. Ends with ``keep`` or ``forget``, exactly one of them."""

    def __init__(self, terms: Terms, all_: HeadStarts) -> None:
        """Begin to wait for pages."""
        self._terms = terms
        self._all = all_
        self._pages: Queue[bytes | None] = Queue(_PAGES_BEHIND)
        self._pieces: list[Piece] | None = []
        self._thread = threading.Thread(target=self._work, name="decode-ahead", daemon=True)
        self._thread.start()

    def feed(self, body: bytes) -> None:
        """Add the next page's body, without its content coding."""
        self._pages.put(body)

    def keep(self, answer: str | None) -> None:
        """There are no more pages: keep what was decoded for the landing of `answer`."""
        self._pages.put(None)
        self._thread.join()
        self._all.ended(answer, self._pieces)

    def forget(self) -> None:
        """The answer came to nothing."""
        self._pieces = None
        self._pages.put(None)
        self._all.ended(None, None)

    def _work(self) -> None:
        bodies = self._bodies()
        try:
            self._decode(bodies)
        except Exception:  # noqa: BLE001 - landing meets the same, and says what it is
            self._pieces = None
        # Whoever feeds must never wait for a thread that has given up.
        for _ in bodies:
            pass

    def _decode(self, bodies: Iterator[bytes]) -> None:
        from coleta.land.decode import decode

        size = 0
        for piece in decode(_not_empty(bodies), self._terms):
            pieces = self._pieces
            size += piece.columns.nbytes
            if pieces is None or size > MOST_BYTES:
                self._pieces = None
                return
            pieces.append(piece)

    def _bodies(self) -> Iterator[bytes]:
        while (body := self._pages.get()) is not None:
            yield body


def _not_empty(bodies: Iterator[bytes]) -> Iterator[bytes]:
    # Not a generator over `bodies` in a for loop's own frame: closing it must leave `bodies` open.
    while True:
        body = next(bodies, None)
        if body is None:
            return
        if body:
            yield body
