"""The production code in a world where everything goes wrong, repeatably.

Up to four collectors, each a process with a collecting and a landing actor, share one store. Every call
to the outside may meet a fault; processes die and start again, machines die for good or join late, and
each has a clock of its own. When the faults are over the world comes to rest, and the ``Bookkeeper``
compares what was accepted with what the store holds.

``simulator`` is the way in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from coleta.errors import Retryable, SpoolRefused
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.runtime.archive import ALIVE
from coleta.runtime.collector import Collector
from coleta.runtime.lander import ADOPT_EVERY, Lander
from coleta.runtime.opening import open_station
from coleta.runtime.station import Station
from coleta.stream import Every
from coleta.testing.apis import Api, Events, Inventing
from coleta.testing.baton import Baton
from coleta.testing.bookkeeper import Bookkeeper, crc
from coleta.testing.faults import DEADLY, MENU, Call, Fault, FaultPlan
from coleta.testing.machine import Machine, Process
from coleta.testing.memory import MemoryCell, SeededIds
from coleta.testing.people import Errands, set_pause, visitor
from coleta.testing.premises import premises_of, world_of
from coleta.testing.setting import MINUTE, Deed, Setting
from coleta.testing.watch import PREFIX, Watch, WatchedStore

STALL = 3 * MINUTE
SETTLING = timedelta(seconds=150)
"""Two deadlines and some pauses, after the faults are over and what they delayed has come."""
LEASED = 6 * MINUTE
"""The same where a lease may have to run out first."""
TAKING_UP = ALIVE + ADOPT_EVERY
"""Long enough for others to take up what a dead machine has left in the archive."""
MOST_TURNS = 30_000
"""Some seven times as many as a long world has: one that passes this never comes to rest."""


class Simulation:
    """One world, from its start to its rest."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan, last_call: int | None = None) -> None:
        """Prepare; nothing runs yet. The machine that makes call `last_call` dies at it for good."""
        self.setting = setting
        self.random = Random(seed)
        self.faults = faults
        self.baton = Baton(self.random, setting.start, most_turns=MOST_TURNS)
        self.ids = SeededIds(seed)
        self.store = WatchedStore()
        self.cell = MemoryCell()
        self.events = Events(self.random, setting.start, setting.minutes) if setting.has_events else None
        self.api: Api = self.events or Inventing(self.random, setting.pages)
        self.books = Bookkeeper(comes_again=setting.has_events, lifted=setting.lifts)
        self.errands = Errands(self.store)
        self.last_call = last_call
        self.slow_until = max((setting.start + deed.after for deed in setting.deeds), default=setting.start)
        self.calls: list[str] = []
        self.calls_until_calm = 0
        self.end = setting.start + setting.minutes * MINUTE
        self.calm = False
        self.hurry = False
        self.closing = False
        self.machines = [Machine(n, setting.stream(n)) for n in range(setting.machines)]
        self.watch = self.store.watch = Watch(setting, self.store, self.books, self.machines)
        self.visitors: list[Machine] = []
        self.processes: list[Process] = []

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
        except Exception as error:  # noqa: BLE001 - a broken law or a bug, told as every other fault is
            return [f"{type(error).__name__}: {error}"]
        finally:
            self.baton.end()
        return self.check()

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
        if deed.what in ("replay", "discard"):
            keyed = self.random.random() < 1 / 2
            self.visitors.append(visitor(self.setting, len(self.visitors), deed.what, keyed=keyed))
            self.start(self.visitors[-1])
        elif not self.calm and not self.machines[deed.machine].dead:
            machine = self.machines[deed.machine]
            set_pause(machine, self.clock_of(machine), paused=deed.what == "pause")

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

    # Processes -----------------------------------------------------------------------------------

    def start(self, machine: Machine, *, after: timedelta = timedelta(0)) -> None:
        """Start a process on `machine`, which has forgotten its index in one of five cases."""
        if machine.starts and self.random.random() < 1 / 5:
            machine.indexes.clear()
        if machine.starts and self.setting.edits and machine.errand is None:
            every = self.random.choice((MINUTE, timedelta(seconds=90), timedelta(seconds=40)))
            terms = self.setting.terms(keyed=self.random.random() < 1 / 2)
            machine.stream = replace(machine.stream, schedule=Every(every), terms=terms)
        machine.starts += 1
        process = machine.process = Process(self, machine)
        self.processes.append(process)
        name = f"m{machine.number}.{machine.starts}"
        self.baton.spawn(f"{name}.open", process, lambda: self._open(name, process), after=after)

    def meet(self, process: Process, kind: str) -> Fault | None:
        """A turn of the baton, then the fault that the plan has for this call."""
        self.baton.pause()
        number = len(self.calls)
        self.calls.append(kind)
        if self.calm:
            return None
        fault = self.faults.at(Call(number, kind, self.baton.now))
        if number == self.last_call or self._comes_to_its_end(process.machine):
            process.machine.doomed = True
            if fault not in DEADLY:
                fault = self.random.choice([one for one in MENU.get(kind, ()) if one in DEADLY] or DEADLY[:1])
        match fault:
            case Fault.CRASH_BEFORE:
                process.die()
            case Fault.STALL:
                self.slow_until = max(self.slow_until, self.baton.now + STALL)
                self.baton.pause(stall=STALL)
                return None
            case Fault.STOP:
                self.slow_until = max(self.slow_until, self.baton.now + STALL)
                self.baton.stop(process, until=self.baton.now + STALL)
                self.baton.pause()
                return None
        return fault

    def _comes_to_its_end(self, machine: Machine) -> bool:
        dies_after = self.setting.dies_after
        return machine.number == 0 and dies_after is not None and self.baton.now >= self.setting.start + dies_after

    def crash(self, process: Process) -> None:
        """Let `process` die; its machine starts another one after a while."""
        machine = process.machine
        self.baton.kill(process)
        machine.process = None
        if machine.doomed or self._comes_to_its_end(machine):
            lost = machine.lose_disk()
            if self.setting.archive == "first":
                return  # what was accepted is in the store, too: nothing may be lost
            elsewhere = (other.answers.values() for other in self.machines if other is not machine)
            self.books.lost |= lost.difference(*elsewhere)
            return
        wait = self.random.choice((timedelta(seconds=1), timedelta(seconds=30), 3 * MINUTE))

        def again() -> None:
            if machine.process is None:
                self.start(machine)

        self.baton.later(wait, again)

    def _open(self, name: str, process: Process) -> None:
        station = None
        while station is None:
            try:
                station = open_station(premises_of(self, process), world_of(self, process))
            except (Retryable, SpoolRefused):
                self.baton.sleep_until(self.baton.now + timedelta(seconds=5))
        opened = station
        if process.machine.errand is not None:
            self.errands.run(opened, process)
            process.machine.process = None
            return
        self.baton.spawn(f"{name}.collect", process, lambda: self._collect(opened, process))
        self.baton.spawn(f"{name}.land", process, lambda: self._land(opened, process))

    def _collect(self, station: Station, process: Process) -> None:
        collector = Collector(station)
        while not self.closing:
            process.newest = process.now()
            process.paused = tuple(process.machine.pauses)
            self._rest(process, collector.step())
            if self.closing:
                return

    def _land(self, station: Station, process: Process) -> None:
        lander = Lander(station)
        while True:
            self._rest(process, lander.step(hurry=self.hurry))
            if self.closing and lander.idle:
                return

    def _rest(self, process: Process, until: datetime) -> None:
        """Wait as the service does: until the clock of this machine shows `until`, whenever that comes to be."""
        machine = process.machine
        while True:
            wake = self.baton.now + (until - process.now())
            jump = None if self.calm else self.setting.next_jump(machine.number, self.baton.now)
            if jump is None or wake <= jump:
                self.baton.sleep_until(wake)
                return
            self.baton.sleep_until(jump)
            if self.baton.now < jump:
                return  # it was roused

    def clock_of(self, machine: Machine) -> datetime:
        """What the clock of `machine` shows."""
        now = self.baton.now
        off = timedelta(0) if self.calm else self.setting.clock_is_off_by(machine.number, now)
        # The first start of all makes the first tick; what an absurd clock would make of it is not tried here.
        absurd = abs(off) > MINUTE * 60 and PREFIX + IDENTITY_NAME not in self.store.objects
        return now if absurd else now + off
