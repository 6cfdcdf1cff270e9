"""The page about S3 against the code: its stores load, and its policy allows what landing does and no more."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest
from tests.docs.reader import Reader, blocks
from tests.s3.service import LANDER, S3Service

from coleta.settings import PROJECT_FILE, load_project

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "s3.md").read_text(encoding="utf-8")
STORES = re.findall(r"^( *)```toml store\n(.*?)^ *```", PAGE, flags=re.MULTILINE | re.DOTALL)
PURCHASES = 'contract = { ean = "int", price = "float", store = "int", dateTime = "str" }'
STREAM = '[stream.s]\nurl = "http://h/x"\nevery = "1h"\ncontract = { id = "int" }\n'


@pytest.mark.parametrize("text", [textwrap.dedent(text) for _, text in STORES])
def test_every_store_on_the_page_loads(tmp_path: Path, text: str) -> None:
    (tmp_path / PROJECT_FILE).write_text(f'version = 1\nproject = "p"\n{text}{STREAM}', encoding="utf-8")

    (stream,) = load_project(tmp_path, environment={}).streams

    assert stream.store == "s3://my-bucket/lake"


def test_whoever_follows_the_page_lands_in_a_bucket(tmp_path: Path, s3: S3Service) -> None:
    reader = Reader(tmp_path)
    with reader.stack:
        stream = f'[stream.compras]\nurl = "{reader.api}/gerar_compras/5"\nevery = "1m"\n{PURCHASES}\n'
        store = STORES[0][1].replace("s3://my-bucket/lake", s3.url())
        text = f'version = 1\nproject = "p"\n{store}{stream}[spool]\nallow_tmpfs = true\n'
        (reader.folder / PROJECT_FILE).write_text(text, encoding="utf-8")
        reader.environment |= s3.environment(LANDER)
        typed = [one for one in blocks("docs/how-to/s3.md") if one.kind == "sh s3"]
        for one in typed:
            reader.follow(one)

    assert typed


def test_the_page_has_no_toml_that_is_not_tried() -> None:
    assert PAGE.count("```toml") == len(STORES) > 3


def test_the_policy_allows_what_landing_sends_and_nothing_that_deletes() -> None:
    (policy,) = re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    actions: set[str] = set()
    for statement in json.loads(policy)["Statement"]:
        actions |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])

    # What each method that tests/s3 sees on the wire is called in a policy: GET and HEAD, PUT, GET of the bucket.
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
