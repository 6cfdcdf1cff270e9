"""``coleta up``: collects and lands every stream until it is told to stop. Logs on stderr, nothing on stdout."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from coleta.cli.doors import Doors
from coleta.cli.rename import tell_strays
from coleta.cli.screen import Screen
from coleta.cli.session import StoreOption, session_of
from coleta.errors import ColetaError

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.runtime.events import Event

STATUSES: dict[int, int] = {signal.SIGINT: 130, signal.SIGTERM: 143}


def up_command(doors: Doors) -> Callable[..., None]:
    """The command ``up``."""

    def up(context: typer.Context, *, to: StoreOption = None) -> None:
        """Collect and land every stream of the project, until Ctrl-C or SIGTERM.

        What was accepted and not yet landed at the end waits in the spool, and the next start lands it.
        """
        from coleta.cli.narrator import Narrator
        from coleta.cli.watching import Watch

        session = session_of(context)
        screen = session.screen
        app = doors.open_app(session.project, to)
        slow = [stream.name for stream in app.streams if stream.landing.every > timedelta(0)]
        narrator = Narrator(waiting_shown=slow)

        def show(event: Event) -> None:
            for line in narrator.lines(event, datetime.now(UTC)):
                screen.note(line.text, style=line.style)

        def stopping() -> None:
            screen.note("stopping: landing what waits, for 8 s at most; once more to leave at once")

        watch = Watch(show, statuses=STATUSES, stopping=stopping)
        tell_strays(screen, app)
        with app.service(watch.tell) as service:
            screen.note(f"collecting {len(app.streams)} stream(s) of {app.name}; Ctrl-C stops")
            try:
                ended = watch.drive(service)
            finally:
                say_what_waits(app, screen)
        if ended.signal is not None:
            raise typer.Exit(STATUSES[ended.signal])

    return up


def say_what_waits(app: App, screen: Screen) -> None:
    """Say how much of each stream is accepted and not landed."""
    left = False
    for stream in app.streams:
        try:
            waiting = len(app.shelves(stream).spool.waiting)
        except ColetaError:
            continue  # a stream that never started has nothing; any other error has been told
        if waiting:
            left = True
            screen.note(f"{stream.name}: {waiting} accepted and not landed, safe in the spool; the next start lands it")
    if not left:
        screen.note("nothing waits in the spool")
