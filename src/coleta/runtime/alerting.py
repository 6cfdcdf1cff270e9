"""Stage 3 at work: what the runtime tells is read for signs of trouble, and incidents go out through ``Alerts``.

Stands between the runtime and whoever listens. It never holds collecting up: an event costs a look, and what is
sent is sent by a thread of its own. What cannot be sent is tried again, and said in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from coleta.audit.alerts import GROUP, MOST_AT_ONCE, Cause, Incident, Incidents, Sign, notice_of
from coleta.collect.lost import DAMAGED
from coleta.land.compose import CONTRACT_BROKEN
from coleta.land.record import Account, Outcome
from coleta.ports import Alerts
from coleta.runtime.events import (
    Accepted,
    Alerted,
    Asking,
    Damaged,
    Doubted,
    Event,
    Gapped,
    Landed,
    Opened,
    Published,
    Stopped,
    Superseded,
    TableStopped,
    Trouble,
)

LOOK_S = 2.0
"""How often it is looked whether something is to be sent: soon enough for a person, and nothing for a machine."""

SEND_TIMEOUT = timedelta(seconds=30)
"""How long sending may take: longer than any mail server, and shorter than the time between two notices."""

LAST_TIMEOUT = timedelta(seconds=2)
"""How long sending may take at the end of a process, whose whole stop is to take less than 10 s."""

_AT_A_START: tuple[Cause, ...] = ("stopped", "store", "spool")
"""What is known to be well when a stream is open: what kept it from opening is over."""

_CHOSEN = frozenset({"paused"})
"""Reasons of gaps that a person wanted."""


def signs(event: Event, now: datetime) -> Iterator[Sign]:
    """What `event`, told at `now`, is a sign of."""
    match event:
        case Opened(stream):
            for cause in _AT_A_START:
                yield Sign(stream, cause, now)
        case Asking(stream):
            yield Sign(stream, "clock", now)
        case Accepted(stream, entry):
            (tick,) = entry.intervals
            yield Sign(stream, "spool", now)
            yield Sign(stream, "gap", now, of=tick.end)
            if entry.trailer.wrong is not None:
                yield Sign(stream, "rejected", now, f"not the data: {entry.trailer.wrong}", tick.end)
            else:
                yield Sign(stream, "doubted", now, of=tick.end)
        case Doubted(stream, tick, what, rejected=False):
            yield Sign(stream, "doubted", now, what, tick.end)
        case Gapped(stream, gaps):
            yield Sign(stream, "spool", now)
            for gap in gaps:
                if gap.reason not in (*_CHOSEN, DAMAGED):
                    what = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
                    yield Sign(stream, "gap", now, what, gap.tick.end)
        case Landed(stream, committed):
            yield Sign(stream, "store", now)
            for account in committed.record.accounts:
                yield from _of_account(stream, account, now)
        case Superseded(stream):
            yield Sign(stream, "store", now)
        case Damaged(stream, name, what):
            yield Sign(stream, "damaged", now, f"{name}: {what}")
        case Trouble(stream, "store" | "spool" | "clock" as where, what, until) if until > now:
            yield Sign(stream, where, now, what)
        case Trouble(stream, "auth", what):
            yield Sign(stream, "gap", now, what)
        case Published(stream):
            yield Sign(stream, "table", now)
        case TableStopped(stream, what):
            yield Sign(stream, "table", now, what)
        case Stopped(stream, what):
            yield Sign(stream, "stopped", now, what)


def _of_account(stream: str, account: Account, now: datetime) -> Iterator[Sign]:
    match account.outcome:
        case Outcome.REJECTED if account.reason == CONTRACT_BROKEN:
            # What was no data has been heard of when it was accepted.
            what = f"no record keeps the contract ({account.received} came)"
            yield Sign(stream, "rejected", now, what, account.tick.end)
        case Outcome.OK | Outcome.EMPTY | Outcome.UNCHANGED:
            yield Sign(stream, "rejected", now, of=account.tick.end)


class Alerting:
    """Hears every event, hands it on, and sends what a person must know of."""

    def __init__(
        self, alerts: Alerts, tell: Callable[[Event], None], now: Callable[[], datetime], *, of: tuple[str, str]
    ) -> None:
        """Send through `alerts` what is told to `tell`; `of` are the project and the machine."""
        self._alerts, self._tell, self._now, self._of = alerts, tell, now, of
        self._incidents = Incidents()
        self._lock = threading.Lock()
        self._unsent: tuple[Incident, ...] = ()
        self._again_at: datetime | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def tell(self, event: Event) -> None:
        """Hand `event` on, and look at it. From any thread."""
        self._tell(event)
        now = self._now()
        with self._lock:
            for sign in signs(event, now):
                self._incidents.hear(sign)

    def start(self) -> None:
        """Send from now on, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Send what is left to be told, in a hurry, and no more after that."""
        self._ended.set()
        self._alerts.close()
        if self._thread.is_alive():
            self._thread.join(LAST_TIMEOUT.total_seconds())
        if not self._thread.is_alive():
            self.step(hurry=True)

    def step(self, *, hurry: bool = False) -> None:
        """Send what is to be sent now, if anything is."""
        now = self._now()
        with self._lock:
            found = self._incidents.due(now, hurry=hurry)
        for incident in found:
            self._tell(Alerted(incident.stream, incident))
        waits = not hurry and self._again_at is not None and now < self._again_at <= now + GROUP
        whole = (*self._unsent, *found)
        if not whole or (waits and not found):
            return
        # The newest, if the way out has been closed for long; what is left out is in the log all the same.
        notice = notice_of(*self._of, now, whole[-10 * MOST_AT_ONCE :])
        why = self._alerts.send(notice, timeout=LAST_TIMEOUT if hurry else SEND_TIMEOUT)
        self._unsent, self._again_at = ((), None) if why is None else (whole[-10 * MOST_AT_ONCE :], now + GROUP)
        if why is not None and not hurry:
            self._tell(Trouble(whole[-1].stream, "alerts", why, now + GROUP))

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.step()
