"""The program as a person has it: the real wiring, a real purchases API on loopback, projects in temporary folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coleta.cli.doors import Doors
from coleta.cli.main import build, run
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.wiring import config_schema, open_app, serve_mock, start_demo, write_example

DOORS = Doors("1.2.3", open_app, write_example, serve_mock, start_demo, config_schema)

PROJECT = """\
version = 1
project = "compras"
[spool]
allow_tmpfs = true
[store.lake]
url = "file://./lake"
[stream.compras]
url = "{url}"
every = "{every}"
deadline = "1s"
contract = {{ ean = "int", price = "float", store = "int", dateTime = "str" }}
{more}
"""


@dataclass(frozen=True)
class Done:
    """How one call of the program ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Call = Callable[..., Done]


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    """The base URL of a healthy API, which a request may still ask for faults."""
    with serve_in_background(Settings(seed=7)) as url:
        yield url


@pytest.fixture
def write_project(tmp_path: Path, api: str) -> Callable[..., Path]:
    """Writes a project whose stream asks the API for `asked`; the folder."""

    def write(asked: str = "gerar_compras/5", *, url: str | None = None, every: str = "1m", more: str = "") -> Path:
        folder = tmp_path / "a project"
        folder.mkdir(exist_ok=True)
        text = PROJECT.format(url=url or f"{api}/{asked}", every=every, more=more)
        (folder / "coleta.toml").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the program in this process, with its real wiring unless other doors are given."""

    def calling(*words: object, doors: Doors = DOORS) -> Done:
        capsys.readouterr()
        status = run(build(doors), [str(word) for word in words])
        return Done(status, *capsys.readouterr())

    return calling


@pytest.fixture
def child_environment() -> dict[str, str]:
    return environment()


def environment() -> dict[str, str]:
    source = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "PYTHONPATH": source, "PYTHONWARNINGS": "error", "COLUMNS": "100"}


@pytest.fixture
def process() -> Call:
    """Runs the program as a process of its own."""

    def running(*words: object, folder: Path | None = None) -> Done:
        command = [sys.executable, "-m", "coleta", *map(str, words)]
        ended = subprocess.run(
            command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        return Done(ended.returncode, ended.stdout, ended.stderr)

    return running


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program as a process that is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def starting(*words: object, folder: Path | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "coleta", *map(str, words)]
        one = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(one)
        return one

    yield starting
    for one in started:
        one.kill()
        one.communicate()
