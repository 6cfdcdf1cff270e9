"""Where the catalog of Iceberg tables is: what the project file may say, and what it says where that is not enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.iceberg.lake import ids, project, publish

from coleta.errors import Misconfigured

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
    with pytest.raises(Misconfigured, match="goes with file:// or s3:// stores only"):
        project(tmp_path, CONTRACT, store={"url": "gs://bucket", "catalog": "env:CATALOG_URL"})
