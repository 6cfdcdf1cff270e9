"""``coleta quarantine ls`` and ``show``: what broke the contract. They take no lock and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument, ReasonOption, TickOption, given_tick
from coleta.cli.program import program
from coleta.cli.replay import discard_command, replay_command
from coleta.cli.screen import Screen, table
from coleta.cli.session import JsonOption, StreamArgument, session_of

if TYPE_CHECKING:
    from coleta.ask.quarantine import Rejected
    from coleta.cli.app import App

_LS = ("STREAM", "TICK", "REASON", "COUNT", "FILE")
_SHOW = ("TICK", "RECORD", "PATH", "REASON", "DETAIL", "RAW")


def quarantine_commands(doors: Doors) -> typer.Typer:
    """The commands ``quarantine ls``, ``show``, ``replay`` and ``discard``."""
    group = typer.Typer(
        name="quarantine", no_args_is_help=True, help="Look at what broke the contract, land it again, or give it up."
    )
    group.command("ls")(_ls_command(doors))
    group.command("show")(_show_command(doors))
    group.command("replay")(replay_command(doors))
    group.command("discard")(discard_command(doors))
    return group


def _ls_command(doors: Doors) -> Callable[..., None]:
    def ls(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        tick: TickOption = None,
        reason: ReasonOption = None,
        json: JsonOption = False,
    ) -> None:
        """Count what is in the quarantine, by stream, tick, reason and file."""
        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, None)
        end = given_tick(tick)
        counts = list(_counts(app, stream, end, reason))
        if json:
            names = ("stream", "tick", "reason", "count", "holds", "file")
            screen.document({"files": [dict(zip(names, one, strict=True)) for one in counts]})
            return
        if not counts:
            screen.note("nothing is in the quarantine" + (" of that kind" if tick or reason else ""))
            return
        screen.out(table(_LS, [(*one[:4], one[5]) for one in counts]))
        screen.note(f"{sum(one[3] for one in counts)} in all; {program()} quarantine show STREAM shows them")

    return ls


Count = tuple[str, datetime, str, int, str, str]
"""Stream, tick, reason, how many, what the file holds (records, or a page), and the file."""


def _counts(app: App, stream: str | None, tick: datetime | None, reason: str | None) -> Iterator[Count]:
    from coleta.ask.quarantine import files_named
    from coleta.cli.reading import landed_if_any, landed_of

    # A stream that never started is only wrong where it was asked for by name.
    found = [landed_of(app, app.stream(stream))] if stream else [landed_if_any(app, one) for one in app.streams]
    for landed in filter(None, found):
        for _, account, file in files_named(landed.commits, tick=tick, reason=reason):
            for why, count in file.reasons.items():
                if reason in (None, why):
                    yield landed.stream.name, account.tick.end, why, count, file.holds, file.path


def _show_command(doors: Doors) -> Callable[..., None]:
    def show(
        context: typer.Context,
        stream: StreamArgument,
        *,
        tick: TickOption = None,
        reason: ReasonOption = None,
        limit: Annotated[
            int | None,
            typer.Option("--limit", min=1, help="So many at most.", show_default="20 as a table, else all"),
        ] = None,
        raw: Annotated[bool, typer.Option("--raw", help="Write their very bytes only, a line for each.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Show records in the quarantine, oldest first: where and why each broke the contract, and its very bytes.

        An answer that is no data stands there as whole pages.
        """
        from coleta.cli.reading import landed_of

        if raw and json:
            raise typer.BadParameter("one of --raw and --json")
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        found = landed_of(app, app.stream(stream)).rejected(tick=given_tick(tick), reason=reason)
        if json:
            session.screen.document({"stream": stream, "records": [_value(one) for one in islice(found, limit)]})
        elif raw:
            for one in islice(found, limit):
                session.screen.data(one.raw + b"\n")
                if session.screen.gone:
                    return
        else:
            _show(session.screen, found, limit or 20)

    return show


def _show(screen: Screen, found: Iterator[Rejected], limit: int) -> None:
    shown = list(islice(found, limit + 1))
    if not shown:
        screen.note("nothing of that kind is in the quarantine")
        return
    rows = [(one.tick, one.row, one.path, one.reason, one.detail, _text(one)) for one in shown[:limit]]
    screen.out(table(_SHOW, rows))
    if len(shown) > limit:
        screen.note(f"the first {limit}; --limit shows more")


def _text(one: Rejected) -> str:
    return one.raw.decode("utf-8", "backslashreplace")


def _value(one: Rejected) -> dict[str, object]:
    return {
        "tick": one.tick,
        "row": one.row,
        "path": one.path,
        "reason": one.reason,
        "detail": one.detail,
        "raw": _text(one),
        "file": one.file,
    }
