"""The page of the Python surface against the code: every public name, method, attribute and parameter is in it."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import coleta
from coleta import library
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")

CLASSES = [name for name in library.__all__ if inspect.isclass(getattr(library, name))]


def section(name: str) -> str:
    found = re.search(rf"^## `{name}`$.*?(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section of {name}"
    return found[0]


def test_every_public_name_has_a_section_and_no_other_has() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", PAGE, flags=re.MULTILINE)) == sorted(library.__all__)


def test_the_page_says_what_can_be_imported_from_the_package_itself() -> None:
    beginning = PAGE.partition("can be imported from `coleta`")[0].rpartition("\n\n")[2]

    assert set(re.findall(r"`(\w+)`", beginning)) == set(coleta.__all__)


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_and_attribute_is_in_its_section(name: str) -> None:
    kind = getattr(library, name)
    members = {
        member
        for part in kind.__mro__
        if part.__module__.startswith("coleta.library")
        for member in vars(part)
        if not member.startswith("_") and member != "of"
    }
    written = set(re.findall(r"`(?:\w+\.)?(\w+)(?:\(|`)", section(name)))

    assert members - written == set()


@pytest.mark.parametrize("name", [*CLASSES, "retry"])
def test_every_parameter_is_in_its_section_with_its_default(name: str) -> None:
    kind = getattr(library, name)
    methods = [member for key, member in inspect.getmembers(kind, callable) if not key.startswith("_") and key != "of"]
    given = {"Project": methods, "Table": methods, "APICollector": [kind, *methods], "S3Client": [kind, *methods]}
    text = section(name)
    for method in given.get(name, [kind] if name == "retry" else []):
        for parameter in inspect.signature(method).parameters.values():
            if parameter.name == "self":
                continue
            assert re.search(rf"\b{parameter.name}\b", text), f"{method.__qualname__}: {parameter.name}"
            if isinstance(parameter.default, str | int | float | bool):
                shown = re.escape(f"{parameter.name}={parameter.default!r}".replace("'", '"').removesuffix(".0"))
                assert re.search(shown, text), f"{method.__qualname__}: {parameter.name}={parameter.default!r}"


def test_the_project_in_code_works(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python run\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    with serve_in_background(Settings(seed=7)) as api:
        program = program.replace("http://127.0.0.1:8000", api)
        # A temporary folder may lie in memory, where a real spool may not.
        program = program.replace('    "compras",\n', '    "compras",\n    spool={"allow_tmpfs": True},\n')
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert (done.returncode, done.stderr) == (0, "")
