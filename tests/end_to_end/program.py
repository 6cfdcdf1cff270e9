"""The real program on real folders: projects, and ``coleta`` as processes that can be stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.end_to_end.ledger_api import wait_until

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Done:
    """How one call of the program ended."""

    status: int
    out: str
    err: str


@dataclass(eq=False, slots=True)
class Up:
    """A running ``coleta up``; what it says goes into a file, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text(encoding="utf-8")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and wait for the end."""
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it gracefully; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


@dataclass(eq=False, slots=True)
class Project:
    """A project folder. ``streams`` are the streams' names with what stands in their tables on top.

    ``every`` is their interval, ``store`` what stands in the store's table on top, ``variables`` the environment's.
    """

    folder: Path
    api: str
    lake: Path
    streams: Mapping[str, str] = field(default_factory=lambda: {"s": ""})
    every: str = "1s"
    store: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    started: list[Up] = field(default_factory=list)
    files: list[IO[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        tables = [
            f'[stream.{name}]\nurl = "{self.api}/{name}"\nevery = "{self.every}"\n{_BASE}{more}\n'
            for name, more in self.streams.items()
        ]
        text = 'version = 1\nproject = "ledger"\n[spool]\nallow_tmpfs = true\n'
        store = f'[store.lake]\nurl = "file://{self.lake}"\n{self.store}\n'
        (self.folder / "coleta.toml").write_text(text + store + "".join(tables), encoding="utf-8")

    def spool(self, stream: str = "s") -> Path:
        """The spool folder of `stream`."""
        return self.folder / ".coleta" / stream

    def waiting(self, stream: str = "s") -> list[Path]:
        """The files that wait to be landed."""
        return list(self.spool(stream).glob("waiting/*.spool"))

    def objects(self, stream: str = "s") -> int:
        """How many data objects lie in the lake."""
        return sum(1 for _ in self.lake.glob(f"{stream}/data/*/*.parquet"))

    def up(self) -> Up:
        """Start ``coleta up``."""
        log = self.folder / f"up-{len(self.started)}.log"
        file = log.open("wb")
        self.files.append(file)
        up = Up(subprocess.Popen(command(self.folder, "up"), **streams(file, self.variables)), log)
        self.started.append(up)
        return up

    def call(self, *words: str, under: Sequence[str] = ()) -> Done:
        """Run one command to its end, under another program if that is given."""
        ended = subprocess.run(
            [*under, *command(self.folder, *words)],
            env=_environment(self.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def verify(self) -> dict[str, Any]:
        """What ``coleta verify`` finds, which must be sound."""
        done = self.call("verify", "--json")
        assert done.status == 0, done.out + done.err
        found: dict[str, Any] = json.loads(done.out)
        return found

    def wait_for_objects(self, more: int, stream: str = "s", *, within_s: float = 30.0) -> None:
        """Wait until `more` data objects than now lie in the lake."""
        goal = self.objects(stream) + more
        wait_until(lambda: self.objects(stream) >= goal, f"{more} more objects of {stream} land", within_s=within_s)

    def wait_for_waiting(self, count: int, stream: str = "s") -> None:
        """Wait until `count` files wait in the spool."""
        wait_until(lambda: len(self.waiting(stream)) >= count, f"{count} files wait in the spool of {stream}")

    def end(self) -> None:
        """Kill what still runs; nothing that ran may have met a bug."""
        for up in self.started:
            up.process.kill()
            up.process.wait()
        for file in self.files:
            file.close()
        for up in self.started:
            said = up.said()
            assert "Traceback" not in said, said
            assert "bug in Coleta" not in said, said


_BASE = 'expect = "array"\nbudget = 1.0\ncontract = { id = "int", value = "int" }\n'


def command(folder: Path, *words: str) -> list[str]:
    """The command line of the program for the project in `folder`."""
    return [sys.executable, "-m", "coleta", "-C", str(folder), *words]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error", "COLUMNS": "200", **more}


def streams(file: IO[bytes] | int, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How a process is started whose words go into `file`; `more` are variables on top."""
    return {"env": _environment(more or {}), "stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
