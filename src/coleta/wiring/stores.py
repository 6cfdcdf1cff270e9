"""Where the streams of a project land: a folder, a bucket or a file server, chosen by the URL of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.adapters.below import Below
from coleta.adapters.disk_notes import DiskNotes
from coleta.adapters.file_store import FileStore
from coleta.errors import Misconfigured, WrongQuestion
from coleta.ports import Cell, Housekeeping, ObjectStore, Table, Transport
from coleta.stream import Stream

if TYPE_CHECKING:
    # Late, since it brings obstore, and most commands end in less time than that takes.
    from coleta.adapters.object_store import CloudStore
    from coleta.adapters.server_store import ServerStore
    from coleta.settings import Project

    Root = FileStore | CloudStore | ServerStore


def is_bucket(stream: Stream) -> bool:
    """Whether `stream` lands beyond a network."""
    return not stream.store.startswith("file:")


def is_server(stream: Stream) -> bool:
    """Whether `stream` lands on a file server."""
    return stream.store.startswith(("sftp:", "webdav:", "webdavs:", "fsspec+"))


class Stores:
    """The stores of one project."""

    def __init__(self, project: Project, environment: Callable[[], Mapping[str, str]]) -> None:
        """Open stores of `project`; credentials are found in what `environment` gives."""
        self._project = project
        self._environment = environment

    def open(self, stream: Stream, *, create: bool, known: bool | None = None) -> Root:
        """The whole store of `stream`; with `create` a missing folder is made.

        `known` says that it worked before, so that a refusal is an outage; by default that is looked up.
        """
        if is_bucket(stream):
            store, is_new = self._project.store(stream.store), self.is_new(stream)
            known = not is_new if known is None else known
            if is_server(stream):
                from coleta.adapters.server_store import ServerStore
                from coleta.adapters.servers import wire_to

                wire = wire_to(store, environment=self._environment, folder=self._project.root)
                return ServerStore(wire, create=is_new, known=known)
            from coleta.adapters.object_store import CloudStore

            return CloudStore(store, environment=self._environment, folder=self._project.root, known=known)
        from coleta.settings import store_path

        return FileStore(store_path(stream.store), create=create)

    def elsewhere(self, stream: Stream, source: str) -> ObjectStore:
        """The log of `stream` as it lies in another store, named as for ``--to``: only to be read.

        Raises:
            Misconfigured: `source` names no store.
            WrongQuestion: it is the store itself.

        """
        from coleta.settings import elsewhere

        project = elsewhere(self._project, source, environment=self._environment())
        there = next(one for one in project.streams if one.name == stream.name)
        if there.store == stream.store:
            raise WrongQuestion(f"{source!r} is the store that is to be repaired", hint="name a copy of it")
        return Below(Stores(project, self._environment).open(there, create=False, known=False), there.path)

    def housekeeping(self, stream: Stream) -> Housekeeping:
        """What can delete objects of `stream`."""
        from coleta.adapters.below import BelowHousekeeping
        from coleta.adapters.housekeeping import CloudHousekeeping, FileHousekeeping

        whole: Housekeeping
        if is_server(stream):
            from coleta.adapters.server_store import ServerHousekeeping
            from coleta.adapters.servers import wire_to

            store = self._project.store(stream.store)
            whole = ServerHousekeeping(wire_to(store, environment=self._environment, folder=self._project.root))
        elif is_bucket(stream):
            store = self._project.store(stream.store)
            whole = CloudHousekeeping(store, environment=self._environment, folder=self._project.root)
        else:
            from coleta.settings import store_path

            whole = FileHousekeeping(store_path(stream.store))
        return BelowHousekeeping(whole, stream.path)

    def lifecycle(self, stream: Stream, transport: Transport, now: datetime) -> Sequence[str] | str | None:
        """The lifecycle rules that would take objects of `stream`; a text says why that cannot be told."""
        if not stream.store.startswith("s3:"):
            return None
        from coleta.adapters.s3_lifecycle import harmful_rules_of

        store = self._project.store(stream.store)
        beginning = "/".join(filter(None, (*store.url.split("/")[3:], stream.path, "")))
        return harmful_rules_of(
            store,
            f"{beginning}/",
            environment=self._environment,
            folder=self._project.root,
            transport=transport,
            now=now,
        )

    def lease_cell(self, stream: Stream, root: Root) -> Cell:
        """Where collectors of `stream` agree whose turn it is.

        Raises:
            Misconfigured: nothing can be replaced there only if it is still the same.

        """
        from coleta.adapters.cells import FileCell, ObjectCell
        from coleta.collect.lease import LEASE_NAME
        from coleta.settings import store_path

        if is_server(stream):
            what = "a file server holds no lease, since nothing can be replaced there only if it is still the same"
            raise Misconfigured(what, where=stream.store, hint=f"leave lease out of [stream.{stream.name}]")
        name = f"{stream.path}/{LEASE_NAME}"
        return FileCell(store_path(stream.store) / name) if isinstance(root, FileStore) else ObjectCell(root, name)  # type: ignore[arg-type]

    def table(self, stream: Stream) -> Table | None:
        """The table over the data objects of `stream`; None where it has none.

        Raises:
            Misconfigured: what such a table needs is not installed.

        """
        if stream.table is None:
            return None
        from coleta.settings import store_path

        store = Below(self.open(stream, create=False), stream.path)
        place = self._project.store(stream.store)
        folder = None if is_bucket(stream) else store_path(stream.store) / stream.path
        environment, root = self._environment, self._project.root
        if stream.table == "iceberg":
            from coleta.adapters.iceberg_place import iceberg_table

            name = (place.namespace or self._project.name, stream.log_name)
            return iceberg_table(
                place,
                stream.path,
                name,
                store,
                folder=folder,
                environment=environment,
                root=root,
                housekeeping=lambda: self.housekeeping(stream),
            )
        from coleta.adapters.delta_place import delta_in_bucket, delta_in_folder

        if folder is not None:
            return delta_in_folder(folder, store)
        return delta_in_bucket(place, stream.path, store, environment=environment, folder=root)

    def is_new(self, stream: Stream) -> bool:
        """Whether the store of `stream` was never probed from here."""
        # Once a store was probed, its folder is missing only because its disk is: making it again would
        # put a second, empty store in the place of the first, and end collecting through the outage.
        return self.notes(stream).recall("probe") is None

    def is_unmade(self, stream: Stream) -> bool:
        """Whether the store of `stream` is a folder that was never made."""
        from coleta.settings import store_path

        return not is_bucket(stream) and self.is_new(stream) and not store_path(stream.store).exists()

    def notes(self, stream: Stream) -> DiskNotes:
        """What is remembered of `stream` beside its spool."""
        where = stream.store
        if is_bucket(stream):
            from coleta.adapters.buckets import endpoint_of

            # The same bucket's name at another endpoint is another store: it must be probed by itself.
            endpoint = endpoint_of(self._project.store(where), self._environment())
            where = f"{where} at {endpoint}" if endpoint else where
        return DiskNotes(self._project.spool / stream.log_name, store_url=where)
