"""A store in a local folder: create-only by link(2), durable by fsync.

An object is written to a temporary file on the same file system, synced, and linked to its name, so a
name appears at once, whole, or not at all, and never over another. What may be seen is made durable
before it is told: without that, a power loss could take back an object that someone acted upon.

It never deletes or overwrites an object, and never makes its folder again where a mount has vanished.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.durable import make_folders, meaning
from coleta.errors import Doubtful, Misconfigured, StoreUnavailable
from coleta.ports import Created, Exists

HOME = "_coleta"
"""The folder that marks a store. Where it is missing, the store's disk is not mounted."""

TEMPS = f"{HOME}/tmp"
STALE_TEMP_S = 86_400
"""A create takes seconds; a temporary file a day old belongs to a process that is gone."""

_QUIET_NS = 2_000_000_000
"""Two names may come into a folder within one step of its mtime, which is at most a second or so."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_SURELY_NOT_LINKED = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOTDIR, errno.EMLINK, errno.ENAMETOOLONG
}  # fmt: skip


def check_name(name: str) -> None:
    """Refuse a name that is not a relative path of plain segments, or that is kept for our own use.

    Raises:
        ValueError: it is such a name; a caller that asks for it has a bug.

    """
    if "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
        raise ValueError(f"not a name of an object: {name!r}")
    if name == TEMPS or name.startswith(f"{TEMPS}/"):
        raise ValueError(f"{TEMPS} is kept for temporary files: {name!r}")


def check_body(name: str, body: bytes | memoryview, sha256: str) -> None:
    """Refuse a body that does not have the digest `sha256`.

    Raises:
        ValueError: it has another one; a caller that says so has a bug.

    """
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise ValueError(f"the body of {name} has the sha256 {found}, not {sha256}")


class FileStore:
    """The objects below the folder `root`. Safe to use from several threads and processes at once."""

    clock_url: str | None = None
    """A folder has no clock of its own."""

    def __init__(self, root: Path, *, create: bool = False, disk: DiskCalls = DISK) -> None:
        """Open the store at `root`; with `create`, make it if there is none.

        Without `create` nothing is touched, and a missing store is told by each call.

        Raises:
            StoreUnavailable: the folder could not be made.

        """
        self._root = root.absolute()
        self._temps = self._root / TEMPS
        self._disk = disk
        self._known: set[Path] = set()
        self._settled: dict[Path, int] = {}
        self._cleared = False
        if create:
            try:
                make_folders(self._temps, disk=disk)
            except OSError as error:
                raise _unavailable(error, self._root) from None

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """Store `body` under `name` unless something is there; see ``ObjectStore``.

        Raises:
            Doubtful: the name is there, but may not survive a power loss; or the link's outcome is unknown.
            StoreUnavailable: it was not stored.
            Misconfigured: this file system cannot link, or `name` lies on another one.

        """
        check_name(name)
        check_body(name, body, sha256)
        target = self._root / name
        temp = self._write_temp(memoryview(body))
        try:
            self._make_way(target.parent)
            outcome = _link(self._disk, temp, target)
        except OSError as error:
            raise _unavailable(error, target) from None
        finally:
            # What is left behind here is out of the way, and cleared a day later.
            with suppress(OSError):
                self._disk.unlink(temp)
        try:
            self._settle(target.parent)
        except OSError as error:
            what, hint = meaning(error)
            kind = StoreUnavailable if isinstance(outcome, Exists) else Doubtful
            raise kind(f"there, but not certain to be durable: {what}", where=str(target), hint=hint) from None
        return outcome

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """The bytes under `name`, or only its `last` ones; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        path = self._root / name
        try:
            with path.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if last is not None:
                    file.seek(max(0, size - last))
                found = file.readall() if last != 0 else b""
            self._settle_seen(path.parent)
            return found
        except FileNotFoundError:
            self._require_store()
            return None
        except OSError as error:
            raise _unavailable(error, path) from None

    def size(self, name: str) -> int | None:
        """How many bytes lie under `name`; None where nothing is; see ``ObjectStore``."""
        check_name(name)
        path = self._root / name
        try:
            size = path.stat().st_size
            self._settle_seen(path.parent)
            return size
        except FileNotFoundError:
            self._require_store()
            return None
        except OSError as error:
            raise _unavailable(error, path) from None

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, in order of code points; see ``ObjectStore``.

        Regular files only; links to files or folders are not followed.
        """
        if prefix.startswith("/") or ".." in prefix.split("/"):
            raise ValueError(f"not a prefix of names: {prefix!r}")
        self._require_store()
        if prefix.startswith(f"{TEMPS}/"):
            return
        yield from self._walk(prefix.rpartition("/")[0], prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        above = f"{folder}/" if folder else ""
        try:
            with os.scandir(self._root / folder) as entries:
                # A folder sorts as its name with the slash, which is what its objects' names have.
                found = sorted(
                    f"{above}{entry.name}/" if entry.is_dir(follow_symlinks=False) else f"{above}{entry.name}"
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
                )
        except (FileNotFoundError, NotADirectoryError):
            self._require_store()
            return
        except OSError as error:
            raise _unavailable(error, self._root / folder) from None
        for name in found:
            if name == f"{TEMPS}/" or not name.startswith(prefix):
                continue
            if name.endswith("/"):
                yield from self._walk(name[:-1], prefix)
            else:
                yield name

    def _write_temp(self, body: memoryview) -> Path:
        temp = self._temps / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
        self._require_store()
        try:
            with suppress(FileExistsError):  # not those above: the store's disk may have gone just now
                self._disk.make_folder(self._temps)
            self._clear_stale_temps()
            fd = self._disk.create(temp, mode=0o666)
        except OSError as error:
            raise _unavailable(error, self._temps) from None
        try:
            try:
                self._disk.write(fd, body)
                self._disk.sync(fd)
            finally:
                self._disk.close(fd)
        except OSError as error:
            with suppress(OSError):
                self._disk.unlink(temp)
            raise _unavailable(error, self._temps) from None
        return temp

    def _make_way(self, folder: Path) -> None:
        """Make `folder` and those above it, up to the root, each of them durable in the one above."""
        for each in self._way_to(folder):
            try:
                self._disk.make_folder(each)
            except FileExistsError:
                # Another process may have made it a moment ago and not have synced it yet.
                if each in self._known:
                    continue
            self._disk.sync_folder(each.parent)
            self._known.add(each)

    def _settle(self, folder: Path) -> None:
        """Make the names that can be seen in `folder` durable, whoever made them."""
        changed_ns = folder.stat().st_mtime_ns
        if self._settled.get(folder) == changed_ns:
            return
        for each in self._way_to(folder):
            if each not in self._known:
                self._disk.sync_folder(each.parent)
                self._known.add(each)
        self._disk.sync_folder(folder)
        if time.time_ns() - changed_ns > _QUIET_NS:
            self._settled[folder] = changed_ns

    def _settle_seen(self, folder: Path) -> None:
        try:
            self._settle(folder)
        except OSError as error:
            # On a read-only file system nothing waits to be written.
            if error.errno not in {errno.EROFS, errno.EINVAL}:
                raise

    def _way_to(self, folder: Path) -> list[Path]:
        parts = folder.relative_to(self._root).parts
        return [self._root.joinpath(*parts[: n + 1]) for n in range(len(parts))]

    def _require_store(self) -> None:
        if not (self._root / HOME).is_dir():
            raise StoreUnavailable(
                f"there is no store in this folder: it has no {HOME}",
                where=str(self._root),
                hint="is its disk mounted? A store that is not there yet is made by the first run",
            )

    def _clear_stale_temps(self) -> None:
        if self._cleared:
            return
        self._cleared = True
        for temp in self._temps.glob("*.tmp"):
            with suppress(FileNotFoundError):
                if time.time() - temp.stat().st_mtime > STALE_TEMP_S:
                    self._disk.unlink(temp)


def _link(disk: DiskCalls, temp: Path, target: Path) -> Created | Exists:
    try:
        disk.link(temp, target)
    except OSError as error:
        if _links(temp, target) > 1:
            # A network file system asked twice, since the first answer was lost, and met our own link.
            return Created()
        if error.errno == errno.EEXIST:
            return Exists()
        what, hint = meaning(error)
        if error.errno in _NO_LINKS:
            raise Misconfigured(
                f"no file can be linked here, so none can be created only where nothing is: {what}",
                where=str(target.parent),
                hint="put the store on a local disk (ext4, xfs, btrfs, apfs), or use an object store",
            ) from None
        if error.errno == errno.EXDEV:
            raise Misconfigured(
                "this folder lies on another file system than its store",
                where=str(target.parent),
                hint="mount the whole store, not a folder inside it",
            ) from None
        if error.errno in _SURELY_NOT_LINKED:
            raise StoreUnavailable(what, where=str(target), hint=hint) from None
        raise Doubtful(f"it may or may not be stored: {what}", where=str(target), hint=hint) from None
    return Created()


def _links(temp: Path, target: Path) -> int:
    try:
        return temp.stat().st_nlink
    except OSError as error:
        raise Doubtful(f"it may or may not be stored: {meaning(error)[0]}", where=str(target)) from None


def _unavailable(error: OSError, path: Path) -> StoreUnavailable:
    what, hint = meaning(error)
    return StoreUnavailable(what, where=str(path), hint=hint)
