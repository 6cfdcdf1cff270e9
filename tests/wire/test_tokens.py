"""Tokens over real sockets: what the login server and the API hear, and what becomes of the tick (FAULTS.md A 21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.wire.collecting import END, GOOD, TERMS, Collecting, saying, sized
from tests.wire.test_ticks import Serve

from coleta.adapters.http import HttpTransport
from coleta.land.record import Outcome
from coleta.runtime.hosts import Hosts
from coleta.runtime.tokens import AuthorizedTransport, Means
from coleta.stream import Auth, SecretRef, Source
from coleta.testing.bench import Bench, bench_stream
from coleta.testing.keepsakes import MemoryKeepsakes
from coleta.testing.samples import MINUTE

if TYPE_CHECKING:
    from tests.wire.conftest import Certificate, Peer, Script

CANARY = "canary-5f1d"
Start = Callable[..., Collecting]


@pytest.fixture
def start() -> Iterator[Start]:
    """Collect from a server, with a token from another."""
    transports: list[HttpTransport] = []

    def made(api: str, login: str, *, timeout_s: float = 5, **auth: object) -> Collecting:
        value = replace(Auth("erp", login, "client", SecretRef("env:SECRET")), **auth)  # type: ignore[arg-type]
        source = Source(api, auth=value, timeout=timedelta(seconds=timeout_s))
        bench = Bench(bench_stream(source=source, terms=TERMS))
        http = HttpTransport(now=bench.clock.now, secrets=lambda _: CANARY)
        transports.append(http)
        hosts = Hosts()
        whole = AuthorizedTransport(Means(http, bench.clock.now, lambda _: CANARY, hosts, MemoryKeepsakes()))
        station = bench.machine().open()
        world = replace(station.world, transport=whole, hosts=hosts)
        return Collecting(bench, replace(station, world=world))

    yield made
    for transport in transports:
        transport.close()


def token(name: bytes) -> bytes:
    return sized(b'{"access_token":"%s","token_type":"Bearer","expires_in":3600}' % name)


def guarded(*good: bytes) -> Script:
    """An API that takes the tokens in `good` only."""

    def script(peer: Peer) -> None:
        while head := peer.hear():
            known = any(b"Authorization: Bearer " + one + b"\r\n" in head for one in good)
            peer.say(sized(GOOD) if known else sized(b"", status=b"401 Who"))

    return script


def detail(one: Collecting) -> str:
    (account,) = one.accounts()
    assert account.outcome is Outcome.GAP
    assert CANARY not in repr(account)
    return f"{account.reason}: {account.detail}"


def test_a_token_is_fetched_once_and_sent_with_each_request(serve: Serve, start: Start) -> None:
    login, api = serve(saying(then=token(b"t1"))), serve(guarded(b"t1"))
    one = start(api.url(), login.url("/token"))

    one.until(END + 2 * MINUTE)

    assert one.outcomes() == [(Outcome.OK, None)] * 3
    (head,) = login.heard
    assert head.startswith(b"POST /token HTTP/1.1\r\n")
    assert b"Authorization: Basic Y2xpZW50OmNhbmFyeS01ZjFk\r\n" in head
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in head
    assert b"Content-Length: 29\r\n" in head


def test_a_401_gets_one_new_token_and_is_asked_once_more(serve: Serve, start: Start) -> None:
    login, api = serve(saying(token(b"t1"), then=token(b"t2"))), serve(guarded(b"t2"))
    one = start(api.url(), login.url())

    one.until(END)

    assert one.outcomes() == [(Outcome.OK, None)]
    assert (len(login.heard), len(api.heard)) == (2, 2)


def test_a_401_that_stays_is_a_gap_after_one_new_token(serve: Serve, start: Start) -> None:
    login, api = serve(saying(then=token(b"t1"))), serve(guarded())
    one = start(api.url(), login.url())

    one.until(END)

    assert detail(one) == "auth: HTTP status 401"
    assert (len(login.heard), len(api.heard)) == (2, 2)


def test_a_login_that_refuses_is_a_gap_that_says_so_and_the_api_is_not_asked(serve: Serve, start: Start) -> None:
    login, api = serve(saying(then=sized(b'{"error":"invalid_client"}', status=b"401 No"))), serve(guarded())
    one = start(api.url(), login.url())

    one.until(END)

    where = f"127.0.0.1:{login.port}"
    assert detail(one) == f"auth: no token of auth.erp could be had from {where}: HTTP status 401 (invalid_client)"
    assert (len(login.heard), api.connections) == (1, 0)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="closed without a word"),
        pytest.param(sized(b"", status=b"503 Busy"), id="busy"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", id="cut"),
        pytest.param(sized(b"<html>Maintenance"), id="a page of maintenance"),
    ],
)
def test_a_login_that_fails_for_a_moment_is_asked_again_within_the_tick(
    broken: bytes, serve: Serve, start: Start
) -> None:
    login, api = serve(saying(broken, then=token(b"t1"))), serve(guarded(b"t1"))
    one = start(api.url(), login.url())

    one.until(END)

    assert one.outcomes() == [(Outcome.OK, None)]
    assert len(login.heard) == 2


def test_a_login_that_stays_down_is_a_gap_that_says_so(serve: Serve, start: Start) -> None:
    login, api = serve(saying(then=sized(b"", status=b"503 Busy"))), serve(guarded())
    one = start(api.url(), login.url())

    one.until(END + timedelta(seconds=14))

    assert detail(one).startswith("auth: no token of auth.erp could be had")
    assert len(login.heard) <= 20
    assert api.connections == 0


def test_a_redirect_takes_the_secret_nowhere(serve: Serve, start: Start) -> None:
    elsewhere = serve(saying(then=token(b"t1")))
    login = serve(saying(then=sized(b"", b"Location: " + elsewhere.url().encode(), status=b"307 Go")))
    one = start(serve(guarded()).url(), login.url())

    one.until(END)

    assert detail(one).endswith("HTTP status 307")
    assert elsewhere.connections == 0


def test_a_login_that_is_silent_costs_no_more_than_the_requests_time(serve: Serve, start: Start) -> None:
    def silent(peer: Peer) -> None:
        peer.hear()
        peer.wait()

    login = serve(silent, saying(then=token(b"t1")))
    one = start(serve(guarded(b"t1")).url(), login.url(), timeout_s=1)

    one.until(END)

    assert one.outcomes() == [(Outcome.OK, None)]


def test_an_answer_without_an_end_is_cut_off(serve: Serve, start: Start) -> None:
    huge = b'{"access_token":"' + b"a" * 1_100_000 + b'"}'
    one = start(serve(guarded()).url(), serve(saying(then=sized(huge))).url())

    one.until(END)

    assert "too_large" in detail(one)


def test_a_login_without_a_good_certificate_is_not_told_the_secret(
    serve: Serve, start: Start, certify: Callable[..., Certificate]
) -> None:
    login = serve(saying(then=token(b"t1")), tls=certify().serving())
    one = start(serve(guarded()).url(), login.url())

    one.until(END)

    assert "tls: " in detail(one)
    assert login.heard == []


def test_a_login_at_a_clouds_metadata_is_not_asked(serve: Serve, start: Start) -> None:
    one = start(serve(guarded()).url(), "http://169.254.169.254/token")

    one.until(END)

    assert "address: " in detail(one)


def test_who_asks_for_secret_and_id_in_the_body_gets_them_there(serve: Serve, start: Start) -> None:
    bodies: list[bytes] = []

    def script(peer: Peer) -> None:
        head = peer.hear()
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        bodies.append(b"".join(peer.take() for _ in range(size)))
        peer.say(token(b"t1"))

    login = serve(script)
    one = start(serve(guarded(b"t1")).url(), login.url(), style="body", scope="read")

    one.until(END)

    assert bodies == [b"grant_type=client_credentials&scope=read&client_id=client&client_secret=canary-5f1d"]
    assert b"authorization" not in login.heard[0].lower()
    assert one.outcomes() == [(Outcome.OK, None)]
