"""The tutorial's class and schema: the same calls, landed through the one pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.s3.service import S3Service

from coleta import APICollector, CompraSchema, GenericSchema, Project, S3Client
from coleta.cli.app import NeverStarted
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.errors import Misconfigured, OverBudget, SourceUnavailable
from coleta.library.given import Contract

Make = Callable[..., APICollector]


@pytest.fixture
def make(tmp_path: Path, api: str) -> Make:
    def making(schema: Contract = CompraSchema, **more: object) -> APICollector:
        keywords = {"base_url": api, "root": tmp_path, "spool": {"allow_tmpfs": True}, "deadline": "1s", **more}
        return APICollector(schema, "file://./lake", **keywords)  # type: ignore[arg-type]

    return making


@pytest.fixture(scope="module")
def shaky_api() -> Iterator[str]:
    with serve_in_background(Settings(seed=7, rate_broken=0.3)) as url:
        yield url


def test_the_schema_is_the_tutorials() -> None:
    schema: GenericSchema = CompraSchema

    assert schema == {"ean": int, "price": float, "store": int, "dateTime": str}


def test_fifty_purchases_are_asked_for_checked_and_landed(make: Make, tmp_path: Path) -> None:
    result = make().start(50)

    assert result
    assert (result.received, result.landed, result.quarantined) == (50, 50, 0)
    table = pq.read_table(tmp_path / "lake/api/compras" / str(result.object))
    assert table.num_rows == 50
    assert table.column_names[:4] == list(CompraSchema)


@pytest.mark.parametrize(("param", "received"), [(0, 1), (1, 1), (2, 2)])
def test_more_than_one_is_asked_for_by_number_and_else_one(make: Make, param: int, received: int) -> None:
    assert make().start(param).received == received


def test_each_start_is_a_tick_of_its_own_in_one_log(make: Make, tmp_path: Path) -> None:
    results = [make().start(2), make().start(3)]

    assert len({result.tick for result in results}) == 2
    assert [result.object and result.object[-17:] for result in results] == ["000000001.parquet", "000000002.parquet"]
    assert pq.read_table(tmp_path / "lake/api/compras/data").num_rows == 5


def test_what_breaks_the_contract_is_kept_apart_and_the_rest_is_landed(make: Make, shaky_api: str) -> None:
    result = make(base_url=shaky_api).start(50)

    assert result
    assert result.quarantined > 0
    assert result.landed + result.quarantined == 50


def test_the_tutorials_way_makes_bad_values_null(make: Make, shaky_api: str) -> None:
    result = make(base_url=shaky_api, on_violation="null").start(50)

    by_default = make(base_url=shaky_api, stream="by_default").start(50)
    assert result.nulled > 0
    assert result.landed > by_default.landed
    assert result.landed + result.quarantined == 50, "a text is no record, whatever becomes of bad values"


def test_a_whole_number_is_a_valid_price(make: Make) -> None:
    records = [{"ean": 1, "price": 7, "store": 11, "dateTime": "2026-11-24"}]

    assert make().extractData(records) == [{"ean": 1, "price": 7.0, "store": 11, "dateTime": "2026-11-24"}]


def test_without_an_answer_start_is_false_and_says_why_so_that_a_loop_goes_on(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    collector = make(base_url="http://127.0.0.1:9")

    result = collector.start(50)

    assert not result
    assert (result.state, result.reason) == ("gap", "refused")
    assert isinstance(result.error, SourceUnavailable)
    assert "no answer for tick" in caplog.text


def test_while_the_store_is_away_answers_wait_and_the_next_start_lands_them(make: Make, tmp_path: Path) -> None:
    collector = make()
    collector.start(2)
    (tmp_path / "lake").rename(tmp_path / "away")

    waiting = collector.start(3)
    (tmp_path / "away").rename(tmp_path / "lake")
    landed = collector.start(4)

    assert (waiting.state, bool(waiting)) == ("waiting", False)
    assert landed
    assert pq.read_table(tmp_path / "lake/api/compras/data").num_rows == 9


def test_the_steps_do_one_by_one_what_start_does_at_once(make: Make) -> None:
    collector = make()

    response = collector.getData(3)
    rows = collector.extractData(response)
    table = collector.transformDf(rows)
    parquet = collector.convertToParquet(table)

    assert len(response) == 3
    assert set(json.loads(json.dumps(response))[0]) > set(CompraSchema)
    assert [list(row) for row in rows] == [list(CompraSchema)] * 3
    assert pq.read_table(parquet).equals(table)


def test_the_steps_leave_out_or_null_what_breaks_the_contract(make: Make) -> None:
    records = [{"ean": "1", "price": 7.5, "store": 11, "dateTime": "2026-11-24"}, {"ean": 1}]

    assert make().extractData(records) == []
    assert make(on_violation="null").extractData(records) == [
        {"ean": None, "price": 7.5, "store": 11, "dateTime": "2026-11-24"},
        {"ean": 1, "price": None, "store": None, "dateTime": None},
    ]
    with pytest.raises(OverBudget):
        make(on_violation="reject").extractData(records)


def test_a_file_has_its_name_from_the_log(make: Make) -> None:
    collector = make()
    with pytest.raises(NeverStarted):
        collector.fileName()

    result = collector.start(2)

    assert collector.fileName() == f"api/compras/{result.object}"


@dataclass
class Purchase:
    ean: int
    price: float


def test_the_schema_may_be_a_class(make: Make, tmp_path: Path) -> None:
    result = make(Purchase).start(2)

    assert pq.read_table(tmp_path / "lake/api/compras" / str(result.object)).column_names[:2] == ["ean", "price"]


def test_what_is_wrong_is_said_when_it_is_made(make: Make) -> None:
    with pytest.raises(Misconfigured, match="unknown type 'integer'"):
        make({"ean": "integer"})
    with pytest.raises(Misconfigured, match="unknown key 'dedline'"):
        make(dedline="1s")


def test_a_project_goes_on_with_what_a_collector_began(make: Make, tmp_path: Path, api: str) -> None:
    make().start(2)
    project = Project.define(
        "compras",
        root=tmp_path,
        store={"lake": {"url": "file://./lake"}},
        spool={"allow_tmpfs": True},
        stream={
            "compras": {
                "path": "api/compras",
                "url": f"{api}/gerar_compras/3",
                "every": "1m",
                "contract": dict(CompraSchema),
            }
        },
    )

    assert project.run("compras")
    assert len(project.table("compras")) == 5
    assert project.verify()


def test_it_lands_in_a_bucket_with_the_clients_own_credentials(api: str, tmp_path: Path, s3: S3Service) -> None:
    aws = S3Client({**s3.environment(), "S3_BUCKET_NAME": "lake"}, folder=tmp_path)
    collector = APICollector(
        CompraSchema, aws, base_url=api, root=tmp_path, stream="in_a_bucket", spool={"allow_tmpfs": True}
    )

    result = collector.start(50)

    assert (bool(result), result.landed) == (True, 50)
    assert collector.fileName() in [one["Key"] for one in aws.list_object("api/in_a_bucket/")]
    assert pq.read_table(aws.download_file(collector.fileName())["Body"]).num_rows == 50
