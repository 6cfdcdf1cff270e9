"""The tutorial walked through, in both languages: what a page tells one to run works, on a real API, folder and S3."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.s3.service import S3Service

from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings
from coleta.stream import Store

ROOT = Path(__file__).parents[2]
PAGES = ("docs/tutorial/automatic-collection.md", "docs/tutorial/coleta-automatica.md")
API = "http://127.0.0.1:8000"
KINDS = {"python run", "python s3", "python main", "toml file", "sh run", "sh until-ctrl-c", "sh second-terminal"}
# A temporary folder may lie in memory, where a real spool may not.
IN_MEMORY = ', spool={"allow_tmpfs": True}'


def blocks(page: str) -> list[tuple[str, str]]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w+ [\w-]+)[^\n]*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert text.count("\n```") == 2 * len(found), "some block does not say what becomes of it"
    return found


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_"))}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error", **more}


class Reader:
    """Follows a page in `folder`; Python blocks are one program, as they are for whoever types them."""

    def __init__(self, folder: Path, api: str, variables: Mapping[str, str]) -> None:
        self.folder, self.api = folder, api
        self.environment = environment(**variables)
        self.program = ""

    def follow(self, kind: str, text: str) -> None:
        match kind:
            case "python run" | "python s3":
                self.python(text)
            case "toml file":
                text = text.replace(API, self.api) + "[spool]\nallow_tmpfs = true\n"
                (self.folder / "coleta.toml").write_text(text, encoding="utf-8")
            case "sh run":
                for line in text.splitlines():
                    self.run(["-m", *shlex.split(line)])
            case "sh until-ctrl-c":
                self.interrupt(text)

    def python(self, text: str) -> None:
        text = text.replace(f'base_url="{API}"', f'base_url="{self.api}"{IN_MEMORY}')
        # What was typed before is still known, but does not happen again.
        self.run(["-c", f"{self.program}\n{text}"])
        self.program += "\n".join(line for line in text.splitlines() if not line.startswith(("print(", "assert ")))
        self.program += "\n"

    def run(self, words: list[str]) -> None:
        done = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"

    def interrupt(self, text: str) -> None:
        command = [sys.executable, "-m", *shlex.split(text)]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stderr is not None
            try:
                heard = next((line for line in running.stderr if "landed" in line or " ok " in line), None)
                running.send_signal(signal.SIGINT)
                rest = running.stderr.read()
                status = running.wait(timeout=20)
            finally:
                running.kill()
        assert (heard is not None, status) == (True, 130), rest


@pytest.mark.parametrize("page", PAGES)
def test_whoever_follows_the_page_meets_no_error(page: str, tmp_path: Path) -> None:
    with serve_in_background(Settings(seed=7)) as api:
        reader = Reader(tmp_path, api, {})
        for kind, text in blocks(page):
            if kind != "python s3":
                reader.follow(kind, text)


@pytest.mark.parametrize("page", PAGES[:1])
def test_the_blocks_about_the_bucket_work_on_a_real_one(page: str, tmp_path: Path, s3: S3Service) -> None:
    variables = {**s3.environment(), "S3_BUCKET_NAME": "lake"}
    with serve_in_background(Settings(seed=7)) as api:
        reader = Reader(tmp_path, api, variables)
        found = blocks(page)
        reader.follow(*found[1])
        # With the class, but without the folder: in one spool waits what is for one store.
        reader.program += "from coleta import APICollector\n"
        for kind, text in found:
            if kind == "python s3":
                reader.follow(kind, text)


def test_both_languages_show_the_same_code() -> None:
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    assert {kind for kind, _ in blocks(PAGES[0])} == KINDS


@pytest.mark.parametrize("heading", [r"^## ", r"^\|", r"^- \*\*"])
def test_both_languages_have_the_same_parts(heading: str) -> None:
    english, portuguese = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)

    assert len(re.findall(heading, english, re.MULTILINE)) == len(re.findall(heading, portuguese, re.MULTILINE))


def test_the_example_of_a_project_loads() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coleta", "-C", str(ROOT / "examples" / "purchases"), "check", "--offline"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


def test_the_tutorials_program_runs_on_a_real_bucket(tmp_path: Path, s3: S3Service) -> None:
    text = (ROOT / "examples" / "tutorial" / "main.py").read_text(encoding="utf-8")
    (shown,) = [text for kind, text in blocks(PAGES[0]) if kind == "python main"]
    assert shown in text
    # A test has no minute, and the API is elsewhere; all else stays as it is.
    variables = environment(**s3.environment(), S3_BUCKET_NAME="lake")
    with serve_in_background(Settings(seed=7)) as api:
        text = text.replace("every(1).minutes", "every(1).seconds")
        text = text.replace("APICollector(schema, aws)", f'APICollector(schema, aws, base_url="{api}"{IN_MEMORY})')
        with subprocess.Popen(
            [sys.executable, "-u", "-c", text], cwd=tmp_path, env=variables, stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            try:
                said = [running.stdout.readline() for _ in range(2)]
            finally:
                running.kill()

    assert said == ["executei\n"] * 2
    landed = [name for name in s3.store(Store("s3://lake")).names("api/compras/data/") if name.endswith(".parquet")]
    assert len(landed) >= 2
