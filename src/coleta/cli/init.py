"""``coleta init``: a first project, which collects the purchases API."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.program import program
from coleta.cli.session import session_of


def init_command(doors: Doors) -> Callable[..., None]:
    """The command ``init``."""

    def init(
        context: typer.Context,
        folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where; made if missing.")] = Path(),
    ) -> None:
        """Write a first project into a folder: coleta.toml, .env.example and .gitignore.

        It collects the purchases API of "coleta mock". A file that is there already is never overwritten.
        """
        screen = session_of(context).screen
        written = doors.write_example(folder)
        coleta = program()
        there = coleta if folder == Path() else f"{coleta} -C {shlex.quote(str(folder))}"
        screen.note(f"wrote {written}; every key in it is explained there")
        screen.note("next:")
        screen.note(f"  {coleta} mock     in another terminal: serves the purchases API, which it collects")
        screen.note(f"  {there} check     tries the project out: file, contract, API and store")
        screen.note(f"then {there} up collects until Ctrl-C")

    return init
