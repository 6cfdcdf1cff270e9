"""After landing, long after: which files of a registered table are worth writing anew as one. Pure.

Only those of closed dates, and only our own: data objects, and what was made of them before. What the log needs stays
where it is; a table merely stops reading it. That a date is closed is a matter of work saved, never of being right:
what comes later is one more file, and is taken up once there is enough of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from coleta.land.watermark import TableState

FOLDER = "compacted/"
"""Where files lie that were made of others: outside ``data/``, so that who reads that folder sees no row twice."""

DATA_FOLDER = "data/"

TARGET_BYTES = 128_000_000
"""How large a file is to become: what engines like to read, and few enough at a gigabyte a day."""

FULL = 0.75
"""The share of the target from which on a file is large enough to be left alone."""

MANY = 8
"""So many files are always worth writing as one, however unequal they are."""

MARGIN = timedelta(hours=1)
"""How long after all that may still come in time a date counts as closed: landing may have had to try again."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that a table reads: ``date`` is its partition, None where it has none; ``rows`` None: it does not say."""

    path: str
    size_bytes: int
    date: str | None
    rows: int | None
    modified_ms: int = 0
    """When it came to be, by the clock of whoever wrote it."""

    @property
    def is_compacted(self) -> bool:
        """Whether it was made of others by us."""
        return self.path.startswith(FOLDER)

    @property
    def is_ours(self) -> bool:
        """Whether we have written it, and know what is in it."""
        return self.is_compacted or self.path.startswith(DATA_FOLDER)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table is made of, at one version of it.

    ``generation`` counts how often we have replaced files of it. ``history`` is for how long its older versions are to
    stay readable. ``obstacle`` is why none of its files may be replaced, as a clause; None where they may be.
    """

    state: TableState
    generation: int
    files: tuple[TableFile, ...]
    history: timedelta
    obstacle: str | None = None

    @property
    def paths(self) -> frozenset[str]:
        """The names of its files."""
        return frozenset(file.path for file in self.files)


@dataclass(frozen=True, slots=True)
class Merging:
    """Files of one date that are to become one, in the order in which their rows shall stand."""

    date: str
    files: tuple[TableFile, ...]

    @property
    def rows(self) -> int:
        """How many rows they have together."""
        return sum(file.rows or 0 for file in self.files)

    @property
    def size_bytes(self) -> int:
        """How large they are together."""
        return sum(file.size_bytes for file in self.files)


def open_from(now: datetime, *, late: timedelta) -> date:
    """The first date that is not closed at `now`, where an answer may land as `late` as that after its tick."""
    return (now - late - MARGIN).date()


def mergings(files: Iterable[TableFile], *, before: date, target_bytes: int = TARGET_BYTES) -> Iterator[Merging]:
    """What of `files`, those of a table, is worth writing as one file, for dates earlier than `before`, oldest first.

    No file comes twice, and the files of one together are no larger than `target_bytes`. Asked again once all of it
    is done, and again, there is soon nothing left, until more files come.
    """
    dates: dict[str, list[TableFile]] = {}
    for file in files:
        if file.is_ours and file.rows is not None and file.date is not None and file.date < before.isoformat():
            dates.setdefault(file.date, []).append(file)
    for day in sorted(dates):
        small = sorted((one for one in dates[day] if one.size_bytes < FULL * target_bytes), key=_place)
        for together in _packed(small, target_bytes):
            if _is_worth_it(together):
                yield Merging(day, tuple(together))


def _place(file: TableFile) -> tuple[str, bool]:
    """Where a file's rows stand among those of its date: in the order of the log, as its name says."""
    return file.path.rpartition("/")[2], file.is_compacted


def _packed(files: Sequence[TableFile], target_bytes: int) -> Iterator[list[TableFile]]:
    together: list[TableFile] = []
    size = 0
    for file in files:
        if together and size + file.size_bytes > target_bytes:
            yield together
            together, size = [], 0
        together.append(file)
        size += file.size_bytes
    if together:
        yield together


def _is_worth_it(files: Sequence[TableFile]) -> bool:
    """Whether what is saved is worth writing the largest of `files` again.

    It is where the others are as large together, so that no byte is written again more often than its file doubles;
    or where they are many.
    """
    sizes = sorted(file.size_bytes for file in files)
    return len(sizes) >= MANY or (len(sizes) > 1 and sum(sizes[:-1]) >= sizes[-1])


def compacted_name(day: str, first: int, nonce: str) -> str:
    """The name of a file that is made of others of the date `day`, of which commit `first` of the log is the first.

    The nonce makes each attempt a name of its own, so what lies under a name never changes.
    """
    return f"{FOLDER}tick_date={day}/{first:09d}-{nonce[:16]}.parquet"


def first_commit(path: str) -> int:
    """The first commit of the log whose rows are in our file at `path`, as its name says; 0 where it says none."""
    number = path.rpartition("/")[2][:9]
    return int(number) if number.isdecimal() else 0
