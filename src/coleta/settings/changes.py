"""Settings, changed by a command: the project file as it would be after a stream is renamed, or lies elsewhere.

Promises a file that loads, with every mistake told before anything is written. Reads the project file; writing it
is ``write``, which puts the new one in the old one's place as a whole.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coleta.adapters.durable import meaning, replace_file
from coleta.errors import Misconfigured, SpoolRefused
from coleta.settings.addresses import chosen_store, local_path, store_url
from coleta.settings.document import Document, key_lines
from coleta.settings.edit import renamed, with_keys, with_table
from coleta.settings.mistakes import meant
from coleta.settings.project import Project, project_of
from coleta.stream import Stream

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Edited:
    """A project file as it would be: what it says then, and its text before and after."""

    project: Project
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    def stream(self, name: str) -> Stream:
        """The stream called `name`, which is there."""
        return next(stream for stream in self.project.streams if stream.name == name)

    def write(self) -> None:
        """Put the new text in the place of the old one: after a crash the file is the one or the other, whole.

        Raises:
            Misconfigured: somebody has changed the file meanwhile; it is left as it is.
            SpoolRefused: the disk did not take it; the old one is there.

        """
        if not self.changed:
            return
        path = self.project.document.path
        # A link to the file stays one.
        file = path.resolve()
        if _read(path) != self.before:
            raise Misconfigured("the file has changed meanwhile", where=str(path), hint="run the same command again")
        try:
            mode = file.stat().st_mode & 0o7777
            replace_file(file, self.after.encode(), mode=mode)
        except OSError as error:
            what, hint = meaning(error)
            raise SpoolRefused(f"it could not be written: {what}", where=str(path), hint=hint) from None


def rename_stream(project: Project, old: str, new: str, environment: Mapping[str, str]) -> Edited:
    """The file in which the stream `old` is called `new`; unchanged if that has been done.

    Its log keeps its name and its place, which the file says from then on. A stream that a person has renamed in the
    file already is told what it was.

    Raises:
        Misconfigured: there is no such stream, or the new name cannot be had.

    """
    text, where = _text_of(project), str(project.document.path)
    streams = {stream.name: stream for stream in project.streams}
    if not _NAME.fullmatch(new):
        what = f"{new!r} cannot be a stream's name"
        raise Misconfigured(what, where=where, hint="a to z first, then a to z, 0 to 9 and _")
    if old not in streams and new in streams:
        return _renamed_by_hand(project, text, old, streams[new], environment)
    if old not in streams:
        raise Misconfigured(f"there is no stream {old!r}", where=where, hint=meant(old, streams))
    if old == new:
        return Edited(project, text, text)
    if new in streams:
        raise Misconfigured(f"there is a stream {new!r} already", where=where, hint="choose another name")
    stream = streams[old]
    keys = {"path": stream.path, "was": None if stream.log_name == new else stream.log_name}
    after = with_keys(renamed(text, ("stream", old), new), ("stream", new), keys)
    return _edited(project, text, after, environment)


def _renamed_by_hand(project: Project, text: str, old: str, stream: Stream, environment: Mapping[str, str]) -> Edited:
    """The file for a stream that has the new name there already: by this command, or by hand and without its past."""
    if stream.was is not None or not (project.spool / old).is_dir():
        return Edited(project, text, text)
    if any((project.spool / stream.name).glob("identity-*")):
        raise Misconfigured(
            f"stream {stream.name!r} has begun a log of its own, so it cannot be what {old!r} was",
            where=str(project.document.path),
            hint=f"what waits in {project.spool / old} lands once the file has a stream {old!r} again, beside it",
        )
    path = str(_written(project, stream.name).get("path", old))
    after = with_keys(text, ("stream", stream.name), {"path": path, "was": old})
    return _edited(project, text, after, environment)


def move_stream(
    project: Project, name: str, environment: Mapping[str, str], *, to: str | None, path: str | None
) -> Edited:
    """The file in which the stream `name` lies in the store `to`, under `path`; None: as before.

    `to` is what ``--to`` takes: a store's name, a URL, or a plain path. A store that the file does not have yet is
    added to it.

    Raises:
        Misconfigured: that is no place for it.

    """
    before = text = _text_of(project)
    stream = next(one for one in project.streams if one.name == name)
    keys: dict[str, str | None] = {"path": path or stream.path}
    url = stream.store if to is None else _url_of(project, to, environment)
    if url != stream.store:
        known = next((known for known, store in project.stores.items() if store.url == url), None)
        if known is None:
            known = _new_name(url, project)
            text = with_table(_all_named(text, project), ("store", known), {"url": _as_written(to or "", url)})
        keys["store"] = known
    if keys["path"] == stream.path and (path is None or "path" not in _written(project, name)):
        del keys["path"]
    edited = _edited(project, before, with_keys(text, ("stream", name), keys), environment)
    _refuse_inside(stream, edited.stream(name), str(project.document.path))
    return edited


def _all_named(text: str, project: Project) -> str:
    """`text` in which each stream names its store, since there will be several."""
    for stream in project.streams:
        if "store" not in _written(project, stream.name):
            (only,) = project.stores
            text = with_keys(text, ("stream", stream.name), {"store": only})
    return text


def _refuse_inside(old: Stream, new: Stream, where: str) -> None:
    places = [f"{one.store.rstrip('/')}/{one.path}/" for one in (old, new)]
    if places[0] != places[1] and (places[0].startswith(places[1]) or places[1].startswith(places[0])):
        raise Misconfigured(
            "the new place would lie inside the old one, or around it", where=where, hint="choose a path beside it"
        )


def _url_of(project: Project, to: str, environment: Mapping[str, str]) -> str:
    urls = {name: store.url for name, store in project.stores.items()}
    try:
        return store_url(
            chosen_store(to, urls), lambda written: local_path(written, root=project.root, environment=environment)
        )
    except ValueError as error:
        raise Misconfigured(f"--to: {error}", where=str(project.document.path)) from None


def _as_written(to: str, url: str) -> str:
    """The URL as a person would write it: relative where `to` is."""
    return to if "://" in to else f"file://{to}" if to.startswith((".", "~")) else url


def _new_name(url: str, project: Project) -> str:
    last = re.sub(r"[^a-z0-9_-]", "_", url.rstrip("/").rpartition("/")[2].lower())
    name = last if re.match(r"[a-z]", last) else f"store_{last}"
    number = 1
    while (made := name if number == 1 else f"{name}_{number}") in project.stores:
        number += 1
    return made


def _edited(project: Project, before: str, after: str, environment: Mapping[str, str]) -> Edited:
    table = tomllib.loads(after.removeprefix("\ufeff"))
    document = Document(project.document.path, table, key_lines(after))
    return Edited(project_of(document, environment=environment, to=None), before, after)


def _written(project: Project, stream: str) -> Mapping[str, object]:
    streams = project.document.table.get("stream")
    found = streams.get(stream) if isinstance(streams, dict) else None
    return found if isinstance(found, dict) else {}


def _text_of(project: Project) -> str:
    path = project.document.path
    if not path.is_file():
        raise Misconfigured(
            "this project has no file that could be changed", where=str(path), hint="change it where it is defined"
        )
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"it cannot be read: {error}", where=str(path)) from None
