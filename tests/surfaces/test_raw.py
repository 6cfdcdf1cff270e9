"""`coleta raw` where the answers lie in the store: archived ones, and those that lost to others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coleta import Project
from coleta.collect.spool import parse

Call = Callable[..., Any]


@pytest.fixture
def archived(write_project: Callable[..., Path], call: Call) -> Path:
    """A project with two archived answers."""
    made = write_project("gerar_compras/5", more='archive = "landed"')
    for _ in range(2):
        assert call("-C", made, "run", "compras").status == 0
    return made


def stored(folder: Path, place: str) -> list[Path]:
    return sorted((folder / "lake" / "compras" / place).iterdir())


def pages_in(file: Path) -> list[bytes]:
    return [body for _, body in parse(file.name, file.read_bytes()).pages]


def test_archived_answers_are_listed_oldest_first_with_tick_id_and_size(archived: Path, call: Call) -> None:
    listed = call("-C", archived, "raw", "ls", "--json").document["answers"]
    seen = call("-C", archived, "raw", "ls", "compras").out

    files = stored(archived, "_archive")
    assert [one["where"] for one in listed] == [f"_archive/{file.name}" for file in files]
    assert [f"{one['tick']}-{one['answer']}.spool" for one in listed] == [file.name for file in files]
    assert [one["size_bytes"] for one in listed] == [file.stat().st_size for file in files]
    assert all(file.name in seen for file in files)


def test_an_archived_answer_is_written_out_by_tick_and_by_the_beginning_of_its_id(
    archived: Path, process: Callable[..., Any]
) -> None:
    first, second = stored(archived, "_archive")
    tick, _, rest = second.name.removesuffix(".spool").partition("-")

    by_tick = process("-C", archived, "raw", "cat", "compras", tick)
    by_id = process("-C", archived, "raw", "cat", "compras", rest[:10], "--wire")

    assert (by_tick.status, by_id.status) == (0, 0)
    assert by_id.out.encode() == b"".join(pages_in(second)) != b"".join(pages_in(first))
    assert json.loads(by_tick.out) == json.loads(b"".join(pages_in(second)))


def test_a_superseded_answer_is_listed_and_written_out(archived: Path, call: Call, process: Callable[..., Any]) -> None:
    (file, other) = stored(archived, "_archive")
    folder = archived / "lake" / "compras" / "_superseded"
    folder.mkdir()
    moved = folder / file.name
    shutil.move(file, moved)

    listed = call("-C", archived, "raw", "ls", "--json").document["answers"]
    done = process("-C", archived, "raw", "cat", "compras", moved.name.partition("-")[0], "--wire")

    assert [one["where"] for one in listed] == [f"_superseded/{moved.name}", f"_archive/{other.name}"]
    assert done.out.encode() == b"".join(pages_in(moved))


def test_copies_of_one_answer_are_one_answer_to_ask_for(archived: Path, process: Callable[..., Any]) -> None:
    file, _ = stored(archived, "_archive")
    shutil.copytree(file.parent, file.parent.parent / "_superseded")

    done = process("-C", archived, "raw", "cat", "compras", file.name.partition("-")[0], "--wire")

    assert (done.status, done.out.encode()) == (0, b"".join(pages_in(file)))


def test_two_answers_of_one_tick_are_told_apart_by_their_ids(archived: Path, call: Call) -> None:
    file, other = stored(archived, "_archive")
    tick = file.name.partition("-")[0]
    twin = other.name.replace(other.name.partition("-")[0], tick)
    shutil.copy(other, file.with_name(twin))

    done = call("-C", archived, "raw", "cat", "compras", tick)

    assert done.status == 2
    assert all(name.removesuffix(".spool").partition("-")[2] in done.err for name in (file.name, twin))


def test_an_archived_answer_with_a_changed_byte_ends_with_damage(archived: Path, call: Call) -> None:
    file, _ = stored(archived, "_archive")
    body = bytearray(file.read_bytes())
    body[-20] ^= 1
    file.chmod(0o600)
    file.write_bytes(bytes(body))

    assert call("-C", archived, "raw", "cat", "compras", file.name.partition("-")[0]).status == 76


def test_the_same_from_python(archived: Path) -> None:
    found = Project.load(archived).raw("compras")

    files = stored(archived, "_archive")
    assert [one.where for one in found] == [f"_archive/{file.name}" for file in files]
    assert [one.read() for one in found] == [file.read_bytes() for file in files]
