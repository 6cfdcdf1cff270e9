"""The project file's page against the code: no key is missing, none is made up, every example loads."""

import re
import tomllib
from contextlib import chdir
from pathlib import Path

import pytest
from pydantic import BaseModel

from coleta.errors import Misconfigured
from coleta.settings import PROJECT_FILE, load_project
from coleta.settings.model import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "project-file.md").read_text(encoding="utf-8")
WHOLE, *PARTS = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)

TITLES = {
    (): "The file",
    ("spool",): "`[spool]`",
    ("retention",): "`[retention]`",
    ("maintenance",): "`[maintenance]`",
    ("store", "NAME"): "`[store.NAME]`",
    ("auth", "NAME"): "`[auth.NAME]`",
    ("api", "NAME"): "`[api.NAME]`",
    ("api", "NAME", "pages"): "`pages`",
    ("alerts",): "`[alerts]`",
    ("stream", "NAME"): "`[stream.NAME]`",
    ("stream", "NAME", "checks"): "`checks`",
    ("stream", "NAME", "graphql"): "`graphql`",
    ("stream", "NAME", "land"): "`land`",
    ("stream", "NAME", "pages"): "`pages`",
    ("stream", "NAME", "retention"): "`retention` of a stream",
}


def section(title: str) -> str:
    """The text below the page's heading `title`, up to the next heading of the same rank."""
    _, found, rest = PAGE.partition(f"\n## {title}\n")
    assert found, f"the page has no section {title}"
    return rest.partition("\n## ")[0]


def test_every_table_of_the_file_has_a_section() -> None:
    assert TITLES.keys() == TABLES.keys()


def test_every_table_that_a_key_holds_is_one_of_these() -> None:
    held = {
        name
        for model in TABLES.values()
        for field in model.model_fields.values()
        for name in re.findall(r"\w+Table", str(field.annotation))
    }

    assert held | {TABLES[()].__name__} == {table.__name__ for table in TABLES.values()}


@pytest.mark.parametrize(("where", "table"), TABLES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_every_key_of_a_table_is_explained_once_in_its_section_and_no_other_is(
    where: tuple[str, ...], table: type[BaseModel]
) -> None:
    explained = re.findall(r"^\| `(\w+)` \|", section(TITLES[where]), flags=re.MULTILINE)

    assert sorted(explained) == sorted(table.model_fields)


def test_the_whole_example_loads(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_text(WHOLE, encoding="utf-8")

    assert load_project(tmp_path, environment={}).name == "compras"


def project_with(part: str) -> str:
    """A project whose one stream is as `part` says, and else as plain as can be."""
    plain = {"url": '"http://h/x"', "every": '"1h"', "contract": '{ store = "int", id = "int" }'}
    written = tomllib.loads(part).keys()
    replaced = {*written, "every"} if "cron" in written else written
    lines = [f"{key} = {value}" for key, value in plain.items() if key not in replaced]
    return "\n".join(['version = 1\nproject = "p"\n[store.lake]\nurl = "file://./lake"\n[stream.s]', *lines, part])


@pytest.mark.parametrize("part", PARTS)
def test_every_other_example_loads_in_a_projects_place(tmp_path: Path, part: str) -> None:
    (tmp_path / PROJECT_FILE).write_text(project_with(part), encoding="utf-8")

    assert len(load_project(tmp_path, environment={}).streams) == 1


def test_the_mistakes_are_reported_as_the_page_shows_them(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```text\n(coleta\.toml: .*?)\n```", PAGE, flags=re.MULTILINE | re.DOTALL)
    wrong = WHOLE.replace('every = "1m"', 'evry = "1m"').replace('every = "5m"', 'max_bytes = "256"')
    (tmp_path / PROJECT_FILE).write_text(wrong, encoding="utf-8")

    with chdir(tmp_path), pytest.raises(Misconfigured) as caught:
        load_project(Path(), environment={})

    assert str(caught.value) == shown
