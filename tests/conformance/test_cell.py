"""The contract of ``coleta.ports.Cell`` in code: every adapter passes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coleta.adapters.cells import FileCell, ObjectCell
from coleta.errors import Doubtful
from coleta.ports import Cell
from coleta.testing.memory import MemoryCell
from coleta.testing.samples import UUID


@pytest.fixture(params=["memory", "file", "s3", "azure", "google", pytest.param("ceph", marks=pytest.mark.ceph)])
def cell(request: pytest.FixtureRequest, tmp_path: Path) -> Cell:
    match request.param:
        case "memory":
            return MemoryCell()
        case "file":
            return FileCell(tmp_path / "lease.json")
        case _:
            return ObjectCell(request.getfixturevalue(request.param).store(), f"{UUID}/lease.json")


def tag_of(cell: Cell) -> str:
    found = cell.read()
    assert found is not None
    return found[1]


def test_an_empty_cell_holds_nothing_and_can_be_filled_once(cell: Cell) -> None:
    assert cell.read() is None

    assert cell.replace(b"one", None)
    assert not cell.replace(b"two", None)

    found = cell.read()
    assert found is not None
    assert found[0] == b"one"


def test_only_who_has_read_what_is_there_can_replace_it(cell: Cell) -> None:
    cell.replace(b"one", None)
    old = tag_of(cell)

    assert cell.replace(b"two", old)
    assert not cell.replace(b"three", old)

    found = cell.read()
    assert found is not None
    assert found[0] == b"two"


def attempt(cell: Cell, body: bytes, tag: str) -> bool | None:
    """Whether it was replaced; None where that is in doubt."""
    try:
        return cell.replace(body, tag)
    except Doubtful:
        return None


def test_of_many_at_once_one_replaces_it(cell: Cell) -> None:
    cell.replace(b"one", None)
    tag = tag_of(cell)

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda number: attempt(cell, b"%d" % number, tag), range(4)))

    found = cell.read()
    assert found is not None
    winner = int(found[0])
    assert [number for number in range(4) if won[number]] in ([winner], [])
    assert won[winner] is not False
