"""A part of an object store: wraps any store, so that a stream sees only what lies below its path."""

from __future__ import annotations

from collections.abc import Iterator

from coleta.ports import Created, Exists, Housekeeping, ObjectStore


class Below:
    """The objects of `store` whose names begin with `path` and a slash, without that beginning."""

    def __init__(self, store: ObjectStore, path: str) -> None:
        """See only what lies below `path`."""
        self._store = store
        self._prefix = f"{path.strip('/')}/"

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        return self._store.create(self._prefix + name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """See ``ObjectStore``."""
        return self._store.read(self._prefix + name, last=last)

    def size(self, name: str) -> int | None:
        """See ``ObjectStore``."""
        return self._store.size(self._prefix + name)

    def names(self, prefix: str) -> Iterator[str]:
        """See ``ObjectStore``."""
        return (name.removeprefix(self._prefix) for name in self._store.names(self._prefix + prefix))


class BelowHousekeeping:
    """What `housekeeping` does, for names below `path` only."""

    def __init__(self, housekeeping: Housekeeping, path: str) -> None:
        """Work below `path`."""
        self._housekeeping = housekeeping
        self._prefix = f"{path.strip('/')}/"

    def delete(self, name: str) -> None:
        """See ``Housekeeping``."""
        self._housekeeping.delete(self._prefix + name)

    def replace(self, name: str, body: bytes) -> None:
        """See ``Housekeeping``."""
        self._housekeeping.replace(self._prefix + name, body)
