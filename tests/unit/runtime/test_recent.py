"""After a start the newest commits are looked at again, beside collecting, and a break stops the stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.adapters.system import SystemClock, SystemIds
from coleta.errors import Corrupt
from coleta.land.commit import Committed
from coleta.runtime.events import Event, Opened, Stopped
from coleta.runtime.lander import land
from coleta.runtime.recent import AT_ONCE, NEVER, PAUSE, RECENT, RecentCommits
from coleta.runtime.service import Service
from coleta.runtime.station import World
from coleta.testing.bench import Bench, waiting
from coleta.testing.memory import MemoryIndex

BODY = b'[{"ean":1,"price":2}]'


class Log:
    """A log of some commits, opened anew."""

    def __init__(self, commits: int = 5) -> None:
        self.bench = Bench()
        self.machine = self.bench.machine()
        station = self.machine.open()
        for n in range(commits):
            waiting(station, n, BODY)
            land(station)
        self.bench.clock.advance(timedelta(minutes=commits))
        self.station = self.machine.open()
        self.bench.store.calls.clear()

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    def data(self, n: int) -> str:
        return f"compras/data/tick_date=2026-11-24/{n:09d}.parquet"

    def read(self) -> list[str]:
        return [name for call, name in self.bench.store.calls if call == "read"]


def test_only_the_newest_are_read_a_few_at_a_time_and_once() -> None:
    log = Log(RECENT + 10)
    looking = RecentCommits(log.station)

    wakes = [looking.step() for _ in range(RECENT // AT_ONCE)]

    assert wakes == [log.bench.clock.now()] * (RECENT // AT_ONCE - 1) + [NEVER]
    assert log.read() == [log.data(n) for n in range(RECENT + 10, 10, -1)]


def remove(log: Log) -> None:
    del log.objects[log.data(3)]


def cut(log: Log) -> None:
    log.objects[log.data(3)] = log.objects[log.data(3)][:-20]


def swap(log: Log) -> None:
    log.objects[log.data(3)] = log.objects[log.data(4)]


@pytest.mark.parametrize(("spoil", "why"), [(remove, "not there"), (cut, r"\w"), (swap, "not the one")])
def test_a_commit_that_is_not_as_it_was_is_damage_that_names_it(spoil: Callable[[Log], None], why: str) -> None:
    log = Log()
    spoil(log)

    with pytest.raises(Corrupt, match=why) as caught:
        RecentCommits(log.station).step()

    assert caught.value.where == log.data(3).removeprefix("compras/")
    assert "coleta repair" in (caught.value.hint or "")


class Wrong(MemoryIndex):
    """What `known` remembers, but for the digest of commit 3."""

    def __init__(self, known: MemoryIndex) -> None:
        super().__init__()
        self._known = known

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        for one in self._known.commits(newest=newest, naming=naming):
            yield replace(one, digest="0" * 64) if one.record.seq == 3 else one


def test_an_index_that_is_no_chain_is_damage() -> None:
    log = Log()

    with pytest.raises(Corrupt, match="contradicts itself"):
        RecentCommits(replace(log.station, index=Wrong(log.machine.index))).step()


def test_a_store_that_is_away_is_asked_again_for_what_is_left() -> None:
    log = Log()
    looking = RecentCommits(log.station)
    log.bench.store.plan("read", log.data(4), "unavailable")

    assert looking.step() == log.bench.clock.now() + PAUSE
    log.bench.store.calls.clear()
    assert looking.step() == NEVER

    assert log.read() == [log.data(n) for n in (4, 3, 2, 1)]


def test_a_log_without_commits_needs_no_look() -> None:
    assert RecentCommits(Log(0).station).step() == NEVER


def test_a_break_behind_the_newest_commit_stops_a_service_with_damage() -> None:
    log = Log()
    remove(log)
    events: list[Event] = []
    world = World(SystemClock(), SystemIds(), log.bench.api, owner="one", tool="test", tell=events.append)
    service = Service([log.machine.premises()], world, close=lambda: None)
    # Should nothing stop it, this does.
    rescue = threading.Timer(20, service.stop)
    rescue.start()

    with pytest.raises(Corrupt, match="it was committed, and it is not there"):
        service.run()

    rescue.cancel()
    assert any(isinstance(event, Opened) for event in events)
    assert [event.stream for event in events if isinstance(event, Stopped)] == ["compras"]
