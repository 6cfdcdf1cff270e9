"""When a collector and a lander hold back: where asking would only lose an answer, or trying again is too early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.collect.spool import Spooled
from coleta.errors import Retryable, StoreUnavailable
from coleta.land.commit import IDENTITY_NAME, Head
from coleta.ports import Created, Exists, Index
from coleta.runtime.collector import ROOM_BYTES, SPOOL_PAUSE, Collector
from coleta.runtime.events import Event, Trouble
from coleta.runtime.lander import LONGEST_PAUSE, Lander
from coleta.runtime.station import Station, World
from coleta.stream import Every, Source, Stream
from coleta.testing.memory import (
    ManualClock,
    MemoryIndex,
    MemoryScratch,
    MemorySpool,
    MemoryStore,
    SeededIds,
)
from coleta.testing.samples import MINUTE, NOON, UUID, sample_identity, sample_terms, spooled_answer

START = NOON + timedelta(seconds=30)


@dataclass
class Api:
    """Answers each request with `body`."""

    clock: ManualClock
    body: bytes = b"[]"
    asked: int = 0

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        self.asked += 1
        return Response(200, (), self.body, self.body, None, self.clock.now(), self.clock.now())


class AwayStore(MemoryStore):
    """A store that can be away."""

    away = False
    tries = 0

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        self._meet()
        return super().create(name, body, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        self._meet()
        return super().read(name, last=last)

    def _meet(self) -> None:
        self.tries += 1
        if self.away:
            raise StoreUnavailable("it is away")


class StickySpool(MemorySpool):
    """A spool whose files cannot be removed."""

    def release(self, entries: Sequence[Spooled]) -> None:
        pass


class BusyIndex(MemoryIndex):
    """An index that cannot be read."""

    def head(self) -> Head | None:
        raise Retryable("the index cannot be used now")


@dataclass
class Desk:
    """A stream with everything in memory, and what it told."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = Api(self.clock)

    def spool(self, quota_bytes: int = 1 << 30) -> MemorySpool:
        return MemorySpool(uuid=UUID, now=self.clock.now, quota_bytes=quota_bytes)

    def station(self, spool: MemorySpool, *, store: MemoryStore | None = None, index: Index | None = None) -> Station:
        store = store or MemoryStore()
        store.objects[IDENTITY_NAME] = sample_identity().to_json()
        return Station(
            stream=Stream(
                name="compras",
                project="compras",
                store="memory://",
                path="compras",
                source=Source(url="http://api.test/compras"),
                schedule=Every(MINUTE),
                terms=sample_terms(),
            ),
            identity=sample_identity(),
            world=World(self.clock, SeededIds(), self.api, owner="o", tool="t", tell=self.told.append),
            spool=spool,
            store=store,
            index=index or MemoryIndex(),
            scratch=MemoryScratch(),
        )

    def work(self, step: datetime) -> datetime:
        """Let the time come that a step has named."""
        self.clock.set(max(step, self.clock.now()))
        return self.clock.now()

    def troubles(self) -> list[str]:
        return [event.where for event in self.told if isinstance(event, Trouble)]


def test_nothing_is_asked_for_while_the_spool_has_too_little_room_to_keep_it() -> None:
    desk = Desk()
    collector = Collector(desk.station(desk.spool(ROOM_BYTES - 1)))

    until = collector.step()

    assert desk.api.asked == 0
    assert desk.troubles() == ["spool"]
    assert until == START + SPOOL_PAUSE


def test_after_an_answer_that_did_not_fit_none_is_asked_for_until_one_of_its_size_would() -> None:
    desk = Desk()
    desk.api.body = b"[" + b" " * 3 * ROOM_BYTES + b"]"
    spool = desk.spool(5 * ROOM_BYTES)
    waits = spooled_answer(spool, -1, pages=(b"[" + b" " * (2 * ROOM_BYTES) + b"]",))
    collector = Collector(desk.station(spool))
    # It is asked for once, for nobody can know its size before.
    for _ in range(3):
        if not desk.troubles():
            desk.work(collector.step())
    assert desk.api.asked == 1

    for _ in range(3):
        desk.work(collector.step())
    assert desk.api.asked == 1

    spool.release([waits])
    desk.work(collector.step())
    desk.work(collector.step())
    assert desk.api.asked > 1
    assert spool.contents().waiting


def test_an_answer_that_can_never_fit_does_not_keep_the_next_tick_from_being_asked() -> None:
    desk = Desk()
    desk.api.body = b"[" + b" " * 9 * ROOM_BYTES + b"]"
    spool = desk.spool(5 * ROOM_BYTES)
    collector = Collector(desk.station(spool))
    for _ in range(3):
        if not desk.troubles():
            desk.work(collector.step())
    assert desk.api.asked == 1
    desk.work(collector.step())
    assert desk.api.asked == 1

    desk.api.body = b"[]"
    desk.clock.advance(3 * MINUTE)
    collector.step()  # writes down what was missed
    collector.step()

    assert desk.api.asked == 2
    assert not all(entry.is_gap for entry in spool.contents().waiting)


def test_an_index_that_cannot_be_read_now_pauses_collecting_and_does_not_end_it() -> None:
    desk = Desk()
    collector = Collector(desk.station(desk.spool(), index=BusyIndex()))

    assert collector.step() == START + SPOOL_PAUSE
    assert desk.troubles() == ["spool"]


def test_a_lander_whose_store_is_away_rests_though_it_is_roused() -> None:
    desk = Desk()
    spool, store = desk.spool(), AwayStore()
    spooled_answer(spool, 0)
    lander = Lander(desk.station(spool, store=store))
    store.away = True

    until = lander.step()
    tries = store.tries
    spooled_answer(spool, 1)
    assert lander.step() == until
    assert store.tries == tries
    desk.clock.set(until)
    later = lander.step()
    assert later - until > until - (START), "each pause is longer than the one before"

    store.away = False
    assert lander.step(hurry=True)
    assert lander.idle, "a hurry does not wait for the pause's end"


def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    desk = Desk()
    spool, store = desk.spool(), AwayStore()
    spooled_answer(spool, 0)
    lander = Lander(desk.station(spool, store=store))
    desk.clock.advance(10 * LONGEST_PAUSE)
    store.away = True
    lander.step()

    store.away = False
    desk.clock.advance(-5 * LONGEST_PAUSE)
    lander.step()

    assert lander.idle


@pytest.mark.parametrize("hurry", [False, True])
def test_a_settled_file_that_cannot_be_removed_is_no_reason_to_spin(*, hurry: bool) -> None:
    desk = Desk()
    spool = StickySpool(uuid=UUID, now=desk.clock.now)
    spooled_answer(spool, 0)
    store = AwayStore()
    lander = Lander(desk.station(spool, store=store))

    until = lander.step(hurry=hurry)

    assert until > desk.clock.now()
    assert desk.troubles() == ["spool"]
    assert store.tries < 5_000
