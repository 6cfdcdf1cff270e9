"""A store whose caller is interrupted at one call: for tests that let others act at each call, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from coleta.ports import Created, Exists, ObjectStore

MANY_CALLS = 150
"""More than anything that is tried so makes."""


class Interrupted:
    """A store before whose call number `at`, counted from 0, others get their turn; ``met``: there was such a call."""

    def __init__(self, inner: ObjectStore, at: int, others: Callable[[], object]) -> None:
        self._inner, self._at, self._others = inner, at, others
        self._calls = 0
        self.met = False

    def _meet(self) -> None:
        number, self._calls = self._calls, self._calls + 1
        if number == self._at:
            self.met = True
            self._others()

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        self._meet()
        return self._inner.create(name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        self._meet()
        return self._inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        self._meet()
        return self._inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        self._meet()
        return self._inner.names(prefix)
