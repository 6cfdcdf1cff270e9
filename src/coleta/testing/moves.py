"""A simulated world in which the log moves: one machine moves it, the others go on with the old project file.

Who is stopped by the fence gets the new file from a person half a minute later, however far the move has come. A move
that dies is run again; if its machine dies for good, on another one. In the end it is run once more, for what others
had left in the old place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from coleta.adapters.below import Below
from coleta.errors import LogMoved, Retryable, SpoolRefused
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.record import decode_record
from coleta.ports import SpoolContents
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.inspector import Deep
from coleta.runtime.log import read_footer
from coleta.runtime.moving import Passage, gather, move
from coleta.runtime.station import Station
from coleta.testing.baton import Killed
from coleta.testing.faults import DEADLY, MENU, Fault, FaultPlan, NoFaults, OneFault, RandomFaults
from coleta.testing.machine import Machine, Process
from coleta.testing.memory import MemoryIndex
from coleta.testing.premises import premises_of, world_of
from coleta.testing.setting import MINUTE, NEAR_MIDNIGHT, Setting
from coleta.testing.simulation import Simulation
from coleta.testing.watch import PREFIX

OLD = PREFIX.rstrip("/")
NEW = "elsewhere"
MOVES_AFTER = timedelta(seconds=70)
A_PERSON_LATER = timedelta(seconds=30)
ONCE_MORE = 5 * MINUTE
"""How long after the faults the move is run again: when all that comes late has come."""

MOVE_SETTINGS = (
    Setting(machines=2, minutes=2),
    Setting(machines=2, minutes=2, start=NEAR_MIDNIGHT + MINUTE, archive="first", land_every=timedelta(seconds=40)),
    Setting(machines=2, minutes=2, kind="since", land_every=timedelta(seconds=40)),
)


class Moving(Simulation):
    """One world, from its start to its rest, whose log lies elsewhere in the end."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan, last_call: int | None = None) -> None:
        """Prepare; nothing runs yet."""
        super().__init__(setting, seed=seed, faults=faults, last_call=last_call)
        self.mover: Machine | None = None
        self.first_call = 0
        """The call with which the move begins."""

    def run(self) -> list[str]:
        """Run to the end; every way in which the promise was broken."""
        self.baton.later(MOVES_AFTER, self._begin)
        return super().run()

    def _begin(self) -> None:
        """A person stops a collector, and moves the log on its machine."""
        self.first_call = self.first_call or len(self.calls)
        self.mover = machine = next(one for one in self.machines if not one.dead)
        if machine.process is not None:
            self.baton.kill(machine.process)
            machine.process = None
        self.start(machine)

    def _calm_down(self) -> None:
        super()._calm_down()
        self.baton.later(ONCE_MORE, self._gather)

    def _gather(self) -> None:
        old, new = Below(self.store, OLD), Below(self.store, NEW)
        stored = new.read(IDENTITY_NAME)
        if stored is not None:
            gather(old, new, MemoryIndex())
            self.baton.rouse()

    def crash(self, process: Process) -> None:
        """Let `process` die; if it moved the log, and its machine is lost, somebody moves it from another one."""
        super().crash(process)
        if process.machine.dead and process.machine is self.mover:
            self.mover = None
            self.baton.later(A_PERSON_LATER, self._begin)

    def _open(self, name: str, process: Process) -> None:
        if process.machine is self.mover:
            self._move(process)
        try:
            super()._open(name, process)
        except LogMoved:
            self._follow(process)

    def _land(self, station: Station, process: Process) -> None:
        try:
            super()._land(station, process)
        except LogMoved:
            self._follow(process)

    def _move(self, process: Process) -> None:
        machine = process.machine
        there = replace(machine.stream, path=NEW)
        here = replace(machine.stream, path=OLD)
        while True:
            try:
                move(
                    Passage(
                        premises_of(self, process, here), premises_of(self, process, there), world_of(self, process)
                    )
                )
                break
            except (Retryable, SpoolRefused):
                self.baton.sleep_until(self.baton.now + A_PERSON_LATER)
        machine.stream, self.mover = there, None

    def _follow(self, process: Process) -> None:
        """The process ends with the fence's error; a person reads it, and gives the stream its new place."""
        machine = process.machine
        self.baton.kill(process)
        machine.process = None

        def again() -> None:
            machine.stream = replace(machine.stream, path=NEW)
            if machine.process is None and not machine.dead:
                self.start(machine)

        self.baton.later(A_PERSON_LATER, again)
        raise Killed

    def check(self) -> list[str]:
        """Compare what was accepted with what the new place holds, and both places with each other."""
        new, old = self._objects(NEW), self._objects(OLD)
        if IDENTITY_NAME not in new:
            return ["the log has not arrived"]
        identity = Identity.from_json(new[IDENTITY_NAME])
        faults = self.watch.broken + self.books.check(new, first=identity.first_tick, until=self.end - MINUTE)
        faults += list(self._places(old, new))
        for path in (OLD, NEW):
            store = Below(self.store, path)
            at = Evidence(self.machines[0].stream, identity, store, MemoryIndex(), SpoolContents(), self.end - MINUTE)
            found = whole(at, deep=Deep()).findings
            faults += [f"{path}: {one.code} {one.where}" for one in found if one.severity == "damage"]
        return faults

    def _objects(self, path: str) -> dict[str, bytes]:
        return {name: self.store.read(f"{path}/{name}") or b"" for name in Below(self.store, path).names("")}

    def _places(self, old: dict[str, bytes], new: dict[str, bytes]) -> Iterator[str]:
        ends = []
        for name, body in old.items():
            if name.startswith("data/"):
                footer = read_footer(Below(self.store, OLD), name)
                record = decode_record(name, footer.stored) if footer else None
                if record is not None and record.kind == "moved":
                    ends.append(record.seq)
                elif new.get(name) != body:
                    yield f"{name} lies in the old place, and not in the new one"
            elif name.startswith("_superseded/") and new.get(name) is None:
                yield f"{name} was left behind"
        if len(ends) != 1:
            yield f"the old log ends {len(ends)} times"


def quiet_move(setting: Setting) -> Moving:
    """A world in which nothing goes wrong."""
    return Moving(setting, seed=0, faults=NoFaults())


def move_with_one_fault(setting: Setting, number: int, fault: Fault, *, last: bool = False) -> Moving:
    """A world in which only call `number` meets `fault`; if it is the `last`, the machine's disk is lost, too."""
    return Moving(setting, seed=0, faults=OneFault(number, fault), last_call=number if last else None)


def move_with_random_faults(seed: int) -> Moving:
    """The random world of `seed`."""
    random = Random(seed)
    setting = replace(Setting.drawn(random), jumps=(), lease=False, deeds=(), table=())
    if setting.machines == 1:
        setting = replace(setting, machines=2)
    return Moving(setting, seed=seed, faults=RandomFaults(Random(seed + 1), random.choice((0.01, 0.05, 0.15))))


def every_fault_of_a_move(setting: Setting) -> Iterator[tuple[int, Fault, bool]]:
    """Each call from the move's begin on, with each fault that it can meet; the deadly ones also as the last."""
    quiet = quiet_move(setting)
    quiet.run()
    for number in range(quiet.first_call, quiet.calls_until_calm):
        for fault in MENU.get(quiet.calls[number], ()):
            yield number, fault, False
            if fault in DEADLY:
                yield number, fault, True
