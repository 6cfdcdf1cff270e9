"""What a failed call of obstore means for Google Cloud Storage: whether it may have happened, and what to tell. Pure.

Nothing of an answer's text is shown but its status and code.
"""

from __future__ import annotations

from coleta.adapters.refusals import (
    DOUBTFUL_STATUS,
    Answer,
    Kind,
    Refusal,
    answer_in,
    asks_elsewhere,
    not_now,
    refused,
    unanswered,
)

_CREDENTIALS = {"AccessDenied", "AuthenticationRequired", "ExpiredToken", "InvalidSecurity", "SignatureDoesNotMatch"}
_WORDS_OF_LOGIN = ("Credential {", "TokenRequest", "credential error")
"""What obstore's error says where no credential could be had, so that nothing was sent to the store."""

_LOGIN_HINT = (
    "set GOOGLE_APPLICATION_CREDENTIALS, or service_account, or run `gcloud auth application-default login`; "
    "on a machine of Google's, give it a service account"
)


def judge(error: Exception, *, endpoint: str) -> Refusal:
    """What `error`, raised by a call of obstore that was tried once, means for the store at `endpoint`."""
    text = str(error)
    if asks_elsewhere(text, endpoint):
        # Credentials are asked for before anything is sent to the store.
        return _no_login("the service that hands out credentials did not answer as it should")
    answer = answer_in(text)
    if answer is not None:
        return _answered(answer)
    if any(word in text for word in _WORDS_OF_LOGIN):
        return _no_login("no credentials that could be used were found")
    return unanswered(text)


def _answered(answer: Answer) -> Refusal:
    status, code, said = answer.status, answer.code, answer.said
    if status == 404:
        return _not_found(code, said)
    if status == 412:
        return Refusal(Kind.TAKEN, f"something lies there already ({said})")
    if status == 416:
        return Refusal(Kind.EMPTY_RANGE, f"it has no such bytes ({said})")
    if status in (401, 403) or code in _CREDENTIALS:
        hint = (
            "allow storage.objects.create, .get and .list on the bucket: Storage Object User has them; "
            "a token that has expired is renewed without a restart"
        )
        return Refusal(Kind.REFUSED, f"access denied ({said})", hint, credentials=True)
    if status >= 500 or status in DOUBTFUL_STATUS:
        return not_now(said)
    return refused(said)


def _not_found(code: str, said: str) -> Refusal:
    match code:
        case "NoSuchKey":
            return Refusal(Kind.ABSENT, "nothing lies there")
        case "NoSuchBucket":
            return Refusal(Kind.REFUSED, "there is no such bucket", "create it, or correct the name; Coleta makes none")
    return Refusal(Kind.REFUSED, f"this is not how Cloud Storage answers ({said})", "is the endpoint right?")


def _no_login(what: str) -> Refusal:
    return Refusal(Kind.REFUSED, what, _LOGIN_HINT, credentials=True)
