"""The contract of ``coleta.ports.TableFiles`` in code: every adapter passes it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import pytest
from tests.conformance.test_table import COLUMNS, file, in_azure, in_folder, in_s3, opened
from tests.s3.service import LANDER

from coleta.adapters.delta_files import DeltaFiles
from coleta.adapters.delta_table import DeltaRegister
from coleta.errors import Doubtful
from coleta.land.table import Column
from coleta.land.watermark import DataFile
from coleta.ports import OpenFiles, Table, TableFiles
from coleta.testing.memory_table import MemoryTable, MemoryTableFiles
from coleta.testing.samples import OTHER_UUID, UUID

DAY = "2026-11-24"


@dataclass
class Both:
    """One table, by each of its two doors."""

    table: Table
    files: TableFiles

    def look(self) -> OpenFiles:
        found = self.files.open(UUID)
        assert found is not None
        return found

    def paths(self) -> list[str]:
        return sorted(self.look().layout.paths)


def of_delta(table: Table) -> Both:
    assert isinstance(table, DeltaRegister)
    return Both(table, DeltaFiles(table))


def in_memory() -> Both:
    table = MemoryTable()
    return Both(table, MemoryTableFiles(table.kept))


@pytest.fixture(params=["memory", "folder", "s3", "azure"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    """A table that was made and holds three data objects, of the log's first four commits."""
    makers: dict[str, Callable[[], Both]] = {
        "memory": in_memory,
        "folder": lambda: of_delta(in_folder(tmp_path)),
        "s3": lambda: of_delta(in_s3(request, "s3", LANDER)),
        "azure": lambda: of_delta(in_azure(request)),
    }
    both = makers[request.param]()
    assert both.files.open(UUID) is None
    both.table.create(COLUMNS, log=UUID)
    assert both.look().layout.files == ()
    opened(both.table).register([file(1), file(2), file(4)], until=4)
    return both


def made(n: int, rows: int = 4) -> DataFile:
    """A file that was made of others."""
    return DataFile(f"compacted/tick_date={DAY}/{n:09d}-ab.parquet", 900, DAY, 1_795_608_000_000, rows, {"ean": 0})


NAMES = [file(n).path for n in (1, 2, 4)]


def test_what_a_table_is_made_of_is_told_as_it_was_registered(both: Both) -> None:
    layout = both.look().layout

    assert (layout.state, layout.generation, layout.obstacle) == (opened(both.table).state, 0, None)
    told = {one.path: (one.size_bytes, one.date, one.rows, one.modified_ms) for one in layout.files}
    assert told == {one.path: (one.size_bytes, one.date, one.rows, one.modified_ms) for one in map(file, (1, 2, 4))}


def test_files_that_are_replaced_are_gone_and_the_log_stays_as_far_in_the_table_as_it_was(both: Both) -> None:
    both.look().replace(NAMES[:2], [made(1)])

    layout = both.look().layout
    assert layout.paths == {made(1).path, NAMES[2]}
    assert (layout.generation, layout.state.seq, layout.state.version) == (1, 4, 2)
    assert layout.state.columns == COLUMNS
    assert both.table.rows() == 6
    assert opened(both.table, OTHER_UUID).state.seq == 0


def test_a_replacement_can_be_replaced_again(both: Both) -> None:
    both.look().replace(NAMES[:2], [made(1)])
    both.look().replace([made(1).path, NAMES[2]], [made(2, rows=6)])

    assert both.paths() == [made(2).path]
    assert both.look().layout.generation == 2


def test_of_two_who_replace_the_same_files_one_is_refused(both: Both) -> None:
    first, late = both.look(), both.look()
    first.replace(NAMES[:2], [made(1)])

    with pytest.raises(Doubtful):
        late.replace(NAMES[:2], [made(2)])

    assert both.paths() == [made(1).path, NAMES[2]]


def test_the_same_handle_cannot_replace_twice(both: Both) -> None:
    handle = both.look()
    handle.replace(NAMES[:2], [made(1)])

    with pytest.raises(Doubtful):
        handle.replace(NAMES[2:], [made(2)])

    assert both.paths() == [made(1).path, NAMES[2]]


def test_of_two_who_replace_at_once_exactly_one_wins(both: Both) -> None:
    handles, together = [both.look(), both.look()], Barrier(2)

    def replace(n: int) -> bool:
        together.wait(timeout=30)
        try:
            handles[n].replace(NAMES[:2], [made(n)])
        except Doubtful:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(replace, range(2)))

    assert sorted(won) == [False, True]
    assert both.paths() == [made(won.index(True)).path, NAMES[2]]


def test_whoever_looked_before_something_was_registered_replaces_nothing(both: Both) -> None:
    late = both.look()
    opened(both.table).register([file(5)], until=5)

    with pytest.raises(Doubtful):
        late.replace(NAMES[:2], [made(1)])

    assert both.paths() == [*NAMES, file(5).path]


def test_whoever_registers_upon_a_table_whose_files_were_replaced_meanwhile_brings_nothing_back(both: Both) -> None:
    late = opened(both.table)
    both.look().replace(NAMES[:2], [made(1)])

    try:
        late.register([file(5)], until=5)
        new = {file(5).path}
    except Doubtful:
        new = set()

    assert both.look().layout.paths == {made(1).path, NAMES[2], *new}
    assert opened(both.table).state.seq == (5 if new else 4)


def test_whoever_looked_before_columns_came_replaces_nothing(both: Both) -> None:
    late = both.look()
    opened(both.table).widen((Column("city", "string"),))

    with pytest.raises(Doubtful):
        late.replace(NAMES[:2], [made(1)])

    assert both.paths() == NAMES
    both.look().replace(NAMES[:2], [made(1)])
    assert both.look().layout.state.columns == (*COLUMNS, Column("city", "string"))


def test_what_the_table_does_not_read_cannot_be_replaced(both: Both) -> None:
    with pytest.raises(Doubtful):
        both.look().replace([NAMES[0], file(3).path], [made(1)])

    assert both.paths() == NAMES


def test_a_replacement_of_nothing_by_nothing_ends_what_others_have_begun(both: Both) -> None:
    late = both.look()
    both.look().replace([], [])

    with pytest.raises(Doubtful):
        late.replace(NAMES[:2], [made(1)])

    assert both.paths() == NAMES
    assert both.look().layout.generation == 1
    assert opened(both.table).state.seq == 4
