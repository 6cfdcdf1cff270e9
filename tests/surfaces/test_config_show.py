"""The settings as they take effect: each with its value, where it comes from, and no secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from coleta import Project
from coleta.adapters.s3_bucket import Bucket
from coleta.settings import load_project
from coleta.settings.effective import Setting, effective
from coleta.settings.model import StreamTable

WHOLE = """\
version = 1
project = "shop"

[store.lake]
url = "s3://lake/x"
access_key = "env:LAKE_KEY"
secret_key = "file:lake.key"

[store.folder]
url = "file://./lake"

[stream.orders]
store = "folder"
url = "http://h/orders?api_key=abc&since={tick.start}"
cron = "0 6 * * *"
params = { token = "abc", city = "Recife" }
headers = { Authorization = "env:API_TOKEN", X-Key = "abc", Accept = "a/b" }
pages = { kind = "page_number" }
land = { every = "5m" }

[stream.orders.contract]
id = "int"
"the name" = { type = "str", path = "$.name" }
"""

Call = Callable[..., Any]
Shown = Callable[..., dict[str, Setting]]


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    """The settings of a project file, by their keys with dots between."""

    def showing(
        text: str = WHOLE, environment: Mapping[str, str] | None = None, to: str | None = None
    ) -> dict[str, Setting]:
        (tmp_path / "coleta.toml").write_text(text, encoding="utf-8")
        project = load_project(tmp_path, environment={}, to=to)
        return {".".join(one.keys): one for one in effective(project, environment or {})}

    return showing


def test_what_the_file_says_is_shown_with_its_line(shown: Shown) -> None:
    found = shown()

    assert found["project"] == Setting(("project",), "shop", "file", "coleta.toml:2")
    assert found["stream.orders.cron"] == Setting(("stream", "orders", "cron"), "0 6 * * *", "file", "coleta.toml:15")
    assert found["stream.orders.land.every"].where == "coleta.toml:19"
    assert found["stream.orders.contract.the name"].value == {"type": "str", "path": "$.name"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spool.quota", "10GB"),
        ("stream.orders.path", "orders"),
        ("stream.orders.zone", "UTC"),
        ("stream.orders.catch_up", "all"),
        ("stream.orders.deadline", "1m"),
        ("stream.orders.timeout", "30s"),
        ("stream.orders.expect", "array"),
        ("stream.orders.land.max_bytes", "256MB"),
        ("stream.orders.pages.first", 1),
    ],
)
def test_what_the_file_leaves_out_is_shown_as_its_default(shown: Shown, key: str, value: object) -> None:
    assert (shown()[key].value, shown()[key].origin, shown()[key].where) == (value, "default", None)


def test_defaults_that_depend_on_other_keys_are_those_that_are_used(shown: Shown) -> None:
    found = shown(WHOLE.replace('cron = "0 6 * * *"', 'every = "2h"').replace("&since={tick.start}", ""))

    assert found["stream.orders.deadline"].value == "2h"
    assert found["stream.orders.catch_up"].value == "latest"
    assert "stream.orders.zone" not in found


def test_what_has_no_value_is_left_out(shown: Shown) -> None:
    found = shown()

    assert {"stream.orders.every", "stream.orders.cursor", "store.folder.region"}.isdisjoint(found)


def test_no_key_of_a_stream_is_forgotten(shown: Shown) -> None:
    given = {name.split(".")[2] for name in shown() if name.startswith("stream.orders.")}

    missing = {name: field.default for name, field in StreamTable.model_fields.items() if name not in given}
    assert {name for name, default in missing.items() if default not in (None, (), {})} == set()
    assert {"path", "timeout", "deadline", "catch_up", "expect", "zone"} <= given


def test_a_secret_is_shown_as_its_reference_with_where_it_is(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LAKE_KEY=canary\n", encoding="utf-8")
    (tmp_path / "lake.key").write_text("canary", encoding="utf-8")

    found = shown(environment={"API_TOKEN": "canary"})

    assert [
        (found[key].value, found[key].secret)
        for key in ("store.lake.access_key", "store.lake.secret_key", "stream.orders.headers.Authorization")
    ] == [("env:LAKE_KEY", "in .env"), ("file:lake.key", "in the file"), ("env:API_TOKEN", "in the environment")]
    assert "canary" not in str(found)
    (tmp_path / "lake.key").unlink()
    assert shown()["store.lake.secret_key"].secret == "nowhere"
    assert shown()["stream.orders.headers.Authorization"].secret == "nowhere"


def test_a_value_that_may_be_secret_is_not_shown_though_it_stands_in_the_file(shown: Shown) -> None:
    found = shown()

    assert found["stream.orders.url"].value == "http://h/orders?api_key=***&since={tick.start}"
    assert found["stream.orders.params.token"].value == "***"
    assert found["stream.orders.params.city"].value == "Recife"
    assert found["stream.orders.headers.X-Key"].value == "***"
    assert found["stream.orders.headers.Accept"].value == "a/b"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_REGION": "sa-east-1", "AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_ENDPOINT_URL": "https://one.example", "AWS_ENDPOINT_URL_S3": "https://two.example"},
        {"AWS_ENDPOINT_URL": "https://one.example", "AWS_REGION": ""},
    ],
)
def test_a_buckets_place_is_shown_as_it_is_reached(shown: Shown, environment: dict[str, str], tmp_path: Path) -> None:
    found = shown(environment=environment)
    store = load_project(tmp_path, environment={}).store("s3://lake/x")
    bucket = Bucket(store, "lake", environment=lambda: environment, folder=tmp_path)

    assert (found["store.lake.region"].value, found["store.lake.endpoint"].value) == (bucket.region, bucket.endpoint)


def test_what_a_variable_says_is_shown_with_its_name_and_the_file_wins(shown: Shown, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_REGION=sa-east-1\n", encoding="utf-8")
    variables = {"AWS_ENDPOINT_URL": "https://key:canary@h", "AWS_ACCESS_KEY_ID": "canary"}

    found = shown(environment=variables)

    assert found["store.lake.region"] == Setting(("store", "lake", "region"), "sa-east-1", ".env", "AWS_REGION")
    assert found["store.lake.endpoint"].value == "***"
    assert found["store.lake.access_key"].origin == "file"
    text = WHOLE.replace('access_key = "env:LAKE_KEY"', 'region = "eu-west-1"').replace("secret_key", "#")
    found = shown(text, environment=variables)
    assert found["store.lake.region"].origin == "file"
    assert found["store.lake.access_key"].value == "env:AWS_ACCESS_KEY_ID"
    assert "canary" not in str(found)


def test_the_store_that_was_chosen_instead_is_shown(shown: Shown) -> None:
    store = shown(to="s3://elsewhere/x")["stream.orders.store"]

    assert (store.value, store.origin) == ("s3://elsewhere/x", "--to")


def test_a_project_of_python_has_settings_too() -> None:
    stream = {"url": "http://h/x", "every": "1m", "contract": {"id": int, "on": "date"}}
    project = Project.define("p", store={"lake": {"url": "file://./lake"}}, stream={"s": stream})

    found = {".".join(one.keys): one for one in project.config()}

    assert found["stream.s.contract.id"].value == "int"
    assert found["stream.s.every"].where == "(defined in Python)"
    assert (found["stream.s.store"].value, found["stream.s.store"].origin) == ("lake", "default")


def test_the_command_shows_a_line_for_each_setting(
    call: Callable[..., Any], write_project: Callable[..., Path]
) -> None:
    made = write_project()

    done = call("-C", made, "config", "show")
    document = call("-C", made, "config", "show", "--json").document

    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["KEY", "VALUE", "FROM", "SECRET"]
    assert ["stream.compras.every", '"1m"', "coleta.toml:9"] in lines
    assert ["stream.compras.budget", "0.1", "default"] in lines
    assert [one["key"] for one in document["settings"]] == [line[0] for line in lines[1:]]
    assert {"key": "stream.compras.every", "value": "1m", "from": "file", "where": "coleta.toml:9", "secret": None} in (
        document["settings"]
    )


IN_AZURE = 'url = "az://lake/x"\naccount = "one"\n'


def with_store(table: str) -> str:
    """The whole file, its bucket with `table` in place of its own keys."""
    old = 'url = "s3://lake/x"\naccess_key = "env:LAKE_KEY"\nsecret_key = "file:lake.key"\n'
    assert old in WHOLE
    return WHOLE.replace(old, table)


def test_a_container_is_shown_with_its_own_keys_and_variables(shown: Shown) -> None:
    variables = {"AZURE_STORAGE_ACCOUNT_KEY": "canary", "AZURE_STORAGE_ACCOUNT_NAME": "two", "AWS_REGION": "x"}

    found = shown(with_store(IN_AZURE), variables)

    assert found["store.lake.account"].value == "one"
    assert found["store.lake.endpoint"].value == "https://one.blob.core.windows.net"
    assert found["store.lake.account_key"].value == "env:AZURE_STORAGE_ACCOUNT_KEY"
    assert {"store.lake.region", "store.lake.path_style", "store.lake.access_key"}.isdisjoint(found)
    assert "canary" not in str(found)


def test_where_the_file_has_a_way_to_log_in_no_variable_stands_in_for_another(shown: Shown) -> None:
    text = with_store(f'{IN_AZURE}sas_token = "env:LAKE_SAS"\n')

    found = shown(text, {"AZURE_STORAGE_ACCOUNT_KEY": "canary", "LAKE_SAS": "canary"})

    assert (found["store.lake.sas_token"].value, found["store.lake.sas_token"].secret) == (
        "env:LAKE_SAS",
        "in the environment",
    )
    assert "store.lake.account_key" not in found
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("table", "shown_keys"),
    [
        ('url = "gs://lake/x"\nservice_account = "file:lake.json"\n', {"service_account", "endpoint"}),
        ('url = "sftp://h/x"\nuser = "u"\npassword = "env:P"\n', {"user", "password", "exclusive", "timeout"}),
        ('url = "webdavs://h/x"\ntoken = "env:T"\nexclusive = true\n', {"token", "exclusive", "allow_http"}),
    ],
)
def test_a_store_of_another_kind_is_shown_with_the_keys_that_mean_something_there(
    shown: Shown, table: str, shown_keys: set[str]
) -> None:
    given = {name.rpartition(".")[2] for name in shown(with_store(table)) if name.startswith("store.lake.")}

    assert given >= {"url", *shown_keys}
    assert given.isdisjoint({"region", "path_style", "access_key"})
