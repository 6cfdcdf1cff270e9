"""Stage 1 at work: holds a whole answer against its stream's checks, and finds the answer before it."""

from __future__ import annotations

from datetime import datetime

from coleta.collect.plausible import Doubt, Seen, weigh
from coleta.collect.tick import Interval
from coleta.land.record import Outcome
from coleta.runtime.station import Station
from coleta.stream import Checks

LOOKED_BACK = 100
"""In how many of the newest commits the answer before is looked for: this is done for each tick, and reads them."""


def doubt_of(station: Station, tick: Interval, seen: Seen) -> Doubt | None:
    """What the stream's checks hold against `seen`, the answer for `tick`. Reads nothing where they ask for nothing."""
    checks = station.stream.checks
    if checks == Checks():
        return None
    return weigh(checks, seen, answer_before(station, tick) if checks.on_same != "accept" else None)


def answer_before(station: Station, tick: Interval) -> str | None:
    """The response digest of the newest answer of an earlier tick, in the spool or committed, that was the data.

    It was the data, too, where all its records broke the contract: the same bytes again say no more than before.
    """
    found: list[tuple[datetime, str]] = []
    # The spool before the index: what is landed in between is then seen twice, never not at all.
    for entry in station.spool.contents().waiting:
        if entry.trailer.response is not None and entry.trailer.wrong is None and not entry.unchanged:
            found += [(one.end, entry.trailer.response) for one in entry.intervals]
    for committed in station.index.commits(newest=LOOKED_BACK):
        for account in committed.record.accounts:
            if account.response is not None and (account.received or account.outcome in (Outcome.OK, Outcome.EMPTY)):
                found.append((account.tick.end, account.response))
    earlier = [one for one in found if one[0] < tick.end]
    return max(earlier)[1] if earlier else None
