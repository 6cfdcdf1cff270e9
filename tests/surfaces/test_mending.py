"""`coleta repair` as a person has it: on a real folder, with a copy of the store, beside a running collector."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event, Timer
from time import monotonic
from typing import Any

import pytest

from coleta import Project
from coleta.adapters.stream_lock import StreamLock
from coleta.errors import Busy, Misconfigured, WrongQuestion

Call = Callable[..., Any]


@pytest.fixture
def made(write_project: Callable[..., Path], call: Call) -> Path:
    """A project with three commits, whose store has a copy in ``copy``."""
    folder = write_project("gerar_compras/5", more='archive = "landed"')
    for _ in range(3):
        assert call("-C", folder, "run", "compras").status == 0
    shutil.copytree(folder / "lake", folder / "copy")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spoil(folder: Path) -> None:
    """Lose an object, the terms, the identity, and an archived answer."""
    stream = folder / "lake" / "compras"
    (*_, last) = sorted(stream.glob("data/*/*.parquet"))
    last.unlink()
    next(stream.glob("_ledger/terms/*")).unlink()
    (stream / "_ledger" / "identity.json").unlink()
    next(stream.glob("_archive/*")).unlink()


def test_what_a_store_has_lost_comes_back_from_a_copy_byte_by_byte(made: Path, call: Call) -> None:
    before = tree(made / "lake")
    spoil(made)
    lost = tree(made / "lake")
    assert call("-C", made, "verify").status == 76

    would = call("-C", made, "repair", "--from", "./copy", "--dry-run")
    assert (would.status, tree(made / "lake")) == (76, lost)
    assert "4 would be put right, 0 for a person to do" in would.out
    done = call("-C", made, "repair", "compras", "--from", "./copy", "--json")

    assert done.status == 0
    (stream,) = done.document["streams"]
    assert {one["code"] for one in stream["done"]} == {
        "missing_object", "missing_terms", "missing_identity", "missing_archive",
    }  # fmt: skip
    assert (stream["sound"], stream["left"]) == (True, [])
    assert tree(made / "lake") == before
    assert call("-C", made, "verify", "--data").status == 0
    again = call("-C", made, "repair", "--from", "./copy")
    assert (again.status, again.out) == (0, "compras: 0 put right, 0 for a person to do\n")
    assert call("-C", made, "run", "compras").status == 0


def test_without_a_copy_it_says_what_to_do_and_ends_with_damage(made: Path, call: Call) -> None:
    (*_, last) = sorted((made / "lake").glob("compras/data/*/*.parquet"))
    last.unlink()

    done = call("-C", made, "repair")

    assert done.status == 76
    assert "0 put right, 1 for a person to do" in done.out
    assert "coleta repair compras --from STORE" in done.out


def test_the_step_that_a_person_is_told_works_as_it_stands(made: Path, call: Call) -> None:
    (*_, last) = sorted((made / "lake").glob("compras/data/*/*.parquet"))
    right = last.read_bytes()
    last.chmod(0o600)
    last.write_bytes(right[:-30])

    (left,) = call("-C", made, "repair", "--from", "./copy", "--json").document["streams"][0]["left"]
    command = left["step"].partition("take it away: ")[2].partition("; then")[0]
    subprocess.run(command, shell=True, check=True)
    then = left["step"].partition("; then coleta ")[2].partition(" puts")[0]
    done = call("-C", made, *then.split())

    assert done.status == 0, done.out
    assert last.read_bytes() == right


def test_a_damaged_answer_that_is_whole_after_all_waits_again_and_lands(made: Path, call: Call) -> None:
    spool = made / ".coleta" / "compras"
    archived = min((made / "lake" / "compras" / "_archive").iterdir())
    shutil.copy(archived, spool / "damaged" / archived.name)
    assert call("-C", made, "verify").status == 76

    done = call("-C", made, "repair")

    assert (done.status, [path.name for path in (spool / "waiting").iterdir()]) == (0, [archived.name])
    assert list((spool / "damaged").iterdir()) == []
    assert call("-C", made, "run", "compras").status == 0
    assert list((spool / "waiting").iterdir()) == []


def test_a_damaged_answer_that_waited_is_a_gap_that_names_its_file(
    write_project: Callable[..., Path], start: Callable[..., Any], call: Call
) -> None:
    folder = write_project(every="1s")
    spool = folder / ".coleta" / "compras"

    def serve(said: str) -> None:
        up = start("-C", folder, "up")
        guard = Timer(30, up.kill)
        guard.start()
        assert any(said in line for line in up.stderr), f"{said!r} was never said"
        guard.cancel()
        up.kill()
        up.wait()

    def answers() -> list[Path]:
        return sorted(path for path in (spool / "waiting").iterdir() if "-gap-" not in path.name)

    serve("  ok  ")
    (folder / "lake" / "_coleta").rename(folder / "lake" / "away")
    away = start("-C", folder, "up")
    end = monotonic() + 30
    while not answers():
        assert monotonic() < end, "nothing waits"
        Event().wait(0.05)
    away.kill()
    away.wait()
    (folder / "lake" / "away").rename(folder / "lake" / "_coleta")
    file = answers()[0]
    body = bytearray(file.read_bytes())
    body[-30] ^= 1
    file.write_bytes(bytes(body))

    serve("gap (damaged)")
    serve("  ok  ")

    (gap,) = (
        one for one in call("-C", folder, "gaps", "compras", "--json").document["gaps"] if one["reason"] == "damaged"
    )
    assert file.name in gap["detail"]
    assert [path.name for path in (spool / "damaged").iterdir()] == [file.name]
    done = call("-C", folder, "repair")
    assert (done.status, "coleta raw cat" in done.out) == (76, True)
    (spool / "damaged" / file.name).unlink()
    assert call("-C", folder, "verify").status == 0


def test_beside_a_running_collector_only_a_dry_run_is_possible(made: Path, call: Call) -> None:
    spoil(made)
    with StreamLock(made / ".coleta" / "compras"):
        assert call("-C", made, "repair", "--from", "./copy").status == 75
        assert call("-C", made, "repair", "--from", "./copy", "--dry-run").status == 76

    assert call("-C", made, "repair", "--from", "./copy").status == 0


def test_a_copy_that_is_the_store_itself_or_is_not_there_is_refused(made: Path, call: Call) -> None:
    assert call("-C", made, "repair", "--from", "lake").status == 2
    assert call("-C", made, "repair", "--from", "nowhere").status == 78
    spoil(made)
    assert call("-C", made, "repair", "--from", "./nowhere").status == 69


def test_a_stream_that_never_started_needs_no_repair(write_project: Callable[..., Path], call: Call) -> None:
    folder = write_project()

    assert call("-C", folder, "repair").status == 0
    assert call("-C", folder, "repair", "compras").status == 78


def test_the_same_from_python(made: Path) -> None:
    project = Project.load(made)
    spoil(made)
    with StreamLock(made / ".coleta" / "compras"), pytest.raises(Busy):
        project.repair("compras")
    with pytest.raises(WrongQuestion):
        project.repair(source="lake")
    with pytest.raises(Misconfigured):
        project.repair(source="nowhere")

    would = project.repair(source="./copy", dry_run=True)["compras"]
    done = project.repair(source="./copy", data=True)["compras"]

    assert (would.done, would.sound, done.sound) == (done.done, False, True)
    assert project.verify(level=2)
    assert project.repair("compras")["compras"].done == ()
