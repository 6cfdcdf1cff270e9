"""``coleta alert``: whether the way in which people are told of trouble works."""

from __future__ import annotations

from collections.abc import Callable

import typer

from coleta.cli.doors import Doors
from coleta.cli.session import session_of


def alert_commands(doors: Doors) -> typer.Typer:
    """The command ``alert test``."""
    group = typer.Typer(name="alert", no_args_is_help=True, help="How people are told of trouble.")
    group.command("test")(_test_command(doors))
    # With one command only, typer would leave its name out.
    group.callback()(lambda: None)
    return group


def _test_command(doors: Doors) -> Callable[..., None]:
    def test(context: typer.Context) -> None:
        """Run alerts.command of coleta.toml with a notice that says that it is a test."""
        session = session_of(context)
        doors.open_app(session.project, None).test_alerts()
        session.screen.out("the alert command took the test")

    return test
