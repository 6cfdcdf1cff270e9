"""Where the catalog of Iceberg tables is: what the project file may say, and what it says where that is not enough."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.iceberg.lake import ids, project, publish

from coleta.adapters.file_store import FileStore
from coleta.adapters.iceberg_place import iceberg_table
from coleta.errors import Misconfigured
from coleta.land.table import columns_of
from coleta.land.watermark import DataFile
from coleta.stream import Store
from coleta.testing.samples import UUID, sample_terms

CONTRACT: dict[str, object] = {"id": "int"}


def test_a_catalog_lies_where_the_store_says_relative_to_the_project(tmp_path: Path) -> None:
    publish(
        tmp_path, CONTRACT, ['[{"id": 1}]'], store={"url": "file://./lake", "catalog": "sqlite:///lake/../c.sqlite"}
    )

    assert (tmp_path / "c.sqlite").exists()
    (tmp_path / "c.sqlite").rename(tmp_path / "lake/iceberg.sqlite")
    assert ids(tmp_path) == [1]


@pytest.mark.parametrize("written", ["postgresql://ana:s3cr3t@db/x", "postgresql+psycopg://ana:s3cr3t@db:5432/x"])
def test_a_password_in_the_project_file_is_refused_and_not_shown(tmp_path: Path, written: str) -> None:
    with pytest.raises(Misconfigured, match='write catalog = "env:NAME"') as told:
        project(tmp_path, CONTRACT, store={"url": "file://./lake", "catalog": written})

    assert "s3cr3t" not in str(told.value) + str(told.value.hint)


@pytest.mark.parametrize("written", ["lake/catalog.sqlite", "sqlite:catalog", "sqlite://", "https"])
def test_what_is_no_url_of_a_database_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(Misconfigured, match="must be"):
        project(tmp_path, CONTRACT, store={"url": "file://./lake", "catalog": written})


def test_a_store_whose_tables_are_in_no_catalog_takes_none(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="stores only"):
        project(tmp_path, CONTRACT, store={"url": "webdavs://host/x", "exclusive": True, "catalog": "env:CATALOG_URL"})


@pytest.mark.parametrize(
    ("store", "where"),
    [
        (Store("az://lake/a", account="acme"), "abfss://lake@acme.dfs.core.windows.net/a/coisas/"),
        (Store("az://lake", account="acme"), "abfss://lake@acme.dfs.core.windows.net/coisas/"),
        (
            Store("az://lake", account="acme", endpoint="https://acme.blob.core.usgovcloudapi.net"),
            "abfss://lake@acme.dfs.core.usgovcloudapi.net/coisas/",
        ),
        (Store("abfss://lake@acme.dfs.core.windows.net/a"), "abfss://lake@acme.dfs.core.windows.net/a/coisas/"),
        (Store("gs://lake/a"), "gs://lake/a/coisas/"),
    ],
)
def test_files_in_a_cloud_are_named_as_readers_write_them(store: Store, where: str, tmp_path: Path) -> None:
    lake = FileStore(tmp_path / "lake", create=True)
    place = replace(store, catalog=f"sqlite:///{tmp_path}/c.sqlite")
    table = iceberg_table(place, "coisas", ("loja", "coisas"), lake, folder=None, environment=dict, root=tmp_path)
    table.create(columns_of(sample_terms()), log=UUID)
    opened = table.open(UUID)
    assert opened is not None

    opened.register([DataFile("data/1.parquet", 1, "2026-11-24", 0, 1, {})], until=1)

    assert table.rows() == 1
    (location,) = sqlite3.connect(tmp_path / "c.sqlite").execute("SELECT metadata_location FROM iceberg_tables")
    assert location[0].startswith(f"{where}_iceberg/metadata/")
