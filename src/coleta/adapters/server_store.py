"""A store in a folder of a file server: what SFTP and WebDAV share. A ``Wire`` speaks to the server.

An object is written under a temporary name first, and then given its own name in one step, so that it appears whole
or not at all. Whether two machines may do so at once depends on the server, and the wire says so.

It never deletes or overwrites an object: only temporary files of its own are removed. Like a folder on this machine it
has a mark, the folder ``_coleta``: where that is missing, the server's disk is not mounted, and nothing is believed.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from coleta.adapters.file_store import HOME, STALE_TEMP_S, TEMPS, check_body, check_name
from coleta.errors import AuthRefused, ColetaError, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists

READ_TRIES = 3
"""How often a read is tried again: a line that was idle for long is often found cut."""

SLOWEST_BYTES_PER_S = 1_000_000
"""A request is given more time only for what travels at less than this pace: a poor line."""

_TEMP = re.compile(r"([0-9]{1,12})-[0-9a-f]{16}\.tmp")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder: a file, or another folder."""

    name: str
    is_folder: bool


class Refused(Exception):
    """The server does not do it, and will not until somebody changes a setting, a permission or a credential."""

    def __init__(self, what: str, *, hint: str, credentials: bool = False) -> None:
        """Say what and what to try; `credentials`: whether other credentials could help."""
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.credentials = credentials


class Wire(Protocol):
    """A file server. Paths are relative to the store's folder. Safe to use from several threads.

    Each call may raise ``Refused``, or ``StoreUnavailable`` where it was not done or could not be told.
    """

    def __str__(self) -> str:
        """Where it is, to be shown in errors."""

    def write(self, path: str, body: memoryview) -> None:
        """Make the file `path`, which is not there yet, of `body`."""

    def place(self, temp: str, target: str) -> bool:
        """Give the file `temp` the name `target`, whole and at once, unless something has that; whether it was free.

        Raises:
            Doubtful: it may or may not have been done, now or later.

        """

    def swap(self, temp: str, target: str) -> None:
        """Put the file `temp` in the place of `target`, in one step: whoever reads it sees the one or the other."""

    def read(self, path: str, last: int | None) -> bytes | None:
        """The bytes of the file `path`, or only its `last` ones; None where nothing is."""

    def size(self, path: str) -> int | None:
        """How many bytes the file `path` has; None where nothing is."""

    def entries(self, folder: str) -> Sequence[Entry] | None:
        """What lies in `folder`; None where it is not."""

    def make_folder(self, path: str) -> None:
        """Make the folder `path`; that it is there is no error."""

    def remove(self, path: str) -> None:
        """Remove the file `path`; that it is not there is no error."""


class ServerStore:
    """The objects in the folder that `wire` leads to. Safe to use from several threads and processes at once.

    Until something was made or found there once, a refusal is a mistake in the settings (``Misconfigured``,
    ``AuthRefused``). Later it is an outage (``StoreUnavailable``), and what is accepted waits meanwhile.
    """

    clock_url: str | None = None
    """A file server is not asked for its time."""

    def __init__(self, wire: Wire, *, create: bool = False, known: bool = False) -> None:
        """Prepare; nothing is sent yet. `create`: a folder without a mark is marked. `known`: it let us in before."""
        self._wire = wire
        self._create = create
        self._let_in = known
        self._marked = False
        self._folders: set[str] = set()

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """Store `body` under `name` unless something is there; see ``ObjectStore``.

        Raises:
            Doubtful: no clear answer came to the last step.
            StoreUnavailable: it was not stored.
            Misconfigured: it never let us in, or this server cannot keep two machines apart.

        """
        check_name(name)
        check_body(name, body, sha256)
        self._require_mark()
        temp = _temp()
        try:
            self._ask(name, lambda: self._wire.write(temp, memoryview(body)))
            for folder in reversed(PurePosixPath(name).parents[:-1]):
                self._make_folder(str(folder))
            free = self._ask(name, lambda: self._wire.place(temp, name))
        except ColetaError:
            # Folders may have gone: they are looked for again.
            self._folders.clear()
            self._marked = False
            raise
        finally:
            # What is left behind here is out of the way.
            with suppress(ColetaError, Refused):
                self._wire.remove(temp)
        self._let_in = True
        return Created() if free else Exists()

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """The bytes under `name`, or only its `last` ones; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        if last == 0:
            return None if self.size(name) is None else b""
        return self._seen(name, self._again(name, lambda: self._wire.read(name, last)))

    def size(self, name: str) -> int | None:
        """How many bytes lie under `name`; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        return self._seen(name, self._again(name, lambda: self._wire.size(name)))

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, in order of code points; see ``ObjectStore``."""
        if prefix.startswith("/") or ".." in prefix.split("/"):
            raise ValueError(f"not a prefix of names: {prefix!r}")
        found: list[str] = []
        open_folders = [prefix.rpartition("/")[0]]
        while open_folders:
            folder = open_folders.pop()
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not path.startswith(prefix) or path == TEMPS:
                    continue
                (open_folders if entry.is_folder else found).append(path)
        if not found:
            self._seen(prefix, None)
        yield from sorted(found)

    def delete(self, name: str) -> None:
        """Remove what lies under `name`. For ``ServerHousekeeping`` alone: no port of the landing path has it."""
        check_name(name)
        self._require_mark()
        self._again(name, lambda: self._wire.remove(name))

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of what lies under `name`. For ``ServerHousekeeping`` alone, too."""
        check_name(name)
        self._require_mark()
        temp = _temp()
        try:
            self._ask(name, lambda: self._wire.write(temp, memoryview(body)))
            self._ask(name, lambda: self._wire.swap(temp, name))
        finally:
            with suppress(ColetaError, Refused):
                self._wire.remove(temp)

    def _entries(self, folder: str) -> Sequence[Entry]:
        return self._again(folder, lambda: self._wire.entries(folder)) or ()

    def _make_folder(self, folder: str) -> None:
        if folder not in self._folders:
            self._ask(folder, lambda: self._wire.make_folder(folder))
            self._folders.add(folder)

    def _require_mark(self) -> None:
        if self._marked:
            return
        if self._again(HOME, lambda: self._wire.entries(HOME)) is None:
            if not self._create:
                raise self._no_store()
            self._make_folder(HOME)
        self._make_folder(TEMPS)
        self._marked = True
        with suppress(ColetaError, Refused):
            self._clear_stale_temps()

    def _clear_stale_temps(self) -> None:
        # By their names, since file servers tell times in many ways.
        for entry in self._entries(TEMPS):
            made = _TEMP.fullmatch(entry.name)
            if made is not None and time.time() - int(made[1]) > STALE_TEMP_S:
                self._wire.remove(f"{TEMPS}/{entry.name}")

    def _seen(self, name: str, found: T | None) -> T | None:
        # That nothing lies there is believed only of a store: else the server's disk may just be away.
        if found is None and self._again(name, lambda: self._wire.entries(HOME)) is None and not self._create:
            raise self._no_store()
        self._let_in = self._let_in or found is not None
        return found

    def _no_store(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"there is no store in this folder: it has no {HOME}",
            where=str(self._wire),
            hint="is the server's disk mounted? A store that is not there yet is made by the first run",
        )

    def _again(self, name: str, call: Callable[[], T]) -> T:
        for _ in range(READ_TRIES - 1):
            with suppress(StoreUnavailable):
                return self._ask(name, call)
        return self._ask(name, call)

    def _ask(self, name: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except Refused as refusal:
            where = f"{name} at {self._wire}"
            if self._let_in:
                raise StoreUnavailable(refusal.what, where=where, hint=refusal.hint) from None
            kind = AuthRefused if refusal.credentials else Misconfigured
            raise kind(refusal.what, where=where, hint=refusal.hint) from None


class ServerHousekeeping:
    """Takes objects out of the store that `wire` leads to."""

    def __init__(self, wire: Wire) -> None:
        """Prepare; nothing is sent."""
        self._store = ServerStore(wire)

    def delete(self, name: str) -> None:
        """Remove the object of `name`; see ``Housekeeping``."""
        self._store.delete(name)

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of the object of `name`, where the server can do that in one step.

        Raises:
            Misconfigured: it cannot.

        """
        self._store.replace(name, body)


def _temp() -> str:
    return f"{TEMPS}/{int(time.time())}-{secrets.token_hex(8)}.tmp"


def no_swap(what: str) -> Refused:
    """That `what` replaces no file in one step, as whoever reads it needs."""
    hint = 'write retention.data = "forever" for streams that land there'
    return Refused(f"an object cannot be replaced in one step by {what}", hint=hint)


def time_for(timeout: timedelta, size_bytes: int) -> float:
    """How many seconds a request has that carries `size_bytes`, where one that carries little has `timeout`."""
    return max(timeout.total_seconds(), size_bytes / SLOWEST_BYTES_PER_S)
