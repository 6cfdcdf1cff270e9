"""The contract of ``coleta.ports.Table`` in code: every adapter passes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from threading import Barrier

import pytest
from tests.s3.service import ADMIN, LANDER

from coleta.adapters.below import Below
from coleta.adapters.delta_place import delta_in_bucket, delta_in_folder
from coleta.adapters.file_store import FileStore
from coleta.adapters.iceberg_place import iceberg_table
from coleta.demo_api.seaweedfs import Login
from coleta.errors import Doubtful
from coleta.land.table import Column, Group, Many, columns_of
from coleta.land.watermark import DataFile
from coleta.ports import OpenTable, Table
from coleta.stream import Store
from coleta.testing.memory_table import MemoryTable
from coleta.testing.samples import OTHER_UUID, UUID, sample_terms

COLUMNS = columns_of(sample_terms())
NAME = ("loja", "compras")
NOTHING: Mapping[str, str] = {}
CEPH = pytest.param("ceph", marks=pytest.mark.ceph)
ICEBERG_IN = ["folder", "s3", "azure", "google", "rest", "postgres"]


@pytest.fixture(params=["memory", "folder", "s3", "azure", *(f"iceberg_in_{where}" for where in ICEBERG_IN), CEPH])
def kind(request: pytest.FixtureRequest) -> str:
    if "iceberg" in request.param:
        pytest.importorskip("pyiceberg")
    return str(request.param)


@pytest.fixture
def table(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    makers: dict[str, Callable[[], Table]] = {
        "memory": MemoryTable,
        "folder": lambda: in_folder(tmp_path),
        "s3": lambda: in_s3(request, "s3", LANDER),
        "ceph": lambda: in_s3(request, "ceph", ADMIN),
        "azure": lambda: in_azure(request),
        "iceberg_in_folder": lambda: iceberg_in_folder(tmp_path),
        "iceberg_in_s3": lambda: iceberg_in_s3(request, tmp_path),
        "iceberg_in_azure": lambda: iceberg_in_azure(request, tmp_path),
        "iceberg_in_google": lambda: iceberg_in_google(request, tmp_path),
        "iceberg_in_rest": lambda: iceberg_in_rest(request, tmp_path),
        "iceberg_in_postgres": lambda: iceberg_in_postgres(request, tmp_path),
    }
    return makers[kind]()


def in_folder(folder: Path) -> Table:
    (folder / "lake").mkdir()
    return delta_in_folder(folder / "lake" / "compras", FileStore(folder / "lake" / "compras", create=True))


def in_s3(request: pytest.FixtureRequest, kind: str, login: Login) -> Table:
    service = request.getfixturevalue(kind)
    place, variables = Store(service.url()), service.environment(login)
    below = service.store(replace(place, url=f"{place.url}/compras"))
    return delta_in_bucket(place, "compras", below, environment=lambda: variables, folder=Path())


def in_azure(request: pytest.FixtureRequest) -> Table:
    service = request.getfixturevalue("azure")
    place, variables = Store(service.url()), service.environment()
    below = service.store(replace(place, url=f"{place.url}/compras"))
    return delta_in_bucket(place, "compras", below, environment=lambda: variables, folder=Path())


def iceberg_in_folder(
    folder: Path, place: Store | None = None, name: tuple[str, str] = NAME, variables: Mapping[str, str] = NOTHING
) -> Table:
    below = folder / "lake" / "compras"
    store = Below(FileStore(folder / "lake", create=True), "compras")
    place = replace(place or Store(""), url=f"file://{folder}/lake")
    return iceberg_table(place, "compras", name, store, folder=below, environment=lambda: variables, root=folder)


def iceberg_in_s3(request: pytest.FixtureRequest, folder: Path) -> Table:
    service = request.getfixturevalue("s3")
    variables = service.environment(LANDER)
    place = replace(Store(service.url()), catalog="sqlite:///catalog.sqlite")
    store = service.store(replace(place, url=f"{place.url}/compras"))
    return iceberg_table(place, "compras", NAME, store, folder=None, environment=lambda: variables, root=folder)


def iceberg_in_azure(request: pytest.FixtureRequest, folder: Path) -> Table:
    service = request.getfixturevalue("azure")
    variables = service.environment()
    place = replace(Store(service.url()), catalog="sqlite:///catalog.sqlite")
    store = service.store(replace(place, url=f"{place.url}/compras"))
    return iceberg_table(place, "compras", NAME, store, folder=None, environment=lambda: variables, root=folder)


def iceberg_in_google(request: pytest.FixtureRequest, folder: Path) -> Table:
    service = request.getfixturevalue("google")
    place = replace(service.place(), catalog="sqlite:///catalog.sqlite")
    store = service.store(replace(place, url=f"{place.url}/compras"))
    return iceberg_table(place, "compras", NAME, store, folder=None, environment=dict, root=folder)


def iceberg_in_rest(request: pytest.FixtureRequest, folder: Path) -> Table:
    service = request.getfixturevalue("rest")
    return iceberg_in_folder(folder, service.place, service.name(), service.variables)


def iceberg_in_postgres(request: pytest.FixtureRequest, folder: Path) -> Table:
    service = request.getfixturevalue("postgres")
    return iceberg_in_folder(folder, service.place, service.name(), service.variables)


def file(n: int, rows: int = 2) -> DataFile:
    name = f"data/tick_date=2026-11-24/{n:09d}.parquet"
    return DataFile(name, 1000 + n, "2026-11-24", 1_795_521_600_000, rows, {"ean": 0, "price": 1})


def opened(table: Table, log: str = UUID) -> OpenTable:
    found = table.open(log)
    assert found is not None
    return found


def made(table: Table) -> OpenTable:
    table.create(COLUMNS, log=UUID)
    return opened(table)


def test_where_there_is_no_table_none_is_opened_and_nothing_is_made(table: Table) -> None:
    assert table.open(UUID) is None
    assert table.rows() is None
    assert table.open(UUID) is None


def test_a_new_table_has_the_columns_that_were_asked_for_and_nothing_of_the_log(table: Table) -> None:
    state = made(table).state

    assert (state.log, state.version, state.seq) == (UUID, 0, 0)
    assert state.columns == COLUMNS
    assert table.rows() == 0


def test_a_second_table_is_not_made_over_the_first(table: Table) -> None:
    first = made(table).state

    with pytest.raises(Doubtful):
        table.create(COLUMNS, log=OTHER_UUID)

    assert opened(table).state == first


def test_what_is_registered_is_there_with_the_commit_that_it_came_to(table: Table) -> None:
    made(table).register([file(1), file(3, rows=5)], until=4)

    state = opened(table).state
    assert (state.version, state.seq) == (1, 4)
    assert table.rows() == 7


def test_the_same_handle_cannot_register_twice(table: Table) -> None:
    handle = made(table)
    handle.register([file(1)], until=1)

    with pytest.raises(Doubtful):
        handle.register([file(2)], until=2)

    assert (opened(table).state.seq, table.rows()) == (1, 2)


def test_whoever_opened_it_before_another_registered_is_refused(table: Table) -> None:
    late = made(table)
    opened(table).register([file(1)], until=1)

    with pytest.raises(Doubtful):
        late.register([file(1)], until=1)

    assert (opened(table).state.seq, table.rows()) == (1, 2)


@pytest.mark.parametrize("kind", ["memory", "folder"], indirect=True)
def test_whoever_opened_it_before_a_person_dropped_it_commits_nothing(table: Table, tmp_path: Path) -> None:
    late = made(table)
    late.register([file(1)], until=1)
    late = opened(table)
    if isinstance(table, MemoryTable):
        table.kept.states.clear()
    else:
        rmtree(tmp_path / "lake" / "compras" / "_delta_log")

    with pytest.raises(Doubtful):
        late.register([file(2)], until=2)

    assert table.open(UUID) is None


def test_of_two_who_register_at_once_exactly_one_wins(table: Table) -> None:
    made(table)
    for n in range(1, 4):
        both = [opened(table), opened(table)]
        together = Barrier(2)

        def register(handle: OpenTable, n: int = n, together: Barrier = together) -> bool:
            together.wait(timeout=30)
            try:
                handle.register([file(n)], until=n)
            except Doubtful:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            won = list(pool.map(register, both))

        assert sorted(won) == [False, True]
        assert (opened(table).state.seq, table.rows()) == (n, 2 * n)


def test_commits_without_files_are_noted_too(table: Table) -> None:
    made(table).register([], until=7)

    assert (opened(table).state.seq, table.rows()) == (7, 0)


def test_another_log_is_at_its_beginning_in_a_table_that_is_not_its_own(table: Table) -> None:
    made(table).register([file(1)], until=1)

    state = opened(table, OTHER_UUID).state
    assert (state.log, state.seq) == (UUID, 0)


def test_columns_that_come_are_there_afterwards_and_what_was_registered_stays(table: Table) -> None:
    made(table).register([file(1)], until=1)
    city = Column("onde fica. “aqui”", Group((Column("x", "string"), Column("bought at", "timestamp_ntz"))))
    tags = Column("tags", Many("decimal(20,2)"))

    opened(table).widen((city, tags))

    state = opened(table).state
    assert state.columns == (*COLUMNS, city, tags)
    assert (state.seq, table.rows()) == (1, 2)


def test_a_struct_can_get_another_part(table: Table) -> None:
    made(table)
    opened(table).widen((Column("pos", Group((Column("x", "long"),))),))
    grown = Column("pos", Group((Column("x", "long"), Column("y", "double"))))

    opened(table).widen((grown,))

    assert opened(table).state.columns == (*COLUMNS, grown)


def test_of_two_who_give_it_columns_from_one_state_one_is_refused(table: Table) -> None:
    first, late = made(table), opened(table)
    first.widen((Column("city", "string"),))

    with pytest.raises(Doubtful):
        late.widen((Column("street", "string"),))

    assert opened(table).state.columns == (*COLUMNS, Column("city", "string"))


def test_whoever_registers_with_a_handle_from_before_columns_came_does_not_take_them_back(table: Table) -> None:
    late = made(table)
    opened(table).widen((Column("city", "string"),))

    try:
        late.register([file(1)], until=1)
        seq = 1
    except Doubtful:
        seq = 0

    state = opened(table).state
    assert (state.columns, state.seq, table.rows()) == ((*COLUMNS, Column("city", "string")), seq, 2 * seq)


def test_what_was_done_since_a_version_is_told_newest_first(table: Table) -> None:
    made(table).register([file(1)], until=1)
    opened(table).widen((Column("city", "string"),))

    handle = opened(table)
    assert list(handle.operations(0)) == ["ADD COLUMN", "WRITE"]
    assert list(handle.operations(1)) == ["ADD COLUMN"]
    assert list(handle.operations(2)) == []


def test_a_long_row_of_commits_is_there_whole(table: Table) -> None:
    made(table)
    for n in range(1, 24):
        opened(table).register([file(n)], until=n)

    state = opened(table).state
    assert (state.version, state.seq, table.rows()) == (23, 23, 46)
    assert json.loads(file(1).stats) == {"numRecords": 2, "nullCount": {"ean": 0, "price": 1}}
