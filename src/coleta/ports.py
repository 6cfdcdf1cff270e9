"""The outside world as the runtime sees it: one Protocol per outside thing, written by its caller.

Each docstring is the contract; tests/conformance is the same contract in code, and every adapter,
the shipped in-memory ones first, passes it. The landing path cannot delete or overwrite an object,
because the port that it holds has no such method.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import BinaryIO, Protocol

from coleta.audit.alerts import Notice
from coleta.collect.lost import Lost
from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.spool import Header, PageHead, Spooled, SpoolFile, Trailer
from coleta.land.commit import Committed, Head
from coleta.table_ports import OpenTable as OpenTable
from coleta.table_ports import Table as Table


class Clock(Protocol):
    """The wall clock."""

    def now(self) -> datetime:
        """The present instant in UTC, to the microsecond."""


class Ids(Protocol):
    """Where what must be new, or left to chance, comes from."""

    def uuid(self) -> str:
        """A new random UUID in its usual form."""

    def nonce(self) -> str:
        """128 new random bits in hex."""

    def chance(self) -> float:
        """A random number in [0, 1)."""


class Transport(Protocol):
    """One HTTP exchange, without redirects, retries or content decoding behind our back."""

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """Send `request` and read its whole response within `timeout` in all.

        A ``Response`` is complete: its framing says so and its content coding reached its end.
        At most `max_bytes` of body, decoded, are taken. Whatever the network or the other side
        does wrong is a ``Failed``, never an exception.
        """


class Draft(Protocol):
    """An answer on its way into the spool. Until ``accept`` returns it does not exist."""

    def page(self, head: PageHead, wire: bytes) -> None:
        """Add one page, its body as received.

        Raises:
            SpoolRefused: the disk did not take it, or the quota is used up; discard the draft.

        """

    def accept(self, trailer: Trailer) -> Spooled:
        """Make the answer durable: on return it survives kill -9 and power loss.

        Raises:
            SpoolRefused: it is not accepted, and never will be: discard the draft, ask again.

        """

    def discard(self) -> None:
        """Forget it; nothing of it stays. May be called twice, and after ``accept`` does nothing."""


@dataclass(frozen=True, slots=True)
class SpoolContents:
    """What lies in a stream's spool: what waits (oldest tick first), and what cannot be used.

    ``damaged`` and ``held`` are names: files that fail their checks, and files that belong to
    another stream's uuid or to a newer format, which are left untouched. ``unread`` are names, too: the disk does
    not give these files now, and they are looked at again. ``lost`` is what is known of the damaged and the unread.
    """

    waiting: tuple[Spooled, ...] = ()
    damaged: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    free_bytes: int = 0


class Spool(Protocol):
    """One stream's accepted answers and gaps, until they are landed."""

    def draft(self, header: Header) -> Draft:
        """Begin to accept an answer or a gap.

        Raises:
            SpoolRefused: the disk does not take it, or the quota is used up.

        """

    def contents(self) -> SpoolContents:
        """What lies here now."""

    def read(self, entry: Spooled) -> SpoolFile:
        """The spool file of `entry`, to be read a page at a time, or whole.

        Its methods raise ``Corrupt`` where it fails its checks, and it counts as damaged from there on; and
        ``Unreadable`` where the disk does not give it now: it goes on waiting.
        """

    def release(self, entries: Sequence[Spooled]) -> None:
        """Forget `entries`, which are settled elsewhere; one that is gone already is no error."""


class Aside(Protocol):
    """The spool files that were set aside as damaged. Only a repair looks at them again."""

    def names(self) -> Sequence[str]:
        """What lies there."""

    def read(self, name: str) -> bytes | None:
        """The bytes of `name`; None where they cannot be read."""

    def give_back(self, name: str, to: str) -> bool:
        """Let `name` wait again as `to`, durably, for the next process that opens the spool; not over another file.

        Whether it was done.

        Raises:
            SpoolRefused: the disk did not take it, and it lies where it was.

        """


class Scratch(Protocol):
    """Where a data object grows until it is put."""

    def file(self) -> BinaryIO:
        """An empty seekable file, in memory while small, that vanishes when closed."""


class Created:
    """The object is stored, whole and durable, and was not there before."""


class Exists:
    """Something lies under that name, and it was not touched."""


class ObjectStore(Protocol):
    """A place for objects that says honestly whether a create won. Names are relative, with ``/``."""

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """Store `body`, whose digest is `sha256` in hex, under `name` unless something is there.

        Raises:
            Doubtful: it may or may not have been stored, now or later; ``read`` and decide.
            StoreUnavailable: it was not stored, and will not be by this call.

        """

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """The bytes under `name`, or only its `last` ones; None where nothing is.

        Raises:
            StoreUnavailable: it could not be told.

        """

    def size(self, name: str) -> int | None:
        """How many bytes lie under `name`; None where nothing is.

        Raises:
            StoreUnavailable: it could not be told.

        """

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins with `prefix`, in order. A hint only: names decide.

        Raises:
            StoreUnavailable: the listing could not be completed.

        """


class Housekeeping(Protocol):
    """Takes objects away, or empties them. Nobody on the landing path holds it, only ``discard`` and upkeep."""

    def delete(self, name: str) -> None:
        """Remove what lies under `name`; that nothing does is no error.

        Raises:
            StoreUnavailable: it may or may not be gone; nothing rests on it, so call again.

        """

    def replace(self, name: str, body: bytes) -> None:
        """Put `body` in the place of what lies under `name`: whoever reads it sees the one or the other, whole.

        Raises:
            StoreUnavailable: it may or may not be done, now or later; call again, with the same body.

        """


class Cell(Protocol):
    """One small object that may be replaced, by whoever has read what is there. No promise rests on it."""

    def read(self) -> tuple[bytes, str] | None:
        """What lies there, and a tag that names just this; None where nothing does.

        Raises:
            StoreUnavailable: it could not be told.

        """

    def replace(self, body: bytes, tag: str | None) -> bool:
        """Put `body` in the place of what `tag` names, or where nothing is (None); whether that was still there.

        Raises:
            Doubtful: it may or may not have been done, now or later.
            StoreUnavailable: it was not done.

        """


class Index(Protocol):
    """What this machine remembers of one stream's log. Derived: it may be lost at any time.

    It may lack the oldest commits, and none between two that it has.
    """

    def head(self) -> Head | None:
        """The newest state entered, or None where nothing is remembered."""

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        """Remember `committed`, the object that led to `head`; None for the head of an empty log.

        `before` are commits that came before it and were not entered yet, oldest first. Without a `head` they are
        older than all that is remembered, which is left as it is; where they do not lead up to it, nothing happens.
        Atomic: either all of it is remembered or nothing.
        """

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        """Which of `answer_ids` committed records name; an id may be given by its first 16 characters.

        `days` are the dates of their ticks, where those are known: whoever has to look further looks there only.
        """

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        """The commits entered, oldest first; or only the `newest` so many, oldest of them first.

        With `naming` only those that name one of these files: in their quarantine, archive or redrives.
        """


class Alerts(Protocol):
    """A way to reach a person."""

    def send(self, notice: Notice, *, timeout: timedelta) -> str | None:
        """Pass `notice` on within `timeout`; None, or why it could not be. Raises nothing."""

    def close(self) -> None:
        """End what is under way, from any thread; what is sent after that is sent all the same."""


class Keepsakes(Protocol):
    """Secrets that were given to us in place of older ones, which are void since. Shared by a project's processes."""

    def alone(self, name: str, *, timeout: timedelta) -> AbstractContextManager[None]:
        """Hold what is kept under `name` for oneself, until the end of the ``with`` block.

        Raises:
            Busy: another held it for all of `timeout`.
            SpoolRefused: there is no place for it.

        """

    def recall(self, name: str) -> bytes | None:
        """What was last kept under `name`, or None.

        Raises:
            SpoolRefused: it is there and cannot be read.

        """

    def remember(self, name: str, body: bytes) -> None:
        """Keep `body` under `name`, durably and for this user alone, in place of what was there.

        Raises:
            SpoolRefused: the disk did not take it; what was there still is.

        """


class Notes(Protocol):
    """A few small things remembered beside a stream's spool, for one store."""

    def recall(self, name: str) -> bytes | None:
        """What was last remembered under `name`, or None."""

    def remember(self, name: str, body: bytes) -> None:
        """Remember `body` under `name`, durably, in place of what was there.

        Raises:
            SpoolRefused: the disk did not take it; what was there still is.

        """
