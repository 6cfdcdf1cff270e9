"""``coleta quarantine replay`` and ``discard``: what to do about records that broke the contract."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument, ReasonOption, TickOption, given_tick
from coleta.cli.screen import Screen, table
from coleta.cli.session import DryRunOption, JsonOption, StreamArgument, session_of

if TYPE_CHECKING:
    from coleta.runtime.discard import Discarded
    from coleta.runtime.events import Event
    from coleta.runtime.redrive import Replayed, Wanted

_REPLAYED = ("STREAM", "TICK", "TAKEN UP", "LANDED", "STILL BROKEN", "DUPLICATES", "WHY NOT")
_DISCARDED = ("STREAM", "RECORDS", "REASONS", "FILE")


def silent(event: Event) -> None:
    """Tell nobody: the command says in the end what it did."""


def wanted_of(tick: str | None, reason: str | None) -> Wanted:
    """What the options ask for.

    Raises:
        WrongQuestion: `tick` is no tick's name.

    """
    from coleta.runtime.redrive import Wanted

    return Wanted(given_tick(tick), reason)


def replay_command(doors: Doors) -> Callable[..., None]:
    """The command ``quarantine replay``."""

    def replay(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        tick: TickOption = None,
        reason: ReasonOption = None,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Land what is in the quarantine and fits the contract as it is now. The rest stays there."""
        from coleta.cli.lifting import foresee_replay, jailed_streams, replay_stream
        from coleta.cli.progress import progress_of

        screen = session_of(context, json=json).screen
        app = doors.open_app(session_of(context, json=json).project, None)
        wanted = wanted_of(tick, reason)
        done: list[tuple[str, Replayed]] = []
        with progress_of(screen) as progress:
            for one, landed in jailed_streams(app, stream, wanted):

                def bar(count: int, total: int, name: str = one.name) -> None:
                    progress(f"replay {name}", count, total)

                if dry_run:
                    done.append((one.name, foresee_replay(landed, wanted, bar)))
                else:
                    done.append((one.name, replay_stream(app, one, wanted, tell=silent, progress=bar)))
        if json:
            screen.document({"dry_run": dry_run, "streams": [replayed_value(*each) for each in done]})
        else:
            _tell_replayed(screen, done, dry_run=dry_run)

    return replay


def _tell_replayed(screen: Screen, done: list[tuple[str, Replayed]], *, dry_run: bool) -> None:
    if not done:
        screen.note("nothing of that kind is in the quarantine")
        return
    rows = [
        (name, fate.jailed.account.tick.end, fate.received, fate.landed, fate.quarantined, fate.deduplicated, fate.why)
        for name, replayed in done
        for fate in replayed.fates
    ]
    screen.out(table(_REPLAYED, rows))
    landed = sum(replayed.landed for _, replayed in done)
    left = sum(replayed.left for _, replayed in done)
    would = "would land" if dry_run else "landed"
    screen.note(f"{landed} records {would}; {left} records or pages {'would stay' if dry_run else 'stay'} there")


def replayed_value(name: str, replayed: Replayed) -> dict[str, object]:
    """What a replay did, as it stands in JSON documents."""
    return {
        "stream": name,
        "landed": replayed.landed,
        "left": replayed.left,
        "objects": [committed.name for committed in replayed.commits],
        "answers": [
            {
                "tick": fate.jailed.account.tick.end,
                "answer": fate.jailed.account.answer,
                "taken_up": fate.why is None,
                "received": fate.received,
                "landed": fate.landed,
                "quarantined": fate.quarantined,
                "deduplicated": fate.deduplicated,
                "why": fate.why,
                "files": list(fate.jailed.paths),
            }
            for fate in replayed.fates
        ],
    }


def discard_command(doors: Doors) -> Callable[..., None]:
    """The command ``quarantine discard``."""

    def discard(
        context: typer.Context,
        stream: StreamArgument,
        *,
        tick: TickOption = None,
        reason: ReasonOption = None,
        dry_run: DryRunOption = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Give up what is in the quarantine: the log says so, and then the files are deleted, for ever."""
        from coleta.cli.lifting import discard_stream, foresee_discard
        from coleta.cli.progress import progress_of
        from coleta.cli.reading import landed_of

        screen = session_of(context, json=json).screen
        app = doors.open_app(session_of(context, json=json).project, None)
        one, wanted = app.stream(stream), wanted_of(tick, reason)
        found = foresee_discard(landed_of(app, one), wanted)
        _tell_discard(screen, stream, found)
        if not dry_run and found.files:
            _ask(yes=yes, count=sum(file.count for file in found.files))
        if not dry_run:
            # Also with nothing to give up now: a discard that was cut off may have left files behind.
            with progress_of(screen) as progress:
                found = discard_stream(
                    app, one, wanted, tell=silent, progress=lambda done, total: progress("discard", done, total)
                )
            screen.note(f"{found.deleted} files deleted")
        if json:
            screen.document({"stream": stream, "dry_run": dry_run, **_discarded_value(found)})

    return discard


def _tell_discard(screen: Screen, stream: str, found: Discarded) -> None:
    if found.files:
        rows = [(stream, file.count, ", ".join(file.reasons), file.path) for file in found.files]
        screen.out(table(_DISCARDED, rows))
    else:
        screen.note("nothing of that kind is in the quarantine")
    for file in found.mixed:
        screen.note(f"left alone: {file.path} holds records for other reasons too ({', '.join(file.reasons)})")


def _ask(*, yes: bool, count: int) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: add --yes to delete these for ever", param_hint="--yes")
    typer.confirm(f"Delete these {count} records or pages for ever?", abort=True, err=True)


def _discarded_value(found: Discarded) -> dict[str, object]:
    return {
        "files": [{"file": file.path, "count": file.count, "reasons": file.reasons} for file in found.files],
        "left_alone": [file.path for file in found.mixed],
        "deleted": found.deleted,
    }
