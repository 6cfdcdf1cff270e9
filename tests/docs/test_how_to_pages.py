"""The pages for bad days against the code: messages, reasons and columns that they quote are those of the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from coleta.collect.response import Fault
from coleta.land.decode.outcome import Reason
from coleta.land.watermark import DELTA, ICEBERG, TableMake
from coleta.runtime.collector import MISSED

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src" / "coleta").rglob("*.py")))


def table_below(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    _, found, rest = (HOW_TO / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    assert found, f"{page} has no section {heading}"
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_messages_of_a_full_disk_are_those_that_the_program_has() -> None:
    rows = table_below("full-disk.md", "What you see")

    quoted = [words for row in rows for words in re.findall(r"`([^`]+)`", row[2])]
    assert len(quoted) == len(rows)
    for message in quoted:
        where, _, said = message.partition(": ")
        assert f'"{where}"' in SOURCE
        parts = [part.strip(" ;:") for part in re.split(r"…|;", said)]
        assert [part for part in parts if part and part not in SOURCE] == []


@pytest.mark.parametrize(("page", "make"), [("delta.md", DELTA), ("iceberg.md", ICEBERG)])
def test_the_messages_about_a_table_are_those_that_the_program_has(page: str, make: TableMake) -> None:
    rows = table_below(page, "Something is wrong with the table")
    source = SOURCE.replace("{make.name}", make.name).replace("{make.article}", make.article)

    quoted = [words for row in rows for words in re.findall(r"`([^`]+)`", row[0])]
    assert len(quoted) == len(rows) > 5
    parts = [part.strip() for message in quoted for part in message.split("…")]
    assert [part for part in parts if part and part not in source] == []


def test_the_first_look_names_columns_that_status_has() -> None:
    rows = table_below("first-incident.md", "1. How is everything?")

    named = {word for row in rows for word in re.findall(r"`([A-Z]+)`", row[0])}
    assert named
    shown = (ROOT / "src" / "coleta" / "cli" / "status.py").read_text(encoding="utf-8")
    assert [name for name in named if f'"{name}"' not in shown] == []


def test_the_reasons_that_the_first_incident_names_are_reasons() -> None:
    text = (HOW_TO / "first-incident.md").read_text(encoding="utf-8")
    listed = re.search(r"lists them with the reason: (.*?)…", text, flags=re.DOTALL)
    assert listed is not None
    gaps = set(re.findall(r"`(\w+)`", listed[1]))
    refused = {
        word
        for row in table_below("first-incident.md", "3. What was refused?")
        for word in re.findall(r"`(\w+)`", row[0])
    }

    assert gaps <= {*map(str, Fault), MISSED, "auth", "http_500"}
    assert refused
    assert refused <= set(get_args(Reason))


@pytest.mark.parametrize("page", ["full-disk.md", "lost-machine.md", "moved-bucket.md", "first-incident.md"])
def test_every_page_for_a_bad_day_is_practised(page: str) -> None:
    _, found, rest = (HOW_TO / page).read_text(encoding="utf-8").partition("\n## Practise it\n")

    assert found
    assert rest.count("```sh run") > 1
