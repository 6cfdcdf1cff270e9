"""The project file as a command would leave it: what it says then, and that nothing of a person's is written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.settings.changes import Edited, move_stream, rename_stream
from coleta.settings.project import load_project

FILE = """\
version = 1
project = "shop"

[store.lake]
url = "file://./lake"
[store.cloud]
url = "s3://bucket/lake"
[stream.sales]
store = "lake" # near
url = "http://api.test/sales"
every = "1m"
contract = { ean = "int" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "coleta.toml"
    made.write_text(FILE, "utf-8")
    return made


def moved(file: Path, *, to: str | None = None, path: str | None = None) -> Edited:
    return move_stream(load_project(file, environment={}), "sales", {"HOME": "/home/me"}, to=to, path=path)


def test_a_file_that_a_person_has_changed_meanwhile_is_left_as_it_is(file: Path) -> None:
    edited = rename_stream(load_project(file, environment={}), "sales", "sold", {})
    theirs = FILE.replace("1m", "5m")
    file.write_text(theirs, "utf-8")

    with pytest.raises(Misconfigured, match="changed meanwhile"):
        edited.write()

    assert file.read_text("utf-8") == theirs


@pytest.mark.parametrize(
    ("to", "written"),
    [
        ("cloud", 'store = "cloud" # near'),
        ("s3://bucket/lake/", 'store = "cloud" # near'),
        ("s3://other/Deep.Lake", 'store = "deep_lake" # near'),
        ("/srv/9", 'store = "store_9" # near'),
        ("./cloud", 'store = "cloud_2" # near'),
    ],
)
def test_a_store_is_known_by_its_address_and_a_new_one_gets_a_name(file: Path, to: str, written: str) -> None:
    edited = moved(file, to=to)

    assert written in edited.after
    assert edited.after.startswith(FILE.replace('store = "lake" # near', written))


@pytest.mark.parametrize(
    ("to", "url"),
    [
        ("./big", "file://./big"),
        ("~/big", "file://~/big"),
        ("/srv/big", "file:///srv/big"),
        ("s3://b-1/big", "s3://b-1/big"),
    ],
)
def test_a_new_store_is_written_as_a_person_would_write_it(file: Path, to: str, url: str) -> None:
    assert f'[store.big]\nurl = "{url}"\n' in moved(file, to=to).after


def test_a_place_that_the_stream_has_already_changes_nothing(file: Path) -> None:
    for edited in (moved(file, to="lake"), moved(file, path="sales"), moved(file, to="./lake", path="sales")):
        assert not edited.changed
        edited.write()
    assert file.read_text("utf-8") == FILE


def test_a_store_that_is_none_is_refused(file: Path) -> None:
    for to in ("lak", "gs//x", "ftp://x/y"):
        with pytest.raises(Misconfigured, match="--to"):
            moved(file, to=to)
