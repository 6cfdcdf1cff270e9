"""What others do to an Iceberg table, and what the program says then: one that is not what it was stops publishing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.table.update import RemoveSnapshotRefUpdate
from pyiceberg.table.update.snapshot import ExpireSnapshots
from tests.iceberg.lake import catalog, ids, project, publish, table

from coleta.adapters.below import Below, BelowHousekeeping
from coleta.adapters.file_store import FileStore
from coleta.adapters.housekeeping import FileHousekeeping
from coleta.adapters.iceberg_place import iceberg_table
from coleta.adapters.iceberg_state import unnamed_after
from coleta.errors import Misconfigured, StoreUnavailable
from coleta.land.table import columns_of
from coleta.land.watermark import DataFile
from coleta.stream import Store
from coleta.testing.samples import UUID, sample_terms

CONTRACT: dict[str, object] = {"id": "int"}


def answers(*numbers: int) -> list[str]:
    return [json.dumps([{"id": n}]) for n in numbers]


def again(root: Path, *, accept: bool = False) -> None:
    project(root, CONTRACT).publish("coisas", accept=accept)


def add(root: Path, number: int) -> None:
    """Put a data object into the table as others may do."""
    one = next((root / "lake/coisas/data").rglob(f"{number:09d}.parquet"))
    table(root).add_files([f"file://{one}"], check_duplicate_files=False)


def sound(root: Path) -> bool:
    return bool(project(root, CONTRACT).verify("coisas"))


def test_it_says_how_far_the_log_is_in_its_snapshots_and_its_properties(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2))

    found = table(tmp_path)

    assert found.properties["coleta.seq"] == "2"
    heads = [one.summary.additional_properties["coleta.seq"] for one in found.snapshots() if one.summary is not None]
    assert heads == ["1", "2"]
    assert found.properties["coleta.log"] == found.snapshots()[0].summary.additional_properties["coleta.log"]  # type: ignore[union-attr]


def test_a_table_that_was_dropped_stops_publishing_until_a_person_accepts(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2))
    catalog(tmp_path).drop_table("loja.coisas")

    with pytest.raises(
        Misconfigured, match=r"Iceberg table that held the log up to commit 2 is no longer there"
    ) as told:
        again(tmp_path)
    assert "entry in its catalog" in str(told.value.hint)
    assert not sound(tmp_path)

    again(tmp_path, accept=True)
    assert ids(tmp_path) == [1, 2]
    assert sound(tmp_path)


def test_a_catalog_that_is_gone_is_no_new_beginning(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1))
    (tmp_path / "lake/iceberg.sqlite").rename(tmp_path / "away")

    with pytest.raises(Misconfigured, match="no longer there"):
        again(tmp_path)

    assert not (tmp_path / "lake/iceberg.sqlite").exists()
    (tmp_path / "away").rename(tmp_path / "lake/iceberg.sqlite")
    publish(tmp_path, CONTRACT, answers(2))
    assert ids(tmp_path) == [1, 2]


def test_a_table_of_the_same_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1))
    catalog(tmp_path).drop_table("loja.coisas")
    schema = pa.schema([("id", pa.int64())])
    others = catalog(tmp_path).create_table("loja.coisas", schema, location=f"file://{tmp_path}/lake/coisas/_iceberg")

    for accept in (False, True):
        with pytest.raises(Misconfigured, match="an Iceberg table lies here that was not made for this stream's log"):
            again(tmp_path, accept=accept)

    assert others.refresh().current_snapshot() is None


def test_a_table_of_the_same_name_that_lies_elsewhere_is_left_alone(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1))
    catalog(tmp_path).drop_table("loja.coisas")
    schema = pa.schema([("id", pa.int64())])
    others = catalog(tmp_path).create_table("loja.coisas", schema, location=f"file://{tmp_path}/elsewhere")

    with pytest.raises(StoreUnavailable, match="does not lie with its stream"):
        again(tmp_path, accept=True)

    assert others.refresh().current_snapshot() is None


def test_a_table_that_was_replaced_stops_and_gets_all_rows_once_it_is_accepted(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2))
    found = table(tmp_path)
    # As an engine's CREATE OR REPLACE does: what was is kept, and is not what the table is made of any more.
    found.catalog.commit_table(found, (), (RemoveSnapshotRefUpdate.model_validate({"ref-name": "main"}),))

    with pytest.raises(Misconfigured, match=r"was put back: .* holds it up to 0"):
        again(tmp_path)

    again(tmp_path, accept=True)
    assert ids(tmp_path) == [1, 2]


def test_a_table_that_was_rolled_back_stops_and_gets_what_it_lacks_once_it_is_accepted(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2, 3))
    first = table(tmp_path).snapshots()[0].snapshot_id
    table(tmp_path).manage_snapshots().rollback_to_snapshot(first).commit()
    assert ids(tmp_path) == [1]

    with pytest.raises(Misconfigured, match=r"was put back: its version 3 held the log up to commit 3, and now .* 1"):
        again(tmp_path)
    assert not sound(tmp_path)

    again(tmp_path, accept=True)
    assert ids(tmp_path) == [1, 2, 3]
    assert sound(tmp_path)


def test_rows_that_others_put_in_are_no_reason_to_stop_but_verify_finds_them(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1))
    add(tmp_path, 1)

    publish(tmp_path, CONTRACT, answers(2))

    assert ids(tmp_path) == [1, 1, 2]
    (report,) = project(tmp_path, CONTRACT).verify("coisas").reports
    (finding,) = [one for one in report.findings if one.code == "table_rows"]
    assert "2 rows have landed up to commit 2, and the table has 3" in finding.what


def test_an_object_that_somebody_else_has_put_in_is_not_put_in_twice(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1))
    publish(tmp_path, CONTRACT, answers(2), table=None)
    add(tmp_path, 2)

    with pytest.raises(Misconfigured, match="somebody else has put this data object into the Iceberg table") as told:
        again(tmp_path)

    assert "000000002.parquet" in str(told.value)
    assert ids(tmp_path) == [1, 2]


def test_what_expired_snapshots_said_is_known_all_the_same(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2))
    table(tmp_path).append(table(tmp_path).scan().to_arrow().slice(0, 0))
    with table(tmp_path).transaction() as changes:
        ExpireSnapshots(changes).by_ids([one.snapshot_id for one in table(tmp_path).snapshots()[:-1]]).commit()
    assert len(table(tmp_path).snapshots()) == 1

    publish(tmp_path, CONTRACT, answers(3))

    assert ids(tmp_path) == [1, 2, 3]
    assert sound(tmp_path)


def test_only_so_many_snapshots_and_files_of_metadata_are_kept_and_no_row_is_lost(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    store, keeper = Below(FileStore(lake, create=True), "coisas"), BelowHousekeeping(FileHousekeeping(lake), "coisas")
    registered = iceberg_table(
        Store(f"file://{lake}"), "coisas", ("loja", "coisas"), store,
        folder=lake / "coisas", environment=dict, root=tmp_path, housekeeping=lambda: keeper,
    )  # fmt: skip
    registered.create(columns_of(sample_terms()), log=UUID)

    for n in range(1, 106):
        opened = registered.open(UUID)
        assert opened is not None
        opened.register([DataFile(f"data/{n}.parquet", 1, "2026-11-24", 0, 1, {})], until=n)

    found = table(tmp_path)
    assert len(found.snapshots()) == 100
    assert len(list((lake / "coisas/_iceberg/metadata").glob("*.metadata.json"))) == 101
    metadata = lake / "coisas/_iceberg/metadata"
    named = {manifest.manifest_path for one in found.snapshots() for manifest in one.manifests(found.io)}
    lists = {one.manifest_list for one in found.snapshots()}
    there = {f"file://{path}" for path in metadata.glob("*.avro")}
    assert named | lists < there
    # The 100th commit has put the manifests together: pyiceberg wrote one before, which no snapshot ever named.
    assert len(there - named - lists) == 1
    assert len(list(found.scan().plan_files())) == registered.rows() == 105
    opened = registered.open(UUID)
    assert opened is not None
    assert opened.state.seq == 105


def test_where_others_have_tags_no_manifest_is_let_go_of(tmp_path: Path) -> None:
    publish(tmp_path, CONTRACT, answers(1, 2, 3))
    found = table(tmp_path)
    first, second, third = found.snapshots()
    plain = unnamed_after(found.metadata, [first.snapshot_id], found.io)
    found.manage_snapshots().create_tag(second.snapshot_id, "kept").commit()

    assert plain == [first.manifest_list]
    assert unnamed_after(found.refresh().metadata, [first.snapshot_id], found.io) == []
    assert third.parent_snapshot_id == second.snapshot_id


def test_a_changed_contract_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    publish(tmp_path, {"id": "int", "price": "float?"}, answers(1))

    with pytest.raises(Misconfigured, match="the stream's table cannot follow:\n  ! price double -> string"):
        publish(tmp_path, {"id": "int", "price": "str?"}, answers(2))

    assert ids(tmp_path) == [1]


def test_names_that_iceberg_cannot_tell_apart_are_told(tmp_path: Path) -> None:
    contract = {"id": "int", "a.b": "int? $.c", "a": {"fields": {"b": "int?"}, "required": False}}

    with pytest.raises(Misconfigured, match=r"cannot have these columns: .*a\.b"):
        publish(tmp_path, contract, answers(1))


def test_a_catalog_that_is_locked_is_an_outage_and_nothing_is_registered_twice(tmp_path: Path) -> None:
    store = {"url": "file://./lake", "catalog": "sqlite:///lake/iceberg.sqlite?timeout=0.1"}
    publish(tmp_path, CONTRACT, answers(1), store=store)
    other = sqlite3.connect(tmp_path / "lake/iceberg.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    publish(tmp_path, CONTRACT, answers(2), store=store)

    other.execute("ROLLBACK")
    assert ids(tmp_path) == [1]
    again(tmp_path)
    assert ids(tmp_path) == [1, 2]
