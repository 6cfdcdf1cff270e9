"""Stage 3: signs of trouble become incidents, so that a person hears once of what goes wrong a thousand times. Pure.

There is one incident for each stream and cause. It is *opened* by the first bad sign, *still* there from time to time,
and *recovered* by the first good sign that is about something later. What is over before it was told is not told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

Cause = Literal["gap", "rejected", "doubted", "damaged", "store", "spool", "clock", "table", "stopped"]
State = Literal["opened", "still", "recovered"]
Key = tuple[str, Cause]

GROUP = timedelta(minutes=1)
"""What comes within a minute of a notice waits for the next one: a store that is away is the trouble of all streams."""

QUIET = timedelta(minutes=15)
"""How long the same cause is not told as opened again: what comes and goes each minute is one trouble, not sixty."""

REMINDERS = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
"""When an incident that stays is told again, after the time before; the last for ever after."""

HOLD: dict[Cause, timedelta] = {
    "store": timedelta(minutes=2),
    "spool": timedelta(minutes=2),
    "clock": timedelta(minutes=2),
}
"""How long what is tried again by itself must last to be told: most of it is over in seconds."""

MOST_AT_ONCE = 50
"""How many incidents one notice tells one by one; of the others it gives the number."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that tells of `cause` at `at`: bad, with ``what`` for a person; or good, where that is None.

    ``of`` is the end of the tick that it is about, if of any: what is good about an earlier tick ends nothing.
    """

    stream: str
    cause: Cause
    at: datetime
    what: str | None = None
    of: datetime | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Incident:
    """What a person is to hear: how often since when, and the newest of it in words."""

    stream: str
    cause: Cause
    state: State
    what: str
    since: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Incidents that are told together; ``more`` are others that there was no room for."""

    project: str
    machine: str
    at: datetime
    incidents: tuple[Incident, ...]
    more: int = 0
    test: bool = False
    format: int = 1


@dataclass(slots=True)
class _Open:
    what: str
    since: datetime
    last: datetime
    of: datetime | None
    times: int
    told_at: datetime | None = None
    reminders: int = 0

    def told(self, key: Key, state: State) -> Incident:
        return Incident(*key, state, self.what, self.since, self.last, self.times)


@dataclass(slots=True)
class Incidents:
    """All that is open, and what of it has been told. Known to one process, and forgotten at its end."""

    _open: dict[Key, _Open] = field(default_factory=dict)
    _recovered: list[Incident] = field(default_factory=list)
    _opened_at: dict[Key, datetime] = field(default_factory=dict)
    _told_at: datetime | None = None

    def hear(self, sign: Sign) -> None:
        """Take note of `sign`."""
        key = (sign.stream, sign.cause)
        known = self._open.get(key)
        if sign.what is not None:
            if known is None:
                self._open[key] = _Open(sign.what, sign.at, sign.at, sign.of, sign.times)
                return
            known.what, known.last, known.times = sign.what, sign.at, known.times + sign.times
            known.of = max((of for of in (known.of, sign.of) if of is not None), default=None)
        elif known is not None and _is_later(sign.of, known.of):
            del self._open[key]
            if known.told_at is not None:
                known.last = sign.at
                self._recovered.append(known.told(key, "recovered"))

    def due(self, now: datetime, *, hurry: bool = False) -> tuple[Incident, ...]:
        """What is to be told now, and counts as told from here on. In a `hurry` there will be no later notice."""
        if not hurry and not _passed(self._told_at, now, GROUP):
            return ()
        found, self._recovered = self._recovered, []
        for key, one in list(self._open.items()):
            state = self._state(key, one, now)
            if state is None:
                continue
            found.append(one.told(key, state))
            one.reminders = 0 if state == "opened" else one.reminders + 1
            one.told_at = now
            if state == "opened":
                self._opened_at[key] = now
            if key[1] == "damaged":
                # It has happened, and nothing that comes makes it undone.
                del self._open[key]
        if found:
            self._told_at = now
        return tuple(sorted(found, key=lambda one: (one.stream, one.cause, one.since)))

    def _state(self, key: Key, one: _Open, now: datetime) -> State | None:
        if one.told_at is not None:
            after = REMINDERS[min(one.reminders, len(REMINDERS) - 1)]
            return "still" if _passed(one.told_at, now, after) else None
        lasts = _passed(one.since, now, HOLD.get(key[1], timedelta(0)))
        quiet = not _passed(self._opened_at.get(key), now, QUIET)
        return "opened" if lasts and not quiet else None


def notice_of(project: str, machine: str, at: datetime, incidents: tuple[Incident, ...]) -> Notice:
    """One notice of `incidents`."""
    more = max(len(incidents) - MOST_AT_ONCE, 0)
    return Notice(project, machine, at, incidents[:MOST_AT_ONCE], more)


def _is_later(good: datetime | None, bad: datetime | None) -> bool:
    return good is None or bad is None or good > bad


def _passed(since: datetime | None, now: datetime, span: timedelta) -> bool:
    # Before `since`: the clock was set back, and nobody knows how long ago it was.
    return since is None or now - since >= span or now < since
