"""The pages that a person follows line by line: what they tell one to type works, against a real API.

What a block's words mean: reader.py.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from tests.docs.reader import ROOT, Reader, blocks

from coleta.settings import PROJECT_FILE, load_project

FOLLOWED = (
    "README.md",
    "README.pt-BR.md",
    "docs/tutorial/first-lake.md",
    "docs/how-to/your-own-api.md",
    "docs/how-to/lost-machine.md",
    "docs/how-to/full-disk.md",
    "docs/how-to/moved-bucket.md",
    "docs/how-to/first-incident.md",
    "docs/how-to/delta.md",
    "docs/how-to/iceberg.md",
    "docs/how-to/read-it-elsewhere.md",
)
READMES = FOLLOWED[:2]
LOOKED_UP = (
    "docs/reference/commands.md",
    "docs/reference/project-file.md",
    "docs/reference/layout.md",
    "docs/how-to/retention.md",
    "docs/how-to/land-every.md",
)
"""Pages whose commands are for someone who has a project: each is typed, one after the other, in the purchases'."""
IN_S3 = ("docs/how-to/s3.md", "docs/how-to/azure.md", "docs/how-to/google-cloud.md", "docs/how-to/sftp-webdav.md")
"""Pages whose commands need a bucket: run by their own tests."""
IN_OWN_TEST = ("docs/tutorial/automatic-collection.md", "docs/tutorial/coleta-automatica.md")
FOR_MAKE = ("docs/explanation/exactly-once.md", "CONTRIBUTING.md")
"""Pages that show make's targets only, which are looked up."""
FOLDERS = ("tutorial", "how-to", "reference", "explanation")

KINDS = {
    "sh run",
    "sh fails",
    "sh make",
    "sh second-terminal",
    "sh until-ctrl-c",
    "toml file",
    "toml part",
    "text",
    "python run",
    "sql run",
}


@pytest.mark.parametrize("page", FOLLOWED)
def test_whoever_follows_the_page_meets_no_error(page: str, tmp_path: Path) -> None:
    if page == "docs/how-to/iceberg.md":
        pytest.importorskip("pyiceberg")
    reader = Reader(tmp_path)
    with reader.stack:
        for one in blocks(page):
            reader.follow(one)


@pytest.mark.parametrize("page", LOOKED_UP)
def test_whoever_types_what_the_reference_shows_meets_no_error(page: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for script in (ROOT / "docs" / "reference").glob("*.py"):
        (reader.folder / script.name).write_bytes(script.read_bytes())
    with reader.stack:
        reader.prepare()
        typed = [one for one in blocks(page) if one.kind in ("sh run", "sh fails")]
        for one in typed:
            reader.follow(one)

    assert typed


def test_every_command_on_a_page_of_the_docs_is_run_by_some_test() -> None:
    run = {*FOLLOWED, *LOOKED_UP, *IN_S3, *IN_OWN_TEST, *FOR_MAKE}
    pages = [page for folder in FOLDERS for page in sorted((ROOT / "docs" / folder).glob("*.md"))]

    assert len(pages) > 10
    for page in pages:
        name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
        fences = re.findall(r"^ *```(.*)$", text, flags=re.MULTILINE)
        assert "" not in fences[::2], f"{name}: a block does not say what it is"
        if any(fence.startswith("sh") for fence in fences):
            assert name in run, f"{name}: nobody runs its commands"
        elsewhere = re.findall(r"^ *(?:\$ )?(coleta .*)$", _shown(text), flags=re.MULTILINE)
        assert elsewhere == [], f"{name}: commands in a block that is not run"


def _shown(text: str) -> str:
    """The fenced blocks of a page that are no commands."""
    found = re.findall(r"^ *```(\w+)[^\n]*\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join(block for language, block in found if language != "sh")


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
        {
            " ".join(words.split())
            for words in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
        }
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


@pytest.mark.parametrize("page", [*FOLLOWED, *FOR_MAKE])
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
