"""``coleta rename``: a stream gets another name in coleta.toml. Its log, its place and what waits stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import Screen
from coleta.cli.session import DryRunOption, JsonOption, session_of

if TYPE_CHECKING:
    from coleta.cli.app import App, Edited


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a rename has done to the project file, or would do; ``store`` and ``path`` are where the stream lies."""

    stream: str
    was: str
    """The name that its log has, and its folder in the spool."""
    store: str
    path: str
    changed: bool


def rename_command(doors: Doors) -> Callable[..., None]:
    """The command ``rename``."""

    def rename(
        context: typer.Context,
        old: Annotated[str, typer.Argument(metavar="OLD", help="The stream's name in coleta.toml.")],
        new: Annotated[str, typer.Argument(metavar="NEW", help="The name that it is to have.")],
        *,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Give a stream another name in coleta.toml. Its log, its place and its spool stay as they are."""
        session = session_of(context, json=json)
        app = doors.open_app(session.project, None)
        edited = app.renamed(old, new)
        done = rename_in(app, old, new, dry_run=dry_run)
        if json:
            session.screen.document(
                {
                    "stream": done.stream,
                    "was": done.was,
                    "store": done.store,
                    "path": done.path,
                    "changed": done.changed,
                    "dry_run": dry_run,
                }
            )
            return
        show_edit(session.screen, edited)
        would = "would be renamed" if dry_run else "renamed"
        session.screen.out(f"{old} {would} to {new}" if done.changed else f"{new}: nothing to do, it has this name")

    return rename


def rename_in(app: App, old: str, new: str, *, dry_run: bool) -> Renamed:
    """Rename the stream `old` to `new` in the project file, unless it is a `dry_run`.

    Raises:
        Misconfigured: there is no such stream, the name cannot be had, or there is no file.
        SpoolRefused: the disk did not take the new file; the old one is there.

    """
    edited = app.renamed(old, new)
    if not dry_run:
        edited.write()
    stream = edited.stream(new)
    return Renamed(new, stream.log_name, stream.store, stream.path, edited.changed)


def show_edit(screen: Screen, edited: Edited) -> None:
    """Show the lines of the project file that change."""
    lines = unified_diff(edited.before.splitlines(), edited.after.splitlines(), "coleta.toml", "coleta.toml", "", "", 0)
    for line in list(lines)[2:]:
        if not line.startswith("@@"):
            screen.out(f"  {line[0]} {line[1:]}", style="good" if line[0] == "+" else "bad")


def tell_strays(screen: Screen, app: App) -> None:
    """Say on stderr what waits in the spool for streams that the project file does not name: never in silence."""
    for stray in app.strays():
        screen.note(f"warning: {stray}", style="warning")
