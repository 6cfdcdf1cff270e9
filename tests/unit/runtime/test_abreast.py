"""Pages that are asked for ahead: how many at once, by all streams together, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Lock

import pytest

from coleta.collect.paging import Next
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.runtime.abreast import Abreast
from coleta.runtime.hosts import MOST_AHEAD, Hosts
from coleta.testing.samples import NOON

PATIENCE_S = 10


@dataclass
class Held:
    """A transport whose answers come when they are let go."""

    go: Event = field(default_factory=Event)
    rooms: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        with self.lock:
            self.rooms.append(max_bytes)
        assert self.go.wait(PATIENCE_S)
        fault = Fault.TOO_LARGE if "large" in request.url else Fault.RESET
        return Failed(fault, request.url, NOON)


def ask(abreast: Abreast, page: Next, url: str = "http://h/") -> bool:
    return abreast.ask(page, Request(f"{url}{page.number}"), timeout=timedelta(seconds=5), max_bytes=800)


@pytest.fixture
def held() -> Held:
    return Held()


def test_each_page_is_taken_once_and_is_the_one_that_was_asked_for(held: Held) -> None:
    abreast = Abreast(held, Hosts(), "h", most=4)
    pages = [Next(n) for n in range(1, 5)]
    assert all(ask(abreast, page) for page in pages)
    held.go.set()

    came = [abreast.take(page) for page in pages]

    assert [one.detail for one in came if isinstance(one, Failed)] == [f"http://h/{n}" for n in range(1, 5)]
    assert [abreast.take(page) for page in pages] == [None] * 4
    assert held.rooms == [200] * 4, "what they hold in all is what one answer may"
    abreast.forget()


def test_of_what_is_foreseen_only_so_many_are_wanted_and_none_twice(held: Held) -> None:
    abreast = Abreast(held, Hosts(), "h", most=3)
    ask(abreast, Next(2))

    assert abreast.wanted([Next(2), Next(3), Next(4), Next(5)]) == [Next(3), Next(4)]
    held.go.set()
    abreast.forget()


def test_all_streams_together_ask_one_host_ahead_for_so_many(held: Held) -> None:
    hosts = Hosts()
    one, other, elsewhere = (Abreast(held, hosts, host, most=MOST_AHEAD) for host in ("h", "h", "i"))
    assert all(ask(one, Next(n)) for n in range(MOST_AHEAD))

    assert not ask(other, Next(1))
    assert ask(elsewhere, Next(1))

    held.go.set()
    for n in range(MOST_AHEAD):
        one.take(Next(n))
    one.forget()
    assert ask(other, Next(1))
    other.forget()
    elsewhere.forget()


def test_what_did_not_fit_into_its_share_is_to_be_asked_for_alone(held: Held) -> None:
    abreast = Abreast(held, Hosts(), "h", most=2)
    ask(abreast, Next(1), "http://h/large")
    held.go.set()

    assert abreast.take(Next(1)) is None
    abreast.forget()


def test_what_is_forgotten_gives_its_places_back(held: Held) -> None:
    hosts = Hosts()
    abreast = Abreast(held, hosts, "h", most=1)
    # One is under way and the others wait for it: those never begin.
    assert all(ask(abreast, Next(n)) for n in range(MOST_AHEAD))
    abreast.forget()
    held.go.set()

    assert not abreast.has(Next(1))
    assert any(hosts.take_place("h") for _ in range(MOST_AHEAD))
