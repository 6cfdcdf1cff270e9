"""A Delta table in Azurite, over a line where anything may happen to a request: each data object once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from deltalake import DeltaTable
from tests.clouds.azurite import AzureService, sas_token
from tests.clouds.google import GoogleService, account_key
from tests.s3.desk import SHORT, Desk
from tests.s3.proxy import Fault, FaultyProxy, once
from tests.surfaces.test_types_round_trip import answering

from coleta.adapters.delta_place import delta_in_bucket
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.ports import Table
from coleta.runtime.lander import land
from coleta.runtime.publisher import shelf_of
from coleta.runtime.registering import publish_all
from coleta.runtime.station import Station
from coleta.stream import SecretRef, Store
from coleta.testing.memory import MemoryStore
from coleta.testing.samples import spooled_answer

# A turned bit is left out, as for data objects: nothing that is sent lets this store find it.
FAULTS = [fault for fault in Fault if fault not in (Fault.SCRIPTED, Fault.STALL, Fault.CORRUPT)]


@pytest.fixture
def proxy(azure: AzureService) -> Iterator[FaultyProxy]:
    with FaultyProxy(azure.endpoint) as proxy:
        yield proxy


@pytest.fixture
def desk(azure: AzureService, proxy: FaultyProxy) -> Desk:
    return Desk(proxy, azure)


def table_of(desk: Desk, service: AzureService) -> Table:
    """The table as somebody has it who may read, write and list, and not delete."""
    variables = replace(service, login={"AZURE_STORAGE_SAS_TOKEN": sas_token("rcwl")}).environment()
    place = Store(desk.url, timeout=SHORT)
    return delta_in_bucket(place, "compras", desk.direct, environment=lambda: variables, folder=Path())


def publish_until_done(station: Station, table: Table, tries: int = 20) -> None:
    for _ in range(tries):
        try:
            list(publish_all(shelf_of(station, table)))
            return
        except StoreUnavailable:
            continue
    pytest.fail("it does not come to an end")


def options(azure: AzureService) -> dict[str, str]:
    return {
        "azure_storage_account_name": azure.account,
        "azure_storage_endpoint": f"{azure.endpoint}/{azure.account}",
        "azure_storage_account_key": azure.login["AZURE_STORAGE_ACCOUNT_KEY"],
        "allow_http": "true",
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", ["00000000000000000000.json", "00000000000000000001.json"])
def test_whatever_befalls_a_commit_of_the_table_each_object_is_registered_once(
    desk: Desk, azure: AzureService, proxy: FaultyProxy, fault: Fault, part: str
) -> None:
    desk.wait_for_landing(1)
    station = desk.station()
    land(station)
    table = table_of(desk, azure.at(proxy.url))
    proxy.plan = once(fault, part=part)

    publish_until_done(station, table)
    proxy.release()
    spooled_answer(desk.spool, 3, pages=[b'[{"ean":3,"price":1}]'])
    land(station)
    publish_until_done(station, table)

    read = DeltaTable(f"{desk.url}/compras", storage_options=options(azure)).to_pyarrow_table()
    assert sorted(read["ean"].to_pylist()) == [1, 3]
    added: Counter[str] = Counter()
    for name in desk.direct.names("_delta_log/"):
        if name.endswith(".json"):
            actions = [json.loads(line) for line in (desk.direct.read(name) or b"").splitlines()]
            added.update(action["add"]["path"] for action in actions if "add" in action)
    assert sorted(added) == desk.objects()
    assert set(added.values()) == {1}
    assert any(seen.fault is fault for seen in proxy.seen)


TOML = """\
version = 1
project = "delta"
[spool]
allow_tmpfs = true
[store.lake]
url = "{url}"
account = "{account}"
endpoint = "{endpoint}"
account_key = "env:LAKE_KEY"
[stream.coisas]
url = "{api}"
every = "1m"
deadline = "2s"
table = "delta"
contract = {{ id = "int" }}
"""


def test_a_project_keeps_a_table_in_a_container_with_its_own_settings_and_no_others(
    azure: AzureService, tmp_path: Path
) -> None:
    url = azure.url()
    of_others = {
        "AZURE_STORAGE_ACCOUNT_NAME": "others", "AZURE_STORAGE_ACCOUNT_KEY": "b2Ytb3RoZXJz",
        "AZURE_STORAGE_SAS_TOKEN": "sv=of-others&sig=of-others", "AZURE_STORAGE_TOKEN": "of-others",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1", "AZURE_CLIENT_SECRET": "of-others",
        "AZURE_CLIENT_ID": "of-others", "AZURE_TENANT_ID": "of-others",
    }  # fmt: skip
    environment = {
        **os.environ, **of_others, "LAKE_KEY": azure.login["AZURE_STORAGE_ACCOUNT_KEY"],
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }  # fmt: skip
    with answering(b'[{"id": 1}, {"id": 2}]') as api:
        text = TOML.format(url=url, account=azure.account, endpoint=azure.endpoint, api=api)
        (tmp_path / "coleta.toml").write_text(text, encoding="utf-8")
        for words in (["run", "coisas"], ["run", "coisas"], ["publish"], ["verify"]):
            done = subprocess.run(
                [sys.executable, "-m", "coleta", *words],
                cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert environment["LAKE_KEY"] not in done.stdout + done.stderr

    read = DeltaTable(f"{url}/coisas", storage_options=options(azure)).to_pyarrow_table()
    assert sorted(read["id"].to_pylist()) == [1, 1, 2, 2]


@pytest.mark.parametrize("url", ["sftp://host/lake", "webdavs://host/lake"])
def test_where_no_table_has_been_tried_none_is_made(url: str) -> None:
    with pytest.raises(Misconfigured, match="needs a bucket or a folder"):
        delta_in_bucket(Store(url), "compras", MemoryStore(), environment=dict, folder=Path())


def test_a_token_is_refused_for_a_table_at_google_before_anything_is_asked() -> None:
    place = Store("gs://lake/x", token=SecretRef("env:TOKEN"))

    with pytest.raises(Misconfigured, match="takes none for Google") as caught:
        delta_in_bucket(place, "compras", MemoryStore(), environment=dict, folder=Path())
    assert "service_account" in str(caught.value.hint)


GOOGLE = """\
version = 1
project = "delta"
[spool]
allow_tmpfs = true
[store.lake]
url = "{url}"
endpoint = "{endpoint}"
{login}
[stream.coisas]
url = "{api}"
every = "1m"
deadline = "2s"
table = "delta"
contract = {{ id = "int" }}
"""


@pytest.mark.parametrize("login", ['service_account = "file:key.json"', ""])
def test_a_project_keeps_a_table_in_a_bucket_that_is_played_with_its_own_settings(
    google: GoogleService, tmp_path: Path, login: str
) -> None:
    url = google.url()
    key = tmp_path / "key.json"
    key.write_text(account_key(), encoding="utf-8")
    environment = {
        **os.environ, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "nowhere.json") if login else str(key),
        "GOOGLE_BASE_URL": "http://127.0.0.1:1", "GOOGLE_SKIP_SIGNATURE": "true", "GOOGLE_BUCKET": "of-others",
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }  # fmt: skip
    with answering(b'[{"id": 1}, {"id": 2}]') as api:
        text = GOOGLE.format(url=url, endpoint=google.endpoint, login=login, api=api)
        (tmp_path / "coleta.toml").write_text(text, encoding="utf-8")
        for words in (["run", "coisas"], ["run", "coisas"], ["publish"], ["verify"]):
            done = subprocess.run(
                [sys.executable, "-m", "coleta", *words],
                cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr

    said = {
        "google_service_account_key": key.read_text(encoding="utf-8"), "google_base_url": google.endpoint,
        "allow_http": "true",
    }  # fmt: skip
    read = DeltaTable(f"{url}/coisas", storage_options=said).to_pyarrow_table()
    assert sorted(read["id"].to_pylist()) == [1, 1, 2, 2]
    commits = [one for one in google.asked if one.method == "PUT" and unquote(one.path).endswith(("0.json", "1.json"))]
    assert {one.headers.get("x-goog-if-generation-match") for one in commits} == {"0"}
    assert len(commits) >= 2


def test_an_account_that_only_delta_rs_would_take_is_refused(google: GoogleService, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(account_key(), encoding="utf-8")
    login = 'service_account = "file:key.json"'
    text = GOOGLE.format(url=google.url(), endpoint=google.endpoint, login=login, api="http://127.0.0.1:1")
    (tmp_path / "coleta.toml").write_text(text, encoding="utf-8")
    environment = {
        **os.environ, "GOOGLE_SERVICE_ACCOUNT": "/of/others.json", "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "coleta", "publish"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 78
    assert "GOOGLE_SERVICE_ACCOUNT" in done.stderr
