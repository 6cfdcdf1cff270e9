"""An order to ask for open gaps again: for ``coleta gaps --fill`` and for Python's ``Project.fill`` alike.

Each gap is a tick of its own and ends as ``run --tick`` would end it, so being cut off anywhere is safe, and being
called again goes on with what is still open. Shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.cli.settling import Result, Told, settle_interval
from coleta.errors import AuthRefused, ColetaError

if TYPE_CHECKING:
    from coleta.audit.account import TickLine
    from coleta.cli.app import App
    from coleta.runtime.events import Event
    from coleta.runtime.questions import Books
    from coleta.runtime.station import Station

MOST = 1_000
"""Ticks asked for in one call, unless said otherwise: 16 hours of minutes."""

UNANSWERED = 3
"""After so many in a row without an answer the others are left for later: each may take its whole deadline."""


@dataclass(frozen=True, slots=True)
class Span:
    """Ticks by their ends, from ``since`` to ``until``, both included."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, line: TickLine) -> bool:
        """Whether the tick of `line` is one of them."""
        end = line.account.tick.end
        return (self.since is None or self.since <= end) and (self.until is None or end <= self.until)


@dataclass(slots=True)
class Filled:
    """What came of it: each tick asked for with its result, how many gaps remain, and what stopped it early, if so."""

    stream: str
    asked: int = 0
    results: list[Result] = field(default_factory=list)
    remaining: int = 0
    behind: int = 0
    """Of those that remain: how many lie before where the answers of a stream with state have come to, for good."""
    stopped: ColetaError | None = None

    @property
    def answered(self) -> list[Result]:
        """The ticks that have an answer now, whatever it held."""
        return [one for one in self.results if one.state not in ("gap", "waiting")]


def span_of(since: str | None, until: str | None) -> Span:
    """The ticks from `since` to `until`, named as for ``run --tick``.

    Raises:
        WrongQuestion: one is no tick's name.

    """
    from coleta.cli.meant import given_tick

    return Span(given_tick(since), given_tick(until))


def fill(
    app: App,
    books: Books,
    span: Span,
    *,
    limit: int = MOST,
    dry_run: bool = False,
    tell: Callable[[Event], None],
    progress: Callable[[int, int], None],
) -> Filled:
    """Ask for the open gaps of a stream again, oldest first, `limit` of them at most.

    Raises:
        Busy: another process collects the stream.
        SpoolRefused, Corrupt, WrongClock: no tick can be tried.

    """
    from coleta.runtime.publisher import publish_now

    stream = books.stream
    lines = [line for line in books.gaps() if span.holds(line)]
    filled = Filled(stream.name, remaining=len(lines))
    if dry_run or not lines:
        filled.asked = min(len(lines), limit) if dry_run else 0
        return filled
    told = Told(tell)
    with app.station(stream, told.tell) as station:
        _ask_all(station, lines[:limit], told, filled, progress)
        filled.stopped = filled.stopped or publish_now(station)
        filled.remaining = sum(_is_open(station, line) for line in lines)
    return filled


def _ask_all(
    station: Station, lines: list[TickLine], told: Told, filled: Filled, progress: Callable[[int, int], None]
) -> None:
    from coleta.collect.request import carries_state
    from coleta.runtime.orders import ask_again, check_clock

    check_clock(station)
    in_a_row = 0
    # A stream that carries state takes up where its answers have come to: its newest gap covers the others.
    newest_first = carries_state(station.stream.source)
    for done, line in enumerate(reversed(lines) if newest_first else lines):
        progress(done, len(lines))
        again = ask_again(station, line.open)
        filled.behind += newest_first and not again and _is_open(station, line)
        for tick in again:
            filled.asked += 1
            result = settle_interval(station, tick, told)
            filled.results.append(result)
            in_a_row = in_a_row + 1 if result.state in ("gap", "waiting") else 0
            if isinstance(result.error, AuthRefused) or result.state == "waiting" or in_a_row == UNANSWERED:
                filled.stopped = result.error
                return


def _is_open(station: Station, line: TickLine) -> bool:
    from coleta.runtime.log import known_head

    answered = known_head(station.index, station.identity).answered
    return any(answered.uncovered(part) for part in line.open)
