"""``coleta query``: SQL over what has landed. Takes no lock and changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.ask.span import EVERYTHING, Span
from coleta.cli.doors import Doors
from coleta.cli.progress import progress_of
from coleta.cli.screen import Screen, cell_text, table
from coleta.cli.session import JsonOption, session_of

if TYPE_CHECKING:
    from coleta.ask.landed import Progress
    from coleta.ask.query import Found
    from coleta.cli.app import App

SHOWN_ROWS = 50
"""How many rows a screen holds; a program is given all."""


def query_command(doors: Doors) -> Callable[..., None]:
    """The command ``query``."""

    def query(
        context: typer.Context,
        sql: Annotated[str, typer.Argument(metavar="SQL", help="Such as: SELECT count(*) FROM compras")],
        *,
        limit: Annotated[
            int | None,
            typer.Option("--limit", min=1, help="So many rows at most.", show_default="50 as a table, else all"),
        ] = None,
        since: Annotated[
            str | None, typer.Option("--from", metavar="DATE", help="Only rows of ticks of that date or later.")
        ] = None,
        until: Annotated[
            str | None, typer.Option("--to", metavar="DATE", help="Only rows of ticks of that date or earlier.")
        ] = None,
        csv: Annotated[bool, typer.Option("--csv", help="Write CSV, with a line of names first.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Ask in SQL: each stream is a table, and so are STREAM_ticks (what became of its ticks) and STREAM_quarantine.

        DuckDB answers, from exactly the files that the records name. Needs: pip install 'coleta[query]'
        """
        if csv and json:
            raise typer.BadParameter("one of --csv and --json")
        span = Span(_date(since, "--from"), _date(until, "--to"))
        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, None)
        with progress_of(screen) as progress, found_rows(app, sql, progress, span) as found:
            if json:
                values = [[_plain(value) for value in row] for row in found.rows(limit)]
                screen.document({"columns": found.names, "rows": values})
            elif csv:
                _write_csv(screen, found, limit)
            else:
                _show(screen, found, limit or SHOWN_ROWS)

    return query


@contextmanager
def found_rows(app: App, sql: str, progress: Progress, span: Span = EVERYTHING) -> Iterator[Found]:
    """The rows that `sql` gives over the streams of `app`, to be read inside the ``with`` block; see ``answered``.

    Raises:
        as ``coleta.ask.query.answered``.

    """
    from coleta.ask.query import answered
    from coleta.cli.reading import landed_if_any

    with answered(sql, app.streams, lambda stream: landed_if_any(app, stream), span=span, progress=progress) as found:
        yield found


def _date(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date, such as 2026-11-24", param_hint=option) from None


def _show(screen: Screen, found: Found, limit: int) -> None:
    rows = list(found.rows(limit + 1))
    screen.out(table(found.names, rows[:limit]))
    if len(rows) > limit:
        screen.note(f"the first {limit} rows; --limit shows more")


def _write_csv(screen: Screen, found: Found, limit: int | None) -> None:
    for line in _csv_lines(found.names, found.rows(limit)):
        screen.data(line)
        if screen.gone:
            return


def _csv_lines(names: Sequence[str], rows: Iterator[tuple[object, ...]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if value is None else cell_text(_plain(value)) for value in row])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue().encode("utf-8", "backslashreplace")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """`value` as JSON can say it: whole decimals, which sums of integers are, as numbers; no NaN."""
    match value:
        case Decimal() if value == value.to_integral_value() and not value.as_tuple().exponent:
            return int(value)
        case float() if not isfinite(value):
            return str(value)
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
    return value
