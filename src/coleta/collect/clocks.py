"""Stage 1, step 1: is this machine's clock right enough to say which ticks have come? Pure.

A clock that is an hour ahead would write down ticks as missed that have not happened. So it is compared with
that of the store, by the `Date` of a response. It is never corrected by that: a second is all the other
clock tells, and ticks would move to and fro by as much.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TOLERANCE = timedelta(seconds=60)
"""How far apart two clocks may be: more than any that is kept by NTP, less than a usual interval."""

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time: this program is younger. Machines without a battery start in 1970."""

_STEP = timedelta(seconds=1)


def told_date(header: str | None) -> datetime | None:
    """The instant of a `Date` header, in whole seconds; None where there is none that can be read."""
    if header is None:
        return None
    try:
        told = parsedate_to_datetime(header)
    except ValueError:
        return None
    # RFC 9110 asks for GMT; "-0000" and no zone at all mean the same here.
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def ahead_by(told: datetime, *, before: datetime, after: datetime) -> timedelta:
    """How far this clock is surely ahead of one that said `told` between `before` and `after`; below zero: behind.

    Nothing within what the rounding of `told` and the time between leave open.
    """
    if before - told > _STEP:
        return before - told - _STEP
    if after < told:
        return after - told
    return timedelta(0)


def astray(ahead: timedelta) -> bool:
    """Whether no new tick may be begun by a clock that is `ahead` by so much, or behind."""
    return abs(ahead) > TOLERANCE


def in_words(ahead: timedelta) -> str:
    """``1 h 15 min ahead``: for a person."""
    minutes, seconds = divmod(round(abs(ahead).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else seconds, "s"))
    size = " ".join(f"{count} {unit}" for count, unit in parts if count)
    return f"{size or '0 s'} {'ahead' if ahead >= timedelta(0) else 'behind'}"
