"""Durations, sizes and paths inside an answer, as people write them."""

from datetime import timedelta

import pytest

from coleta.settings.units import format_duration, parse_duration, parse_selection, parse_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0s", 0), ("5s", 5), ("90s", 90), ("1m", 60), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("1d2h3m4s", 93784)],
)
def test_a_duration_is_the_sum_of_its_parts(written: str, seconds: int) -> None:
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "m", "1.5h", "1 m", "30m1h", "1m1m", "-1m", "1w", "5S", "٣s", "1m\n", True, None, ["1m"]]
)
def test_what_is_no_duration_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match='write one such as "30s"'):
        parse_duration(written)


@pytest.mark.parametrize(("written", "advice"), [(60, '"60s"'), (1.5, "no unit")])
def test_a_bare_number_is_refused_because_its_unit_would_be_a_guess(written: float, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        parse_duration(written)


def test_a_duration_beyond_ten_years_is_refused() -> None:
    assert parse_duration("3660d") == timedelta(days=3660)
    for written in ("3661d", "999999d", "999999999s999999d"):
        with pytest.raises(ValueError, match=r"at most|no duration"):
            parse_duration(written)


@pytest.mark.parametrize("written", ["0s", "1s", "1m", "1h30m", "24h", "1m1s"])
def test_a_duration_is_shown_the_way_it_is_written(written: str) -> None:
    assert format_duration(parse_duration(written)) == written


@pytest.mark.parametrize(
    ("written", "size_bytes"),
    [("1B", 1), ("5kB", 5000), ("5KB", 5000), ("256MB", 256_000_000), ("10GB", 10**10), ("2TB", 2 * 10**12),
     ("64KiB", 65536), ("1MiB", 2**20), ("1GiB", 2**30), ("1TiB", 2**40), ("10 GB", 10**10)],
)  # fmt: skip
def test_a_size_counts_by_1000_or_with_an_i_by_1024(written: str, size_bytes: int) -> None:
    assert parse_size(written) == size_bytes


@pytest.mark.parametrize(
    "written", ["", "10", "GB", "1.5GB", "-1GB", "10gb", "10Gb", "1PB", "٣GB", "1GB\n", True, 10, 1.5]
)
def test_what_is_no_size_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match='such as "'):
        parse_size(written)


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        parse_size("0GB")


@pytest.mark.parametrize(
    ("written", "keys"), [("a", ("a",)), ("data.items", ("data", "items")), ("$.a.b", ("a", "b")), ("$x", ("$x",))]
)
def test_a_path_inside_an_answer_is_its_keys(written: str, keys: tuple[str, ...]) -> None:
    assert parse_selection(written) == keys


@pytest.mark.parametrize("written", ["", "$", "$.", ".", "a.", ".a", "a..b", "a[0]", "*", 5, ["a"]])
def test_what_is_no_path_inside_an_answer_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="dots between"):
        parse_selection(written)
