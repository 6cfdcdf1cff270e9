"""Stage 2, step 2: which waiting answers are landed together, and when. Pure.

A batch holds ticks of one date and one terms digest, no two of whose intervals overlap. Landing is
a policy only: names and correctness do not depend on when a batch is closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import dropwhile

from coleta.collect.coverage import Coverage
from coleta.collect.spool import Spooled
from coleta.land.commit import OpenGap, Ready
from coleta.stream import Landing
from coleta.terms import Terms

MAX_MEMBERS = 2_000
"""The most answers in one object: a day of minutes and some, and a record of about 1 MB."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers in tick order, then gaps, that become one data object."""

    day: date
    terms: Terms
    members: tuple[Ready, ...]


def closes_at(waiting: Sequence[Spooled], landing: Landing) -> datetime | None:
    """When what waits is to be landed; None while nothing waits."""
    if not waiting:
        return None
    oldest = min(entry.received_at for entry in waiting)
    if sum(entry.size_bytes for entry in waiting) >= landing.max_bytes or len(waiting) >= MAX_MEMBERS:
        return oldest
    return oldest + landing.every


def choose(ready: Iterable[Ready], *, folder: date, max_bytes: int) -> Batch | None:
    """The next batch: what waits for `folder` (that of the log's next name) first, else the oldest date.

    At least one entry is taken, whatever its size; the others wait for the next round.
    """
    groups: dict[tuple[date, str], list[Ready]] = {}
    for one in _begun(tuple(ready)):
        groups.setdefault(_group(one), []).append(one)
    if not groups:
        return None

    def urgency(key: tuple[date, str]) -> tuple[bool, date, bool, datetime, str]:
        day, digest = key
        # Answers before gaps also where their terms differ; the digest only makes one order of equals.
        only_gaps = all(one.entry.is_gap for one in groups[key])
        return (day != folder, day, only_gaps, min(one.entry.intervals[0].end for one in groups[key]), digest)

    day, digest = min(groups, key=urgency)
    group = groups[day, digest]
    return Batch(day, group[0].entry.header.terms, _fitting(group, max_bytes))


def _begun(ready: Sequence[Ready]) -> Sequence[Ready]:
    """Of a chain of carried state only the part that one object can hold; the rest waits for what it follows from."""
    chained = sorted((one for one in ready if one.link), key=lambda one: one.link)
    if not chained:
        return ready
    first = _group(chained[0])
    later = {one.entry.name for one in dropwhile(lambda one: _group(one) == first, chained)}
    return [one for one in ready if one.entry.name not in later]


def _group(one: Ready) -> tuple[date, str]:
    """What all members of one object have in common."""
    return one.entry.intervals[0].date, one.entry.header.terms.digest


def _fitting(group: Sequence[Ready], max_bytes: int) -> tuple[Ready, ...]:
    members: list[Ready] = []
    taken, size, linked = Coverage(), 0, min((one.link for one in group if one.link), default=1)
    for one in sorted(group, key=_place):
        if members and (size + one.entry.size_bytes > max_bytes or len(members) >= MAX_MEMBERS):
            break
        if one.link and one.link != linked:
            continue  # what it follows from is not landed yet
        if one.entry.is_gap:
            gaps = _still_open(one.gaps, taken)
            if not gaps:
                continue
            one = replace(one, gaps=gaps)
            taken = taken.union(interval for gap in gaps for interval in gap.settles)
        elif any(taken.overlaps(interval) for interval in one.settles):
            continue
        else:
            taken = taken.union(one.settles)
            linked += bool(one.link)
        members.append(one)
        size += one.entry.size_bytes
    return tuple(members)


def _place(one: Ready) -> tuple[bool, int, datetime, str]:
    """Answers before gaps, those that carry state in their chain's order, then by tick."""
    return (one.entry.is_gap, one.link, one.entry.intervals[0].end, one.entry.name)


def _still_open(gaps: Iterable[OpenGap], taken: Coverage) -> tuple[OpenGap, ...]:
    cut = (replace(one, settles=tuple(part for mine in one.settles for part in taken.uncovered(mine))) for one in gaps)
    return tuple(one for one in cut if one.settles)
