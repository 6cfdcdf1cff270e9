"""Stage 1, step 3: is this what was asked for? Pure: what came back goes in, a verdict comes out.

``judge`` never decides on types; that is landing's business. It decides whether to keep the
response, ask again and how long to wait, or give up, within the tick's deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from urllib.parse import urlsplit

from coleta.collect import limits
from coleta.collect.envelope import NotData, Page, Unchanged

BASE_WAIT = timedelta(seconds=0.5)
"""The wait before the first retry at the most; it doubles with each."""

LONGEST_WAIT = timedelta(seconds=30)
"""Half of the shortest default deadline, so that even a long-failing API is asked twice a tick."""

LAST_CHANCE = timedelta(seconds=1)
"""How long before the deadline a server that asks for a longer wait is asked for the last time."""

EARLY = "early"
"""The reason of a gap whose every answer was older than the tick's end."""

REFUSALS = frozenset({"auth", "secret"})
"""The reasons of a gap that a person with credentials must cure: refused by the API, or not found here."""

PARTIAL_CONTENT = 206
_PASSING_STATUS = frozenset({408, 425, 429})
_THROTTLED_STATUS = frozenset({429, 503})


class Fault(StrEnum):
    """What can go wrong between a request and its complete body."""

    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    TIMEOUT = "timeout"
    TLS = "tls"
    RESET = "reset"
    INCOMPLETE = "incomplete"
    FRAMING = "framing"
    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    SECRET = "secret"
    BAD_URL = "bad_url"
    ADDRESS = "address"
    AUTH = "auth"


_HOPELESS = frozenset({Fault.TLS, Fault.TOO_LARGE, Fault.SECRET, Fault.BAD_URL, Fault.ADDRESS})
"""Faults that asking again within the tick cannot cure."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No complete response came; ``detail`` says why, without secrets. ``final``: asking again soon cannot cure it."""

    fault: Fault
    detail: str
    at: datetime
    final: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response: its framing and its compression both reached their end.

    ``wire`` are the body's bytes as received, ``body`` the same without the content coding.
    Header names are in lower case, in the order received.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    wire: bytes
    body: bytes
    encoding: str | None
    asked_at: datetime
    received_at: datetime

    def header(self, name: str) -> str | None:
        """The first value of header `name` (in lower case)."""
        return next((value for known, value in self.headers if known == name), None)


@dataclass(frozen=True, slots=True)
class Keep:
    """It is what was asked for; or, where ``wrong`` says why not, the deadline leaves no time to ask again."""

    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask again, not before ``after`` has passed."""

    after: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The tick ends as a gap with this reason."""

    reason: str
    detail: str


Verdict = Keep | Retry | GiveUp


@dataclass(frozen=True, slots=True)
class Patience:
    """How far a tick has come: what it may still be granted.

    ``attempt`` is how often the same was asked in a row, from 1; ``chance`` is drawn for this verdict, from [0, 1).
    """

    attempt: int
    now: datetime
    deadline: datetime
    chance: float
    repeatable: bool = True


def judge(
    came: Response | Failed,
    page: Page | NotData | Unchanged | None,
    patience: Patience,
    *,
    complete_from: datetime | None = None,
) -> Verdict:
    """Keep, ask again, or give up.

    `page` is what the envelope made of a 2xx response's body, ``Unchanged`` for a 304 that was asked for, None for
    anything else. `complete_from` is the
    instant before which no answer can be complete, by the server's own clock; None: any may be.
    """
    if isinstance(came, Failed):
        if is_hopeless(came):
            return GiveUp(str(came.fault), came.detail)
        wait = _full_jitter(patience)
        return _retry_or_give_up(str(came.fault), came.detail, wait, patience)
    if isinstance(page, Unchanged):
        return Keep()
    if 200 <= came.status < 300:
        early = _early(came, complete_from)
        if early is not None:
            # Not kept at the deadline either: a gap can be filled later, what a record says is for good.
            detail = f"by the API's clock it was asked {early.total_seconds():.0f} s before the tick's end"
            wait = _not_too_late(max(early, _full_jitter(patience)), patience)
            return _retry_or_give_up(EARLY, detail, wait, patience)
        if came.status == PARTIAL_CONTENT:
            # No range was asked for, so a part cannot be the data, however well-formed it is.
            page = NotData("a part of the body (HTTP status 206)")
        return _judge_data(page, patience)
    reason, detail = _status_reason(came.status), f"HTTP status {came.status}{_whither(came)}"
    if is_passing(came.status):
        return _retry_or_give_up(reason, detail, _status_wait(came, patience), patience)
    return GiveUp(reason, detail)


def start_over(gave_up: GiveUp, patience: Patience) -> Retry | GiveUp:
    """What follows where a page was given up after others had come: all of them may be asked for anew.

    What is behind the first page changes while it is read; a page that is gone says that the answer begun is
    no longer one, not that there is none.
    """
    return _retry_or_give_up(gave_up.reason, gave_up.detail, _full_jitter(patience), patience)


def is_hopeless(failed: Failed) -> bool:
    """Whether asking again within the tick cannot cure it."""
    return failed.final or failed.fault in _HOPELESS


def is_passing(status: int) -> bool:
    """Whether asking again may cure what `status` says."""
    return status in _PASSING_STATUS or status >= 500


def _judge_data(page: Page | NotData | None, patience: Patience) -> Verdict:
    match page:
        case Page():
            return Keep()
        case NotData(why):
            # The API did answer, completely. Asking again may help; if not, the bytes are evidence.
            wait = _full_jitter(patience)
            if patience.repeatable and patience.now + wait < patience.deadline:
                return Retry(wait, why)
            return Keep(wrong=why)
        case None:
            return Keep(wrong="not looked at")
    assert_never(page)


def _retry_or_give_up(reason: str, detail: str, wait: timedelta, patience: Patience) -> Retry | GiveUp:
    if not patience.repeatable:
        return GiveUp(reason, f"{detail}; not asked again, since the request may change something")
    if patience.now + wait >= patience.deadline:
        return GiveUp(reason, f"{detail}; no time is left before the deadline")
    return Retry(wait, reason)


def _ceiling(patience: Patience) -> timedelta:
    # The exponent is bounded so that 2**attempt cannot overflow a timedelta.
    factor: int = 2 ** min(patience.attempt - 1, 16)
    return min(LONGEST_WAIT, BASE_WAIT * factor)


def _full_jitter(patience: Patience) -> timedelta:
    wait: timedelta = _ceiling(patience) * patience.chance
    return wait


def _equal_jitter(patience: Patience) -> timedelta:
    wait: timedelta = _ceiling(patience) * (0.5 + patience.chance / 2)
    return wait


def _status_wait(came: Response, patience: Patience) -> timedelta:
    throttled = came.status in _THROTTLED_STATUS
    usual = _equal_jitter(patience) if throttled else _full_jitter(patience)
    told = told_wait(came)
    if told is None:
        return usual
    # A little jitter keeps those that were told the same second apart. Never less than the usual wait:
    # "0", or a date that a wrong clock puts into the past, would otherwise ask without pause.
    return _not_too_late(max(told + BASE_WAIT * patience.chance, usual), patience)


def _not_too_late(wait: timedelta, patience: Patience) -> timedelta:
    left = patience.deadline - patience.now
    if wait >= left > 2 * LAST_CHANCE:
        # Who asks for more than is left still gets one more chance, just before the end.
        return left - LAST_CHANCE
    return wait


def told_wait(came: Response) -> timedelta | None:
    """For how long `came` asks to be left alone; None where it does not."""
    headers = dict(reversed(came.headers))  # the first of a name counts
    told = limits.retry_after(headers, received_at=came.received_at) if is_passing(came.status) else None
    return limits.rate_limit(headers, received_at=came.received_at) if told is None else told


def _early(came: Response, complete_from: datetime | None) -> timedelta | None:
    """How much too early `came` was made, by its own ``Date``; None where it was not, or does not say."""
    date = limits.http_date(came.header("date"))
    if date is None or complete_from is None:
        return None
    # A Date is cut to whole seconds: it stands for any instant of its second.
    return complete_from - date if date + timedelta(seconds=1) <= complete_from else None


def _whither(came: Response) -> str:
    """To which host a redirect leads, without the rest of the URL, which may hold a secret."""
    location = came.header("location")
    if location is None or not 300 <= came.status < 400:
        return ""
    try:
        parts = urlsplit(location.strip())
        host = f"{parts.scheme}://{parts.hostname}" if parts.scheme and parts.hostname else parts.hostname
    except ValueError:
        return ", to what is no URL"
    return f", to {host}" if host else ", to another place of the same host"


def _status_reason(status: int) -> str:
    if status in (401, 403):
        return "auth"
    if 300 <= status < 400:
        return "redirect" if status != 304 else "unexpected_304"
    return f"http_{status}"
