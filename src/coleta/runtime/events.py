"""What the runtime tells while it works. Values only; who listens decides what is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from coleta.audit.alerts import Incident
from coleta.collect.spool import Gap, Spooled
from coleta.collect.tick import Interval
from coleta.land.commit import Committed


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream is ready to be collected; ``seq`` is the newest commit known."""

    stream: str
    uuid: str
    seq: int


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a tick begins."""

    stream: str
    tick: Interval
    page: int
    attempt: int
    url: str


@dataclass(frozen=True, slots=True)
class AskAgain:
    """What came is not to be kept; the API is asked again after a wait."""

    stream: str
    tick: Interval
    reason: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer is durable in the spool: ``records`` are counted by shape only, not yet checked."""

    stream: str
    entry: Spooled
    records: int


@dataclass(frozen=True, slots=True)
class Doubted:
    """A whole answer looks wrong to the stream's checks: ``what`` says why. It is taken, unless ``rejected``."""

    stream: str
    tick: Interval
    what: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class Gapped:
    """Ticks ended without an answer, and that is durable in the spool."""

    stream: str
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit of ours exists; ``name`` is its object's, below the stream's path."""

    stream: str
    committed: Committed


@dataclass(frozen=True, slots=True)
class Damaged:
    """The file ``name`` of an accepted answer cannot be used; its tick is asked again, or else ends as a gap."""

    stream: str
    name: str
    what: str
    asked_again: bool


@dataclass(frozen=True, slots=True)
class Superseded:
    """An accepted answer lost to one landed first, and is kept under ``name``."""

    stream: str
    entry: Spooled
    name: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """An answer that another machine archived, and did not land, waits here now; ``name`` is its copy's."""

    stream: str
    entry: Spooled
    name: str


@dataclass(frozen=True, slots=True)
class Maintained:
    """A round of upkeep has ended: so many files were given up by the log, so many deleted, so many objects retired."""

    stream: str
    expired: int
    deleted: int
    retired: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something does not work now and is tried again at ``until``; nothing is lost meanwhile."""

    stream: str
    where: str
    what: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stream is given up until a person acts; ``what`` says why."""

    stream: str
    what: str


@dataclass(frozen=True, slots=True)
class Published:
    """The stream's table holds the log up to commit ``seq`` now: ``objects`` with ``rows`` in all were new to it."""

    stream: str
    objects: int
    rows: int
    seq: int


@dataclass(frozen=True, slots=True)
class TableStopped:
    """Nothing more comes into the stream's table until a person acts; collecting and landing go on."""

    stream: str
    what: str


@dataclass(frozen=True, slots=True)
class Alerted:
    """A person is told of an incident, if the project says how."""

    stream: str
    incident: Incident


Event = (
    Opened
    | Asking
    | AskAgain
    | Accepted
    | Doubted
    | Gapped
    | Landed
    | Damaged
    | Superseded
    | Adopted
    | Maintained
    | Trouble
    | Stopped
    | Published
    | TableStopped
    | Alerted
)
