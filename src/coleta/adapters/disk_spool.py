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
from coleta.collect.lost import Unreadable, header_in
from coleta.collect.spool import Header, Spooled, SpoolFile, Stored
from coleta.errors import ColetaError, Corrupt, Misconfigured, SpoolRefused
from coleta.ports import SpoolContents

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READS = 3
"""How often a file is read in a row where the disk reports an error: often the next time is well."""

_LOOK_AGAIN = timedelta(seconds=30)
"""How soon a file that the disk does not give is looked at again."""

_UNUSABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}


class _Unread:
    """The disk does not give the file now."""


class DiskSpool:
    """The spool in `folder` of the stream `uuid`. Safe to use from several threads.

    A file that the disk does not give is no damage: it stays where it is, and is read again.
    """

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
        self._shelf = Shelf(quota_bytes, uuid=uuid)
        self._desk = Desk(folder, self._shelf, now, disk)
        self._waiting, self._parts, self._lock = self._desk.waiting, self._desk.parts, self._desk.lock
        self._now = now
        self._looked_at = now()
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
            self._look_again()
            return self._shelf.contents(free_bytes)

    def read(self, entry: Spooled) -> SpoolFile:
        """The spool file of `entry`; see ``Spool``. One that is gone counts as damaged."""
        path = self._waiting / entry.name

        def refuse(error: Corrupt | OSError) -> ColetaError:
            if isinstance(error, OSError) and error.errno != errno.ENOENT:
                what, hint = meaning(error)
                return Unreadable(f"it cannot be read: {what}", entry=entry.name, where=str(path), hint=hint)
            with self._lock:
                self._set_aside(entry.name, entry.header)
            if isinstance(error, Corrupt):
                return Corrupt(error.what, where=str(path), hint=error.hint)
            return Corrupt("an accepted answer is gone", where=str(path), hint="who removes files from the spool?")

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
            self._shelf.set_aside(name, self._header(name))
        for name in _names(self._waiting):
            if name.endswith(".spool"):
                self._look_at(name)

    def _look_again(self) -> None:
        """Read what the disk did not give, if that was a while ago."""
        now = self._now()
        # The second condition holds after a clock was set back.
        if not self._shelf.unread or self._looked_at <= now < self._looked_at + _LOOK_AGAIN:
            return
        self._looked_at = now
        for name in sorted(self._shelf.unread):
            with suppress(Misconfigured):  # it goes on being one that cannot be read
                self._look_at(name)

    def _look_at(self, name: str) -> None:
        verdict = self._judge(name)
        self._shelf.unread.discard(name)
        match verdict:
            case Spooled() as entry:
                self._shelf.add(entry, reserved=False)
            case Held():
                self._shelf.held.add(name)
            case Damaged(header):
                self._set_aside(name, header)
            case _Unread():
                self._shelf.unread.add(name)
            case None:
                pass

    def _judge(self, name: str) -> Spooled | Damaged | Held | _Unread | None:
        path = self._waiting / name
        for _ in range(_READS):
            try:
                with path.open("rb") as file:
                    known = os.fstat(file.fileno())
                    accepted_at = EPOCH + timedelta(microseconds=known.st_mtime_ns // 1_000)
                    return judge(name, file, Stored(known.st_size, accepted_at), uuid=self._uuid)
            except FileNotFoundError:
                return None  # landed by another process while this one, read-only, was looking
            except OSError as error:
                if error.errno == errno.EIO:
                    continue
                what, hint = meaning(error)
                raise Misconfigured(f"an accepted answer cannot be read: {what}", where=str(path), hint=hint) from None
        return _Unread()

    def _header(self, name: str) -> Header | None:
        try:
            with (self._aside / name).open("rb") as file:
                return header_in(name, file)
        except OSError:
            return None

    def _set_aside(self, name: str, header: Header | None) -> None:
        """Count `name` as damaged, and move it out of the way if that can be done."""
        kept = name
        if not self._read_only:
            if os.path.lexists(self._aside / name):
                kept = f"{name}-{secrets.token_hex(4)}"
            with suppress(OSError):
                self._disk.rename(self._waiting / name, self._aside / kept)
                self._disk.sync_folder(self._aside)
                self._disk.sync_folder(self._waiting)
        self._shelf.set_aside(name, header, kept=kept)

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
