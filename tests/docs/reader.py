"""A person who reads a page and types what it says, against a real API: for the tests of the pages.

A block's words after the language say what becomes of it:

    sh run                 typed as it stands; must end with 0
    sh fails=N             typed as it stands; its last line must end with status N
    sh make                make's own targets, and only they are looked up: a test cannot run make test
    sh second-terminal     a command that would go on beside; its words are looked up
    sh until-ctrl-c        gets Ctrl-C once a line on stderr holds `wait=…`; `without-api`: the API stops before
    sh s3                  typed as it stands, with a bucket of an S3 on this machine
    sh azure, sh google    the same, with an Azurite, or with what plays Google's store
    sh server              the same, with an SFTP server, and again with a WebDAV server
    python run, sql run    given to Python, or to DuckDB, in that folder; what it prints is kept
    toml file=PATH         is the content of that file, from the folder that the page is in by then
    toml part              keys of a stream; must load there
    text                   shown, not compared
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.settings import PROJECT_FILE, example_project

ROOT = Path(__file__).parents[2]
API = "http://127.0.0.1:8000"
OPENED = "open, at commit"
IN_MEMORY = "[spool]\nallow_tmpfs = true\n"
"""A temporary folder may lie in memory, where a real spool may not."""


@dataclass(frozen=True)
class Block:
    """One fenced block: its language and kind, what the other words say, and its text."""

    kind: str
    words: dict[str, str]
    text: str


def blocks(page: str) -> list[Block]:
    found = re.findall(
        r"^```([^\n]+)\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [block(info.split(), text) for info, text in found]


def block(info: list[str], text: str) -> Block:
    words = dict((*word.partition("=")[::2],) for word in info[1:])
    return Block(" ".join([info[0], *list(words)[:1]]), words, text)


class Reader:
    """A person at a terminal, who follows one page."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "a reader"
        self.folder.mkdir()
        shims = home / "bin"
        shims.mkdir()
        for name, words in {"coleta": "-m coleta", "python": ""}.items():
            shim = shims / name
            shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n', encoding="utf-8")
            shim.chmod(0o755)
        path = f"{shims}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"}
        self.stack = ExitStack()
        self.printed: list[str] = []
        self.api = self.stack.enter_context(serve_in_background(Settings(seed=7)))

    def follow(self, one: Block) -> None:
        match one.kind:
            case "sh run" | "sh s3" | "sh azure" | "sh google" | "sh server":
                self.type(one.text)
            case "sh fails":
                self.type(one.text, status=int(one.words["fails"]))
            case "python run" | "sql run":
                self.printed.append(self.evaluate(one))
            case "sh until-ctrl-c":
                self.interrupt(one)
            case "toml file":
                text = one.text.replace(API, self.api)
                written = "[spool]\n" in text
                text = text.replace("[spool]\n", IN_MEMORY) if written else f"{text}\n{IN_MEMORY}"
                file = self.folder / one.words["file"]
                assert file.is_file(), f"the page replaces {file.name}, which nobody has made"
                file.write_text(text, encoding="utf-8")

    def prepare(self) -> None:
        """Begin with what a page takes for granted: the purchases' project, one answer of which has landed."""
        text = example_project(api=self.api) + f"\n{IN_MEMORY}"
        (self.folder / PROJECT_FILE).write_text(text, encoding="utf-8")
        self.type("coleta run compras")

    def type(self, text: str, *, status: int = 0) -> None:
        """The lines of one block, in the folder where the block before has left off; the last ends with `status`."""
        *before, last = text.strip().split("\n")
        lines = [*before, last if status == 0 else f"if {last}; then false; else test $? -eq {status}; fi"]
        script = "\n".join(["set -eu", *lines, "pwd >&3\n"])
        place = self.folder.parent / "pwd"
        ended = subprocess.run(
            ["sh", "-c", f"exec 3>{shlex.quote(str(place))}\n{script}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, f"{text}\n{ended.stdout}\n{ended.stderr}"
        self.folder = Path(place.read_text(encoding="utf-8").strip())

    def evaluate(self, one: Block) -> str:
        """What a block of Python prints; of one of SQL, the only value of its answer."""
        text = one.text
        if one.kind == "sql run":
            text = f"import duckdb\nprint(duckdb.sql({text!r}).fetchall()[0][0])"
        ended = subprocess.run(
            [sys.executable, "-"],
            input=text,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, f"{one.text}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout.strip()

    def interrupt(self, one: Block) -> None:
        if "without-api" in one.words:
            self.stack.close()
        (line,) = one.text.splitlines()
        awaited = one.words.get("wait", OPENED)
        with subprocess.Popen(
            [sys.executable, "-m", *shlex.split(line)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stderr is not None
            said = []
            try:
                for heard in running.stderr:
                    said.append(heard)
                    if awaited in heard:
                        break
                running.send_signal(signal.SIGINT)
                said += running.stderr.readlines()
                status = running.wait(timeout=20)
            finally:
                running.kill()
        assert (awaited in "".join(said), status) == (True, 130), "".join(said)
