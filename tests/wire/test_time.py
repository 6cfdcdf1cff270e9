"""How long an exchange may take: the time-out in all, however the other side behaves (FAULTS.md A 3, 5, 6)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from coleta.adapters.http_line import CONNECT_S
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response

if TYPE_CHECKING:
    from tests.wire.conftest import Certificate, Client, Peer, Server

Serve = Callable[..., "Server"]

GENEROUS_S = 3.0
"""Far more than a time-out of 0.3 s needs, far less than the server's own patience."""

OK = b"HTTP/1.1 200 OK\r\n"


def silent(peer: Peer) -> None:
    peer.hear()
    peer.wait()


def stalls_in_the_body(peer: Peer) -> None:
    peer.hear()
    peer.say(OK, b"Content-Length: 100\r\n\r\n", b"[1,")
    peer.wait()


def drips_a_body(peer: Peer) -> None:
    peer.hear()
    peer.say(OK, b"Content-Length: 1000\r\n\r\n")
    peer.drip(b"x" * 1000, every_s=0.05)


def drips_chunks(peer: Peer) -> None:
    peer.hear()
    peer.say(OK, b"Transfer-Encoding: chunked\r\n\r\n")
    peer.drip(b"1\r\nx\r\n" * 200, every_s=0.05)


def drips_an_unframed_body(peer: Peer) -> None:
    peer.hear()
    peer.say(OK, b"Connection: close\r\n\r\n")
    peer.drip(b"x" * 1000, every_s=0.05)


def drips_headers(peer: Peer) -> None:
    peer.hear()
    peer.drip(OK + b"X-Pad: " + b"x" * 1000, every_s=0.05)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (silent, Fault.READ_TIMEOUT),
        (stalls_in_the_body, Fault.TIMEOUT),
        (drips_a_body, Fault.TIMEOUT),
        (drips_chunks, Fault.TIMEOUT),
        (drips_an_unframed_body, Fault.FRAMING),
        (drips_headers, Fault.TIMEOUT),
    ],
)
def test_the_time_out_ends_the_whole_exchange(
    script: Callable[[Peer], None], fault: Fault, serve: Serve, client: Client
) -> None:
    server, start = serve(script), monotonic()

    failed = client.fail(server.url(), timeout_s=0.3)

    assert failed.fault is fault
    assert monotonic() - start < GENEROUS_S


def test_the_time_out_ends_a_drip_over_tls(serve: Serve, certify: Callable[..., Certificate], client: Client) -> None:
    server, start = serve(drips_a_body, tls=certify().serving()), monotonic()

    failed = client.fail(Request(server.url(), verify_tls=False), timeout_s=0.5)

    assert failed.fault is Fault.TIMEOUT
    assert monotonic() - start < GENEROUS_S


@pytest.mark.parametrize("every_s", [0.05, 100.0])
def test_the_time_out_ends_a_tls_handshake_that_drips_or_stalls(every_s: float, serve: Serve, client: Client) -> None:
    # The header of a TLS record of 2 000 bytes, and then the record, byte by byte.
    server = serve(lambda peer: peer.drip(b"\x16\x03\x03\x07\xd0" + b"\x02" * 2000, every_s=every_s))
    start = monotonic()

    failed = client.fail(server.url().replace("http:", "https:"), timeout_s=0.4)

    assert failed.fault is Fault.CONNECT_TIMEOUT
    assert monotonic() - start < GENEROUS_S


def test_an_error_response_that_never_ends_is_evidence_at_the_time_out(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\nno")
        peer.wait()

    start = monotonic()
    came = client.ask(serve(script).url(), timeout_s=0.3)

    assert isinstance(came, Response)
    assert (came.status, came.wire) == (503, b"no")
    assert monotonic() - start < GENEROUS_S


def test_a_connection_that_hangs_is_given_up(client: Client) -> None:
    # A full queue of a listener that never accepts: further SYNs are dropped, as by a firewall.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        start = monotonic()

        failed = client.fail(f"http://127.0.0.1:{address[1]}/", timeout_s=0.3)

        for sock in waiting:
            sock.close()
    assert failed.fault is Fault.CONNECT_TIMEOUT
    assert monotonic() - start < GENEROUS_S


def test_reaching_a_host_is_never_granted_more_than_five_seconds() -> None:
    assert CONNECT_S == 5.0


def test_a_time_out_of_nothing_ends_at_once(serve: Serve, client: Client) -> None:
    server = serve(silent)

    assert client.fail(server.url(), timeout_s=0).fault is Fault.CONNECT_TIMEOUT


def test_a_time_out_of_years_is_no_error(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(OK, b"Content-Length: 2\r\n\r\n[]")

    assert isinstance(client.ask(serve(script).url(), timeout_s=1e10), Response)


def threads_of_the_client() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name != "test server"}


def test_time_outs_leave_no_threads_behind(serve: Serve, client: Client) -> None:
    server = serve(silent)
    before = threads_of_the_client()

    for _ in range(5):
        client.fail(server.url(), timeout_s=0.05)

    assert threads_of_the_client() == before


@pytest.mark.parametrize("script", [silent, stalls_in_the_body, drips_a_body])
def test_closing_the_transport_cuts_an_exchange_under_way(
    script: Callable[[Peer], None], serve: Serve, client: Client
) -> None:
    begun, came = threading.Event(), list[Response | Failed]()

    def signalling(peer: Peer) -> None:
        begun.set()
        script(peer)

    server = serve(signalling)
    thread = threading.Thread(target=lambda: came.append(client.ask(server.url(), timeout_s=8)))
    start = monotonic()
    thread.start()
    assert begun.wait(GENEROUS_S)

    client.transport.close()
    thread.join(GENEROUS_S)

    assert not thread.is_alive()
    assert isinstance(came[0], Failed)
    assert came[0].fault is Fault.RESET
    assert monotonic() - start < GENEROUS_S


def test_closing_the_transport_cuts_a_tls_handshake(serve: Serve, client: Client) -> None:
    begun, came = threading.Event(), list[Response | Failed]()

    def mute(peer: Peer) -> None:
        begun.set()
        peer.wait()

    url = serve(mute).url().replace("http:", "https:")
    thread = threading.Thread(target=lambda: came.append(client.ask(url, timeout_s=8)))
    start = monotonic()
    thread.start()
    assert begun.wait(GENEROUS_S)

    client.transport.close()
    thread.join(GENEROUS_S)

    assert isinstance(came[0], Failed)
    assert came[0].fault is Fault.RESET
    assert monotonic() - start < GENEROUS_S


def test_a_closed_transport_asks_nothing_any_more(serve: Serve, client: Client) -> None:
    server = serve(silent)
    client.transport.close()
    client.transport.close()

    assert client.fail(server.url()).fault is Fault.RESET
    assert server.connections == 0
