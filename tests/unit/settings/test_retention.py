"""What the project file says of upkeep: how long files are kept, and when in a day they may be deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.land.window import Window
from coleta.settings import load_project
from coleta.settings.effective import effective
from coleta.settings.project import Project
from coleta.stream import Retention

FILE = """
version = 1
project = "p"
{top}
[store.lake]
url = "file://./lake"
[stream.s]
url = "http://h/s"
every = "1m"
contract = {{ id = "int" }}
{stream}
"""

Load = Callable[..., Project]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loading(top: str = "", stream: str = "") -> Project:
        (tmp_path / "coleta.toml").write_text(FILE.format(top=top, stream=stream), encoding="utf-8")
        return load_project(tmp_path, environment={})

    return loading


def kept(project: Project) -> Retention:
    return project.streams[0].retention


def test_without_a_word_all_is_kept_for_ever_and_upkeep_may_work_at_any_time(load: Load) -> None:
    project = load()

    assert kept(project) == Retention(None, None, None, None)
    assert project.window is None


def test_a_stream_says_what_is_different_for_it_and_else_it_is_as_for_all(load: Load) -> None:
    top = '[retention]\narchive = "90d"\nquarantine = "365d"\nsuperseded = "1h"'

    assert kept(load(top)) == Retention(timedelta(days=90), timedelta(days=365), timedelta(hours=1))
    own = 'retention = { archive = "forever", superseded = "2d" }'
    assert kept(load(top, own)) == Retention(None, timedelta(days=365), timedelta(days=2))
    assert kept(load(stream=own)) == Retention(None, None, timedelta(days=2))


def test_rows_are_kept_for_a_time_only_where_no_table_reads_them(load: Load) -> None:
    top = '[retention]\ndata = "365d"'

    assert kept(load(top)).data == timedelta(days=365)
    assert kept(load(top, 'table = "delta"\nretention = { data = "forever" }')).data is None
    for stream, all_streams in (('table = "delta"\nretention = { data = "1d" }', ""), ('table = "delta"', top)):
        with pytest.raises(Misconfigured, match='cannot go with table = "delta"'):
            load(all_streams, stream)


def test_rows_on_a_webdav_server_are_kept_for_ever(load: Load) -> None:
    server = '[store.far]\nurl = "webdavs://host/srv/lake"\nexclusive = true'

    with pytest.raises(Misconfigured, match="cannot be replaced there in one step"):
        load(server, 'store = "far"\nretention = { data = "1d" }')
    assert kept(load(server, 'store = "far"\nretention = { archive = "1d" }')).archive == timedelta(days=1)


def test_a_window_is_by_the_clock_of_a_zone(load: Load) -> None:
    assert load('[maintenance]\nwindow = "02:00-04:00"').window == Window.of("02:00-04:00")
    there = load('[maintenance]\nwindow = "23:00-01:00"\nzone = "America/Sao_Paulo"').window
    assert there == Window.of("23:00-01:00", "America/Sao_Paulo")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('[retention]\narchive = "59m"', 'at least "1h"'),
        ("[retention]\narchive = 90", "has no unit"),
        ('[retention]\nrows = "90d"', "rows"),
        ('[maintenance]\nwindow = "02:00"', "two different times of a day"),
        ('[maintenance]\nwindow = "02:00-04:00"\nzone = "Sao_Paulo"', "America/Sao_Paulo"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_to_write_it(load: Load, written: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        load(written)


def test_each_time_is_shown_as_it_takes_effect(load: Load) -> None:
    project = load('[retention]\narchive = "90d"', 'retention = { quarantine = "1d" }')

    shown = {".".join(one.keys): (one.value, one.origin) for one in effective(project, {})}

    assert shown["retention.archive"] == ("90d", "file")
    assert shown["retention.superseded"] == ("forever", "default")
    assert shown["stream.s.retention.archive"] == ("90d", "default")
    assert shown["stream.s.retention.quarantine"] == ("1d", "file")
    assert shown["stream.s.retention.superseded"] == ("forever", "default")
