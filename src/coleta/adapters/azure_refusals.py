"""What a failed call of obstore means for Azure Blob Storage: whether it may have happened, and what to tell. Pure.

Nothing of an answer's text is shown but its code: Azure sends back the string that it wanted signed.
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

_CREDENTIALS = {
    "AccountIsDisabled", "AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch",
    "InsufficientAccountPermissions", "InvalidAuthenticationInfo", "KeyBasedAuthenticationNotPermitted",
    "NoAuthenticationInformation",
}  # fmt: skip
_TAKEN = {"BlobAlreadyExists", "ConditionNotMet", "PathAlreadyExists", "UnauthorizedBlobOverwrite"}
_TRANSIENT = {"Md5Mismatch", "Crc64Mismatch"}
_WORDS_OF_LOGIN = (
    "InvalidAccessKey", "TokenRequest", "AzureCli", "FederatedTokenFile", "MSI", "SasKey", "MissingSasComponent",
    "InvalidCredentialType",
)  # fmt: skip
"""What obstore's error says where no credential could be had, so that nothing was sent to the store."""

_LOGIN_HINT = (
    "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN in the environment or .env, or account_key or sas_token; "
    "a service principal and managed identities are on the page docs/how-to/azure.md"
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
    if code in _TAKEN or status == 412:
        return Refusal(Kind.TAKEN, f"something lies there already ({said})")
    if status == 404:
        return _not_found(code, said)
    if status == 416:
        return Refusal(Kind.EMPTY_RANGE, f"it has no such bytes ({said})")
    if code in _TRANSIENT:
        return Refusal(Kind.FAILED, f"what arrived is not what was sent ({said})", "it is tried again")
    if status in (401, 403) or code in _CREDENTIALS:
        return _denied(code, said)
    if status >= 500 or status in DOUBTFUL_STATUS:
        return not_now(said)
    return refused(said)


def _not_found(code: str, said: str) -> Refusal:
    match code:
        case "BlobNotFound":
            return Refusal(Kind.ABSENT, "nothing lies there")
        case "ContainerNotFound":
            what = "there is no such container"
            return Refusal(Kind.REFUSED, what, "create it, or correct the name; Coleta makes none")
        case "ResourceNotFound":
            return Refusal(Kind.REFUSED, f"there is no such account here ({said})", "are account and endpoint right?")
    return Refusal(Kind.REFUSED, f"this is not how Azure Blob Storage answers ({said})", "is the endpoint right?")


def _denied(code: str, said: str) -> Refusal:
    match code:
        case "AuthenticationFailed" | "AuthorizationFailure" | "InvalidAuthenticationInfo":
            hint = "the key, the SAS token or the identity is not this account's, has expired, or the clock is wrong"
        case "KeyBasedAuthenticationNotPermitted":
            hint = "this account takes no keys: use a service principal, a managed identity or an identity's SAS token"
        case "NoAuthenticationInformation":
            hint = _LOGIN_HINT
        case _:
            hint = "allow reading, creating and listing blobs: Storage Blob Data Contributor, or sp=rcwl of a SAS token"
    return Refusal(Kind.REFUSED, f"access denied ({said})", hint, credentials=True)


def _no_login(what: str) -> Refusal:
    return Refusal(Kind.REFUSED, what, _LOGIN_HINT, credentials=True)
