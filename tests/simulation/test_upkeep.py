"""Upkeep in a world where everything goes wrong: nothing goes that the log has not given up."""

from __future__ import annotations

from random import Random

import pytest

from coleta.testing.faults import MENU, FaultPlan, NoFaults, OneFault, RandomFaults
from coleta.testing.kept_up import KeptUp
from coleta.testing.setting import MINUTE, Setting

SEEDS = 160
SLICES = 4
ONE_IN = 16
PARTS = 4

TWO = Setting(machines=2, minutes=3, archive="landed", every=(MINUTE, MINUTE))
"""Two collectors that do upkeep, across midnight."""


def drawn(seed: int) -> KeptUp:
    random = Random(seed)
    setting = Setting.drawn(random)
    faults = RandomFaults(Random(seed + 1), random.choice((0.01, 0.05, 0.15)))
    return KeptUp(setting, seed=seed, faults=faults)


@pytest.mark.parametrize("slice_", range(SLICES))
def test_random_faults_beside_upkeep_lose_and_double_nothing(slice_: int) -> None:
    given_up = 0
    for seed in range(slice_, SEEDS, SLICES):
        world = drawn(seed)
        assert world.run() == [], f"seed {seed}"
        given_up += world.given_up
    assert given_up > SEEDS / SLICES, "a world without upkeep shows nothing"


def two(faults: FaultPlan) -> KeptUp:
    return KeptUp(TWO, seed=0, faults=faults)


@pytest.mark.parametrize("part", range(PARTS))
def test_of_all_single_faults_a_sixteenth_beside_upkeep_does_no_harm(part: int) -> None:
    quiet = two(NoFaults())
    assert quiet.run() == []
    assert quiet.given_up > 2
    assert "store.delete" in quiet.calls
    every = [(n, fault) for n, kind in enumerate(quiet.calls[: quiet.calls_until_calm]) for fault in MENU.get(kind, ())]

    for number, fault in every[part * ONE_IN :: ONE_IN * PARTS]:
        assert two(OneFault(number, fault)).run() == [], f"{fault} at call {number}"
