"""Stage 1, step 1 at work: compare this machine's clock with its stores' from time to time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from coleta.collect.clocks import ahead_by, astray, told_date
from coleta.collect.request import Request
from coleta.collect.response import Response
from coleta.ports import Clock, Transport

LOOK_EVERY = timedelta(minutes=5)
LOOK_AGAIN = timedelta(seconds=30)
"""How soon a clock that was wrong, and may have been set right, is looked at again."""

_TIMEOUT = timedelta(seconds=5)
_LOOKS = 3
"""How often it is looked at most, where the clock moves on by more than a request can take."""
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Look:
    at: datetime
    ahead: timedelta = timedelta(0)


class ClockGuard:
    """Compares clocks for all streams of a process, one request for each store every few minutes."""

    def __init__(self, clock: Clock, transport: Transport) -> None:
        """Begin; nothing is asked yet."""
        self._clock = clock
        self._transport = transport
        self._lock = Lock()
        self._looks: dict[str, _Look] = {}

    def ahead(self, url: str) -> timedelta:
        """How far this clock is ahead of that of the server at `url`, as far as is known; nothing if it says none.

        At most one thread looks at a time; the others take what was seen last.
        """
        now = self._clock.now()
        with self._lock:
            last = self._looks.get(url)
            wait = LOOK_AGAIN if last is not None and astray(last.ahead) else LOOK_EVERY
            # Also at once after a clock was set back: then the last look lies in the future.
            if last is not None and last.at <= now < last.at + wait:
                return last.ahead
            self._looks[url] = _Look(now, last.ahead if last is not None else timedelta(0))
        ahead = self._look(url)
        with self._lock:
            self._looks[url] = _Look(self._clock.now(), ahead)
        return ahead

    def _look(self, url: str) -> timedelta:
        ahead = timedelta(0)
        for _ in range(_LOOKS):
            before = self._clock.now()
            # No credentials: a store that refuses who asks says what time it is all the same.
            came = self._transport.exchange(Request(url, method="HEAD"), timeout=_TIMEOUT, max_bytes=_MOST_BYTES)
            after = self._clock.now()
            told = told_date(came.header("date")) if isinstance(came, Response) else None
            if told is None:
                return timedelta(0)
            ahead = ahead_by(told, before=before, after=after)
            # Where more time went by, this machine slept meanwhile, or its clock was set: then the look says little.
            if before <= after <= before + 2 * _TIMEOUT:
                break
        return ahead
