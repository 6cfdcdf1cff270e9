"""Stage 1, step 1: what follows from an accepted answer that cannot be used any more. Pure.

Nothing is skipped in silence: what can be asked for again is asked again, however late; of all else the log is to
say that an answer was accepted, and which file it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from coleta.collect.cadence import Plan
from coleta.collect.coverage import Coverage
from coleta.collect.request import carries_state, is_window
from coleta.collect.spool import Gap, Header, walk
from coleta.collect.tick import Interval, parse_tick_name
from coleta.errors import Corrupt, Retryable
from coleta.stream import Stream

DAMAGED = "damaged"
"""The reason of the gap that takes the place of an answer."""


class Unreadable(Retryable):
    """An accepted answer cannot be read just now, for a reason that is not its own. ``entry`` is its file's name."""

    code = "spool_unreadable"

    def __init__(self, what: str, *, entry: str, where: str | None = None, hint: str | None = None) -> None:
        """Say the same as any error, and of which entry."""
        super().__init__(what, where=where, hint=hint)
        self.entry = entry


@dataclass(frozen=True, slots=True)
class Lost:
    """A spool file that cannot be used, and ``why``. ``header`` is None where it cannot be read either."""

    name: str
    header: Header | None
    why: str = "fails its checks"

    @property
    def ends(self) -> str:
        """The tick that its name says, as text; empty for gaps, whose name says only one of them."""
        tick, _, rest = self.name.partition("-")
        return "" if rest.startswith("gap-") else tick


def header_in(name: str, file: BinaryIO) -> Header | None:
    """The header of the spool file `name`, if that much of it can be read. Reads no more than that."""
    try:
        first = next(walk(name, file))
    except (Corrupt, OSError):
        return None
    return first if isinstance(first, Header) else None


def can_be_asked_again(stream: Stream) -> bool:
    """Whether another answer covers what a lost one did: it names the interval, or takes up where one ended."""
    return is_window(stream.source) or carries_state(stream.source)


def still_open(lost: Iterable[Lost], plan: Plan, covered: Coverage) -> tuple[Lost, ...]:
    """Those of `lost` whose ticks have no outcome yet: the others are a matter for an audit only."""

    def is_open(one: Lost) -> bool:
        if one.header is None:
            return any(_same_end(one, tick) for tick in (*plan.ask, *plan.missed))
        ticks = (gap.tick for gap in one.header.gaps) if one.header.tick is None else (one.header.tick,)
        return any(not covered.covers(tick) for tick in ticks)

    return tuple(filter(is_open, lost))


def make_good(plan: Plan, lost: Sequence[Lost], covered: Coverage, stream: Stream) -> tuple[Plan, tuple[Gap, ...]]:
    """What of `plan` is to be done now, and the gaps to be written down first, in order.

    `covered` is what the plan was made from. A tick that a gap takes away from the plan comes again in the next
    one, as far as the gap leaves something of it.
    """
    if carries_state(stream.source):
        # Its next answer takes up where the last one that is left has ended.
        return plan, ()
    if is_window(stream.source):
        again = [tick for tick in plan.missed if any(_is_about(one, tick) for one in lost)]
        ask = tuple(sorted({*plan.ask, *again}, key=lambda tick: tick.end))
        return replace(plan, ask=ask, missed=tuple(tick for tick in plan.missed if tick not in again)), ()
    gaps: list[Gap] = []
    for one in lost:
        for gap in _gaps_for(one, plan):
            parts = covered.uncovered(gap.tick)
            gaps += [replace(gap, tick=part) for part in parts]
            covered = covered.union(parts)
    gone = Coverage.of(gap.tick for gap in gaps)

    def left(ticks: Iterable[Interval]) -> tuple[Interval, ...]:
        return tuple(tick for tick in ticks if not gone.overlaps(tick))

    rest = replace(plan, ask=left(plan.ask), missed=left(plan.missed))
    return rest, tuple(sorted(gaps, key=lambda gap: gap.tick.end))


def _is_about(lost: Lost, tick: Interval) -> bool:
    if lost.header is None:
        return _same_end(lost, tick)
    return lost.header.tick is not None and lost.header.tick.overlaps(tick)


def _gaps_for(lost: Lost, plan: Plan) -> Iterator[Gap]:
    """The gaps that say what was lost; of lost gaps, they themselves."""
    detail = f"an answer was accepted, and its file {lost.name} {lost.why}"
    if lost.header is None:
        yield from (Gap(tick, DAMAGED, detail) for tick in (*plan.ask, *plan.missed) if _same_end(lost, tick))
    elif lost.header.tick is None:
        yield from lost.header.gaps
    else:
        yield Gap(lost.header.tick, DAMAGED, detail)


def _same_end(lost: Lost, tick: Interval) -> bool:
    try:
        return parse_tick_name(lost.ends) == tick.end
    except ValueError:
        return False
