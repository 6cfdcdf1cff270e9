"""The port ``Keepsakes`` in memory: what processes that share it have kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from coleta.errors import Busy, SpoolRefused


@dataclass(eq=False)
class MemoryKeepsakes:
    """Keeps in ``kept``; while ``full`` is true, nothing more."""

    kept: dict[str, bytes] = field(default_factory=dict)
    full: bool = False
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    @contextmanager
    def alone(self, name: str, *, timeout: timedelta) -> Iterator[None]:
        """See ``Keepsakes``."""
        lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(timeout=timeout.total_seconds()):
            raise Busy("another process is asking for the token, and does not come to an end", where=name)
        try:
            yield
        finally:
            lock.release()

    def recall(self, name: str) -> bytes | None:
        """See ``Keepsakes``."""
        return self.kept.get(name)

    def remember(self, name: str, body: bytes) -> None:
        """See ``Keepsakes``."""
        if self.full:
            raise SpoolRefused("a token could not be kept: the disk is full", where=name)
        self.kept[name] = body
