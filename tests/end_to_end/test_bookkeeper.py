"""The bookkeeper is worth something only if it notices books that are wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.end_to_end.bookkeeper import Stretches, balance
from tests.end_to_end.ledger_api import LedgerApi, Sent
from tests.end_to_end.program import Project


def _objects(lake: Path) -> list[Path]:
    return sorted(lake.glob("s/data/*/*.parquet"))


def _lose_the_newest(lake: Path) -> None:
    _objects(lake)[-1].unlink()


def _lose_one_in_between(lake: Path) -> None:
    _objects(lake)[1].unlink()


def _double_one(lake: Path) -> None:
    shutil.copy(_objects(lake)[1], _objects(lake)[1].with_name("copy.parquet"))


def _land_the_newest_elsewhere(lake: Path) -> None:
    newest = _objects(lake)[-1]
    newest.rename(newest.with_name("000000099.parquet"))


def _lose_a_quarantine_file(lake: Path) -> None:
    next(lake.glob("s/_quarantine/*")).unlink()


def _has_some_of_everything(lake: Path, sent: list[Sent]) -> bool:
    newest_has_rows = bool(sent and set(sent[-1].ids) - sent[-1].bad)
    return len(sent) > 3 and newest_has_rows and any(lake.glob("s/_quarantine/*"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sent]]:
    """A small sound lake with some of everything, and what the API sent for it."""
    folder = tmp_path_factory.mktemp("kept")
    with LedgerApi(seed=1) as api:
        project = Project(folder / "project", api.url, folder / "lake")
        while not _has_some_of_everything(project.lake, api.sent):
            assert project.call("run", "s").status in (0, 65)
        return project.lake, api.sent


def test_a_sound_lake_passes(kept: tuple[Path, list[Sent]]) -> None:
    lake, sent = kept
    books = balance(lake, "s", sent, [], may_be_lost=0)
    assert books.count("table")
    assert books.count("quarantine")


@pytest.mark.parametrize(
    "damage",
    [_lose_the_newest, _lose_one_in_between, _double_one, _land_the_newest_elsewhere, _lose_a_quarantine_file],
)
def test_damage_is_noticed(kept: tuple[Path, list[Sent]], tmp_path: Path, damage: Callable[[Path], None]) -> None:
    lake, sent = kept
    copy = shutil.copytree(lake, tmp_path / "lake")
    damage(copy)

    with pytest.raises((AssertionError, FileNotFoundError)):
        balance(copy, "s", sent, [], may_be_lost=0)


def test_a_record_that_was_never_sent_is_noticed(kept: tuple[Path, list[Sent]]) -> None:
    lake, sent = kept
    with pytest.raises(AssertionError, match="never sent whole"):
        balance(
            lake, "s", [one for one in sent if one.ids != max(sent, key=lambda one: one.ids).ids], [], may_be_lost=0
        )


def test_an_answer_that_lies_nowhere_is_noticed(kept: tuple[Path, list[Sent]]) -> None:
    lake, sent = kept
    lost = Sent("/s", (10_000, 10_001), frozenset())
    with pytest.raises(AssertionError, match="1 answers lie nowhere"):
        balance(lake, "s", [*sent, lost], [], may_be_lost=0)
    assert balance(lake, "s", [*sent, lost], [], may_be_lost=1).lost == [lost]


def _instants(stretches: Stretches) -> set[int]:
    return {instant for start, end in stretches.spans for instant in range(start, end)}


spans = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda both: (min(both), max(both)))


@given(steps=st.lists(st.tuples(st.booleans(), spans)))
def test_stretches_hold_the_instants_that_were_added_and_not_removed_in_the_fewest_intervals(
    steps: list[tuple[bool, tuple[int, int]]],
) -> None:
    stretches, expected = Stretches(), set[int]()
    for is_added, span in steps:
        assert stretches.meets(span) is bool(expected & set(range(*span)))
        if is_added:
            stretches.add(span)
            expected |= set(range(*span))
        else:
            stretches.remove(span)
            expected -= set(range(*span))
        assert _instants(stretches) == expected
        assert len(stretches.spans) == sum(instant - 1 not in expected for instant in expected)
