"""Which answers are landed together, and when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.coverage import Coverage
from coleta.collect.spool import Gap, Spooled, Trailer
from coleta.collect.tick import Interval, on_demand
from coleta.land.batch import MAX_MEMBERS, Batch, choose, closes_at
from coleta.land.commit import OpenGap, Ready
from coleta.stream import Landing
from coleta.terms import Terms
from coleta.testing.samples import NOON, sample_gaps, sample_header, sample_terms

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
TODAY = NOON.date()
OTHER_TERMS = replace(sample_terms(), key=("ean",))


def tick(n: int, *, minutes: int = 1, day: int = 0) -> Interval:
    end = NOON + day * DAY + n * MINUTE
    return Interval(end - minutes * MINUTE, end)


def ready(of: Interval, *, size: int = 100, terms: Terms | None = None, at: datetime = NOON, name: str = "a") -> Ready:
    header = replace(sample_header(), tick=of, terms=terms or sample_terms())
    trailer = Trailer(pages=1, size_bytes=2, response="d" * 64, answer=name * 64, attempts=1)
    entry = Spooled(f"{of.name}-{name}.spool", header, trailer, at, at, size_bytes=size)
    return Ready(entry, settles=() if of.empty else (of,))


def gaps(*ticks: Interval, size: int = 100) -> Ready:
    header = replace(sample_gaps(0), gaps=tuple(Gap(one, "missed") for one in ticks))
    entry = Spooled(f"{ticks[0].name}-gap.spool", header, Trailer(), None, NOON, size_bytes=size)
    return Ready(entry, gaps=tuple(OpenGap(one, (one.tick,)) for one in header.gaps))


def chosen(waiting: Sequence[Ready], *, folder: date = TODAY, max_bytes: int = 1 << 30) -> Batch:
    batch = choose(waiting, folder=folder, max_bytes=max_bytes)
    assert batch is not None
    return batch


def test_nothing_waiting_makes_no_batch() -> None:
    assert choose([], folder=NOON.date(), max_bytes=1) is None


def test_answers_are_in_tick_order_and_gaps_come_after_them() -> None:
    waiting = [gaps(tick(0)), ready(tick(3)), gaps(tick(2)), ready(tick(1))]

    batch = chosen(waiting)

    assert batch.members == (waiting[3], waiting[1], waiting[0], waiting[2])
    assert (batch.day, batch.terms) == (NOON.date(), sample_terms())


def test_what_waits_for_the_folder_goes_first_then_the_oldest_date() -> None:
    yesterday, today, tomorrow = (ready(tick(0, day=day)) for day in (-1, 0, 1))

    assert chosen([tomorrow, yesterday, today]).members == (today,)
    assert chosen([tomorrow, yesterday]).members == (yesterday,)
    assert chosen([tomorrow]).day == NOON.date() + DAY


def test_a_batch_has_one_terms_the_oldest_tick_first() -> None:
    old, new = ready(tick(1), terms=OTHER_TERMS), ready(tick(2))

    assert chosen([new, old]).members == (old,)
    assert chosen([new, old]).terms == OTHER_TERMS
    assert chosen([new]).members == (new,)


def test_a_gap_on_other_terms_waits_for_the_answers_of_its_date() -> None:
    gap, answer = gaps(tick(1)), ready(tick(2), terms=OTHER_TERMS)

    assert chosen([gap, answer]).members == (answer,)
    assert chosen([gap, ready(tick(2, day=1))]).members == (gap,)


def test_answers_that_overlap_go_into_two_batches_the_first_whole() -> None:
    first, second = ready(tick(1)), ready(tick(2, minutes=2))

    assert chosen([second, first]).members == (first,)


def test_two_answers_for_one_tick_never_share_a_batch() -> None:
    one, other = ready(tick(1), name="a"), ready(tick(1), name="b")

    assert chosen([other, one]).members == (one,)


def test_on_demand_ticks_of_one_instant_overlap_nothing() -> None:
    at = on_demand(NOON)
    waiting = [ready(tick(0)), ready(at, name="x"), ready(at, name="y")]

    assert len(chosen(waiting).members) == 3


def test_a_gap_is_cut_by_the_answers_beside_it_and_left_out_if_nothing_is_left() -> None:
    wide = gaps(tick(3, minutes=3))

    cut = chosen([wide, ready(tick(2))]).members[1]
    assert cut.gaps[0].settles == (tick(1), tick(3))
    assert chosen([gaps(tick(2)), ready(tick(2))]).members == (ready(tick(2)),)


def test_two_gaps_that_overlap_are_cut_too() -> None:
    first, second = chosen([gaps(tick(2, minutes=2)), gaps(tick(3, minutes=2))]).members

    assert (first.gaps[0].settles, second.gaps[0].settles) == ((tick(2, minutes=2),), (tick(3),))


def test_a_batch_is_full_at_its_size_but_takes_at_least_one() -> None:
    waiting = [ready(tick(n), size=60) for n in range(1, 4)]

    assert len(chosen(waiting, max_bytes=120).members) == 2
    assert len(chosen(waiting, max_bytes=119).members) == 1
    assert len(chosen(waiting, max_bytes=1).members) == 1


def test_a_batch_has_a_limit_of_members() -> None:
    seconds = [
        ready(Interval(NOON + n * timedelta(seconds=1), NOON + (n + 1) * timedelta(seconds=1)))
        for n in range(MAX_MEMBERS + 5)
    ]

    assert len(chosen(seconds).members) == MAX_MEMBERS


# Whatever waits ------------------------------------------------------------------------------------

ticks = st.builds(
    lambda n, minutes, day: tick(n, minutes=minutes, day=day), st.integers(0, 8), st.integers(1, 4), st.integers(-1, 1)
)
entries = st.one_of(
    st.builds(
        lambda of, name, terms, size: ready(of, name=name, terms=terms, size=size),
        ticks,
        st.sampled_from("ab"),
        st.sampled_from([None, OTHER_TERMS]),
        st.integers(1, 300),
    ),
    st.builds(gaps, ticks),
)
waiting_entries = st.lists(entries, max_size=10, unique_by=lambda one: one.entry.name)


@given(waiting_entries, st.randoms(use_true_random=False), st.integers(-1, 1), st.integers(1, 900))
def test_the_batch_does_not_depend_on_the_order_of_what_waits(
    waiting: list[Ready], shuffle: random.Random, day: int, max_bytes: int
) -> None:
    folder = NOON.date() + day * DAY
    other = list(waiting)
    shuffle.shuffle(other)

    assert choose(other, folder=folder, max_bytes=max_bytes) == choose(waiting, folder=folder, max_bytes=max_bytes)


@given(waiting_entries, st.integers(-1, 1), st.integers(1, 900))
def test_every_batch_keeps_the_rules(waiting: list[Ready], day: int, max_bytes: int) -> None:
    folder = NOON.date() + day * DAY
    batch = choose(waiting, folder=folder, max_bytes=max_bytes)
    if batch is None:
        assert not waiting
        return

    names = {one.entry.name for one in waiting}
    dates = {one.entry.intervals[0].date for one in waiting}
    settled = [part for one in batch.members for part in (*one.settles, *(p for gap in one.gaps for p in gap.settles))]
    assert batch.members
    assert {one.entry.name for one in batch.members} <= names
    assert batch.day == (folder if folder in dates else min(dates))
    assert {one.entry.intervals[0].date for one in batch.members} == {batch.day}
    assert {one.entry.header.terms for one in batch.members} == {batch.terms}
    assert not any(a.overlaps(b) for n, a in enumerate(settled) for b in settled[:n])
    assert [one.entry.is_gap for one in batch.members] == sorted(one.entry.is_gap for one in batch.members)
    assert len(batch.members) == 1 or sum(one.entry.size_bytes for one in batch.members) <= max_bytes


@given(waiting_entries)
def test_batch_after_batch_everything_is_landed(waiting: list[Ready]) -> None:
    left, settled = list(waiting), Coverage()
    for _ in range(len(waiting) + 1):
        batch = choose(left, folder=NOON.date(), max_bytes=500)
        if batch is None:
            break
        for member in batch.members:
            settled = settled.union(member.settles)
        done = {member.entry.name for member in batch.members}
        # What sift would say in the next round: cut to what is open, gone where nothing is.
        rest = [one for one in left if one.entry.name not in done]
        left = [cut for one in rest if (cut := cut_to(one, settled)) is not None]

    assert left == []


def cut_to(one: Ready, settled: Coverage) -> Ready | None:
    if one.entry.is_gap:
        parts = [replace(gap, settles=settled.uncovered(gap.gap.tick)) for gap in one.gaps]
        open_gaps = tuple(gap for gap in parts if gap.settles)
        return replace(one, gaps=open_gaps) if open_gaps else None
    settles = settled.uncovered(one.entry.intervals[0])
    return replace(one, settles=settles) if settles else None


# When ----------------------------------------------------------------------------------------------


def test_nothing_waiting_has_no_closing_time() -> None:
    assert closes_at([], Landing()) is None


def test_a_batch_closes_when_its_oldest_answer_has_the_age() -> None:
    waiting = [ready(tick(n), at=NOON + n * MINUTE).entry for n in (3, 1, 2)]

    assert closes_at(waiting, Landing(every=5 * MINUTE)) == NOON + 6 * MINUTE
    assert closes_at(waiting, Landing()) == NOON + MINUTE


def test_a_batch_closes_at_once_when_enough_waits() -> None:
    waiting = [ready(tick(n), size=50, at=NOON + n * MINUTE).entry for n in (1, 2)]

    assert closes_at(waiting, Landing(every=5 * MINUTE, max_bytes=100)) == NOON + MINUTE
    assert closes_at(waiting, Landing(every=5 * MINUTE, max_bytes=101)) == NOON + 6 * MINUTE


def test_a_batch_closes_at_once_when_as_many_wait_as_it_can_hold() -> None:
    entry = ready(tick(1)).entry

    assert closes_at([entry] * MAX_MEMBERS, Landing(every=5 * MINUTE)) == NOON
    assert closes_at([entry] * (MAX_MEMBERS - 1), Landing(every=5 * MINUTE)) == NOON + 5 * MINUTE
