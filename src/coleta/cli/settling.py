"""An order to settle one tick, and what it means: for ``coleta run`` and for Python's ``Project.run`` alike.

Promises a ``Result`` whose error, if any, is what the order's exit status or exception is. Shows nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coleta.cli.verdict import gap_error, over_budget
from coleta.collect.lost import Unreadable
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
    """What an order says in the end: what became of the tick, and the error that is the exit status, if any."""

    stream: str
    tick: Interval
    state: str
    settlement: Settlement | None = None
    gap: Gap | None = None
    error: ColetaError | None = None


def settle_tick(station: Station, name: str | None, told: Told) -> Result:
    """Settle the tick `name`, or one of this instant; `told` has been told all that the station tells.

    Raises:
        Misconfigured: that tick cannot be asked.
        SpoolRefused, Corrupt: nothing was accepted; or what was is damaged.

    """
    from coleta.runtime.orders import choose_tick, settled_tick
    from coleta.runtime.publisher import publish_now

    settled = settled_tick(station, name) if name is not None else None
    if settled is not None:
        result = Result(station.stream.name, settled.tick, "settled_before", settled)
    else:
        result = settle_interval(station, choose_tick(station, name), told)
    stopped = publish_now(station) if station.table is not None else None
    return replace(result, error=result.error or stopped)


def settle_interval(station: Station, tick: Interval, told: Told) -> Result:
    """Settle `tick`, of which no answer has settled anything yet; see ``settle_tick``.

    Raises:
        SpoolRefused, Corrupt: nothing was accepted; or what was is damaged.

    """
    from coleta.runtime.orders import settle

    stream = station.stream
    try:
        settlement = settle(station, tick, cancelled=threading.Event())
    except (StoreUnavailable, Doubtful, Unreadable) as error:
        return _kept(stream, tick, told, error)
    return _judged(stream, settlement, told)


def _kept(stream: Stream, tick: Interval, told: Told, error: ColetaError) -> Result:
    """It is not landed: all that was accepted, or written down as a gap, is in the spool."""
    gap = _gap_of(tick, told)
    if gap is not None:
        return Result(stream.name, tick, "waiting", gap=gap, error=gap_error(gap.reason, gap.detail, tick=when(tick)))
    kept = Retryable(
        f"the answer is accepted and safe in the spool, but not landed: {error.what}",
        where=error.where or stream.store,
        hint="nothing needs to be asked again: the next `coleta run` or `coleta up` lands it",
    )
    return Result(stream.name, tick, "waiting", error=kept)


def _judged(stream: Stream, settlement: Settlement, told: Told) -> Result:
    from coleta.land.record import Outcome

    tick, account = settlement.tick, settlement.account
    gap = _gap_of(tick, told)
    if gap is not None and (account is None or account.outcome is Outcome.GAP):
        # What was told just now: of a gap that is asked for again, the log has the first reason.
        error = gap_error(gap.reason, gap.detail, tick=when(tick))
        return Result(stream.name, tick, "gap", settlement, gap, error)
    if account is None:
        return Result(stream.name, tick, "superseded" if told.superseded else "settled_before", settlement)
    state = str(account.outcome)
    where = settlement.committed.name if settlement.committed else stream.path
    match account.outcome:
        case Outcome.GAP:
            error = gap_error(account.reason or "unknown", account.detail, tick=when(tick))
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
    return next((gap for gap in reversed(told.gaps) if gap.tick == tick), None)


def when(tick: Interval) -> str:
    """The tick as people write it."""
    return format_instant(tick.end)
