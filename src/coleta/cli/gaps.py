"""``coleta gaps``: the ticks that ended without an answer. Takes no lock and changes nothing, but with ``--fill``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument
from coleta.cli.program import program
from coleta.cli.screen import Screen, error_value, table
from coleta.cli.session import DryRunOption, JsonOption, session_of
from coleta.errors import Retryable

if TYPE_CHECKING:
    from coleta.audit.account import TickLine
    from coleta.cli.app import App
    from coleta.cli.filling import Filled, Span
    from coleta.runtime.questions import Books

_HEADS = ("TICK", "REASON", "ATTEMPTS", "DETAIL")


def gaps_command(doors: Doors) -> Callable[..., None]:
    """The command ``gaps``."""

    def gaps(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        fill: Annotated[bool, typer.Option("--fill", help="Ask for each again, and land what comes.")] = False,
        since: Annotated[
            str | None, typer.Option("--from", metavar="TICK", help="Only ticks that end then or later.")
        ] = None,
        until: Annotated[
            str | None, typer.Option("--to", metavar="TICK", help="Only ticks that end then or earlier.")
        ] = None,
        limit: Annotated[
            int | None,
            typer.Option("--limit", metavar="N", min=1, help="Ask for so many at most; 1000 by default."),
        ] = None,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """List the ticks that ended without an answer, and why; with --fill, ask for each of them again."""
        from coleta.cli.filling import span_of
        from coleta.cli.reading import started_streams

        if not fill and (dry_run or limit is not None):
            raise typer.BadParameter("--dry-run and --limit go with --fill")
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        span = span_of(since, until)
        found = started_streams(app, stream)
        if fill:
            _fill(app, session.screen, found, span, limit=limit, dry_run=dry_run, json=json)
            return
        listed = [(books, [line for line in books.gaps() if span.holds(line)]) for books in found]
        if json:
            values = [_listed(books, lines) for books, lines in listed]
            session.screen.document(values[0] if stream is not None else {"streams": values})
        else:
            _show(session.screen, listed, named=stream is not None)

    return gaps


def _listed(books: Books, lines: list[TickLine]) -> dict[str, object]:
    from coleta.cli.reading import line_value

    values = [
        {**line_value(line), "open": [{"start": part.start, "end": part.end} for part in line.open]} for line in lines
    ]
    return {"stream": books.stream.name, "gaps": values, "store_error": books.store_error}


def _show(screen: Screen, listed: list[tuple[Books, list[TickLine]]], *, named: bool) -> None:
    for books, _ in listed:
        if books.store_error:
            screen.note(f"what this machine remembers; the store does not answer: {books.store_error}", style="warning")
    rows = [
        (books.stream.name, one.tick.end, one.reason, one.attempts, one.detail)
        for books, lines in listed
        for one in (line.account for line in lines)
    ]
    if not rows:
        screen.note("no gaps")
        return
    screen.out(table(_HEADS, [row[1:] for row in rows]) if named else table(("STREAM", *_HEADS), rows))
    name = listed[0][0].stream.name if named else "STREAM"
    screen.note(f"{program()} run {name} --tick TICK asks for one again, {program()} gaps {name} --fill for all")


def _fill(
    app: App, screen: Screen, found: list[Books], span: Span, *, limit: int | None, dry_run: bool, json: bool
) -> None:
    from coleta.cli.filling import MOST, fill
    from coleta.cli.progress import progress_of
    from coleta.cli.run import teller

    done: list[Filled] = []
    with progress_of(screen) as progress:
        for books in found:
            name = books.stream.name

            def bar(count: int, total: int, name: str = name) -> None:
                progress(f"gaps {name}", count, total)

            ways = {"tell": teller(screen), "progress": bar}
            done.append(fill(app, books, span, limit=limit or MOST, dry_run=dry_run, **ways))  # type: ignore[arg-type]
    for one in done:
        asked = f"{one.asked} would be asked for again" if dry_run else f"{one.asked} asked for again"
        screen.out(f"{one.stream}: {asked}, {len(one.answered)} answered, {one.remaining} remain{_behind(one)}")
    if json:
        screen.document({"dry_run": dry_run, "streams": [_filled(one) for one in done]})
    stopped = next((one.stopped for one in done if one.stopped is not None), None)
    if stopped is not None:
        raise stopped
    if not dry_run and any(one.remaining for one in done):
        raise typer.Exit(Retryable.exit_status)


def _behind(one: Filled) -> str:
    if not one.behind:
        return ""
    return f"; {one.behind} of them lie before where its answers have come to, and cannot be asked for again"


def _filled(one: Filled) -> dict[str, object]:
    return {
        "stream": one.stream,
        "asked": one.asked,
        "answered": len(one.answered),
        "remaining": one.remaining,
        "behind": one.behind,
        "ticks": [
            {"tick": result.tick.end, "start": result.tick.start, "state": result.state} for result in one.results
        ],
        "stopped": error_value(one.stopped),
    }
