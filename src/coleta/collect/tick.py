"""Stage 1, the unit of time: a tick is an interval ``(start, end]`` on UTC, named by its end.

Instants are aware datetimes in UTC with whole microseconds. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

RESOLUTION = timedelta(microseconds=1)
"""The smallest step of time that Coleta knows: ``(t - RESOLUTION, t]`` holds exactly the instant t."""

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}(\.[0-9]{6})?Z")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants after ``start`` up to and including ``end``; empty where both are equal."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"an interval cannot end before it starts: {self}")

    @property
    def empty(self) -> bool:
        """Whether it holds no instant, as that of an on-demand tick."""
        return self.start == self.end

    @property
    def name(self) -> str:
        """The name of a tick that closes this interval: ``20261124T120000Z``."""
        return tick_name(self.end)

    @property
    def date(self) -> date:
        """The UTC date of the end: the folder that a tick's rows land in."""
        return self.end.date()

    def overlaps(self, other: Interval) -> bool:
        """Whether some instant lies in both; never so for an empty one."""
        return max(self.start, other.start) < min(self.end, other.end)

    def __str__(self) -> str:
        return f"({format_instant(self.start)}, {format_instant(self.end)}]"


def on_demand(instant: datetime) -> Interval:
    """The tick of a request made because somebody asked: an instant that covers nothing."""
    return Interval(instant, instant)


def tick_name(end: datetime) -> str:
    """``20261124T120000Z``, with six decimals only where the instant is not a whole second."""
    form = "%Y%m%dT%H%M%S.%fZ" if end.microsecond else "%Y%m%dT%H%M%SZ"
    return end.astimezone(UTC).strftime(form)


def parse_tick_name(text: str) -> datetime:
    """The instant that a tick's name, or an ISO 8601 time with a zone, stands for.

    Raises:
        ValueError: it is neither.

    """
    # Asked for in full, since Python's parsers read a name with a digit too few as another instant.
    if "-" not in text and not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no tick's name, such as 20261124T120000Z")
    return parse_instant(text)


def format_instant(instant: datetime) -> str:
    """``2026-11-24T12:00:00Z``, with six decimals only where the instant is not a whole second."""
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if instant.microsecond else "%Y-%m-%dT%H:%M:%SZ"
    return instant.astimezone(UTC).strftime(form)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 time with a zone, as an instant in UTC.

    Raises:
        ValueError: it is not one, or says no zone: a local time is not an instant.

    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write it in UTC, such as 2026-11-24T12:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999 in UTC") from None
