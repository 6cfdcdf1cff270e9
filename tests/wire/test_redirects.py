"""Redirects: reported, or followed to the very same server where that is allowed (FAULTS.md A 20)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from coleta.collect.redirect import MOST_HOPS
from coleta.collect.request import Request
from coleta.collect.response import Fault
from coleta.stream import SecretRef

if TYPE_CHECKING:
    from tests.wire.conftest import Certificate, Client, Peer, Script, Server

Serve = Callable[..., "Server"]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
KEY = (("X-Api-Key", SecretRef("env:TOKEN")),)


def polite(peer: Peer) -> None:
    while peer.hear():
        peer.say(EMPTY)


def redirecting(*locations: str, then: bytes = EMPTY) -> Script:
    """One redirect after the other, over as many connections as the client likes, and then an answer."""
    left = list(locations)

    def script(peer: Peer) -> None:
        while peer.hear():
            if not left:
                peer.say(then)
                continue
            peer.say(f"HTTP/1.1 302 Go\r\nLocation: {left.pop(0)}\r\nContent-Length: 0\r\n\r\n".encode())

    return script


def following(url: str, *, method: str = "GET") -> Request:
    return Request(url, method=method, headers=KEY, redirects="same_origin")


def test_a_redirect_within_the_same_server_is_followed_with_all_that_the_request_brings(
    serve: Serve, client: Client
) -> None:
    server = serve(redirecting("/v2/records", "deeper?page=1"))

    came = client.get(following(server.url("/v1/records")))

    assert (came.status, came.body) == (200, b"[]")
    assert [head.split(b" ")[1] for head in server.heard] == [b"/v1/records", b"/v2/records", b"/v2/deeper?page=1"]
    assert all(b"X-Api-Key: canary-5f1d\r\n" in head for head in server.heard)


def test_a_redirect_is_not_followed_unless_it_is_asked_for(serve: Serve, client: Client) -> None:
    server = serve(redirecting("/v2/records"))

    assert client.get(Request(server.url(), headers=KEY)).status == 302
    assert len(server.heard) == 1


def test_a_redirect_to_another_server_is_not_followed_and_the_key_stays_here(serve: Serve, client: Client) -> None:
    elsewhere = serve(polite)
    server = serve(redirecting(elsewhere.url()))

    came = client.get(following(server.url()))

    assert (came.status, came.header("location")) == (302, elsewhere.url())
    assert elsewhere.connections == 0


def test_a_redirect_from_https_to_http_is_not_followed(
    serve: Serve, certify: Callable[..., Certificate], client: Client
) -> None:
    plain = serve(polite)
    server = serve(redirecting(plain.url()), tls=certify().serving())
    request = Request(server.url(), headers=KEY, verify_tls=False, redirects="same_origin")

    assert client.get(request).status == 302
    assert plain.connections == 0


def test_a_loop_of_redirects_ends(serve: Serve, client: Client) -> None:
    server = serve(redirecting(*["/again"] * 1000))

    came = client.get(following(server.url()))

    assert came.status == 302
    assert len(server.heard) == MOST_HOPS + 1


def test_a_redirect_does_not_prolong_the_time_out(serve: Serve, client: Client) -> None:
    def slow(peer: Peer) -> None:
        while peer.hear():
            peer.drip(b"HTTP/1.1 302 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", every_s=0.01)

    server, start = serve(slow), monotonic()

    failed = client.fail(following(server.url()), timeout_s=0.8)

    assert failed.fault in (Fault.TIMEOUT, Fault.READ_TIMEOUT)
    assert monotonic() - start < 3


@pytest.mark.parametrize("method", ["POST"])
def test_a_request_that_may_change_something_is_not_repeated_elsewhere(
    method: str, serve: Serve, client: Client
) -> None:
    server = serve(redirecting("/v2/records"))

    assert client.get(following(server.url(), method=method)).status == 302
    assert len(server.heard) == 1
