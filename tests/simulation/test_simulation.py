"""The promise, kept by the production code in a world where everything goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from coleta.stream import Checks
from coleta.testing.faults import MENU, Fault, NoFaults
from coleta.testing.setting import EPOCH, HOUR, MINUTE, NEAR_MIDNIGHT, Deed, Jump, Setting
from coleta.testing.simulation import Simulation
from coleta.testing.simulator import main, reproduction
from coleta.testing.worlds import (
    ONE_FAULT_SETTINGS,
    EveryFault,
    Seeds,
    Tried,
    fault_free,
    simulate,
    simulate_one_fault,
    try_case,
)

SEEDS = 2_000
SLICES = 40
PARTS = 32


@pytest.mark.parametrize("slice_", range(SLICES))
def test_random_faults_lose_double_and_skip_nothing(slice_: int) -> None:
    for seed in range(slice_, SEEDS, SLICES):
        tried = try_case(Seeds(), seed)
        assert not tried.faults, reproduction(tried)


@pytest.mark.parametrize("part", range(PARTS))
def test_any_single_fault_at_any_call_loses_doubles_and_skips_nothing(part: int) -> None:
    numbers = range(part, EveryFault().count(), PARTS)
    assert len(numbers) > 80
    for number in numbers:
        tried = try_case(EveryFault(), number)
        assert not tried.faults, reproduction(tried)


def test_the_single_faults_reach_every_kind_of_call() -> None:
    reached = set()
    for setting in ONE_FAULT_SETTINGS:
        quiet = fault_free(setting)
        assert quiet.run() == []
        reached |= set(quiet.calls[: quiet.calls_until_calm])

    assert reached == set(MENU)


def test_the_quiet_worlds_cross_midnight_with_a_turn() -> None:
    for setting in ONE_FAULT_SETTINGS:
        quiet = fault_free(setting)
        quiet.run()
        folders = {name.split("/")[2] for name in quiet.store.names("compras/data/")}
        assert folders == {"tick_date=2026-11-24", "tick_date=2026-11-25"}


def quiet_world(setting: Setting) -> Simulation:
    world = fault_free(setting)
    assert world.run() == []
    return world


def owners(world: Simulation) -> list[str]:
    bodies = [world.store.objects[name] for name in world.store.names("compras/data/")]
    return [json.loads(pq.read_metadata(BytesIO(body)).metadata[b"coleta.record"])["owner"] for body in bodies]


def test_what_lay_on_a_disk_that_died_is_counted_as_lost_and_others_settle_its_ticks() -> None:
    world = quiet_world(Setting(land_every=timedelta(seconds=100), dies_after=timedelta(seconds=80)))

    assert [machine.dead for machine in world.machines] == [True, False]
    assert 1 <= len(world.books.lost) < len(world.books.accepted)


def test_a_machine_with_an_empty_disk_goes_on_where_the_log_ends() -> None:
    world = quiet_world(Setting(machines=1, minutes=6, dies_after=2 * MINUTE, joins_after=4 * MINUTE))

    made = owners(world)
    assert made == sorted(made)
    assert set(made) == {"m0", "m1"}


@pytest.mark.parametrize("by", [HOUR, -HOUR, EPOCH - NEAR_MIDNIGHT], ids=["ahead", "behind", "1970"])
@pytest.mark.parametrize("machines", [1, 2, 3])
def test_a_clock_that_jumps_and_comes_back_skips_and_doubles_nothing(machines: int, by: timedelta) -> None:
    jumps = (Jump(timedelta(seconds=100), 0, by), Jump(timedelta(seconds=200), 0, timedelta(0)))
    quiet_world(Setting(machines=machines, jumps=jumps))


@pytest.mark.parametrize("seed", [0, 7, 123])
def test_the_same_seed_gives_the_same_world_to_the_last_byte(seed: int) -> None:
    first, second = simulate(seed), simulate(seed)
    first.run()
    second.run()

    assert first.digest() == second.digest()
    assert first.calls == second.calls


def test_another_seed_gives_another_world() -> None:
    first, second = simulate(1), simulate(2)
    first.run()
    second.run()

    assert first.digest() != second.digest()


def test_what_breaks_is_reported_with_the_line_that_shows_it_again() -> None:
    world = simulate(3)
    assert world.run() == []
    lost = next(name for name in world.store.objects if name.startswith("compras/data/"))
    del world.store.objects[lost]

    faults = world.check()

    assert any("not dense" in fault for fault in faults)
    assert "python -m coleta.testing.simulator --seed 3" in reproduction(Tried("--seed 3", faults))


def test_the_command_says_what_it_did(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7", "--seeds", "2"]) == 0
    assert main(["--every-fault", "--case", "5"]) == 0
    assert main(["--every-fault", "--one-in", "9999", "--jobs", "1", "--minutes", "0"]) == 0

    told = capfd.readouterr().out.splitlines()
    assert told[0].startswith("2 worlds (seeds 7 to 8), 0 broken, in ")
    assert told[1].startswith(f"1 worlds (each fault at each call of {len(ONE_FAULT_SETTINGS)} worlds), 0 broken")
    assert len(told) == 3


def test_a_run_whose_time_is_up_says_how_many_there_were_and_how_to_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7", "--seeds", "5", "--jobs", "1", "--minutes", "0"]) == 0

    told = capfd.readouterr().out.splitlines()
    assert told[0].startswith("1 of 5 worlds (seeds 7 to 7), 0 broken, in ")
    assert told[1] == "to go on where this ended: --seed 8 --seeds 4"
    assert len(told) == 2


# What people do, and what an API gives that is not meant ---------------------------------------------


def kinds(world: Simulation) -> Counter[str]:
    return Counter(record["kind"] for record in world.watch.look().records)


def outcomes(world: Simulation) -> Counter[str]:
    accounts = (account for record in world.watch.look().records for account in record["accounts"])
    return Counter(account["reason"] or account["outcome"] for account in accounts)


def test_among_the_worlds_of_single_faults_is_one_in_which_the_quarantine_is_seen_to() -> None:
    worlds = [quiet_world(setting) for setting in ONE_FAULT_SETTINGS if setting.lifts]

    assert worlds
    assert all({"redrive", "expired"} <= set(kinds(world)) for world in worlds)
    assert all(world.books.stranger.deleted for world in worlds)


def test_among_them_is_one_with_a_pause_and_refused_answers_by_clocks_that_are_compared() -> None:
    worlds = [quiet_world(setting) for setting in ONE_FAULT_SETTINGS if setting.guarded]

    assert worlds
    assert all(outcomes(world)["paused"] and outcomes(world)["no records came"] for world in worlds)


def test_what_a_person_takes_up_while_others_collect_lands_once_and_the_hopeless_stays() -> None:
    deeds = (Deed(3 * MINUTE, "replay"), Deed(7 * MINUTE, "replay"))
    world = Simulation(Setting(minutes=6, deeds=deeds), seed=31, faults=NoFaults())
    assert world.run() == []
    contents = world.watch.look()

    given = {one.id: one for answer in world.books.accepted.values() for one in answer.records}
    assert kinds(world)["redrive"] == 2
    assert sum(not given[number].good for number in contents.table()) == 2
    hopeless = {number for number in contents.held(contents.open_files) if given[number].hopeless}
    assert hopeless
    assert not hopeless & contents.table().keys()


@pytest.mark.parametrize("machines", [1, 2])
def test_while_a_machine_is_paused_it_asks_nothing_and_others_go_on(machines: int) -> None:
    deeds = (Deed(timedelta(seconds=80), "pause"), Deed(timedelta(seconds=200), "resume"))
    world = quiet_world(Setting(machines=machines, deeds=deeds))

    gaps = outcomes(world)["paused"]
    assert gaps == 2
    answered = world.watch.look().spans(gaps=False)
    whole = (answered[-1][1] - answered[0][0]) == sum((end - start for start, end in answered), timedelta(0))
    assert whole == (machines == 2)


def test_by_a_clock_that_is_ahead_nothing_is_written_down_where_it_is_compared() -> None:
    jumps = (Jump(timedelta(seconds=100), 0, HOUR), Jump(timedelta(seconds=200), 0, timedelta(0)))
    guarded = quiet_world(Setting(machines=1, jumps=jumps, guarded=True))
    trusting = quiet_world(Setting(machines=1, jumps=jumps))

    ends = [max(end for _, end in world.watch.look().spans(gaps=True)) for world in (guarded, trusting)]
    assert ends[0] < guarded.end
    assert ends[1] > trusting.end + 20 * MINUTE


@pytest.mark.parametrize(
    ("fault", "why"), [(Fault.EMPTY, "no records came"), (Fault.SAME, "the answer is byte for byte")]
)
def test_an_answer_that_the_checks_refuse_ends_rejected(fault: Fault, why: str) -> None:
    setting = Setting(machines=1, checks=Checks(on_empty="reject", on_same="reject"))
    exchanges = [n for n, kind in enumerate(quiet_world(setting).calls) if kind == "transport.checked"]
    before = sum(n for reason, n in outcomes(quiet_world(setting)).items() if reason.startswith(why))

    world = simulate_one_fault(setting, exchanges[2], fault)
    assert world.run() == []

    assert sum(n for reason, n in outcomes(world).items() if reason.startswith(why)) > before


def test_where_an_api_says_that_nothing_is_new_ticks_end_unchanged_and_what_is_new_lands_once() -> None:
    world = quiet_world(Setting(machines=2, minutes=6, kind="conditional"))

    assert outcomes(world)["unchanged"]
    assert outcomes(world)["ok"]


def test_a_stream_that_is_renamed_on_one_machine_goes_on_in_its_log() -> None:
    worlds = [ran(seed) for seed in range(40)]
    renamed = [world for world in worlds if any(one.stream.was for one in world.machines)]

    assert renamed
    for world in renamed:
        assert {record["stream"] for record in world.watch.look().records} == {"compras"}


def ran(seed: int) -> Simulation:
    world = simulate(seed)
    assert world.run() == []
    return world
