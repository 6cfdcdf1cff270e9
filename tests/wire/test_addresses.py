"""Where a name leads, and which of it is asked (FAULTS.md A 1; I 85)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from coleta.adapters.http import HttpTransport
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, GiveUp, Patience, Response, judge

if TYPE_CHECKING:
    from tests.wire.conftest import Client, Peer, Server

Serve = Callable[..., "Server"]
Resolving = Callable[..., "Client"]

METADATA = "169.254.169.254"
INSIDE = "192.0.2.1"  # reserved for examples: nothing is there, and it is not public


def polite(peer: Peer) -> None:
    while peer.hear():
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")


def info(address: str, port: int) -> tuple[int, int, int, str, tuple[object, ...]]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


@pytest.fixture
def resolving(client: Client) -> Iterator[Resolving]:
    """A client for whom every name leads to the addresses given, one list after the other, then to the last."""
    made: list[HttpTransport] = []

    def make(*answers: Sequence[str]) -> Client:
        left = list(answers)

        def resolve(host: str, port: int) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]:
            return [info(address, port) for address in (left.pop(0) if len(left) > 1 else left[0])]

        made.append(HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "", resolve=resolve))
        return type(client)(made[-1])

    yield make
    for transport in made:
        transport.close()


def url(server: Server, host: str) -> str:
    return server.url().replace("127.0.0.1", host)


def test_a_name_of_the_outside_that_leads_to_this_machine_is_not_asked(serve: Serve, resolving: Resolving) -> None:
    server = serve(polite)

    failed = resolving(["127.0.0.1"]).fail(url(server, "api.example.com"))

    assert failed.fault is Fault.ADDRESS
    assert "127.0.0.1" in failed.detail
    assert 'allow_addresses = ["127.0.0.1/32"]' in failed.detail
    assert server.connections == 0


@pytest.mark.parametrize("address", [METADATA, f"::ffff:{METADATA}", "fe80::1", "fd00:ec2::254"])
@pytest.mark.parametrize("host", ["api.example.com", "api", "localhost"])
def test_no_name_leads_to_a_clouds_metadata(host: str, address: str, resolving: Resolving) -> None:
    assert resolving([address]).fail(f"http://{host}:9/").fault is Fault.ADDRESS


@pytest.mark.parametrize("host", [METADATA, f"[::ffff:{METADATA}]", "[fe80::1]", "[fd00:ec2::254]"])
def test_a_clouds_metadata_is_not_asked_even_if_the_url_names_it(host: str, client: Client) -> None:
    start = monotonic()

    assert client.fail(f"http://{host}/latest/meta-data/").fault is Fault.ADDRESS
    assert monotonic() - start < 3


def test_what_is_allowed_by_hand_is_asked(serve: Serve, resolving: Resolving) -> None:
    server, client = serve(polite), resolving(["127.0.0.1"])

    assert client.get(Request(url(server, "api.example.com"), allow_addresses=("127.0.0.0/8",))).body == b"[]"


def test_a_connection_that_one_request_was_allowed_is_not_lent_to_another(serve: Serve, resolving: Resolving) -> None:
    server, client = serve(polite), resolving(["127.0.0.1"])
    client.get(Request(url(server, "api.example.com"), allow_addresses=("127.0.0.0/8",)))

    assert client.fail(url(server, "api.example.com")).fault is Fault.ADDRESS
    assert len(server.heard) == 1


@pytest.mark.parametrize("host", ["localhost", "api", "api.internal"])
def test_a_name_that_nobody_outside_can_own_may_lead_to_this_machine(
    host: str, serve: Serve, resolving: Resolving
) -> None:
    server = serve(polite)

    assert resolving(["127.0.0.1"]).get(url(server, host)).body == b"[]"


def test_a_name_that_leads_elsewhere_at_the_second_look_is_judged_by_where_it_leads_then(
    serve: Serve, resolving: Resolving
) -> None:
    def once(peer: Peer) -> None:
        peer.hear()
        peer.say(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]")

    # DNS rebinding: harmless when the project was set up, harmful some ticks later.
    server, client = serve(once), resolving(["127.0.0.1"], ["127.0.0.2"], [METADATA])
    request = Request(url(server, "api.example.com"), allow_addresses=("127.0.0.1/32",))

    assert client.get(request).body == b"[]"
    assert client.fail(request).fault is Fault.ADDRESS
    assert client.fail(request).fault is Fault.ADDRESS
    assert server.connections == 1


def test_a_name_is_looked_up_once_for_each_connection_so_what_was_judged_is_what_is_asked(
    serve: Serve, client: Client
) -> None:
    server, asked = serve(polite), list[str]()

    def resolve(host: str, port: int) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]:
        asked.append(host)
        return [info("127.0.0.1" if len(asked) == 1 else METADATA, port)]

    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "", resolve=resolve)
    came = type(client)(transport).ask(url(server, "api"))
    transport.close()

    assert isinstance(came, Response)
    assert asked == ["api"]


def test_of_several_addresses_only_those_that_may_be_asked_are(serve: Serve, resolving: Resolving) -> None:
    server = serve(polite)

    assert resolving([METADATA, "127.0.0.1"]).get(url(server, "localhost")).body == b"[]"


def test_an_address_that_may_not_be_asked_ends_the_tick(resolving: Resolving) -> None:
    failed = resolving([INSIDE]).fail("http://api.example.com/")
    now = datetime.now(UTC)

    verdict = judge(failed, None, Patience(1, now, now.replace(year=now.year + 1), 0.5))

    assert verdict == GiveUp("address", failed.detail)


# Names that do not resolve -------------------------------------------------------------------------


class Stuck:
    """A resolver that does not answer before it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]:
        self.asked += 1
        self.go_on.wait(10)
        return [info("127.0.0.1", port)]


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    one = Stuck()
    yield one
    one.go_on.set()


def test_a_resolver_that_hangs_is_given_up_at_the_time_out(stuck: Stuck, client: Client) -> None:
    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "", resolve=stuck)
    start = monotonic()

    failed = type(client)(transport).fail("http://api/", timeout_s=0.3)

    assert failed.fault is Fault.DNS
    assert monotonic() - start < 3


def test_a_resolver_that_hangs_is_asked_once_by_all_who_wait_for_the_name(
    stuck: Stuck, serve: Serve, client: Client
) -> None:
    server = serve(polite)
    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "", resolve=stuck)
    impatient = type(client)(transport)
    for _ in range(5):
        assert impatient.fail(url(server, "api"), timeout_s=0.1).fault is Fault.DNS
    came = list[Response | Failed]()
    waiting = threading.Thread(target=lambda: came.append(impatient.ask(url(server, "api"))))
    waiting.start()

    stuck.go_on.set()
    waiting.join(5)
    transport.close()

    assert stuck.asked == 1
    assert isinstance(came[0], Response)


def test_closing_the_transport_ends_the_wait_for_a_name(stuck: Stuck, client: Client) -> None:
    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "", resolve=stuck)
    came = list[Response | Failed]()
    waiting = threading.Thread(target=lambda: came.append(type(client)(transport).ask("http://api/", timeout_s=8)))
    start = monotonic()
    waiting.start()
    while not stuck.asked:
        assert monotonic() - start < 5

    transport.close()
    waiting.join(5)

    assert isinstance(came[0], Failed)
    assert came[0].fault is Fault.RESET
    assert monotonic() - start < 5
