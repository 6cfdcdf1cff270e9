"""``coleta move``: a stream's log, with all that it names, goes on at another place. The old one is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.app import NeverStarted
from coleta.cli.doors import Doors
from coleta.cli.rename import show_edit
from coleta.cli.session import DryRunOption, JsonOption, StreamArgument, session_of
from coleta.errors import Misconfigured

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.cli.screen import Screen
    from coleta.runtime.events import Event
    from coleta.runtime.redrive import Progress
    from coleta.stream import Stream


@dataclass(frozen=True, slots=True)
class Relocated:
    """What a move has done, or would do: from where to where, how many commits the log has, what was copied."""

    stream: str
    was: str
    now: str
    commits: int
    copied: int
    """Objects and files that this call has put into the new place; of a dry run, that there are to be copied."""
    waiting: int
    """Answers and gaps in this machine's spool: they land in the new place."""
    changed: bool
    """Whether the project file is, or would be, another one."""


def silent(event: Event) -> None:
    """Tell nobody: the command says in the end what it did."""


def move_command(doors: Doors) -> Callable[..., None]:
    """The command ``move``."""

    def move(
        context: typer.Context,
        stream: StreamArgument,
        *,
        to: Annotated[
            str | None,
            typer.Option(
                "--to",
                metavar="STORE",
                help="The new store: a name from coleta.toml, a URL, or a path that begins with / or ./",
            ),
        ] = None,
        path: Annotated[
            str | None, typer.Option("--path", metavar="PATH", help="The new path in the store. Default: as it is.")
        ] = None,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Let a stream's log go on at another place: copy it, end it where it lies, and write that into coleta.toml.

        Nothing is deleted in the old place. Cut off anywhere, run it again.
        """
        from coleta.cli.progress import progress_of

        if to is None and path is None:
            raise typer.BadParameter("say where to: --to STORE, --path PATH, or both", param_hint="--to")
        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, None)
        edited = app.moved(stream, to=to, path=path)
        with progress_of(screen) as progress:

            def bar(done: int, total: int) -> None:
                progress(f"move {stream}", done, total)

            found = relocate(app, stream, to=to, path=path, dry_run=dry_run, progress=bar)
        if json:
            value = {key: getattr(found, key) for key in Relocated.__slots__}
            screen.document({**value, "dry_run": dry_run})
            return
        show_edit(screen, edited)
        _tell(screen, found, dry_run=dry_run)

    return move


def relocate(
    app: App,
    name: str,
    *,
    to: str | None,
    path: str | None,
    dry_run: bool,
    progress: Progress = lambda done, total: None,
) -> Relocated:
    """Move the stream `name`; where it lies there already, copy what others have left behind.

    Raises:
        Busy: another process collects the stream.
        Misconfigured: the place cannot be had, or there is no project file.
        StoreUnavailable, Corrupt, SpoolRefused: called again, it goes on where it was.

    """
    from coleta.runtime.moving import move, place_of

    edited = app.moved(name, to=to, path=path)
    old, new = app.stream(name), edited.stream(name)
    was, now = str(place_of(old)), str(place_of(new))
    if was == now:
        return _gathered(app, old, dry_run=dry_run)
    if dry_run:
        return _foreseen(app, old, new, changed=edited.changed)
    with app.passage(old, new, silent) as passage:
        done = move(passage, progress=progress)
        edited.write()
    return Relocated(name, was, now, done.commits, done.copied, _waiting(app, old), edited.changed)


def _gathered(app: App, stream: Stream, *, dry_run: bool) -> Relocated:
    """The stream lies there by its file: once more look for what came into the old place after the log had gone."""
    from coleta.land.moving import ORIGIN_NAME, Origin
    from coleta.runtime.moving import gather, place_of

    now = str(place_of(stream))
    store = app.place(stream)
    stored = None if store is None else store.read(ORIGIN_NAME)
    if stored is None:
        return Relocated(stream.name, now, now, 0, 0, _waiting(app, stream), False)
    origin = Origin.from_json(stored).place
    left = app.place(replace(stream, store=origin.store, path=origin.path))
    copied = 0
    if store is not None and left is not None and not dry_run:
        copied = gather(left, store, app.shelves(stream).index)
    return Relocated(stream.name, str(origin), now, 0, copied, _waiting(app, stream), False)


def _foreseen(app: App, old: Stream, new: Stream, *, changed: bool) -> Relocated:
    from coleta.cli.reading import books_of
    from coleta.runtime.moving import place_of, taken_by

    was, now = str(place_of(old)), str(place_of(new))
    try:
        books = books_of(app, old)
    except NeverStarted:
        return Relocated(old.name, was, now, 0, 0, 0, changed)
    there = app.place(new)
    why = None if there is None else taken_by(there, books.identity)
    if why is not None:
        raise Misconfigured(why, where=now, hint="choose another place, where nothing lies")
    records = [one.record for one in books.commits if one.record.goes_on is None]
    terms = {record.terms for record in records}
    files = sum(len(record.quarantine) + len(record.archive) + 1 for record in records)
    return Relocated(old.name, was, now, len(records), files + len(terms), len(books.spool.waiting), changed)


def _waiting(app: App, stream: Stream) -> int:
    try:
        return len(app.shelves(stream).spool.waiting)
    except NeverStarted:
        return 0


def _tell(screen: Screen, found: Relocated, *, dry_run: bool) -> None:
    if found.was == found.now or (dry_run and not found.changed):
        screen.out(f"{found.stream}: nothing to do, it lies in {found.now}")
        return
    if not found.changed:
        left = (
            f"{found.copied} files that others had left in {found.was} were copied" if found.copied else "nothing to do"
        )
        screen.out(f"{found.stream}: it lies in {found.now} already; {left}")
        return
    would = "would go on" if dry_run else "goes on"
    screen.out(f"{found.stream}: its log, {found.commits} commits, {would} in {found.now}")
    copied = "would be copied" if dry_run else "copied now"
    screen.out(f"  {found.copied} objects and files {copied}; {found.waiting} answers or gaps wait, and land there")
    if not dry_run:
        screen.note(
            f"{found.was} is as it was, but for a last object that says where the log went.\n"
            "On every other machine that collects it, run the same command, or change coleta.toml as above. Then run\n"
            "it here once more, to take along what they had left there, before you remove the old place"
        )
