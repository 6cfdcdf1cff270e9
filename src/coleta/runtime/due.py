"""Stage 1, step 1 at work: what is due now, from what the log, the spool and the clock say. Never asks for it."""

from __future__ import annotations

from datetime import datetime

from coleta.collect.cadence import Cadence, Chain, Plan, due, due_next, previous
from coleta.collect.coverage import Coverage
from coleta.collect.request import carries_state
from coleta.land.commit import Head, chain, newest_link
from coleta.ports import SpoolContents
from coleta.stream import Stream


def chain_of(stream: Stream, contents: SpoolContents, head: Head) -> Chain | None:
    """How far the stream's answers have come, in the spool and in the log; None for one that carries no state."""
    if not carries_state(stream.source):
        return None
    # Of the waiting answers only those that will land: where others took up the chain first, what waits beside
    # it is superseded, and whatever it alone covered must be asked again.
    links = {entry.name for entry in chain(contents.waiting, head)}
    landing = (entry for entry in contents.waiting if entry.header.carried is None or entry.name in links)
    answers = (tick for entry in landing if not entry.is_gap for tick in entry.intervals)
    begin = previous(stream.schedule, head.first_tick)
    return Chain(newest_link(contents.waiting, head), head.answered.union(answers), begin)


def covered_by(contents: SpoolContents, head: Head) -> Coverage:
    """What has an outcome, in the log or waiting in the spool."""
    return head.settled.union(interval for entry in contents.waiting for interval in entry.intervals)


def plan_of(stream: Stream, contents: SpoolContents, head: Head, now: datetime) -> Plan:
    """What `stream` is to do now. What waits in the spool counts as covered."""
    cadence, chain = Cadence.of(stream), chain_of(stream, contents, head)
    covered = covered_by(contents, head)
    if chain is None:
        return due(cadence, covered=covered, first_tick=head.first_tick, now=now)
    return due_next(cadence, covered=covered, chain=chain, first_tick=head.first_tick, now=now)
