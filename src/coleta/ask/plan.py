"""What collecting will ask of the APIs and of the store, and how long the spool lasts while the store is away. Pure.

Counted on the schedules' own instants. Retries, other machines and outages come on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from coleta.ask.landed import Landed
from coleta.collect.cadence import instants
from coleta.land.batch import MAX_MEMBERS
from coleta.land.record import Account
from coleta.stream import Landing, Stream
from coleta.terms import canonical

MOST_COUNTED = 500_000
"""Of a denser schedule so many instants are counted, about a second's work, and the rest is taken to be alike."""

NEWEST = 100
"""So many of the newest commits are looked at for what an answer is like."""

WEIGHED = 10
"""Of so many of them the size is asked for, each by a request."""

AROUND_BYTES = 1_500
"""What a spool file holds around its terms and its pages: the request, times, headers, checksums."""


TABLE_PUTS = {"delta": 1.2, "iceberg": 3.0}
"""What a table's commit puts: a Delta table an entry in its log, and with each tenth a checkpoint and the name of that;
an Iceberg table a manifest, the list of all, and its metadata."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What an answer is like, as far as that is known.

    ``notes`` are quarantine files for each answer. ``spool_bytes`` is what one holds in the spool, ``object_bytes``
    what it holds in the store.
    """

    pages: float = 1.0
    notes: float | None = None
    spool_bytes: float | None = None
    object_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a stream needs in the time that was asked for.

    ``puts`` are those of objects, of quarantine files, of copies for the archive and of the table's commits; where
    nothing was collected yet, each answer is taken to have one quarantine file. ``gets`` are the look at the log's next
    name before each object. What a start does once, the putting of new terms, and the gets by which a table is opened
    are not counted. Bytes are None where nothing is known; those of the store have the archive's copies in them.
    """

    stream: str
    ticks: float
    requests: float
    objects: float
    puts: float
    gets: float
    spool_bytes: float | None
    object_bytes: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the streams need in so many ``days``.

    ``spool_hours`` is the length of a store's outage that the spool has room for; None where nothing is known
    of how big answers are.
    """

    days: int
    streams: tuple[Needs, ...]
    quota_bytes: int
    spool_hours: float | None


def usual(landed: Landed | None, *, wire_bytes: int | None, stream: Stream) -> Usual:
    """What an answer of `stream` is like: as its log says, and as the `wire_bytes` of a live one."""
    spool_bytes: float | None = None
    if wire_bytes is not None:
        spool_bytes = wire_bytes + len(canonical(stream.terms)) + AROUND_BYTES
    if landed is None:
        return Usual(spool_bytes=spool_bytes)
    waiting = [entry for entry in landed.books.spool.waiting if not entry.is_gap]
    if spool_bytes is None and waiting:
        spool_bytes = sum(entry.size_bytes for entry in waiting) / len(waiting)
    # Some of them have no answer: gaps, and what sends the log to another folder.
    commits = landed.books.history.newest(4 * NEWEST)
    newest = [one for one in commits if _answers(one.record.accounts)][-NEWEST:]
    answers = [account for one in newest for account in _answers(one.record.accounts)]
    if not answers:
        return Usual(spool_bytes=spool_bytes)
    weighed = newest[-WEIGHED:]
    size_bytes = sum(landed.store.size(one.name) or 0 for one in weighed)
    return Usual(
        pages=sum(max(account.pages, 1) for account in answers) / len(answers),
        notes=sum(len(one.record.quarantine) for one in newest) / len(answers),
        spool_bytes=spool_bytes,
        object_bytes=size_bytes / sum(len(_answers(one.record.accounts)) for one in weighed),
    )


def _answers(accounts: Iterable[Account]) -> list[Account]:
    return [account for account in accounts if account.answer is not None]


def needs(stream: Stream, known: Usual, *, now: datetime, days: int) -> Needs:
    """What `stream` needs in the `days` after `now`, if its answers are as `known`."""
    until = now + timedelta(days=days)
    counted: list[datetime] = []
    for instant in instants(stream.schedule, after=now, until=until):
        counted.append(instant)
        if len(counted) == MOST_COUNTED:
            break
    more = (until - now) / (counted[-1] - now) if len(counted) == MOST_COUNTED else 1.0
    batches = list(_batches(counted, stream.landing, known.spool_bytes or 0))
    turns = len({instant.date() for instant in counted})
    ticks, objects = len(counted) * more, (len(batches) + turns) * more
    notes = ticks * (1.0 if known.notes is None else known.notes)
    copies = 0.0 if stream.archive == "none" else ticks
    # Each landing is registered by itself, or together with those that came meanwhile.
    published = len(batches) * more * TABLE_PUTS.get(stream.table or "", 0.0)
    return Needs(
        stream=stream.name,
        ticks=ticks,
        requests=ticks * known.pages,
        objects=objects,
        puts=objects + notes + copies + published,
        gets=objects,
        spool_bytes=None if known.spool_bytes is None else known.spool_bytes * ticks,
        object_bytes=_stored(known, ticks, copies),
    )


def _stored(known: Usual, ticks: float, copies: float) -> float | None:
    """How many bytes come to lie in the store."""
    if known.object_bytes is None or (copies and known.spool_bytes is None):
        return None
    return known.object_bytes * ticks + (known.spool_bytes or 0) * copies


def _batches(ticks: Iterable[datetime], landing: Landing, each_bytes: float) -> Iterator[int]:
    """How many answers each object will hold: one is closed by its age, its size, and the end of a date."""
    first: datetime | None = None
    members = 0
    for tick in ticks:
        full = members * each_bytes >= landing.max_bytes or members >= MAX_MEMBERS
        if first is not None and (full or tick - first >= landing.every or tick.date() != first.date()):
            yield members
            first, members = None, 0
        first = first or tick
        members += 1
    if members:
        yield members


def hours_of_room(all_needs: Iterable[Needs], *, quota_bytes: int, days: int) -> float | None:
    """For how many hours the spool takes answers while nothing is landed; None where nothing says how big they are."""
    found = list(all_needs)
    sizes = [one.spool_bytes for one in found if one.spool_bytes is not None]
    if len(sizes) < len(found) or not sum(sizes):
        return None
    return quota_bytes / (sum(sizes) / (days * 24))
