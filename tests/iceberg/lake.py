"""Streams with an Iceberg table, for tests: collected from answers, and read as others read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from tests.surfaces.test_types_round_trip import answering

from coleta import Project

LONG = "á" * 5000
"""Longer than what Parquet keeps of a text in its statistics."""

Row = dict[str, Any]


def project(root: Path, contract: Mapping[str, object], url: object = "http://127.0.0.1:1/", **more: object) -> Project:
    """A project in `root` with one stream, ``coisas``, and its table. ``store`` is where it lands."""
    store = more.pop("store", {"url": "file://./lake"})
    stream = {"url": url, "every": "1m", "deadline": "1s", "contract": contract, "table": "iceberg", **more}
    if stream["table"] is None:
        del stream["table"]
    return Project.define(
        "loja",
        root=root,
        store={"lake": store},
        spool={"allow_tmpfs": True},
        stream={"coisas": stream},
    )


def collect(root: Path, contract: Mapping[str, object], answers: Sequence[str], **more: object) -> list[Row]:
    """The rows of the stream's data objects, after an object more for each of `answers`."""
    publish(root, contract, answers, **more)
    return by_id(project(root, contract, **more).table("coisas").to_arrow().to_pylist())


def publish(root: Path, contract: Mapping[str, object], answers: Sequence[str], **more: object) -> None:
    """Collect, land and register an object for each of `answers`."""
    for answer in answers:
        with answering(answer.replace("LONGER", LONG + "b").replace("LONG", LONG + "a").encode()) as url:
            project(root, contract, url, **more).run("coisas")


def catalog(root: Path) -> SqlCatalog:
    """The catalog as a reader has it, with nothing of ours."""
    return SqlCatalog("coleta", uri=f"sqlite:///{root}/lake/iceberg.sqlite")


def table(root: Path) -> Table:
    """The stream's table as a reader has it."""
    return catalog(root).load_table("loja.coisas")


def by_id(rows: list[Row]) -> list[Row]:
    """`rows`, without the objects' folders' date, in the order of their ids."""
    return sorted(({k: v for k, v in row.items() if k != "tick_date"} for row in rows), key=lambda row: int(row["id"]))


def ids(root: Path) -> list[int]:
    """The ids that a reader finds, in order."""
    return sorted(table(root).scan(selected_fields=("id",)).to_arrow()["id"].to_pylist())
