"""A catalog in PostgreSQL, by the program as a person sets it up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from tests.iceberg.lake import project, publish
from tests.iceberg.services import PASSWORD, CatalogService

from coleta.errors import StoreUnavailable

CONTRACT: dict[str, object] = {"id": "int"}


def test_two_that_publish_at_once_register_each_object_once(postgres: CatalogService, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(postgres.url)
    store = {"url": "file://./lake", "catalog": "file:url", "namespace": postgres.name()[0]}
    publish(tmp_path, CONTRACT, ['[{"id": 1}]', '[{"id": 2}]', '[{"id": 3}]'], store=store, table=None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: project(tmp_path, CONTRACT, store=store).publish("coisas"), range(2)))

    reader = SqlCatalog("coleta", uri=postgres.url)
    found = reader.load_table(f"{store['namespace']}.coisas").scan().to_arrow()["id"].to_pylist()
    reader.close()
    assert sorted(found) == [1, 2, 3]
    assert project(tmp_path, CONTRACT, store=store).verify("coisas")


def test_a_database_that_does_not_let_one_in_is_an_outage_that_shows_no_password(
    postgres: CatalogService, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(postgres.url.replace(PASSWORD, "s3cr3t"))
    store = {"url": "file://./lake", "catalog": "file:url"}

    publish(tmp_path, CONTRACT, ['[{"id": 1}]'], store=store)

    with pytest.raises(StoreUnavailable, match="password authentication failed") as told:
        project(tmp_path, CONTRACT, store=store).publish("coisas")

    assert "s3cr3t" not in f"{told.value} {told.value.hint}"
