"""The pages about reading what has landed and about how often to land: their readers count, their figures are right."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.docs.reader import Reader, blocks

from coleta.ask.plan import Usual, needs
from coleta.settings import PROJECT_FILE, load_project

ROOT = Path(__file__).parents[2]
READING = "docs/how-to/read-it-elsewhere.md"
EVALUATED = ("python run", "sql run")
LATER = 'contract = { ean = "int", price = "float?", later = { type = "int", required = false }, store = "int" }\n'
STREAM = (
    'version = 1\nproject = "p"\n[store.lake]\nurl = "file://./lake"\n[stream.s]\nurl = "http://h/x"\nevery = "1m"\n'
)
FIGURES = re.findall(
    r'^\| `"(\w+)"` \| (\d+) \| (\d+) \| (\d+) \| ([\d,]+) \|$',
    (ROOT / "docs/how-to/land-every.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def test_each_reader_on_the_page_counts_each_record_once_also_after_the_contract_has_changed(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    with reader.stack:
        for one in blocks(READING):
            reader.follow(one)
        before, reader.printed = reader.printed, []
        file = reader.folder / PROJECT_FILE
        text = re.sub(r"^contract = .*\n", LATER, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        file.write_text(text, encoding="utf-8")
        reader.type("coleta run purchases")
        for one in blocks(READING):
            if one.kind in EVALUATED:
                reader.follow(one)

    assert before == ["100"] * 3
    assert reader.printed == ["150"] * 3


@pytest.mark.parametrize(("every", "objects", "puts", "gets", "in_a_year"), FIGURES)
def test_the_figures_of_landing_less_often_are_those_that_a_plan_says(
    tmp_path: Path, every: str, objects: str, puts: str, gets: str, in_a_year: str
) -> None:
    text = f'{STREAM}land = {{ every = "{every}" }}\ncontract = {{ id = "int" }}\n'
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")
    (stream,) = load_project(tmp_path, environment={}).streams
    now = datetime(2026, 11, 24, 13, 47, tzinfo=UTC)

    month = needs(stream, Usual(notes=0.0), now=now, days=30)
    year = needs(stream, Usual(notes=0.0), now=now, days=365)

    assert [month.objects, month.puts, month.gets] == pytest.approx([int(objects), int(puts), int(gets)], abs=1)
    assert year.objects == pytest.approx(int(in_a_year.replace(",", "")), rel=0.03)


def test_the_page_has_figures_for_six_ways_to_land() -> None:
    assert len(FIGURES) == 6
