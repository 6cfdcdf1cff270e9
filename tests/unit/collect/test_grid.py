"""Where a schedule's instants lie, against clocks that skip, repeat and stand apart from UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coleta.collect.grid import LARGEST_PHASE, check_cron, first_tick, instants, newest, phase, previous
from coleta.collect.tick import RESOLUTION
from coleta.errors import Misconfigured
from coleta.stream import Cron, Every, Schedule

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # the clock skips midnight itself
    ("America/Sao_Paulo", date(2019, 2, 17)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(1986, 1, 1)),  # from +05:30 to +05:45
    ("Asia/Kathmandu", date(2026, 11, 24)),
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
    ("Europe/Dublin", date(2026, 10, 25)),  # daylight saving of minus one hour, in winter
    ("UTC", date(2026, 2, 28)),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(schedule: Schedule, *, zone: str, on: date) -> list[str]:
    """The instants of a local day, as its clock shows them, with the offset."""
    start = datetime(on.year, on.month, on.day, tzinfo=UTC)
    near = instants(schedule, after=start - DAY, until=start + 2 * DAY)
    shown = [instant.astimezone(ZoneInfo(zone)) for instant in near]
    return [clock.strftime("%H:%M%z") for clock in shown if clock.date() == on]


def every(schedule: Schedule, after: str, until: str) -> list[str]:
    return [f"{instant:%Y-%m-%dT%H:%M:%S}" for instant in instants(schedule, after=utc(after), until=utc(until))]


# Intervals


def test_an_interval_has_its_instants_at_the_multiples_since_1970() -> None:
    assert every(Every(timedelta(minutes=15)), "2026-11-24T12:00:00", "2026-11-24T12:45:00") == [
        "2026-11-24T12:15:00",
        "2026-11-24T12:30:00",
        "2026-11-24T12:45:00",
    ]


def test_an_interval_that_does_not_divide_a_day_keeps_its_pace_across_midnight() -> None:
    found = list(instants(Every(7 * HOUR), after=utc("2026-11-24T00:00:00"), until=utc("2026-11-26T00:00:00")))

    assert {b - a for a, b in pairwise(found)} == {7 * HOUR}


def test_an_interval_of_fractions_of_a_second_is_exact() -> None:
    third = Every(timedelta(microseconds=333_333))
    far = utc("2199-01-01T00:00:00")

    for instant in islice(instants(third, after=far, until=far + HOUR), 100):
        assert (instant - utc("1970-01-01T00:00:00")) % third.interval == timedelta(0)


def test_the_grid_goes_on_before_1970() -> None:
    assert every(Every(HOUR), "1969-12-31T22:30:00", "1970-01-01T00:00:00") == [
        "1969-12-31T23:00:00",
        "1970-01-01T00:00:00",
    ]


# Cron and local time (FAULTS 75)


@pytest.mark.parametrize("on", [date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)])
def test_a_job_at_a_fixed_time_runs_once_on_each_day_of_the_year(on: date) -> None:
    at_half_past_two = Cron("30 2 * * *", "Europe/Berlin")

    assert len(local(at_half_past_two, zone="Europe/Berlin", on=on)) == 1


def test_a_time_that_the_clock_skips_happens_when_it_has_skipped_it() -> None:
    skipped = Cron("30 2 * * *", "Europe/Berlin")

    assert local(skipped, zone="Europe/Berlin", on=date(2026, 3, 29)) == ["03:00+0200"]


def test_a_time_that_the_clock_shows_twice_happens_the_first_time() -> None:
    repeated = Cron("30 2 * * *", "Europe/Berlin")

    assert local(repeated, zone="Europe/Berlin", on=date(2026, 10, 25)) == ["02:30+0200"]


def test_a_repeated_hour_counts_once_for_jobs_of_every_quarter_too() -> None:
    quarters = local(Cron("*/15 * * * *", "Europe/Berlin"), zone="Europe/Berlin", on=date(2026, 10, 25))

    assert len(quarters) == 96
    assert quarters[8:13] == ["02:00+0200", "02:15+0200", "02:30+0200", "02:45+0200", "03:00+0100"]


def test_a_skipped_hour_is_one_instant_for_jobs_of_every_quarter() -> None:
    quarters = local(Cron("*/15 * * * *", "Europe/Berlin"), zone="Europe/Berlin", on=date(2026, 3, 29))

    assert len(quarters) == 92
    assert quarters[7:10] == ["01:45+0100", "03:00+0200", "03:15+0200"]


def test_midnight_comes_once_where_the_clock_skips_or_repeats_it() -> None:
    midnight = Cron("0 0 * * *", "America/Sao_Paulo")

    assert every(midnight, "2018-11-03T12:00:00", "2018-11-05T12:00:00") == [
        "2018-11-04T03:00:00",  # 01:00-02, the moment at which 00:00-03 would have been
        "2018-11-05T02:00:00",
    ]
    assert every(midnight, "2019-02-16T00:00:00", "2019-02-18T12:00:00") == [
        "2019-02-16T02:00:00",
        "2019-02-17T03:00:00",  # the clock showed 23:59-02, then 23:00-03, and only then 00:00
        "2019-02-18T03:00:00",
    ]


def test_a_repeated_half_hour_counts_once() -> None:
    tens = local(Cron("*/10 1,2 * * *", "Australia/Lord_Howe"), zone="Australia/Lord_Howe", on=date(2026, 4, 5))

    assert [clock[:5] for clock in tens] == [f"{h:02}:{m:02}" for h in (1, 2) for m in range(0, 60, 10)]
    assert [clock[5:] for clock in tens] == ["+1100"] * 6 + ["+1030"] * 6


def test_a_skipped_half_hour_is_one_instant() -> None:
    tens = local(Cron("*/10 2 * * *", "Australia/Lord_Howe"), zone="Australia/Lord_Howe", on=date(2026, 10, 4))

    assert tens == ["02:30+1100", "02:40+1100", "02:50+1100"]


def test_an_offset_of_three_quarters_is_nothing_special() -> None:
    assert every(Cron("0 6 * * *", "Asia/Kathmandu"), "2026-11-24T00:00:00", "2026-11-25T00:00:00") == [
        "2026-11-24T00:15:00"
    ]


def test_a_day_that_never_was_is_one_instant() -> None:
    noon = Cron("0 12 * * *", "Pacific/Apia")

    assert every(noon, "2011-12-29T00:00:00", "2011-12-31T00:00:00") == [
        "2011-12-29T22:00:00",
        "2011-12-30T10:00:00",  # the clock went from 23:59 on the 29th to 00:00 on the 31st
        "2011-12-30T22:00:00",
    ]


# Against a model that walks through the minutes


minutes = st.sampled_from(["*", "*/15", "0", "30", "59", "1-5", "0,45"])
hours = st.sampled_from(["*", "*/6", "0", "1", "2", "2,3", "23", "0-4"])
weekdays = st.sampled_from(["*", "*", "SUN", "1-6", "7"])


def matches(field: str, value: int) -> bool:
    """The few forms of a cron field used here, read by a second program."""
    names = {"SUN": 0}
    for term in field.split(","):
        span, _, step = term.partition("/")
        low, _, high = span.partition("-")
        first = 0 if low == "*" else names.get(low, int(low) if low.isdigit() else 0)
        last = 59 if low == "*" else int(high or first)
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def named(expression: str, nominal: datetime) -> bool:
    minute, hour, _, _, weekday = expression.split()
    sunday_first = nominal.isoweekday() % 7
    on_day = matches(weekday, sunday_first) or (sunday_first == 0 and matches(weekday, 7))
    return matches(minute, nominal.minute) and matches(hour, nominal.hour) and on_day


def walk(schedule: Cron, after: datetime, until: datetime) -> Iterator[datetime]:
    """Look at the clock at each minute; what it reaches for the first time has its instant now."""
    zone = ZoneInfo(schedule.zone)
    t = after - timedelta(hours=30)  # longer than any clock was ever put back
    reached = t.astimezone(zone).replace(tzinfo=None)
    while (t := t + MINUTE) <= until:
        shown = t.astimezone(zone).replace(tzinfo=None)
        due = False
        while reached < shown:
            reached += MINUTE
            due = due or named(schedule.expression, reached)
        if due and t > after:
            yield t


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHANGES), minutes, hours, weekdays)
@example(CHANGES[0], "30", "2,3", "*")
@example(CHANGES[8], "0", "*/6", "*")
def test_cron_is_what_a_walk_through_all_minutes_finds(
    change: tuple[str, date], minute: str, hour: str, weekday: str
) -> None:
    zone, on = change
    schedule = Cron(f"{minute} {hour} * * {weekday}", zone)
    middle = datetime(on.year, on.month, on.day, tzinfo=UTC)
    after, until = middle - DAY, middle + DAY

    assert list(instants(schedule, after=after, until=until)) == list(walk(schedule, after, until))


schedules = st.one_of(
    st.integers(1_000_000, 90_000_000_000).map(lambda us: Every(us * RESOLUTION)),
    st.builds(
        lambda minute, hour, weekday, change: Cron(f"{minute} {hour} * * {weekday}", change[0]),
        minutes,
        hours,
        weekdays,
        st.sampled_from(CHANGES),
    ),
)
near_changes = st.builds(
    lambda change, offset_s: (
        datetime(change[1].year, change[1].month, change[1].day, tzinfo=UTC) + timedelta(seconds=offset_s)
    ),
    st.sampled_from(CHANGES),
    st.one_of(st.integers(-50_000, 50_000), st.integers(-30, 30).map(lambda halves: 1800 * halves)),
)


@settings(max_examples=150, deadline=None)
@given(schedules, near_changes, st.integers(0, 7_200), st.integers(0, 7_200))
def test_a_search_may_begin_anywhere(schedule: Schedule, a: datetime, first_s: int, second_s: int) -> None:
    b = a + timedelta(seconds=first_s)
    c = b + timedelta(seconds=second_s)
    parts = [*instants(schedule, after=a, until=b), *instants(schedule, after=b, until=c)]

    assert parts == list(instants(schedule, after=a, until=c))
    assert all(x < y for x, y in pairwise(parts))


@settings(max_examples=200, deadline=None)
@given(schedules, near_changes)
def test_the_newest_instant_is_the_last_that_a_search_forwards_finds(schedule: Schedule, at: datetime) -> None:
    found = newest(schedule, at)

    assert found <= at
    assert list(instants(schedule, after=found, until=at)) == []
    assert next(instants(schedule, after=found - RESOLUTION, until=at)) == found


@settings(max_examples=100, deadline=None)
@given(schedules, near_changes)
def test_the_previous_instant_is_strictly_before(schedule: Schedule, at: datetime) -> None:
    on_grid = newest(schedule, at)
    before = previous(schedule, on_grid)

    assert before < on_grid
    assert list(instants(schedule, after=before, until=on_grid)) == [on_grid]
    assert previous(schedule, on_grid + RESOLUTION) == on_grid


def test_the_previous_29_february_is_found_across_a_century_without_one() -> None:
    assert previous(Cron("0 0 29 2 *"), utc("1904-02-29T00:00:00")) == utc("1896-02-29T00:00:00")


def test_the_first_tick_is_the_newest_instant_that_has_come() -> None:
    hourly = Every(HOUR)

    assert first_tick(hourly, utc("2026-11-24T12:59:59")) == utc("2026-11-24T12:00:00")
    assert first_tick(hourly, utc("2026-11-24T12:00:00")) == utc("2026-11-24T12:00:00")


# Phase


def test_a_phase_is_less_than_a_tenth_of_the_interval_and_than_30_seconds() -> None:
    for name in ("compras", "vendas", "estoque", *(f"stream_{n}" for n in range(100))):
        assert timedelta(0) <= phase(Every(MINUTE), name) < timedelta(seconds=6)
        assert timedelta(0) <= phase(Every(DAY), name) < LARGEST_PHASE


def test_a_phase_is_the_same_in_every_process() -> None:
    assert phase(Every(MINUTE), "compras") == timedelta(microseconds=1_279_072)


def test_phases_spread_a_thousand_streams_over_the_whole_of_it() -> None:
    tenths = {int(phase(Every(MINUTE), f"stream_{n}") / timedelta(seconds=0.6)) for n in range(1_000)}

    assert tenths == set(range(10))


def test_cron_has_no_phase() -> None:
    assert phase(Cron("*/5 * * * *"), "compras") == timedelta(0)


# What is refused


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "61 * * * *", "* 24 * * *", "*/0 * * * *", "@hourly", "0 0 30 2 *", "5-1 * * * *"],
)
def test_a_wrong_expression_is_refused_with_a_hint(expression: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        check_cron(expression, "UTC")

    assert refused.value.hint is not None


def test_an_expression_that_never_occurs_is_refused() -> None:
    fifth_monday_before_the_26th = "0 0 */8 * MON#5"

    with pytest.raises(Misconfigured, match="never occurs"):
        check_cron(fifth_monday_before_the_26th, "UTC")
    with pytest.raises(Misconfigured, match="never occurs"):
        newest(Cron(fifth_monday_before_the_26th), utc("2026-11-24T12:00:00"))


@pytest.mark.parametrize("expression", ["30 6 * * MON-FRI", "0 0 29 2 *", "*/5 * * * *", "0 12 L * *", "0 0 * 2 MON#5"])
def test_an_expression_that_occurs_is_accepted_even_when_it_is_rare(expression: str) -> None:
    check_cron(expression, "America/Sao_Paulo")

    assert newest(Cron(expression, "America/Sao_Paulo"), utc("2026-11-24T12:00:00"))


@pytest.mark.parametrize("zone", ["America/Sao_Paolo", "America", "", "/etc/localtime", "../UTC", "Mars\0"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(Misconfigured, match="there is no time zone"):
        check_cron("0 * * * *", zone)


def test_the_nearest_zone_is_named() -> None:
    with pytest.raises(Misconfigured) as refused:
        check_cron("0 * * * *", "America/Sao_Paolo")

    assert refused.value.hint == "did you mean 'America/Sao_Paulo'?"
