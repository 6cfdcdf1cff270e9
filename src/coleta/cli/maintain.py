"""``coleta maintain``: upkeep, once and now. What ``coleta up`` does by itself, for those who run without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument
from coleta.cli.screen import Screen, table
from coleta.cli.session import DryRunOption, JsonOption, session_of

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.runtime.events import Event
    from coleta.runtime.upkeep import Done
    from coleta.stream import Stream

_HEADS = ("STREAM", "GIVEN UP", "DELETED", "RETIRED", "ROLL-UPS")
_MOST_TOLD = 20


def maintain_command(doors: Doors) -> Callable[..., None]:
    """The command ``maintain``."""

    def maintain(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Delete what was kept for as long as `retention` says, and write the roll-ups that are missing.

        The log gives files up first, and nothing goes that it does not prove unneeded. May be cut off and called again.
        """
        from coleta.cli.progress import progress_of

        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        with progress_of(session.screen) as bar:

            def progress(name: str, one: Done) -> None:
                bar(f"maintain {name}", one.deleted + one.retired + one.rolled_up, 0)

            done = list(maintained(app, stream, dry_run=dry_run, progress=progress))
        if json:
            session.screen.document({"dry_run": dry_run, "streams": [_value(*each) for each in done]})
        else:
            _tell(session.screen, done, dry_run=dry_run)

    return maintain


def maintained(
    app: App, name: str | None, *, dry_run: bool, progress: Callable[[str, Done], None]
) -> Iterator[tuple[str, Done]]:
    """What upkeep has done, or would do, for the stream called `name`, or for all that were ever started.

    Raises:
        Busy: another process collects the stream in this folder.
        NeverStarted: `name` was not.
        StoreUnavailable, Misconfigured, Corrupt: called again, it goes on where it was.

    """
    from coleta.cli.app import NeverStarted

    for stream in app.streams if name is None else [app.stream(name)]:
        try:
            shelves = app.shelves(stream)
        except NeverStarted:
            if name is not None:
                raise
            continue
        if dry_run:
            from coleta.runtime.questions import read_books
            from coleta.runtime.upkeep import foresee

            yield stream.name, foresee(shelves, read_books(shelves, app.now()))
        else:
            yield stream.name, _maintained(app, stream, progress)


def _maintained(app: App, stream: Stream, progress: Callable[[str, Done], None]) -> Done:
    from coleta.runtime.maintainer import maintain

    with app.station(stream, _silent) as station:
        return maintain(station, app.housekeeping(stream), progress=lambda done: progress(stream.name, done))


def _silent(event: Event) -> None:
    """Tell nobody: the command says in the end what it did."""


def _tell(screen: Screen, done: list[tuple[str, Done]], *, dry_run: bool) -> None:
    if not done:
        screen.note("no stream was ever started")
        return
    screen.out(table(_HEADS, [(name, one.expired, one.deleted, one.retired, one.rolled_up) for name, one in done]))
    if dry_run:
        screen.note("nothing was changed; roll-ups are not counted here")
    for name, one in done:
        for path in one.kept[:_MOST_TOLD]:
            screen.note(f"{name}: {path} stays: no answer that has landed holds all of its tick, or it cannot be read")
        if len(one.kept) > _MOST_TOLD:
            screen.note(f"{name}: and {len(one.kept) - _MOST_TOLD} more like it")
        if one.under_a_table:
            screen.note(f"{name}: no rows are taken away, since a table lies over them (_delta_log or _iceberg)")


def _value(name: str, done: Done) -> dict[str, object]:
    return {
        "stream": name,
        "given_up": done.expired,
        "deleted": done.deleted,
        "superseded": done.superseded,
        "left_alone": done.kept,
        "retired": done.retired,
        "under_a_table": done.under_a_table,
        "roll_ups": done.rolled_up,
    }
