"""The processes of a simulated world: how they start, what they do, what their calls meet, and how they die."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from coleta.errors import Misconfigured, Retryable, SpoolRefused
from coleta.land.commit import IDENTITY_NAME
from coleta.runtime.collector import Collector
from coleta.runtime.lander import Lander
from coleta.runtime.opening import open_station
from coleta.runtime.station import Station
from coleta.stream import Every
from coleta.testing.apis import Api, Catalogue, Events, Inventing
from coleta.testing.baton import Baton
from coleta.testing.bookkeeper import Bookkeeper
from coleta.testing.faults import DEADLY, MENU, Call, Fault, FaultPlan
from coleta.testing.machine import Machine, Process
from coleta.testing.memory import MemoryCell, SeededIds
from coleta.testing.people import Errands
from coleta.testing.premises import premises_of, world_of
from coleta.testing.publishing import Keeper, see_to_the_table
from coleta.testing.setting import MINUTE, NAME, RENAMED, Setting
from coleta.testing.table_watch import TableWatch
from coleta.testing.watch import PREFIX, Watch, WatchedStore

STALL = 3 * MINUTE
MOST_TURNS = 30_000
"""Some seven times as many as a long world has: one that passes this never comes to rest."""


class Lives:
    """All processes of one world, and what they are in."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan, last_call: int | None = None) -> None:
        """Prepare; nothing runs yet. The machine that makes call `last_call` dies at it for good."""
        self.setting = setting
        self.random = Random(seed)
        self.faults = faults
        self.baton = Baton(self.random, setting.start, most_turns=MOST_TURNS)
        self.ids = SeededIds(seed)
        self.store = WatchedStore()
        self.cell = MemoryCell()
        bounded = bool(setting.table)
        self.events = (
            Events(self.random, setting.start, setting.minutes, bounded=bounded) if setting.has_events else None
        )
        invents = Catalogue if setting.kind == "conditional" else Inventing
        self.api: Api = self.events or invents(self.random, setting.pages, bounded)
        self.books = Bookkeeper(comes_again=setting.has_events, lifted=setting.lifts)
        self.errands = Errands(self.store)
        self.last_call = last_call
        self.slow_until = max((setting.start + deed.after for deed in setting.deeds), default=setting.start)
        self.calls: list[str] = []
        self.calm = False
        self.hurry = False
        self.closing = False
        self.machines = [Machine(n, setting.stream(n)) for n in range(setting.machines)]
        self.watch = self.store.watch = Watch(setting, self.store, self.books, self.machines)
        self.tables = TableWatch(self.watch)
        self.processes: list[Process] = []

    def start(self, machine: Machine, *, after: timedelta = timedelta(0)) -> None:
        """Start a process on `machine`, which has forgotten its index in one of five cases."""
        if machine.starts and self.random.random() < 1 / 5 and not machine.is_guest:
            machine.indexes.clear()
        if machine.starts and self.setting.edits and machine.errand is None:
            every = self.random.choice((MINUTE, timedelta(seconds=90), timedelta(seconds=40)))
            keyed, wide = self.random.random() < 1 / 2, bool(self.setting.table) and self.random.random() < 1 / 2
            terms = self.setting.terms(keyed=keyed, wide=wide)
            new = self.random.random() < 1 / 3
            name, was = (RENAMED, NAME) if new else (NAME, None)
            machine.stream = replace(machine.stream, name=name, was=was, schedule=Every(every), terms=terms)
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
        if (machine.doomed and not machine.is_guest) or self._comes_to_its_end(machine):
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
        machine, station = process.machine, None
        if machine.is_guest:
            see_to_the_table(self.tables, self.store, process)
            machine.process = None
            return
        while station is None:
            try:
                station = open_station(premises_of(self, process), world_of(self, process))
            except (Retryable, SpoolRefused):
                self.baton.sleep_until(self.baton.now + timedelta(seconds=5))
            except Misconfigured:
                # The table has columns already that this project file lacks, and somebody has to write them into it.
                terms = self.setting.terms(keyed=bool(machine.stream.terms.key), wide=True)
                if not self.setting.table or machine.stream.terms == terms:
                    raise
                machine.stream = replace(machine.stream, terms=terms)
        opened = station
        if machine.errand is not None:
            self.errands.run(opened, process)
            machine.process = None
            return
        self.baton.spawn(f"{name}.collect", process, lambda: self._collect(opened, process))
        self.baton.spawn(f"{name}.land", process, lambda: self._land(opened, process))
        if opened.table is not None:
            keeper = Keeper(self.baton, partial(self._rest, process))
            keeper.actor = self.baton.spawn(f"{name}.table", process, lambda: keeper.keep(opened))
            process.landed = keeper.wake

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
            wake = lander.step(hurry=self.hurry)
            process.landed()
            self._rest(process, wake)
            if self._ends(lander):
                return

    def _ends(self, lander: Lander) -> bool:
        """Whether nothing is to be landed any more; where there is a table, the world goes on for a while."""
        return self.closing and lander.idle and not self.setting.table

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
