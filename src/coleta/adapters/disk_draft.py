"""Acceptance, on the local disk: one answer's file from its first byte to the rename that counts.

A draft lies in ``parts/`` for this user only. It is synced, renamed into ``waiting/``, and that folder
is synced; on any error on the way it is not accepted, and nothing of it stays.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.durable import meaning
from coleta.adapters.shelf import Shelf, Written
from coleta.collect.spool import Header, PageHead, Spooled, Trailer, closing, file_name, opening, page
from coleta.errors import SpoolRefused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a spool shares with its drafts. Whoever touches the shelf holds ``lock``."""

    folder: Path
    shelf: Shelf
    now: Callable[[], datetime]
    disk: DiskCalls
    lock: Lock = field(default_factory=Lock)

    @property
    def waiting(self) -> Path:
        """Where accepted files lie."""
        return self.folder / "waiting"

    @property
    def parts(self) -> Path:
        """Where drafts lie."""
        return self.folder / "parts"

    def new_part(self) -> Path:
        """A path for a draft that nothing else has."""
        return self.parts / f"{os.getpid()}-{secrets.token_hex(8)}.part"

    def take(self, size_bytes: int, *, gap: bool) -> None:
        """Reserve room for a draft; see ``Shelf.take``."""
        with self.lock:
            self.shelf.take(size_bytes, gap=gap, where=str(self.folder))

    def give_back(self, size_bytes: int) -> None:
        """Return a draft's room."""
        with self.lock:
            self.shelf.give_back(size_bytes)

    def shelve(self, part: Path, written: Written, trailer: Trailer, accepted_at: datetime) -> Spooled:
        """Move a whole and synced draft to where it counts.

        Where the folder's sync fails after the rename, nobody knows whether the name would survive a
        power loss. The caller is told that the answer is not accepted and asks again, so the file is
        taken away: were it left, one tick would be answered twice here.

        Raises:
            OSError: it is not accepted.

        """
        name = file_name(written.header, trailer)
        with self.lock:
            known = self.shelf.known(written.header, trailer, name)
            if known is not None:
                with suppress(OSError):
                    self.disk.unlink(part)
                self.shelf.give_back(written.size_bytes)
                return known
            if os.path.lexists(self.waiting / name):
                # Another uuid's, held here: an answer's id does not hold the uuid.
                name = f"{name.removesuffix('.spool')}-{secrets.token_hex(4)}.spool"
            self.disk.rename(part, self.waiting / name)
            try:
                self.disk.sync_folder(self.waiting)
            except OSError:
                with suppress(OSError):
                    self.disk.unlink(self.waiting / name)
                raise
            return self.shelf.add(written.summary(name, trailer, accepted_at), reserved=True)


class DiskDraft:
    """An answer on its way into a disk spool, in a file of its own; see ``Draft``. For one thread."""

    def __init__(self, desk: Desk, header: Header) -> None:
        """Make the file and write its opening; see ``Spool.draft``."""
        self._desk = desk
        self._path = desk.new_part()
        self._written = Written(header)
        self._fd: int | None = None
        self._accepted = False
        first = opening(header)
        self._take(len(first))
        try:
            self._fd = desk.disk.create(self._path, mode=0o600)
            desk.disk.write(self._fd, first)
        except OSError as error:
            raise self._refused(error) from None

    def page(self, head: PageHead, wire: bytes) -> None:
        """Add one page, its body as received; see ``Draft``."""
        fd = self._open_fd()
        try:
            self._write(fd, page(head, wire))
        except OSError as error:
            raise self._refused(error) from None
        self._written.heads.append(head)
        self._written.body_bytes += len(wire)

    def accept(self, trailer: Trailer) -> Spooled:
        """Make the answer durable; see ``Draft``.

        A sync that failed is never tried again on this file: the kernel may have dropped what it
        could not write, and would then report success.
        """
        fd = self._open_fd()
        self._written.check(trailer)
        accepted_at = self._desk.now()
        try:
            self._write(fd, [closing(trailer)])
            # A gap's time is nowhere else in the file, and must read the same after a restart.
            at_ns = (accepted_at - EPOCH) // timedelta(microseconds=1) * 1_000
            self._desk.disk.stamp(fd, at_ns=at_ns)
            self._desk.disk.sync(fd)
            self._fd = None
            self._desk.disk.close(fd)
            entry = self._desk.shelve(self._path, self._written, trailer, accepted_at)
        except OSError as error:
            raise self._refused(error) from None
        self._accepted = True
        return entry

    def discard(self) -> None:
        """Forget it; see ``Draft``."""
        if self._accepted:
            return
        if self._fd is not None:
            with suppress(OSError):
                self._desk.disk.close(self._fd)
            self._fd = None
        with suppress(OSError):
            self._desk.disk.unlink(self._path)
        self._desk.give_back(self._written.size_bytes)
        self._written.size_bytes = 0

    def _open_fd(self) -> int:
        if self._accepted:
            raise ValueError("this draft was accepted already")
        if self._fd is None:
            raise SpoolRefused("this draft was refused or discarded", where=str(self._path), hint="ask again")
        return self._fd

    def _write(self, fd: int, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._take(len(piece))
            self._desk.disk.write(fd, piece)

    def _take(self, size_bytes: int) -> None:
        try:
            self._desk.take(size_bytes, gap=self._written.header.tick is None)
        except SpoolRefused:
            self.discard()
            raise
        self._written.size_bytes += size_bytes

    def _refused(self, error: OSError) -> SpoolRefused:
        self.discard()
        what, hint = meaning(error)
        return SpoolRefused(f"the answer is not accepted: {what}", where=str(self._path), hint=hint)
