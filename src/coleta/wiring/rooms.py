"""The parts of one project that its App hands out: locks, stores, spools, a network, an identity.

Each is made when it is asked for, and closed by whoever asked. Nothing here knows a command.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from coleta import __version__
from coleta.adapters.below import Below
from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.mounts import refuse_tmpfs
from coleta.adapters.read_ahead import ReadAhead
from coleta.adapters.scratch import DiskScratch
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.adapters.stream_lock import StreamLock
from coleta.adapters.system import SystemClock, SystemIds
from coleta.cli.app import NeverStarted
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.ports import ObjectStore
from coleta.runtime.ahead import HeadStarts
from coleta.runtime.clock_guard import ClockGuard
from coleta.runtime.events import Event
from coleta.runtime.opening import Premises, bare_station, check_owner
from coleta.runtime.station import Station, World
from coleta.stream import Retention, Stream
from coleta.wiring.stores import Stores, is_bucket

if TYPE_CHECKING:
    # Late, since these bring urllib3, and most commands end in less time than that takes.
    from coleta.runtime.tokens import AuthorizedTransport
    from coleta.settings import Project

Tell = Callable[[Event], None]


class Rooms:
    """Where each stream of `project` lies on this machine and in its store, and what works there."""

    def __init__(self, project: Project, variables: Mapping[str, str]) -> None:
        """Serve `project`; nothing is opened yet. Credentials are found in `variables`."""
        self._project = project
        self._variables = variables
        self._ids = SystemIds()
        self.clock = SystemClock()
        self.stores = Stores(project, self.environment)

    def world(self, transport: AuthorizedTransport, tell: Tell) -> World:
        """Clock, identity and `transport`, for one process's work; what happens in it is told to `tell`."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        return World(
            self.clock,
            self._ids,
            transport,
            owner=owner,
            tool=f"coleta {__version__}",
            tell=tell,
            head_starts=HeadStarts(),
            hosts=transport.hosts,
            clocks=ClockGuard(self.clock, transport),
        )

    def transport(self) -> AuthorizedTransport:
        """The way to every API of the project; whoever asks for it closes it."""
        from coleta.wiring.transport import transport_of

        return transport_of(self._project, self.environment(), self.clock.now)

    def lock(self, stack: ExitStack, stream: Stream) -> None:
        """Hold `stream` for this process alone until `stack` is left; warns of a spool in memory, or refuses it."""
        folder = self.folder(stream)
        warning = refuse_tmpfs(folder, allowed=self._project.allow_tmpfs)
        stack.enter_context(StreamLock(folder))
        if warning is not None:
            sys.stderr.write(f"warning: {warning}\n")

    def premises(self, stream: Stream, stack: ExitStack) -> Premises:
        """Where `stream` is collected and landed, to be opened; what that opens is closed when `stack` is left."""
        folder = self.folder(stream)
        root = self.stores.open(stream, create=self.stores.is_new(stream))

        def spool_for(identity: Identity) -> DiskSpool:
            return DiskSpool(folder, uuid=identity.uuid, quota_bytes=self._project.quota_bytes, now=self.clock.now)

        def index_for(identity: Identity) -> SqliteIndex:
            index = SqliteIndex(index_path(folder, identity), uuid=identity.uuid)
            stack.callback(index.close)
            return index

        return Premises(
            stream=stream,
            root=root,
            store=Below(root, stream.path),
            notes=self.stores.notes(stream),
            scratch=DiskScratch(folder / "scratch"),
            spool_for=spool_for,
            index_for=index_for,
            ahead=ReadAhead if is_bucket(stream) else None,
            clock_url=root.clock_url,
            cell=self.stores.lease_cell(stream, root) if stream.lease else None,
            table=self.stores.table(stream),
            housekeeping=self.stores.housekeeping(stream) if stream.retention != Retention() else None,
        )

    def bare_station(self, stream: Stream, stack: ExitStack) -> Station:
        """`stream` opened for this process alone without a probe, for a log that is there already."""
        self.lock(stack, stream)
        transport = self.transport()
        stack.callback(transport.close)
        premises = self.premises(stream, stack)
        identity = self.known_identity(stream, premises.store)
        return bare_station(premises, self.world(transport, lambda event: None), identity)

    def environment(self) -> Mapping[str, str]:
        """The variables that credentials are found in, with those of ``.env``."""
        from coleta.settings import load_environment

        return load_environment(self._project.root, self._variables)

    def folder(self, stream: Stream) -> Path:
        """Where `stream` lies in the spool."""
        return self._project.spool / stream.log_name

    def known_identity(self, stream: Stream, store: ObjectStore) -> Identity:
        """The identity of the log of `stream`, as this machine knows it, or else as `store` has it.

        Raises:
            NeverStarted: there is no such log yet.

        """
        stored = self.stores.notes(stream).recall("identity")
        if stored is None and not self.stores.is_unmade(stream):
            stored = store.read(IDENTITY_NAME)
        if stored is None:
            raise NeverStarted(
                f"stream {stream.name!r} has never been started",
                where=f"{stream.store}/{stream.path}",
                hint=f"coleta run {stream.name} --now, or coleta up",
            )
        identity = Identity.from_json(stored)
        check_owner(identity, stream)
        return identity


def index_path(folder: Path, identity: Identity) -> Path:
    """Where, in a stream's `folder` of the spool, the index of the log of `identity` lies."""
    return folder / f"index-{identity.uuid}.sqlite"
