"""Which ticks are due: sentences first, then any history that clocks, restarts and edits can make."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coleta.collect.cadence import MOST_MISSED, Cadence, Plan, due, find_tick, ticks
from coleta.collect.coverage import Coverage
from coleta.collect.grid import first_tick, newest
from coleta.collect.tick import RESOLUTION, Interval, parse_tick_name
from coleta.contract.types import Contract
from coleta.errors import Misconfigured
from coleta.stream import CatchUp, Cron, Every, Schedule, Source, Stream
from coleta.terms import Terms

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOURLY = Cadence(Every(HOUR), catch_up="all", delay=timedelta(0), deadline=10 * MINUTE, phase=timedelta(0))


def at(clock: str) -> datetime:
    """A time of one day, as ``12:00`` or ``12:00:30``."""
    return datetime.fromisoformat(f"2026-11-24T{clock}+00:00")


def tick(start: str, end: str) -> Interval:
    return Interval(at(start), at(end))


def covered(*spans: tuple[str, str]) -> Coverage:
    return Coverage.of(tick(*span) for span in spans)


def plan(cadence: Cadence, now: str, *known: tuple[str, str], first: str = "12:00") -> Plan:
    return due(cadence, covered=covered(*known), first_tick=at(first), now=at(now))


# One tick


def test_the_first_tick_begins_at_the_instant_before_it() -> None:
    assert plan(HOURLY, "12:00").ask == (tick("11:00", "12:00"),)


def test_the_instant_of_the_first_tick_must_be_covered_itself() -> None:
    only_what_follows = plan(HOURLY, "13:30", ("12:00", "13:00"))
    that_instant_too = due(
        HOURLY,
        covered=Coverage.of([Interval(at("12:00") - RESOLUTION, at("13:00"))]),
        first_tick=at("12:00"),
        now=at("13:30"),
    )

    assert only_what_follows.ask == (tick("11:00", "12:00"),)
    assert that_instant_too.ask == ()


def test_a_covered_tick_is_not_due_again() -> None:
    assert plan(HOURLY, "12:59:59", ("11:00", "12:00")) == Plan(ask=(), missed=(), next_at=at("13:00"))


def test_a_tick_is_due_at_its_very_end_and_not_a_moment_sooner() -> None:
    sooner = due(HOURLY, covered=covered(("11:00", "12:00")), first_tick=at("12:00"), now=at("13:00") - RESOLUTION)

    assert sooner.ask == ()
    assert plan(HOURLY, "13:00", ("11:00", "12:00")).ask == (tick("12:00", "13:00"),)


@pytest.mark.parametrize("catch_up", ["all", "latest", "none"])
def test_a_tick_is_asked_only_after_its_delay_and_phase(catch_up: CatchUp) -> None:
    patient = replace(HOURLY, catch_up=catch_up, delay=5 * MINUTE, phase=20 * SECOND)

    waiting = plan(patient, "13:05:19", ("11:00", "12:00"))

    assert waiting == Plan(ask=(), missed=(), next_at=at("13:05:20"))
    assert plan(patient, "13:05:20", ("11:00", "12:00")).ask == (tick("12:00", "13:00"),)


def test_the_next_look_is_when_the_next_tick_may_be_asked() -> None:
    patient = replace(HOURLY, delay=5 * MINUTE, phase=20 * SECOND)

    assert plan(patient, "12:05:20").next_at == at("13:05:20")


def test_a_cadence_takes_its_phase_from_the_name_and_its_deadline_from_the_source() -> None:
    stream = Stream(
        name="compras",
        project="compras",
        store="file:///lake",
        path="compras",
        source=Source(url="http://127.0.0.1/", deadline=90 * SECOND),
        schedule=Every(MINUTE),
        terms=Terms(contract=Contract(fields=())),
        catch_up="none",
        delay=3 * SECOND,
    )

    cadence = Cadence.of(stream)

    assert (cadence.catch_up, cadence.delay, cadence.deadline) == ("none", 3 * SECOND, 90 * SECOND)
    assert timedelta(0) < cadence.phase < 6 * SECOND
    assert cadence.not_before(tick("12:00", "12:01")) == at("12:01:03") + cadence.phase


# Holes


def test_a_hole_is_cut_at_the_instants_of_the_grid() -> None:
    assert plan(HOURLY, "15:10", ("11:00", "12:00")).ask == (
        tick("12:00", "13:00"),
        tick("13:00", "14:00"),
        tick("14:00", "15:00"),
    )


def test_what_is_left_before_a_covered_interval_is_a_tick_named_by_the_holes_end() -> None:
    assert plan(HOURLY, "14:00", ("11:00", "12:10"), ("13:20", "14:00")).ask == (
        tick("12:10", "13:00"),
        tick("13:00", "13:20"),
    )


def test_a_hole_without_an_instant_of_the_grid_is_one_tick() -> None:
    assert plan(HOURLY, "13:00", ("11:00", "12:10"), ("12:20", "13:00")).ask == (tick("12:10", "12:20"),)


def test_what_is_left_after_the_newest_instant_is_no_tick_yet() -> None:
    assert plan(HOURLY, "12:50", ("11:00", "12:20")).ask == ()


def test_a_hole_before_the_first_tick_is_nobodys() -> None:
    assert plan(HOURLY, "13:00", ("08:00", "09:00"), ("10:00", "13:00")).ask == ()


def test_a_hole_that_a_covered_interval_in_the_future_closes_has_its_tick_when_it_ends() -> None:
    early = plan(HOURLY, "12:30", ("11:00", "12:00"), ("12:40", "13:00"))

    assert early == Plan(ask=(), missed=(), next_at=at("12:40"))
    assert plan(HOURLY, "12:40", ("11:00", "12:00"), ("12:40", "13:00")).ask == (tick("12:00", "12:40"),)


# Outages, by policy


def test_catching_up_on_all_asks_every_tick_however_late() -> None:
    late = plan(HOURLY, "15:30", ("11:00", "12:00"))

    assert [each.end for each in late.ask] == [at("13:00"), at("14:00"), at("15:00")]
    assert late.missed == ()


def test_catching_up_on_the_latest_asks_the_newest_and_misses_the_others() -> None:
    late = plan(replace(HOURLY, catch_up="latest"), "15:30", ("11:00", "12:00"))

    assert late.ask == (tick("14:00", "15:00"),)
    assert late.missed == (tick("12:00", "13:00"), tick("13:00", "14:00"))


def test_catching_up_on_none_misses_what_is_past_its_deadline() -> None:
    none = replace(HOURLY, catch_up="none")

    assert plan(none, "13:09:59", ("11:00", "12:00")).ask == (tick("12:00", "13:00"),)
    assert plan(none, "13:10:00", ("11:00", "12:00")).missed == (tick("12:00", "13:00"),)
    assert plan(none, "13:10:00", ("11:00", "12:00")).ask == ()


@pytest.mark.parametrize("catch_up", ["latest", "none"])
def test_a_deadline_is_counted_from_the_moment_a_tick_may_be_asked(catch_up: CatchUp) -> None:
    minutely = Cadence(Every(MINUTE), catch_up, delay=5 * SECOND, deadline=2 * MINUTE, phase=SECOND)

    before = plan(minutely, "12:03:05.999999", ("11:00", "12:00"))
    after = plan(minutely, "12:03:06", ("11:00", "12:00"))

    assert [each.end for each in before.ask] == [at("12:01"), at("12:02")]
    assert before.missed == ()
    assert [each.end for each in after.ask] == [at("12:02"), at("12:03")]
    assert [each.end for each in after.missed] == [at("12:01")]


def test_an_old_hole_is_not_the_latest_once_something_newer_is_covered() -> None:
    late = plan(replace(HOURLY, catch_up="latest"), "14:30", ("11:00", "12:00"), ("13:00", "14:00"))

    assert late.ask == ()
    assert late.missed == (tick("12:00", "13:00"),)


def test_the_latest_may_be_a_tick_that_an_answer_of_a_faster_clock_closes() -> None:
    clock_put_back = plan(
        replace(HOURLY, catch_up="latest", deadline=MINUTE), "13:20", ("11:00", "12:00"), ("13:20", "14:00")
    )

    assert clock_put_back.ask == (tick("13:00", "13:20"),)
    assert clock_put_back.missed == (tick("12:00", "13:00"),)


def test_a_run_longer_than_its_interval_queues_the_next_tick() -> None:  # FAULTS 76
    being_asked = ("12:00", "13:00")

    assert plan(HOURLY, "14:01", ("11:00", "12:00"), being_asked).ask == (tick("13:00", "14:00"),)


@pytest.mark.parametrize("catch_up", ["all", "latest", "none"])
def test_the_tick_being_asked_is_never_due_a_second_time(catch_up: CatchUp) -> None:
    slow = replace(HOURLY, catch_up=catch_up)
    being_asked = ("12:00", "13:00")

    assert plan(slow, "13:30", ("11:00", "12:00"), being_asked) == Plan(ask=(), missed=(), next_at=at("14:00"))


def test_three_hours_asleep_end_as_the_policy_says() -> None:  # FAULTS 74
    asleep = ("11:00", "12:00")
    by_policy: dict[CatchUp, tuple[int, int]] = {"all": (3, 0), "latest": (1, 2), "none": (0, 3)}

    for catch_up, (asked, missed) in by_policy.items():
        woken = plan(replace(HOURLY, catch_up=catch_up), "15:30", asleep)
        assert (len(woken.ask), len(woken.missed)) == (asked, missed)


# Clocks (FAULTS 73)


@pytest.mark.parametrize("catch_up", ["all", "latest", "none"])
@pytest.mark.parametrize("now", ["12:00", "12:30", "13:00", "13:59"])
def test_a_clock_that_jumps_back_makes_nothing_due_twice(catch_up: CatchUp, now: str) -> None:
    put_back = plan(replace(HOURLY, catch_up=catch_up), now, ("11:00", "14:00"))

    assert put_back == Plan(ask=(), missed=(), next_at=at("15:00"))


@pytest.mark.parametrize("catch_up", ["all", "latest", "none"])
def test_a_clock_at_1970_waits_for_the_first_tick(catch_up: CatchUp) -> None:
    cadence = replace(HOURLY, catch_up=catch_up, delay=MINUTE)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    nothing = due(cadence, covered=Coverage(), first_tick=at("12:00"), now=epoch)

    assert nothing == Plan(ask=(), missed=(), next_at=at("12:01"))


def test_a_clock_at_1970_waits_for_what_is_not_covered_yet() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    nothing = due(HOURLY, covered=covered(("11:00", "14:00")), first_tick=at("12:00"), now=epoch)

    assert nothing == Plan(ask=(), missed=(), next_at=at("15:00"))


def test_a_clock_that_jumps_ahead_and_back_leaves_no_hole() -> None:
    ahead = plan(HOURLY, "14:30", ("11:00", "13:00"))
    known = covered(("11:00", "13:00")).union(ahead.ask)

    back = due(HOURLY, covered=known, first_tick=at("12:00"), now=at("13:40"))

    assert back == Plan(ask=(), missed=(), next_at=at("15:00"))


def test_local_time_asks_each_nominal_instant_once_on_both_days_of_change() -> None:  # FAULTS 75
    daily = replace(HOURLY, schedule=Cron("30 2 * * *", "Europe/Berlin"))
    for day in ("2026-03-29", "2026-10-25"):
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        first = first_tick(daily.schedule, midnight)
        known = Coverage.of([Interval(first - RESOLUTION, first)])

        two_days = due(daily, covered=known, first_tick=first, now=midnight + timedelta(days=2))

        assert len(two_days.ask) == 2
        assert two_days.ask[0].start == first


# Changed schedules (FAULTS 77)


def test_a_shorter_interval_begins_where_the_covered_ticks_end() -> None:
    quarterly = replace(HOURLY, schedule=Every(15 * MINUTE))

    assert plan(quarterly, "12:30", ("11:00", "12:00")).ask == (tick("12:00", "12:15"), tick("12:15", "12:30"))


def test_a_longer_interval_begins_where_the_covered_ticks_end() -> None:
    two_hourly = replace(HOURLY, schedule=Every(2 * HOUR))

    assert plan(two_hourly, "14:00", ("11:00", "13:00")).ask == (tick("13:00", "14:00"),)


def test_an_edit_before_the_first_answer_still_covers_the_first_tick() -> None:
    at_half_past = replace(HOURLY, schedule=Cron("30 * * * *"))

    assert plan(at_half_past, "12:30").ask == (tick("11:30", "12:30"),)


def test_two_configurations_at_once_cover_each_instant_once() -> None:
    hourly, odd = HOURLY, replace(HOURLY, schedule=Every(25 * MINUTE))
    known = covered(("11:00", "12:00"))
    asked: list[Interval] = []
    for step in range(60):
        now = at("12:00") + step * 7 * MINUTE
        found = due((hourly, odd)[step % 2], covered=known, first_tick=at("12:00"), now=now).ask
        asked.extend(found)
        known = known.union(found)

    assert len(known.intervals) == 1
    assert all(a.end == b.start for a, b in pairwise(sorted(asked)))


# Limits


def test_a_year_of_minutes_is_asked_a_thousand_at_a_time() -> None:
    minutely = replace(HOURLY, schedule=Every(MINUTE))
    now = at("12:00") + timedelta(days=365)

    some = due(minutely, covered=Coverage(), first_tick=at("12:00"), now=now)

    assert len(some.ask) == 1_000
    assert some.ask[0].end == at("12:00")
    assert some.next_at == now


def test_a_year_of_missed_minutes_is_written_down_in_parts_but_the_latest_is_asked_at_once() -> None:
    minutely = Cadence(Every(MINUTE), "latest", delay=timedelta(0), deadline=MINUTE, phase=timedelta(0))
    now = at("12:00") + timedelta(days=365)
    known = Coverage()

    plans = [due(minutely, covered=known, first_tick=at("12:00"), now=now)]
    while plans[-1].next_at == now:
        known = known.union((*plans[-1].ask, *plans[-1].missed))
        plans.append(due(minutely, covered=known, first_tick=at("12:00"), now=now))

    asks = [each.end for one in plans for each in one.ask]
    missed = [each.end for one in plans for each in one.missed]
    assert asks == [now]
    assert plans[0].ask
    assert missed == [at("12:00") + n * MINUTE for n in range(365 * 24 * 60)]
    assert [len(one.missed) for one in plans[:-1]] == [MOST_MISSED] * (len(plans) - 1)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_latest_is_among_what_is_asked_even_when_more_is_fresh_than_the_limit(limit: int) -> None:
    long_deadline = Cadence(Every(MINUTE), "latest", delay=timedelta(0), deadline=HOUR, phase=timedelta(0))

    some = due(long_deadline, covered=covered(("11:00", "12:00")), first_tick=at("12:00"), now=at("12:30"), limit=limit)

    assert len(some.ask) == limit
    assert some.ask[-1] == tick("12:29", "12:30")
    assert some.ask[:-1] == tuple(tick(f"12:{m:02}", f"12:{m + 1:02}") for m in range(limit - 1))
    assert some.next_at == at("12:30")


def test_covered_time_is_not_walked_through() -> None:
    every_second = replace(HOURLY, schedule=Every(SECOND))
    ten_years = Coverage.of([Interval(at("11:00"), at("12:00") + timedelta(days=3650))])

    for catch_up in ("all", "latest", "none"):  # 315 million instants each, if it did
        found = due(
            replace(every_second, catch_up=catch_up),
            covered=ten_years,
            first_tick=at("12:00"),
            now=at("12:00") + timedelta(days=3650, seconds=1),
        )
        assert len(found.ask) == 1


def test_a_schedule_that_never_occurs_is_refused() -> None:
    with pytest.raises(Misconfigured, match="never occurs"):
        plan(replace(HOURLY, schedule=Cron("0 0 */8 * MON#5")), "12:00")


# A tick by its name


def find(name: str, *answers: tuple[str, str], gaps: tuple[tuple[str, str], ...] = (), now: str = "15:30") -> Interval:
    return find_tick(
        HOURLY,
        covered_by_answers=covered(*answers),
        gaps=[tick(*gap) for gap in gaps],
        first_tick=at("12:00"),
        now=at(now),
        end=at(name),
    )


def test_a_tick_of_the_grid_without_an_answer_is_found_by_its_name() -> None:
    assert find("13:00", ("11:00", "12:00")) == tick("12:00", "13:00")
    assert find("12:00") == tick("11:00", "12:00")


def test_a_gap_is_found_by_its_name() -> None:
    assert find("13:00", ("11:00", "12:00"), ("13:00", "14:00"), gaps=(("12:00", "13:00"),)) == tick("12:00", "13:00")


def test_a_gap_of_an_earlier_schedule_is_found_though_its_end_is_on_no_grid() -> None:
    assert find("13:20", ("11:00", "13:10"), gaps=(("13:10", "13:20"),)) == tick("13:10", "13:20")
    assert find("13:20", ("11:00", "12:00"), gaps=(("12:00", "13:20"),)) == tick("13:00", "13:20")


def test_the_end_of_a_hole_is_found_though_it_is_on_no_grid() -> None:
    assert find("13:20", ("11:00", "13:00"), ("13:20", "14:00")) == tick("13:00", "13:20")
    assert find("13:20", ("11:00", "13:00"), gaps=(("13:20", "14:00"),)) == tick("13:00", "13:20")


def test_a_tick_by_name_begins_where_the_answer_before_it_ends() -> None:
    assert find("14:00", ("11:00", "13:40")) == tick("13:40", "14:00")


def hint_of(name: str, *answers: tuple[str, str], now: str = "15:30", match: str) -> str:
    with pytest.raises(Misconfigured, match=match) as refused:
        find(name, *answers, now=now)
    assert refused.value.hint is not None
    return refused.value.hint


def test_an_answered_tick_is_refused_with_the_nearest_that_can_be_asked() -> None:
    hint = hint_of("13:00", ("11:00", "14:00"), match="20261124T130000Z has its answer already")

    assert hint == "the nearest that can be asked: 20261124T150000Z"


def test_a_time_that_ends_no_tick_is_refused_with_its_neighbours() -> None:
    hint = hint_of("13:20", ("11:00", "12:00"), match="is not the end of any tick")

    assert hint == "the nearest that can be asked: 20261124T130000Z, 20261124T140000Z, 20261124T150000Z"


def test_a_tick_of_the_future_is_refused() -> None:
    hint = hint_of("16:00", ("11:00", "12:00"), match="cannot be asked before 2026-11-24T16:00:00Z")

    assert hint == "the nearest that can be asked: 20261124T150000Z"


def test_a_tick_before_the_first_one_is_refused() -> None:
    hint = hint_of("11:00", match="before the stream's first tick, 20261124T120000Z")

    assert hint.startswith("the nearest that can be asked: 20261124T120000Z")


def test_where_all_is_answered_the_hint_says_so() -> None:
    assert hint_of("13:00", ("11:00", "15:00"), match="answer already") == "every tick up to now has its answer"


def test_a_window_is_not_asked_by_name_before_its_delay_has_passed() -> None:
    patient = replace(HOURLY, delay=45 * MINUTE)

    with pytest.raises(Misconfigured, match="cannot be asked before 2026-11-24T15:45:00Z"):
        find_tick(
            patient, covered_by_answers=Coverage(), gaps=(), first_tick=at("12:00"), now=at("15:30"), end=at("15:00")
        )


# Any history

START = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # half an hour before clocks in Berlin are put back
schedules: st.SearchStrategy[Schedule] = st.sampled_from(
    [
        Every(MINUTE),
        Every(7 * MINUTE),
        Every(15 * MINUTE),
        Every(90 * SECOND),
        Every(HOUR),
        Cron("*/10 * * * *", "Europe/Berlin"),
        Cron("30 2 * * *", "Europe/Berlin"),
        Cron("5,35 * * * *", "Australia/Lord_Howe"),
    ]
)
cadences = st.builds(
    Cadence,
    schedule=schedules,
    catch_up=st.sampled_from(["all", "latest", "none"]),
    delay=st.sampled_from([timedelta(0), 40 * SECOND, 5 * MINUTE]),
    deadline=st.sampled_from([MINUTE, 20 * MINUTE]),
    phase=st.sampled_from([timedelta(0), timedelta(seconds=1.234567)]),
)
moves = st.one_of(st.integers(-90, 240).map(lambda m: m * MINUTE), st.integers(0, 10**9).map(lambda u: u * RESOLUTION))
coverages = st.lists(
    st.tuples(st.integers(-120, 400), st.integers(1, 60)).map(
        lambda pair: Interval(START + pair[0] * MINUTE, START + sum(pair) * MINUTE)
    ),
    max_size=4,
).map(Coverage.of)


class Collector:
    """Covers what it is told to ask, or loses it to a crash, and checks what no plan may break."""

    def __init__(self, known: Coverage) -> None:
        self.known = known
        self.settled: list[Interval] = []

    def settle(self, cadence: Cadence, first: datetime, now: datetime, *, crashes: int, limit: int) -> Plan:
        while True:
            found = due(cadence, covered=self.known, first_tick=first, now=now, limit=limit)
            self.check(found, cadence, now, limit)
            for each in (*found.missed, *found.ask):
                if crashes:  # a restart here: nothing after it was covered, so it is planned again
                    crashes -= 1
                    break
                self.settled.append(each)
                self.known = self.known.add(each)
            else:
                if found.next_at is None or found.next_at > now:
                    return due(cadence, covered=self.known, first_tick=first, now=now, limit=limit)

    def check(self, found: Plan, cadence: Cadence, now: datetime, limit: int) -> None:
        assert len(found.ask) <= limit
        for some in (found.ask, found.missed):
            assert list(some) == sorted(some)
        for each in (*found.ask, *found.missed):
            assert not each.empty
            assert cadence.not_before(each) <= now
            assert not self.known.overlaps(each)
        assert not any(a.overlaps(b) for a, b in pairwise(sorted((*found.ask, *found.missed))))


@settings(max_examples=250, deadline=None)
@given(
    coverages,
    st.lists(st.tuples(moves, cadences, st.integers(0, 3), st.sampled_from([1, 2, 7, 1_000])), min_size=1, max_size=6),
)
def test_whatever_happens_there_is_no_hole_no_overlap_and_each_tick_comes_once(
    known: Coverage, history: list[tuple[timedelta, Cadence, int, int]]
) -> None:
    first = first_tick(history[0][1].schedule, START)
    collector, now = Collector(known), START
    for move, cadence, crashes, limit in history:
        now += move

        quiet = collector.settle(cadence, first, now, crashes=crashes, limit=limit)

        until = newest(cadence.schedule, now - cadence.delay - cadence.phase)
        if until >= first:
            assert collector.known.covers(Interval(first - RESOLUTION, until))
        assert quiet.ask == quiet.missed == ()
        assert quiet.next_at is not None
        assert quiet.next_at > now
    ends = [each.end for each in collector.settled]
    assert len(ends) == len(set(ends))


@settings(max_examples=150, deadline=None)
@given(cadences, coverages, st.integers(-100, 300))
def test_the_next_look_is_the_first_moment_at_which_something_is_due(
    cadence: Cadence, known: Coverage, minute: int
) -> None:
    now, first = START + minute * MINUTE, first_tick(cadence.schedule, START)
    collector = Collector(known)
    next_at = collector.settle(cadence, first, now, crashes=0, limit=1_000).next_at
    assert next_at is not None

    def is_due(moment: datetime) -> bool:
        found = due(cadence, covered=collector.known, first_tick=first, now=moment)
        return bool(found.ask or found.missed)

    assert not is_due(next_at - RESOLUTION)
    assert is_due(next_at)


@settings(max_examples=150, deadline=None)
@given(cadences, coverages, st.integers(0, 300))
def test_every_tick_that_is_due_is_found_by_its_name(cadence: Cadence, known: Coverage, minute: int) -> None:
    now, first = START + minute * MINUTE, first_tick(cadence.schedule, START)
    found = due(cadence, covered=known, first_tick=first, now=now)

    for each in (*found.ask[:3], *found.ask[-3:], *found.missed[:3], *found.missed[-3:]):
        named = find_tick(
            cadence, covered_by_answers=known, gaps=(), first_tick=first, now=now, end=parse_tick_name(each.name)
        )
        assert named == each


@settings(max_examples=150, deadline=None)
@given(schedules, coverages, st.integers(-200, 400), st.integers(0, 200))
def test_ticks_are_the_same_wherever_the_search_begins(
    schedule: Schedule, known: Coverage, minute: int, later: int
) -> None:
    after = START + minute * MINUTE
    middle, until = after + later * 37 * SECOND, after + timedelta(hours=8)

    def upto(begin: datetime) -> list[Interval]:
        found: list[Interval] = []
        for each in ticks(schedule, known, after=begin):
            if each.end > until:
                return found
            found.append(each)
        return found  # only where the schedule has no more instants

    assert [each for each in upto(after) if each.end > middle] == upto(middle)


@pytest.mark.parametrize("catch_up", ["all", "latest", "none"])
def test_a_thousand_restarts_at_the_very_instant_give_one_outcome(catch_up: CatchUp) -> None:  # FAULTS 78
    cadence = replace(HOURLY, catch_up=catch_up)
    known = covered(("11:00", "12:00"))
    outcomes: list[Interval] = []
    for restart in range(1_000):
        # Around the instant and at it; each third process dies before what it was given is covered.
        now = at("13:00") + (restart % 3 - 1) * RESOLUTION
        found = due(cadence, covered=known, first_tick=at("12:00"), now=now)
        if restart % 9 > 2:
            outcomes.extend((*found.ask, *found.missed))
            known = known.union((*found.ask, *found.missed))

    assert outcomes == [tick("12:00", "13:00")]
