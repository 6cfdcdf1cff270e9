"""The outside thing, a small object that may be replaced: a stream's lease, in a bucket or in a folder.

Nothing rests on it, so it is not synced more than replacing a file takes. Never touches another name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coleta.adapters.durable import meaning, replace_file
from coleta.adapters.object_store import CloudStore
from coleta.errors import StoreUnavailable


class ObjectCell:
    """The object `name` in a bucket; its tag is its ETag."""

    def __init__(self, store: CloudStore, name: str) -> None:
        """Nothing is read yet."""
        self._store = store
        self._name = name

    def read(self) -> tuple[bytes, str] | None:
        """See ``Cell``."""
        return self._store.tagged(self._name)

    def replace(self, body: bytes, tag: str | None) -> bool:
        """See ``Cell``."""
        return self._store.replace(self._name, body, tag)


class FileCell:
    """The file at `path`, guarded by a lock beside it; its tag is the digest of its bytes."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path

    def read(self) -> tuple[bytes, str] | None:
        """See ``Cell``."""
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable(error) from None
        return body, hashlib.sha256(body).hexdigest()

    def replace(self, body: bytes, tag: str | None) -> bool:
        """See ``Cell``."""
        try:
            with self._locked():
                found = self.read()
                if (None if found is None else found[1]) != tag:
                    return False
                replace_file(self._path, body)
        except OSError as error:
            raise self._unavailable(error) from None
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _unavailable(self, error: OSError) -> StoreUnavailable:
        what, hint = meaning(error)
        return StoreUnavailable(what, where=str(self._path), hint=hint)
