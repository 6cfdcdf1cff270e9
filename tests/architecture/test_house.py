"""The map of the house, checked: who may import whom, how big a room may be, and what stays outside."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from coleta import ports, table_ports

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PURE = ("contract", "terms", "stream", "collect", "land", "audit")

MOST_LINES = 400
"""A module beyond this is no longer read at one sitting; the aim is 300, the median about 100."""

MOST_METHODS = 4


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def imports(name: str) -> Iterator[str]:
    """Every module of ours that `name` imports, at its top or late, also where only for types."""
    known = modules()
    for node in ast.walk(known[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known:
                    yield inner
                elif node.module in known:
                    yield node.module


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """A way round for each module that can reach itself."""
    found = []
    for start in graph:
        came: dict[str, str] = {}
        queue = [start]
        while queue:
            here = queue.pop(0)
            for there in sorted(graph[here]):
                if there not in came:
                    came[there] = here
                    queue.append(there)
        if start in came:
            way = [start, came[start]]
            while way[-1] != start:
                way.append(came[way[-1]])
            found.append(way[::-1])
    return found


def test_the_layers_are_kept() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 broken" in told.stdout


def test_no_module_can_reach_itself() -> None:
    # The package itself offers the library on first use, so everything would reach everything through it.
    graph = {name: set(imports(name)) - {"coleta", name} for name in modules()}

    assert [" -> ".join(way) for way in cycles(graph)] == []


def test_a_cycle_would_be_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"], ["c", "b", "c"]]


def test_no_module_is_too_long_to_be_read() -> None:
    sizes = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}

    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def port_classes() -> list[type]:
    here = {ports.__name__, table_ports.__name__}
    found = [thing for thing in vars(ports).values() if inspect.isclass(thing) and thing.__module__ in here]
    return [port for port in found if getattr(port, "_is_protocol", False)]


@pytest.mark.parametrize("port", port_classes(), ids=lambda port: str(port.__name__))
def test_a_port_is_small_and_says_what_it_promises(port: type) -> None:
    methods = [method for name, method in vars(port).items() if inspect.isfunction(method) and name[0] != "_"]

    assert 1 <= len(methods) <= MOST_METHODS
    assert port.__doc__
    assert all(method.__doc__ for method in methods)


def test_the_landing_path_can_neither_delete_nor_overwrite() -> None:
    assert {name for name in vars(ports.ObjectStore) if name[0] != "_"} == {"create", "read", "size", "names"}


def test_nothing_but_the_testing_package_itself_leans_on_it() -> None:
    leaning = [
        name
        for name in modules()
        if not name.startswith("coleta.testing") and any(one.startswith("coleta.testing") for one in imports(name))
    ]

    assert leaning == []


def is_pure(name: str) -> bool:
    return name.split(".")[1:2] != [] and name.split(".")[1] in PURE


def test_the_pure_stages_ask_nobody_for_the_time() -> None:
    asking = [
        f"{name}, line {node.lineno}"
        for name, tree in modules().items()
        if is_pure(name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today") and is_clock(node.value)
    ]

    assert asking == []


def is_clock(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and (getattr(node, "id", "") or getattr(node, "attr", "")) in (
        "datetime",
        "date",
        "time",
    )


def test_the_pure_stages_are_found_at_all() -> None:
    pure = [name for name in modules() if is_pure(name)]

    assert {name.split(".")[1] for name in pure} == set(PURE)


def test_the_program_starts_without_what_only_landing_and_fetching_need() -> None:
    heavy = ("pyarrow", "urllib3", "duckdb", "fastapi", "faker", "numpy", "pydantic")
    program = f"import sys, coleta.wiring; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (told.stdout.strip(), told.stderr) == ("[]", "")
