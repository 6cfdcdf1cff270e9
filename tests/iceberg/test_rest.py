"""A REST catalog: what is sent to it, and that no answer of it, and none at all, registers an object twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.iceberg.lake import project
from tests.iceberg.rest import CREDENTIAL, PREFIX, TOKEN, RestService, play_rest

from coleta.adapters.below import Below
from coleta.adapters.file_store import FileStore
from coleta.adapters.iceberg_place import iceberg_table
from coleta.adapters.iceberg_table import IcebergRegister
from coleta.errors import Doubtful, Misconfigured, StoreUnavailable
from coleta.land.table import columns_of
from coleta.land.watermark import DataFile
from coleta.stream import SecretRef, Store
from coleta.testing.samples import UUID, sample_terms

WITH_TOKEN = Store("", catalog_token=SecretRef("env:TOKEN"), catalog_warehouse="lager")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RestService]:
    with play_rest(tmp_path / "service") as service:
        yield service


def register(service: RestService, folder: Path, place: Store = WITH_TOKEN, **variables: str) -> IcebergRegister:
    lake = folder / "lake"
    store = Below(FileStore(lake, create=True), "compras")
    said = {"TOKEN": TOKEN, "CREDENTIAL": CREDENTIAL, **variables}
    place = replace(place, url=f"file://{lake}", catalog=place.catalog or service.url)
    name = ("loja", "compras")
    return iceberg_table(place, "compras", name, store, folder=lake / "compras", environment=lambda: said, root=folder)


def file(n: int) -> DataFile:
    return DataFile(f"data/tick_date=2026-11-24/{n:09d}.parquet", 1000 + n, "2026-11-24", 0, 2, {})


def made(service: RestService, folder: Path) -> IcebergRegister:
    table = register(service, folder)
    table.create(columns_of(sample_terms()), log=UUID)
    return table


def until_it_holds(table: IcebergRegister, n: int) -> None:
    """As publishing does it: whatever happens, the table is opened anew, and says whether to go on."""
    for _ in range(3):
        opened = table.open(UUID)
        assert opened is not None
        if opened.state.seq >= n:
            return
        try:
            opened.register([file(n)], until=n)
        except Doubtful:
            continue
    raise AssertionError("it takes no commit")


@pytest.mark.parametrize("fault", [0, 409, 429, 500, -500, 502, -502, 503, -503, 504, -504, 401])
def test_whatever_it_says_of_a_commit_each_object_is_in_the_table_once(
    fault: int, service: RestService, tmp_path: Path
) -> None:
    table = made(service, tmp_path)
    service.faults = [fault]

    for n in (1, 2):
        until_it_holds(table, n)

    found = service.catalog.load_table("loja.compras")
    assert len(list(found.scan().plan_files())) == 2
    assert table.rows() == 4
    # One that came to be is not asked for again: that is read from the table.
    assert service.commits() == (2 if fault <= 0 else 3)


def test_what_is_sent_holds_our_token_alone_and_asks_for_no_keys(service: RestService, tmp_path: Path) -> None:
    until_it_holds(made(service, tmp_path), 1)

    for _, path, headers in service.asked:
        assert headers["authorization"] == f"Bearer {TOKEN}"
        assert "x-iceberg-access-delegation" not in headers
        assert path == "/iceberg/v1/config?warehouse=lager" or path.startswith(f"/iceberg/v1/{PREFIX}/")


def test_a_credential_is_given_for_a_token_and_one_that_ends_is_asked_for_anew(
    service: RestService, tmp_path: Path
) -> None:
    place = replace(WITH_TOKEN, catalog_token=None, catalog_credential=SecretRef("env:CREDENTIAL"))
    table = register(service, tmp_path, place)
    table.create(columns_of(sample_terms()), log=UUID)
    service.token = "another"

    until_it_holds(table, 1)

    assert table.rows() == 2
    assert CREDENTIAL not in str(service.asked)


def test_a_wrong_token_is_told_and_not_shown(service: RestService, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be read") as told:
        register(service, tmp_path, TOKEN="s3cr3t").open(UUID)

    assert "s3cr3t" not in f"{told.value} {told.value.hint}"


def test_no_word_of_the_service_chooses_what_reads_files_or_who_gets_the_token(
    service: RestService, tmp_path: Path
) -> None:
    service.overrides = {"py-io-impl": "no.such.Module", "token": "theirs", "oauth2-server-uri": "http://elsewhere/"}

    until_it_holds(made(service, tmp_path), 1)

    assert {headers["authorization"] for _, _, headers in service.asked} == {f"Bearer {TOKEN}"}


def test_a_service_that_leads_to_an_open_address_is_refused(service: RestService, tmp_path: Path) -> None:
    service.overrides = {"uri": "http://catalog.test/"}

    with pytest.raises(Misconfigured, match="not https"):
        register(service, tmp_path).open(UUID)


def test_a_service_that_does_not_answer_is_waited_for_only_so_long(service: RestService, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = replace(WITH_TOKEN, catalog=url, timeout=timedelta(seconds=0.2))

        with pytest.raises(StoreUnavailable, match="timed out"):
            register(service, tmp_path, place).open(UUID)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"catalog": "http://catalog.test/"}, "not https"),
        ({"catalog_token": "env:T"}, "needs catalog beside it"),
        ({"catalog": "https://c.test", "catalog_token": "env:T", "catalog_credential": "env:C"}, "one way to log in"),
        ({"catalog": "https://c.test", "catalog_scope": "all"}, "needs catalog_credential beside it"),
        ({"catalog": "https://c.test", "catalog_token": "s3cr3t"}, "catalog_token"),
        (
            {"catalog": "https://c.test", "catalog_credential": "env:C", "catalog_auth_url": "http://a.test/"},
            "not https",
        ),
    ],
)
def test_what_a_store_says_of_its_catalog_is_checked(said: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=told) as refused:
        project(tmp_path, {"id": "int"}, store={"url": "file://./lake", **said})

    assert "s3cr3t" not in str(refused.value)
