"""What one simulation is about: its machines, their schedules and clocks, and who dies or comes later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from coleta.contract.types import Contract, Field, Int, Rules, Str, Timestamp
from coleta.paging import PageNumber, SinglePage
from coleta.stream import Archive, CatchUp, Checks, Every, Landing, Source, Stream
from coleta.terms import Terms
from coleta.testing.bookkeeper import LandedAs

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NEAR_MIDNIGHT = datetime(2026, 11, 24, 23, 57, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NAME = "compras"
RENAMED = "vendas"
"""What people call the stream after they have renamed it in a project file. Its log keeps the name it began with."""

Kind = Literal["latest", "window", "placed", "since", "conditional"]
"""What a stream asks for: whatever is newest; the records of the tick's interval, which say nothing of time, or
which do; all since the newest that it knows; or all that there is, unless nothing has changed."""

NO_CHECKS = Checks()
REFUSING = ("retry", "reject")
"""What a check says of an answer that is not to be taken."""

_INVENTED = Contract((Field("id", Int()), Field("value", Int())))
_EVENTS = Contract((Field("id", Int()), Field("seq", Int()), Field("at", Timestamp()), Field("value", Int())))
_NOTE = Field("note", Str(), required=False)
_QUERIES: dict[Kind, str] = {
    "latest": "",
    "window": "?from={tick.start}&until={tick.end}",
    "placed": "?from={tick.start}&until={tick.end}",
    "since": "?since={cursor}",
    "conditional": "",
}
_CURSORS: dict[Kind, str | None] = {"placed": "at", "since": "seq"}


@dataclass(frozen=True, slots=True, order=True)
class Jump:
    """From ``after`` (since the start) on, the clock of a machine shows the true time and ``by``."""

    after: timedelta
    machine: int
    by: timedelta


Deeds = Literal["pause", "resume", "replay", "discard", "publish", "accept", "drop", "put_back", "restore"]


@dataclass(frozen=True, slots=True)
class Deed:
    """At ``after`` (since the start) a person pauses a machine, lets it go on, or sees to quarantine or table."""

    after: timedelta
    what: Deeds
    machine: int = 0


_KINDS: tuple[Kind, ...] = ("latest", "latest", "window", "placed", "since", "conditional")

Only = Literal["table", "conditional"]
"""What all worlds of a run may be asked to have."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one simulation is about. ``minutes`` is how long ticks come due; faults stop with it."""

    machines: int = 2
    minutes: int = 5
    every: tuple[timedelta, ...] = (MINUTE, MINUTE)
    land_every: timedelta = timedelta(0)
    catch_up: CatchUp = "latest"
    pages: int = 1
    kind: Kind = "latest"
    archive: Archive = "none"
    lease: bool = False
    lag: int = 0
    """How far behind the newest that it knows a stream asks."""
    start: datetime = NEAR_MIDNIGHT
    edits: bool = False
    """Whether people edit the project file between two lives of a process: its schedule, its terms."""
    dies_after: timedelta | None = None
    """When the first machine dies for good, and its disk with it."""
    joins_after: timedelta | None = None
    """When one more machine of the same project starts, with nothing on its disk."""
    jumps: tuple[Jump, ...] = ()
    """How clocks go wrong, in order of time. When the faults are over, all are right again."""
    guarded: bool = False
    """Whether each process compares its clock with the store's."""
    checks: Checks = NO_CHECKS
    """What a whole answer is held against. The API gives wrong ones only where they are found by it."""
    deeds: tuple[Deed, ...] = ()
    table: tuple[bool, ...] = ()
    """Which machines keep the stream's table up with its log, as ``every``; none: there is no table."""

    @classmethod
    def drawn(cls, random: Random, *, only: Only | None = None) -> Setting:
        """A setting as the seed has it, and what it is to have in any case."""
        machines = random.choice((1, 2, 2, 2, 3))
        minutes = random.choice((4, 6))
        start = NEAR_MIDNIGHT + random.choice((timedelta(0), 5 * HOUR))
        dies_after = minutes * MINUTE * random.random() if random.random() < 1 / 4 else None
        joins = random.random() < 1 / 6 or (dies_after is not None and machines == 1)
        drawn = cls(
            machines=machines,
            minutes=minutes,
            every=(MINUTE, random.choice((MINUTE, MINUTE, timedelta(seconds=90)))),
            land_every=random.choice((timedelta(0), timedelta(seconds=100))),
            catch_up=random.choice(("latest", "all", "none")),
            kind=(kind := random.choice(_KINDS) if only != "conditional" else "conditional"),
            pages=random.choice((1, 1, 2)) if kind in ("latest", "window") else 1,
            archive=random.choice(("none", "none", "none", "landed", "first")),
            lease=random.random() < 1 / 6,
            lag=random.choice((0, 0, 3)) if kind == "since" else 0,
            start=start,
            edits=random.random() < 1 / 3,
            dies_after=dies_after,
            joins_after=minutes * MINUTE * random.random() if joins else None,
            jumps=(jumps := _drawn_jumps(random, machines, minutes, start) if random.random() < 1 / 4 else ()),
            guarded=random.random() < (2 / 3 if jumps else 1 / 8),
            checks=_drawn_checks(random) if random.random() < 1 / 4 else NO_CHECKS,
            deeds=_drawn_deeds(random, machines, minutes) if random.random() < 1 / 3 else (),
        )
        return drawn._with_a_table(random, always=only == "table").consistent()

    def _with_a_table(self, random: Random, *, always: bool) -> Setting:
        """The same, in some cases with a table that some machines keep, and that people see to."""
        if random.random() >= 1 / 4 and not always:
            return self
        deeds, minute = list(self.deeds), self.minutes + 1
        for _ in range(random.choice((0, 1, 2, 3))):
            deeds.append(Deed(minute * MINUTE * random.random(), "publish", random.randrange(self.machines)))
        if random.random() < 1 / 4:
            what: Deeds = random.choice(("drop", "put_back", "restore"))
            deeds.append(Deed(minute * MINUTE * random.random(), what))
            for number in range(random.choice((0, 1, self.machines))):
                deeds.append(Deed(minute * MINUTE * random.random(), "accept", number))
        table = random.choice(((True,), (True,), (True, False), (False, True)))
        return replace(self, deeds=tuple(deeds), table=table)

    def consistent(self) -> Setting:
        """Without a check whose outcome nobody could foretell: one machine need not know what another was told.

        Nor may a person take up what is there already: that of two answers with the same bytes one is wrong, only
        the person can tell.
        """
        if (self.alone and "redrive" not in self.lifts) or self.checks.on_same not in REFUSING:
            return self
        return replace(self, checks=replace(self.checks, on_same="warn"))

    @property
    def alone(self) -> bool:
        """Whether one machine asks all there is, each answer by one request."""
        return self.machines == 1 and self.joins_after is None and self.pages == 1

    @property
    def lifts(self) -> frozenset[str]:
        """The kinds of commits by which people take up the quarantine, or give it up."""
        kinds = {"replay": "redrive", "discard": "expired"}
        return frozenset(kinds[deed.what] for deed in self.deeds if deed.what in kinds)

    @property
    def has_events(self) -> bool:
        """Whether the API gives the same records again."""
        return self.kind in ("placed", "since")

    @property
    def landed_as(self) -> LandedAs:
        """In what part its answers may be landed."""
        return "whole" if self.kind == "window" else "link" if self.kind in ("since", "conditional") else "parts"

    def clock_is_off_by(self, machine: int, now: datetime) -> timedelta:
        """How much the clock of `machine` shows beyond the true time `now`."""
        off = [jump.by for jump in self.jumps if jump.machine == machine and self.start + jump.after <= now]
        return off[-1] if off else timedelta(0)

    def next_jump(self, machine: int, now: datetime) -> datetime | None:
        """When the clock of `machine` jumps next."""
        coming = [self.start + jump.after for jump in self.jumps if jump.machine == machine]
        return next((at for at in coming if at > now), None)

    def keeps_table(self, number: int) -> bool:
        """Whether machine `number` keeps the table up with the log."""
        return bool(self.table) and self.table[number % len(self.table)]

    def stream(self, number: int) -> Stream:
        """The stream as the project file of machine `number` has it."""
        paging = PageNumber(max_pages=5) if self.pages > 1 else SinglePage()
        return Stream(
            name=NAME,
            project="sim",
            store="memory://",
            path="compras",
            source=Source(
                url=f"http://api.test/compras{_QUERIES[self.kind]}",
                paging=paging,
                deadline=MINUTE,
                cursor_start=0 if self.kind == "since" else None,
                lag=self.lag,
                conditional=self.kind == "conditional",
            ),
            schedule=Every(self.every[number % len(self.every)]),
            # Who joins has the contract that others get when somebody edits their project files.
            terms=self.terms(keyed=False, wide=number >= self.machines),
            catch_up=self.catch_up,
            landing=Landing(every=self.land_every),
            archive=self.archive,
            lease=self.lease,
            checks=self.checks,
            table="delta" if self.keeps_table(number) else None,
        )

    def terms(self, *, keyed: bool, mended: bool = False, wide: bool = False) -> Terms:
        """The terms of the project file, before or after somebody gave the stream a key, or `mended` its contract.

        Where there is a table, also before or after somebody made the contract `wide` by a column.
        """
        contract = _EVENTS if self.has_events else _INVENTED
        *others, value = contract.fields
        if self.table:
            # Its columns keep their types: what breaks the contract is out of bounds, and mended is what has none.
            value = value if mended else Field(value.name, value.type, rules=Rules(minimum=0))
            contract = Contract((*others, value, *((_NOTE,) if mended or wide else ())))
        elif mended:
            contract = Contract((*others, Field("value", Str())))
        return Terms(contract, key=("id",) if keyed else (), cursor=_CURSORS.get(self.kind))


def _drawn_jumps(random: Random, machines: int, minutes: int, start: datetime) -> tuple[Jump, ...]:
    wrong = (HOUR, -HOUR, EPOCH - start, timedelta(0))
    return tuple(
        sorted(
            Jump(minutes * MINUTE * random.random(), random.randrange(machines), random.choice(wrong))
            for _ in range(random.choice((1, 2, 3)))
        )
    )


def _drawn_checks(random: Random) -> Checks:
    return Checks(
        min_rows=random.choice((None, 2)),
        on_few=random.choice(("warn", "retry", "reject")),
        on_empty=random.choice(("accept", "warn", "retry", "reject", "reject")),
        on_same=random.choice(("accept", "retry", "reject", "reject")),
    )


def _drawn_deeds(random: Random, machines: int, minutes: int) -> tuple[Deed, ...]:
    deeds = []
    for _ in range(random.choice((1, 2, 3))):
        at, number = (minutes + 1) * MINUTE * random.random(), random.randrange(machines)
        what: Deeds = random.choice(("replay", "replay", "discard", "pause"))
        deeds.append(Deed(at, what, number))
        if what == "pause":
            deeds.append(Deed(at + 3 * MINUTE * random.random(), "resume", number))
    return tuple(deeds)
