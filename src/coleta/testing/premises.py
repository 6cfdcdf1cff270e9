"""What a simulated process has at hand: its machine's disk and the store, behind its gate."""

from __future__ import annotations

from typing import Protocol

from coleta.adapters.below import Below
from coleta.collect.spool import Spooled
from coleta.land.commit import Identity
from coleta.ports import Index, Spool
from coleta.runtime.clock_guard import ClockGuard
from coleta.runtime.events import Accepted, Asking, Event, Gapped
from coleta.runtime.opening import Premises
from coleta.runtime.station import World
from coleta.stream import Stream
from coleta.testing.baton import Baton
from coleta.testing.gated_table import GatedTable
from coleta.testing.gates import GatedCell, GatedIndex, GatedNotes, GatedSpool, GatedStore
from coleta.testing.machine import CLOCK_URL, Process
from coleta.testing.memory import MemoryCell, MemoryIndex, MemoryScratch, MemorySpool, SeededIds
from coleta.testing.setting import Setting
from coleta.testing.table_watch import TableWatch
from coleta.testing.watch import Watch, WatchedStore

ROLLED = 3
"""How many commits a roll-up holds in a world of minutes."""


class Ground(Protocol):
    """What all processes of a world share: the simulation."""

    setting: Setting
    baton: Baton
    ids: SeededIds
    store: WatchedStore
    cell: MemoryCell
    watch: Watch
    tables: TableWatch


def world_of(ground: Ground, process: Process) -> World:
    """What the streams of `process` share."""

    def tell(event: Event) -> None:
        if isinstance(event, Accepted | Gapped):
            ground.baton.rouse(process)
        if isinstance(event, Asking):
            process.asked = event.tick
        ground.watch.saw(process, event)
        ground.tables.saw(event)

    owner = f"m{process.machine.number}"
    clocks = ClockGuard(process, process) if ground.setting.guarded else None
    return World(clock=process, ids=ground.ids, transport=process, owner=owner, tool="sim", tell=tell, clocks=clocks)


def premises_of(ground: Ground, process: Process, stream: Stream | None = None) -> Premises:
    """The place of `process`, before it has opened its stream, or another `stream` that its log may lie in."""
    machine = process.machine
    stream = stream or machine.stream

    def spool_for(identity: Identity) -> Spool:
        inner = MemorySpool(uuid=identity.uuid, now=process.now, files=machine.files)

        def accepted(entry: Spooled) -> None:
            ground.watch.accepted(machine, entry, inner)

        return GatedSpool(inner, process, accepted)

    def index_for(identity: Identity) -> Index:
        inner = machine.indexes.setdefault(identity.uuid, MemoryIndex())
        return GatedIndex(inner, process)

    return Premises(
        stream=stream,
        root=GatedStore(ground.store, process),
        store=Below(GatedStore(ground.store, process), stream.path),
        notes=GatedNotes(machine.notes, process),
        scratch=MemoryScratch(),
        spool_for=spool_for,
        index_for=index_for,
        clock_url=CLOCK_URL if ground.setting.guarded else None,
        cell=GatedCell(ground.cell, process) if ground.setting.lease else None,
        rolled=ROLLED,
        table=None if stream.table is None else GatedTable(ground.tables, process),
    )
