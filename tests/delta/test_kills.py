"""Publishing that is killed just at a call that makes something seen or durable, and one beside the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.surfaces.test_types_round_trip import answering

from coleta import Project

SOURCE = Path(__file__).parents[2] / "src"
OBJECTS = 10
"""With a table at version 8, and the commit that makes version 9 writes a checkpoint."""

MOST = 40

TOML = """\
version = 1
project = "delta"
[spool]
allow_tmpfs = true
[store.lake]
url = "file://./lake"
[stream.coisas]
url = "http://127.0.0.1:1/"
every = "1m"
table = "delta"
contract = { id = "int" }
"""


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose table is at version 8, and which has landed two objects more."""
    root = tmp_path_factory.mktemp("kills")
    (root / "coleta.toml").write_text(TOML, encoding="utf-8")
    (root / "plain.toml").write_text(TOML.replace('table = "delta"\n', ""), encoding="utf-8")
    for n in range(OBJECTS):
        with answering(json.dumps([{"id": 2 * n}, {"id": 2 * n + 1}]).encode()) as url:
            name = "coleta.toml" if n < OBJECTS - 2 else "plain.toml"
            written = (root / name).read_text(encoding="utf-8")
            (root / name).write_text(written.replace("http://127.0.0.1:1/", url), encoding="utf-8")
            Project.load(root / name).run("coisas")
            (root / name).write_text(written, encoding="utf-8")
    assert DeltaTable(str(root / "lake" / "coisas")).version() == OBJECTS - 2
    return root


def publishing(folder: Path, *under: str) -> subprocess.Popen[str]:
    command = [*under, sys.executable, "-m", "coleta", "publish"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def check(folder: Path, objects: int = OBJECTS) -> DeltaTable:
    """The table has each data object once, and every reader reads each row once."""
    table = DeltaTable(str(folder / "lake" / "coisas"))
    assert sorted(table.to_pyarrow_table()["id"].to_pylist()) == list(range(2 * objects))
    added = Counter(
        action["add"]["path"]
        for file in sorted((folder / "lake/coisas/_delta_log").glob("*.json"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if "add" in (action := json.loads(line))
    )
    assert len(added) == objects
    assert set(added.values()) == {1}
    assert Project.load(folder).verify("coisas")
    return table


@pytest.mark.parametrize(
    ("calls", "step"), [("fsync,fdatasync", 2), ("rename,renameat,renameat2", 1), ("link,linkat", 1)]
)
def test_publishing_cut_off_at_any_such_call_registers_each_object_once_when_it_is_called_again(
    landed: Path, tmp_path: Path, calls: str, step: int
) -> None:
    try:
        trial = subprocess.run(["strace", "-o", str(tmp_path / "trial"), "true"], capture_output=True, text=True)
    except OSError:
        pytest.skip("strace is not installed")
    if trial.returncode:
        pytest.skip(f"strace may not trace here: {trial.stderr.strip()}")
    checkpointed = 0
    kills = 0
    for nth in range(1, MOST + 1, step):
        folder = tmp_path / f"at {nth}"
        shutil.copytree(landed, folder)
        inject = f"inject={calls}:signal=KILL:when={nth}"
        status, said = ended(
            publishing(folder, "strace", "-f", "-o", str(tmp_path / "log"), "-e", f"trace={calls}", "-e", inject)
        )
        if status == 0:
            assert "2 object(s)" in said
            break
        assert status in (-9, 137), said
        kills += 1
        status, said = ended(publishing(folder))
        assert status == 0, said
        checkpointed += check(folder).version() == OBJECTS - 1
    else:
        pytest.fail(f"there are more than {MOST} such calls")
    assert kills, "no such call was ever made"
    assert (folder / "lake/coisas/_delta_log" / f"{OBJECTS - 1:020}.checkpoint.parquet").exists()
    assert checkpointed == kills


def test_two_that_publish_at_once_register_each_object_once(landed: Path, tmp_path: Path) -> None:
    for n in range(3):
        folder = tmp_path / str(n)
        shutil.copytree(landed, folder)
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(ended, [publishing(folder), publishing(folder)]))

        assert [status for status, _ in done] == [0, 0], done
        assert check(folder).version() == OBJECTS - 1


def test_a_commit_that_a_power_cut_emptied_is_made_again(landed: Path, tmp_path: Path) -> None:
    shutil.copytree(landed, tmp_path / "p")
    folder = tmp_path / "p"
    newest = folder / "lake/coisas/_delta_log" / f"{OBJECTS - 2:020}.json"
    newest.write_bytes(b"")
    (note,) = (folder / ".coleta/coisas").glob("table-*")
    note.write_bytes(note.read_bytes().replace(b'"seq":8', b'"seq":7'))

    status, said = ended(publishing(folder))

    assert status == 0, said
    check(folder)


@pytest.mark.parametrize("damage", ["torn", "gone"])
def test_a_damaged_checkpoint_is_told_with_its_way_out_and_nothing_is_registered_twice(
    landed: Path, tmp_path: Path, damage: str
) -> None:
    shutil.copytree(landed, tmp_path / "p")
    log = tmp_path / "p/lake/coisas/_delta_log"
    assert ended(publishing(tmp_path / "p"))[0] == 0
    (checkpoint,) = log.glob("*.checkpoint.parquet")
    if damage == "torn":
        checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    else:
        checkpoint.unlink()

    status, said = ended(publishing(tmp_path / "p"))

    assert status == 69
    assert "cannot be read" in said
    assert "docs/how-to/delta.md" in said
    checkpoint.unlink(missing_ok=True)
    (log / "_last_checkpoint").unlink()
    assert ended(publishing(tmp_path / "p"))[0] == 0
    check(tmp_path / "p")
