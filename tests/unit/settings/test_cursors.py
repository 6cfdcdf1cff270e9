"""A stream's cursor: the request, the field and its values go together, or the mistake is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from coleta.collect.request import is_incremental, is_window
from coleta.errors import Misconfigured
from coleta.settings import PROJECT_FILE, load_project
from coleta.stream import Stream

FILE = """\
version = 1
project = "p"
[store.lake]
url = "file://./lake"
[stream.s]
url = "https://api.example.com/v1"
every = "1h"
contract = { id = "int", at = "timestamp", day = "date", city = "str", price = "float" }
"""
SINCE = 'params = { since = "{cursor}" }\n'


def load(folder: Path, lines: str) -> Stream:
    (folder / PROJECT_FILE).write_text(FILE + lines, encoding="utf-8")
    (only,) = load_project(folder, environment={}).streams
    return only


def test_a_request_that_says_how_far_records_are_known_makes_a_stream_incremental(tmp_path: Path) -> None:
    stream = load(tmp_path, SINCE + 'cursor = "at"\nlag = "5m"\ncursor_start = "2026-01-01T00:00:00Z"\n')

    assert is_incremental(stream.source)
    assert not is_window(stream.source)
    assert stream.source.lag == timedelta(minutes=5)
    assert stream.source.cursor_start == "2026-01-01T00:00:00Z"
    assert load(tmp_path, SINCE + 'cursor = "id"\nlag = 100\n').source.lag == 100


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (SINCE, "missing; {cursor} is the greatest value of this field"),
        (SINCE + 'cursor = "price"', "values with an order"),
        (SINCE + 'cursor = "at"\ncatch_up = "all"', "each answer begins where the one before it ended"),
        (SINCE + 'cursor = "at"\nlag = 5', 'must be a duration such as "5m"'),
        (SINCE + 'cursor = "id"\nlag = "5m"', "must be a whole number"),
        (SINCE + 'cursor = "day"\nlag = "5m"', "whole days"),
        (SINCE + 'cursor = "city"\nlag = "5m"', "a text cannot be set back"),
        (SINCE + 'cursor = "at"\nlag = -1', "must be a duration"),
        (SINCE + 'cursor = "at"\ncursor_start = "yesterday"', 'must be a time with a zone, such as "2026'),
        (SINCE + 'cursor = "id"\ncursor_start = "0"', "must be a whole number such as 0"),
        ('params = { since = "{cursor:%Y}" }\ncursor = "id"', "which only a timestamp can have"),
        ('cursor = "at"\nlag = "5m"', "means nothing while no parameter asks from there"),
        ("cursor_start = 5", "means nothing while no parameter asks from there"),
        ('params = { since = "{curser}" }', "did you mean {cursor}?"),
    ],
)
def test_what_would_never_work_is_named(tmp_path: Path, lines: str, what: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path, lines + "\n")

    assert what in caught.value.what


def test_a_url_that_holds_the_cursor_needs_a_first_value(tmp_path: Path) -> None:
    text = FILE.replace("/v1", "/v1/since/{cursor}") + 'cursor = "id"\n'
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match="needs a whole number such as 0"):
        load_project(tmp_path, environment={})
