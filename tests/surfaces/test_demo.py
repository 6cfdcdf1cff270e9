"""``coleta demo`` as a real process, with its output piped."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

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
