"""``coleta contract``: what becomes of a contract that is changed, before anything lands under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from coleta.cli.comparing import Compared, compare, compared_streams
from coleta.cli.doors import Doors
from coleta.cli.screen import error_value
from coleta.cli.session import JsonOption, session_of


def contract_commands(doors: Doors) -> typer.Typer:
    """The command ``contract diff``."""
    group = typer.Typer(name="contract", no_args_is_help=True, help="What a contract says, and how it has changed.")
    group.command("diff")(_diff_command(doors))
    return group


def _diff_command(doors: Doors) -> Callable[..., None]:
    def diff(
        context: typer.Context,
        stream: Annotated[
            str | None, typer.Argument(metavar="[STREAM]", help="The stream; without it all that were ever started.")
        ] = None,
        *,
        json: JsonOption = False,
    ) -> None:
        """Show in what the contract, and all else that decoding depends on, differs from what last landed.

        Fails with 78 where a stream's table cannot follow the change. Changes nothing.
        """
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        found = [compare(app, one) for one in compared_streams(app, stream)]
        if json:
            session.screen.document({"streams": [_value(one) for one in found]})
        else:
            for one in found:
                session.screen.out(_text(one))
        refused = next((one.refused for one in found if one.refused is not None), None)
        if refused is not None:
            raise refused

    return diff


def _text(found: Compared) -> str:
    if found.seq is None:
        return f"{found.stream}: nothing has landed yet"
    if not found.changes:
        return f"{found.stream}: as it was when commit {found.seq} landed"
    head = f"{found.stream}: since commit {found.seq} landed"
    return "\n".join([head, *(f"  {change}" for change in found.changes)])


def _value(found: Compared) -> dict[str, object]:
    return {
        "stream": found.stream,
        "seq": found.seq,
        "changes": [
            {"path": one.path, "kind": one.kind, "before": one.before, "after": one.after} for one in found.changes
        ],
        "error": error_value(found.refused),
    }
