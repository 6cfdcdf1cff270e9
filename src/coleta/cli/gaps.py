"""``coleta gaps``: the ticks that ended without an answer. Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import typer

from coleta.cli.doors import Doors
from coleta.cli.program import program
from coleta.cli.screen import table
from coleta.cli.session import JsonOption, StreamArgument, session_of

_HEADS = ("TICK", "REASON", "ATTEMPTS", "DETAIL")


def gaps_command(doors: Doors) -> Callable[..., None]:
    """The command ``gaps``."""

    def gaps(context: typer.Context, stream: StreamArgument, *, json: JsonOption = False) -> None:
        """List a stream's gaps: ticks that ended without an answer, and why. A real answer may still replace each."""
        from coleta.cli.reading import books_of, line_value

        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        books = books_of(app, app.stream(stream))
        lines, screen = books.gaps(), session.screen
        if books.store_error:
            screen.note(f"what this machine remembers; the store does not answer: {books.store_error}", style="warning")
        if json:
            values = [
                {**line_value(line), "open": [{"start": part.start, "end": part.end} for part in line.open]}
                for line in lines
            ]
            screen.document({"stream": stream, "gaps": values, "store_error": books.store_error})
            return
        if not lines:
            screen.note("no gaps")
            return
        rows = [(one.tick.end, one.reason, one.attempts, one.detail) for one in (line.account for line in lines)]
        screen.out(table(_HEADS, rows))
        screen.note(f"{program()} run {stream} --tick TICK asks for one again")

    return gaps
