"""A stream with a Delta table, as a person has it: ``run``, ``up``, ``publish``, and what is not there without one."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from tests.surfaces.conftest import environment
from tests.surfaces.test_up import read_until

from coleta import Project
from coleta.cli.reading import books_of
from coleta.cli.tables import lag_line
from coleta.wiring import open_app

Write = Callable[..., Path]
Call = Callable[..., Any]

TABLE = 'table = "delta"'


def rows(folder: Path) -> int:
    count: int = DeltaTable(str(folder / "lake" / "compras")).to_pyarrow_table().num_rows
    return count


def test_a_run_registers_what_it_landed_and_publishing_then_finds_nothing_new(write_project: Write, call: Call) -> None:
    folder = write_project(more=TABLE)

    done = call("-C", folder, "run", "compras")

    assert (done.status, rows(folder)) == (0, 5)
    assert "table: 1 more object(s) with 5 rows" in done.err
    again = call("-C", folder, "publish")
    assert (again.status, again.out) == (0, "compras: nothing new; the table holds all rows of the log\n")


def test_a_table_that_is_asked_for_later_gets_all_that_has_landed(write_project: Write, call: Call) -> None:
    folder = write_project()
    call("-C", folder, "run", "compras")
    call("-C", folder, "run", "compras")
    write_project(more=TABLE)

    foreseen = call("-C", folder, "publish", "--dry-run")
    assert "would register 2 object(s) with 10 rows, up to commit 2" in foreseen.out
    assert not (folder / "lake/compras/_delta_log").exists()
    done = call("-C", folder, "publish", "--json")

    assert done.document == {
        "dry_run": False,
        "streams": [{"stream": "compras", "objects": 2, "rows": 10, "seq": 2, "error": None}],
    }
    assert rows(folder) == 10
    assert call("-C", folder, "verify").status == 0


def test_a_service_registers_each_landing_and_a_stop_leaves_nothing_behind(
    start: Callable[..., subprocess.Popen[str]], write_project: Write, call: Call
) -> None:
    folder = write_project(every="1s", more=TABLE)
    up = start("-C", folder, "up")
    read_until(up, r"table: .* rows; it holds the log up to commit 2")

    up.send_signal(signal.SIGTERM)
    up.communicate(timeout=30)

    landed = call("-C", folder, "status", "--json").document["streams"][0]["landed"]
    assert rows(folder) == landed >= 10
    assert call("-C", folder, "verify").status == 0


def test_a_dropped_table_is_the_runs_error_and_yet_its_answer_has_landed(write_project: Write, call: Call) -> None:
    folder = write_project(more=TABLE)
    call("-C", folder, "run", "compras")
    shutil.rmtree(folder / "lake/compras/_delta_log")

    done = call("-C", folder, "run", "compras")

    assert done.status == 78
    assert "5 landed in data/" in done.out
    assert "no longer there" in done.err
    assert "--accept" in done.err
    assert not (folder / "lake/compras/_delta_log").exists()
    assert "lost_table" in call("-C", folder, "verify").out
    assert call("-C", folder, "publish", "--accept").status == 0
    assert (rows(folder), call("-C", folder, "verify").status) == (10, 0)


def test_a_service_goes_on_landing_beside_a_dropped_table(
    start: Callable[..., subprocess.Popen[str]], write_project: Write, call: Call
) -> None:
    folder = write_project(every="1s", more=TABLE)
    call("-C", folder, "run", "compras")
    shutil.rmtree(folder / "lake/compras/_delta_log")

    up = start("-C", folder, "up")
    read_until(up, "nothing more comes into it until a person acts, collecting goes on: .*no longer there")
    read_until(up, "tick .* ok .* landed")
    up.kill()

    assert not (folder / "lake/compras/_delta_log").exists()


def test_a_contract_that_the_table_cannot_follow_is_refused_before_anything_is_asked(
    write_project: Write, call: Call
) -> None:
    folder = write_project(more=TABLE)
    call("-C", folder, "run", "compras")
    file = folder / "coleta.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('price = "float"', 'price = "str"'), encoding="utf-8")

    done = call("-C", folder, "run", "compras")

    assert done.status == 78
    assert "! price double -> string" in done.err
    assert "new stream" in done.err
    assert len(list((folder / "lake/compras/data").rglob("*.parquet"))) == 1


@pytest.mark.parametrize("contract", ['{ tick_date = "date" }', '{ Id = "int", id = "int" }'])
def test_names_that_are_one_column_in_delta_are_told_with_the_files_mistakes(
    write_project: Write, call: Call, contract: str
) -> None:
    folder = write_project(more=TABLE)
    file = folder / "coleta.toml"
    before, _, after = file.read_text(encoding="utf-8").partition("contract = ")
    file.write_text(f"{before}contract = {contract}\n{after.partition(chr(10))[2]}", encoding="utf-8")

    done = call("-C", folder, "check", "--offline")

    assert done.status == 78
    assert "would be one column" in done.out


def test_what_a_replay_lands_is_registered_too(write_project: Write, call: Call) -> None:
    folder = write_project(more=f"{TABLE}\nbudget = 1.0")
    file = folder / "coleta.toml"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace('price = "float"', 'price = { type = "float", max = -1 }'), encoding="utf-8")
    call("-C", folder, "run", "compras")
    assert not (folder / "lake/compras/_delta_log").exists()
    file.write_text(right, encoding="utf-8")

    done = call("-C", folder, "quarantine", "replay", "compras")

    assert (done.status, rows(folder)) == (0, 5)
    assert call("-C", folder, "verify").status == 0


def test_a_check_says_how_far_the_table_is_or_what_is_wrong_with_it(write_project: Write, call: Call) -> None:
    folder = write_project(more=TABLE)
    assert "table     compras: none is there yet" in call("-C", folder, "check").out
    call("-C", folder, "run", "compras")
    assert "version 1 holds the log up to commit 1" in call("-C", folder, "check").out
    shutil.rmtree(folder / "lake/compras/_delta_log")

    done = call("-C", folder, "check")

    assert done.status == 78
    assert "no longer there" in done.out


def test_status_says_how_far_a_table_is_as_far_as_this_machine_knows(write_project: Write, call: Call) -> None:
    folder = write_project()
    call("-C", folder, "run", "compras")
    assert call("-C", folder, "status", "--json").document["streams"][0]["table"] is None
    write_project(more=TABLE)

    assert call("-C", folder, "status", "--json").document["streams"][0]["table"] == {"seq": 0, "behind": 1}
    assert Project.load(folder).status()[0].behind == 1
    assert "not in its table" not in call("-C", folder, "status").out, "it has landed just now"
    call("-C", folder, "publish")

    assert call("-C", folder, "status", "--json").document["streams"][0]["table"] == {"seq": 1, "behind": 0}
    assert Project.load(folder).status()[0].behind == 0


def test_a_table_that_lacks_what_landed_over_an_hour_ago_is_warned_of(write_project: Write, call: Call) -> None:
    folder = write_project()
    call("-C", folder, "run", "compras")
    write_project(more=TABLE)
    app = open_app(folder)
    books = books_of(app, app.stream("compras"))

    def told(minutes: int) -> str | None:
        return lag_line(app, replace(books, now=books.now + timedelta(minutes=minutes)))

    assert told(59) is None
    assert told(61) == (
        "compras: 1 object(s) are not in its table, which holds none of the log; coleta publish compras says why"
    )
    call("-C", folder, "publish")
    assert told(61) is None


def test_a_stream_without_a_table_has_none_to_publish(write_project: Write, call: Call) -> None:
    folder = write_project()

    assert call("-C", folder, "publish").status == 78
    assert call("-C", folder, "publish", "compras").status == 78
    assert call("-C", folder, "publish", "comprass").status == 78


SCRIPT = """
import json, sys
{before}
from coleta import Project
from coleta.errors import ColetaError
project = Project.load({folder!r})
try:
    project.run("compras")
    error = None
except ColetaError as raised:
    error = [raised.exit_status, str(raised.hint)]
json.dump([error, "deltalake" in sys.modules and sys.modules["deltalake"] is not None], sys.stdout)
"""


def in_python(folder: Path, before: str = "") -> list[Any]:
    script = SCRIPT.format(before=before, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_without_a_table_deltalake_is_not_even_loaded(write_project: Write) -> None:
    assert in_python(write_project()) == [None, False]
    assert in_python(write_project(more=TABLE)) == [None, True]


def test_where_deltalake_is_not_installed_a_stream_with_a_table_says_so_and_nothing_is_asked(
    write_project: Write,
) -> None:
    folder = write_project(more=TABLE)

    error, _ = in_python(folder, before='sys.modules["deltalake"] = None')

    assert error == [78, "pip install 'coleta[delta]'"]
    assert not (folder / "lake/compras").exists()
