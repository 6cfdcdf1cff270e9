"""What one gets by importing: names, types, and a start that costs nothing until a name is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import coleta
import coleta.library

SOURCE = Path(__file__).parents[3] / "src"

USER_PROGRAM = """\
from coleta import APICollector, CompraSchema, GenericSchema, Project, S3Client, retry

schema: GenericSchema = CompraSchema
project = Project.load("coleta.toml")
landed: int = project.run("compras").landed
reveal_type(project.table("compras").to_polars())
reveal_type([rejected.raw for rejected in project.quarantine("compras")])


@retry(ConnectionError, tries=3, delay=1, backoff=2)
def twice(number: int) -> int:
    return 2 * number


reveal_type(twice)
reveal_type(APICollector(schema, S3Client()).start(50))
twice("7")
"""


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(SOURCE), "PATH": "", "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_importing_the_package_alone_loads_nothing_of_it(tmp_path: Path) -> None:
    program = "import sys; import coleta; print([name for name in sys.modules if name.startswith('coleta.')])"

    assert run("-c", program, folder=tmp_path).stdout == "[]\n"


def test_importing_a_name_loads_neither_columns_nor_the_command_line(tmp_path: Path) -> None:
    program = "import sys; from coleta import APICollector; print([m for m in HEAVY if m in sys.modules])"
    heavy = ["pyarrow", "typer", "fastapi", "obstore", "duckdb", "polars"]

    done = run("-c", program.replace("HEAVY", repr(heavy)), folder=tmp_path)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_name_is_there_and_no_other() -> None:
    for name in coleta.__all__:
        assert getattr(coleta, name) is getattr(coleta.library, name)
        assert name in dir(coleta)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = coleta.Nothing  # type: ignore[attr-defined]


def test_a_users_program_is_checked_by_its_types(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(USER_PROGRAM, encoding="utf-8")

    # Its own settings, and the package as anything installed: only what py.typed allows is believed.
    done = run(
        *("-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "--cache-dir=cache", "program.py"),
        folder=tmp_path,
    )

    notes = [line.partition("note: Revealed type is ")[2] for line in done.stdout.splitlines()]
    assert [note.strip('"').replace("builtins.", "") for note in notes if note] == [
        "polars.dataframe.frame.DataFrame",
        "list[bytes]",
        "def (number: int) -> int",
        "coleta.library.answers.Result",
    ]
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(errors) == 1, done.stdout
    assert 'program.py:17: error: Argument 1 to "twice" has incompatible type "str"' in errors[0]
