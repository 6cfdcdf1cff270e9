"""``coleta move`` as a person has it: on real folders, with a second machine that still has the old project file."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coleta import Project

Call = Callable[..., Any]

READ_LOG = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "reference" / "read_log.py"))


@pytest.fixture
def folder(write_project: Callable[..., Path], call: Call) -> Path:
    """A project whose stream has landed two answers, one of them with records in the quarantine."""
    made = write_project("gerar_compras/5", more='archive = "landed"\nbudget = 1.0')
    assert call("-C", made, "run", "compras").status == 0
    right = text(made)
    (made / "coleta.toml").write_text(right.replace('price = "float"', 'price = "int"'), "utf-8")
    assert call("-C", made, "run", "compras").status in (0, 65)
    (made / "coleta.toml").write_text(right, "utf-8")
    return made


@pytest.fixture
def other(folder: Path, tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """Another machine that collects the same stream into the same store."""
    made = tmp_path_factory.mktemp("other")
    (made / "coleta.toml").write_text(text(folder).replace("./lake", str(folder / "lake")), "utf-8")
    assert call("-C", made, "run", "compras").status == 0
    return made


def text(folder: Path) -> str:
    return (folder / "coleta.toml").read_text("utf-8")


def wait(folder: Path, lake: Path, call: Call) -> None:
    """Let an answer wait: the store is away while it is asked for."""
    away = lake.with_name("lake-is-away")
    lake.rename(away)
    assert call("-C", folder, "run", "compras").status == 75
    away.rename(lake)


def status(folder: Path, call: Call) -> dict[str, Any]:
    (stream,) = call("-C", folder, "status", "--json").document["streams"]
    assert isinstance(stream, dict)
    return stream


def objects(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def verified(place: Path) -> dict[str, Any]:
    """What a reader that does not know Coleta finds in a place."""

    def read(name: str) -> bytes | None:
        return (place / name).read_bytes() if (place / name).is_file() else None

    found = READ_LOG["verify"](read)
    assert isinstance(found, dict)
    return found


def test_a_moved_log_goes_on_in_another_store_and_what_waited_lands_there(folder: Path, call: Call) -> None:
    wait(folder, folder / "lake", call)
    before, old = status(folder, call), objects(folder / "lake" / "compras")

    done = call("-C", folder, "move", "compras", "--to", "./new", "--json")
    assert done.status == 0
    assert (done.document["commits"], done.document["waiting"], done.document["changed"]) == (2, 1, True)
    assert call("-C", folder, "run", "compras").status == 0

    after = status(folder, call)
    assert (after["uuid"], after["waiting"]) == (before["uuid"], 0)
    assert after["received"] == before["received"] + 10
    assert after["store"] == f"{(folder / 'new').as_uri()}/compras"
    assert call("-C", folder, "verify", "--replay").status == 0
    new = objects(folder / "new" / "compras")
    assert {name: new.get(name) for name in old} == old
    # Nothing is changed or taken away where it lay, and a reader that does not know Coleta finds both places sound.
    left = objects(folder / "lake" / "compras")
    assert {name: left.get(name) for name in old} == old
    assert [one["kind"] for one in verified(folder / "lake" / "compras")["objects"]] == ["batch", "batch", "moved"]
    assert {one["kind"] for one in verified(folder / "new" / "compras")["objects"]} == {"batch"}


def test_a_log_moves_to_another_path_in_its_store(folder: Path, call: Call) -> None:
    assert call("-C", folder, "move", "compras", "--path", "shop/sales").status == 0

    assert 'path = "shop/sales"' in text(folder)
    assert call("-C", folder, "run", "compras").status == 0
    assert call("-C", folder, "verify", "--data").status == 0
    assert len(verified(folder / "lake" / "shop" / "sales")["objects"]) == 3


def test_the_same_move_twice_changes_nothing_and_a_dry_run_never_does(folder: Path, call: Call) -> None:
    before = (text(folder), objects(folder / "lake"))
    dry = call("-C", folder, "move", "compras", "--to", "./new", "--dry-run", "--json")
    assert (dry.status, dry.document["commits"], dry.document["dry_run"]) == (0, 2, True)
    assert (text(folder), objects(folder / "lake")) == before
    assert not (folder / "new").exists()

    first = call("-C", folder, "move", "compras", "--to", "./new", "--json")
    once = (text(folder), objects(folder / "lake"), objects(folder / "new"))
    again = call("-C", folder, "move", "compras", "--to", "./new", "--json")

    assert dry.document["copied"] <= first.document["copied"]
    assert (again.status, again.document["copied"], again.document["changed"]) == (0, 0, False)
    assert (text(folder), objects(folder / "lake"), objects(folder / "new")) == once
    assert "nothing to do" in call("-C", folder, "move", "compras", "--to", "./new").out


def test_the_file_gets_the_new_store_and_every_stream_still_names_its_own(folder: Path, call: Call) -> None:
    stock = text(folder)[text(folder).index("[stream.compras]") :].replace("stream.compras", "stream.stock")
    (folder / "coleta.toml").write_text(text(folder) + stock, "utf-8")

    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0

    project = Project.load(folder)
    assert project.streams == ("compras", "stock")
    assert text(folder).endswith('[store.new]\nurl = "file://./new"\n')
    assert text(folder).count('store = "lake"') == text(folder).count('store = "new"') == 1


def test_a_store_of_the_file_is_named_by_its_name(folder: Path, call: Call) -> None:
    more = text(folder).replace(
        "[stream.compras]", '[store.big]\nurl = "file://./big"\n[stream.compras]\nstore = "lake"'
    )
    (folder / "coleta.toml").write_text(more, "utf-8")

    assert call("-C", folder, "move", "compras", "--to", "big").status == 0

    assert text(folder) == more.replace('store = "lake"', 'store = "big"')
    assert call("-C", folder, "verify").status == 0


# Another machine -----------------------------------------------------------------------------------


def test_whoever_still_lands_in_the_old_place_is_stopped_and_told_and_loses_nothing(
    folder: Path, other: Path, call: Call
) -> None:
    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0

    stopped = call("-C", other, "run", "compras", "--json")
    assert (stopped.status, stopped.document["error"]["code"]) == (78, "log_moved")
    assert f"it goes on at {(folder / 'new').as_uri()}/compras" in stopped.document["error"]["what"]
    assert status(other, call)["moved_to"] == f"{(folder / 'new').as_uri()}/compras"
    sound = call("-C", other, "verify", "compras")
    assert (sound.status, "warning  moved" in sound.out) == (0, True)


def test_an_answer_that_waits_on_another_machine_lands_once_that_follows(folder: Path, other: Path, call: Call) -> None:
    wait(other, folder / "lake", call)
    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0
    assert call("-C", other, "run", "compras").status == 78
    assert status(other, call)["waiting"] == 1

    follow = call("-C", other, "move", "compras", "--to", str(folder / "new"), "--json")
    assert (follow.status, follow.document["waiting"]) == (0, 1)
    assert call("-C", other, "run", "compras").status == 0

    assert status(other, call)["waiting"] == 0
    assert status(folder, call)["landed"] + status(folder, call)["quarantined"] == 25
    assert call("-C", folder, "verify").status == call("-C", other, "verify").status == 0


def test_what_others_left_in_the_old_place_comes_along_when_it_is_run_again(folder: Path, call: Call) -> None:
    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0
    (copy,) = list((folder / "lake" / "compras" / "_archive").iterdir())[:1]
    late = folder / "lake" / "compras" / "_archive" / "20990101T000000Z-0123456789abcdef.spool"
    shutil.copy(copy, late)

    again = call("-C", folder, "move", "compras", "--to", "./new", "--json")

    assert (again.status, again.document["copied"]) == (0, 1)
    assert (folder / "new" / "compras" / "_archive" / late.name).read_bytes() == copy.read_bytes()
    shutil.rmtree(folder / "lake")
    assert call("-C", folder, "verify").status == 0


def test_nothing_begins_in_a_place_that_a_log_is_on_its_way_to(folder: Path, other: Path, call: Call) -> None:
    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0
    identity = folder / "new" / "compras" / "_ledger" / "identity.json"
    identity.rename(folder / "identity.json")
    moved = text(other).replace(f"{folder / 'lake'}", f"{folder / 'new'}")
    (other / "coleta.toml").write_text(moved, "utf-8")

    early = call("-C", other, "run", "compras")
    assert (early.status, "is on its way" in early.err) == (75, True)
    assert not identity.exists()

    (folder / "identity.json").rename(identity)
    assert call("-C", other, "run", "compras").status == 0


# What is refused -----------------------------------------------------------------------------------


def test_a_place_where_something_lies_is_refused_before_anything_is_changed(
    folder: Path, call: Call, write_project: Callable[..., Path]
) -> None:
    more = text(folder)[text(folder).index("[stream.compras]") :].replace("stream.compras", "stream.stock")
    (folder / "coleta.toml").write_text(text(folder) + more, "utf-8")
    assert call("-C", folder, "run", "stock", "--to", "./new").status == 0
    shutil.copytree(folder / "new" / "stock", folder / "new" / "compras")
    (folder / "strange" / "_coleta").mkdir(parents=True)
    (folder / "strange" / "compras" / "data").mkdir(parents=True)
    (folder / "strange" / "compras" / "data" / "x.parquet").write_bytes(b"x")
    before = (text(folder), objects(folder / "lake"))

    for to, told in (("./new", "another log lies there"), ("./strange", "data lies there already")):
        for words in (("--dry-run",), ()):
            refused = call("-C", folder, "move", "compras", "--to", to, *words)
            assert (refused.status, told in refused.err) == (78, True), refused.err
    for path, told in (("compras/inner", "inside the old one"), ("stock", "lies where stream 'compras' lies")):
        refused = call("-C", folder, "move", "compras", "--path", path)
        assert (refused.status, told in refused.err) == (78, True), refused.err
    assert (text(folder), objects(folder / "lake")) == before


def test_the_same_place_under_another_name_is_refused(folder: Path, call: Call) -> None:
    (folder / "alias").symlink_to(folder / "lake")
    before = objects(folder / "lake")

    refused = call("-C", folder, "move", "compras", "--to", "./alias")

    assert refused.status == 78
    assert "the same place under another name" in refused.err
    assert objects(folder / "lake") == before


def test_a_log_that_has_moved_cannot_be_moved_elsewhere_from_its_old_place(
    folder: Path, other: Path, call: Call
) -> None:
    assert call("-C", folder, "move", "compras", "--to", "./new").status == 0

    refused = call("-C", other, "move", "compras", "--to", str(folder / "third"))

    assert refused.status == 78
    assert "it goes on at" in refused.err
    assert not (folder / "third" / "compras" / "_ledger" / "identity.json").exists()


def test_a_damaged_log_is_not_moved_and_goes_on_where_it_is(folder: Path, call: Call) -> None:
    damaged = min((folder / "lake" / "compras" / "data").rglob("*.parquet"))
    body = bytearray(damaged.read_bytes())
    body[len(body) // 3] ^= 1
    damaged.write_bytes(body)
    before = text(folder)

    refused = call("-C", folder, "move", "compras", "--to", "./new")

    assert refused.status == 76
    assert text(folder) == before
    assert call("-C", folder, "run", "compras").status == 0


def test_a_move_needs_a_word_about_where_to(folder: Path, call: Call) -> None:
    assert call("-C", folder, "move", "compras").status == 2


def test_a_stream_that_never_started_begins_in_the_new_place_for_everybody(
    write_project: Callable[..., Path], call: Call
) -> None:
    made = write_project("gerar_compras/5")

    assert call("-C", made, "move", "compras", "--path", "b", "--dry-run").status == 0
    assert call("-C", made, "move", "compras", "--path", "b").status == 0

    assert call("-C", made, "run", "compras").status == 0
    assert (made / "lake" / "b" / "_ledger" / "identity.json").exists()
    # Another machine with the old file meets the end of the log, and begins none of its own.
    shutil.rmtree(made / ".coleta")
    (made / "coleta.toml").write_text(text(made).replace('path = "b"', 'path = "compras"'), "utf-8")
    assert call("-C", made, "run", "compras").status == 78


def test_a_pause_goes_along_and_so_does_a_name(folder: Path, call: Call) -> None:
    assert call("-C", folder, "pause", "compras").status == 0
    assert call("-C", folder, "rename", "compras", "sales").status == 0

    assert call("-C", folder, "move", "sales", "--to", "./new").status == 0

    assert status(folder, call)["paused"] is not None
    assert call("-C", folder, "run", "sales").status == 0


def test_a_move_in_python_is_the_same_and_the_project_knows_the_new_place(folder: Path) -> None:
    project = Project.load(folder)

    assert project.move("compras", to="./new", dry_run=True).commits == 2
    done = project.move("compras", to="./new")
    assert (done.commits, done.changed, done.waiting) == (2, True, 0)
    assert project.run("compras").landed == 5
    assert project.verify().sound
    assert project.move("compras", to="./new").copied == 0
