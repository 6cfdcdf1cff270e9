"""Which worlds there are to be tried: one for each seed, for each fault at each call, for each power loss.

Every world has a number in its kind, so that it can be tried by any process, and shown again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from coleta.stream import Checks
from coleta.testing.faults import DEADLY, MENU, Fault, NoFaults, OneFault, RandomFaults
from coleta.testing.power_loss import Life, live, try_state
from coleta.testing.setting import MINUTE, NEAR_MIDNIGHT, Deed, Only, Setting
from coleta.testing.simulation import Simulation
from coleta.testing.torn_disk import Remains

_LONGER = timedelta(seconds=90)
_SOON = timedelta(seconds=20)
_SHORTER = timedelta(seconds=40)
_LATER = NEAR_MIDNIGHT + MINUTE

_SEEN_TO = (Deed(timedelta(seconds=65), "replay"), Deed(timedelta(seconds=100), "discard"))
_PUBLISHED = (Deed(timedelta(seconds=75), "publish"),)
_PAUSED = (Deed(timedelta(seconds=20), "pause"), Deed(timedelta(seconds=70), "resume"))
_STERN = Checks(on_empty="reject", on_same="retry")

ONE_FAULT_SETTINGS = (
    Setting(machines=2, minutes=3),
    Setting(machines=1, minutes=3, pages=2, land_every=timedelta(seconds=100), catch_up="all"),
    Setting(machines=2, minutes=3, every=(MINUTE, _LONGER), kind="window", catch_up="all"),
    Setting(machines=2, minutes=3, every=(MINUTE, _LONGER), kind="placed", catch_up="all"),
    Setting(machines=2, minutes=3, kind="since", land_every=timedelta(seconds=100)),
    Setting(machines=3, minutes=2, start=_LATER, every=(MINUTE, _LONGER), joins_after=MINUTE),
    Setting(machines=2, minutes=2, start=_LATER, archive="first", land_every=timedelta(seconds=40)),
    Setting(machines=2, minutes=2, start=_LATER, lease=True),
    Setting(machines=1, minutes=2, start=_LATER, pages=2, catch_up="all", deeds=_SEEN_TO),
    Setting(machines=1, minutes=2, start=_LATER, guarded=True, checks=_STERN, deeds=_PAUSED),
    Setting(
        1, 2, (MINUTE, _SHORTER), MINUTE / 2, start=_LATER, table=(True, False), deeds=_PUBLISHED, joins_after=_SOON
    ),
)
"""The worlds in which every single fault is tried: all cross midnight, so that a turn is among the calls.

In each with several machines the others, or one that joins, can take over from any that dies for good."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A world that was tried: how it broke the promise, if it did, and the words that show it again."""

    again: str
    faults: list[str]


@dataclass(frozen=True, slots=True)
class Seeds:
    """A random world for each seed; all of them with what is asked for, if it is."""

    only: Only | None = None

    def words(self, numbers: range) -> str:
        """What `numbers` are."""
        return f"seeds {numbers.start} to {numbers.stop - 1}"

    def onward(self, left: range) -> str:
        """The words for those that are `left`."""
        return f"{self._asked()}--seed {left.start} --seeds {len(left)}"

    def attempt(self, number: int) -> Tried:
        """Try one."""
        return Tried(f"{self._asked()}--seed {number}", simulate(number, only=self.only).run())

    def _asked(self) -> str:
        return "" if self.only is None else f"--only {self.only} "


@dataclass(frozen=True, slots=True)
class EveryFault:
    """Each fault at each call of the worlds of ``ONE_FAULT_SETTINGS``."""

    def count(self) -> int:
        """How many there are."""
        return len(_single_faults())

    def words(self, numbers: range) -> str:
        """What `numbers` are."""
        return f"each fault at each call of {len(ONE_FAULT_SETTINGS)} worlds"

    def onward(self, left: range) -> str:
        """No words: all of them are tried within minutes."""
        return ""

    def attempt(self, number: int) -> Tried:
        """Try one."""
        setting, call, fault, last = _single_faults()[number]
        told = f"--every-fault --case {number}   # {fault} at call {call}{', for good' if last else ''}"
        return Tried(told, simulate_one_fault(setting, call, fault, last=last).run())


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """Each state that a power loss may leave, after each step of a short life on a disk."""

    def count(self) -> int:
        """How many there are."""
        return len(_power_losses()[1])

    def words(self, numbers: range) -> str:
        """What `numbers` are."""
        return f"of {self.count()} that a loss of power may leave in {len(_power_losses()[0].steps)} steps"

    def onward(self, left: range) -> str:
        """No words: all of them are tried within minutes."""
        return ""

    def attempt(self, number: int) -> Tried:
        """Try one."""
        life, states = _power_losses()
        steps, remains = states[number]
        told = f"--power-loss --case {number}   # after step {steps}, {life.steps[steps - 1].told()}"
        return Tried(told, try_state(life, steps, remains))


Case = Seeds | EveryFault | PowerLoss


def try_case(case: Case, number: int) -> Tried:
    """Try the world `number` of a `case`; in any process."""
    return case.attempt(number)


@cache
def _single_faults() -> list[tuple[Setting, int, Fault, bool]]:
    return [(setting, *one) for setting in ONE_FAULT_SETTINGS for one in every_fault(setting)]


@cache
def _power_losses() -> tuple[Life, list[tuple[int, Remains]]]:
    with tempfile.TemporaryDirectory() as folder:
        life = live(Path(folder))
    return life, list(life.states())


def simulate(seed: int, *, only: Only | None = None) -> Simulation:
    """The random world of `seed`, ready to run."""
    random = Random(seed)
    setting = Setting.drawn(random, only=only)
    start, length = setting.start, setting.minutes * MINUTE

    def outage() -> tuple[datetime, datetime] | None:
        if random.random() < 0.7:
            return None
        begin = start + length * random.random()
        return begin, begin + 3 * MINUTE * random.random()

    faults = RandomFaults(Random(seed + 1), random.choice((0.01, 0.05, 0.15)), outage(), outage())
    return Simulation(setting, seed=seed, faults=faults)


def simulate_one_fault(setting: Setting, number: int, fault: Fault, *, last: bool = False) -> Simulation:
    """A world in which only call `number` meets `fault`; if it is the `last`, the machine's disk is lost, too."""
    return Simulation(setting, seed=0, faults=OneFault(number, fault), last_call=number if last else None)


def fault_free(setting: Setting) -> Simulation:
    """A world in which nothing goes wrong."""
    return Simulation(setting, seed=0, faults=NoFaults())


def every_fault(setting: Setting) -> Iterator[tuple[int, Fault, bool]]:
    """Each call of a quiet world until its end, with each fault that it can meet; the deadly ones also as the last."""
    quiet = fault_free(setting)
    quiet.run()
    others = setting.machines > 1 or setting.joins_after is not None
    for number, kind in enumerate(quiet.calls[: quiet.calls_until_calm]):
        for fault in MENU.get(kind, ()):
            yield number, fault, False
            if others and fault in DEADLY:
                yield number, fault, True
