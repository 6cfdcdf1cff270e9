"""Events of the runtime as lines that a person reads. Pure: an event and the time go in, lines come out.

Promises a line for every tick's outcome, and one for each trouble when it begins and when it is over, however
often it is tried again in between. Never prints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import assert_never

from coleta.cli.screen import Style
from coleta.collect.spool import Gap, Spooled
from coleta.collect.tick import format_instant
from coleta.land.record import Account, Outcome
from coleta.runtime.events import (
    Accepted,
    Adopted,
    Alerted,
    AskAgain,
    Asking,
    Damaged,
    Doubted,
    Event,
    Gapped,
    Landed,
    Maintained,
    Opened,
    Published,
    Stopped,
    Superseded,
    TableStopped,
    Trouble,
)

GAPS_IN_FULL = 3
"""How many gaps of one cause get a line each; after a long outage thousands are written down at once."""

_OUTCOME_STYLES: dict[Outcome, Style] = {
    Outcome.OK: "good",
    Outcome.EMPTY: "plain",
    Outcome.UNCHANGED: "plain",
    Outcome.REJECTED: "bad",
    Outcome.GAP: "warning",
}

_BACK = {
    "store": "the store works again",
    "auth": "the API takes the credentials again",
    "spool": "the spool takes answers again",
    "clock": "the clock agrees with the store's again",
    "table": "the table takes what lands again",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line to show."""

    text: str
    style: Style = "plain"


class Narrator:
    """Tells what happens. The only state is which troubles have been told and are not over."""

    def __init__(self, *, waiting_shown: Collection[str] = (), brief: bool = False) -> None:
        """Begin; acceptance is told of the streams in `waiting_shown`, whose answers wait a while to be landed.

        `brief` leaves out dates and the stream's name, for one stream on one day.
        """
        self._waiting_shown = frozenset(waiting_shown)
        self._brief = brief
        self._troubles: dict[tuple[str, str], str] = {}

    def lines(self, event: Event, now: datetime) -> list[Line]:
        """What to say of `event`, at `now`."""
        if isinstance(event, Trouble) and self._is_known(event, now):
            return []
        told = [*self._recovered(event), *self._told(event)]
        return [Line(f"{self._time(now)}  {line.text}", line.style) for line in told]

    def _is_known(self, trouble: Trouble, now: datetime) -> bool:
        place = (trouble.stream, trouble.where)
        known = self._troubles.get(place) == trouble.what
        if trouble.until > now:
            # Else it is over already, such as a damaged file that has been set aside.
            self._troubles[place] = trouble.what
        return known

    def _recovered(self, event: Event) -> Iterator[Line]:
        over: tuple[str, ...]
        match event:
            case Landed() | Superseded():
                over = ("store",)
            case Accepted():
                over = ("spool", "auth")
            case Gapped():
                over = ("spool",)
            case Asking():
                over = ("clock",)
            case Published():
                over = ("table",)
            case _:
                return
        for where in over:
            if self._troubles.pop((event.stream, where), None) is not None:
                yield Line(self._of(event.stream, _BACK[where]), "good")

    def _told(self, event: Event) -> list[Line]:
        stream = event.stream
        match event:
            case Opened(_, uuid, seq):
                return [Line(self._of(stream, f"open, at commit {seq} of the log {uuid[:8]}"), "dim")]
            case Asking():
                return []
            case AskAgain(_, tick, reason, after):
                text = f"{self._tick(tick.end)}  asked again in {seconds(after)}: {reason}"
                return [Line(self._of(stream, text), "dim")]
            case Accepted(_, entry, records):
                return self._accepted(stream, entry, records)
            case Doubted(_, tick, what, rejected):
                text = f"{self._tick(tick.end)}  {'rejected' if rejected else 'taken, but it looks wrong'}: {what}"
                return [Line(self._of(stream, text), "bad" if rejected else "warning")]
            case Gapped(_, gaps):
                return [Line(self._of(stream, text), "warning") for text in self._gaps(gaps)]
            case Landed(_, committed):
                accounts = [one for one in committed.record.accounts if one.outcome is not Outcome.GAP]
                return [
                    Line(self._of(stream, self._landed(one, committed.name)), _OUTCOME_STYLES[one.outcome])
                    for one in accounts
                ]
            case Damaged(_, name, what, asked_again):
                then = "its tick is asked again" if asked_again else "its tick ends as a gap, unless it has an outcome"
                return [Line(self._of(stream, f"the accepted answer {name} {what}: {then}"), "bad")]
            case Superseded(_, entry, name):
                text = (
                    f"{self._tick(entry.intervals[0].end)}  superseded: another answer was landed first; kept as {name}"
                )
                return [Line(self._of(stream, text), "warning")]
            case Adopted(_, entry, name):
                text = f"{self._tick(entry.intervals[0].end)}  taken from the archive: nobody has landed {name}"
                return [Line(self._of(stream, text), "warning")]
            case Maintained(_, expired, deleted, retired):
                text = f"upkeep: {expired} files given up, {deleted} deleted; the rows of {retired} objects taken away"
                return [Line(self._of(stream, text))] * bool(deleted + retired)
            case Trouble(_, where, what, until):
                text = f"{where}: {what}; tried again at {self._time(until)}, nothing is lost meanwhile"
                return [Line(self._of(stream, text), "bad")]
            case Alerted(_, incident):
                text = f"ALERT {incident.state}: {incident.cause}, {incident.what}"
                return [Line(self._of(stream, text), "good" if incident.state == "recovered" else "bad")]
            case Stopped(_, what):
                return [Line(self._of(stream, f"given up, until a person acts: {what}"), "bad")]
            case Published(_, objects, rows, seq):
                text = f"table: {objects} more object(s) with {rows} rows; it holds the log up to commit {seq}"
                return [Line(self._of(stream, text), "dim")]
            case TableStopped(_, what):
                text = f"table: nothing more comes into it until a person acts, collecting goes on: {what}"
                return [Line(self._of(stream, text), "bad")]
        assert_never(event)

    def _accepted(self, stream: str, entry: Spooled, records: int) -> list[Line]:
        if stream not in self._waiting_shown:
            return []
        kept = "nothing new" if entry.unchanged else f"{records} records"
        if entry.trailer.wrong is not None:
            kept = f"not the data ({entry.trailer.wrong})"
        text = f"{self._tick(entry.intervals[0].end)}  accepted: {kept}, waiting in the spool to be landed"
        return [Line(self._of(stream, text), "dim")]

    def _gaps(self, gaps: Sequence[Gap]) -> Iterator[str]:
        for (reason, detail), same in groupby(gaps, key=lambda gap: (gap.reason, gap.detail)):
            listed = list(same)
            why = f"gap ({reason}): {detail}" if detail else f"gap ({reason})"
            if len(listed) > GAPS_IN_FULL:
                first, last = listed[0].tick.end, listed[-1].tick.end
                yield f"{len(listed)} ticks from {format_instant(first)} to {format_instant(last)}  {why}"
                continue
            for gap in listed:
                yield f"{self._tick(gap.tick.end)}  {why}"

    def _landed(self, account: Account, name: str) -> str:
        parts = [self._tick(account.tick.end), str(account.outcome), counts(account), name]
        if account.asked_at is not None and account.received_at is not None:
            parts.append(f"{(account.received_at - account.asked_at) / timedelta(milliseconds=1):.0f} ms")
        return "  ".join(parts)

    def _tick(self, end: datetime) -> str:
        return f"tick {self._time(end)}"

    def _time(self, instant: datetime) -> str:
        # Whole seconds: what is behind them tells a person nothing here.
        text = format_instant(instant.replace(microsecond=0))
        return text[11:19] if self._brief else text

    def _of(self, stream: str, text: str) -> str:
        return text if self._brief else f"{stream}  {text}"


def counts(account: Account) -> str:
    """The records of one tick by fate; what is nought is left out, but for what came."""
    if account.outcome is Outcome.REJECTED and not account.received:
        return account.reason or "not the data"
    if account.outcome is Outcome.UNCHANGED:
        return "nothing new since the answer before"
    parts = [f"{account.received} received", f"{account.landed} landed"]
    if account.quarantined:
        parts.append(f"{account.quarantined} quarantined")
    if account.deduplicated:
        parts.append(f"{account.deduplicated} came twice")
    if account.nulled:
        parts.append(f"{account.nulled} values nulled")
    return ", ".join(parts)


def seconds(span: timedelta) -> str:
    """``0.4 s``."""
    return f"{span.total_seconds():.1f} s"
