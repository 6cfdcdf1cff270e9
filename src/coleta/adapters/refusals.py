"""What a failed call of obstore means, for stores of every kind: the outcomes, and what the network does wrong. Pure.

obstore raises few kinds of errors and tells the rest in words. They are read with care: what is not
recognised is in doubt. Nothing of an answer's text is shown but its status and code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

_CALLED = re.compile(r"Error performing [A-Z]+ (\S+) in ")
_STATUS = re.compile(r"Server returned non-2xx status code: ([0-9]{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_TRANSPORT = re.compile(r"HttpError \{\s*kind: ([A-Za-z]+)")

DOUBTFUL_STATUS = {408, 409, 425, 429}
"""Beside 5xx: answers of a proxy or a busy store, which say little about what lies behind."""


class Kind(Enum):
    """What a failure says about the call."""

    ABSENT = auto()
    """Nothing lies under the name."""
    TAKEN = auto()
    """Something lies under the name already."""
    EMPTY_RANGE = auto()
    """The bytes asked for are none: the object is empty."""
    REFUSED = auto()
    """It was not done, and will not be until somebody changes a setting, a permission or a credential."""
    FAILED = auto()
    """It was not done; it may be the next time."""
    UNKNOWN = auto()
    """It may have been done, now or later."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failure, in our own words. ``credentials`` says whether other credentials could help."""

    kind: Kind
    what: str
    hint: str | None = None
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store said: a status that is no success, and its code, or ""."""

    status: int
    code: str

    @property
    def said(self) -> str:
        """Both, to be shown."""
        return f"{self.status} {self.code}".strip()


def answer_in(text: str) -> Answer | None:
    """The store's answer that the words of an error tell of; None where they tell of none."""
    status = _STATUS.search(text)
    if status is None:
        return None
    code = _CODE.search(text)
    return Answer(int(status[1]), code[1] if code else "")


def asks_elsewhere(text: str, endpoint: str) -> bool:
    """Whether it was not the store at `endpoint` that was asked, but a service that hands out credentials."""
    if "Error performing token request" in text:
        return True
    called = _CALLED.search(text)
    if called is None or called[1] == "REDACTED":
        # What a URL holds as its login is not told, and only the store is asked with such a URL.
        return False
    host, expected = urlsplit(called[1]).hostname or "", urlsplit(endpoint).hostname or ""
    return host != expected and not host.endswith(f".{expected}")


def not_now(said: str) -> Refusal:
    """The store's own word that it could not do it, which does not say that it has not."""
    return Refusal(Kind.UNKNOWN, f"it says that it cannot do it now ({said})", "it is tried again")


def refused(said: str) -> Refusal:
    """An answer that no second try would change."""
    return Refusal(Kind.REFUSED, f"it refuses the request ({said})", "compare the store's settings with what it can do")


def unanswered(text: str) -> Refusal:
    """No answer at all: what the transport says of it."""
    transport = _TRANSPORT.search(text)
    match transport[1] if transport else "":
        case "Connect":
            return Refusal(Kind.FAILED, _no_connection(text), "is the endpoint right, and the network up?")
        case "Timeout":
            return Refusal(Kind.UNKNOWN, "no answer in time")
        case "Request" | "Interrupted":
            return Refusal(Kind.UNKNOWN, "the connection was cut before the answer")
    return Refusal(Kind.UNKNOWN, "no answer that an object store gives", "is the endpoint right?")


def _no_connection(text: str) -> str:
    for sign, what in (
        ("ConnectionRefused", "connection refused"),
        ("dns error", "its name cannot be resolved"),
        ("ertificate", "its TLS certificate is not trusted"),
        ("TimedOut", "no connection in time"),
    ):
        if sign in text:
            return what
    return "no connection"
