"""``coleta run``: settles one tick, from the request to the commit. Ordering a settled tick again changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coleta.cli.doors import Doors
from coleta.cli.screen import Screen, error_value
from coleta.cli.session import JsonOption, StoreOption, StreamArgument, session_of
from coleta.cli.verdict import gap_error, over_budget
from coleta.collect.tick import format_instant
from coleta.errors import ColetaError, Doubtful, OverBudget, Retryable, StoreUnavailable

if TYPE_CHECKING:
    from coleta.collect.spool import Gap
    from coleta.collect.tick import Interval
    from coleta.runtime.events import Event
    from coleta.runtime.orders import Settlement
    from coleta.runtime.station import Station
    from coleta.stream import Stream


@dataclass(slots=True)
class Told:
    """Shows events while they happen, and keeps the two that tell what a missing account means."""

    show: Callable[[Event], None]
    gaps: list[Gap] = field(default_factory=list)
    superseded: str | None = None

    def tell(self, event: Event) -> None:
        """Take an event."""
        from coleta.runtime.events import Gapped, Landed, Opened, Superseded

        match event:
            case Gapped(_, gaps):
                self.gaps.extend(gaps)
            case Superseded(_, _, name):
                self.superseded = name
            case Opened():
                return
            case Landed(_, committed) if len(committed.record.accounts) == 1:
                return  # the result says it; only what else was waiting is news
        self.show(event)


@dataclass(frozen=True, slots=True)
class Result:
    """What ``run`` says in the end: what became of the tick, and the error that is the exit status, if any."""

    stream: str
    tick: Interval
    state: str
    settlement: Settlement | None = None
    gap: Gap | None = None
    error: ColetaError | None = None


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
        one = app.stream(stream)
        told = Told(_teller(screen))
        with app.station(one, told.tell) as station:
            result = _settle(station, tick, told)
        if json:
            screen.document(_value(result))
        else:
            screen.out(_sentence(result))
        if result.error is not None:
            raise result.error

    return run


def _teller(screen: Screen) -> Callable[[Event], None]:
    from coleta.cli.narrator import Narrator

    narrator = Narrator()

    def show(event: Event) -> None:
        for line in narrator.lines(event, datetime.now(UTC)):
            screen.note(line.text, style=line.style)

    return show


def _settle(station: Station, name: str | None, told: Told) -> Result:
    from coleta.runtime.orders import choose_tick, settle, settled_tick

    stream = station.stream
    settled = settled_tick(station, name) if name is not None else None
    if settled is not None:
        return Result(stream.name, settled.tick, "settled_before", settled)
    tick = choose_tick(station, name)
    try:
        settlement = settle(station, tick, cancelled=threading.Event())
    except (StoreUnavailable, Doubtful) as error:
        return _kept(stream, tick, told, error)
    return _judged(stream, settlement, told)


def _kept(stream: Stream, tick: Interval, told: Told, error: ColetaError) -> Result:
    """The store did not take it: all that was accepted, or written down as a gap, is in the spool."""
    gap = _gap_of(tick, told)
    if gap is not None:
        return Result(stream.name, tick, "waiting", gap=gap, error=gap_error(gap.reason, gap.detail, tick=_when(tick)))
    kept = Retryable(
        f"the answer is accepted and safe in the spool, but not landed: {error.what}",
        where=error.where or stream.store,
        hint="nothing needs to be asked again: the next `coleta run` or `coleta up` lands it",
    )
    return Result(stream.name, tick, "waiting", error=kept)


def _judged(stream: Stream, settlement: Settlement, told: Told) -> Result:
    from coleta.land.record import Outcome

    tick, account = settlement.tick, settlement.account
    if account is None:
        gap = _gap_of(tick, told)
        if gap is not None:
            error = gap_error(gap.reason, gap.detail, tick=_when(tick))
            return Result(stream.name, tick, "gap", settlement, gap, error)
        return Result(stream.name, tick, "superseded" if told.superseded else "settled_before", settlement)
    state = str(account.outcome)
    where = settlement.committed.name if settlement.committed else stream.path
    match account.outcome:
        case Outcome.GAP:
            error = gap_error(account.reason or "unknown", account.detail, tick=_when(tick))
            return Result(stream.name, tick, state, settlement, error=error)
        case Outcome.REJECTED:
            why = f"all {account.received} records broke the contract" if account.received else account.reason
            rejected = OverBudget(
                f"rejected whole: {why}", where=where, hint="compare what is in the quarantine with the contract"
            )
            return Result(stream.name, tick, state, settlement, error=rejected)
    over = over_budget(stream, received=account.received, quarantined=account.quarantined, where=where)
    return Result(stream.name, tick, state, settlement, error=over)


def _gap_of(tick: Interval, told: Told) -> Gap | None:
    return next((gap for gap in told.gaps if gap.tick == tick), None)


def _when(tick: Interval) -> str:
    return format_instant(tick.end)


def _sentence(result: Result) -> str:
    from coleta.cli.narrator import counts

    begin = f"{result.stream} tick {_when(result.tick)}"
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
