"""Who the other side is: proved, or nothing is asked (FAULTS.md A 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from coleta.adapters.http import HttpTransport
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, GiveUp, Patience, Response, judge

if TYPE_CHECKING:
    from tests.wire.conftest import Certificate, Client, Peer, Server

Serve = Callable[..., "Server"]
Certify = Callable[..., "Certificate"]


def polite(peer: Peer) -> None:
    while peer.hear():
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


@pytest.fixture
def trusting(client: Client) -> Iterator[Callable[[Certificate], Client]]:
    """A client that trusts one certificate only."""
    made: list[HttpTransport] = []

    def make(certificate: Certificate) -> Client:
        transport = HttpTransport(
            now=lambda: datetime.now(UTC), secrets=lambda _: "", ca_file=str(certificate.certificate)
        )
        made.append(transport)
        return type(client)(transport)

    yield make
    for transport in made:
        transport.close()


Trusting = Callable[["Certificate"], "Client"]


def test_a_server_that_proves_itself_is_asked_and_its_connection_kept(
    serve: Serve, certify: Certify, trusting: Trusting
) -> None:
    certificate = certify()
    server, client = serve(polite, tls=certificate.serving()), trusting(certificate)

    assert [client.get(server.url()).body for _ in range(3)] == [b"[]"] * 3
    assert server.connections == 1


def test_bytes_behind_a_body_never_enter_the_next_answer_over_tls_either(
    serve: Serve, certify: Certify, trusting: Trusting
) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[9]")

    certificate = certify()
    server, client = serve(script, tls=certificate.serving()), trusting(certificate)

    assert [client.get(server.url()).body for _ in range(2)] == [b"[]"] * 2
    assert server.connections == 2


def test_a_body_cut_short_over_tls_is_incomplete(serve: Serve, certify: Certify, trusting: Trusting) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[1,")

    certificate = certify()

    failed = trusting(certificate).fail(serve(script, tls=certificate.serving()).url())

    assert failed.fault is Fault.INCOMPLETE


def test_a_safe_request_that_lost_the_race_against_a_close_over_tls_is_sent_once_more(
    serve: Serve, certify: Certify, trusting: Trusting
) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        peer.hear()

    certificate = certify()
    server, client = serve(script, polite, tls=certificate.serving()), trusting(certificate)

    assert [client.get(server.url()).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("flaw", [{"years": (2020, 2021)}, {"ip": "127.0.0.9"}], ids=["expired", "for another host"])
def test_a_certificate_with_a_flaw_is_refused_though_its_maker_is_trusted(
    flaw: dict[str, object], serve: Serve, certify: Certify, trusting: Trusting
) -> None:
    certificate = certify(**flaw)
    server = serve(polite, tls=certificate.serving())

    failed = trusting(certificate).fail(server.url())

    assert failed.fault is Fault.TLS
    assert server.heard == []


def test_a_self_signed_certificate_is_refused_at_once_and_for_good(
    serve: Serve, certify: Certify, client: Client
) -> None:
    server = serve(polite, tls=certify().serving())

    failed = client.fail(server.url())

    assert failed.fault is Fault.TLS
    assert server.heard == []
    now = datetime.now(UTC)
    patience = Patience(attempt=1, now=now, deadline=now.replace(year=now.year + 1), chance=0.5)
    assert judge(failed, None, patience) == GiveUp("tls", failed.detail)


def test_a_server_that_speaks_no_tls_is_refused_and_sees_no_request(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        peer.wait()

    server = serve(script)

    assert client.fail(server.url().replace("http:", "https:")).fault is Fault.TLS


def test_a_server_that_closes_during_the_handshake_says_nothing_about_trust(serve: Serve, client: Client) -> None:
    server = serve(lambda peer: peer.reset())

    assert client.fail(server.url().replace("http:", "https:")).fault is Fault.RESET


def test_without_verification_only_the_request_that_asks_for_it_goes_through(
    serve: Serve, certify: Certify, client: Client
) -> None:
    server = serve(polite, tls=certify().serving())

    careless = client.ask(Request(server.url(), verify_tls=False))
    careful = client.ask(server.url())

    assert isinstance(careless, Response)
    assert isinstance(careful, Failed)
    assert careful.fault is Fault.TLS
