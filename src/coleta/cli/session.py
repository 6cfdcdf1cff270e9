"""What the commands of one call share: the options before the command, and the screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from coleta.cli.screen import Screen

JsonOption = Annotated[
    bool, typer.Option("--json", help="Write one JSON document to stdout; everything else goes to stderr.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; nothing is changed.")]
StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="The stream's name, as in coleta.toml.")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="STORE",
        help="Land in this store for once: a name from coleta.toml, a URL, or a path that begins with / or ./",
    ),
]


@dataclass(slots=True)
class Session:
    """The options before the command, and where to write."""

    screen: Screen = field(default_factory=Screen)
    project: Path = Path()
    debug: bool = False


def session_of(context: typer.Context, *, json: bool = False) -> Session:
    """The session of this call; with `json` its stdout is kept for one document."""
    session = context.ensure_object(Session)
    session.screen.json = json
    return session
