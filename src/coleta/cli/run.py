"""``coleta run``: settles one tick, from the request to the commit. Ordering a settled tick again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.rename import tell_strays
from coleta.cli.screen import Screen, error_value
from coleta.cli.session import JsonOption, StoreOption, StreamArgument, session_of
from coleta.cli.settling import Result, Told, settle_tick, when

if TYPE_CHECKING:
    from coleta.runtime.events import Event


def run_command(doors: Doors) -> Callable[..., None]:
    """The command ``run``."""

    def run(
        context: typer.Context,
        stream: StreamArgument,
        *,
        tick: Annotated[
            str | None,
            typer.Option(
                "--tick",
                metavar="TICK",
                help="Settle this tick: 2026-11-24T12:00:00Z. Nothing happens if it is settled.",
            ),
        ] = None,
        now: Annotated[
            bool, typer.Option("--now", help="Ask at this instant, on no schedule. The default without --tick.")
        ] = False,
        to: StoreOption = None,
        json: JsonOption = False,
    ) -> None:
        """Settle one tick of a stream now: ask, check and land it, and say what became of it."""
        if now and tick is not None:
            raise typer.BadParameter("--tick and --now exclude each other", param_hint="--now")
        session = session_of(context, json=json)
        screen = session.screen
        app = doors.open_app(session.project, to)
        tell_strays(screen, app)
        one = app.stream(stream)
        told = Told(teller(screen))
        with app.station(one, told.tell) as station:
            result = settle_tick(station, tick, told)
        if json:
            screen.document(_value(result))
        else:
            screen.out(_sentence(result))
        if result.error is not None:
            raise result.error

    return run


def teller(screen: Screen) -> Callable[[Event], None]:
    """Shows on `screen` what happens meanwhile."""
    from coleta.cli.narrator import Narrator

    narrator = Narrator()

    def show(event: Event) -> None:
        for line in narrator.lines(event, datetime.now(UTC)):
            screen.note(line.text, style=line.style)

    return show


def _sentence(result: Result) -> str:
    from coleta.cli.narrator import counts

    begin = f"{result.stream} tick {when(result.tick)}"
    account = result.settlement.account if result.settlement else None
    committed = result.settlement.committed if result.settlement else None
    match result.state:
        case "settled_before":
            became = f", {account.outcome}, {counts(account)}" if account else ""
            return f"{begin}: settled before{became}; nothing was done"
        case "superseded":
            return f"{begin}: superseded, since another answer was landed first"
        case "waiting":
            return f"{begin}: waiting in the spool"
        case "gap":
            return f"{begin}: gap"
    landed = f" in {committed.name}" if committed else ""
    return f"{begin}: {result.state}, {counts(account)}{landed}" if account else f"{begin}: {result.state}"


def _value(result: Result) -> dict[str, object]:
    from coleta.cli.reading import account_value

    account = result.settlement.account if result.settlement else None
    committed = result.settlement.committed if result.settlement else None
    known: dict[str, object] = (
        account_value(account) if account else {"tick": result.tick.end, "start": result.tick.start}
    )
    if result.gap is not None:
        known |= {"outcome": "gap", "reason": result.gap.reason, "detail": result.gap.detail}
    return {
        "stream": result.stream,
        "state": result.state,
        **known,
        "seq": committed.record.seq if committed else None,
        "object": committed.name if committed else None,
        "quarantine": [file.path for file in committed.record.quarantine] if committed else [],
        "error": error_value(result.error),
    }
