"""All that the actors of one stream share: its values, its ports, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from coleta.land.commit import Identity
from coleta.ports import Clock, Ids, Index, Notes, ObjectStore, Scratch, Spool, Table, Transport
from coleta.runtime.ahead import HeadStarts
from coleta.runtime.clock_guard import ClockGuard
from coleta.runtime.events import Event
from coleta.runtime.hosts import Hosts
from coleta.runtime.leases import LeaseHolder
from coleta.stream import Stream

TOOL = "coleta"


@dataclass(frozen=True, slots=True)
class World:
    """What every stream of a process shares. ``owner`` names the process in records and spool files."""

    clock: Clock
    ids: Ids
    transport: Transport
    owner: str
    tool: str
    tell: Callable[[Event], None]
    head_starts: HeadStarts | None = None
    """Where long answers may be decoded while they are fetched; None: nothing is done ahead."""
    hosts: Hosts = field(default_factory=Hosts)
    """What is known of the hosts that are asked."""
    clocks: ClockGuard | None = None
    """Who compares this machine's clock with those of the stores; None: it is trusted."""


@dataclass(frozen=True, slots=True)
class Station:
    """One opened stream: its identity is known and its spool is this process's alone."""

    stream: Stream
    identity: Identity
    world: World
    spool: Spool
    store: ObjectStore
    """The store below the stream's path."""
    index: Index
    scratch: Scratch
    clock_url: str | None = None
    """Where a request learns the store's time; None where the store has no clock of its own."""
    lease: LeaseHolder | None = None
    notes: Notes | None = None
    """Where a person's pauses are remembered; None: there are none."""
    table: Table | None = None
    """The table that what has landed is registered in, where the stream has one."""

    @property
    def clock_ahead(self) -> timedelta:
        """How far this machine's clock is ahead of the store's, as far as is known."""
        clocks = self.world.clocks
        return timedelta(0) if clocks is None or self.clock_url is None else clocks.ahead(self.clock_url)
