"""``coleta rename`` as a person has it, and what happens where a name is changed by hand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coleta import Project
from coleta.collect.spool import parse
from coleta.errors import Misconfigured

Call = Callable[..., Any]


@pytest.fixture
def folder(write_project: Callable[..., Path], call: Call) -> Path:
    """A project whose stream has landed an answer, and has another one waiting."""
    made = write_project("gerar_compras/5")
    assert call("-C", made, "run", "compras").status == 0
    wait(made, call)
    return made


def wait(folder: Path, call: Call, stream: str = "compras") -> None:
    """Let an answer wait: the store is away while it is asked for."""
    away = folder / "lake-is-away"
    (folder / "lake").rename(away)
    assert call("-C", folder, "run", stream).status == 75
    away.rename(folder / "lake")


def text(folder: Path) -> str:
    return (folder / "coleta.toml").read_text("utf-8")


def rename_by_hand(folder: Path, new: str, more: str = "") -> None:
    (folder / "coleta.toml").write_text(text(folder).replace("[stream.compras]", f"[stream.{new}]\n{more}"), "utf-8")


def status(folder: Path, call: Call) -> dict[str, Any]:
    (stream,) = call("-C", folder, "status", "--json").document["streams"]
    assert isinstance(stream, dict)
    return stream


def test_a_renamed_stream_goes_on_in_its_log_and_lands_what_waited(folder: Path, call: Call) -> None:
    before = status(folder, call)
    done = call("-C", folder, "rename", "compras", "sales", "--json")
    assert (done.status, done.document["changed"]) == (0, True)
    assert (done.document["stream"], done.document["was"], done.document["path"]) == ("sales", "compras", "compras")

    assert (status(folder, call)["uuid"], status(folder, call)["waiting"]) == (before["uuid"], 1)
    assert call("-C", folder, "run", "sales").status == 0

    after = status(folder, call)
    assert (after["stream"], after["waiting"], after["landed"]) == ("sales", 0, 15)
    assert call("-C", folder, "verify").status == 0
    assert not (folder / "lake" / "sales").exists()
    assert not (folder / ".coleta" / "sales").exists()
    # The log's own name is what all machines know it by.
    wait(folder, call, "sales")
    (waiting,) = (folder / ".coleta" / "compras" / "waiting").iterdir()
    assert parse(waiting.name, waiting.read_bytes()).header.stream == "compras"


def test_the_same_rename_twice_changes_nothing_and_a_dry_run_never_does(folder: Path, call: Call) -> None:
    before = text(folder)
    dry = call("-C", folder, "rename", "compras", "sales", "--dry-run")
    assert (dry.status, text(folder)) == (0, before)
    assert '+ was = "compras"' in dry.out
    assert "would be renamed" in dry.out

    assert call("-C", folder, "rename", "compras", "sales").status == 0
    once = text(folder)
    again = call("-C", folder, "rename", "compras", "sales", "--json")

    assert (again.status, again.document["changed"], text(folder)) == (0, False, once)


def test_all_but_the_name_and_two_keys_stays_in_the_file(folder: Path, call: Call) -> None:
    before = text(folder) + "# the end\n"
    (folder / "coleta.toml").write_text(before, "utf-8")
    (folder / "coleta.toml").chmod(0o664)

    call("-C", folder, "rename", "compras", "sales")

    renamed = before.replace("[stream.compras]", '[stream.sales]\npath = "compras"\nwas = "compras"')
    assert text(folder) == renamed
    assert (folder / "coleta.toml").stat().st_mode & 0o777 == 0o664


def test_a_stream_that_is_renamed_back_needs_no_past_any_more(folder: Path, call: Call) -> None:
    for old, new in (("compras", "sales"), ("sales", "sold"), ("sold", "compras")):
        assert call("-C", folder, "rename", old, new).status == 0

    assert "was" not in text(folder)
    assert call("-C", folder, "run", "compras").status == 0
    assert status(folder, call)["landed"] == 15


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("compra", "sales", "there is no stream 'compra'"),
        ("compras", "Sales!", "cannot be a stream's name"),
        ("compras", "stock", "there is a stream 'stock' already"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(folder: Path, call: Call, old: str, new: str, told: str) -> None:
    stock = re.sub(r"(?s).*\[stream.compras\]", "[stream.stock]", text(folder))
    (folder / "coleta.toml").write_text(text(folder) + stock, "utf-8")
    before = text(folder)

    refused = call("-C", folder, "rename", old, new, "--json")

    assert (refused.status, refused.document["error"]["code"]) == (78, "misconfigured")
    assert told in refused.document["error"]["what"]
    assert text(folder) == before


def test_the_old_name_stays_taken_since_the_spool_has_it(folder: Path, call: Call) -> None:
    call("-C", folder, "rename", "compras", "sales")
    another = re.sub(r"(?s).*\[stream.sales\]\npath = \"compras\"\nwas = \"compras\"", "[stream.compras]", text(folder))
    (folder / "coleta.toml").write_text(
        text(folder) + another.replace("[stream.compras]", '[stream.compras]\npath = "b"')
    )

    refused = call("-C", folder, "status")

    assert refused.status == 78
    assert "the log of stream 'sales' has this name too" in refused.err


def test_a_link_to_the_project_file_stays_a_link(folder: Path, call: Call, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    shutil.move(folder / "coleta.toml", real)
    (folder / "coleta.toml").symlink_to(real)

    assert call("-C", folder, "rename", "compras", "sales").status == 0

    assert (folder / "coleta.toml").is_symlink()
    assert "[stream.sales]" in real.read_text("utf-8")


def test_a_stream_that_is_renamed_before_it_ever_started_begins_under_the_old_name_and_goes_on(
    write_project: Callable[..., Path], call: Call
) -> None:
    made = write_project("gerar_compras/5")
    assert call("-C", made, "rename", "compras", "sales").status == 0

    assert call("-C", made, "run", "sales").status == 0
    assert call("-C", made, "run", "sales").status == 0

    assert status(made, call)["landed"] == 10
    assert call("-C", made, "verify").status == 0


# By hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("status",), ("verify",), ("check", "--offline"), ("run", "sales")])
def test_what_waits_for_a_stream_that_the_file_names_no_more_is_told(
    folder: Path, call: Call, command: tuple[str, ...]
) -> None:
    rename_by_hand(folder, "sales")

    said = call("-C", folder, *command)

    assert f"1 answer waits in {folder / '.coleta' / 'compras'} for a stream 'compras'" in said.out + said.err
    assert "coleta rename compras NEW" in said.out + said.err
    assert said.status == (78 if command[0] == "check" else 0)


def test_a_rename_by_hand_is_completed_by_the_command(folder: Path, call: Call) -> None:
    uuid = status(folder, call)["uuid"]
    rename_by_hand(folder, "sales")
    assert call("-C", folder, "status", "--json").document["strays"] == [
        {"stream": "compras", "folder": str(folder / ".coleta" / "compras"), "waiting": 1}
    ]

    assert call("-C", folder, "rename", "compras", "sales").status == 0

    assert (status(folder, call)["uuid"], status(folder, call)["waiting"]) == (uuid, 1)
    assert call("-C", folder, "status", "--json").document["strays"] == []


def test_a_stream_that_has_begun_a_log_of_its_own_is_not_taken_for_another(folder: Path, call: Call) -> None:
    rename_by_hand(folder, "sales")
    assert call("-C", folder, "run", "sales").status == 0
    before = text(folder)

    refused = call("-C", folder, "rename", "compras", "sales")

    assert refused.status == 78
    assert "has begun a log of its own" in refused.err
    assert text(folder) == before


def test_a_log_of_another_name_is_refused_and_the_hint_says_what_to_write(folder: Path, call: Call) -> None:
    rename_by_hand(folder, "sales", 'path = "compras"')

    refused = call("-C", folder, "run", "sales")

    assert refused.status == 78
    assert 'write was = "compras"' in refused.err


def test_a_rename_in_python_is_the_same_and_the_project_has_the_new_name(folder: Path) -> None:
    project = Project.load(folder)

    assert project.rename("compras", "sales", dry_run=True).changed
    assert project.streams == ("compras",)
    assert project.rename("compras", "sales").was == "compras"
    assert project.streams == ("sales",)
    assert project.run("sales").landed == 5
    assert not project.rename("compras", "sales").changed


def test_a_project_without_a_file_cannot_be_renamed_in(tmp_path: Path) -> None:
    stream = {"url": "http://127.0.0.1:1/", "every": "1m", "contract": {"ean": "int"}}
    project = Project.define("p", root=tmp_path, store={"lake": {"url": "file://./lake"}}, stream={"a": stream})

    with pytest.raises(Misconfigured, match="has no file"):
        project.rename("a", "b")
