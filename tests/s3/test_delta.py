"""A Delta table in a real S3 over a line where anything may happen to a request: each data object once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from tests.s3.desk import SHORT, Desk
from tests.s3.proxy import Fault, FaultyProxy, once
from tests.s3.service import LANDER, S3Service
from tests.surfaces.test_types_round_trip import answering

from coleta import APICollector, CompraSchema, S3Client
from coleta.adapters.delta_place import delta_in_bucket
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.ports import Table
from coleta.runtime.lander import land
from coleta.runtime.publisher import shelf_of
from coleta.runtime.registering import publish_all
from coleta.runtime.station import Station
from coleta.stream import Store
from coleta.testing.samples import spooled_answer


@pytest.fixture
def proxy(s3: S3Service) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def desk(s3: S3Service, proxy: FaultyProxy) -> Desk:
    return Desk(proxy, s3)


def table_of(desk: Desk, endpoint: str) -> Table:
    place = Store(desk.url, endpoint=endpoint, timeout=SHORT)
    variables = {"AWS_ACCESS_KEY_ID": LANDER.access_key, "AWS_SECRET_ACCESS_KEY": LANDER.secret_key}
    return delta_in_bucket(place, "compras", desk.direct, environment=lambda: variables, folder=Path())


def publish_until_done(station: Station, table: Table, tries: int = 20) -> None:
    for _ in range(tries):
        try:
            list(publish_all(shelf_of(station, table)))
            return
        except StoreUnavailable:
            continue
    pytest.fail("it does not come to an end")


def options(s3: S3Service) -> dict[str, str]:
    return {
        "aws_access_key_id": LANDER.access_key,
        "aws_secret_access_key": LANDER.secret_key,
        "aws_endpoint": s3.endpoint,
        "aws_region": "us-east-1",
        "allow_http": "true",
    }


def check(desk: Desk, s3: S3Service, eans: list[int]) -> None:
    """Every row is there once, and each data object was added by one commit."""
    read = DeltaTable(f"{desk.url}/compras", storage_options=options(s3)).to_pyarrow_table()
    assert sorted(read["ean"].to_pylist()) == eans
    added: Counter[str] = Counter()
    for name in desk.direct.names("_delta_log/"):
        if name.endswith(".json"):
            actions = [json.loads(line) for line in (desk.direct.read(name) or b"").splitlines()]
            added.update(action["add"]["path"] for action in actions if "add" in action)
    assert sorted(added) == desk.objects()
    assert set(added.values()) == {1}


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.SCRIPTED, Fault.STALL)])
@pytest.mark.parametrize("part", ["00000000000000000000.json", "00000000000000000001.json"])
def test_whatever_befalls_a_commit_of_the_table_each_object_is_registered_once(
    desk: Desk, s3: S3Service, proxy: FaultyProxy, fault: Fault, part: str
) -> None:
    desk.wait_for_landing(1)
    station = desk.station()
    land(station)
    table = table_of(desk, proxy.url)
    proxy.plan = once(fault, part=part)

    publish_until_done(station, table)
    proxy.release()
    spooled_answer(desk.spool, 3, pages=[b'[{"ean":3,"price":1}]'])
    land(station)
    publish_until_done(station, table)

    check(desk, s3, [1, 3])
    assert any(seen.fault is fault for seen in proxy.seen)


def test_a_commit_that_was_applied_and_looked_lost_on_every_try_is_found(
    desk: Desk, s3: S3Service, proxy: FaultyProxy
) -> None:
    desk.wait_for_landing(1)
    station = desk.station()
    land(station)
    table = table_of(desk, proxy.url)
    publish_until_done(station, table)
    for n in range(3, 6):
        spooled_answer(desk.spool, n, pages=[f'[{{"ean":{n},"price":1}}]'.encode()])
        land(station)
        proxy.plan = once(Fault.ERROR_AFTER, part="_delta_log", times=6)
        publish_until_done(station, table)

    check(desk, s3, [1, 3, 4, 5])


def test_publishing_deletes_nothing_and_overwrites_no_data_and_no_commit(
    desk: Desk, s3: S3Service, proxy: FaultyProxy
) -> None:
    station, table = desk.station(), table_of(desk, proxy.url)
    for n in range(3, 15):
        spooled_answer(desk.spool, n, pages=[f'[{{"ean":{n},"price":1}}]'.encode()])
        land(station)
        proxy.seen.clear()
        publish_until_done(station, table)
        written = [one for one in proxy.seen if one.method not in ("GET", "HEAD")]
        assert {one.method for one in written} == {"PUT"}
        assert all("/_delta_log/" in one.path for one in written)
        assert all(one.headers.get("if-none-match") == "*" for one in written if one.path.endswith(".json"))

    check(desk, s3, list(range(3, 15)))
    assert [name for name in desk.direct.names("_delta_log/") if "checkpoint.parquet" in name]


def test_an_outage_is_no_dropped_table(desk: Desk, s3: S3Service, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    station = desk.station()
    land(station)
    table = table_of(desk, proxy.url)
    publish_until_done(station, table)
    before = list(desk.direct.names("_delta_log/"))
    proxy.plan = lambda seen: Fault.DENIED if "_delta_log" in seen.path or "list-type" in seen.path else Fault.NONE

    with pytest.raises(StoreUnavailable):
        table.open(station.identity.uuid)

    assert list(desk.direct.names("_delta_log/")) == before


TOML = """\
version = 1
project = "delta"
[spool]
allow_tmpfs = true
[store.lake]
url = "{url}"
endpoint = "{endpoint}"
region = "us-east-1"
access_key = "env:LAKE_KEY"
secret_key = "env:LAKE_SECRET"
[stream.coisas]
url = "{api}"
every = "1m"
deadline = "2s"
table = "delta"
contract = {{ id = "int", "preço é. x" = "decimal(9,2)?" }}
"""


def test_a_project_keeps_a_table_in_a_bucket_with_its_own_settings_and_no_others(s3: S3Service, tmp_path: Path) -> None:
    url = s3.url()
    of_others = {
        "AWS_ACCESS_KEY_ID": "of-others", "AWS_SECRET_ACCESS_KEY": "of-others", "AWS_SESSION_TOKEN": "of-others",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "elsewhere-1", "AWS_S3_ALLOW_UNSAFE_RENAME": "true",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "elsewhere-1",
    }  # fmt: skip
    environment = {
        **os.environ, **of_others, "LAKE_KEY": LANDER.access_key, "LAKE_SECRET": LANDER.secret_key,
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }  # fmt: skip
    with answering('[{"id": 1, "preço é. x": "0.10"}, {"id": 2}]'.encode()) as api:
        (tmp_path / "coleta.toml").write_text(TOML.format(url=url, endpoint=s3.endpoint, api=api), encoding="utf-8")
        for words in (["run", "coisas"], ["run", "coisas"], ["publish"], ["verify"]):
            done = subprocess.run(
                [sys.executable, "-m", "coleta", *words],
                cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert LANDER.secret_key not in done.stdout + done.stderr
            assert "of-others" not in done.stdout + done.stderr

    read = pl.read_delta(f"{url}/coisas", storage_options=options(s3))
    assert sorted(read["id"].to_list()) == [1, 1, 2, 2]
    assert read["preço é. x"].null_count() == 2


# The tutorial's place ------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["s3://lake/{}", "{}", "s3a://lake/{}/"])
def test_the_tutorials_collector_keeps_its_table_where_delta_lake_s3_path_says(
    s3: S3Service, tmp_path: Path, written: str
) -> None:
    key = f"{s3.url().removeprefix('s3://lake/')}/delta/compras"
    variables = {**s3.environment(LANDER), "S3_BUCKET_NAME": "lake", "DELTA_LAKE_S3_PATH": written.format(key)}
    aws = S3Client(variables, folder=tmp_path)
    with serve_in_background(Settings(seed=7)) as api:
        collector = APICollector(
            CompraSchema, aws, base_url=api, root=tmp_path, table="delta", spool={"allow_tmpfs": True}
        )
        assert collector.start(50)

    read = DeltaTable(f"s3://lake/{key}", storage_options=options(s3)).to_pyarrow_table()
    assert read.num_rows == 50
    assert collector.fileName().startswith(f"{key}/data/")


def test_a_place_in_another_bucket_is_refused(s3: S3Service, tmp_path: Path) -> None:
    variables = {**s3.environment(LANDER), "S3_BUCKET_NAME": "lake", "DELTA_LAKE_S3_PATH": "s3://other/delta"}
    aws = S3Client(variables, folder=tmp_path)

    with pytest.raises(Misconfigured, match="DELTA_LAKE_S3_PATH"):
        APICollector(CompraSchema, aws, root=tmp_path, table="delta")
