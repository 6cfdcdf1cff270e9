"""``Project``: every command as a method, on a real API and a real folder."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coleta import Project
from coleta.cli.app import NeverStarted
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.errors import Busy, Misconfigured, OverBudget, SourceUnavailable, StoreUnavailable, WrongQuestion
from coleta.library import Result
from coleta.runtime.events import Event, Landed

CONTRACT = {"ean": int, "price": float, "store": int, "dateTime": str}


@dataclass
class Purchase:
    ean: int
    price: float
    store: int
    dateTime: str  # noqa: N815  # the API's name


@dataclass
class WithProduct(Purchase):
    product: str = ""


Make = Callable[..., Project]


@pytest.fixture(scope="module")
def shaky_api() -> Iterator[str]:
    """An API that breaks three records of ten."""
    with serve_in_background(Settings(seed=7, rate_broken=0.3)) as url:
        yield url


@pytest.fixture
def make(tmp_path: Path, api: str) -> Make:
    def making(asked: str = "gerar_compras/50", *, contract: object = CONTRACT, **more: object) -> Project:
        return Project.define(
            "compras",
            root=tmp_path,
            store={"lake": {"url": "file://./lake"}},
            spool={"allow_tmpfs": True},
            stream={
                "compras": {"url": f"{api}/{asked}", "every": "1m", "deadline": "1s", "contract": contract, **more}
            },
        )

    return making


def test_a_project_file_is_loaded_and_a_tick_of_this_instant_lands(write_project: Callable[..., Path]) -> None:
    folder = write_project("gerar_compras/50")
    project = Project.load(folder / "coleta.toml")

    result = project.run("compras")

    assert result
    assert (result.state, result.received, result.landed, result.quarantined) == ("ok", 50, 50, 0)
    assert result.object is not None
    assert (folder / "lake" / "compras" / result.object).exists()
    assert (project.name, project.streams, project.root) == ("compras", ("compras",), folder)


def test_another_store_may_be_landed_in(write_project: Callable[..., Path], tmp_path: Path) -> None:
    project = Project.load(write_project("gerar_compras/50"), to=str(tmp_path / "elsewhere"))

    result = project.run("compras")

    assert (tmp_path / "elsewhere" / "compras" / str(result.object)).exists()


def test_settling_a_tick_again_changes_nothing(make: Make) -> None:
    project = make()
    project.run("compras")
    tick = json.loads((project.root / "lake/compras/_ledger/identity.json").read_bytes())["first_tick"]

    first = project.run("compras", tick=tick)
    again = project.run("compras", tick=datetime.fromisoformat(tick))

    assert (first.state, first.landed) == ("ok", 50)
    assert (again.state, again.landed, bool(again)) == ("settled_before", 50, True)
    assert len(project.table("compras")) == 100


def test_an_instant_without_a_time_zone_is_refused(make: Make) -> None:
    with pytest.raises(Misconfigured, match="no time zone"):
        make().run("compras", tick=datetime(2026, 11, 24, 12, 0))  # noqa: DTZ001  # what is to be refused


def test_a_tick_without_an_answer_is_an_error_and_a_gap(make: Make) -> None:
    make().run("compras")
    project = make("gerar_compras/5?fault=500")
    tick = json.loads((project.root / "lake/compras/_ledger/identity.json").read_bytes())["first_tick"]

    with pytest.raises(SourceUnavailable, match="500"):
        project.run("compras", tick=tick)
    result = project.settle("compras", tick=tick)

    assert (result.state, bool(result)) == ("gap", False)
    assert isinstance(result.error, SourceUnavailable)
    assert [one.tick for one in project.gaps("compras")] == [datetime.fromisoformat(tick)]
    assert {one.outcome for one in project.history("compras")} == {"ok", "gap"}
    assert [one.outcome for one in project.history("compras", limit=1)] == ["ok"]


def test_too_many_broken_records_are_an_error_and_yet_all_is_kept(make: Make, shaky_api: str) -> None:
    project = make(url=f"{shaky_api}/gerar_compras/50")

    with pytest.raises(OverBudget, match="of 50 records broke the contract"):
        project.run("compras")

    (tick,) = project.history("compras")
    assert tick.landed + tick.quarantined == 50
    assert len({one.row for one in project.quarantine("compras")}) == tick.quarantined


def test_the_quarantine_gives_every_broken_record_with_its_place_and_its_bytes(make: Make, shaky_api: str) -> None:
    project = make(url=f"{shaky_api}/gerar_compras/50", budget=1)

    result = project.run("compras")

    found = list(project.quarantine("compras"))
    landed = project.table("compras").to_arrow()["_row"].to_pylist()
    assert sorted([one.row for one in found] + landed) == list(range(50))
    assert {one.tick for one in found} == {result.tick}
    assert {one.file for one in found} == set(result.quarantine)
    by_reason = {(one.path, one.reason): one.raw for one in found}
    assert json.loads(by_reason["$.price", "null"])["price"] is None
    assert "dateTime" not in json.loads(by_reason["$.dateTime", "missing"])


def test_a_page_that_is_no_data_is_in_the_quarantine_whole(make: Make) -> None:
    project = make("gerar_compras/5?fault=error-answer")

    result = project.settle("compras")

    (page,) = project.quarantine("compras")
    assert result.state == "rejected"
    assert (page.row, page.path, page.tick) == (None, None, result.tick)
    assert json.loads(page.raw) == {"error": "the purchases could not be made"}


def test_the_quarantine_is_read_file_by_file_as_it_is_asked_for(make: Make, shaky_api: str) -> None:
    project = make(url=f"{shaky_api}/gerar_compras/50", budget=1)
    project.settle("compras")
    project.settle("compras")
    reading = project.quarantine("compras")
    first = next(reading)
    for file in (project.root / "lake/compras/_quarantine").iterdir():
        if file.name not in first.file:
            file.unlink()

    assert next(reading).file == first.file


def test_a_contract_may_be_a_dict_a_table_or_a_class(make: Make) -> None:
    written = {"ean": "int", "price": {"type": "float"}, "store": "int", "dateTime": "str"}

    assert make(contract=CONTRACT).terms("compras") == make(contract=written).terms("compras")
    assert make(contract=CONTRACT).terms("compras") == make(contract=Purchase).terms("compras")


def test_a_table_has_exactly_what_the_records_name(make: Make) -> None:
    project = make()
    project.run("compras")
    stray = project.root / "lake/compras/data/tick_date=2020-01-01"
    stray.mkdir()
    (stray / "000000009.parquet").write_bytes(b"somebody else's")

    table = project.table("compras")
    arrow = table.to_arrow()

    assert arrow.num_rows == len(table) == 50
    assert arrow.column_names == ["ean", "price", "store", "dateTime", "_tick", "_row", "_fetched_at"]
    assert arrow["_row"].to_pylist() == list(range(50))
    assert len(table.objects) == 1


def test_objects_of_different_contracts_are_put_together_by_the_names_of_columns(make: Make) -> None:
    make().run("compras")
    project = make("gerar_compras/3", contract=WithProduct)
    project.run("compras")

    arrow = project.table("compras").to_arrow()

    assert arrow["product"].null_count == 50
    assert all(arrow["product"].to_pylist()[50:])
    assert arrow.column_names[-3:] == ["_tick", "_row", "_fetched_at"]
    assert sum(batch.num_rows for batch in project.table("compras").batches(["ean"])) == 53


def test_a_column_whose_type_has_changed_is_told_and_can_be_left_out(make: Make) -> None:
    make().run("compras")
    project = make(contract={**CONTRACT, "dateTime": "timestamp"})
    project.run("compras")
    table = project.table("compras")

    with pytest.raises(Misconfigured, match=r"'dateTime' was string and became timestamp"):
        table.to_arrow()
    assert table.to_arrow(["ean", "_tick"]).column_names == ["ean", "_tick"]
    with pytest.raises(Misconfigured, match="no column 'when'"):
        table.to_arrow(["when"])


def test_polars_and_duckdb_see_the_same_rows(make: Make) -> None:
    project = make()
    project.run("compras")
    table = project.table("compras")

    frame = table.to_polars()
    relation = table.to_duckdb()

    assert frame["ean"].to_list() == table.to_arrow()["ean"].to_pylist()
    assert relation.aggregate("count(*), min(_row), max(_row)").fetchall() == [(50, 0, 49)]


def test_an_empty_stream_has_a_table_with_its_columns(make: Make) -> None:
    project = make("gerar_compras/5?fault=500")
    project.settle("compras")

    assert project.table("compras").to_arrow().num_rows == 0
    assert "ean" in project.table("compras").to_arrow().column_names


def test_a_stream_that_never_started_says_so(make: Make) -> None:
    project = make()

    for method in (project.table, project.history, project.gaps, project.quarantine, project.verify):
        with pytest.raises(NeverStarted):
            method("compras")
    assert not project.status()[0].started
    assert project.verify(), "as for the command, what never started is not checked unless it is named"


def test_status_history_and_verify_agree(make: Make) -> None:
    project = make()
    project.run("compras")
    project.run("compras")

    (status,) = project.status()
    audit = project.verify()

    assert (status.started, status.landed, status.waiting, status.gaps) == (True, 100, 0, 0)
    assert dict(status.ticks) == {"ok": 2}
    assert status.last == project.history("compras")[-1]
    assert audit
    assert [report.totals.landed for report in audit.reports] == [100]
    assert project.gaps("compras") == []


def test_a_missing_object_makes_the_audit_false(make: Make) -> None:
    project = make()
    result = project.run("compras")
    (project.root / "lake/compras" / str(result.object)).unlink()

    assert not project.verify("compras")
    assert not project.verify("compras", level=0)
    assert not project.verify("compras", level=3)


def test_check_tries_all_and_preview_lands_nothing(make: Make) -> None:
    project = make("gerar_compras/5")

    checks = project.check()
    seen = project.preview("compras", limit=2)

    assert [(one.name, one.error) for one in checks] == [("contract", None), ("request", None), ("store", None)]
    assert [one.name for one in project.check(offline=True)] == ["contract"]
    assert (seen.received, seen.landed, len(seen.rows), list(seen.rejects)) == (5, 5, 2, [])
    assert not project.status()[0].started


def test_an_audit_reads_as_deep_as_it_is_asked_to(make: Make) -> None:
    project = make()
    landed = project.root / "lake/compras" / str(project.run("compras").object)
    landed.write_bytes(landed.read_bytes().replace(b"PAR1", b"par1", 1))

    assert [bool(project.verify("compras", level=level)) for level in (0, 1, 2, 3)] == [True, True, False, False]
    assert not project.verify("compras", level=2, subset="1/2")
    assert project.verify("compras", level=2, subset="2/2")
    for wrong in ({"level": 4}, {"level": -1}, {"level": 1, "subset": "1/2"}, {"level": 2, "subset": "half"}):
        with pytest.raises(WrongQuestion):
            project.verify("compras", **wrong)


def test_a_store_that_is_gone_is_told_and_no_table_is_made_up(make: Make) -> None:
    project = make()
    project.run("compras")
    (project.root / "lake").rename(project.root / "away")

    with pytest.raises(StoreUnavailable):
        project.table("compras")
    with pytest.raises(StoreUnavailable):
        project.verify()


def test_a_service_runs_in_a_thread_until_it_is_told_to_stop(make: Make) -> None:
    project = make("gerar_compras/5", every="1s")
    stop, landed = threading.Event(), threading.Event()
    ended: list[bool] = []

    def tell(event: Event) -> None:
        if isinstance(event, Landed):
            landed.set()

    service = threading.Thread(target=lambda: ended.append(project.up(stop=stop, tell=tell)))
    service.start()
    try:
        assert landed.wait(20)
        with pytest.raises(Busy):
            project.run("compras")
    finally:
        stop.set()
        service.join(20)

    assert ended == [True]
    assert project.table("compras").to_arrow().num_rows > 0


def test_the_error_of_a_stream_that_cannot_be_collected_comes_out_of_up(make: Make) -> None:
    make().run("compras")
    other = Project.define(
        "other",
        root=make().root,
        store={"lake": {"url": "file://./lake"}},
        spool={"allow_tmpfs": True, "path": "other"},
        stream={"compras": {"url": "http://127.0.0.1:9/", "every": "1m", "contract": CONTRACT}},
    )

    with pytest.raises(Misconfigured, match="belongs to stream"):
        other.up()


def test_every_mistake_of_a_definition_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        Project.define("compras", root=tmp_path, store={"lake": {"url": "ftp://x"}}, stream={"compras": {"evry": "1m"}})

    text = str(caught.value)
    assert "(defined in Python)" in text
    assert "did you mean 'every'" in text
    assert "unknown kind of store 'ftp'" in text


def test_a_mistake_in_a_stream_name_names_the_nearest(make: Make) -> None:
    with pytest.raises(Misconfigured) as caught:
        make().run("compra")

    assert caught.value.hint == "did you mean 'compras'?"


def test_init_writes_the_example_and_loads_it(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "shop")

    assert project.streams == ("compras",)
    with pytest.raises(Misconfigured, match="exists already"):
        Project.init(tmp_path / "shop")


def test_every_result_has_the_words_of_the_command_line() -> None:
    tick = datetime(2026, 11, 24, tzinfo=UTC)

    truths = {state: bool(Result("compras", tick, state)) for state in (
        "ok", "empty", "unchanged", "settled_before", "superseded", "rejected", "gap", "waiting"
    )}  # fmt: skip

    assert [state for state, good in truths.items() if not good] == ["rejected", "gap", "waiting"]


def test_every_command_that_is_no_program_of_its_own_is_a_method() -> None:
    from coleta.cli import main
    from coleta.cli.doors import Doors
    from coleta.wiring import config_schema, open_app, serve_mock, start_demo, write_example

    program = main.build(Doors("0", open_app, write_example, serve_mock, start_demo, config_schema))
    names = {command.name for command in program.registered_commands}
    groups = {group.typer_instance.info.name for group in program.registered_groups if group.typer_instance}
    methods = {name for name, _ in inspect.getmembers(Project, callable)}

    assert names - methods == {"demo", "mock"}
    assert groups - methods == set()
    assert "config_schema" in methods
