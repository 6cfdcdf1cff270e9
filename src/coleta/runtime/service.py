"""`coleta up`: every stream collected and landed side by side, until told to stop.

Each stream is a few chores. A chore is a step that never waits; it says when it wants to be called
again, and the service calls it then from a bounded pool. Fetching has many threads, since it mostly
waits for other machines; landing has few, since it mostly computes.

Stopping starts no tick, cuts open requests, lands what waits for at most ``GRACE``, and then leaves:
being killed is safe by design, so a stop need not be perfect.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from coleta.collect.tick import RESOLUTION
from coleta.errors import ColetaError, Retryable, SpoolRefused
from coleta.land.window import Window
from coleta.runtime.collector import Collector
from coleta.runtime.dealings import host_of
from coleta.runtime.events import Stopped, Trouble
from coleta.runtime.lander import Lander
from coleta.runtime.maintainer import Maintainer
from coleta.runtime.opening import Premises, open_station
from coleta.runtime.publisher import Publisher
from coleta.runtime.recent import RecentCommits
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import World

FETCHERS = 32
"""Requests at once, over all streams: more threads give no more throughput on two cores."""

SHARE_OF_A_HOST = FETCHERS // 4
"""Requests at once to one host: one that hangs holds no more than this, and no API is asked by all at the same time."""

LANDERS = 4

PUBLISHERS = 2
"""Threads that keep tables: of their own, so that a table that cannot be reached takes none from landing."""

GRACE = timedelta(seconds=8)
"""How long a stop may take: supervisors kill after 10 s by default, and a hurried end is safe."""

LEASE_GRACE = timedelta(seconds=1)
"""How long a stop waits to hand leases on: one that is not handed on runs out by itself."""

LONGEST_WAIT = timedelta(seconds=1)
"""How soon a changed wall clock, or the end of a suspension, is noticed."""

REOPEN_AFTER = timedelta(seconds=5)


@dataclass(eq=False, slots=True)
class _Chore:
    """A step to be called again and again; ``rouses`` are called as soon as it has run."""

    stream: str
    step: Callable[[], datetime]
    pool: ThreadPoolExecutor
    wake: datetime
    rouses: list[_Chore] = field(default_factory=list)
    running: bool = False
    host: str | None = None
    """What it asks, if it asks anything: of one host only some run at once."""
    roused: bool = False
    """Roused while it ran: what it looked at may have changed since, so it is to look again at once."""


class Service:
    """Runs streams until ``stop`` is called. One use only."""

    def __init__(
        self,
        premises: Sequence[Premises],
        world: World,
        *,
        close: Callable[[], None],
        grace: timedelta = GRACE,
        window: Window | None = None,
    ) -> None:
        """Prepare; `close` cuts the open requests of the world's transport, `grace` is how long a stop may take.

        Upkeep is done in the `window` only, if there is one.
        """
        self._premises = premises
        self._world = world
        self._close = close
        self._grace = grace
        self._window = window
        self._changed = threading.Condition()
        self._stopping = False
        self._queue: list[tuple[datetime, int, _Chore]] = []
        self._order = count()
        self._busy: Counter[str] = Counter()
        self._held_up: defaultdict[str, deque[_Chore]] = defaultdict(deque)
        self._collectors: list[Collector] = []
        self._landers: list[Lander] = []
        self._publishers: list[Publisher] = []
        self._open = {one.stream.name for one in premises}
        self._failure: BaseException | None = None
        self._fetchers = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetch")
        self._land_pool = ThreadPoolExecutor(LANDERS, thread_name_prefix="land")
        # A thread of its own: reading objects back, or deleting files, must not take one from landing.
        self._roll_pool = ThreadPoolExecutor(1, thread_name_prefix="roll")
        self._table_pool = ThreadPoolExecutor(PUBLISHERS, thread_name_prefix="table")

    def stop(self) -> None:
        """Ask ``run`` to end; from any thread or a signal handler's thread, and as often as one likes."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def run(self) -> bool:
        """Work until stopped, or until no stream is left.

        Returns whether everything that waited was landed before the end.

        Raises:
            ColetaError: the error that stopped a stream for good, after the other streams' end.

        """
        now = self._world.clock.now()
        for premises in self._premises:
            self._add(_Chore(premises.stream.name, self._opening(premises), self._land_pool, now))
        while self._work():
            pass
        for collector in self._collectors:
            collector.cancel()
        self._close()
        drained = self._drain()
        wait([self._land_pool.submit(one.let_go) for one in self._collectors], timeout=LEASE_GRACE.total_seconds())
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        self._land_pool.shutdown(wait=False, cancel_futures=True)
        self._roll_pool.shutdown(wait=False, cancel_futures=True)
        self._table_pool.shutdown(wait=False, cancel_futures=True)
        if self._failure is not None:
            raise self._failure
        return drained

    def _work(self) -> bool:
        with self._changed:
            if self._stopping or not self._open:
                return False
            now = self._world.clock.now()
            while self._queue and self._queue[0][0] <= now:
                wake, _, chore = heapq.heappop(self._queue)
                if chore.running or chore.wake != wake or chore.stream not in self._open:
                    continue  # an entry made before it was roused, or of a stream that is given up
                chore.running = True
                if chore.host is not None:
                    if self._busy[chore.host] >= SHARE_OF_A_HOST:
                        self._held_up[chore.host].append(chore)
                        continue
                    self._busy[chore.host] += 1
                chore.pool.submit(chore.step).add_done_callback(self._done(chore))
            until = self._queue[0][0] if self._queue else now + LONGEST_WAIT
            self._changed.wait(max(min(until - now, LONGEST_WAIT), RESOLUTION).total_seconds())
        return True

    def _make_way(self, host: str | None) -> None:
        """One that asked `host` has ended: the one that has waited longest for it may begin."""
        if host is None:
            return
        self._busy[host] -= 1
        if self._held_up[host]:
            chore = self._held_up[host].popleft()
            chore.running, chore.wake = False, self._world.clock.now()
            self._add(chore)

    def _add(self, chore: _Chore) -> None:
        with self._changed:
            heapq.heappush(self._queue, (chore.wake, next(self._order), chore))
            self._changed.notify_all()

    def _done(self, chore: _Chore) -> Callable[[Future[datetime]], None]:
        def done(future: Future[datetime]) -> None:
            with self._changed:
                chore.running = False
                self._make_way(chore.host)
                error = None if future.cancelled() else future.exception()
                if future.cancelled():
                    return
                if error is not None:
                    self._give_up(chore, error)
                    return
                chore.wake = self._world.clock.now() if chore.roused else future.result()
                chore.roused = False
                self._add(chore)
                for other in chore.rouses:
                    other.roused = other.running
                    other.wake = self._world.clock.now()
                    self._add(other)

        return done

    def _give_up(self, chore: _Chore, error: BaseException) -> None:
        # One stream's damage must not stop the others; a bug (no ColetaError) stops the process,
        # since half a service that looks alive is worse than none.
        self._failure = self._failure or error
        self._open.discard(chore.stream)
        if not isinstance(error, ColetaError):
            self._stopping = True
        self._world.tell(Stopped(chore.stream, str(error)))
        self._changed.notify_all()

    def _opening(self, premises: Premises) -> Callable[[], datetime]:
        def step() -> datetime:
            world = self._world
            try:
                station = open_station(premises, world)
            except (Retryable, SpoolRefused) as error:
                until = world.clock.now() + REOPEN_AFTER
                where = "spool" if isinstance(error, SpoolRefused) else "store"
                world.tell(Trouble(premises.stream.name, where, str(error), until))
                return until
            now = world.clock.now()
            collector, lander = Collector(station), Lander(station)
            rolling = _Chore(premises.stream.name, RollUps(station).step, self._roll_pool, now)
            landing = _Chore(premises.stream.name, lander.step, self._land_pool, now, [rolling])
            if station.table is not None:
                publisher = Publisher(station, station.table)
                publishing = _Chore(premises.stream.name, publisher.step, self._table_pool, now)
                landing.rouses.append(publishing)
                with self._changed:
                    self._publishers.append(publisher)
                self._add(publishing)
            looking = _Chore(premises.stream.name, RecentCommits(station).step, self._roll_pool, now)
            fetching = _Chore(premises.stream.name, collector.step, self._fetchers, now, [landing])
            fetching.host = host_of(premises.stream)
            with self._changed:
                self._collectors.append(collector)
                self._landers.append(lander)
            self._add(landing)
            self._add(fetching)
            self._add(rolling)
            self._add(looking)
            if premises.housekeeping is not None:
                upkeep = Maintainer(station, premises.housekeeping, turn=lander.turn, window=self._window)
                self._add(_Chore(premises.stream.name, upkeep.step, self._roll_pool, now))
            return datetime.max.replace(tzinfo=now.tzinfo)

        return step

    def _drain(self) -> bool:
        """Land what waits, in a hurry; whether nothing is left."""
        end = self._world.clock.now() + self._grace
        futures = [self._land_pool.submit(_drained, lander) for lander in self._landers]
        done = True
        for future in futures:
            left = (end - self._world.clock.now()).total_seconds()
            try:
                done = future.result(timeout=max(left, 0)) and done
            except TimeoutError:
                done = False
            except ColetaError as error:
                self._failure = self._failure or error
        left = (end - self._world.clock.now()).total_seconds()
        # What a table lacks then, the next start registers.
        wait([self._table_pool.submit(one.step) for one in self._publishers], timeout=max(left, 0))
        return done


def _drained(lander: Lander) -> bool:
    lander.step(hurry=True)
    return lander.idle
