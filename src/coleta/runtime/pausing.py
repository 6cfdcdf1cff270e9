"""Pausing a stream on this machine: remembered in a note beside the spool, which a running collector reads.

No lock is needed: the note is replaced as a whole, and read anew whenever a tick has come due. Landing goes on.
"""

from __future__ import annotations

from datetime import datetime

from coleta.collect.pauses import Pauses
from coleta.ports import Notes

NOTE = "paused"


def read_pauses(notes: Notes | None) -> Pauses:
    """What is remembered of a stream's pauses.

    Raises:
        Misconfigured: it cannot be read.

    """
    return Pauses() if notes is None else Pauses.from_json(notes.recall(NOTE))


def set_paused(notes: Notes, now: datetime, *, paused: bool) -> Pauses:
    """Pause a stream, or let it go on; what is remembered then. Where it is so already, nothing is written.

    Raises:
        SpoolRefused: the disk did not take it; nothing has changed.
        Misconfigured: what is remembered cannot be read.

    """
    before = read_pauses(notes)
    after = before.begun(now) if paused else before.ended(now)
    if after != before:
        notes.remember(NOTE, after.to_json())
    return after
