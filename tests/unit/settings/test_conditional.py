"""``conditional = true``: a stream that can be asked only for what is new, or the reason why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from coleta.collect.request import carries_state
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
contract = { id = "int", at = "timestamp" }
"""
ON = "conditional = true\n"


def load(folder: Path, lines: str) -> Stream:
    (folder / PROJECT_FILE).write_text(FILE + lines, encoding="utf-8")
    (only,) = load_project(folder, environment={}).streams
    return only


def test_a_stream_is_asked_in_full_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert not carries_state(load(tmp_path, "").source)
    assert load(tmp_path, ON).source.conditional
    assert carries_state(load(tmp_path, ON).source)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ('params = { until = "{tick.end}" }', "it is another one each time: nothing can be unchanged"),
        ('params = { since = "{cursor}" }\ncursor = "at"', "it is another one each time: nothing can be unchanged"),
        ('cursor = "at"', "leave cursor out"),
        ('pages = { kind = "page_number" }', "a stream with pages is always asked in full"),
        ('redirects = "same_origin"', "may lead to another page each time"),
        ('method = "POST"', "only a GET can be asked so, and method is POST"),
        ('catch_up = "all"', "each answer begins where the one before it ended"),
        ("headers = { if-none-match = '\"7\"' }", "is set by conditional; leave it out here"),
    ],
)
def test_what_cannot_be_asked_conditionally_is_refused_with_the_reason(tmp_path: Path, lines: str, what: str) -> None:
    load(tmp_path, lines.replace('catch_up = "all"', "").replace('{ since = "{cursor}" }\ncursor', "{ x = 1 }\ncursor"))

    with pytest.raises(Misconfigured) as told:
        load(tmp_path, ON + lines)

    assert what in str(told.value)
