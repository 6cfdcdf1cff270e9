"""``coleta pause`` and ``coleta resume``: a stream's schedule stands still on this machine, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from coleta.cli.doors import Doors
from coleta.cli.session import DryRunOption, JsonOption, StreamArgument, session_of
from coleta.collect.tick import format_instant

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.collect.pauses import Pauses
    from coleta.stream import Stream


def pause_command(doors: Doors) -> Callable[..., None]:
    """The command ``pause``."""

    def pause(
        context: typer.Context, stream: StreamArgument, *, dry_run: DryRunOption = False, json: JsonOption = False
    ) -> None:
        """Ask nothing more for a stream until `coleta resume`; its ticks become gaps, and landing goes on."""
        _change(doors, context, stream, paused=True, dry_run=dry_run, json=json)

    return pause


def resume_command(doors: Doors) -> Callable[..., None]:
    """The command ``resume``."""

    def resume(
        context: typer.Context, stream: StreamArgument, *, dry_run: DryRunOption = False, json: JsonOption = False
    ) -> None:
        """Let the schedule of a paused stream go on. The ticks of the pause stay gaps."""
        _change(doors, context, stream, paused=False, dry_run=dry_run, json=json)

    return resume


def _change(doors: Doors, context: typer.Context, name: str, *, paused: bool, dry_run: bool, json: bool) -> None:
    session = session_of(context, json=json)
    app = doors.open_app(session.project, None)
    stream = app.stream(name)
    before, after = pauses_of(app, stream), change_pause(app, stream, paused=paused, dry_run=dry_run)
    changed = before != after
    if json:
        session.screen.document({"stream": name, "paused": after.since, "changed": changed, "dry_run": dry_run})
        return
    since = after.since
    state = f"paused since {format_instant(since.replace(microsecond=0))}" if since else "not paused"
    would = "would be " if dry_run and changed else "" if changed else "was before: "
    session.screen.out(f"{name}: {would}{state}")


def pauses_of(app: App, stream: Stream) -> Pauses:
    """What is remembered of the pauses of `stream` on this machine.

    Raises:
        Misconfigured: it cannot be read.

    """
    from coleta.runtime.pausing import read_pauses

    return read_pauses(app.notes(stream))


def change_pause(app: App, stream: Stream, *, paused: bool, dry_run: bool) -> Pauses:
    """Pause `stream` on this machine, or let it go on; what is remembered then, or would be.

    Raises:
        SpoolRefused: the disk did not take it; nothing has changed.
        Misconfigured: what is remembered cannot be read.

    """
    from coleta.runtime.pausing import read_pauses, set_paused

    now = app.now()
    if dry_run:
        before = read_pauses(app.notes(stream))
        return before.begun(now) if paused else before.ended(now)
    return set_paused(app.notes(stream), now, paused=paused)
