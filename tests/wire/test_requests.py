"""What goes over the wire, and what must never (FAULTS.md A 12, 17, 18, 20; I 86)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from coleta import __version__
from coleta.adapters.http import HttpTransport
from coleta.collect.envelope import NotData, look
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Keep, Patience, Response, Retry, judge
from coleta.contract.types import Contract
from coleta.errors import AuthRefused
from coleta.stream import Body, FormBody, JsonBody, SecretRef
from coleta.terms import Terms

if TYPE_CHECKING:
    from tests.wire.conftest import Client, Peer, Server

Serve = Callable[..., "Server"]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


def polite(peer: Peer) -> None:
    while peer.hear():
        peer.say(EMPTY)


def test_a_request_says_what_it_is_and_what_it_can_read(serve: Serve, client: Client) -> None:
    server = serve(polite)
    client.get(server.url("/gerar compras/50?dia=1&loja=São Paulo#top"))

    lines = server.heard[0].decode("ascii").split("\r\n")
    assert lines[0] == "GET /gerar%20compras/50?dia=1&loja=S%C3%A3o%20Paulo HTTP/1.1"
    assert sorted(line for line in lines[1:] if line) == [
        "Accept-Encoding: gzip, deflate",
        "Accept: application/json",
        f"Host: 127.0.0.1:{server.port}",
        f"User-Agent: coleta/{__version__}",
    ]


def test_a_request_may_set_its_own_headers_and_bring_its_secret(serve: Serve, client: Client) -> None:
    server = serve(polite)
    client.get(
        Request(
            server.url(),
            headers=(("accept", "text/csv"), ("X-Api-Key", SecretRef("env:TOKEN")), ("User-Agent", "x")),
        )
    )

    head = server.heard[0].decode("ascii")
    assert "accept: text/csv\r\n" in head
    assert "application/json" not in head
    assert "coleta/" not in head
    assert "X-Api-Key: canary-5f1d\r\n" in head


@pytest.mark.parametrize("name", ["env:SPLIT", "env:WIDE"])
def test_a_secret_that_no_header_can_hold_is_refused_without_showing_it(
    name: str, serve: Serve, client: Client
) -> None:
    server = serve(polite)

    failed = client.fail(Request(server.url(), headers=(("Authorization", SecretRef(name)),)))

    assert failed.fault is Fault.SECRET
    assert "Authorization" in failed.detail
    assert server.connections == 0


def test_a_secret_that_is_missing_names_what_to_set(serve: Serve) -> None:
    def missing(secret: SecretRef) -> str:
        raise AuthRefused("the environment variable TOKEN is not set", hint="set TOKEN before starting")

    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=missing)
    request = Request("http://127.0.0.1:9/", headers=(("Authorization", SecretRef("env:TOKEN")),))

    came = transport.exchange(request, timeout=timedelta(seconds=1), max_bytes=100)

    assert isinstance(came, Failed)
    assert came.fault is Fault.SECRET
    assert "TOKEN" in came.detail


def test_whatever_a_keeper_of_secrets_raises_is_a_failed_exchange_that_repeats_none_of_it(client: Client) -> None:
    # The test's own keeper raises KeyError, whose text is the reference.
    request = Request("http://127.0.0.1:9/", headers=(("Authorization", SecretRef("canary-pasted-secret")),))

    assert client.fail(request).fault is Fault.SECRET


@pytest.mark.parametrize(
    "header", [("X-A", "1\r\nX-B: 2"), ("X-A\r\nX-B", "2"), ("X A", "1"), ("Content-Length", "5"), ("X-A", "\u20ac")]
)
def test_a_header_that_would_break_the_request_is_refused(
    header: tuple[str, str], serve: Serve, client: Client
) -> None:
    server = serve(polite)

    assert client.fail(Request(server.url(), headers=(header,))).fault is Fault.BAD_URL
    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://[::1/", "http://127.0.0.1:99999/",
        "http://user:canary@127.0.0.1/", "http://127.0.0.1:99999/?token=canary", "nonsense?api_key=canary",
        "http://[canary/", "http://127.0.0.1:canary/",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_asked_is_refused_without_showing_its_secrets(url: str, client: Client) -> None:
    assert client.fail(url).fault is Fault.BAD_URL


def test_a_method_that_is_no_word_is_refused(serve: Serve, client: Client) -> None:
    server = serve(polite)

    assert client.fail(Request(server.url(), method="GET / HTTP/1.1\r\nX: ")).fault is Fault.BAD_URL


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_reported_and_not_followed(status: int, serve: Serve, client: Client) -> None:
    elsewhere = serve(polite)

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(f"HTTP/1.1 {status} Go\r\nLocation: {elsewhere.url()}\r\nContent-Length: 0\r\n\r\n".encode())

    request = Request(serve(script).url(), headers=(("X-Api-Key", SecretRef("env:TOKEN")),))
    came = client.get(request)

    assert (came.status, came.header("location")) == (status, elsewhere.url())
    assert elsewhere.connections == 0


def test_cookies_are_not_stored(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 2\r\n\r\n[]")

    server = serve(script)
    client.get(server.url())
    client.get(server.url())

    assert b"ookie" not in b"".join(server.heard)


def test_a_post_has_an_empty_body_and_says_so(serve: Serve, client: Client) -> None:
    server = serve(polite)
    client.get(Request(server.url(), method="POST"))

    assert b"Content-Length: 0\r\n" in server.heard[0]


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PATIENCE = Patience(attempt=1, now=NOW, deadline=NOW + timedelta(seconds=60), chance=0.5)
TERMS = Terms(Contract(fields=()))


def test_a_throttled_response_is_obeyed(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")

    verdict = judge(client.get(serve(script).url()), None, PATIENCE)

    assert isinstance(verdict, Retry)
    assert timedelta(seconds=7) <= verdict.after < timedelta(seconds=8)


@pytest.mark.parametrize("body", [b"<html><body>Sign in</body></html>", b'{"error": "n must be positive"}', b""])
def test_a_complete_answer_that_is_not_the_data_is_asked_again_and_then_kept(
    body: bytes, serve: Serve, client: Client
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)

    came = client.get(serve(script).url())
    page = look(came.body, TERMS)

    assert isinstance(came, Response)
    assert isinstance(page, NotData)
    assert isinstance(judge(came, page, PATIENCE), Retry)
    late = Patience(attempt=9, now=PATIENCE.deadline, deadline=PATIENCE.deadline, chance=0.5)
    assert judge(came, page, late) == Keep(wrong=page.why)


BODIES = [
    (JsonBody({"a": 1, "key": SecretRef("env:TOKEN")}), "application/json", b'{"a":1,"key":"canary-5f1d"}'),
    (FormBody((("k", SecretRef("env:TOKEN")),)), "application/x-www-form-urlencoded", b"k=canary-5f1d"),
]


@pytest.mark.parametrize(("body", "kind", "sent"), BODIES)
def test_a_body_is_sent_with_its_length_and_its_kind(
    body: Body, kind: str, sent: bytes, serve: Serve, client: Client
) -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.hear()
        heard.append(b"".join(peer.take() for _ in sent))
        peer.say(EMPTY)

    server = serve(script)
    client.get(Request(server.url("/x?a=1"), "POST", params=(("t", SecretRef("env:TOKEN")),), body=body))

    head = server.heard[0].decode("ascii")
    assert head.startswith("POST /x?a=1&t=canary-5f1d HTTP/1.1\r\n")
    assert f"Content-Type: {kind}\r\n" in head
    assert f"Content-Length: {len(sent)}\r\n" in head
    assert heard == [sent]


def test_a_body_whose_secret_is_missing_is_not_sent(client: Client) -> None:
    failed = client.fail(Request("http://127.0.0.1:9/", "POST", body=JsonBody({"a": SecretRef("env:NO")})))

    assert failed.fault is Fault.SECRET
