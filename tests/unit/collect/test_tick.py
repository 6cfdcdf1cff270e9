"""Stage 1's unit of time: intervals and their names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.tick import (
    RESOLUTION,
    Interval,
    format_instant,
    on_demand,
    parse_instant,
    parse_tick_name,
    tick_name,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

any_instant = st.integers(0, 2**53).map(lambda us: EPOCH + us * RESOLUTION)
near_noon = st.integers(-6, 6).map(lambda n: NOON + n * RESOLUTION)


def test_a_tick_is_named_by_the_instant_that_ends_it() -> None:
    assert Interval(NOON - HOUR, NOON).name == "20261124T120000Z"


def test_a_name_has_decimals_only_where_the_instant_is_not_a_whole_second() -> None:
    assert tick_name(NOON + timedelta(milliseconds=250)) == "20261124T120000.250000Z"
    assert format_instant(NOON + timedelta(milliseconds=250)) == "2026-11-24T12:00:00.250000Z"
    assert format_instant(NOON) == "2026-11-24T12:00:00Z"


def test_a_name_is_in_utc_whatever_the_zone_of_the_instant() -> None:
    in_sao_paulo = NOON.astimezone(timezone(timedelta(hours=-3)))

    assert tick_name(in_sao_paulo) == "20261124T120000Z"
    assert format_instant(in_sao_paulo) == "2026-11-24T12:00:00Z"


def test_the_date_of_a_tick_is_that_of_its_end() -> None:
    midnight = datetime(2026, 11, 25, tzinfo=UTC)

    assert Interval(midnight - HOUR, midnight).date == date(2026, 11, 25)
    assert Interval(midnight - HOUR, midnight - RESOLUTION).date == date(2026, 11, 24)


def test_an_interval_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="cannot end before it starts"):
        Interval(NOON, NOON - RESOLUTION)


def test_an_on_demand_tick_covers_nothing_and_overlaps_nothing() -> None:
    asked = on_demand(NOON)

    assert asked.empty
    assert asked.name == "20261124T120000Z"
    assert not asked.overlaps(Interval(NOON - HOUR, NOON))
    assert not asked.overlaps(Interval(NOON, NOON + HOUR))


def test_ticks_that_only_touch_do_not_overlap() -> None:
    assert not Interval(NOON - HOUR, NOON).overlaps(Interval(NOON, NOON + HOUR))
    assert Interval(NOON - HOUR, NOON + RESOLUTION).overlaps(Interval(NOON, NOON + HOUR))


@given(near_noon, near_noon, near_noon, near_noon)
def test_intervals_overlap_when_they_have_an_instant_in_common(
    a: datetime, b: datetime, c: datetime, d: datetime
) -> None:
    one, other = Interval(min(a, b), max(a, b)), Interval(min(c, d), max(c, d))
    instants = [NOON + n * RESOLUTION for n in range(-7, 8)]
    common = [t for t in instants if one.start < t <= one.end and other.start < t <= other.end]

    # An empty interval strictly inside another has no instant, so it has none in common.
    assert one.overlaps(other) == bool(common)


@given(any_instant)
def test_a_name_and_an_iso_time_are_read_back_as_the_same_instant(instant: datetime) -> None:
    assert parse_tick_name(tick_name(instant)) == instant
    assert parse_tick_name(format_instant(instant)) == instant
    assert parse_instant(format_instant(instant)) == instant


@given(any_instant, any_instant)
def test_two_instants_never_have_one_name(one: datetime, other: datetime) -> None:
    assert (tick_name(one) == tick_name(other)) == (one == other)


def test_a_time_with_another_offset_is_the_same_instant() -> None:
    assert parse_tick_name("2026-11-24T09:00:00-03:00") == NOON
    assert parse_instant("2026-11-24T09:00:00-03:00").tzinfo is UTC


@pytest.mark.parametrize(
    "wrong",
    [
        "20261124T12000Z",  # a digit too few in the time
        "2026112T120000Z",  # and in the date
        "20261124T120000",
        "20261124T120000.5Z",
        "20261124",
        "2026-11-24",
        "2026-11-24T12:00:00",
        "20261324T120000Z",
        "٢٠٢٦١١٢٤T120000Z",
        "noon",
        "",
    ],
)
def test_what_is_no_tick_name_and_no_time_with_a_zone_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_tick_name(wrong)


def test_a_local_time_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ValueError, match="no time zone; write it in UTC"):
        parse_instant("2026-11-24T12:00:00")


@pytest.mark.parametrize("far", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_utc_cannot_hold_is_refused_and_does_not_overflow(far: str) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        parse_instant(far)
