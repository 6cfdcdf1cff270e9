"""The readers beside the reference pages, which know nothing of Coleta, against Coleta's own."""

from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from coleta.collect.spool import parse
from coleta.collect.tick import format_instant
from coleta.errors import Corrupt
from coleta.land.commit import Identity
from coleta.runtime.log import follow
from coleta.terms import canonical
from coleta.testing.memory import MemoryIndex, MemoryStore

HERE = Path(__file__).parent
V1 = HERE / "golden" / "v1"
REFERENCE = HERE.parents[1] / "docs" / "reference"
SPOOL = runpy.run_path(str(REFERENCE / "read_spool.py"))
LOG = runpy.run_path(str(REFERENCE / "read_log.py"))

GAPS = "20261124T235800Z-gap-8c8e966e.spool"


@cache
def fresh() -> Mapping[str, bytes]:
    """Spool files and a log made now, by the code as it is."""
    made: Mapping[str, bytes] = runpy.run_path(str(HERE / "make_golden.py"))["build"]()
    return made


@cache
def golden() -> Mapping[str, bytes]:
    return {str(path.relative_to(V1)): path.read_bytes() for path in V1.rglob("*") if path.is_file()}


def below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    return {name.removeprefix(folder): body for name, body in files.items() if name.startswith(folder)}


@pytest.mark.parametrize("reader", ["read_spool.py", "read_log.py"])
def test_a_reader_needs_only_python_and_pyarrow(reader: str) -> None:
    tree = ast.parse((REFERENCE / reader).read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported - sys.stdlib_module_names <= ({"pyarrow"} if reader == "read_log.py" else set())


@pytest.mark.parametrize("files", [golden, fresh])
def test_the_spool_reader_reads_what_coleta_reads_byte_for_byte(files: Callable[[], Mapping[str, bytes]]) -> None:
    spooled = below(files(), "spool/")
    assert len(spooled) > 10
    for name, file in spooled.items():
        theirs, ours = SPOOL["read_spool"](file), parse(name, file)

        assert theirs["header"] == canonical(ours.header)
        assert theirs["heads"] == [canonical(head) for head, _ in ours.pages]
        assert theirs["pages"] == [wire for _, wire in ours.pages]
        assert theirs["trailer"] == canonical(ours.trailer)
        assert theirs["name"] == name


@pytest.mark.parametrize("files", [golden, fresh])
def test_the_log_reader_learns_what_coleta_learns(files: Callable[[], Mapping[str, bytes]]) -> None:
    objects = below(files(), "log/")
    identity = Identity.from_json(objects["_ledger/identity.json"])
    index = MemoryIndex()
    head = follow(MemoryStore(dict(objects)), index, identity)

    theirs = LOG["verify"](objects.get)

    assert theirs["next"] == head.next
    assert theirs["answered"] == [(format_instant(one.start), format_instant(one.end)) for one in head.answered]
    assert theirs["gaps"] == [(format_instant(one.start), format_instant(one.end)) for one in head.gaps]
    assert theirs["objects"] == [
        {"name": one.name, "record": one.digest, "kind": one.record.kind, "content": one.record.content}
        for one in index.commits()
    ]


def test_the_readers_run_as_programs_of_their_own() -> None:
    """In a process that cannot even find Coleta."""
    spool, log = (
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", RUN, str(REFERENCE / reader), str(V1 / what), *sys.path],
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for reader, what in (("read_spool.py", f"spool/{GAPS}"), ("read_log.py", "log"))
    )

    assert json.loads(spool)["name"] == GAPS
    assert len(json.loads(log)["objects"]) == 11


RUN = """
import runpy, sys
program, argument, *paths = sys.argv[1:]
sys.path += [path for path in paths if "site-packages" in path or "dist-packages" in path]
sys.modules["coleta"] = None
sys.argv = [program, argument]
runpy.run_path(program, run_name="__main__")
"""


def test_both_readers_notice_every_flipped_byte_of_a_spool_file() -> None:
    file = golden()[f"spool/{GAPS}"]
    for at in range(len(file)):
        damaged = bytearray(file)
        damaged[at] ^= 1 << at % 8

        with pytest.raises(ValueError):  # noqa: PT011 the reader has no other
            SPOOL["read_spool"](bytes(damaged))
        with pytest.raises(Corrupt):
            parse(GAPS, bytes(damaged))


def test_both_readers_notice_wherever_a_spool_file_is_cut_short() -> None:
    file = golden()[f"spool/{GAPS}"]
    for length in range(len(file)):
        with pytest.raises(ValueError):  # noqa: PT011 the reader has no other
            SPOOL["read_spool"](file[:length])
        with pytest.raises(Corrupt):
            parse(GAPS, file[:length])


@pytest.mark.parametrize("kind", ["_ledger/terms/", "_quarantine/"])
def test_the_log_reader_notices_that_a_file_which_records_name_is_missing_or_changed(kind: str) -> None:
    objects = below(golden(), "log/")
    for name in [name for name in objects if name.startswith(kind)]:
        with pytest.raises(ValueError, match=kind.strip("_/") if kind == "_quarantine/" else "terms"):
            LOG["verify"]({key: body for key, body in objects.items() if key != name}.get)
        with pytest.raises(ValueError, match=kind.strip("_/") if kind == "_quarantine/" else "terms"):
            LOG["verify"]({**objects, name: objects[name][:-1] + b"!"}.get)


def test_the_log_reader_notices_an_object_in_anothers_place() -> None:
    objects = below(golden(), "log/")
    first, second = sorted(name for name in objects if name.startswith("data/tick_date=2026-11-24/"))[:2]

    with pytest.raises(ValueError, match="does not continue the log"):
        LOG["verify"]({**objects, second: objects[first]}.get)
