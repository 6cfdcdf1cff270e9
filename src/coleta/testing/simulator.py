"""The way into the simulation: a random world by its seed, or every single fault at every single call.

python -m coleta.testing.simulator --seed 7            one seed, as a failing test prints it
python -m coleta.testing.simulator --seeds 1000000     as many as one has time for
python -m coleta.testing.simulator --every-fault       each fault at each call, one a world
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from coleta.testing.faults import DEADLY, MENU, Fault, NoFaults, OneFault, RandomFaults
from coleta.testing.setting import MINUTE, Setting
from coleta.testing.simulation import Simulation

ONE_FAULT_SETTINGS = (
    Setting(machines=2, minutes=3),
    Setting(machines=1, minutes=3, pages=2, land_every=timedelta(seconds=100), catch_up="all"),
    Setting(machines=2, minutes=3, every=(MINUTE, timedelta(seconds=90)), window=True, catch_up="all"),
    Setting(machines=3, minutes=3, every=(MINUTE, timedelta(seconds=90)), joins_after=2 * MINUTE),
)
"""The worlds in which every single fault is tried: all cross midnight, so that a turn is among the calls.

In each the others, or a machine that joins, can take over from any that dies for good."""


def simulate(seed: int) -> Simulation:
    """The random world of `seed`, ready to run."""
    random = Random(seed)
    setting = Setting.drawn(random)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run worlds and say which break the promise; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m coleta.testing.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to run")
    parser.add_argument("--every-fault", action="store_true", help="run each fault at each call instead")
    parser.add_argument("--first", action="store_true", help="stop at the first world that breaks the promise")
    chosen = parser.parse_args(arguments)
    worlds = _every_fault() if chosen.every_fault else _seeds(range(chosen.seed, chosen.seed + chosen.seeds))
    count = broken = 0
    for name, simulation in worlds:
        count += 1
        faults = simulation.run()
        if faults:
            broken += 1
            sys.stdout.write(reproduction(name, faults) + "\n")
            if chosen.first:
                break
    sys.stdout.write(f"{count} worlds, {broken} broken\n")
    return 1 if broken else 0


def _seeds(seeds: range) -> Iterator[tuple[str, Simulation]]:
    for seed in seeds:
        yield f"--seed {seed}", simulate(seed)


def _every_fault() -> Iterator[tuple[str, Simulation]]:
    for setting in ONE_FAULT_SETTINGS:
        for number, fault, last in every_fault(setting):
            name = f"--every-fault (call {number}, {fault}{', the last' if last else ''})"
            yield name, simulate_one_fault(setting, number, fault, last=last)


def reproduction(name: str, faults: Sequence[str]) -> str:
    """What a broken world leaves: its faults, and the line that shows them again."""
    return f"{'; '.join(faults[:5])}\n    python -m coleta.testing.simulator {name}"


if __name__ == "__main__":
    sys.exit(main())
