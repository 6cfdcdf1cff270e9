"""Stage 2, after the fact: what a log has come to after so many commits, kept in a file of its own. Pure.

Derived from the log, and never needed by it: a new machine begins with the newest kept head, and reads only what came
after, where else it would read and check every record of years. docs/reference/layout.md specifies the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import msgspec

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity
from coleta.land.record import NEWEST_FORMAT, folder_date
from coleta.land.sealed import seal, unseal
from coleta.land.tally import Tally, Totals
from coleta.terms import canonical

FORMAT = 1
FOLDER = "_ledger/head/"

NONE_YET = Totals({})

MOST_BYTES = 8 << 20
"""No file is larger, packed: some 400,000 separate gaps. A machine that starts there reads the roll-ups."""


@dataclass(frozen=True, slots=True)
class Day:
    """One folder of data objects: the first and the last commit that lie there, how many have rows, how many rows.

    Commits of other dates may lie between those two. Rows count as they were committed, retired or not.
    """

    first: int
    last: int
    objects: int = 0
    rows: int = 0

    def after(self, committed: Committed) -> Day:
        """The same, with one commit more."""
        record = committed.record
        return Day(self.first, record.seq, self.objects + (record.rows > 0), self.rows + record.rows)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the log has come to after commit ``head.seq``, which lies at ``name``.

    ``records`` is the newest format of a record so far: whoever does not know it must not go on from here.
    ``terms`` are those of objects with rows, in the order of the log. ``days`` has the folders by their dates.
    ``totals`` are over all accounts, so gaps that have been answered since are counted, too.
    """

    head: Head
    name: str
    records: int = 1
    terms: tuple[str, ...] = ()
    days: dict[str, Day] = field(default_factory=dict)
    totals: Totals = NONE_YET
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """How many rows have been committed."""
        return sum(day.rows for day in self.days.values())

    def fits(self, identity: Identity, committed: Committed) -> bool:
        """Whether it is of the log `identity`, and stands just after the commit that lies in the store."""
        head, record = self.head, committed.record
        mine = (head.uuid, head.first_tick, head.seq, head.digest, head.next, self.name)
        return mine == (identity.uuid, identity.first_tick, record.seq, committed.digest, record.next, committed.name)


class Keeping:
    """Follows a log commit by commit, to keep what it comes to."""

    def __init__(self, identity: Identity, kept: Kept | None = None) -> None:
        """Begin after what is `kept`, or before commit 1."""
        self.head = Head.genesis(identity) if kept is None else kept.head
        self._name = "" if kept is None else kept.name
        self._records = 1 if kept is None else kept.records
        self._terms = dict.fromkeys(() if kept is None else kept.terms)
        self._days = {} if kept is None else dict(kept.days)
        self._tally = Tally(None if kept is None else kept.totals)

    def add(self, committed: Committed, *, head: Head | None = None) -> None:
        """Take the next commit; whoever has followed it already gives the `head` after it.

        Raises:
            Corrupt: it cannot be the next, or breaks a law.

        """
        self.head = self.head.after(committed) if head is None else head
        record, day = committed.record, folder_date(committed.name).isoformat()
        self._name, self._records = committed.name, max(self._records, record.format)
        self._days[day] = self._days.get(day, Day(record.seq, record.seq)).after(committed)
        self._tally.commit(record)
        if record.rows:
            self._terms[record.terms] = None

    def kept(self) -> Kept:
        """What the log has come to so far."""
        return Kept(self.head, self._name, self._records, tuple(self._terms), dict(self._days), self._tally.totals())


def first_of(kept: Kept, days: Iterable[date]) -> int:
    """The first commit that lies in the folder of one of `days`; the one after ``head`` where there is none."""
    found = (kept.days[day.isoformat()].first for day in days if day.isoformat() in kept.days)
    return min(found, default=kept.head.seq + 1)


def kept_name(seq: int) -> str:
    """Where the head after commit `seq` is kept, below the stream's path."""
    return f"{FOLDER}{seq:09d}.json.zst"


def seq_of(name: str) -> int | None:
    """After which commit the head called `name` is; None where that is no such name."""
    number = name.removeprefix(FOLDER).removesuffix(".json.zst")
    return int(number) if number.isascii() and number.isdigit() and kept_name(int(number)) == name else None


def encode_kept(kept: Kept) -> bytes:
    """The file of a kept head."""
    return seal(canonical(kept))


def decode_kept(name: str, stored: bytes) -> Kept:
    """The head in the file `name`. That it is of some log, and right, is for the reader to check.

    Raises:
        NewerFormat: a newer version wrote it, or the log has records that this version does not know.
        Corrupt: it is damaged, or is no kept head.

    """
    text = unseal(name, stored)
    try:
        said = msgspec.json.decode(text, type=dict[str, object])
        for what, newest in (("format", FORMAT), ("records", NEWEST_FORMAT)):
            version = said.get(what)
            if type(version) is int and version > newest:
                raise NewerFormat(f"its {what} is {version}; this version of Coleta reads up to {newest}", where=name)
        found = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Corrupt(f"it cannot be read: {error}", where=name) from None
    if kept_name(found.head.seq) != name:
        raise Corrupt(f"it is the head after commit {found.head.seq}", where=name)
    return found


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(Kept)
