"""What the reading commands share: a stream's books, and a tick's line as JSON. Takes no lock, changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coleta.cli.app import NeverStarted
from coleta.errors import StoreUnavailable
from coleta.runtime.questions import Books, Shelves, read_books

if TYPE_CHECKING:
    from coleta.ask.landed import Landed
    from coleta.audit.account import TickLine
    from coleta.cli.app import App
    from coleta.land.record import Account
    from coleta.stream import Stream


def books_of(app: App, stream: Stream) -> Books:
    """All that is known of `stream` now.

    Raises:
        NeverStarted: there is nothing to read yet.

    """
    at = app.evidence(stream)
    return read_books(Shelves(stream, at.identity, at.store, at.index, at.spool), at.now)


def started_streams(app: App, name: str | None) -> list[Books]:
    """The books of the stream called `name`, or of all that were ever started.

    Raises:
        NeverStarted: `name` was not.

    """
    found: list[Books] = []
    for stream in app.streams if name is None else [app.stream(name)]:
        try:
            found.append(books_of(app, stream))
        except NeverStarted:
            if name is not None:
                raise
    return found


def landed_of(app: App, stream: Stream) -> Landed:
    """All that has landed of `stream` now.

    Raises:
        NeverStarted: there is nothing to read yet.
        StoreUnavailable: the store does not answer.

    """
    from coleta.ask.landed import Landed

    at = app.evidence(stream)
    books = read_books(Shelves(stream, at.identity, at.store, at.index, at.spool), at.now)
    if books.store_error is not None:
        raise StoreUnavailable(books.store_error)
    return Landed(stream, at.store, books)


def landed_if_any(app: App, stream: Stream) -> Landed | None:
    """The same; None for a stream that was never started.

    Raises:
        StoreUnavailable: the store does not answer.

    """
    try:
        return landed_of(app, stream)
    except NeverStarted:
        return None


def account_value(account: Account) -> dict[str, object]:
    """What became of a tick, as it stands in JSON documents."""
    return {
        "tick": account.tick.end,
        "start": account.tick.start,
        "outcome": str(account.outcome),
        "reason": account.reason,
        "detail": account.detail,
        "received": account.received,
        "landed": account.landed,
        "quarantined": account.quarantined,
        "deduplicated": account.deduplicated,
        "nulled": account.nulled,
        "attempts": account.attempts,
        "pages": account.pages,
        "asked_at": account.asked_at,
        "received_at": account.received_at,
        "answer": account.answer,
    }


def line_value(line: TickLine) -> dict[str, object]:
    """A tick's line, as it stands in JSON documents."""
    return {**account_value(line.account), "seq": line.seq, "object": line.name}
