"""The adapters in memory: the same contracts as on disk, for tests, trials and simulations. One thread.

What would survive a crash lies in plain dictionaries, which may be handed to the next instance.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import BinaryIO
from zlib import crc32

from coleta.adapters.file_store import check_body, check_name
from coleta.adapters.shelf import Damaged, Held, Shelf, Written, check_header, judge
from coleta.collect.lost import header_in
from coleta.collect.spool import (
    Header,
    PageHead,
    Spooled,
    SpoolFile,
    Stored,
    Trailer,
    closing,
    file_name,
    opening,
    page,
)
from coleta.errors import ColetaError, Corrupt, SpoolRefused, StoreUnavailable
from coleta.land.commit import Committed, Head
from coleta.land.record import SHORT_ID
from coleta.ports import Created, Exists, SpoolContents

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = START) -> None:
        """Begin at `start`."""
        self._now = start

    def now(self) -> datetime:
        """The instant that was set last."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on by `by`, or back where that is negative."""
        self._now += by

    def set(self, instant: datetime) -> None:
        """Stand at `instant`."""
        self._now = instant


class SeededIds:
    """Names and chance that a seed repeats."""

    def __init__(self, seed: int = 0) -> None:
        """Begin the sequence of `seed`."""
        self._random = random.Random(seed)

    def uuid(self) -> str:
        """A UUID of the sequence."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def nonce(self) -> str:
        """128 bits of the sequence in hex."""
        return f"{self._random.getrandbits(128):032x}"

    def chance(self) -> float:
        """A number of the sequence in [0, 1)."""
        return self._random.random()


class MemoryStore:
    """An object store in a dictionary; ``objects`` may be shared, looked at, and damaged."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        """Begin with `objects`, or with none."""
        self.objects = {} if objects is None else objects

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """Store `body` under `name` unless something is there."""
        check_name(name)
        check_body(name, body, sha256)
        if name in self.objects:
            return Exists()
        self.objects[name] = bytes(body)
        return Created()

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """The bytes under `name`, or only its `last` ones."""
        check_name(name)
        body = self.objects.get(name)
        return body if body is None or last is None else body[max(0, len(body) - last) :]

    def size(self, name: str) -> int | None:
        """How many bytes lie under `name`."""
        check_name(name)
        body = self.objects.get(name)
        return None if body is None else len(body)

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, in order."""
        return iter(sorted(name for name in self.objects if name.startswith(prefix)))


class MemoryHousekeeping:
    """Takes objects out of the dictionary of a ``MemoryStore``."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        """Work on `objects`."""
        self._objects = objects

    def delete(self, name: str) -> None:
        """Remove what lies under `name`."""
        check_name(name)
        self._objects.pop(name, None)

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of what lies under `name`."""
        check_name(name)
        self._objects[name] = body


class MemorySpool:
    """A spool in a dictionary; ``files`` are accepted spool files' bytes, and outlive an instance."""

    def __init__(
        self,
        *,
        uuid: str,
        now: Callable[[], datetime],
        quota_bytes: int = 1 << 30,
        files: dict[str, tuple[datetime, bytes]] | None = None,
        aside: dict[str, bytes] | None = None,
    ) -> None:
        """Read and check `files`, by name the instant of acceptance and the bytes; `aside` are known to be damaged."""
        self.files = {} if files is None else files
        self._uuid = uuid
        self._now = now
        self._shelf = Shelf(quota_bytes, uuid=uuid)
        for name, (accepted_at, body) in self.files.items():
            match judge(name, BytesIO(body), Stored(len(body), accepted_at), uuid=uuid):
                case Spooled() as entry:
                    self._shelf.add(entry, reserved=False)
                case Held():
                    self._shelf.held.add(name)
                case Damaged(header):
                    self._shelf.set_aside(name, header)
        for name, body in (aside or {}).items():
            self._shelf.set_aside(name, header_in(name, BytesIO(body)))

    def draft(self, header: Header) -> MemoryDraft:
        """Begin to accept an answer or a gap."""
        check_header(header, self._uuid)
        return MemoryDraft(self, self._shelf, header)

    def contents(self) -> SpoolContents:
        """What lies here now."""
        return self._shelf.contents(self._shelf.free_bytes)

    def read(self, entry: Spooled) -> SpoolFile:
        """The spool file of `entry`."""

        def refuse(error: Corrupt | OSError) -> ColetaError:
            self._shelf.set_aside(entry.name, entry.header)
            return error if isinstance(error, Corrupt) else Corrupt(str(error), where=entry.name)

        return SpoolFile(entry.name, lambda: BytesIO(self.files.get(entry.name, (None, b""))[1]), refuse)

    def release(self, entries: Sequence[Spooled]) -> None:
        """Forget `entries`."""
        for entry in entries:
            self.files.pop(entry.name, None)
            self._shelf.drop(entry.name)

    def shelve(self, written: Written, trailer: Trailer, body: bytes) -> Spooled:
        """Accept a whole draft."""
        name = file_name(written.header, trailer)
        known = self._shelf.known(written.header, trailer, name)
        if known is not None:
            self._shelf.give_back(written.size_bytes)
            return known
        if name in self.files:
            name = f"{name.removesuffix('.spool')}-{len(self.files)}.spool"
        accepted_at = self._now()
        self.files[name] = (accepted_at, body)
        return self._shelf.add(written.summary(name, trailer, accepted_at), reserved=True)


class MemoryAside:
    """What was set aside of a ``MemorySpool``, by name the bytes; ``files`` are those that wait."""

    def __init__(self, aside: dict[str, bytes], files: dict[str, tuple[datetime, bytes]]) -> None:
        """Work on both."""
        self._aside = aside
        self._files = files

    def names(self) -> Sequence[str]:
        """See ``Aside``."""
        return sorted(self._aside)

    def read(self, name: str) -> bytes | None:
        """See ``Aside``."""
        return self._aside.get(name)

    def give_back(self, name: str, to: str) -> bool:
        """See ``Aside``."""
        if to in self._files:
            return False
        self._files[to] = (START, self._aside.pop(name))
        return True


class MemoryDraft:
    """An answer on its way into a ``MemorySpool``."""

    def __init__(self, spool: MemorySpool, shelf: Shelf, header: Header) -> None:
        """Begin with the file's opening."""
        self._spool = spool
        self._shelf = shelf
        self._written = Written(header)
        self._pieces: list[bytes] = []
        self._state = "open"
        self._add(opening(header))

    def page(self, head: PageHead, wire: bytes) -> None:
        """Add one page, its body as received."""
        self._require_open()
        for piece in page(head, wire):
            self._add(piece)
        self._written.heads.append(head)
        self._written.body_bytes += len(wire)

    def accept(self, trailer: Trailer) -> Spooled:
        """Make the answer one of the spool's files."""
        self._require_open()
        self._written.check(trailer)
        self._add(closing(trailer))
        entry = self._spool.shelve(self._written, trailer, b"".join(self._pieces))
        self._state = "accepted"
        return entry

    def discard(self) -> None:
        """Forget it."""
        if self._state == "open":
            self._shelf.give_back(self._written.size_bytes)
            self._state = "discarded"

    def _add(self, piece: bytes) -> None:
        try:
            self._shelf.take(len(piece), gap=self._written.header.tick is None, where="memory")
        except SpoolRefused:
            self.discard()
            raise
        self._written.size_bytes += len(piece)
        self._pieces.append(piece)

    def _require_open(self) -> None:
        if self._state == "accepted":
            raise ValueError("this draft was accepted already")
        if self._state == "discarded":
            raise SpoolRefused("this draft was refused or discarded", hint="ask again")


class MemoryNotes:
    """Notes in a dictionary, which may be handed to the next instance."""

    def __init__(self, notes: dict[str, bytes] | None = None) -> None:
        """Begin with `notes`, or with none."""
        self.notes = {} if notes is None else notes

    def recall(self, name: str) -> bytes | None:
        """What was last remembered under `name`, or None."""
        return self.notes.get(name)

    def remember(self, name: str, body: bytes) -> None:
        """Remember `body` under `name`."""
        self.notes[name] = body


class MemoryIndex:
    """An index in plain values."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        self._head: Head | None = None
        self._commits: dict[int, Committed] = {}

    def head(self) -> Head | None:
        """The newest state entered, or None."""
        return self._head

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        """Remember `committed`, which led to `head`, and those `before` it; without a `head`, older ones."""
        if head is None:
            if before and min(self._commits, default=0) == before[-1].record.seq + 1:
                self._commits |= {one.record.seq: one for one in before}
            return
        if committed is not None and committed.record.seq != head.seq:
            raise ValueError(f"commit {committed.record.seq} does not lead to head {head.seq}")
        # A head that goes back takes with it what came after: what is remembered is of one piece.
        for seq in [seq for seq in self._commits if seq > head.seq]:
            del self._commits[seq]
        self._head = head
        for one in (*before, *((committed,) if committed is not None else ())):
            self._commits[one.record.seq] = one

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        """Which of `answer_ids` committed records name."""
        named = {account.answer for one in self._commits.values() for account in one.record.accounts}
        ids = {answer for answer in named if answer is not None}
        return frozenset(answer_ids) & (ids | {answer[:SHORT_ID] for answer in ids})

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        """The commits entered, oldest first; or only the `newest` so many, or those that name certain files."""
        found = [self._commits[seq] for seq in sorted(self._commits)]
        if naming is not None:
            found = [one for one in found if not set(naming).isdisjoint(one.record.named_files())]
        return iter(found if newest is None else found[max(0, len(found) - newest) :])


class MemoryCell:
    """One small object in memory; instances share it by its list."""

    def __init__(self, held: list[bytes] | None = None) -> None:
        """Share `held`, or begin empty."""
        self.held = [] if held is None else held
        self.down = False

    def read(self) -> tuple[bytes, str] | None:
        """See ``Cell``."""
        self._meet()
        return (self.held[0], str(crc32(self.held[0]))) if self.held else None

    def replace(self, body: bytes, tag: str | None) -> bool:
        """See ``Cell``."""
        found = self.read()
        if (None if found is None else found[1]) != tag:
            return False
        self.held[:] = [body]
        return True

    def _meet(self) -> None:
        if self.down:
            raise StoreUnavailable("the store is down")


class MemoryScratch:
    """Files in memory."""

    def file(self) -> BinaryIO:
        """An empty seekable file that vanishes when closed."""
        return BytesIO()
