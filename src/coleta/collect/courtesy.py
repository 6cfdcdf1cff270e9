"""Stage 1, step 3: how much a host is asked while it does not answer well. Pure: what is known goes in, a decision out.

What is known of one host is its ``Standing``, shared by all streams of a process. Four rules, which
decision 20 explains:

- **Every tick is asked once,** whatever the standing. Only what is asked *again* needs a permission.
- **A budget:** each first request earns a tenth of a repetition, up to ``BURST``; each repetition costs one,
  which a good answer gives back. A host that answers badly now and then is asked 1.1 times a tick at most.
- **A breaker:** a host that has given no good answer for ``OPEN_AFTER`` is down. Then one repetition
  is granted each ``PROBE_EVERY``, and the first good answer to anyone ends it for all at once.
- **A told wait:** where the API asked for a pause, nobody asks before it has passed, or a tick's last chance has come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from coleta.collect.envelope import Page
from coleta.collect.response import Failed, Fault, Response, is_passing, told_wait

BURST = 10.0
"""Repetitions that a host in good standing is granted at once: what one tick of a minute asks for in all its time."""

EARNED = 0.1
"""What each first request adds to the budget."""

OPEN_AFTER = timedelta(seconds=60)
"""How long a host must have failed to count as down: shorter outages are survived by repeating within the tick."""

OPEN_FAILURES = 5
"""How many times, at least, it must have failed in that time, so that one bad answer an hour is no outage."""

DOUBT_EVERY = timedelta(seconds=5)
"""How often a failing host is asked again though the budget is used up, until it counts as down."""

PROBE_EVERY = timedelta(minutes=10)
"""How often a host that is down is asked again between ticks: a tenth of what ticks of a minute ask."""

LONGEST_TOLD = timedelta(hours=1)
"""No pause longer than this is believed: a wrong clock on the other side must not stop collecting for a year."""

LOOK_AGAIN = timedelta(seconds=5)
"""How often whoever waits looks whether another stream has found the host well again."""


class Answered(Enum):
    """What an exchange tells of its host."""

    WELL = "well"
    BADLY = "badly"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one host.

    ``down_since`` is when it came to count as down, or None. ``failing_since`` is when the first of ``failures`` in
    a row was heard. ``probe_at`` is from when a repetition is granted without a budget.
    """

    budget: float = BURST
    failures: int = 0
    failing_since: datetime | None = None
    down_since: datetime | None = None
    probe_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that somebody wants to make: the same one `again`, and the instant of its tick's last chance."""

    again: bool
    now: datetime
    last_chance: datetime


@dataclass(frozen=True, slots=True)
class Go:
    """Ask now."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Not before ``until``, unless the host is found well meanwhile; ``why`` in a few words."""

    until: datetime
    why: str
    told: bool = False
    """Whether the API itself asked for it."""


def may_ask(standing: Standing, wish: Wish) -> tuple[Standing, Go | Hold]:
    """Whether the request that `wish` is about may be made, and what is known of the host if it is."""
    now = wish.now
    if standing.not_before is not None and now < min(standing.not_before, wish.last_chance):
        return standing, Hold(min(standing.not_before, wish.last_chance), "the API asked for a pause", told=True)
    if not wish.again:
        return replace(standing, budget=min(standing.budget + EARNED, BURST)), Go()
    if standing.down_since is not None:
        return _probe(standing, now, PROBE_EVERY, "the host counts as down")
    if standing.budget >= 1:
        return replace(standing, budget=standing.budget - 1), Go()
    why = "the host has been asked again too often"
    if standing.failures:
        return _probe(standing, now, DOUBT_EVERY, why)
    return standing, Hold(now + LOOK_AGAIN, why)


def heard(standing: Standing, came: Response | Failed, page: object, wish: Wish) -> Standing:
    """What is known of the host after `came`; `page` is what the envelope made of it, `wish` what was asked then.

    Of ``wish.now`` only the instant counts, which is that of the answer.
    """
    if isinstance(came, Response) and (wait := told_wait(came)) is not None:
        until = wish.now + min(wait, LONGEST_TOLD)
        standing = replace(standing, not_before=max(until, standing.not_before or until))
    match answered(came, page):
        case Answered.WELL:
            spent = BURST if standing.down_since else standing.budget + (1.0 if wish.again else 0.0)
            return Standing(budget=min(spent, BURST), not_before=standing.not_before)
        case Answered.BADLY:
            return _failed(standing, wish.now)
        case Answered.NOTHING:
            return standing


def answered(came: Response | Failed, page: object) -> Answered:
    """What `came` tells of its host.

    A complete body that is not the data tells nothing: the host is there, and so may be a page of maintenance.
    """
    if isinstance(came, Failed):
        # These are found before anything is asked, or say that the host answered more than is wanted.
        # A token that could not be had says nothing of the host that it is for.
        ours = came.fault in (Fault.SECRET, Fault.BAD_URL, Fault.ADDRESS, Fault.TOO_LARGE, Fault.TLS, Fault.AUTH)
        return Answered.NOTHING if ours else Answered.BADLY
    if is_passing(came.status):
        return Answered.BADLY
    if 200 <= came.status < 300 and not isinstance(page, Page):
        return Answered.NOTHING
    return Answered.WELL


def _failed(standing: Standing, now: datetime) -> Standing:
    since = standing.failing_since
    # A clock that was set back must not keep a host in doubt for as long.
    since = now if since is None or since > now else since
    failures = standing.failures + 1
    if standing.down_since is None and failures >= OPEN_FAILURES and now - since >= OPEN_AFTER:
        return replace(
            standing, failures=failures, failing_since=since, down_since=now, budget=0.0, probe_at=now + PROBE_EVERY
        )
    return replace(standing, failures=failures, failing_since=since)


def _probe(standing: Standing, now: datetime, every: timedelta, why: str) -> tuple[Standing, Go | Hold]:
    # Further ahead than any probe is set: the clock was set back, so what was planned means nothing.
    planned = standing.probe_at
    if planned is None or planned <= now or planned > now + every:
        return replace(standing, probe_at=now + every), Go()
    return standing, Hold(planned, why)
