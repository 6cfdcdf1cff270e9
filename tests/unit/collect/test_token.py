"""How a token is asked for, and what of an answer is taken for one."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from coleta.collect.response import Failed, Fault, Response
from coleta.collect.token import Credentials, Granted, NotGranted, read_token, token_request
from coleta.stream import Auth, Hidden, SecretRef
from coleta.testing.samples import NOON

AUTH = Auth("erp", "https://login.example.com/token", "id", SecretRef("env:S"), scope="read all", audience="erp")
CREDENTIALS = Credentials("my:id", "s&cret é")


def form(hidden: Hidden | None) -> dict[str, str]:
    assert hidden is not None
    return {name: values[0] for name, values in parse_qs(hidden.value, strict_parsing=True).items()}


def said(body: object, status: int = 200) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, (), raw, raw, None, NOON, NOON)


def test_the_clients_own_credentials_go_into_the_header_encoded_before_they_are_joined() -> None:
    request = token_request(AUTH, CREDENTIALS)

    (header,) = request.headers
    assert isinstance(header[1], Hidden)
    assert header[0] == "Authorization"
    assert base64.b64decode(header[1].value.removeprefix("Basic ")) == b"my%3Aid:s%26cret+%C3%A9"
    assert form(request.form) == {"grant_type": "client_credentials", "scope": "read all", "audience": "erp"}
    assert (request.method, request.url, request.redirects) == ("POST", AUTH.token_url, "refuse")


def test_or_into_the_body_where_the_server_wants_them_there() -> None:
    auth = Auth("erp", AUTH.token_url, "id", SecretRef("env:S"), style="body")

    request = token_request(auth, CREDENTIALS)

    assert request.headers == ()
    assert form(request.form) == {
        "grant_type": "client_credentials", "client_id": "my:id", "client_secret": "s&cret é",
    }  # fmt: skip


def test_a_refresh_token_is_sent_with_its_grant_also_by_a_client_without_a_secret() -> None:
    request = token_request(Auth("erp", AUTH.token_url, "id"), Credentials("id", None, "r1"))

    assert request.headers == ()
    assert form(request.form) == {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "id"}


def test_nothing_of_a_secret_is_shown() -> None:
    request = token_request(AUTH, CREDENTIALS)
    granted = read_token(said({"access_token": "t0ken", "refresh_token": "r3fresh"}))

    shown = f"{request!r} {request.redacted()} {CREDENTIALS!r} {granted!r} {Hidden('t0ken')!s}"
    assert [word for word in ("s&cret", "s%26", "my:id", "t0ken", "r3fresh", "Basic ") if word in shown] == []


@pytest.mark.parametrize(
    ("told", "good_for"),
    [
        (3600, timedelta(minutes=59)),
        ("3600", timedelta(minutes=59)),
        (10, timedelta(seconds=5)),
        (None, timedelta(minutes=59)),
        ("soon", timedelta(minutes=59)),
        (1e300, timedelta(minutes=59)),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(told: object, good_for: timedelta) -> None:
    granted = read_token(said({"access_token": "t", "token_type": "bearer", "expires_in": told}))

    assert granted == Granted(Hidden("t"), good_for)


@pytest.mark.parametrize(
    ("came", "why", "final"),
    [
        (said({"error": "invalid_client"}, 401), "HTTP status 401 (invalid_client)", True),
        (said({"error": "invalid_grant", "error_description": "s&cret"}, 400), "400 (invalid_grant)", True),
        (said({"error": "s&cret"}, 400), "HTTP status 400", True),
        (said(b"<html>", 403), "HTTP status 403", True),
        (said(b"", 302), "HTTP status 302", True),
        (said(b"", 503), "HTTP status 503", False),
        (said(b"", 429), "HTTP status 429", False),
        (said({"error": "temporarily_unavailable"}, 400), "temporarily_unavailable", False),
        (said(b"<html>"), "holds no access_token", False),
        (said({"access_token": "a\r\nX: 1"}), "holds no access_token", False),
        (said({"access_token": 7}), "holds no access_token", False),
        (said({"access_token": "t", "token_type": "mac"}), "not of the type Bearer", True),
        (Failed(Fault.DNS, "no such name", NOON), "dns: no such name", False),
        (Failed(Fault.TLS, "expired", NOON), "tls: expired", True),
    ],
)
def test_what_is_no_token_says_why_and_whether_the_same_may_be_sent_again(
    came: Response | Failed, why: str, final: bool
) -> None:
    told = read_token(came)

    assert isinstance(told, NotGranted)
    assert (why in told.why, told.final) == (True, final)
    assert "s&cret" not in told.why
