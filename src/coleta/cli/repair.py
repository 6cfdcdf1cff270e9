"""``coleta repair``: put right what of ``verify``'s findings can be proved, and say what a person must do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.app import NeverStarted
from coleta.cli.doors import Doors
from coleta.cli.meant import AnyStreamArgument
from coleta.cli.mending import repair_stream
from coleta.cli.progress import progress_of
from coleta.cli.screen import Screen, error_value
from coleta.cli.session import DryRunOption, JsonOption, session_of
from coleta.errors import ColetaError, Corrupt

if TYPE_CHECKING:
    from coleta.runtime.repair import Repairs


def repair_command(doors: Doors) -> Callable[..., None]:
    """The command ``repair``."""

    def repair(
        context: typer.Context,
        stream: AnyStreamArgument = None,
        *,
        source: Annotated[
            str | None,
            typer.Option(
                "--from",
                metavar="STORE",
                help="Take what is missing from this copy of the store: a name from coleta.toml, a URL, or a path.",
            ),
        ] = None,
        data: Annotated[bool, typer.Option("--data", help="Look at every byte, too, as verify --data does.")] = False,
        dry_run: DryRunOption = False,
        json: JsonOption = False,
    ) -> None:
        """Put right what of verify's findings can be proved, overwrite nothing, and say what a person must do.

        Exit status 0: no damage is left. 76: some is. 75: the stream is being collected, or could not be looked at.
        """
        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, None)
        done: list[tuple[str, Repairs | ColetaError]] = []
        for one in app.streams if stream is None else [app.stream(stream)]:
            with progress_of(screen) as progress:

                def tell(seq: int, name: str = one.name) -> None:
                    progress(f"repair {name}", seq, seq)

                outcome: Repairs | ColetaError
                try:
                    outcome = repair_stream(app, one, source=source, dry_run=dry_run, data=data, progress=tell)
                except NeverStarted as error:
                    if stream is not None:
                        raise
                    screen.out(f"{error.what}, so there is nothing to repair")
                    continue
                except ColetaError as error:
                    outcome = error
            _show(screen, one.name, outcome)
            done.append((one.name, outcome))
        status = _status([outcome for _, outcome in done])
        if json:
            screen.document(
                {"dry_run": dry_run, "sound": status == 0, "streams": [_value(name, outcome) for name, outcome in done]}
            )
        if status:
            raise typer.Exit(status)

    return repair


def _status(outcomes: list[Repairs | ColetaError]) -> int:
    """Damage before doubt."""
    statuses = [
        one.exit_status if isinstance(one, ColetaError) else 0 if one.sound else Corrupt.exit_status for one in outcomes
    ]
    return Corrupt.exit_status if Corrupt.exit_status in statuses else next((one for one in statuses if one), 0)


def _show(screen: Screen, name: str, outcome: Repairs | ColetaError) -> None:
    if isinstance(outcome, ColetaError):
        screen.out(f"{name}: NOT REPAIRED: {outcome}", style="bad")
        if outcome.hint:
            screen.out(f"  {outcome.hint}")
        return
    would = "would be put right" if outcome.dry_run else "put right"
    screen.out(
        f"{name}: {len(outcome.done)} {would}, {len(outcome.left)} for a person to do",
        style="good" if outcome.sound else "bad",
    )
    for mended in outcome.done:
        screen.out(f"  {'would' if outcome.dry_run else 'done'}  {mended.code}  {mended.where}: {mended.what}")
    for left in outcome.left:
        screen.out(f"  left  {left.finding.code}  {left.finding.where}: {left.finding.what}", style="bad")
        screen.out(f"        {left.step}")


def _value(name: str, outcome: Repairs | ColetaError) -> dict[str, object]:
    if isinstance(outcome, ColetaError):
        return {"stream": name, "sound": None, "error": error_value(outcome)}
    return {
        "stream": name,
        "sound": outcome.sound,
        "done": [{"code": one.code, "where": one.where, "what": one.what} for one in outcome.done],
        "left": [
            {"code": one.finding.code, "where": one.finding.where, "what": one.finding.what, "step": one.step}
            for one in outcome.left
        ],
        "error": None,
    }
