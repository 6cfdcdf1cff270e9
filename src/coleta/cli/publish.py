"""``coleta publish``: registers what has landed in each stream's table. Safe beside a running ``coleta up``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import error_value
from coleta.cli.session import DryRunOption, JsonOption, session_of
from coleta.cli.tables import PublishedTable, publish_stream, tables_of


def publish_command(doors: Doors) -> Callable[..., None]:
    """The command ``publish``."""

    def publish(
        context: typer.Context,
        stream: Annotated[
            str | None, typer.Argument(metavar="[STREAM]", help="The stream; without it all that have a table.")
        ] = None,
        *,
        accept: Annotated[
            bool,
            typer.Option("--accept", help="Take the table as it lies now, or make it anew: after it was dropped."),
        ] = False,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Register what has landed in the streams' tables. Calling it again changes nothing."""
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        done: list[PublishedTable] = []
        for one in tables_of(app, stream):
            done.append(publish_stream(app, one, accept=accept, dry_run=dry_run))
            if not json:
                session.screen.out(_sentence(done[-1], dry_run=dry_run))
        if json:
            session.screen.document({"dry_run": dry_run, "streams": [_value(one) for one in done]})
        failed = next((one.error for one in done if one.error is not None), None)
        if failed is not None:
            raise failed

    return publish


def _sentence(done: PublishedTable, *, dry_run: bool) -> str:
    if done.error is not None:
        return f"{done.stream}: stopped at commit {done.seq} of the log"
    if not done.objects:
        return f"{done.stream}: nothing new; the table holds all rows of the log"
    would = "would register" if dry_run else "registered"
    return f"{done.stream}: {would} {done.objects} object(s) with {done.rows} rows, up to commit {done.seq} of the log"


def _value(done: PublishedTable) -> dict[str, object]:
    return {
        "stream": done.stream,
        "objects": done.objects,
        "rows": done.rows,
        "seq": done.seq,
        "error": error_value(done.error),
    }
