"""When upkeep may work: a part of each day, by the clock of a time zone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SPELLED = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Window:
    """The part of each day from ``start`` up to ``end``, across midnight where ``end`` is earlier."""

    start: time
    end: time
    zone: str = "UTC"

    @classmethod
    def of(cls, text: str, zone: str = "UTC") -> Window:
        """The window that `text` says, such as ``02:00-04:00``, by the clocks of `zone`, an IANA name.

        Raises:
            ValueError: it says none, or one without length.

        """
        found = _SPELLED.fullmatch(text)
        if found is None or found[1] + found[2] == found[3] + found[4]:
            raise ValueError('must be two different times of a day, such as "02:00-04:00"')
        start, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        return cls(start, end, zone)

    def is_open(self, now: datetime) -> bool:
        """Whether `now` lies in it."""
        shown = now.astimezone(ZoneInfo(self.zone)).time()
        if self.start < self.end:
            return self.start <= shown < self.end
        return shown >= self.start or shown < self.end

    def next_open(self, now: datetime) -> datetime:
        """The first instant after `now` at which it opens."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        days = (today + timedelta(days=n) for n in range(3))
        opens = (datetime.combine(day, self.start, zone).astimezone(UTC) for day in days)
        return next(instant for instant in opens if instant > now)
