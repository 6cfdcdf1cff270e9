"""Threads that take turns: exactly one runs at a time, and who runs next is chosen by a seed.

Production code runs unchanged in an actor's thread. It hands the baton over at each call to the
outside world, so every interleaving of those calls can be had, and the same seed gives the same one.
"""

from __future__ import annotations

import _thread
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

    def __init__(self, name: str, process: object, wake: datetime) -> None:
        """Prepare; it begins when it is first handed the baton."""
        self.name = name
        self.process = process
        self.wake = wake
        self.dead = False
        self.thread = 0
        self.turn = _thread.allocate_lock()
        self.turn.acquire()


class Baton:
    """Hands turns to actors, and moves time on when none can go on.

    Whoever has the baton chooses who has it next, and hands it over directly: a switch of threads takes longer than
    most of what is done between two. Only when ``run`` is done does it come back to the thread that called it.
    """

    def __init__(self, random: Random, start: datetime, *, most_turns: int) -> None:
        """Begin at `start`; `most_turns` is the limit after which the world counts as stuck."""
        self.now = start
        self.turns = 0
        self._random = random
        self._most = most_turns
        self._actors: list[Actor] = []
        self._back = _thread.allocate_lock()
        self._back.acquire()
        self._current: Actor | None = None
        self._done: Callable[[], bool] = lambda: True
        self._failure: BaseException | None = None
        self._later: list[tuple[datetime, Callable[[], None]]] = []
        self._stopped: dict[object, datetime] = {}

    def spawn(self, name: str, process: object, work: Callable[[], None], *, after: timedelta = timedelta(0)) -> Actor:
        """Let `work` begin in an actor of its own."""
        actor = Actor(name, process, self.now + after)
        self._actors.append(actor)
        # Not `threading.Thread`: starting one waits until it runs, and there are a dozen in each world.
        actor.thread = _thread.start_new_thread(self._live, (actor, work))
        return actor

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
        assert _thread.get_ident() == actor.thread
        if actor.dead:
            raise Killed
        actor.wake = wake
        chosen = self._next()
        if chosen is not actor:
            self._hand(chosen)
            actor.turn.acquire()
        if actor.dead:
            raise Killed

    def rouse(self, process: object | None = None) -> None:
        """Wake every actor of `process` (or of all), as if its time had come."""
        for actor in self._actors:
            if process is None or actor.process is process:
                actor.wake = min(actor.wake, self.now)

    def wake(self, actor: Actor) -> None:
        """Wake `actor`, as if its time had come."""
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
        self._done = done
        chosen = self._next()
        if chosen is not None:
            self._hand(chosen)
            self._back.acquire()
        self._raise()

    def end(self) -> None:
        """Let every thread unwind."""
        self._done = lambda: True
        for actor in list(self._actors):
            actor.dead = True
            self._hand(actor)
            self._back.acquire()
        self._raise()

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _next(self) -> Actor | None:
        """Who is to have the next turn; None: it is done, or somebody failed."""
        try:
            return self._choose()
        except BaseException as error:  # noqa: BLE001 - it is raised where `run` was called
            self._failure = error
            return None

    def _choose(self) -> Actor | None:
        while (self._actors or self._later) and not self._done():
            self.turns += 1
            if self.turns > self._most:
                raise Stuck(f"no rest after {self.turns} turns; the clock shows {self.now}")
            self._effects()
            now = self.now
            ready = [actor for actor in self._actors if actor.dead or actor.wake <= now]
            if self._stopped:
                ready = [actor for actor in ready if actor.dead or self._wakes(actor) <= now]
            if not ready:
                self.now = min([self._wakes(actor) for actor in self._actors] + [at for at, _ in self._later])
                continue
            # The dead go first: they only unwind, and nobody may meet them half alive.
            for actor in ready:
                if actor.dead:
                    return actor
            return self._random.choice(ready)
        return None

    def _hand(self, actor: Actor | None) -> None:
        self._current = actor
        (self._back if actor is None else actor.turn).release()

    def _live(self, actor: Actor, work: Callable[[], None]) -> None:
        actor.turn.acquire()
        try:
            if not actor.dead:
                work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the simulation reports it
            self._failure = error
        self._actors.remove(actor)
        self._hand(None if self._failure is not None else self._next())

    def _wakes(self, actor: Actor) -> datetime:
        if not self._stopped:
            return actor.wake
        stopped = self._stopped.get(actor.process)
        return actor.wake if stopped is None else max(actor.wake, stopped)

    def _effects(self) -> None:
        if not self._later:
            return
        due = [effect for at, effect in self._later if at <= self.now]
        if not due:
            return
        self._later = [(at, effect) for at, effect in self._later if at > self.now]
        for effect in due:
            effect()
