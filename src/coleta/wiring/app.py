"""One project, put together: what its settings say, its folder and its stores, as the commands want it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from coleta.adapters.below import Below
from coleta.adapters.disk_notes import DiskNotes
from coleta.adapters.disk_spool import DiskSpool
from coleta.adapters.read_ahead import ReadAhead
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.adapters.strays import Stray, strays_in
from coleta.errors import Misconfigured
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.watermark import MARK_NOTE
from coleta.ports import Housekeeping, ObjectStore, Table
from coleta.runtime.auditor import Evidence
from coleta.runtime.events import Event
from coleta.runtime.opening import check_owner, open_station, probe
from coleta.runtime.questions import Shelves
from coleta.runtime.station import Station, World
from coleta.stream import Stream
from coleta.wiring.rooms import Rooms, index_path
from coleta.wiring.stores import is_bucket

if TYPE_CHECKING:
    # Late, since these bring pyarrow and urllib3, and most commands end in less time than that takes.
    from coleta.runtime.moving import Passage
    from coleta.runtime.orders import Preview
    from coleta.runtime.repair import Shop
    from coleta.runtime.service import Service
    from coleta.settings import Project
    from coleta.settings.changes import Edited
    from coleta.settings.effective import Setting

Tell = Callable[[Event], None]

COPIES = 16
"""Objects copied at once: each waits for a few requests, or for a disk to sync. Large ones come one by one."""


class App:
    """One project, opened. Implements what the commands need (``coleta.cli.app.App``)."""

    def __init__(self, project: Project, environment: Mapping[str, str] | None = None) -> None:
        """Serve `project`; nothing is opened yet. Credentials are found in `environment`, by default the process's."""
        self._project = project
        self._variables = os.environ if environment is None else environment
        self._rooms = Rooms(project, self._variables)

    @property
    def name(self) -> str:
        """The project's name."""
        return self._project.name

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._project.root

    @property
    def quota_bytes(self) -> int:
        """The most that its spool may hold."""
        return self._project.quota_bytes

    @property
    def streams(self) -> Sequence[Stream]:
        """Its streams, as in the file."""
        return self._project.streams

    def stream(self, name: str) -> Stream:
        """The stream called `name`.

        Raises:
            Misconfigured: there is none; the hint names the nearest.

        """
        for stream in self.streams:
            if stream.name == name:
                return stream
        names = [stream.name for stream in self.streams]
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(names)}"
        raise Misconfigured(f"there is no stream {name!r}", where=str(self.root / "coleta.toml"), hint=hint)

    @contextmanager
    def world(self, tell: Tell) -> Iterator[World]:
        """Clock, network and identity, until the end of the ``with`` block."""
        with closing(self._rooms.transport()) as transport:
            yield self._rooms.world(transport, tell)

    @contextmanager
    def station(self, stream: Stream, tell: Tell) -> Iterator[Station]:
        """Open `stream` for this process alone, until the end of the ``with`` block."""
        with ExitStack() as stack:
            self._rooms.lock(stack, stream)
            transport = self._rooms.transport()
            stack.callback(transport.close)
            yield open_station(self._rooms.premises(stream, stack), self._rooms.world(transport, tell))

    @contextmanager
    def service(self, tell: Tell) -> Iterator[Service]:
        """A service for all streams; their locks are held until the end of the ``with`` block."""
        from coleta.runtime.service import Service
        from coleta.wiring.alerts import alerting

        with ExitStack() as stack:
            for stream in self.streams:
                self._rooms.lock(stack, stream)
            transport = self._rooms.transport()
            premises = [self._rooms.premises(stream, stack) for stream in self.streams]
            tell = stack.enter_context(alerting(self._project, tell, self._rooms.clock.now))
            window = self._project.window
            yield Service(premises, self._rooms.world(transport, tell), close=transport.close, window=window)

    def shelves(self, stream: Stream) -> Shelves:
        """Where to read about `stream`; takes no lock and changes nothing."""
        store = Below(self._rooms.stores.open(stream, create=False), stream.path)
        identity = self._rooms.known_identity(stream, store)
        folder = self._rooms.folder(stream)
        spool = DiskSpool(
            folder,
            uuid=identity.uuid,
            quota_bytes=self._project.quota_bytes,
            now=self._rooms.clock.now,
            read_only=True,
        )
        index = SqliteIndex(index_path(folder, identity), uuid=identity.uuid, read_only=True)
        return Shelves(stream, identity, store, index, spool.contents())

    def evidence(self, stream: Stream, *, table: bool = False) -> Evidence:
        """What an audit of `stream` looks at, with its `table` too if asked; takes no lock and changes nothing."""
        shelves = self.shelves(stream)
        notes = self._rooms.stores.notes(stream)
        known = notes.recall("identity")
        now = self._rooms.clock.now()
        # In a bucket each read takes a while, and an audit makes one for each commit of years.
        store = ReadAhead(shelves.store) if is_bucket(stream) else shelves.store
        found = Evidence(stream, shelves.identity, store, shelves.index, shelves.spool, now, known)
        # Not for those who only read what has landed: they need not have what a table needs.
        return replace(found, table=self.table(stream), mark=notes.recall(MARK_NOTE)) if table else found

    def housekeeping(self, stream: Stream) -> Housekeeping:
        """What can delete objects of `stream`."""
        return self._rooms.stores.housekeeping(stream)

    @contextmanager
    def shop(self, stream: Stream, *, source: str | None, change: bool) -> Iterator[Shop]:
        """What a repair of `stream` works with; with `change` for this process alone, until the end of the block."""
        from coleta.wiring.shop import shop_of

        folder = self._rooms.folder(stream)
        other = None if source is None else self._rooms.stores.elsewhere(stream, source)
        with ExitStack() as stack:
            station = self._rooms.bare_station(stream, stack) if change else None
            yield shop_of(stream, folder, lambda: self.evidence(stream, table=True), (source, other), station)

    def table(self, stream: Stream) -> Table | None:
        """The table over the data objects of `stream`, if it has one."""
        return self._rooms.stores.table(stream)

    def files(self, stream: Stream) -> Sequence[Path]:
        """The spool files of `stream` on this machine, waiting ones and damaged ones."""
        folder = self._rooms.folder(stream)
        return sorted(path for part in ("waiting", "damaged") for path in (folder / part).glob("*.spool*"))

    def notes(self, stream: Stream) -> DiskNotes:
        """What is remembered of `stream` beside its spool."""
        return self._rooms.stores.notes(stream)

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return self._rooms.clock.now()

    def probe(self, stream: Stream) -> str:
        """Probe the store of `stream`, and its log's identity if it has one."""
        # As if for the first time: whoever checks wants to hear that access is denied, not to wait for it.
        root = self._rooms.stores.open(stream, create=self._rooms.stores.is_new(stream), known=False)
        probe(root)
        stored = Below(root, stream.path).read(IDENTITY_NAME)
        kept = "honours create-only puts"
        if self._project.store(stream.store).exclusive:
            kept = "refuses a second create; that one machine alone lands there is your promise (exclusive = true)"
        if stored is None:
            return f"{kept}; nothing landed yet"
        identity = Identity.from_json(stored)
        check_owner(identity, stream)
        return f"{kept}; holds this stream's log {identity.uuid}"

    def lifecycle(self, stream: Stream, world: World) -> Sequence[str] | str | None:
        """The lifecycle rules of a bucket that would take objects of `stream`; or why that cannot be told."""
        return self._rooms.stores.lifecycle(stream, world.transport, self._rooms.clock.now())

    def rows(self, stream: Stream, names: Sequence[str], *, limit: int) -> list[Mapping[str, object]]:
        """The first `limit` rows of the data objects `names`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        store = Below(self._rooms.stores.open(stream, create=False), stream.path)
        rows: list[Mapping[str, object]] = []
        for name in names:
            body = store.read(name)
            if body is not None and len(rows) < limit:
                rows += pq.read_table(pa.BufferReader(body)).slice(0, limit - len(rows)).to_pylist()
        return rows

    def decode_preview(self, stream: Stream, body: bytes, *, limit: int) -> Preview:
        """What landing would make of a page `body`."""
        from coleta.runtime.orders import preview

        return preview(stream, body, limit=limit)

    def strays(self) -> Sequence[Stray]:
        """What waits in the spool for streams that the file does not name."""
        return strays_in(self._project.spool, {stream.log_name for stream in self.streams})

    def again(self) -> App:
        """The same project, as its file is now."""
        from coleta.settings import load_project

        return App(load_project(self._project.document.path, environment=self._variables), self._variables)

    def renamed(self, old: str, new: str) -> Edited:
        """The project file in which the stream `old` is called `new`."""
        from coleta.settings.changes import rename_stream

        return rename_stream(self._project, old, new, self._variables)

    def moved(self, name: str, *, to: str | None, path: str | None) -> Edited:
        """The project file in which the stream `name` lies in the store `to`, under `path`."""
        from coleta.settings.changes import move_stream

        return move_stream(self._project, self.stream(name).name, self._variables, to=to, path=path)

    def place(self, stream: Stream) -> ObjectStore | None:
        """The place of `stream` in its store; None where that was never made."""
        if self._rooms.stores.is_unmade(stream):
            return None
        return Below(self._rooms.stores.open(stream, create=False), stream.path)

    @contextmanager
    def passage(self, old: Stream, new: Stream, tell: Tell) -> Iterator[Passage]:
        """One stream where it lies and where it is to lie, for this process alone."""
        from coleta.runtime.moving import Passage

        with ExitStack() as stack:
            self._rooms.lock(stack, old)
            transport = self._rooms.transport()
            stack.callback(transport.close)
            here, there = self._rooms.premises(old, stack), self._rooms.premises(new, stack)
            yield Passage(here, there, self._rooms.world(transport, tell), COPIES)

    def test_alerts(self) -> None:
        """Send a notice that says that it is a test."""
        from coleta.wiring.alerts import send_test

        send_test(self._project, self._rooms.clock.now())

    def settings(self) -> Sequence[Setting]:
        """Every key of the project file as it takes effect."""
        from coleta.settings.effective import effective

        return effective(self._project, self._variables)


def open_app(path: Path, to: str | None = None) -> App:
    """The project in the folder, or the file, at `path`; `to` names another store for all its streams.

    Raises:
        Misconfigured: there is none, or something is wrong with it.

    """
    from coleta.settings import load_project

    return App(load_project(path, environment=os.environ, to=to))
