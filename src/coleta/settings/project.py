"""Settings, the whole: from ``coleta.toml`` to the values that the stages read.

Promises a sound project or all of its mistakes at once. Reads one file; touches no store, no
source and no secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from coleta.settings.addresses import LATER_SCHEMES, Place, chosen_store, local_path, store_url
from coleta.settings.document import read_document
from coleta.settings.mistakes import Mistakes
from coleta.settings.model import FileTable
from coleta.settings.reading import given, read_tables
from coleta.settings.rules import Checked, Surroundings, check_places, check_stream
from coleta.settings.streams import build_stream
from coleta.stream import Stream

_STORE_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Project:
    """What a project file says.

    ``root`` and ``spool`` are absolute paths, ``stores`` absolute URLs by name. A stream's ``store``
    is the URL of the store that it names, or of the one that ``--to`` chose. ``quota_bytes`` is the
    most that the whole spool may hold.
    """

    name: str
    root: Path
    spool: Path
    quota_bytes: int
    allow_tmpfs: bool
    streams: tuple[Stream, ...]
    stores: Mapping[str, str]


def load_project(path: Path, *, environment: Mapping[str, str], to: str | None = None) -> Project:
    """The project in the folder, or the file, at `path`.

    `environment` is asked for ``HOME`` only, where a path begins with ``~``; secrets stay references.
    `to` names one store for all streams: a store of the file, a URL, or a path that begins with ``/``
    or ``./``; what is relative is below the project's folder.

    Raises:
        Misconfigured: there is no such file, or something is wrong with it; one line per mistake.

    """
    document = read_document(path)
    root = document.path.parent.resolve()
    mistakes = Mistakes(str(document.path), document.lines)
    file = read_tables(document.table, mistakes)

    place = partial(local_path, root=root, environment=environment)
    stores = _stores(file, document.table, place, mistakes, overruled=to is not None)
    chosen = None if to is None else _chosen(file, to, place, mistakes)
    spool = _spool(file, place, mistakes)
    around = Surroundings(place, stores, chosen, mistakes)
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
        streams=tuple(build_stream(stream, project=name) for stream in streams),
        stores={name: url for name, url in stores.items() if url is not None},
    )


def _stores(
    file: FileTable, table: Mapping[str, object], place: Place, mistakes: Mistakes, *, overruled: bool
) -> dict[str, str | None]:
    """The absolute URL of each store; None for one that is wrong."""
    written = table.get("store")
    stores: dict[str, str | None] = dict.fromkeys(written) if isinstance(written, dict) else {}
    for name, store in file.store.items():
        if not _STORE_NAME.fullmatch(name):
            mistakes.add(("store", name), "a store's name must begin with a to z and go on with a to z, 0 to 9, _ or -")
        if store.url is None:
            if "url" not in given(table, ("store", name)):
                mistakes.add(("store", name, "url"), 'missing; write url = "file://./lake"')
            continue
        if overruled and store.url.partition("://")[0] in LATER_SCHEMES:
            # Another store takes all that would land there, so there is nothing to refuse.
            stores[name] = store.url
            continue
        try:
            stores[name] = store_url(store.url, place)
        except ValueError as error:
            mistakes.add(("store", name, "url"), str(error))
    return stores


def _chosen(file: FileTable, to: str, place: Place, mistakes: Mistakes) -> str | None:
    """The absolute URL of the store that `to` names, if it names one."""
    try:
        written = chosen_store(to, {name: store.url for name, store in file.store.items() if store.url is not None})
        return store_url(written, place)
    except ValueError as error:
        mistakes.add(("--to",), str(error))
        return None


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
        if (stream := check_stream(name, stream_table, given(table, ("stream", name)), around)) is not None
    ]
    check_places(checked, around.mistakes)
    return checked
