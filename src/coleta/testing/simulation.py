"""The production code in a world where everything goes wrong, repeatably.

Up to four collectors, each a process with a collecting and a landing actor, share one store. Every call
to the outside may meet a fault; processes die and start again, machines die for good or join late, and
each has a clock of its own. When the faults are over the world comes to rest, and the ``Bookkeeper``
compares what was accepted with what the store holds.

``simulator`` is the way in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.runtime.archive import ALIVE
from coleta.runtime.lander import ADOPT_EVERY
from coleta.runtime.publisher import LONG_PAUSE
from coleta.testing.bookkeeper import crc
from coleta.testing.faults import FaultPlan
from coleta.testing.lives import Lives
from coleta.testing.machine import Errand, Machine
from coleta.testing.people import set_pause, visitor
from coleta.testing.publishing import guest, publish_the_rest
from coleta.testing.setting import MINUTE, Deed, Setting

SETTLING = timedelta(seconds=150)
"""Two deadlines and some pauses, after the faults are over and what they delayed has come."""
LEASED = 6 * MINUTE
"""The same where a lease may have to run out first."""
TAKING_UP = ALIVE + ADOPT_EVERY
"""Long enough for others to take up what a dead machine has left in the archive."""


class Simulation(Lives):
    """One world, from its start to its rest."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan, last_call: int | None = None) -> None:
        """Prepare; nothing runs yet. The machine that makes call `last_call` dies at it for good."""
        super().__init__(setting, seed=seed, faults=faults, last_call=last_call)
        self.calls_until_calm = 0
        self.end = setting.start + setting.minutes * MINUTE
        self.visitors: list[Machine] = []

    def run(self) -> list[str]:
        """Run to the end; every way in which the promise was broken."""
        try:
            for machine in self.machines:
                self.start(machine, after=timedelta(seconds=machine.number))
            if self.setting.joins_after is not None:
                self.baton.later(self.setting.joins_after, self._join)
            for deed in self.setting.deeds:
                self.baton.later(deed.after, partial(self._do, deed))
            self._run_until(self.end)
            self._calm_down()
            self._run_until(max(self.end, self.slow_until) + (LEASED if self.setting.lease else SETTLING))
            # Those who only see to the quarantine take up what is archived, too, and do not land it.
            left = any(machine.dead for machine in self.machines) or any(machine.files for machine in self.visitors)
            if self.setting.archive == "first" and left:
                # What the dead received by a clock that was ahead is taken up only once its time has come.
                ahead = max((jump.by for jump in self.setting.jumps), default=timedelta(0))
                self._run_until(self.baton.now + TAKING_UP + max(ahead, timedelta(0)))
            # What a wrong clock received may wait for a time that is long to come: land it, and ask what is open then.
            self.hurry = True
            self.baton.rouse()
            self._run_until(self.baton.now + 2 * MINUTE)
            self.closing = True
            self.baton.rouse()
            self.baton.run(self._at_rest)
            if self.setting.table:
                self._bring_the_table_up()
        except Exception as error:  # noqa: BLE001 - a broken law or a bug, told as every other fault is
            return [f"{type(error).__name__}: {error}"]
        finally:
            self.baton.end()
        return self.check()

    def _bring_the_table_up(self) -> None:
        """Let people mend what they did to the table, and publishers end their pauses; then all is there."""
        if self.tables.undone:
            if self.tables.lacks_rows:
                self.tables.drop()
            for machine in self.machines:
                self._see_to_the_table(machine, "accept")
            self.baton.run(self._at_rest)
        self._run_until(self.baton.now + LONG_PAUSE + MINUTE)
        self.watch.broken += self.tables.behind(self.machines)
        publish_the_rest(self.tables, self.store)

    def _run_until(self, instant: datetime) -> None:
        # Something happens then, so that time is not moved on beyond it where everybody sleeps for longer.
        self.baton.later(instant - self.baton.now, lambda: None)
        self.baton.run(lambda: self.baton.now >= instant)

    def _calm_down(self) -> None:
        self.calm = True
        self.calls_until_calm = len(self.calls)
        for machine in self.machines:
            set_pause(machine, self.baton.now, paused=False)
        for machine in self.machines + self.visitors:
            if machine.process is None and not machine.dead and not machine.done:
                self.start(machine)
        if self.setting.jumps:
            self.baton.rouse()  # all clocks are right again, which a service notices within a second

    def _join(self) -> None:
        number = len(self.machines)
        self.machines.append(Machine(number, self.setting.stream(number)))
        self.start(self.machines[-1])

    def _do(self, deed: Deed) -> None:
        machine = self.machines[deed.machine]
        match deed.what:
            case "replay" | "discard":
                keyed = self.random.random() < 1 / 2
                self.visitors.append(visitor(self.setting, len(self.visitors), deed.what, keyed=keyed))
                self.start(self.visitors[-1])
            case "publish" | "accept":
                self._see_to_the_table(machine, deed.what)
            case "drop":
                self.tables.drop()
            case "put_back":
                self.tables.put_back(self.random)
            case "restore":
                self.tables.restore(self.random)
            case "pause" | "resume" if not self.calm and not machine.dead:
                set_pause(machine, self.clock_of(machine), paused=deed.what == "pause")

    def _see_to_the_table(self, machine: Machine, errand: Errand) -> None:
        self.visitors.append(guest(machine, len(self.visitors), errand))
        self.start(self.visitors[-1])

    def _at_rest(self) -> bool:
        gone = all(machine.done or machine.dead for machine in self.visitors)
        return gone and not any(machine.files for machine in self.machines)

    def check(self) -> list[str]:
        """Compare what was accepted with what the store holds now."""
        objects = self.watch.objects()
        first = Identity.from_json(objects[IDENTITY_NAME]).first_tick
        faults = self.watch.broken + self.books.check(objects, first=first, until=self.end - MINUTE)
        if self.events is None:
            return faults
        # A clock that was ahead, and that nobody compared with another, has had its ticks already.
        guarded = self.setting.guarded and not any(one.looks_failed for one in self.processes)
        # Who lets a stream go on by such a clock has paused it until then.
        paused = any(until is not None and until > self.end for one in self.machines for _, until in one.pauses)
        in_time = guarded and not paused and first <= self.setting.start + 2 * MINUTE
        all_asked = not self.setting.jumps or in_time
        found = self.watch.look()
        taken_up = self.books.taken_up(found)
        return faults + self.events.faults(found, self.setting.kind, all_asked=all_asked, taken_up=taken_up)

    def digest(self) -> tuple[int, int]:
        """What tells two runs apart: how many calls were made, and every byte of the store."""
        return len(self.calls), crc({name: self.store.read(name) or b"" for name in self.store.names("")})
