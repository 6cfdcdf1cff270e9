"""A contract held against what last landed: for ``coleta contract diff`` and for Python's ``Project`` alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coleta.audit.changed import Change, changes
from coleta.cli.app import NeverStarted
from coleta.errors import Corrupt, Misconfigured, StoreUnavailable
from coleta.terms import Terms

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Compared:
    """In what a stream's terms differ from those of commit ``seq``, the newest; None: nothing has landed.

    ``refused`` is why the stream's table cannot follow, if it cannot.
    """

    stream: str
    seq: int | None = None
    changes: tuple[Change, ...] = ()
    refused: Misconfigured | None = None


def compared_streams(app: App, name: str | None) -> list[Stream]:
    """The stream called `name`, or all of the project.

    Raises:
        Misconfigured: there is none of that name.

    """
    return list(app.streams) if name is None else [app.stream(name)]


def compare(app: App, stream: Stream) -> Compared:
    """Hold the contract of `stream`, and all else that decoding depends on, against the newest commit's.

    Raises:
        StoreUnavailable: the store does not answer.
        Corrupt: the terms that the newest record names are not there.

    """
    from coleta.land.table import check_change
    from coleta.runtime.questions import read_books

    try:
        shelves = app.shelves(stream)
    except NeverStarted:
        return Compared(stream.name)
    books = read_books(shelves, app.now(), newest=1)
    if books.store_error is not None:
        raise StoreUnavailable(books.store_error)
    if not books.commits:
        return Compared(stream.name)
    record = books.commits[-1].record
    name = f"_ledger/terms/{record.terms}.json"
    stored = shelves.store.read(name)
    if stored is None:
        raise Corrupt("the newest record names these terms, and they are not there", where=name)
    before = Terms.from_json(stored)
    refused = None
    if stream.table is not None:
        try:
            check_change(before, stream.terms, where=f"stream.{stream.name}.contract")
        except Misconfigured as error:
            refused = error
    return Compared(stream.name, record.seq, changes(before, stream.terms), refused)
