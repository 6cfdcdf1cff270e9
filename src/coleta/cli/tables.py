"""An order to register what has landed: for ``coleta publish`` and for Python's ``Project.publish`` alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coleta.cli.app import NeverStarted
from coleta.errors import ColetaError, Misconfigured

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.land.commit import Committed
    from coleta.land.watermark import Mark
    from coleta.runtime.questions import Books
    from coleta.runtime.registering import Shelf
    from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """What became of one stream's table: what was new to it, and the commit of the log that it holds now.

    ``error`` is why it went no further, if something is wrong.
    """

    stream: str
    objects: int = 0
    rows: int = 0
    seq: int = 0
    error: ColetaError | None = None


def tables_of(app: App, name: str | None) -> list[Stream]:
    """The stream called `name`, or all that have a table.

    Raises:
        Misconfigured: none has, or that one has not.

    """
    found = [stream for stream in app.streams if stream.table is not None and name in (None, stream.name)]
    if name is not None:
        app.stream(name)
    if not found:
        what = f"stream {name!r} has no table" if name is not None else "no stream has a table"
        raise Misconfigured(what, where=str(app.root / "coleta.toml"), hint='write table = "delta" in [stream.NAME]')
    return found


def publish_stream(app: App, stream: Stream, *, accept: bool = False, dry_run: bool = False) -> PublishedTable:
    """Register all that has landed of `stream` in its table; with `dry_run` only count it."""
    from coleta.runtime.registering import pending, publish_all

    found = PublishedTable(stream.name)
    try:
        shelf = _shelf(app, stream)
        if shelf is None:
            return found
        for one in pending(shelf, accept=accept) if dry_run else publish_all(shelf, accept=accept):
            found = PublishedTable(stream.name, found.objects + one.objects, found.rows + one.rows, one.until)
        return found if dry_run or found.objects else PublishedTable(stream.name, seq=_held(shelf))
    except NeverStarted:
        return found
    except ColetaError as error:
        return PublishedTable(stream.name, found.objects, found.rows, found.seq, error)


def table_found(app: App, stream: Stream) -> str:
    """What lies where the table of `stream` is, in a few words; nothing is changed.

    Raises:
        Misconfigured: deltalake is missing; or it is not what it was, or no table of this stream.
        StoreUnavailable: it cannot be read.

    """
    from coleta.runtime.registering import checked

    try:
        shelf = _shelf(app, stream)
    except NeverStarted:
        shelf = None
    opened = None if shelf is None else checked(shelf, accept=False)
    if opened is None:
        return "none is there yet: the first landing makes it"
    return f"version {opened.state.version} holds the log up to commit {opened.state.seq}"


def _shelf(app: App, stream: Stream) -> Shelf | None:
    from coleta.runtime.recalling import Recalling
    from coleta.runtime.registering import Shelf

    table = app.table(stream)
    if table is None:
        return None
    at = app.shelves(stream)
    where = f"{stream.store}/{stream.path}"
    index = Recalling(at.index, at.store, at.identity, keeps=False)
    return Shelf(where, at.identity, at.store, index, app.notes(stream), table)


def _held(shelf: Shelf) -> int:
    opened = shelf.table.open(shelf.identity.uuid)
    return 0 if opened is None else opened.state.seq


def table_lag(app: App, books: Books) -> tuple[Mark | None, tuple[Committed, ...]]:
    """What this machine remembers of a stream's table, and the commits with rows that came after that."""
    from coleta.audit.table import behind
    from coleta.land.watermark import MARK_NOTE, Mark

    mark = Mark.from_json(app.notes(books.stream).recall(MARK_NOTE))
    since = 1 if mark is None else mark.seq + 1
    return mark, behind(books.history.commits(since), mark)


def lag_line(app: App, books: Books) -> str | None:
    """What to say of a stream's table that lacks what landed over an hour ago; None where there is nothing to say."""
    from coleta.audit.table import LAGS

    if books.stream.table is None:
        return None
    mark, lacking = table_lag(app, books)
    # What landed just now may be registered before this line is read.
    if not lacking or lacking[0].record.created > books.now - LAGS:
        return None
    name, holds = books.stream.name, "none of the log" if mark is None else f"the log up to commit {mark.seq}"
    return f"{name}: {len(lacking)} object(s) are not in its table, which holds {holds}; coleta publish {name} says why"
