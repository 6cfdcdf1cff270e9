"""Settings, the whole: from ``coleta.toml`` to the values that the stages read.

Promises a sound project or all of its mistakes at once. Reads one file; touches no store, no
source and no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from coleta.land.window import Window
from coleta.settings.addresses import FILE_SERVERS, Place, local_path
from coleta.settings.apis import check_apis, with_api
from coleta.settings.auths import check_auths
from coleta.settings.document import Document, read_document
from coleta.settings.mistakes import Mistakes
from coleta.settings.model import FileTable, MaintenanceTable, RetentionTable
from coleta.settings.reading import given, read_tables
from coleta.settings.retention import FOREVER
from coleta.settings.rules import Checked, Surroundings, check_places, check_stream
from coleta.settings.stores import build_stores, check_stores, choose_store
from coleta.settings.streams import build_stream
from coleta.stream import Store, Stream

DEFINED = "(defined in Python)"
"""What stands in place of the file's name in the errors of a project that has no file."""


@dataclass(frozen=True, slots=True)
class Project:
    """What a project file says.

    ``root`` and ``spool`` are absolute paths, ``stores`` have absolute URLs. A stream's ``store``
    is the URL of the store that it names, or of the one that ``--to`` chose. ``quota_bytes`` is the
    most that the whole spool may hold.
    """

    name: str
    root: Path
    spool: Path
    quota_bytes: int
    allow_tmpfs: bool
    streams: tuple[Stream, ...]
    stores: Mapping[str, Store]
    window: Window | None
    """When a service may do upkeep; None: at any time."""
    alert_command: tuple[str, ...]
    """A program with its arguments that is run to tell a person of trouble; empty: none is."""
    document: Document
    """The file as text, for who asks where a value comes from."""

    def store(self, url: str) -> Store:
        """The store at `url`, which some stream names: as the file says, or with nothing said of it."""
        return next((store for store in self.stores.values() if store.url == url), Store(url))


def load_project(path: Path, *, environment: Mapping[str, str], to: str | None = None) -> Project:
    """The project in the folder, or the file, at `path`.

    `environment` is asked for ``HOME`` only, where a path begins with ``~``; secrets stay references.
    `to` names one store for all streams: a store of the file, a URL, or a path that begins with ``/``
    or ``./``; what is relative is below the project's folder.

    Raises:
        Misconfigured: there is no such file, or something is wrong with it; one line per mistake.

    """
    return project_of(read_document(path), environment=environment, to=to)


def define_project(table: Mapping[str, object], *, root: Path, environment: Mapping[str, str]) -> Project:
    """The project that `table` says, in the shape of the project file, as if that lay in the folder `root`.

    Raises:
        Misconfigured: something is wrong with it; one line per mistake.

    """
    return project_of(Document(root / DEFINED, dict(table), {}), environment=environment, to=None)


def elsewhere(project: Project, to: str, *, environment: Mapping[str, str]) -> Project:
    """`project` as it would be with the store `to` for all streams; see ``load_project``."""
    return project_of(project.document, environment=environment, to=to)


def project_of(document: Document, *, environment: Mapping[str, str], to: str | None) -> Project:
    """The project that `document` says; `to` as for ``load_project``.

    Raises:
        Misconfigured: something is wrong with it; one line per mistake.

    """
    root = document.path.parent.resolve()
    mistakes = Mistakes(str(document.path), document.lines)
    file = read_tables(document.table, mistakes)

    place = partial(local_path, root=root, environment=environment)
    stores = check_stores(file, document.table, place, mistakes)
    chosen = None if to is None else choose_store(file, to, place, mistakes)
    spool = _spool(file, place, mistakes)
    around = Surroundings(place, stores, chosen, check_auths(file, document.table, place, mistakes), mistakes)
    check_apis(file, document.table, mistakes)
    streams = _streams(file, document.table, around)
    if "project" not in given(document.table, ()):
        mistakes.add(("project",), 'missing; write project = "name"')
    mistakes.raise_if_any(hint="every key is explained in docs/reference/project-file.md")

    # Nothing is wrong, so the file has a name, its stores have URLs, and a value for each stream.
    name = file.project or ""
    return Project(
        name=name,
        root=root,
        spool=spool,
        quota_bytes=file.spool.quota,
        allow_tmpfs=file.spool.allow_tmpfs,
        streams=tuple(build_stream(stream, project=name, kept=file.retention) for stream in streams),
        stores=build_stores(file, stores, place),
        window=_window(file.maintenance),
        alert_command=file.alerts.command or (),
        document=document,
    )


def _check_rows(stream: Checked, kept: RetentionTable, mistakes: Mistakes) -> None:
    """Rows that a table reads cannot be taken away from under it, nor is an object replaced on a file server."""
    if (stream.table.retention.data or kept.data) in (None, FOREVER):
        return
    instead = f'write data = "{FOREVER}" here'
    at = ("stream", stream.name, "retention", "data")
    if stream.table.table is not None:
        mistakes.add(at, f'cannot go with table = "{stream.table.table}", which reads these rows; {instead}')
    elif stream.store.startswith(FILE_SERVERS) and not stream.store.startswith("sftp:"):
        mistakes.add(at, f"an object cannot be replaced there in one step; {instead}")


def _check_server(stream: Checked, mistakes: Mistakes) -> None:
    """What needs a bucket or a folder on this machine cannot lie on a file server."""
    if not stream.store.startswith(FILE_SERVERS):
        return
    if stream.table.table is not None:
        what = f'table = "{stream.table.table}" needs a bucket or a folder on this machine; leave it out: the data'
        mistakes.add(("stream", stream.name, "table"), f"{what} objects are read without it")
    if stream.table.lease:
        what = "a file server holds no lease, since nothing can be replaced there only if it is still the same"
        mistakes.add(("stream", stream.name, "lease"), f"{what}; leave it out")


def _window(table: MaintenanceTable) -> Window | None:
    return None if table.window is None else Window.of(table.window, table.zone)


def _spool(file: FileTable, place: Place, mistakes: Mistakes) -> Path:
    try:
        return place(file.spool.path)
    except ValueError as error:
        mistakes.add(("spool", "path"), str(error))
        return place(".")


def _streams(file: FileTable, table: Mapping[str, object], around: Surroundings) -> list[Checked]:
    """Every stream that is sound enough to be looked at beside the others."""
    written = table.get("stream")
    if not written and "stream" not in given(table, ()):
        around.mistakes.add(("stream",), "there is none; write [stream.NAME] with a url, a contract and every or cron")
    checked = [
        stream
        for name, stream_table in file.stream.items()
        if (stream := check_stream(name, *with_api(name, stream_table, table, file, around.mistakes), around))
        is not None
    ]
    check_places(checked, around.mistakes)
    for stream in checked:
        _check_rows(stream, file.retention, around.mistakes)
        _check_server(stream, around.mistakes)
    return checked
