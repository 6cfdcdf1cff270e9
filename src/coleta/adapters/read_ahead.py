"""A store far away, whose log is read from its beginning: wraps any store, and asks for what comes next meanwhile.

An audit reads object n, and only its record names object n + 1. As a rule that lies in the same folder, so the next
few names are guessed and read at once by other threads. A guess that is wrong costs a request and nothing else: what
is asked for is asked for by its name, and "nothing there" counts only from the call that asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from coleta.errors import ColetaError
from coleta.ports import Created, Exists, ObjectStore

AHEAD = 32
"""How many objects are asked for at once: at 15 ms each that is about what Python can look at in that time."""

SMALL_BYTES = 4 << 20
"""Whole objects are read ahead only while they are so small, so that those under way fit into memory."""

_OBJECT = re.compile(r"(data/tick_date=[0-9-]+/)([0-9]{9,})\.parquet")


class ReadAhead:
    """The objects of `store`; reading one data object after the other takes a fraction of the time."""

    def __init__(self, store: ObjectStore, *, ahead: int = AHEAD) -> None:
        """Ask for up to `ahead` objects at once. No thread is started before two neighbours were read."""
        self._store = store
        self._ahead = ahead
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[tuple[str, int | None], Future[bytes | None]] = {}
        self._before: tuple[str, int, int | None] = ("", 0, None)

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        return self._store.create(name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """See ``ObjectStore``."""
        parts = _OBJECT.fullmatch(name)
        if parts is None:
            return self._store.read(name, last=last)
        folder, seq = parts[1], int(parts[2])
        found = self._arrived(name, last)
        in_turn = self._before == (folder, seq - 1, last)
        if in_turn and (last is not None or found is None or len(found) <= SMALL_BYTES):
            self._look_ahead(folder, seq, last)
        if found is None:
            found = self._store.read(name, last=last)
        self._before = (folder, seq, last)
        return found

    def size(self, name: str) -> int | None:
        """See ``ObjectStore``."""
        return self._store.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        """See ``ObjectStore``."""
        return self._store.names(prefix)

    def _arrived(self, name: str, last: int | None) -> bytes | None:
        coming = self._coming.pop((name, last), None)
        if coming is None:
            # Another turn was taken: what was guessed before is not what is needed next.
            self._coming.clear()
            return None
        try:
            return coming.result()
        except ColetaError:
            return None  # the call that asks meets it, too, and tells it

    def _look_ahead(self, folder: str, seq: int, last: int | None) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._ahead, thread_name_prefix="ahead")
        for n in range(seq + 1, seq + 1 + self._ahead):
            name = f"{folder}{n:09d}.parquet"
            if (name, last) not in self._coming:
                self._coming[name, last] = self._pool.submit(self._store.read, name, last=last)
