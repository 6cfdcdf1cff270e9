"""``coleta config``: about the project file itself. Reads no store and asks no API."""

from __future__ import annotations

import json
from collections.abc import Callable

import typer

from coleta.cli.doors import Doors
from coleta.cli.session import session_of


def config_commands(doors: Doors) -> typer.Typer:
    """The command ``config schema``."""
    group = typer.Typer(name="config", no_args_is_help=True, help="What the project file may say.")

    # A group with one command would be that command.
    @group.callback()
    def config() -> None:
        """What the project file may say."""

    group.command("schema")(_schema_command(doors))
    return group


def _schema_command(doors: Doors) -> Callable[..., None]:
    def schema(context: typer.Context) -> None:
        """Write the JSON Schema of coleta.toml, with which an editor explains keys and underlines mistakes.

        As: coleta config schema > coleta.schema.json; and in coleta.toml the first line #:schema ./coleta.schema.json
        """
        text = json.dumps(doors.config_schema(), indent=2, ensure_ascii=False)
        session_of(context).screen.data(text.encode() + b"\n")

    return schema
