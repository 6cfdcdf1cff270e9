"""A log that moves while others land in it, where everything goes wrong: each record once, in the new place."""

from __future__ import annotations

import json
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from coleta.testing.faults import Fault
from coleta.testing.moves import (
    MOVE_SETTINGS,
    NEW,
    OLD,
    Moving,
    every_fault_of_a_move,
    move_with_one_fault,
    move_with_random_faults,
    quiet_move,
)
from coleta.testing.setting import Setting

PARTS = 8
SEEDS = 96
SLICES = 8


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("setting", MOVE_SETTINGS, ids=lambda setting: f"{setting.kind}-{setting.archive}")
def test_any_single_fault_at_any_call_while_the_log_moves_loses_and_doubles_nothing(
    setting: Setting, part: int
) -> None:
    cases = list(every_fault_of_a_move(setting))
    assert len(cases) > 200
    for number, fault, last in cases[part::PARTS]:
        broken = move_with_one_fault(setting, number, fault, last=last).run()
        assert not broken, f"move_with_one_fault({setting}, {number}, {fault}, last={last}): {broken}"


@pytest.mark.parametrize("slice_", range(SLICES))
def test_random_faults_while_the_log_moves_lose_and_double_nothing(slice_: int) -> None:
    for seed in range(slice_, SEEDS, SLICES):
        broken = move_with_random_faults(seed).run()
        assert not broken, f"move_with_random_faults({seed}): {broken}"


def owners(world: Moving, path: str) -> list[tuple[str, str]]:
    bodies = [world.store.objects[name] for name in world.store.names(f"{path}/data/")]
    records = [json.loads(pq.read_metadata(BytesIO(body)).metadata[b"coleta.record"]) for body in bodies]
    return [(record["kind"], record["owner"]) for record in records]


def test_in_a_quiet_world_both_land_before_the_move_and_after_it() -> None:
    world = quiet_move(MOVE_SETTINGS[0])
    assert world.run() == []

    assert [kind for kind, _ in owners(world, OLD)].count("moved") == 1
    assert owners(world, NEW)[: len(owners(world, OLD)) - 1] == owners(world, OLD)[:-1]
    assert len(owners(world, NEW)) >= len(owners(world, OLD))
    assert [machine.stream.path for machine in world.machines] == [NEW, NEW]


def test_the_faults_reach_the_move_itself() -> None:
    """Else its worlds would prove nothing of it: a create of the fence that is late, lost, or told of wrongly."""
    world = quiet_move(MOVE_SETTINGS[0])
    world.run()
    kinds = set(world.calls[world.first_call : world.calls_until_calm])
    tried = {fault for _, fault, _ in every_fault_of_a_move(MOVE_SETTINGS[0])}

    assert {"store.create", "store.read", "store.size", "store.names"} <= kinds
    assert {Fault.LATE, Fault.LOST, Fault.FALSE_EXISTS, Fault.EXISTS_BY_US, Fault.CRASH_LATE, Fault.STOP} <= tried
