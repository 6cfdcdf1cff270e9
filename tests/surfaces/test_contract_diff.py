"""``coleta contract diff``: after an edit, before anything lands under it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coleta import Project

Write = Callable[..., Path]
Call = Callable[..., Any]


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "coleta.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_before_anything_has_landed_there_is_nothing_to_hold_it_against(write_project: Write, call: Call) -> None:
    done = call("-C", write_project(), "contract", "diff")

    assert (done.status, done.out) == (0, "compras: nothing has landed yet\n")


def test_an_unchanged_contract_is_said_to_be_so(write_project: Write, call: Call) -> None:
    folder = write_project()
    call("-C", folder, "run", "compras")

    assert call("-C", folder, "contract", "diff", "compras").out == "compras: as it was when commit 1 landed\n"


def test_changes_are_shown_and_nothing_is_asked_or_changed(write_project: Write, call: Call) -> None:
    folder = write_project()
    call("-C", folder, "run", "compras")
    edit(folder, 'price = "float"', 'price = "decimal(9,2)"')
    edit(folder, 'store = "int"', 'city = "str?"')
    before = sorted(path for path in folder.rglob("*"))

    done = call("-C", folder, "contract", "diff")

    assert done.status == 0
    assert done.out.splitlines() == [
        "compras: since commit 1 landed",
        "  ! price float -> decimal(9,2)",
        "  - store int",
        "  + city str, may be absent, may be null",
    ]
    assert sorted(path for path in folder.rglob("*")) == before
    found = Project.load(folder).contract("compras")
    assert [one.kind for one in found.changes] == ["type", "removed", "added"]
    assert (found.seq, found.refused) == (1, None)


def test_a_change_that_the_streams_table_cannot_follow_fails_as_the_next_start_would(
    write_project: Write, call: Call
) -> None:
    folder = write_project(more='table = "delta"')
    call("-C", folder, "run", "compras")
    edit(folder, 'store = "int"', 'city = "str?"')

    done = call("-C", folder, "contract", "diff", "--json")

    (stream,) = done.document["streams"]
    assert done.status == 78 == call("-C", folder, "run", "compras").status
    assert [one["path"] for one in stream["changes"]] == ["store", "city"]
    assert "- store long" in stream["error"]["what"]
    edit(folder, 'city = "str?"', 'city = "str?", store = "int"')
    assert call("-C", folder, "contract", "diff").status == 0
