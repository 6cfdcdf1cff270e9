"""``coleta history``: what became of a stream's ticks. Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import table
from coleta.cli.session import JsonOption, StreamArgument, session_of

if TYPE_CHECKING:
    from coleta.audit.account import TickLine

_HEADS = ("TICK", "OUTCOME", "RECEIVED", "LANDED", "QUARANTINED", "ATTEMPTS", "OBJECT", "REASON")


def history_command(doors: Doors) -> Callable[..., None]:
    """The command ``history``."""

    def history(
        context: typer.Context,
        stream: StreamArgument,
        *,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many of the newest ticks.")] = 20,
        json: JsonOption = False,
    ) -> None:
        """Show what became of a stream's ticks, the newest last: outcome, records, and the object that holds them."""
        from coleta.cli.reading import books_of, line_value

        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        books = books_of(app, app.stream(stream))
        shown, known, screen = books.newest(limit), books.known(), session.screen
        if books.store_error:
            screen.note(f"what this machine remembers; the store does not answer: {books.store_error}", style="warning")
        if json:
            lines = [line_value(line) for line in shown]
            screen.document({"stream": stream, "ticks": lines, "known": known, "store_error": books.store_error})
            return
        screen.out(table(_HEADS, [_row(line) for line in shown]))
        if len(shown) < known:
            screen.note(f"the newest {len(shown)} of {known}; --limit shows more")

    return history


def _row(line: TickLine) -> tuple[object, ...]:
    one = line.account
    why = "" if one.reason is None else one.reason
    return (one.tick.end, str(one.outcome), one.received, one.landed, one.quarantined, one.attempts, line.name, why)
