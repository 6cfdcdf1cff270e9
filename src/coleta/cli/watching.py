"""Runs a service while a person, or a log, watches: shows its events, and stops it when a signal says so.

The service runs in a thread of its own and only hands its events over, so that a terminal that is slow or gone
never holds collecting up, nor a stop. That is graceful for a few seconds, and then the process leaves, which is safe.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from types import FrameType
from typing import NoReturn, Protocol

from coleta.runtime.events import Event

STOP_S = 9.5
"""How long a stop may take: the service's own 8 s and a little, but less than the 10 s after which many
supervisors kill."""

_GUARD_S = 0.3
"""How much longer a stop may take while whoever reads what is shown has stalled, and with it the thread that shows."""

_LOOK_S = 0.2
"""How soon a signal is noticed while nothing happens."""


class Stoppable(Protocol):
    """What is watched; ``coleta.runtime.service.Service`` is one."""

    def run(self) -> bool:
        """Work until stopped; whether nothing was left waiting."""

    def stop(self) -> None:
        """Ask ``run`` to end, from any thread."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a service ended: by itself, or by signal number ``signal``; ``drained`` if nothing was left waiting."""

    signal: int | None
    drained: bool


def exit_now(status: int) -> NoReturn:
    """End the process without waiting for any thread."""
    os._exit(status)


class Watch:
    """One service, watched. One use only."""

    def __init__(
        self,
        show: Callable[[Event], None],
        *,
        statuses: Mapping[int, int],
        stopping: Callable[[], None] = lambda: None,
        leave: Callable[[int], None] = exit_now,
        stop_s: float = STOP_S,
    ) -> None:
        """Prepare to `show` events.

        `statuses` are the signals to stop at, each with the exit status of its end; `stopping` is called once
        when a stop begins. `leave` ends the process at once: at a second signal, or when a stop takes longer
        than `stop_s` seconds.
        """
        self._show = show
        self._statuses = statuses
        self._stopping = stopping
        self._leave = leave
        self._stop_s = stop_s
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._signal: int | None = None
        self._signalled = threading.Event()
        self._over = threading.Event()
        self._asked_to_stop = False
        self._drained = False
        self._failure: BaseException | None = None

    def tell(self, event: Event) -> None:
        """Hand an event over; from any thread, and never in the way of what happens."""
        self._events.put(event)

    def stop(self) -> None:
        """Ask for the end; from the thread that shows."""
        self._asked_to_stop = True

    def drive(self, service: Stoppable) -> Ended:
        """Run `service` to its end, and show its events in this thread, the main one.

        Raises:
            ColetaError: whatever ended the service.

        """
        worker = threading.Thread(target=self._work, args=(service,), name="service", daemon=True)
        guard = threading.Thread(target=self._guard, args=(service,), name="guard", daemon=True)
        with self._signals():
            worker.start()
            guard.start()
            try:
                self._watch(service)
            finally:
                self._over.set()
                self._signalled.set()
        if self._failure is not None:
            raise self._failure
        return Ended(self._signal, self._drained)

    def _work(self, service: Stoppable) -> None:
        try:
            self._drained = service.run()
        except BaseException as error:  # noqa: BLE001  # raised again by the thread that watches
            self._failure = error
        finally:
            self._events.put(None)

    def _guard(self, service: Stoppable) -> None:
        """See to it that a signal stops the service even where the thread that shows hangs in a write."""
        self._signalled.wait()
        if self._over.is_set():
            return
        service.stop()
        if not self._over.wait(self._stop_s + _GUARD_S):
            self._leave(self._statuses.get(self._signal or 0, 0))

    def _watch(self, service: Stoppable) -> None:
        leave_at: float | None = None
        while True:
            if leave_at is None and (self._asked_to_stop or self._signal is not None):
                leave_at = monotonic() + self._stop_s
                service.stop()
                self._stopping()
            if leave_at is not None and monotonic() > leave_at:
                self._leave(self._statuses.get(self._signal or 0, 0))
                return
            look_s = _LOOK_S if leave_at is None else min(_LOOK_S, max(leave_at - monotonic(), 0))
            try:
                event = self._events.get(timeout=look_s)
            except Empty:
                continue
            if event is None:
                if leave_at is None and self._signal is not None:
                    self._stopping()  # it was stopped before this thread had looked
                return
            self._show(event)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            if self._signal is not None:
                self._leave(self._statuses[number])
            self._signal = number
            self._signalled.set()

        before = {number: signal.signal(number, note) for number in self._statuses}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
