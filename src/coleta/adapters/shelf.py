"""What is known of the files in one stream's spool: the books that every spool adapter keeps. No disk.

``judge`` tells what a file is worth, ``Shelf`` holds what waits in order. Neither moves a file.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from coleta.collect.lost import Lost
from coleta.collect.spool import Header, NewerFormat, PageHead, Spooled, Stored, Trailer, summary, walk
from coleta.errors import Corrupt, SpoolRefused
from coleta.ports import SpoolContents
from coleta.terms import Terms, canonical

GAP_ALLOWANCE_BYTES = 1 << 20
"""What gaps may take beyond the quota, since a gap that is not written down is a tick forgotten.

About 5,000 gaps, or days of a tick a minute, each with its terms."""

_NOT_READ = "cannot be read: the disk reports an error"


@dataclass(frozen=True, slots=True)
class Damaged:
    """The file fails its checks; its header, if that much can be read."""

    header: Header | None = None


class Held:
    """The file is another stream's, or of a newer format: leave it untouched."""


def judge(name: str, file: BinaryIO, stored: Stored, *, uuid: str) -> Spooled | Damaged | Held:
    """What the spool file `name` is worth to the stream `uuid`. Reads all of it, a page at a time."""
    heads: list[PageHead] = []
    header: Header | None = None
    try:
        for part in walk(name, file):
            match part:
                case Header():
                    header = part
                case Trailer():
                    trailer = part
                case (head, _):
                    heads.append(head)
    except NewerFormat:
        return Held()
    except Corrupt:
        return Damaged(header)
    assert header is not None
    return summary(name, header, heads, trailer, stored) if header.uuid == uuid else Held()


def check_header(header: Header, uuid: str) -> None:
    """Refuse a header that could never be read back as this spool's own.

    Raises:
        ValueError: it is one; a caller that makes it has a bug.

    """
    if header.uuid != uuid:
        raise ValueError(f"this is the spool of {uuid}, not of {header.uuid}")
    if (header.tick is None) == (not header.gaps):
        raise ValueError("a spool file holds either the answer of one tick, or gaps")


@dataclass(slots=True)
class Written:
    """What a draft has taken so far, and so what its trailer must say."""

    header: Header
    heads: list[PageHead] = field(default_factory=list)
    body_bytes: int = 0
    size_bytes: int = 0

    def check(self, trailer: Trailer) -> None:
        """Refuse a trailer that does not count what was written.

        Raises:
            ValueError: it would make the file count as damaged; a caller that gives it has a bug.

        """
        if (trailer.pages, trailer.size_bytes) != (len(self.heads), self.body_bytes):
            raise ValueError(f"{len(self.heads)} pages of {self.body_bytes} bytes were written, not {trailer}")
        if self.header.tick is not None and not trailer.answer:
            raise ValueError("the trailer of an answer names its id")

    def summary(self, name: str, trailer: Trailer, accepted_at: datetime) -> Spooled:
        """The accepted entry, just as reading the file again would give it."""
        return summary(name, self.header, self.heads, trailer, Stored(self.size_bytes, accepted_at))


class Shelf:
    """The entries that wait, oldest tick first, and the names of those that cannot be used."""

    def __init__(self, quota_bytes: int, *, uuid: str) -> None:
        """Begin with nothing, and `quota_bytes` for what waits and is being written, of the log `uuid`."""
        self._quota_bytes = quota_bytes
        self._uuid = uuid
        self._entries: dict[str, Spooled] = {}
        self._order: list[tuple[datetime, str]] = []
        self._waiting: tuple[Spooled, ...] | None = ()
        self._terms: dict[bytes, Terms] = {}
        self._used_bytes = 0
        self._lost: dict[str, Lost] = {}
        self.damaged: set[str] = set()
        self.held: set[str] = set()
        self.unread: set[str] = set()

    @property
    def free_bytes(self) -> int:
        """What is left of the quota."""
        return max(0, self._quota_bytes - self._used_bytes)

    def take(self, size_bytes: int, *, gap: bool, where: str) -> None:
        """Reserve room for `size_bytes` more.

        Raises:
            SpoolRefused: they don't fit into the quota.

        """
        if self._used_bytes + size_bytes > self._quota_bytes + (GAP_ALLOWANCE_BYTES if gap else 0):
            raise SpoolRefused(
                f"the spool's quota of {self._quota_bytes:,} bytes is used up",
                where=where,
                hint="it goes on by itself once what waits has landed: is the store reachable?",
            )
        self._used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Return room that was reserved."""
        self._used_bytes -= size_bytes

    def get(self, name: str) -> Spooled | None:
        """The waiting entry of that name."""
        return self._entries.get(name)

    def known(self, header: Header, trailer: Trailer, name: str) -> Spooled | None:
        """The entry under `name`, if it is this very answer, or these very gaps."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        same = entry.header == header if header.tick is None else entry.trailer.answer == trailer.answer
        return entry if same else None

    def add(self, entry: Spooled, *, reserved: bool) -> Spooled:
        """Put `entry` in its place; `reserved` says that its room was taken before."""
        if not reserved:
            self._used_bytes += entry.size_bytes
        entry = replace(entry, header=self._shared(entry.header))
        self._entries[entry.name] = entry
        insort(self._order, _place(entry))
        self._waiting = None
        return entry

    def drop(self, name: str) -> None:
        """Forget the entry of that name, if there is one."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        del self._order[bisect_left(self._order, _place(entry))]
        self._used_bytes -= entry.size_bytes
        self._waiting = None

    def set_aside(self, name: str, header: Header | None, *, kept: str | None = None) -> None:
        """Count the file `name` as damaged from now on, under the name `kept` if it has another there."""
        entry, kept = self._entries.get(name), kept or name
        # What was read before it was damaged is still right.
        header = header if entry is None else entry.header
        self.drop(name)
        self.damaged.add(kept)
        if header is None or header.uuid == self._uuid:
            self._lost[kept] = Lost(kept, None if header is None else self._shared(header))

    def _shared(self, header: Header) -> Header:
        # One terms value for all that share it: 100,000 copies would take hundreds of megabytes.
        # By their JSON, since values that Python calls equal, 1 and true, may be different terms.
        return replace(header, terms=self._terms.setdefault(canonical(header.terms), header.terms))

    def contents(self, free_bytes: int) -> SpoolContents:
        """All of it, with what the disk leaves."""
        if self._waiting is None:
            self._waiting = tuple(self._entries[name] for _, name in self._order)
        return SpoolContents(
            waiting=self._waiting,
            damaged=tuple(sorted(self.damaged)),
            held=tuple(sorted(self.held)),
            unread=tuple(sorted(self.unread)),
            lost=(*self._lost.values(), *(Lost(name, None, _NOT_READ) for name in sorted(self.unread))),
            free_bytes=min(self.free_bytes, free_bytes),
        )


def _place(entry: Spooled) -> tuple[datetime, str]:
    return min(tick.end for tick in entry.intervals), entry.name
