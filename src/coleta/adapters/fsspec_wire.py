"""The outside thing, whatever fsspec has a filesystem for: ``fsspec+ftp://``, ``fsspec+smb://`` and others.

fsspec promises nothing that landing could rest on: not that of two creates one wins, nor that a listing is whole, nor
that an error is told as one. So this is for one machine at a time, and somebody must say so. What is written is read
back before it counts; and that nothing is there is believed only of a listing that shows something else, or that was
empty twice, on two connections, while the store's own folder was not.

One call runs at a time, in a thread of its own, since few of these filesystems may be used by two and some never end.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.fsspec_kinds import kind_of
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.adapters.server_store import Entry, Refused, no_swap, time_for
from coleta.errors import ColetaError, Doubtful, Misconfigured, StoreUnavailable
from coleta.stream import SecretRef, Store

T = TypeVar("T")

SCHEME = "fsspec+"

LARGEST_BLOCK_BYTES = 64 * 1024**2
"""A file is sent in pieces of this size: some filesystems open a connection for each."""

STUCK_AT_MOST = 8
"""How many calls may hang for ever, each in a thread of its own, before no more are begun."""

_LOGIN = ("530", "331", "332")
"""How an FTP server answers who may not come in."""


@dataclass(frozen=True, slots=True)
class _Found:
    is_folder: bool
    size: int | None


class FsspecWire:
    """The folder that `store` names, through the filesystem of fsspec that its URL asks for."""

    def __init__(self, store: Store, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up.

        Raises:
            Misconfigured: fsspec or what it needs is not installed, or nobody promised that one machine alone lands.

        """
        scheme, _, self._rest = store.url.partition("://")
        self._protocol = scheme.removeprefix(SCHEME)
        if not store.exclusive:
            raise Misconfigured(
                f"nothing says of fsspec's {self._protocol} that of two creates at once only one wins",
                where=store.url,
                hint="write exclusive = true if one machine alone ever lands there; else use a bucket",
            )
        self._kind = kind_of(self._protocol, store.url)
        self._root = str(self._kind._strip_protocol(f"{self._protocol}://{self._rest}")).rstrip("/")
        self._store = store
        self._environment = environment
        self._folder = folder
        self._lock = threading.Lock()
        self._filesystem: Any = None
        self._stuck: list[threading.Thread] = []
        self._digests: dict[str, bytes] = {}

    def __str__(self) -> str:
        """Where it is, to be shown in errors."""
        return self._store.url

    def write(self, path: str, body: memoryview) -> None:
        """See ``Wire``. Read back, since not every filesystem tells of what it did not write."""
        data = bytes(body)
        work = lambda: self._put(path, data)  # noqa: E731  # said twice below
        try:
            self._run(work, size_bytes=2 * len(data))
        except StoreUnavailable:
            # A line that was idle for long is often found cut, and this name is ours alone.
            self._run(work, size_bytes=2 * len(data))
        self._digests[path] = hashlib.sha256(data).digest()

    def place(self, temp: str, target: str) -> bool:
        """See ``Wire``. By the filesystem's own rename, or where it has none by writing the object under its name."""
        if self.size(target) is not None:
            return False
        digest = self._digests.pop(temp)
        self._run(lambda: self._move(temp, target, digest), in_doubt=True)
        return True

    def swap(self, temp: str, target: str) -> None:
        """Refuse; see ``Wire``. Not every rename takes a name that is there, and some take it in two steps."""
        raise no_swap("fsspec")

    def read(self, path: str, last: int | None) -> bytes | None:
        """See ``Wire``."""
        size = self.size(path)
        if not size:
            return None if size is None else b""
        begin = 0 if last is None else max(0, size - last)
        found = self._run(lambda: self._cut(path, begin, size), size_bytes=size - begin)
        if len(found) != size - begin:
            raise StoreUnavailable("it is not as long as it was said to be", where=f"{path} at {self}")
        return found

    def size(self, path: str) -> int | None:
        """See ``Wire``."""
        found = self._run(lambda: self._look(path))
        if found is None:
            return None
        if found.size is None or found.is_folder:
            raise StoreUnavailable("it is no file, or nobody says how long it is", where=f"{path} at {self}")
        return found.size

    def entries(self, folder: str) -> Sequence[Entry] | None:
        """See ``Wire``."""
        listed = self._run(lambda: self._listing(folder))
        return None if listed is None else [Entry(name, found.is_folder) for name, found in listed.items()]

    def make_folder(self, path: str) -> None:
        """See ``Wire``."""
        self._run(lambda: self._make(path))

    def remove(self, path: str) -> None:
        """See ``Wire``."""
        self._digests.pop(path, None)
        self._run(lambda: self._take(path))

    # What runs in the thread ------------------------------------------------------------------------------

    def _put(self, path: str, data: bytes) -> None:
        from fsspec import AbstractFileSystem

        filesystem, at = self._connected(), self._at(path)
        if self._kind.pipe_file is AbstractFileSystem.pipe_file:
            with filesystem.open(at, "wb", block_size=min(len(data) + 1, LARGEST_BLOCK_BYTES)) as file:
                file.write(data)
        else:
            filesystem.pipe_file(at, data)
        if filesystem.cat_file(at) != data:
            raise StoreUnavailable("what is read back is not what was written", where=f"{path} at {self}")

    def _move(self, temp: str, target: str, digest: bytes) -> None:
        from fsspec import AbstractFileSystem

        filesystem = self._connected()
        if self._kind.mv is AbstractFileSystem.mv:
            # Its move would be a copy and a removal, which shows half an object just as well.
            self._put(target, filesystem.cat_file(self._at(temp)))
        else:
            filesystem.mv(self._at(temp), self._at(target))
        if hashlib.sha256(filesystem.cat_file(self._at(target))).digest() != digest:
            raise Doubtful("what is read back is not what was written", where=f"{target} at {self}")

    def _cut(self, path: str, begin: int, size: int) -> bytes:
        filesystem, at = self._connected(), self._at(path)
        if begin == 0:
            return bytes(filesystem.cat_file(at))
        found = bytes(filesystem.cat_file(at, start=begin))
        # Not every server knows such ranges.
        return found if len(found) == size - begin else bytes(filesystem.cat_file(at))[begin:]

    def _look(self, path: str) -> _Found | None:
        folder, _, name = path.rpartition("/")
        return (self._listing(folder) or {}).get(name)

    def _listing(self, folder: str) -> Mapping[str, _Found] | None:
        found = self._list(folder)
        parent, _, name = folder.rpartition("/")
        if found and folder and list(found) == [name] and not self._is_folder(parent, name):
            # A file's own listing is the file.
            return None
        if found:
            return found
        # Some filesystems make an empty listing, or a missing folder, of any error.
        self._filesystem = None
        again = self._list(folder)
        if again or not folder:
            return again
        if again is None:
            if name in (self._listing(parent) or {}):
                raise self._unsure(folder)
        elif not self._list(""):
            raise self._unsure(folder)
        return again

    def _is_folder(self, parent: str, name: str) -> bool:
        found = (self._listing(parent) or {}).get(name)
        return found is not None and found.is_folder

    def _list(self, folder: str) -> Mapping[str, _Found] | None:
        filesystem, at = self._connected(), self._at(folder)
        filesystem.invalidate_cache()
        try:
            listed = filesystem.ls(at, detail=True)
        except FileNotFoundError:
            return None
        return {
            str(one["name"]).rstrip("/").rpartition("/")[2]: _Found(one["type"] == "directory", one.get("size"))
            for one in listed
            if str(one["name"]).strip("/") != at.strip("/")
        }

    def _make(self, path: str) -> None:
        filesystem = self._connected()
        if "/" not in path and not filesystem.isdir(self._root):
            # Asked first: there are servers that make what is above it, too.
            raise Refused("the folder above it is not there", hint="make the store's folder; Coleta does not")
        try:
            filesystem.mkdir(self._at(path), create_parents=False)
        except FileExistsError:
            return
        except Exception:
            if not filesystem.isdir(self._at(path)):
                raise

    def _take(self, path: str) -> None:
        try:
            self._connected().rm_file(self._at(path))
        except FileNotFoundError:
            return
        except Exception:
            if self._look(path) is None:
                return
            raise

    def _connected(self) -> Any:  # noqa: ANN401  # one of fsspec's many kinds
        if self._filesystem is not None:
            return self._filesystem
        secrets = EnvironmentSecrets(self._environment(), folder=self._folder)
        said = {key: secrets(one) if isinstance(one, SecretRef) else one for key, one in self._store.options}
        in_url = self._kind._get_kwargs_from_urls(f"{self._protocol}://{self._rest}")
        try:
            self._filesystem = self._kind(
                **{"skip_instance_cache": True, "use_listings_cache": False, **in_url, **said},
            )
        except (TypeError, ValueError):
            # Not with its words: they may quote what was given.
            hint = f"compare the store's options with what fsspec's {self._kind.__name__} takes"
            raise Refused("it does not take these options", hint=hint, credentials=True) from None
        return self._filesystem

    # Around it --------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[], T], *, size_bytes: int = 0, in_doubt: bool = False) -> T:
        done: list[T] = []
        failed: list[BaseException] = []

        def call() -> None:
            try:
                done.append(work())
            except BaseException as error:  # noqa: BLE001  # judged below, in the thread that asked
                failed.append(error)

        with self._lock:
            self._stuck = [thread for thread in self._stuck if thread.is_alive()]
            if len(self._stuck) >= STUCK_AT_MOST:
                what = f"{STUCK_AT_MOST} calls have not come back, so no more are begun"
                raise StoreUnavailable(what, where=str(self), hint="restart Coleta once the server answers")
            thread = threading.Thread(target=call, name=f"fsspec-{self._protocol}", daemon=True)
            thread.start()
            thread.join(time_for(self._store.timeout, size_bytes))
            lost: type[Doubtful | StoreUnavailable] = Doubtful if in_doubt else StoreUnavailable
            if thread.is_alive():
                self._stuck.append(thread)
                self._filesystem = None
                raise lost("no answer in time", where=str(self))
            if failed:
                self._filesystem = None
                raise self._meaning(failed[0], lost) from None
            return done[0]

    def _meaning(self, error: BaseException, lost: type[Doubtful | StoreUnavailable]) -> BaseException:
        match error:
            case ColetaError() | Refused() | KeyboardInterrupt():
                return error
            case PermissionError():
                hint = "this login must be allowed to read and write in the store's folder"
                return Refused("access denied", hint=hint, credentials=True)
        # Its kind and number only: the text is the server's or the package's own, and may hold a secret.
        status = str(error)[:3] if type(error).__module__ == "ftplib" else ""
        if status in _LOGIN:
            return Refused(f"the server refuses the login ({status})", hint="are the options right?", credentials=True)
        said = f"{type(error).__name__} {status}".strip()
        return lost(f"fsspec's {self._protocol} could not do it ({said})", where=str(self))

    def _unsure(self, folder: str) -> StoreUnavailable:
        return StoreUnavailable("its listing comes and goes, so it is not believed", where=f"{folder} at {self}")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root
