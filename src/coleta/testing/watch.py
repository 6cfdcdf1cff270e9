"""What must hold at each moment, not only at the end: told by whoever sees it happen.

A rule here looks at what a process asks and writes down, and at what comes into the store and goes from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coleta.collect.spool import Spooled
from coleta.collect.tick import Interval
from coleta.ports import Created, Exists, Spool
from coleta.runtime.events import Asking, Event, Gapped
from coleta.stream import Checks
from coleta.testing.bookkeeper import Bookkeeper, Copy
from coleta.testing.machine import Machine, Process
from coleta.testing.memory import MemoryStore
from coleta.testing.setting import NO_CHECKS, REFUSING, Setting
from coleta.testing.stranger import Contents

PREFIX = "compras/"

_APART = timedelta(seconds=62)
"""How far a clock may be ahead of the store's before no tick is begun by it, and the rounding of what that tells."""


@dataclass(slots=True)
class Watch:
    """Looks on in one world; what it sees that must not be goes into ``broken``."""

    setting: Setting
    store: MemoryStore
    books: Bookkeeper
    machines: list[Machine]
    broken: list[str] = field(default_factory=list)

    def objects(self) -> dict[str, bytes]:
        """What the store holds now, by the names below the stream's path."""
        return {n.removeprefix(PREFIX): body for n, body in self.store.objects.items() if n.startswith(PREFIX)}

    def look(self) -> Contents:
        """The same, read."""
        return self.books.stranger.read(self.objects())

    # Asking ------------------------------------------------------------------------------------------

    def saw(self, process: Process, event: Event) -> None:
        """See what a process tells."""
        if isinstance(event, Asking) and (event.page, event.attempt) == (1, 1):
            if event.tick.end > process.newest:
                self.broken.append(f"{event.tick.name} is asked at {process.newest}, before its end")
            if self._is_paused(process, event.tick):
                self.broken.append(f"{event.tick.name} is asked, though the stream was paused")
            self._by_the_right_clock(process, event.tick, "asked")
        if isinstance(event, Gapped):
            for gap in event.gaps:
                self._gapped(process, gap.tick, gap.reason)

    def _gapped(self, process: Process, tick: Interval, reason: str) -> None:
        if reason in ("missed", "paused"):
            self._by_the_right_clock(process, tick, "written down")
        if reason == "paused" and not self._may_be_paused(process, tick):
            self.broken.append(f"{tick.name} is written down as paused, and nobody had paused the stream")
        if reason == "missed" and self._is_paused(process, tick):
            self.broken.append(f"{tick.name} is written down as missed, though the stream was paused")

    @staticmethod
    def _may_be_paused(process: Process, tick: Interval) -> bool:
        """Whether a pause holds `tick`, or goes on: then also what had come due before, and was not asked, is not."""
        pauses = process.machine.pauses
        begun_meanwhile = pauses[len(process.paused) :]  # while its step was held up; it may have ended since
        goes_on = bool(begun_meanwhile) or any(until is None for _, until in process.paused)
        return goes_on or any(_holds(one, tick) for one in pauses)

    def _is_paused(self, process: Process, tick: Interval) -> bool:
        # Those that had begun when its step did, as they are now: one may have ended while the step was held up.
        # A clock that jumps between the pause and the tick makes either come first.
        begun = process.machine.pauses[: len(process.paused)]
        return not self.setting.jumps and any(_holds(one, tick) for one in begun)

    def _by_the_right_clock(self, process: Process, tick: Interval, what: str) -> None:
        if self.setting.guarded and not process.looks_failed and tick.end > process.world.baton.now + _APART:
            self.broken.append(f"{tick.name} is {what} at {process.world.baton.now} by a clock that is wrong")

    # Accepting ---------------------------------------------------------------------------------------

    def accepted(self, machine: Machine, entry: Spooled, spool: Spool) -> None:
        """See that `entry` has become durable in the `spool` of `machine`."""
        answer = entry.trailer.answer
        if answer is None:
            return
        pages = list(spool.read(entry).pages())
        bodies = b"\n".join(wire for _, wire in pages)
        (tick,) = entry.intervals
        head = pages[0][0]
        if self.setting.kind == "conditional":
            self.books.said.setdefault(answer, set()).add((head.status, dict(head.headers).get("etag")))
        # What has not changed has no records of its own, and nothing is held against it.
        checks = self.setting.checks if head.status == 200 else NO_CHECKS
        refused = _refused(checks, machine.body_before(tick.end) if self.setting.alone else None, bodies)
        if refused is False and head.status == 200:
            machine.bodies.append((tick.end, bodies))
        machine.answers[entry.name] = answer
        carried = entry.header.carried
        self.books.note(
            answer,
            (tick.start, tick.end),
            bodies,
            landed_as=self.setting.landed_as,
            refused=bool(refused),
            copy=None if carried is None else Copy.of(carried.parent, carried.before),
        )

    # The store ---------------------------------------------------------------------------------------

    def created(self, name: str) -> None:
        """See that `name` has come into the store."""
        if name.startswith(f"{PREFIX}_superseded/"):
            answer = name.rsplit("-", 1)[1].split(".")[0]
            waiting = [{one.answers[file] for file in one.files if file in one.answers} for one in self.machines]
            beside = {other for some in waiting if any(one.startswith(answer) for one in some) for other in some}
            self.broken += self.books.set_aside(answer, self.look(), beside)

    def deleting(self, name: str) -> None:
        """See that `name` is about to go from the store."""
        below = name.removeprefix(PREFIX)
        if below not in self.look().given_up:
            self.broken.append(f"{below} is deleted, and the log has not given it up")
        if (body := self.store.objects.get(name)) is not None:
            self.books.stranger.gone(below, body)


class WatchedStore(MemoryStore):
    """A store of which a watch sees what comes and goes."""

    watch: Watch

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        done = super().create(name, body, sha256=sha256)
        if isinstance(done, Created):
            self.watch.created(name)
        return done

    def delete(self, name: str) -> None:
        """See ``Housekeeping``."""
        self.watch.deleting(name)
        self.objects.pop(name, None)

    def replace(self, name: str, body: bytes) -> None:
        """See ``Housekeeping``."""
        self.objects[name] = body


def _holds(pause: tuple[datetime, datetime | None], tick: Interval) -> bool:
    since, until = pause
    return since < tick.end and (until is None or tick.end <= until)


def _refused(checks: Checks, before: bytes | None, bodies: bytes) -> bool | None:
    """Whether `checks` refuse an answer with `bodies`, a page a line; None: it is no data at all."""
    try:
        pages = [json.loads(page) for page in bodies.splitlines()]
    except ValueError:
        return None
    if not all(isinstance(page, list) for page in pages):
        return None
    records = sum(map(len, pages))
    return (
        (not records and checks.on_empty in REFUSING)
        or (checks.min_rows is not None and records < checks.min_rows and checks.on_few in REFUSING)
        or (bool(records) and bodies == before and checks.on_same in REFUSING)
    )
