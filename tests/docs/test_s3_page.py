"""The page about S3 against the code: its stores load, and its policy allows what landing does and no more."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from coleta.settings import PROJECT_FILE, load_project

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "s3.md").read_text(encoding="utf-8")
STORES = re.findall(r"^( *)```toml store\n(.*?)^ *```", PAGE, flags=re.MULTILINE | re.DOTALL)
STREAM = '[stream.s]\nurl = "http://h/x"\nevery = "1h"\ncontract = { id = "int" }\n'


@pytest.mark.parametrize("text", [textwrap.dedent(text) for _, text in STORES])
def test_every_store_on_the_page_loads(tmp_path: Path, text: str) -> None:
    (tmp_path / PROJECT_FILE).write_text(f'version = 1\nproject = "p"\n{text}{STREAM}', encoding="utf-8")

    (stream,) = load_project(tmp_path, environment={}).streams

    assert stream.store == "s3://my-bucket/lake"


def test_the_page_has_no_toml_that_is_not_tried() -> None:
    assert PAGE.count("```toml") == len(STORES) > 3


def test_the_policy_allows_what_landing_sends_and_nothing_that_deletes() -> None:
    (policy,) = re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    actions: set[str] = set()
    for statement in json.loads(policy)["Statement"]:
        actions |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])

    # What each method that tests/s3 sees on the wire is called in a policy: GET and HEAD, PUT, GET of the bucket.
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
