"""Stage 1, step 3: for how long an API asks to be left alone. Pure: a response goes in, a wait comes out.

Reads what APIs say in earnest: ``Retry-After`` in both forms, ``RateLimit`` in its two drafts, the
``RateLimit-*`` of older drafts, and ``X-RateLimit-*``. What cannot be read is as if it were not there.
Clamping the wait to what a tick can afford is for those who ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

NO_RESET = timedelta(seconds=5)
"""How long to wait where nothing is left and nobody says until when: most limits count by the second or minute."""

_MOST_SECONDS = 10**9
"""Thirty years and more are all the same, and Python refuses to read thousands of digits."""

_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 10**9, 10**12
"""Resets from here on are no spans but instants: seconds since 1970 passed the one in 2001."""

_PAIR = re.compile(r"\s*([a-z]+)\s*=\s*([0-9]+)\s*")
_FAMILIES = ("ratelimit-{}", "x-ratelimit-{}", "x-rate-limit-{}")

Headers = Mapping[str, str]
"""The first value of each header, by its name in lower case."""


def http_date(value: str | None) -> datetime | None:
    """The instant that a header such as ``Date`` names, in UTC; None where it names none."""
    if value is None:
        return None
    try:
        instant = parsedate_to_datetime(value.strip())
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        # What the standard library's parser raises on what is no date.
        return None


def retry_after(headers: Headers, *, received_at: datetime) -> timedelta | None:
    """The wait that ``Retry-After`` asks for: seconds or a date (RFC 9110, 10.2.3).

    A date in the past is no wait; what cannot be read is None.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(_number(value), _MOST_SECONDS))
    until = http_date(value)
    return None if until is None else max(until - received_at, timedelta(0))


def rate_limit(headers: Headers, *, received_at: datetime) -> timedelta | None:
    """How long until something may be asked again, where the response says that 0 requests are left; else None.

    Of several limits the one that lasts longest counts.
    """
    # A reset that is an instant is one of the server's clock, so it is compared with that.
    now = http_date(headers.get("date")) or received_at
    waits = [_wait(left, reset, now) for left, reset in _limits(headers)]
    return max((wait for wait in waits if wait is not None), default=None)


def _limits(headers: Headers) -> list[tuple[int | None, int | None]]:
    """What is left, and the reset, of each limit that `headers` tell of."""
    told = headers.get("ratelimit", "").split(",")
    found: list[tuple[int | None, int | None]] = [
        (left, reset) for left, reset in map(_member, told) if left is not None
    ]
    if not found:
        # The older draft: one limit, its numbers with commas between them.
        pairs = _pairs(told)
        found = [(_read(pairs.get("remaining")), _read(pairs.get("reset")))]
    for family in _FAMILIES:
        left, reset = (_read(headers.get(family.format(name))) for name in ("remaining", "reset"))
        found.append((left, reset))
    return found


def _member(member: str) -> tuple[int | None, int | None]:
    """What ``"default";r=0;t=30`` says."""
    pairs = _pairs(member.split(";")[1:])
    return _read(pairs.get("r")), _read(pairs.get("t"))


def _pairs(parts: Iterable[str]) -> dict[str, str]:
    return {pair[1]: pair[2] for part in parts if (pair := _PAIR.fullmatch(part))}


def _wait(left: int | None, reset: int | None, now: datetime) -> timedelta | None:
    if left != 0:
        return None
    if reset is None:
        return NO_RESET
    if reset >= _EPOCH_MILLISECONDS:
        reset //= 1000
    if reset > _EPOCH_SECONDS:
        return max(timedelta(seconds=reset - now.timestamp()), timedelta(0))
    return timedelta(seconds=reset)


def _read(text: str | None) -> int | None:
    # Some send "0.0", or "0;w=60" as the older drafts allowed.
    number = re.match(r"\s*([0-9]+)", text or "")
    return _number(number[1]) if number else None


def _number(digits: str) -> int:
    return int(digits) if len(digits) < 15 else 10**14
