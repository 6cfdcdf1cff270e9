"""Publishers in a world where everything goes wrong: a table holds what has landed, each object once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.testing.setting import MINUTE, Deed, Setting
from coleta.testing.simulation import Simulation
from coleta.testing.table_watch import TableWatch, filled
from coleta.testing.worlds import fault_free

TWO = Setting(machines=2, minutes=4, table=(True,))


def quiet_world(setting: Setting) -> Simulation:
    world = fault_free(setting)
    assert world.run() == []
    return world


def objects(world: Simulation) -> dict[str, int]:
    return {path: len(one.ids) for path, one in filled(world.watch.look())}


def test_two_services_and_people_keep_one_table_and_each_object_is_in_it_once() -> None:
    deeds = tuple(Deed(timedelta(seconds=63 * n), "publish", n % 2) for n in (1, 2, 3))
    world = quiet_world(replace(TWO, deeds=deeds))

    assert {path: file.rows for path, file in world.tables.kept.files.items()} == objects(world)
    assert world.tables.kept.operations.count("WRITE") > 2
    assert all(one.done for one in world.visitors)


def test_what_machines_without_a_table_land_comes_into_it_too() -> None:
    world = quiet_world(replace(TWO, table=(False, True)))

    assert sorted(world.tables.kept.files) == sorted(objects(world))


@pytest.mark.parametrize("what", ["drop", "restore"])
def test_whatever_lands_after_a_table_is_undone_waits_for_a_person_to_accept_it(what: str) -> None:
    undone = Deed(timedelta(seconds=100), "drop" if what == "drop" else "restore")
    world = quiet_world(replace(TWO, deeds=(undone,)))

    assert world.tables.undone == (1 if what == "drop" else 2), "what was restored is dropped in the end"
    # All at once, in the end; a service that had gone on would have registered each landing by itself.
    assert world.tables.kept.operations == ["CREATE TABLE", "WRITE"]
    assert len(objects(world)) > 3


def test_after_a_person_has_accepted_on_each_machine_the_services_go_on() -> None:
    deeds = (Deed(timedelta(seconds=70), "drop"), *(Deed(timedelta(seconds=75), "accept", n) for n in (0, 1)))
    world = quiet_world(replace(TWO, minutes=6, deeds=deeds))

    assert world.tables.kept.tables == 2
    assert len(objects(world)) > 4


def test_a_column_that_a_newer_project_file_adds_comes_before_its_rows() -> None:
    setting = Setting(1, 3, (MINUTE, timedelta(seconds=40)), table=(True,), joins_after=timedelta(seconds=20))
    world = quiet_world(setting)

    assert "ADD COLUMN" in world.tables.kept.operations
    assert "note" in {column.name for column in world.tables.kept.states[-1].columns}


# What the watch must tell ------------------------------------------------------------------------------


def lose_a_file(tables: TableWatch) -> None:
    tables.kept.files.pop(min(tables.kept.files))


def add_a_file(tables: TableWatch) -> None:
    tables.kept.files["another"] = replace(next(iter(tables.kept.files.values())), path="another")


def claim_other_rows(tables: TableWatch) -> None:
    path, file = next(iter(tables.kept.files.items()))
    tables.kept.files[path] = replace(file, rows=file.rows + 1)


def claim_more_of_the_log(tables: TableWatch) -> None:
    tables.kept.states[-1] = replace(tables.kept.states[-1], seq=1000)


def go_back_in_the_log(tables: TableWatch) -> None:
    tables.kept.states[-1] = replace(tables.kept.states[-1], seq=1)


def lose_a_column(tables: TableWatch) -> None:
    state = tables.kept.states[-1]
    tables.kept.states[-1] = replace(state, columns=tuple(one for one in state.columns if one.name != "value"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lose_a_file, "the table lacks"),
        (add_a_file, "never landed"),
        (claim_other_rows, "the table says otherwise"),
        (claim_more_of_the_log, "holds commit 1000 of"),
        (go_back_in_the_log, "the table holds"),
        (lose_a_column, "lacks its columns ['value']"),
    ],
)
def test_a_table_that_is_not_what_has_landed_is_told(spoil: Callable[[TableWatch], None], told: str) -> None:
    world = quiet_world(TWO)

    spoil(world.tables)

    assert any(told in fault for fault in world.tables.faults())


def test_an_object_that_is_registered_once_more_is_told() -> None:
    world = quiet_world(TWO)
    files = list(world.tables.kept.files.values())

    world.tables.changed([files[0].path], files[:1], None)

    assert f"{files[0].path} is registered once more" in world.watch.broken


def test_what_a_service_knows_of_and_has_left_out_is_told() -> None:
    world = quiet_world(TWO)

    lose_a_file(world.tables)

    assert any("knows of it" in fault for fault in world.tables.behind(world.machines))


@pytest.mark.parametrize("undo", ["drop", "put_back", "restore"])
def test_a_machine_that_goes_on_after_a_table_is_undone_is_told(undo: str) -> None:
    world = quiet_world(TWO)
    tables, machine = world.tables, world.machines[0]
    note = tables.known_to(machine)
    assert tables.not_allowed(machine, note, tables.kept.states[-1]) is None

    if undo == "drop":
        tables.drop()
    elif undo == "put_back":
        tables.put_back(world.random)
    else:
        tables.restore(world.random)

    state = tables.kept.states[-1] if tables.kept.states else None
    assert tables.not_allowed(machine, note, state) is not None
    assert tables.not_allowed(replace(machine, errand="accept"), note, state) is None
