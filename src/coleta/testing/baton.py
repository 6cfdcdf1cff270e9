"""Threads that take turns: exactly one runs at a time, and who runs next is chosen by a seed.

Production code runs unchanged in an actor's thread. It hands the baton over at each call to the
outside world, so every interleaving of those calls can be had, and the same seed gives the same one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

STEP = timedelta(milliseconds=1)
"""How long a call to the outside takes, so that time passes even where everybody works."""


class Killed(BaseException):
    """The process of this actor has died. Not an Exception, so that no handler takes it for a failure."""


class Stuck(AssertionError):
    """The world did not come to rest within its limit of calls."""


class Actor:
    """One thread of a simulated process."""

    def __init__(self, name: str, process: object, work: Callable[[], None], wake: datetime) -> None:
        """Prepare `work`; it begins when the actor is first handed the baton."""
        self.name = name
        self.process = process
        self.wake = wake
        self.dead = False
        self.failure: BaseException | None = None
        self.ended = False
        self.turn = threading.Lock()
        self.turn.acquire()
        self.thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self.back: threading.Lock | None = None

    def _run(self, work: Callable[[], None]) -> None:
        self.turn.acquire()
        try:
            if not self.dead:
                work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the simulation reports it
            self.failure = error
        self.ended = True
        assert self.back is not None
        self.back.release()


class Baton:
    """Hands turns to actors, and moves time on when none can go on."""

    def __init__(self, random: Random, start: datetime, *, most_turns: int) -> None:
        """Begin at `start`; `most_turns` is the limit after which the world counts as stuck."""
        self.now = start
        self.turns = 0
        self._random = random
        self._most = most_turns
        self._actors: list[Actor] = []
        self._back = threading.Lock()
        self._back.acquire()
        self._current: Actor | None = None
        self._later: list[tuple[datetime, Callable[[], None]]] = []
        self._stopped: dict[object, datetime] = {}

    def spawn(self, name: str, process: object, work: Callable[[], None], *, after: timedelta = timedelta(0)) -> None:
        """Let `work` begin in an actor of its own."""
        actor = Actor(name, process, work, self.now + after)
        actor.back = self._back
        self._actors.append(actor)
        actor.thread.start()

    def later(self, after: timedelta, effect: Callable[[], None]) -> None:
        """Let `effect` happen on its own when that time has passed, whoever runs then."""
        self._later.append((self.now + after, effect))

    def pause(self, *, stall: timedelta = timedelta(0)) -> None:
        """Hand the baton over; from an actor's thread. Returns at the actor's next turn."""
        self.sleep_until(self.now + STEP + stall)

    def sleep_until(self, wake: datetime) -> None:
        """Hand the baton over until `wake`, or until the actor is roused."""
        actor = self._current
        assert actor is not None
        assert threading.current_thread() is actor.thread
        if actor.dead:
            raise Killed
        actor.wake = wake
        self._back.release()
        actor.turn.acquire()
        if actor.dead:
            raise Killed

    def rouse(self, process: object | None = None) -> None:
        """Wake every actor of `process` (or of all), as if its time had come."""
        for actor in self._actors:
            if process is None or actor.process is process:
                actor.wake = min(actor.wake, self.now)

    def stop(self, process: object, *, until: datetime) -> None:
        """Let no actor of `process` have a turn before `until`, whoever rouses it."""
        self._stopped[process] = until

    def kill(self, process: object) -> None:
        """Let `process` die: none of its actors comes to run another line of its own."""
        for actor in self._actors:
            if actor.process is process:
                actor.dead = True
                actor.wake = self.now

    def run(self, done: Callable[[], bool]) -> None:
        """Hand turns round until `done`, or until nobody is left and nothing is to come.

        Raises:
            Stuck: the limit of turns is passed.
            BaseException: whatever an actor failed with.

        """
        while (self._actors or self._later) and not done():
            self.turns += 1
            if self.turns > self._most:
                raise Stuck(f"no rest after {self.turns} turns; the clock shows {self.now}")
            self._effects()
            ready = [actor for actor in self._actors if actor.dead or self._wakes(actor) <= self.now]
            if not ready:
                self.now = min([self._wakes(actor) for actor in self._actors] + [at for at, _ in self._later])
                continue
            # The dead go first: they only unwind, and nobody may meet them half alive.
            corpse = next((actor for actor in ready if actor.dead), None)
            self._hand(corpse or self._random.choice(ready))

    def end(self) -> None:
        """Let every thread unwind."""
        for actor in self._actors:
            actor.dead = True
        for actor in list(self._actors):
            self._hand(actor)

    def _wakes(self, actor: Actor) -> datetime:
        stopped = self._stopped.get(actor.process)
        return actor.wake if stopped is None else max(actor.wake, stopped)

    def _effects(self) -> None:
        due = [effect for at, effect in self._later if at <= self.now]
        self._later = [(at, effect) for at, effect in self._later if at > self.now]
        for effect in due:
            effect()

    def _hand(self, actor: Actor) -> None:
        self._current = actor
        actor.turn.release()
        self._back.acquire()
        self._current = None
        if actor.ended:
            self._actors.remove(actor)
            if actor.failure is not None:
                raise actor.failure
