"""Stage 2, long after: which files the log no longer needs. Pure: names and records go in, a decision comes out.

Only records prove that a file may go, never a listing. A file's age counts from the commit that named it last. One
that no record names is left alone, whatever its age: it may belong to a landing that goes on, and with
``archive = "first"`` it is an accepted answer. docs/reference/layout.md says what may be deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from coleta.collect.spool import Contents
from coleta.collect.tick import parse_tick_name
from coleta.land.commit import Committed, Head
from coleta.land.record import SHORT_ID, Record

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of files: ``due`` are old enough to be given up, ``gone`` are given up and may be deleted."""

    due: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(slots=True)
class _Life:
    """What the log says of one file: when it was named last, and what became of it after that."""

    named: Record | None = None
    settled: Record | None = None


def judge(paths: Collection[str], commits: Iterable[Committed], *, before: datetime | None) -> Judged:
    """Which of `paths` may be given up, being named by commits from `before` only, and which were given up.

    `commits` are all those that name one of `paths`, in order. A file that a redrive has taken up stays, since a log
    settles each file once; so does one that was named again after it was given up. Nothing is due where `before` is
    None.
    """
    lives = {path: _Life() for path in paths}
    for record in (committed.record for committed in commits):
        for path in record.redrives:
            if path in lives:
                lives[path].settled = record
        for path in (file.path for files in (record.quarantine, record.archive) for file in files):
            if path in lives:
                lives[path].named = record
    due = (path for path, life in lives.items() if before is not None and _is_due(life, before))
    return Judged(tuple(due), tuple(path for path, life in lives.items() if _is_gone(life)))


def _is_due(life: _Life, before: datetime) -> bool:
    return life.settled is None and life.named is not None and life.named.created < before


def _is_gone(life: _Life) -> bool:
    named, settled = life.named, life.settled
    return settled is not None and settled.kind == "expired" and named is not None and named.seq < settled.seq


def old_names(names: Iterable[str], *, before: datetime, after: str = "") -> Iterator[str]:
    """Those of `names`, a listing in order, that follow `after` and whose tick ended before `before`.

    What came for a tick was committed after its end, so the others cannot be old enough; most are never listed.
    """
    for name in names:
        end = _tick_of(name)
        if end is not None and end >= before + _ONE_SECOND:
            return  # within a second names are not in the order of ticks
        if end is not None and end < before and name > after:
            yield name


def _tick_of(name: str) -> datetime | None:
    try:
        return parse_tick_name(name.rpartition("/")[2].partition("-")[0])
    except ValueError:
        return None


def is_unneeded(name: str, contents: Contents, head: Head, *, before: datetime) -> bool:
    """Whether the superseded answer `contents`, in the file `name`, came before `before` and can never be missed.

    It cannot where answers that landed hold every instant of its tick: that stays so for ever, and nobody can land it.
    A tick that only a gap settles, or that was asked on demand and holds no instant, proves nothing.
    """
    header, answer = contents.header, contents.trailer.answer
    if header.uuid != head.uuid or header.tick is None or answer is None or not contents.pages:
        return False
    if name.rpartition("/")[2] != f"{header.tick.name}-{answer[:SHORT_ID]}.spool":
        return False
    came = max(page.received_at for page, _ in contents.pages)
    return came < before and not header.tick.empty and head.answered.covers(header.tick)
