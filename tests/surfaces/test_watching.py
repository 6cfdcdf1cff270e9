"""How a service is run and stopped, with a service that does only what a test needs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest

from coleta.cli.watching import Ended, Watch
from coleta.errors import Corrupt
from coleta.runtime.events import Event, Stopped

STATUSES: dict[int, int] = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Left(Exception):
    """The process would have ended here."""


class FakeService:
    """Does `work` and then waits for its stop, unless it never stops."""

    def __init__(self, work: Callable[[], None] = lambda: None, *, stops: bool = True) -> None:
        self._work = work
        self._stops = stops
        self.stopped = threading.Event()
        self.released = threading.Event()

    def run(self) -> bool:
        self._work()
        (self.stopped if self._stops else self.released).wait(timeout=30)
        return True

    def stop(self) -> None:
        self.stopped.set()


def to_this_process(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_is_told_with_its_end(number: signal.Signals) -> None:
    told: list[str] = []
    watch = Watch(lambda event: None, statuses=STATUSES, stopping=lambda: told.append("stopping"))

    ended = watch.drive(FakeService(to_this_process(number)))

    assert ended == Ended(number, drained=True)
    assert told == ["stopping"]


def test_a_second_signal_leaves_at_once_with_the_same_status() -> None:
    def leave(status: int) -> None:
        service.released.set()
        raise Left(status)

    def again() -> None:
        threading.Thread(target=second, daemon=True).start()

    def second() -> None:
        service.stopped.wait(timeout=30)
        os.kill(os.getpid(), signal.SIGTERM)

    def first_and_second() -> None:
        again()
        os.kill(os.getpid(), signal.SIGTERM)

    service = FakeService(first_and_second, stops=False)
    watch = Watch(lambda event: None, statuses=STATUSES, leave=leave)

    with pytest.raises(Left) as left:
        watch.drive(service)

    assert left.value.args == (143,)


def test_a_service_that_does_not_stop_in_time_is_left() -> None:
    left: list[int] = []

    def leave(status: int) -> None:
        left.append(status)
        service.released.set()

    service = FakeService(to_this_process(signal.SIGTERM), stops=False)
    watch = Watch(lambda event: None, statuses=STATUSES, leave=leave, stop_s=0.05)

    watch.drive(service)

    # On a busy machine the guard may be the one who leaves, and then both may.
    assert set(left) == {143}
    assert service.stopped.is_set(), "it was asked to stop before it was left"


def test_a_signal_is_heeded_though_nobody_reads_what_is_shown() -> None:
    left: list[int] = []
    reading = threading.Event()

    def leave(status: int) -> None:
        left.append(status)
        reading.set()

    def show(event: Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        reading.wait(timeout=30)

    service = FakeService(lambda: watch.tell(Stopped("compras", "a line that does not fit into the pipe")))
    watch = Watch(show, statuses=STATUSES, leave=leave, stop_s=0.05)
    watch.drive(service)

    assert service.stopped.is_set()
    assert left == [143]


def test_all_that_was_told_is_shown_in_order_before_the_end() -> None:
    shown: list[Event] = []
    events = [Stopped("compras", str(n)) for n in range(100)]

    def work() -> None:
        for event in events:
            watch.tell(event)
        service.stop()

    service = FakeService(work)
    watch = Watch(shown.append, statuses=STATUSES)

    assert watch.drive(service) == Ended(None, drained=True)
    assert shown == events


def test_whoever_shows_may_ask_for_the_end() -> None:
    service = FakeService(lambda: watch.tell(Stopped("compras", "enough")))
    watch = Watch(lambda event: watch.stop(), statuses=STATUSES)

    assert watch.drive(service) == Ended(None, drained=True)


def test_what_ended_the_service_is_raised_where_it_is_watched() -> None:
    def fail() -> None:
        raise Corrupt("the log is broken")

    with pytest.raises(Corrupt, match="the log is broken"):
        Watch(lambda event: None, statuses=STATUSES).drive(FakeService(fail))


def test_handlers_of_signals_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    service = FakeService()
    service.stop()

    Watch(lambda event: None, statuses=STATUSES).drive(service)

    assert signal.getsignal(signal.SIGTERM) is before
