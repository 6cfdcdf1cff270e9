"""Stage 2, step 4: the record, the account of one commit, as it stands in its object's footer. Pure.

docs/reference/data-object-and-record.md is its specification. One create-only put lands rows,
outcomes, carried state and this account together, so no state stands beside the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import msgspec

from coleta.collect.carry import Carried
from coleta.collect.spool import NewerFormat
from coleta.collect.tick import Interval
from coleta.errors import Corrupt
from coleta.terms import canonical

FORMAT = 1
MOVED_FORMAT = 2
"""Of records of the kind ``moved``, which older versions must not read over: what they would add has no future."""
NEWEST_FORMAT = MOVED_FORMAT
FOOTER_KEY = "coleta.record"
SHORT_ID = 16
"""How many characters of an answer's id stand in the names of its copies."""

Kind = Literal["batch", "turn", "redrive", "expired", "moved"]


class Outcome(StrEnum):
    """What became of a tick."""

    OK = "ok"
    EMPTY = "empty"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Account:
    """One answer, or one gap, in a record: what was asked, what came, what became of it.

    ``tick`` is what was asked for, ``settles`` the intervals that this commit settles by it: the tick
    itself as a rule, less where another answer covered a part of it first, none for an on-demand tick.
    ``answer`` and ``response`` are the answer's id and response digest, None for a gap.
    """

    tick: Interval
    settles: tuple[Interval, ...]
    outcome: Outcome
    reason: str | None = None
    detail: str | None = None
    answer: str | None = None
    response: str | None = None
    carried: Carried | None = None
    attempts: int = 0
    pages: int = 0
    scheduled: datetime | None = None
    asked_at: datetime | None = None
    received_at: datetime | None = None
    tls_verified: bool = True
    received: int = 0
    landed: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    nulled: int = 0
    drift: dict[str, int] | None = None

    @property
    def balances(self) -> bool:
        """The law of records: received = landed + quarantined + deduplicated."""
        return self.received == self.landed + self.quarantined + self.deduplicated


@dataclass(frozen=True, slots=True)
class QuarantineFile:
    """A quarantine object: records of one answer, one a line, or one page of an answer that is no data.

    ``page`` is that page's number in its answer, None for records: by it the answer can be put together again.
    """

    path: str
    sha256: str
    answer: str
    holds: Literal["records", "page"]
    count: int
    reasons: dict[str, int]
    page: int | None = None


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A copy of an accepted answer's spool file in the store."""

    path: str
    sha256: str
    answer: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A lander's plea that others hold their puts for a while; safety never rests on it."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream's log lies: the URL of a store, and a path in it."""

    store: str
    path: str

    def __str__(self) -> str:
        """One text, for people."""
        return f"{self.store.removesuffix('/')}/{self.path}"


@dataclass(frozen=True, slots=True)
class Author:
    """Who composes: what a record says of its maker. The nonce is new for each composition."""

    owner: str
    tool: str
    nonce: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """The account of commit ``seq`` of the log ``uuid``.

    ``prev`` is the sha256 of the record before it, ``next`` the one name at which the next commit
    can happen. ``redrives`` are the quarantine files that a redrive or expired record settles.
    """

    uuid: str
    project: str
    stream: str
    seq: int
    prev: str | None
    next: str
    kind: Kind
    terms: str
    created: datetime
    owner: str
    tool: str
    nonce: str
    accounts: tuple[Account, ...] = ()
    quarantine: tuple[QuarantineFile, ...] = ()
    archive: tuple[ArchiveFile, ...] = ()
    redrives: tuple[str, ...] = ()
    schedule: dict[str, object] | None = None
    rows: int = 0
    content: str | None = None
    wait: Wait | None = None
    moved_to: Place | msgspec.UnsetType = msgspec.UNSET
    """Where the log goes on, in a ``moved`` record; in no other is there such a field."""
    format: int = FORMAT

    def named_files(self) -> Iterator[str]:
        """The path of each file that it names: of what did not fit, of copies, and of what it takes up or gives up."""
        yield from (file.path for file in self.quarantine)
        yield from (file.path for file in self.archive)
        yield from self.redrives

    @property
    def goes_on(self) -> Place | None:
        """Where the log goes on, if it ends with this record."""
        return None if self.moved_to is msgspec.UNSET else self.moved_to


def encode_record(record: Record) -> bytes:
    """The bytes that stand in the footer; the next record's ``prev`` is their sha256."""
    return canonical(record)


def decode_record(name: str, stored: bytes) -> Record:
    """The record in the footer of object `name`.

    Raises:
        NewerFormat: a newer version wrote it.
        Corrupt: it is no record.

    """
    try:
        version = msgspec.json.decode(stored, type=dict[str, object]).get("format")
        if type(version) is not int or version < 1:
            raise Corrupt(f"its record has no format that could be: {version!r}", where=name)
        if version > NEWEST_FORMAT:
            raise NewerFormat(
                f"its record has format {version}; this version of Coleta reads up to {NEWEST_FORMAT}",
                where=name,
                hint="upgrade Coleta; nothing is landed until then",
            )
        return _DECODER.decode(stored)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Corrupt(f"its footer holds no record: {error}", where=name) from None


def record_digest(stored: bytes) -> str:
    """The digest by which the next record names this one."""
    return hashlib.sha256(stored).hexdigest()


def object_name(day: date, seq: int) -> str:
    """Where commit `seq` lies, below the stream's path, if its ticks are of `day`."""
    return f"data/tick_date={day.isoformat()}/{seq:09d}.parquet"


def folder_date(name: str) -> date:
    """The date of the folder that object `name` lies in.

    Raises:
        Corrupt: it is no name of a data object.

    """
    folder = name.split("/")[1] if name.count("/") == 2 else ""
    try:
        return date.fromisoformat(folder.removeprefix("tick_date="))
    except ValueError:
        raise Corrupt("not the name of a data object", where=name) from None


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(Record)
