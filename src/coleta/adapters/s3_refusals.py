"""What a failed call of obstore means for a store that speaks S3: whether it may have happened, and what to tell. Pure.

Nothing of an answer's text is shown but its code and a region, since S3 sends back what it was sent, session
tokens too.
"""

from __future__ import annotations

import re

from coleta.adapters.refusals import (
    DOUBTFUL_STATUS,
    Kind,
    Refusal,
    answer_in,
    asks_elsewhere,
    not_now,
    refused,
    unanswered,
)

_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")

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


def judge(error: Exception, *, endpoint: str) -> Refusal:
    """What `error`, raised by a call of obstore that was tried once, means for the store at `endpoint`."""
    text = str(error)
    if asks_elsewhere(text, endpoint):
        # Credentials are asked for before anything is sent to the store.
        return _no_credentials("the service that hands out credentials did not answer as it should")
    if "External AWS credential provider" in text:
        return _no_credentials("no credentials could be found")
    answer = answer_in(text)
    if answer is not None:
        return _answered(answer.status, answer.code, text)
    if "BareRedirect" in text:
        return _wrong_region("", text)
    return unanswered(text)


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
    if status >= 500 or status in DOUBTFUL_STATUS:
        return not_now(said)
    return refused(said)


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
