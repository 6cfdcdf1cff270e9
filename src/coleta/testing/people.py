"""What people do in a simulated world: pause a stream, let it go on, take up the quarantine, or give it up.

Whoever sees to the quarantine does it on a computer of its own, while the others collect and land. When that has
ended well, what was open when it began must be open no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coleta.adapters.below import BelowHousekeeping
from coleta.errors import Doubtful, Retryable, SpoolRefused
from coleta.runtime.discard import discard
from coleta.runtime.pausing import set_paused
from coleta.runtime.redrive import Wanted, replay
from coleta.runtime.station import Station
from coleta.testing.gates import GatedHousekeeping
from coleta.testing.machine import Machine, Process
from coleta.testing.setting import Setting
from coleta.testing.watch import WatchedStore

TRIES_AGAIN_AFTER = timedelta(seconds=20)

_FIRST_NUMBER = 100
"""That of the first computer from which somebody sees to the quarantine."""


def visitor(setting: Setting, number: int, what: str, *, keyed: bool) -> Machine:
    """The computer of a person who has mended the contract, and comes to see to the quarantine."""
    stream = replace(setting.stream(0), terms=setting.terms(keyed=keyed, mended=True))
    return Machine(_FIRST_NUMBER + number, stream, errand="replay" if what == "replay" else "discard")


def set_pause(machine: Machine, now: datetime, *, paused: bool) -> None:
    """Pause the stream on `machine`, or let it go on, when its clock shows `now`."""
    goes_on = bool(machine.pauses) and machine.pauses[-1][1] is None
    if paused and not goes_on:
        machine.pauses.append((now, None))
    elif goes_on and not paused:
        since = machine.pauses[-1][0]
        machine.pauses[-1] = since, max(since, now)
    set_paused(machine.notes, now, paused=paused)


@dataclass(slots=True)
class Errands:
    """Runs the commands of those who see to the quarantine."""

    store: WatchedStore

    def run(self, station: Station, process: Process) -> None:
        """Do what the person came for, until it has ended well."""
        while True:
            try:
                if process.machine.errand == "replay":
                    self._replay(station)
                else:
                    self._discard(station, process)
                process.machine.done = True
            except (Retryable, Doubtful, SpoolRefused):
                process.world.baton.sleep_until(process.world.baton.now + TRIES_AGAIN_AFTER)
            else:
                return

    def _replay(self, station: Station) -> None:
        watch = self.store.watch
        before = watch.look()
        # What two answers share cannot be taken up for one of them.
        meant = {
            path
            for path in before.open_files
            if before.named[path] == 1 and not all(line.hopeless for line in before.lines.get(path, ()))
        }
        replay(station, Wanted())
        left = meant & watch.look().open_files
        watch.broken += [f"{path} could be taken up, and was not" for path in sorted(left)]

    def _discard(self, station: Station, process: Process) -> None:
        watch = self.store.watch
        meant = watch.look().open_files
        housekeeping = BelowHousekeeping(GatedHousekeeping(self.store, process), "compras")
        discard(station, housekeeping, Wanted())
        after = watch.look()
        watch.broken += [f"{path} was to be given up, and is open" for path in sorted(meant & after.open_files)]
        # A put that comes late may bring one back: a lander had it under way when it was given up.
        left = (meant & after.given_up & after.objects.keys()) - watch.books.stranger.deleted.keys()
        watch.broken += [f"{path} is given up, and was not deleted" for path in sorted(left)]
