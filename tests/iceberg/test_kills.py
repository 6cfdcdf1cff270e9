"""Publishing into an Iceberg table, killed just at a call that makes something seen or durable; and two at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from tests.iceberg.lake import publish

from coleta import Project

SOURCE = Path(__file__).parents[2] / "src"
CONTRACT: dict[str, object] = {"id": "int"}
MOST = 60

TOML = """\
version = 1
project = "loja"
[spool]
allow_tmpfs = true
[store.lake]
url = "file://./lake"
[stream.coisas]
url = "http://127.0.0.1:1/"
every = "1m"
table = "iceberg"
contract = { id = "int" }
"""


def landed(folder: Path) -> None:
    """A project whose table has two objects, and which has landed two more."""
    folder.mkdir()
    publish(folder, CONTRACT, [json.dumps([{"id": n}]) for n in (1, 2)])
    publish(folder, CONTRACT, [json.dumps([{"id": n}]) for n in (3, 4)], table=None)
    (folder / "coleta.toml").write_text(TOML, encoding="utf-8")


def publishing(folder: Path, *under: str) -> subprocess.Popen[str]:
    command = [*under, sys.executable, "-m", "coleta", "publish"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def check(folder: Path) -> None:
    """The table has each data object once, by its manifests and by its rows."""
    found = SqlCatalog("coleta", uri=f"sqlite:///{folder}/lake/iceberg.sqlite").load_table("loja.coisas")
    files = [task.file.file_path for task in found.scan().plan_files()]
    assert len(files) == len(set(files)) == 4
    assert sorted(found.scan().to_arrow()["id"].to_pylist()) == [1, 2, 3, 4]
    assert Project.load(folder).verify("coisas")


@pytest.mark.parametrize(("calls", "step"), [("fsync,fdatasync", 5), ("link,linkat", 2), ("unlink,unlinkat", 5)])
def test_publishing_cut_off_at_any_such_call_registers_each_object_once_when_it_is_called_again(
    tmp_path: Path, calls: str, step: int
) -> None:
    try:
        trial = subprocess.run(["strace", "-o", str(tmp_path / "trial"), "true"], capture_output=True, text=True)
    except OSError:
        pytest.skip("strace is not installed")
    if trial.returncode:
        pytest.skip(f"strace may not trace here: {trial.stderr.strip()}")
    kills = 0
    for nth in range(1, MOST + 1, step):
        # Made each time: the table's metadata names its place, so it cannot be copied.
        folder = tmp_path / f"at {nth}"
        landed(folder)
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
        check(folder)
        shutil.rmtree(folder)
    else:
        pytest.fail(f"there are more than {MOST} such calls")
    assert kills, "no such call was ever made"


def test_two_that_publish_at_once_register_each_object_once(tmp_path: Path) -> None:
    for n in range(3):
        folder = tmp_path / str(n)
        landed(folder)
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(ended, [publishing(folder), publishing(folder)]))

        assert [status for status, _ in done] == [0, 0], done
        check(folder)
