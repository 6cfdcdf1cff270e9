"""The way of a new user, with the program as real processes and the real API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

Process = Callable[..., Any]

TICK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


@pytest.fixture
def project(tmp_path: Path, api: str, process: Process) -> Path:
    done = process("init", "my project", folder=tmp_path)
    assert done.status == 0
    assert done.out == ""
    assert "mock" in done.err
    assert "check" in done.err
    file = tmp_path / "my project" / "coleta.toml"
    text = file.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", api)
    file.write_text(text + "\n[spool]\nallow_tmpfs = true\n", encoding="utf-8")
    return file.parent


def test_init_check_preview_run_and_the_books(project: Path, process: Process) -> None:
    offline = process("-C", project, "check", "--offline")
    assert (offline.status, offline.out.count("\n")) == (0, 2)
    checked = process("-C", project, "check", "--json")
    assert (checked.status, checked.document["ok"]) == (0, True)
    assert [one["check"] for one in checked.document["checks"]] == ["project", "contract", "request", "store"]

    seen = process("-C", project, "preview", "compras", "--json", "--limit", "2").document
    assert (seen["received"], seen["would_land"], len(seen["rows"])) == (50, 50, 2)
    assert not (project / "lake" / "compras").exists(), "a preview lands nothing"

    first = process("-C", project, "run", "compras", "--now", "--json")
    assert first.status == 0
    assert (first.document["state"], first.document["landed"]) == ("ok", 50)
    identity = json.loads((project / "lake/compras/_ledger/identity.json").read_bytes())
    tick = identity["first_tick"]
    ran = process("-C", project, "run", "compras", "--tick", tick)
    assert ran.status == 0
    again = process("-C", project, "run", "compras", "--tick", tick, "--json")
    assert (again.status, again.document["state"]) == (0, "settled_before")

    status = process("-C", project, "status", "--json").document["streams"][0]
    assert (status["landed"], status["ticks"], status["waiting"]) == (100, {"ok": 2}, 0)
    history = process("-C", project, "history", "compras", "--json").document["ticks"]
    assert tick in [line["tick"] for line in history]
    assert all(TICK.fullmatch(line["tick"]) for line in history)
    assert process("-C", project, "gaps", "compras", "--json").document["gaps"] == []
    report = process("-C", project, "verify", "--json")
    assert (report.status, report.document["sound"]) == (0, True)

    assert pq.read_table(project / "lake/compras/data").num_rows == 100
