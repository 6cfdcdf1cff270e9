"""What others do to a registered table: their upkeep goes on beside ours, and what undoes rows stops publishing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.delta.test_reading import project
from tests.surfaces.test_types_round_trip import answering

from coleta import Project
from coleta.errors import Misconfigured

CONTRACT: dict[str, object] = {"id": "int", "name": "str?"}


class Shop:
    """A project that lands `id`s one object at a time, and its table."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.next = 1

    def land(self, *, table: str | None = "delta", count: int = 1) -> None:
        for _ in range(count):
            answer = json.dumps([{"id": self.next}, {"id": -self.next}])
            with answering(answer.encode()) as url:
                project(self.root, url, CONTRACT, **({"table": table} if table else {})).run("coisas")
            self.next += 1

    def land_unregistered(self) -> None:
        """As from a machine that cannot reach the table now."""
        answer = json.dumps([{"id": self.next}, {"id": -self.next}])
        with answering(answer.encode()) as url:
            plain = Project.define(
                "delta",
                root=self.root,
                store={"lake": {"url": "file://./lake"}},
                spool={"allow_tmpfs": True},
                stream={"coisas": {"url": url, "every": "1m", "deadline": "1s", "contract": CONTRACT}},
            )
            plain.run("coisas")
        self.next += 1

    @property
    def project(self) -> Project:
        return project(self.root, "http://127.0.0.1:1/", CONTRACT)

    @property
    def table(self) -> DeltaTable:
        return DeltaTable(str(self.root / "lake" / "coisas"))

    def ids(self) -> list[int]:
        return sorted(self.table.to_pyarrow_table()["id"].to_pylist())

    def landed(self) -> list[int]:
        return sorted([*range(1, self.next), *(-n for n in range(1, self.next))])

    def objects(self) -> list[Path]:
        return sorted((self.root / "lake/coisas/data").rglob("*.parquet"))

    def sound(self) -> bool:
        return bool(self.project.verify("coisas"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.land(count=3)
    return shop


def test_compaction_by_others_loses_no_row_and_no_object_and_registering_goes_on(shop: Shop) -> None:
    shop.table.optimize.compact()
    assert len(shop.table.file_uris()) == 1

    shop.land(count=2)

    assert len(shop.table.file_uris()) == 3
    assert shop.ids() == shop.landed()
    assert len(shop.objects()) == 5
    assert shop.sound()


def test_a_compaction_that_began_before_a_registration_and_ends_after_it_leaves_both(shop: Shop) -> None:
    late = shop.table
    shop.land()

    late.optimize.compact()

    assert shop.ids() == shop.landed()
    assert shop.sound()


def test_a_vacuum_takes_no_data_object_away_even_while_publishing_lags(shop: Shop) -> None:
    shop.table.optimize.compact()
    shop.land_unregistered()
    before = sorted((shop.root / "lake/coisas").rglob("*"))

    for full in (False, True):
        shop.table.vacuum(dry_run=False, full=full)
        with pytest.raises(Exception, match=r"(?i)retention"):
            shop.table.vacuum(retention_hours=0, dry_run=False, full=full)

    gone = set(before) - set((shop.root / "lake/coisas").rglob("*"))
    assert gone == set()
    assert shop.project.publish("coisas")[0].objects == 1
    assert shop.ids() == shop.landed()
    assert shop.sound()


def test_new_properties_columns_and_checkpoints_of_others_are_no_trouble(shop: Shop) -> None:
    shop.table.alter.set_table_properties({"delta.appendOnly": "false"})
    shop.table.create_checkpoint()

    shop.land()

    assert shop.ids() == shop.landed()
    assert shop.sound()


def test_rows_that_others_delete_stay_deleted_and_verify_tells_of_them(shop: Shop) -> None:
    shop.table.delete("id = 2")

    shop.land()

    assert shop.ids() == [one for one in shop.landed() if one != 2]
    report = shop.project.verify("coisas")
    assert [finding.code for one in report.reports for finding in one.findings if finding.severity == "damage"] == [
        "table_rows"
    ]


def test_rows_that_others_append_are_told_by_verify(shop: Shop) -> None:
    rows = shop.table.to_pyarrow_table().slice(0, 1)
    write_deltalake(str(shop.root / "lake/coisas"), rows, mode="append")

    shop.land()

    report = shop.project.verify("coisas")
    assert "table_rows" in [finding.code for one in report.reports for finding in one.findings]


def restore(shop: Shop) -> None:
    shop.table.restore(1)


def overwrite(shop: Shop) -> None:
    rows: pa.Table = shop.table.to_pyarrow_table().slice(0, 1)
    write_deltalake(str(shop.root / "lake/coisas"), rows, mode="overwrite")


@pytest.mark.parametrize("undo", [restore, overwrite])
def test_what_undoes_rows_stops_publishing_and_a_table_made_anew_has_all_of_them(
    shop: Shop, undo: Callable[[Shop], None]
) -> None:
    undo(shop)
    shop.land_unregistered()

    with pytest.raises(Misconfigured, match="put the Delta table back or replaced its rows"):
        shop.project.publish("coisas")
    log = shop.root / "lake/coisas/_delta_log"
    log.rename(shop.root / "aside")
    shop.project.publish("coisas", accept=True)

    assert shop.ids() == shop.landed()
    assert shop.sound()


def test_a_restore_can_be_undone_by_a_restore_and_then_be_accepted(shop: Shop) -> None:
    version = shop.table.version()
    restore(shop)
    shop.table.restore(version)

    shop.project.publish("coisas", accept=True)
    shop.land()

    assert shop.ids() == shop.landed()
    assert shop.sound()


def test_a_change_of_a_demand_needs_no_commit_of_the_table(shop: Shop) -> None:
    before = shop.table.version()
    with answering(b'[{"name": "x"}]') as url:
        project(shop.root, url, {"id": "int?", "name": "str?"}).run("coisas")

    assert shop.table.version() == before + 1
    assert shop.table.to_pyarrow_table().num_rows == 7


@pytest.mark.parametrize("name", ["a b", "a#b", "a?b", "ação", "[x]", "a+b;c"])
def test_a_lake_may_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    shop = Shop(tmp_path / name)

    shop.land(count=2)

    assert shop.ids() == shop.landed()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_whose_name_deltalake_would_misread_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a%20b").mkdir()

    with pytest.raises(Misconfigured, match="two digits"):
        Shop(tmp_path / "a%20b").land()

    assert [path.name for path in tmp_path.iterdir()] == ["a%20b"]
