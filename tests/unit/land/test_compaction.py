"""Which of a table's files are written anew as one: enough of them, of closed dates, and each byte few times."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from coleta.land.compaction import (
    FULL,
    MANY,
    MARGIN,
    Merging,
    TableFile,
    compacted_name,
    first_commit,
    mergings,
    open_from,
)

DAY = "2026-11-20"
OPEN = date(2026, 11, 24)
MB = 1_000_000


def data(seq: int, size: int = 4_000, day: str = DAY, rows: int | None = 50) -> TableFile:
    return TableFile(f"data/tick_date={day}/{seq:09d}.parquet", size, day, rows)


def compacted(first: int, size: int, day: str = DAY) -> TableFile:
    return TableFile(compacted_name(day, first, "0123456789abcdef0123"), size, day, 50)


def found(*files: TableFile, target: int = 128 * MB) -> list[Merging]:
    return list(mergings(files, before=OPEN, target_bytes=target))


def numbers(merging: Merging) -> list[int]:
    return [first_commit(file.path) for file in merging.files]


def test_the_files_of_a_closed_date_become_one_in_the_order_of_the_log() -> None:
    files = [data(seq) for seq in range(7, 300)]
    random.Random(5).shuffle(files)

    (merging,) = found(*files)

    assert merging.date == DAY
    assert numbers(merging) == list(range(7, 300))
    assert (merging.rows, merging.size_bytes) == (293 * 50, 293 * 4_000)


def test_a_date_that_is_open_is_left_alone_and_so_is_what_has_no_date() -> None:
    files = [data(seq, day=OPEN.isoformat()) for seq in range(10)]
    nowhere = [TableFile(f"data/{seq:09d}.parquet", 10, None, 1) for seq in range(10)]

    assert found(*files, *nowhere) == []


def test_dates_are_told_oldest_first_and_apart() -> None:
    files = [data(seq, day=f"2026-11-{20 + seq % 3}") for seq in range(30)]

    assert [(one.date, len(one.files)) for one in found(*files)] == [
        ("2026-11-20", 10),
        ("2026-11-21", 10),
        ("2026-11-22", 10),
    ]


@pytest.mark.parametrize(
    ("sizes", "worth"),
    [
        ([], False),
        ([4_000], False),
        ([4_000, 4_000], True),
        ([4_000, 4_100], False),
        ([4_000, 4_100, 100], True),
        ([5 * MB, *[4_000] * 6], False),
        ([5 * MB, *[4_000] * 7], True),
    ],
)
def test_a_large_file_is_written_again_only_for_as_much_as_it_has_or_for_many(sizes: list[int], worth: bool) -> None:
    files = [data(seq, size) for seq, size in enumerate(sizes)]

    assert len(found(*files)) == worth


def test_a_late_file_beside_what_was_compacted_waits_for_more() -> None:
    assert found(compacted(1, 900_000), data(400)) == []
    assert [numbers(one) for one in found(compacted(1, 900_000), *(data(seq) for seq in range(400, 407)))] == [
        [1, *range(400, 407)]
    ]


def test_no_file_that_results_is_larger_than_the_target_and_large_ones_are_left() -> None:
    files = [data(seq, 30 * MB) for seq in range(10)] + [data(10, 96 * MB), data(11, 500 * MB)]

    assert [numbers(one) for one in found(*files)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_what_others_have_written_is_left_alone_and_so_is_what_says_no_rows() -> None:
    theirs = [TableFile(f"tick_date={DAY}/part-{n}.parquet", 100, DAY, 5) for n in range(10)]

    assert found(*theirs, *(data(seq, rows=None) for seq in range(10))) == []


def settle(files: dict[str, TableFile], target: int) -> int:
    """Do all there is to do, and again, until nothing is left; how many bytes were written."""
    written = 0
    for _ in range(50):
        todo = list(mergings(files.values(), before=OPEN, target_bytes=target))
        if not todo:
            return written
        for merging in todo:
            new = compacted(first_commit(merging.files[0].path), int(merging.size_bytes * 0.8))
            written += new.size_bytes
            for gone in merging.files:
                del files[gone.path]
            files[new.path] = new
    pytest.fail("there is always something left to do")


@pytest.mark.parametrize("seed", range(50))
def test_done_again_and_again_it_comes_to_an_end_with_few_files_and_few_bytes_written(seed: int) -> None:
    chance, target = random.Random(seed), 2 * MB
    files: dict[str, TableFile] = {}
    written = landed = 0
    for seq in range(1, 400):
        one = data(seq, int(chance.lognormvariate(9, 2)))
        files[one.path] = one
        landed += one.size_bytes
        if seq == 399 or chance.random() < 0.1:
            written += settle(files, target)

    rest = [one.size_bytes for one in files.values() if one.size_bytes < FULL * target]
    assert len(rest) <= MANY * (1 + 2 * sum(rest) / target), "fewer than so many in each two groups beside each other"
    assert written <= 3 * landed


def test_a_date_is_closed_an_hour_after_all_that_may_come_in_time() -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    late = timedelta(minutes=20)
    closed = midnight + late + MARGIN

    assert open_from(closed - timedelta(microseconds=1), late=late) == date(2026, 11, 23)
    assert open_from(closed, late=late) == date(2026, 11, 24)


def test_the_name_of_what_was_made_says_where_it_stands_in_the_log_and_is_never_one_that_was_given_before() -> None:
    name = compacted_name(DAY, 42, "f" * 32)

    assert name == f"compacted/tick_date={DAY}/000000042-{'f' * 16}.parquet"
    assert first_commit(name) == 42
    assert first_commit("part-0.parquet") == 0
