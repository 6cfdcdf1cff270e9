"""Who keeps the table in a simulated world: the publisher of each service, and people who call `coleta publish`.

A person works on the computer of a service, with the same notes and the same index, while the service goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from coleta.adapters.below import Below
from coleta.errors import Doubtful, Misconfigured, Retryable, SpoolRefused
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.runtime.publisher import Publisher
from coleta.runtime.registering import OBJECTS_AT_ONCE, Shelf, publish_all
from coleta.runtime.station import Station
from coleta.testing.baton import Actor, Baton
from coleta.testing.gated_table import GatedTable
from coleta.testing.gates import GatedIndex, GatedNotes, GatedStore
from coleta.testing.machine import Errand, Machine, Process
from coleta.testing.memory import MemoryIndex, MemoryStore
from coleta.testing.people import TRIES_AGAIN_AFTER
from coleta.testing.table_watch import TableWatch
from coleta.testing.watch import PREFIX

_FIRST_NUMBER = 200
"""That of the first person who sees to the table."""

_ONE_BY_ONE = OBJECTS_AT_ONCE + 1
"""Nothing is read side by side: who reads, and when, is for the baton to say."""


@dataclass(slots=True)
class Keeper:
    """The publisher of one process: it is woken by each landing, also by one in the middle of its step."""

    baton: Baton
    rest: Callable[[datetime], None]
    actor: Actor | None = None
    woken: bool = False

    def wake(self) -> None:
        """See that something has landed."""
        self.woken = True
        if self.actor is not None:
            self.baton.wake(self.actor)

    def keep(self, station: Station) -> None:
        """Keep the table, for as long as the process lives."""
        assert station.table is not None
        publisher = Publisher(station, station.table, at_once=_ONE_BY_ONE)
        while True:
            self.woken = False
            until = publisher.step()
            if not self.woken:
                self.rest(until)


def guest(host: Machine, number: int, errand: Errand) -> Machine:
    """A person at the computer of `host`: it has the same disk, and another process."""
    return Machine(_FIRST_NUMBER + number, host.stream, notes=host.notes, indexes=host.indexes, errand=errand)


def see_to_the_table(tables: TableWatch, store: MemoryStore, process: Process) -> None:
    """Call `coleta publish`, for the errand of `process` with `--accept`, until it has ended well."""
    machine, watch = process.machine, tables.watch
    while not machine.done:
        before, undone = watch.look(), tables.undone
        try:
            shelf = _shelf(tables, store, process)
            for _ in () if shelf is None else publish_all(shelf, accept=machine.errand == "accept"):
                pass
            if shelf is not None and undone == tables.undone and not tables.lacks_rows:
                watch.broken += [f"{path} was to be published, and is not" for path in tables.lacking(before)]
            machine.done = True
        except Misconfigured as error:
            # The person reads this, and sees that somebody has dropped the table, or put it back.
            machine.done = True
            if not tables.undone or (machine.errand == "accept" and undone == tables.undone):
                watch.broken.append(f"nobody had touched the table: {error}")
        except (Retryable, Doubtful, SpoolRefused):
            process.world.baton.sleep_until(process.world.baton.now + TRIES_AGAIN_AFTER)


def publish_the_rest(tables: TableWatch, store: MemoryStore) -> None:
    """Register what no machine with a table has heard of, from a new one that knows nothing."""
    below = Below(store, PREFIX.removesuffix("/"))
    identity = Identity.from_json(store.objects[PREFIX + IDENTITY_NAME])
    for _ in publish_all(Shelf("", identity, below, MemoryIndex(), None, tables.table)):
        pass
    tables.watch.broken += [f"{path} is in no table" for path in tables.lacking(tables.watch.look())]
    tables.watch.broken += tables.faults()


def _shelf(tables: TableWatch, store: MemoryStore, process: Process) -> Shelf | None:
    """What the command finds on this computer; None where the stream was never started here."""
    machine = process.machine
    stored = machine.notes.recall("identity")
    if stored is None:
        return None
    identity = Identity.from_json(stored)
    return Shelf(
        where=machine.stream.path,
        identity=identity,
        store=Below(GatedStore(store, process), machine.stream.path),
        index=GatedIndex(machine.indexes.get(identity.uuid) or MemoryIndex(), process),
        notes=GatedNotes(machine.notes, process),
        table=GatedTable(tables, process),
        at_once=_ONE_BY_ONE,
    )
