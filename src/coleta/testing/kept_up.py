"""A simulated world in which each process does upkeep and writes roll-ups as well: see ``simulation``.

Files are kept for a minute or so, so that in a world of minutes many are given up while others land. What may not
be deleted, the ``Watch`` of the store knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from coleta.adapters.below import BelowHousekeeping
from coleta.errors import Doubtful, Retryable, SpoolRefused
from coleta.runtime.lander import Lander
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import Station
from coleta.runtime.upkeep import Upkeep
from coleta.stream import Retention
from coleta.testing.baton import Baton
from coleta.testing.bookkeeper import Bookkeeper
from coleta.testing.faults import FaultPlan
from coleta.testing.gates import GatedHousekeeping
from coleta.testing.machine import Machine, Process
from coleta.testing.premises import ROLLED
from coleta.testing.setting import MINUTE, Setting
from coleta.testing.simulation import Simulation
from coleta.testing.watch import Watch

KEPT_FOR = Retention(archive=MINUTE, quarantine=MINUTE)
EVERY = timedelta(seconds=25)
_A_MOMENT = timedelta(seconds=1)


class Turn:
    """Whose turn it is to extend the log in one process. Actors of a simulation cannot wait for a real lock."""

    def __init__(self, baton: Baton) -> None:
        """Begin with nobody's."""
        self._baton = baton
        self._taken = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for it, and have it in the ``with`` block."""
        while self._taken:
            self._baton.pause(stall=_A_MOMENT)
        self._taken = True
        try:
            yield
        finally:
            self._taken = False


class KeptUp(Simulation):
    """One world, from its start to its rest, with upkeep."""

    def __init__(self, setting: Setting, *, seed: int, faults: FaultPlan) -> None:
        """Prepare; nothing runs yet."""
        super().__init__(setting, seed=seed, faults=faults)
        self.books = Bookkeeper(comes_again=setting.has_events, lifted=setting.lifts | {"expired"})
        self.watch = self.store.watch = self.tables.watch = Watch(setting, self.store, self.books, self.machines)
        self.given_up = 0

    def start(self, machine: Machine, *, after: timedelta = timedelta(0)) -> None:
        """See ``Simulation``."""
        machine.stream = replace(machine.stream, retention=KEPT_FOR)
        super().start(machine, after=after)

    def _land(self, station: Station, process: Process) -> None:
        turn, lander = Turn(self.baton), Lander(station)
        name = f"m{process.machine.number}.{process.machine.starts}.keep"
        self.baton.spawn(name, process, lambda: self._keep(station, process, turn))
        while True:
            with turn.taken():
                wake = lander.step(hurry=self.hurry)
            process.landed()
            self._rest(process, wake)
            if self._ends(lander):
                return

    def _keep(self, station: Station, process: Process, turn: Turn) -> None:
        housekeeping = BelowHousekeeping(GatedHousekeeping(self.store, process), "compras")
        rolling = RollUps(station, commits=ROLLED)
        while not self.closing:
            upkeep = Upkeep(station, housekeeping, turn=turn.taken)
            try:
                while rolling.advance():
                    self.baton.pause()
                for _ in upkeep.steps():
                    self.baton.pause()
            except (Retryable, Doubtful, SpoolRefused):
                pass  # the next round goes on where it was
            self.given_up += upkeep.done.expired
            self._rest(process, process.now() + EVERY)
