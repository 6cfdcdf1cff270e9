"""The pages that a person follows line by line: what they tell one to type works, against a real API.

A block's words after the language say what becomes of it:

    sh run                 typed as it stands; must end with 0
    sh make                make's own targets, and only they are looked up: a test cannot run make test
    sh second-terminal     a command that would go on beside; its words are looked up
    sh until-ctrl-c        gets Ctrl-C once a line on stderr holds `wait=…`; `without-api`: the API stops before
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
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.settings import PROJECT_FILE, load_project

ROOT = Path(__file__).parents[2]
FOLLOWED = ("README.md", "README.pt-BR.md", "docs/tutorial/first-lake.md", "docs/how-to/your-own-api.md")
READMES = FOLLOWED[:2]
KINDS = {"sh run", "sh make", "sh second-terminal", "sh until-ctrl-c", "toml file", "toml part", "text"}
API = "http://127.0.0.1:8000"
OPENED = "open, at commit"


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
        self.api = self.stack.enter_context(serve_in_background(Settings(seed=7)))

    def follow(self, one: Block) -> None:
        match one.kind:
            case "sh run":
                self.type(one.text)
            case "sh until-ctrl-c":
                self.interrupt(one)
            case "toml file":
                # A temporary folder may lie in memory, where a real spool may not.
                text = one.text.replace(API, self.api) + "\n[spool]\nallow_tmpfs = true\n"
                file = self.folder / one.words["file"]
                assert file.is_file(), f"the page replaces {file.name}, which nobody has made"
                file.write_text(text, encoding="utf-8")

    def type(self, text: str) -> None:
        """The lines of one block, in the folder where the block before has left off."""
        script = f"set -eu\n{text}\npwd >&3\n"
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


@pytest.mark.parametrize("page", FOLLOWED)
def test_whoever_follows_the_page_meets_no_error(page: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    with reader.stack:
        for one in blocks(page):
            reader.follow(one)


@pytest.mark.parametrize("page", FOLLOWED)
def test_every_block_says_what_becomes_of_it(page: str) -> None:
    kinds = [one.kind for one in blocks(page)]

    assert set(kinds) <= KINDS
    assert kinds.count("sh run") > 1


def test_the_readme_shows_a_whole_project_that_loads(tmp_path: Path) -> None:
    (text,) = [one.text for one in blocks("README.md") if one.kind == "toml file"]
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    assert [stream.name for stream in load_project(tmp_path, environment={}).streams] == ["purchases"]


@pytest.mark.parametrize("pattern", [r"^## ", r"^\|", r"^- ", r"\]\(https://"])
def test_the_readme_has_the_same_parts_in_both_languages(pattern: str) -> None:
    english, portuguese = ((ROOT / page).read_text(encoding="utf-8") for page in READMES)

    assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, portuguese, re.MULTILINE)) > 0


def test_the_readme_shows_the_same_commands_and_files_in_both_languages() -> None:
    english, portuguese = (
        [(one.kind, one.words, re.sub(r"#.*", "#", one.text)) for one in blocks(page)] for page in READMES
    )

    assert english == portuguese


def test_the_readme_names_the_same_words_of_the_program_in_both_languages() -> None:
    english, portuguese = (
        set(re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)))
        for text in ((ROOT / page).read_text(encoding="utf-8") for page in READMES)
    )

    assert english == portuguese


def test_each_readme_leads_to_the_other_before_anything_else() -> None:
    for page, other in (READMES, READMES[::-1]):
        first = re.search(r"\]\((\S+)\)", (ROOT / page).read_text(encoding="utf-8"))

        assert first is not None
        assert first[1] == other


@pytest.mark.parametrize("part", [one.text for page in FOLLOWED for one in blocks(page) if one.kind == "toml part"])
def test_every_part_of_a_project_loads_in_its_place(part: str, tmp_path: Path) -> None:
    keys = tomllib.loads(part).keys()
    plain = {"url": '"http://h/x"', "every": '"1h"', "contract": '{ id = "int" }'}
    kept = [f"{key} = {value}" for key, value in plain.items() if key not in keys]
    if "cron" in keys:
        kept = [line for line in kept if not line.startswith("every")]
    text = "\n".join(['version = 1\nproject = "p"\n[store.lake]\nurl = "file://./lake"\n[stream.s]', *kept, part])
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    assert len(load_project(tmp_path, environment={}).streams) == 1


@pytest.mark.parametrize("page", [*FOLLOWED, "CONTRIBUTING.md"])
def test_every_make_that_a_page_asks_for_is_a_target(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    typed = [line for one in blocks(page) if one.kind == "sh make" for line in one.text.splitlines()]
    asked = {line.split()[1] for line in typed if line.startswith("make ")}
    written = re.findall(r"`make ([a-z]+)", (ROOT / page).read_text(encoding="utf-8"))

    assert {*asked, *written} <= targets
    assert {line for line in typed if not line.startswith("make ")} <= {". .venv/bin/activate"}


def test_the_two_commands_are_the_first_thing_that_the_readme_shows() -> None:
    first = blocks("README.md")[0]

    assert [line.split("#")[0].split() for line in first.text.splitlines()] == [["make", "run"], ["make", "test"]]
