"""All that the actors of one stream share: its values, its ports, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from coleta.land.commit import Identity
from coleta.ports import Clock, Ids, Index, ObjectStore, Scratch, Spool, Transport
from coleta.runtime.ahead import HeadStarts
from coleta.runtime.events import Event
from coleta.runtime.hosts import Hosts
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
