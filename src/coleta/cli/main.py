"""The program: puts the commands together, and turns every way to end into an exit status.

Promises one of the statuses of docs/reference/exit-codes.md, errors in a few plain lines on stderr, and a
traceback only when one is asked for. Never decides anything about data.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Annotated

import typer

from coleta.cli.alert import alert_commands
from coleta.cli.check import check_command
from coleta.cli.config import config_commands
from coleta.cli.contract import contract_commands
from coleta.cli.demo import demo_command
from coleta.cli.doors import Doors
from coleta.cli.gaps import gaps_command
from coleta.cli.history import history_command
from coleta.cli.init import init_command
from coleta.cli.maintain import maintain_command
from coleta.cli.mock import mock_command
from coleta.cli.move import move_command
from coleta.cli.pause import pause_command, resume_command
from coleta.cli.plan import plan_command
from coleta.cli.preview import preview_command
from coleta.cli.publish import publish_command
from coleta.cli.quarantine import quarantine_commands
from coleta.cli.query import query_command
from coleta.cli.raw import raw_commands
from coleta.cli.rename import rename_command
from coleta.cli.repair import repair_command
from coleta.cli.run import run_command
from coleta.cli.screen import forget
from coleta.cli.session import Session
from coleta.cli.status import status_command
from coleta.cli.trace import trace_command
from coleta.cli.up import up_command
from coleta.cli.verify import verify_command
from coleta.errors import ColetaError

BUG = 1
CANNOT_WRITE = 74
INTERRUPTED = 128
"""What a shell adds to a signal's number: 130 for SIGINT, 143 for SIGTERM."""

_LINGER_S = 0.5
"""How long threads that were told to end are waited for, before the process ends without them."""


def build(doors: Doors) -> typer.Typer:
    """The command line, its commands in the order in which a newcomer meets them."""
    app = typer.Typer(name="coleta", no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_globals(doors.version))
    app.command("demo")(demo_command(doors))
    app.command("init")(init_command(doors))
    app.command("mock")(mock_command(doors.serve_mock))
    app.command("check")(check_command(doors))
    app.command("preview")(preview_command(doors))
    app.command("run")(run_command(doors))
    app.command("up")(up_command(doors))
    app.command("status")(status_command(doors))
    app.command("history")(history_command(doors))
    app.command("gaps")(gaps_command(doors))
    app.command("pause")(pause_command(doors))
    app.command("resume")(resume_command(doors))
    app.command("rename")(rename_command(doors))
    app.command("move")(move_command(doors))
    app.command("publish")(publish_command(doors))
    app.command("verify")(verify_command(doors))
    app.command("repair")(repair_command(doors))
    app.command("query")(query_command(doors))
    app.add_typer(alert_commands(doors))
    app.add_typer(quarantine_commands(doors))
    app.add_typer(raw_commands(doors))
    app.command("trace")(trace_command(doors))
    app.command("plan")(plan_command(doors))
    app.command("maintain")(maintain_command(doors))
    app.add_typer(contract_commands(doors))
    app.add_typer(config_commands(doors))
    return app


def _globals(version: str) -> Callable[..., None]:
    def show_version(wanted: bool) -> None:  # typer calls it so
        if wanted:
            typer.echo(f"coleta {version}")
            raise typer.Exit

    # As a default and not in an annotation: typer looks the names of annotations up outside this function.
    version_option = typer.Option(
        False, "--version", help="Show the version and end.", callback=show_version, is_eager=True
    )

    def coleta(
        context: typer.Context,
        *,
        project: Annotated[
            Path, typer.Option("--project", "-C", metavar="PATH", help="The project's folder, or its file.")
        ] = Path(),
        debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug in Coleta.")] = False,
        show_version: bool = version_option,
    ) -> None:
        """Collects records from HTTP APIs at regular intervals, checks each, and lands it exactly once.

        To see it work: coleta demo. For an API of your own: coleta init.
        """
        session = context.ensure_object(Session)
        session.project, session.debug = project, debug

    return coleta


def run(app: typer.Typer, argv: Sequence[str]) -> int:
    """Run one command line; the exit status.

    Raises nothing. Where threads of a command that has ended don't end, the process ends here.
    """
    session = Session()
    with _signals():
        try:
            status = _call(app, argv, session)
            status = _flushed(session, status)
        except KeyboardInterrupt:
            status = INTERRUPTED + signal.SIGINT
        _leave_if_threads_linger(status)
    return status


def _call(app: typer.Typer, argv: Sequence[str], session: Session) -> int:
    try:
        typer.main.get_command(app).main(list(argv), prog_name="coleta", obj=session)
    except SystemExit as end:
        # How typer ends, usage errors (2) included.
        return end.code if isinstance(end.code, int) else BUG if end.code else 0
    except ColetaError as error:
        session.screen.error(error)
        return error.exit_status
    except Exception as bug:  # noqa: BLE001  # whatever it is, a person gets words and not a traceback
        return _bug(bug, session)
    return 0


def _bug(bug: Exception, session: Session) -> int:
    if session.debug:
        session.screen.note("".join(traceback.format_exception(bug)))
    error = ColetaError(
        f"this is a bug in Coleta: {type(bug).__name__}: {bug}",
        hint=None if session.debug else "coleta --debug … shows the traceback; please report it with that",
    )
    session.screen.error(error)
    return error.exit_status


def _flushed(session: Session, status: int) -> int:
    """Flush what typer itself wrote; the status, unless stdout could not be written and all else was well."""
    try:
        sys.stdout.flush()
    except OSError as error:
        forget(sys.stdout)
        session.screen.unwritable = None if isinstance(error, BrokenPipeError) else error.strerror
    if session.screen.unwritable is None:
        return status
    session.screen.note(f"error: stdout cannot be written: {session.screen.unwritable}", style="bad")
    return status or CANNOT_WRITE


@contextmanager
def _signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM end a command as an exception with its status, whatever it is doing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(INTERRUPTED + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_if_threads_linger(status: int) -> None:
    # The pools of a service are not daemons: Python would wait for a request that hangs. Being cut off is safe.
    until = monotonic() + _LINGER_S
    for thread in threading.enumerate():
        if thread.name.startswith(("fetch_", "land_", "table_")):
            thread.join(max(until - monotonic(), 0))
            if thread.is_alive():
                sys.stderr.flush()
                os._exit(status)
