"""Which connection a request goes over: kept ones, as long as they are clean (FAULTS.md A 1, 2, 8)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from coleta.collect.request import Request
from coleta.collect.response import Fault

if TYPE_CHECKING:
    from tests.wire.conftest import Client, Peer, Server

Serve = Callable[..., "Server"]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"


def polite(peer: Peer) -> None:
    while peer.hear():
        peer.say(EMPTY)


def test_a_connection_is_used_again(serve: Serve, client: Client) -> None:
    server = serve(polite)

    for _ in range(3):
        assert client.get(server.url()).body == b"[]"

    assert (server.connections, len(server.heard)) == (1, 3)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    ],
)
def test_a_connection_is_used_again_after_any_whole_response(answer: bytes, serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(answer)

    server = serve(script)
    client.get(server.url())
    client.get(server.url())

    assert server.connections == 1


def test_bytes_behind_a_body_never_enter_the_next_answer(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(EMPTY, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[9]")

    server = serve(script)

    bodies = [client.get(server.url()).body for _ in range(3)]

    assert bodies == [b"[]", b"[]", b"[]"]
    assert server.connections == 3


def test_bytes_that_come_while_a_connection_is_idle_never_enter_the_next_answer(serve: Serve, client: Client) -> None:
    answered, late = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        if peer.hear():
            peer.say(EMPTY)
            answered.wait(5)
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[9]")
            late.set()
            peer.wait()

    server = serve(script, polite)
    assert client.get(server.url()).body == b"[]"
    answered.set()
    assert late.wait(5)

    assert client.get(server.url()).body == b"[]"
    assert server.connections == 2


def test_a_response_that_announces_the_end_ends_the_connection(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]")

    server = serve(script)
    client.get(server.url())
    client.get(server.url())

    assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_server_that_closes_without_saying_so_does_no_harm(method: str, serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(EMPTY if method != "HEAD" else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")

    server = serve(script)

    assert [client.get(Request(server.url(), method=method)).status for _ in range(5)] == [200] * 5


def closes_on_the_second_request(peer: Peer) -> None:
    # The close crosses the request on the wire: no look at the idle connection could have seen it.
    if peer.hear():
        peer.say(EMPTY)
        peer.hear()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_safe_request_that_lost_the_race_against_a_close_is_sent_once_more(
    method: str, serve: Serve, client: Client
) -> None:
    server = serve(closes_on_the_second_request, polite)
    client.get(server.url())

    assert client.get(Request(server.url(), method=method)).status == 200
    assert len(server.heard) == 3


def test_an_unsafe_request_that_lost_the_race_is_not_sent_again(serve: Serve, client: Client) -> None:
    server = serve(closes_on_the_second_request, polite)
    client.get(server.url())

    assert client.fail(Request(server.url(), method="POST")).fault is Fault.RESET
    assert len(server.heard) == 2


def test_a_request_that_fails_on_a_fresh_connection_is_not_sent_again(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()

    server = serve(script)

    assert client.fail(server.url()).fault is Fault.RESET
    assert len(server.heard) == 1


def begins_and_closes(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1")


def begins_and_resets(peer: Peer) -> None:
    # Slowly, so that the client has read some of it before the reset throws the rest away.
    peer.drip(b"HTTP/1.1", every_s=0.02)
    peer.reset()


@pytest.mark.parametrize("breaks_off", [begins_and_closes, begins_and_resets])
def test_a_response_that_began_on_a_kept_connection_is_not_asked_for_again(
    breaks_off: Callable[[Peer], None], serve: Serve, client: Client
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(EMPTY)
        peer.hear()
        breaks_off(peer)

    server = serve(script)
    client.get(server.url())

    assert client.fail(server.url()).fault in (Fault.INCOMPLETE, Fault.RESET)
    assert len(server.heard) == 2


def test_many_threads_share_a_transport(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        while head := peer.hear():
            path = head.split(b" ")[1]
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path), path)

    server = serve(script)
    paths = [f"/{number}" for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda path: client.get(server.url(path)).body.decode(), paths))

    assert bodies == paths
    assert server.connections <= 8


def test_a_host_that_refuses_is_reported_as_such(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert client.fail(f"http://127.0.0.1:{port}/").fault is Fault.REFUSED


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "a..b"])
def test_a_name_that_does_not_resolve_is_reported_as_such(host: str, client: Client) -> None:
    assert client.fail(f"http://{host}/", timeout_s=2).fault is Fault.DNS
