"""What a failed call of obstore means: whether it may have happened, and what to tell. Pure.

obstore raises few kinds of errors and tells the rest in words. They are read with care: what is not
recognised is in doubt. Nothing of an answer's text is shown but its code and a region, since S3 sends
back what it was sent, session tokens too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

_CALLED = re.compile(r"Error performing [A-Z]+ (\S+) in ")
_STATUS = re.compile(r"Server returned non-2xx status code: ([0-9]{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9.]{1,60})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_TRANSPORT = re.compile(r"HttpError \{\s*kind: ([A-Za-z]+)")

_WRONG_REGION = {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
_CREDENTIALS = {
    "AccessDenied", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "RequestExpired",
    "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
_TRANSIENT = {
    "BadDigest",
    "IncompleteBody",
    "RequestTimeout",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
}
_DOUBTFUL_STATUS = {408, 425, 429}
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


def judge(error: Exception, *, endpoint: str) -> Refusal:
    """What `error`, raised by a call of obstore that was tried once, means for the store at `endpoint`."""
    text = str(error)
    called = _CALLED.search(text)
    if called is not None and not _is_at(called[1], endpoint):
        # Credentials are asked for before anything is sent to the store.
        return _no_credentials("the service that hands out credentials did not answer as it should")
    if "External AWS credential provider" in text:
        return _no_credentials("no credentials could be found")
    status = _STATUS.search(text)
    if status is not None:
        code = _CODE.search(text)
        return _answered(int(status[1]), code[1] if code else "", text)
    if "BareRedirect" in text:
        return _wrong_region("", text)
    transport = _TRANSPORT.search(text)
    return _unanswered(transport[1] if transport else "", text)


def _is_at(url: str, endpoint: str) -> bool:
    called, expected = urlsplit(url).hostname or "", urlsplit(endpoint).hostname or ""
    return called == expected or called.endswith(f".{expected}")


def _answered(status: int, code: str, text: str) -> Refusal:
    said = f"{status} {code}".strip()
    if code in _WRONG_REGION or status in (301, 307, 308):
        return _wrong_region(said, text)
    if status == 404:
        return _not_found(code, said)
    if status == 412:
        return Refusal(Kind.TAKEN, f"something lies there already ({said})")
    if status == 416:
        return Refusal(Kind.EMPTY_RANGE, f"it has no such bytes ({said})")
    if code in _TRANSIENT:
        return Refusal(Kind.FAILED, f"what arrived is not what was sent ({said})", "it is tried again")
    if status in (401, 403) or code in _CREDENTIALS:
        return _denied(code, said)
    if status == 501:
        return Refusal(Kind.REFUSED, f"it does not know what was asked of it ({said})", "is it a store for objects?")
    if status >= 500 or status in _DOUBTFUL_STATUS or status == 409:
        return Refusal(Kind.UNKNOWN, f"it says that it cannot do it now ({said})", "it is tried again")
    return Refusal(Kind.REFUSED, f"it refuses the request ({said})", "compare the store's settings with what it can do")


def _not_found(code: str, said: str) -> Refusal:
    match code:
        case "NoSuchKey":
            return Refusal(Kind.ABSENT, "nothing lies there")
        case "NoSuchBucket":
            return Refusal(Kind.REFUSED, "there is no such bucket", "create it, or correct the name; Coleta makes none")
    return Refusal(Kind.REFUSED, f"this is not how an object store answers ({said})", "is the endpoint right?")


def _denied(code: str, said: str) -> Refusal:
    match code:
        case "SignatureDoesNotMatch":
            hint = "the secret key does not belong to this access key"
        case "InvalidAccessKeyId":
            hint = "the store does not know this access key"
        case "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired":
            hint = "the session's credentials have expired; new ones are picked up without a restart"
        case "RequestTimeTooSkewed":
            hint = "this machine's clock is wrong"
        case _:
            hint = "allow s3:GetObject and s3:PutObject on its objects, and s3:ListBucket on the bucket itself"
    return Refusal(Kind.REFUSED, f"access denied ({said})", hint, credentials=True)


def _wrong_region(said: str, text: str) -> Refusal:
    found = _REGION.search(text)
    other = f"it is {found[1]}: " if found else ""
    shown = f" ({said})" if said else ""
    return Refusal(Kind.REFUSED, f"the bucket is not in this region{shown}", f"{other}set region, or AWS_REGION")


def _no_credentials(what: str) -> Refusal:
    hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment or .env, or access_key and secret_key"
    return Refusal(Kind.REFUSED, what, hint, credentials=True)


def _unanswered(transport: str, text: str) -> Refusal:
    match transport:
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
