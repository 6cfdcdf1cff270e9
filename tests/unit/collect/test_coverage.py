"""Coverage against the plainest model there is: a set of integers, one for each instant."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.coverage import Coverage
from coleta.collect.tick import RESOLUTION, Interval

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SIZE = 24


def span(start: int, end: int) -> Interval:
    return Interval(NOON + start * RESOLUTION, NOON + end * RESOLUTION)


def members(*intervals: Interval) -> set[int]:
    """The instants inside, as steps from noon."""
    return {step for interval in intervals for step in range(-1, SIZE + 2) if interval.start < at(step) <= interval.end}


def at(step: int) -> datetime:
    return NOON + step * RESOLUTION


def well_formed(coverage: Coverage) -> bool:
    """Sorted, disjoint, not touching, never empty: then there is one form for one set."""
    neighbours = zip(coverage.intervals, coverage.intervals[1:], strict=False)
    return all(a.end < b.start for a, b in neighbours) and not any(i.empty for i in coverage)


spans = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(lambda ends: span(min(ends), max(ends)))
many = st.lists(spans, max_size=7)


@given(many)
def test_coverage_is_the_union_of_its_intervals_in_any_order(intervals: list[Interval]) -> None:
    coverage = Coverage.of(intervals)

    assert members(*coverage) == members(*intervals)
    assert well_formed(coverage)
    assert coverage == Coverage.of(reversed(intervals))
    assert bool(coverage) == bool(members(*intervals))


@given(many, spans)
def test_adding_one_interval_is_the_union_with_it(intervals: list[Interval], new: Interval) -> None:
    before = Coverage.of(intervals)
    after = before.add(new)

    assert members(*after) == members(*intervals) | members(new)
    assert well_formed(after)
    assert after == before.union([new])


@given(many, many)
def test_a_union_holds_what_either_holds(one: list[Interval], other: list[Interval]) -> None:
    union = Coverage.of(one).union(Coverage.of(other))

    assert members(*union) == members(*one) | members(*other)
    assert well_formed(union)


@given(many, spans)
def test_the_uncovered_parts_of_an_interval_are_what_lies_outside(intervals: list[Interval], asked: Interval) -> None:
    parts = Coverage.of(intervals).uncovered(asked)

    assert members(*parts) == members(asked) - members(*intervals)
    assert well_formed(Coverage(parts))


@given(many, spans)
def test_covers_and_overlaps_agree_with_the_instants(intervals: list[Interval], asked: Interval) -> None:
    coverage = Coverage.of(intervals)

    assert coverage.covers(asked) == (members(asked) <= members(*intervals))
    assert coverage.overlaps(asked) == bool(members(asked) & members(*intervals))


@given(many, spans)
def test_what_is_removed_is_in_no_more_and_all_else_stays(intervals: list[Interval], gone: Interval) -> None:
    rest = Coverage.of(intervals).remove(gone)

    assert members(*rest) == members(*intervals) - members(gone)
    assert well_formed(rest)


@given(many, st.integers(0, 30))
def test_a_union_is_the_same_however_many_are_added(intervals: list[Interval], times: int) -> None:
    more = [span(n, n + 1) for n in range(0, times, 2)] * 2

    assert Coverage.of(intervals).union(more) == Coverage.of([*intervals, *more])


@given(many)
def test_the_end_of_a_coverage_is_its_newest_instant(intervals: list[Interval]) -> None:
    newest = max(members(*intervals), default=None)

    assert Coverage.of(intervals).end == (None if newest is None else at(newest))


def test_ticks_that_touch_become_one_interval() -> None:
    assert Coverage.of([span(0, 5), span(5, 9)]).intervals == (span(0, 9),)
    assert Coverage().add(span(0, 5)).add(span(5, 9)).intervals == (span(0, 9),)
    assert Coverage().add(span(5, 9)).add(span(0, 5)).intervals == (span(0, 9),)
    assert Coverage.of([span(0, 3), span(6, 9)]).add(span(3, 6)).intervals == (span(0, 9),)


def test_an_on_demand_tick_adds_nothing_and_joins_nothing() -> None:
    apart = Coverage.of([span(0, 4), span(6, 9)])

    assert apart.add(span(5, 5)) == apart
    assert Coverage.of([span(0, 4), span(5, 5), span(6, 9)]) == apart
    assert apart.covers(span(5, 5))
    assert not apart.overlaps(span(2, 2))
