"""A stream's spool on the local disk: ``waiting/``, ``parts/`` and ``damaged/`` in one folder.

An answer is written to ``parts/``, synced, renamed into ``waiting/``, and that folder is synced: the
rename is acceptance, and it counts once it is durable. What is damaged is set aside, never deleted;
what belongs to another uuid or a newer version is not touched.

Whoever writes holds the folder's ``StreamLock``; a read-only spool takes no lock and changes nothing.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from coleta.adapters.disk_calls import DISK, DiskCalls
from coleta.adapters.disk_draft import EPOCH, Desk, DiskDraft
from coleta.adapters.durable import make_folders, meaning
from coleta.adapters.shelf import Damaged, Held, Shelf, check_header, judge
from coleta.collect.spool import Header, Spooled, SpoolFile, Stored
from coleta.errors import ColetaError, Corrupt, Misconfigured, Retryable, SpoolRefused
from coleta.ports import SpoolContents

_FULL = {errno.ENOSPC, errno.EDQUOT}
_UNUSABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}


class DiskSpool:
    """The spool in `folder` of the stream `uuid`. Safe to use from several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        uuid: str,
        quota_bytes: int,
        now: Callable[[], datetime],
        read_only: bool = False,
        disk: DiskCalls = DISK,
    ) -> None:
        """Read and check every file that waits.

        Unless `read_only`, make the folders, clear drafts that a crash left, and set damaged files aside.

        Raises:
            Misconfigured: the folder cannot be used.
            SpoolRefused: the disk does not take the folders.

        """
        self._folder = folder
        self._aside = folder / "damaged"
        self._uuid = uuid
        self._read_only = read_only
        self._disk = disk
        self._shelf = Shelf(quota_bytes)
        self._desk = Desk(folder, self._shelf, now, disk)
        self._waiting, self._parts, self._lock = self._desk.waiting, self._desk.parts, self._desk.lock
        if not read_only:
            self._prepare()
        self._scan()

    def draft(self, header: Header) -> DiskDraft:
        """Begin to accept an answer or a gap; see ``Spool``."""
        self._refuse_if_read_only()
        check_header(header, self._uuid)
        return DiskDraft(self._desk, header)

    def contents(self) -> SpoolContents:
        """What lies here now, and what both the quota and the disk leave; see ``Spool``."""
        try:
            disk = os.statvfs(self._folder)
            free_bytes = disk.f_bavail * disk.f_frsize
        except OSError:
            free_bytes = 0
        with self._lock:
            return self._shelf.contents(free_bytes)

    def read(self, entry: Spooled) -> SpoolFile:
        """The spool file of `entry`; see ``Spool``. One that is gone counts as damaged."""
        path = self._waiting / entry.name

        def refuse(error: Corrupt | OSError) -> ColetaError:
            if isinstance(error, Corrupt):
                self._set_aside(entry.name)
                return Corrupt(error.what, where=str(path), hint=error.hint)
            what, hint = meaning(error)
            if error.errno not in {errno.ENOENT, errno.EIO}:
                return Retryable(what, where=str(path), hint=hint)
            self._set_aside(entry.name)
            return Corrupt(f"an accepted answer cannot be read: {what}", where=str(path), hint=hint)

        return SpoolFile(entry.name, lambda: path.open("rb"), refuse)

    def release(self, entries: Sequence[Spooled]) -> None:
        """Forget `entries`; see ``Spool``. One that cannot be removed now stays, to be let go of again."""
        self._refuse_if_read_only()
        gone: list[str] = []
        for entry in entries:
            with suppress(OSError):
                with suppress(FileNotFoundError):
                    self._disk.unlink(self._waiting / entry.name)
                gone.append(entry.name)
        # Safety does not rest on this: an entry that comes back is known by its id to be settled.
        with suppress(OSError):
            self._disk.sync_folder(self._waiting)
        with self._lock:
            for name in gone:
                self._shelf.drop(name)

    def _prepare(self) -> None:
        try:
            for folder in (self._waiting, self._parts, self._aside):
                make_folders(folder, mode=0o700, disk=self._disk)
            for part in self._parts.glob("*.part"):
                with suppress(FileNotFoundError):
                    self._disk.unlink(part)
            self._try_to_write()
        except OSError as error:
            what, hint = meaning(error)
            if error.errno in _UNUSABLE:
                raise Misconfigured(f"the spool cannot be used: {what}", where=str(self._folder), hint=hint) from None
            raise SpoolRefused(f"the spool cannot be opened: {what}", where=str(self._folder), hint=hint) from None

    def _try_to_write(self) -> None:
        trial = self._desk.new_part()
        try:
            self._disk.close(self._disk.create(trial, mode=0o600))
            self._disk.unlink(trial)
        except OSError as error:
            # A full disk is no reason not to start: landing what waits is what frees it.
            if error.errno not in _FULL:
                raise

    def _scan(self) -> None:
        for name in _names(self._aside):
            self._shelf.damaged.add(name)
        for name in _names(self._waiting):
            if not name.endswith(".spool"):
                continue
            match self._judge(name):
                case Spooled() as entry:
                    self._shelf.add(entry, reserved=False)
                case Held():
                    self._shelf.held.add(name)
                case Damaged():
                    self._set_aside(name)
                case None:
                    pass

    def _judge(self, name: str) -> Spooled | Damaged | Held | None:
        path = self._waiting / name
        try:
            with path.open("rb") as file:
                known = os.fstat(file.fileno())
                accepted_at = EPOCH + timedelta(microseconds=known.st_mtime_ns // 1_000)
                return judge(name, file, Stored(known.st_size, accepted_at), uuid=self._uuid)
        except FileNotFoundError:
            return None  # landed by another process while this one, read-only, was looking
        except OSError as error:
            if error.errno == errno.EIO:
                return Damaged()
            what, hint = meaning(error)
            raise Misconfigured(f"an accepted answer cannot be read: {what}", where=str(path), hint=hint) from None

    def _set_aside(self, name: str) -> None:
        """Count `name` as damaged, and move it out of the way if that can be done."""
        kept = name
        if not self._read_only:
            if os.path.lexists(self._aside / name):
                kept = f"{name}-{secrets.token_hex(4)}"
            with suppress(OSError):
                self._disk.rename(self._waiting / name, self._aside / kept)
                self._disk.sync_folder(self._aside)
                self._disk.sync_folder(self._waiting)
        with self._lock:
            self._shelf.drop(name)
            self._shelf.damaged.add(kept)

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise ValueError("this spool was opened to be read only")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        what, hint = meaning(error)
        raise Misconfigured(f"the spool cannot be read: {what}", where=str(folder), hint=hint) from None
