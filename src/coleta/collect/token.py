"""Stage 1, step 2: the token that a request goes out with (OAuth 2.0, RFC 6749). Pure: how it is asked for, what came.

No secret is shown: of a refusal only the code that the standard knows is told.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote_plus, urlencode

import msgspec

from coleta.collect.request import Request
from coleta.collect.response import Failed, Response, is_hopeless, is_passing
from coleta.stream import Auth, Hidden

UNTOLD = timedelta(hours=1)
"""How long a token is used whose answer does not say for how long it is good: a refused one is replaced anyway."""

EARLIER = timedelta(seconds=60)
"""How long before its end a token is replaced: longer than one request takes by default, and than clocks differ."""

_CODES = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "invalid_target", "access_denied", "server_error", "temporarily_unavailable",
    }
)  # fmt: skip
_TOKEN = re.compile(r"[\x21-\x7e]+")
_ANSWER = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a token is asked with. Nothing of it is shown."""

    client_id: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, for how long it may be used, and the refresh token that takes the place of the one sent, if any."""

    token: Hidden
    good_for: timedelta
    refresh_token: Hidden | None = None


@dataclass(frozen=True, slots=True)
class NotGranted:
    """No token came. ``final``: what was sent is refused, so the same is not to be sent again soon."""

    why: str
    final: bool = False


def token_request(auth: Auth, credentials: Credentials) -> Request:
    """The request for a token. It is followed nowhere else."""
    form = {"grant_type": "client_credentials"}
    if credentials.refresh_token is not None:
        form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
    form |= {name: value for name, value in (("scope", auth.scope), ("audience", auth.audience)) if value is not None}
    headers: tuple[tuple[str, Hidden], ...] = ()
    if auth.style == "basic" and credentials.client_secret is not None:
        # Each is encoded as in a form before they are joined (RFC 6749, 2.3.1).
        pair = f"{quote_plus(credentials.client_id)}:{quote_plus(credentials.client_secret)}"
        headers = (("Authorization", Hidden("Basic " + base64.b64encode(pair.encode()).decode())),)
    else:
        form["client_id"] = credentials.client_id
        if credentials.client_secret is not None:
            form["client_secret"] = credentials.client_secret
    return Request(
        url=auth.token_url,
        method="POST",
        headers=headers,
        form=Hidden(urlencode(form)),
        allow_addresses=auth.allow_addresses,
    )


def read_token(came: Response | Failed) -> Granted | NotGranted:
    """What the answer to a token's request says."""
    if isinstance(came, Failed):
        return NotGranted(f"{came.fault}: {came.detail}", final=is_hopeless(came))
    if not 200 <= came.status < 300:
        code = _answer(came).get("error")
        told = f" ({code})" if isinstance(code, str) and code in _CODES else ""
        passing = is_passing(came.status) or code in ("server_error", "temporarily_unavailable")
        return NotGranted(f"HTTP status {came.status}{told}", final=not passing)
    answer = _answer(came)
    token, kind, refresh = answer.get("access_token"), answer.get("token_type"), answer.get("refresh_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return NotGranted("the answer holds no access_token")
    if isinstance(kind, str) and kind.lower() != "bearer":
        return NotGranted("the token is not of the type Bearer, and no other can be sent", final=True)
    good_for = _good_for(answer.get("expires_in"))
    return Granted(Hidden(token), good_for, Hidden(refresh) if isinstance(refresh, str) and refresh else None)


def _answer(came: Response) -> dict[str, object]:
    try:
        return _ANSWER.decode(came.body)
    except (msgspec.MsgspecError, RecursionError):
        return {}


def _good_for(told: object) -> timedelta:
    """For how long a token that says `told` seconds is used: a while less, and some time of even the shortest."""
    try:
        # Some servers write the number as a text.
        seconds = float(told) if isinstance(told, int | float | str) and not isinstance(told, bool) else None
        given = UNTOLD if seconds is None else timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        given = UNTOLD
    return max(given - EARLIER, given / 2)
