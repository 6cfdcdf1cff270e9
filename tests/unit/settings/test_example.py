"""The first project file that is written for a new user."""

import tomllib
from datetime import timedelta
from pathlib import Path

from coleta.settings import PROJECT_FILE, example_project, load_project, store_path
from coleta.stream import Every


def test_the_example_is_the_purchases_project() -> None:
    assert tomllib.loads(example_project()) == {
        "version": 1,
        "project": "compras",
        "store": {"lake": {"url": "file://./lake"}},
        "stream": {
            "compras": {
                "store": "lake",
                "url": "http://127.0.0.1:8000/gerar_compras/50",
                "every": "1m",
                "contract": {"ean": "int", "price": "float", "store": "int", "dateTime": "str"},
                "expect": "array",
                "land": {"every": "5m"},
            }
        },
    }


def test_the_example_loads_as_it_is(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_text(example_project(), encoding="utf-8")

    project = load_project(tmp_path, environment={})

    assert [stream.name for stream in project.streams] == ["compras"]
    assert store_path(project.streams[0].store) == tmp_path / "lake"


def test_the_example_loads_with_other_values_in_it(tmp_path: Path) -> None:
    text = example_project(
        project="demo", api="http://127.0.0.1:4321/", store='file://./my "{lake}"', every="5s", land_every="0s"
    )
    (tmp_path / PROJECT_FILE).write_text(text, encoding="utf-8")

    project = load_project(tmp_path, environment={})

    (stream,) = project.streams
    assert project.name == "demo"
    assert stream.source.url == "http://127.0.0.1:4321/gerar_compras/50"
    assert (stream.schedule, stream.landing.every) == (Every(timedelta(seconds=5)), timedelta(0))
    assert store_path(stream.store) == tmp_path / 'my "{lake}"'
