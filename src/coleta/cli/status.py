"""``coleta status``: how every stream is, in a line each. Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from coleta.cli.app import NeverStarted
from coleta.cli.doors import Doors
from coleta.cli.rename import tell_strays
from coleta.cli.screen import Screen, error_value, table
from coleta.cli.session import JsonOption, session_of
from coleta.cli.tables import lag_line, table_lag
from coleta.collect.tick import format_instant
from coleta.errors import ColetaError

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.runtime.questions import Books

_HEADS = ("STREAM", "LAST", "TICK", "NEXT", "ROWS", "QUARANTINED", "GAPS", "WAITING", "STORE")


def status_command(doors: Doors) -> Callable[..., None]:
    """The command ``status``."""

    def status(context: typer.Context, *, json: JsonOption = False) -> None:
        """Show how every stream is: its last tick and its next, rows, gaps, what waits, whether the store answers."""
        from coleta.cli.pause import pauses_of
        from coleta.cli.reading import books_of

        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        found: list[tuple[str, Books | ColetaError]] = []
        for stream in app.streams:
            try:
                books = books_of(app, stream)
                books.totals()  # what they need of the store is read here, where an error is that stream's alone
                found.append((stream.name, books))
            except ColetaError as error:
                found.append((stream.name, error))
        paused = {stream.name: pauses_of(app, stream).since for stream in app.streams}
        screen = session.screen
        if json:
            streams = [
                {**_value(name, books), "paused": paused.get(name), "table": _table_value(app, books)}
                for name, books in found
            ]
            strays = [{"stream": one.name, "folder": str(one.folder), "waiting": one.waiting} for one in app.strays()]
            screen.document({"project": app.name, "root": str(app.root), "streams": streams, "strays": strays})
        else:
            screen.out(f"project {app.name} in {app.root}")
            screen.out(table(_HEADS, [_row(name, books, paused.get(name)) for name, books in found]))
            for line in (line for name, books in found for line in _warnings(app, name, books)):
                screen.out(line, style="warning")
        tell_strays(screen, app)
        _end(screen, found)

    return status


def _end(screen: Screen, found: list[tuple[str, Books | ColetaError]]) -> None:
    errors = [books for _, books in found if isinstance(books, ColetaError) and not isinstance(books, NeverStarted)]
    for _, books in found:
        if not isinstance(books, ColetaError) and books.store_error:
            screen.note(f"{books.stream.name}: the store does not answer: {books.store_error}", style="bad")
    for error in errors:
        screen.error(error)
    if errors:
        raise typer.Exit(errors[0].exit_status)


def _row(name: str, books: Books | ColetaError, paused: datetime | None) -> tuple[object, ...]:
    if isinstance(books, ColetaError):
        word = "not started yet" if isinstance(books, NeverStarted) else "FAILED"
        return (name, word, "", "paused" if paused else "", 0, 0, 0, 0, "")
    line, totals = books.last(), books.totals()
    last = line.account if line else None
    store = "down" if books.store_error else "ok"
    return (
        name,
        str(last.outcome) if last else "none yet",
        last.tick.end if last else None,
        "paused" if paused else _next(books),
        totals.landed,
        totals.quarantined,
        len(books.gaps()),
        len(books.spool.waiting),
        store,
    )


def _warnings(app: App, name: str, books: Books | ColetaError) -> list[str]:
    lag = None if isinstance(books, ColetaError) else lag_line(app, books)
    return [*_doubts(name, books), *_moved(name, books), *([lag] if lag else [])]


def _table_value(app: App, books: Books | ColetaError) -> dict[str, object] | None:
    if isinstance(books, ColetaError) or books.stream.table is None:
        return None
    mark, lacking = table_lag(app, books)
    return {"seq": 0 if mark is None else mark.seq, "behind": len(lacking)}


def _doubts(name: str, books: Books | ColetaError) -> list[str]:
    if isinstance(books, ColetaError) or not (doubted := books.doubted()):
        return []
    newest = doubted[-1]
    ticks = "1 tick that was taken looks" if len(doubted) == 1 else f"{len(doubted)} ticks that were taken look"
    return [f"{name}: {ticks} wrong; the newest, {format_instant(newest.line.account.tick.end)}: {newest.doubt.what}"]


def _moved(name: str, books: Books | ColetaError) -> list[str]:
    if isinstance(books, ColetaError) or books.head.moved_to is None:
        return []
    return [f"{name}: its log has ended here, and goes on at {books.head.moved_to}; give the stream that place"]


def _next(books: Books) -> object:
    at = books.next_at()
    return "now" if at is not None and at <= books.now else at.replace(microsecond=0) if at else "never"


def _value(name: str, books: Books | ColetaError) -> dict[str, object]:
    if isinstance(books, NeverStarted):
        return {"stream": name, "started": False}
    if isinstance(books, ColetaError):
        return {"stream": name, "error": error_value(books)}
    last, totals = books.last(), books.totals()
    return {
        "stream": name,
        "started": True,
        "store": f"{books.stream.store.rstrip('/')}/{books.stream.path}",
        "moved_to": str(books.head.moved_to) if books.head.moved_to else None,
        "uuid": books.identity.uuid,
        "now": books.now,
        "last": {"tick": last.account.tick.end, "outcome": str(last.account.outcome), "reason": last.account.reason}
        if last
        else None,
        "next": books.next_at(),
        "commits": books.head.seq,
        "ticks": totals.outcomes,
        "received": totals.received,
        "landed": totals.landed,
        "quarantined": totals.quarantined,
        "deduplicated": totals.deduplicated,
        "gaps": len(books.gaps()),
        "doubted": len(books.doubted()),
        "waiting": len(books.spool.waiting),
        "damaged": list(books.spool.damaged),
        "held": list(books.spool.held),
        "store_reachable": books.store_error is None,
        "store_error": books.store_error,
    }
