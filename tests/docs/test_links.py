"""What the pages name exists: pages, headings, files, tests, commands, keys, error codes."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer

from coleta.cli.app import NeverStarted
from coleta.cli.doors import Doors
from coleta.cli.main import build
from coleta.collect.spool import NewerFormat
from coleta.errors import ColetaError
from coleta.wiring import config_schema, open_app, serve_mock, start_demo, write_example

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("proof/*.md")]
)
EXIT_CODES = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
ARCHITECTURE = ROOT / "ARCHITECTURE.md"

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
A_FILE = re.compile(r"`([\w./-]+\.(?:py|sh|md|lock))(?:::(\w+))?`")
A_FOLDER = re.compile(r"`((?:src|tests|docs|tools|land|collect|cli|runtime|adapters|testing|settings)/[\w/-]*)`")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The names that headings can be linked by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), flags=re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@every_page
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(prose_of(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            dead.append(link)

    assert dead == []


@every_page
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        one = waiting.pop()
        if one in seen or one.suffix != ".md" or not one.is_file():
            continue
        seen.add(one)
        links = (link.partition("#")[0] for link in LINK.findall(prose_of(one)))
        waiting += [(one.parent / link).resolve() for link in links if link and "://" not in link]

    assert page.resolve() in seen


def exists(name: str, page: Path) -> bool:
    """Whether `name` is a file or folder of the project, as pages write it."""
    return any((base / name).exists() for base in (ROOT, ROOT / "src" / "coleta", page.parent))


@every_page
def test_every_file_and_folder_that_is_named_exists(page: Path) -> None:
    prose = prose_of(page)
    if page == ARCHITECTURE:
        prose = without_what_comes_later(prose)
    named = {name for name, _ in A_FILE.findall(prose)} | set(A_FOLDER.findall(prose))

    assert {name for name in named if "NNNN" not in name and not exists(name, page)} == set()


def without_what_comes_later(prose: str) -> str:
    """ARCHITECTURE without the place that says where later things go."""
    return prose.partition("## Where later things go")[0]


def test_every_test_that_an_invariant_names_exists() -> None:
    named = [(file, test) for file, test in A_FILE.findall(text_of(ARCHITECTURE)) if test]

    missing = [f"{file}::{test}" for file, test in named if test not in functions(ROOT / file)]

    assert missing == []


def test_every_invariant_names_a_test() -> None:
    _, _, rest = text_of(ARCHITECTURE).partition("## What always holds")
    invariants = re.split(r"^\d+\. ", rest.partition("\n## ")[0], flags=re.MULTILINE)[1:]

    assert len(invariants) > 10
    assert [one for one in invariants if not any(test for _, test in A_FILE.findall(one))] == []


@cache
def functions(file: Path) -> frozenset[str]:
    tree = ast.parse(text_of(file))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_the_map_names_every_module_of_the_stages() -> None:
    _, _, rest = text_of(ARCHITECTURE).partition("## The map")
    named = set(re.findall(r"\b\w+\.py\b", rest.partition("\n## ")[0]))
    stages = [ROOT / "src" / "coleta" / stage for stage in ("collect", "land", "audit", "runtime")]

    assert {path.name for stage in stages for path in stage.glob("*.py")} - named == {"__init__.py"}


def test_the_map_names_every_package_of_the_house_and_no_other() -> None:
    shown = re.findall(r"^  (\w+)/ ", text_of(ARCHITECTURE), flags=re.MULTILINE)

    assert sorted(shown) == sorted(init.parent.name for init in (ROOT / "src" / "coleta").glob("*/__init__.py"))


def test_every_file_on_the_map_exists() -> None:
    _, _, rest = text_of(ARCHITECTURE).partition("## The map")
    house = re.search(r"^```text\n(.*?)^```", rest, flags=re.MULTILINE | re.DOTALL)
    assert house is not None
    known = {path.name for path in (ROOT / "src" / "coleta").rglob("*.py")}
    named = {name for name in re.findall(r"([a-z_]+\.py)", house[1]) if not name.startswith("_")}

    assert named - known == set()


def test_the_layers_are_those_that_are_checked() -> None:
    _, _, rest = text_of(ARCHITECTURE).partition("## Layers")
    shown = re.search(r"^```text\n(.*?)^```", rest, flags=re.MULTILINE | re.DOTALL)
    checked = re.search(
        r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )

    assert shown is not None
    assert checked is not None
    assert shown[1].split("\n")[:-1] == re.findall(r'"([^"]+)"', checked[1])


@every_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    program = typer.main.get_command(build(Doors("0", open_app, write_example, serve_mock, start_demo, config_schema)))
    known = set(program.commands)  # type: ignore[attr-defined]
    shells = "".join(re.findall(r"^```sh.*?^```$", text_of(page), flags=re.MULTILINE | re.DOTALL))
    typed = re.findall(r"^coleta (.+)$", shells, flags=re.MULTILINE)
    written = re.findall(r"`coleta ([^`\n]+)`", prose_of(page))
    called = {words.split()[0] for words in (*typed, *written)}

    assert {word for word in called if word.isalpha() and word.islower()} <= known


def codes(kind: type[ColetaError] = ColetaError) -> dict[str, int]:
    found = {kind.code: kind.exit_status}
    for below in kind.__subclasses__():
        if below.__module__.startswith("coleta."):
            found |= codes(below)
    return found


def test_every_error_code_is_in_the_page_of_exit_codes_with_its_status() -> None:
    written = {
        code: int(status) for code, status in re.findall(r"^\| `(\w+)` \| (\d+) \|", EXIT_CODES, flags=re.MULTILINE)
    }

    assert {NeverStarted.code, NewerFormat.code} <= codes().keys()
    assert written == codes()


def test_every_decision_is_listed_in_order_and_has_its_four_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    index = text_of(ROOT / "docs" / "index.md")

    assert re.findall(r"\(decisions/([\w-]+\.md)\)", index) == [path.name for path in decisions]
    for path in decisions:
        text = text_of(path)
        # Numbers may be left out, so that two changes at once do not take the same one.
        number, _, _ = path.name.partition("-")
        assert re.fullmatch(r"\d{4}", number)
        assert text.startswith(f"# {int(number)}. ")
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
            "Context", "Decision", "Rejected", "What would change our mind"
        ]  # fmt: skip
        assert len(text.splitlines()) < 60


def test_no_page_names_a_line_number() -> None:
    named = [(page.name, found) for page in PAGES for found in re.findall(r"\.py:\d+|\.py#L\d+", text_of(page))]

    assert named == []


def test_no_tracked_page_is_missing_from_these_checks() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, timeout=60
    ).stdout.split()

    assert {ROOT / name for name in listed} <= set(PAGES)
