"""The log's rules: what becomes of each waiting entry, and what a commit may say after those before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.carry import Carried, answer_id
from coleta.collect.coverage import Coverage
from coleta.collect.spool import Gap, Spooled, Trailer
from coleta.collect.tick import Interval, on_demand
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head, Identity, Ready, sift
from coleta.land.record import Account, Outcome, encode_record, object_name, record_digest
from coleta.testing.samples import NOON, sample_gaps, sample_header, sample_identity, sample_record

SECOND = timedelta(seconds=1)


def span(start: int, end: int) -> Interval:
    return Interval(NOON + start * SECOND, NOON + end * SECOND)


def covering(*intervals: Interval) -> Coverage:
    return Coverage.of(intervals)


def head(*, answered: Iterable[Interval] = (), gaps: Iterable[Interval] = (), answer: str | None = None) -> Head:
    begin = Head.genesis(replace(sample_identity(), first_tick=NOON))
    return replace(begin, answered=Coverage.of(answered), gaps=Coverage.of(gaps), answer=answer)


def answer(
    tick: Interval, *, window: bool = False, wrong: str | None = None, carried: Carried | None = None
) -> Spooled:
    header = replace(sample_header(), tick=tick, window=window, carried=carried)
    name = answer_id(carried.parent if carried else None, tick, "d" * 64)
    trailer = Trailer(pages=1, size_bytes=2, response="d" * 64, answer=name, attempts=1, wrong=wrong)
    return Spooled(f"{tick.name}-{name[:16]}.spool", header, trailer, NOON, NOON, size_bytes=100)


def gaps(*ticks: Interval) -> Spooled:
    header = replace(sample_gaps(0), gaps=tuple(Gap(tick, "unreachable") for tick in ticks))
    return Spooled(f"{ticks[0].name}-gap.spool", header, Trailer(), None, NOON, size_bytes=100)


# What becomes of each waiting entry ----------------------------------------------------------------


def test_an_answer_for_an_open_tick_is_to_be_landed_and_settles_it() -> None:
    entry = answer(span(0, 60))

    assert sift([entry], head(), set()).ready == (Ready(entry, settles=(span(0, 60),)),)


@pytest.mark.parametrize("covered", [(), (span(0, 60),)])
def test_an_answer_whose_id_is_landed_is_let_go_and_not_kept_again(covered: tuple[Interval, ...]) -> None:
    entry = answer(span(0, 60))
    assert entry.trailer.answer is not None

    sifted = sift([entry], head(answered=covered), {entry.trailer.answer})

    assert (sifted.let_go, sifted.superseded, sifted.ready) == ((entry,), (), ())


@pytest.mark.parametrize("covered", [(span(0, 60),), (span(-10, 70),), (span(-5, 30), span(30, 60))])
def test_an_answer_whose_whole_tick_others_have_answered_is_superseded(covered: tuple[Interval, ...]) -> None:
    entry = answer(span(0, 60))

    sifted = sift([entry], head(answered=covered), set())

    assert (sifted.let_go, sifted.superseded, sifted.ready) == ((), (entry,), ())


def test_an_answer_covered_in_part_is_landed_for_the_parts_that_are_open() -> None:
    entry = answer(span(0, 60))

    sifted = sift([entry], head(answered=[span(10, 20), span(50, 90)]), set())

    assert sifted.ready == (Ready(entry, settles=(span(0, 10), span(20, 50))),)


@pytest.mark.parametrize(
    "entry",
    [
        answer(span(0, 60), window=True),
        answer(span(0, 60), wrong="HTML or XML instead of JSON"),
        answer(span(0, 60), carried=Carried(parent="p")),
    ],
    ids=["window", "wrong", "carried"],
)
def test_an_answer_that_cannot_be_landed_in_part_is_superseded_when_it_is_covered_in_part(entry: Spooled) -> None:
    assert sift([entry], head(answered=[span(50, 90)], answer="p"), set()).superseded == (entry,)
    # One that touches what is covered shares no instant with it.
    assert sift([entry], head(answered=[span(60, 90), span(-60, 0)], answer="p"), set()).ready


@pytest.mark.parametrize("window", [False, True])
def test_a_gap_does_not_stand_in_the_way_of_an_answer(window: bool) -> None:
    entry = answer(span(0, 60), window=window)

    assert sift([entry], head(gaps=[span(0, 30)]), set()).ready == (Ready(entry, settles=(span(0, 60),)),)


def test_an_answer_whose_parent_is_not_the_newest_answer_is_superseded() -> None:
    entry = answer(span(0, 60), carried=Carried(parent="p"))

    assert sift([entry], head(answer="q"), set()).superseded == (entry,)
    assert sift([entry], head(), set()).superseded == (entry,)
    assert sift([entry], head(answer="p"), set()).ready == (Ready(entry, settles=(span(0, 60),), link=1),)


def test_of_two_answers_that_could_follow_one_waits_until_the_other_is_committed() -> None:
    first, second = answer(span(0, 60), carried=Carried(parent="p")), answer(span(0, 40), carried=Carried(parent="p"))
    second = replace(second, received_at=NOON + SECOND)
    child = answer(span(40, 80), carried=Carried(parent=second.trailer.answer))

    sifted = sift([first, second, child], head(answer="p"), set())
    assert [one.entry for one in sifted.ready] == [first]
    # Another machine may have the second one, too, and land it before the first: then this copy is let go.
    assert sifted.superseded == ()

    assert first.trailer.answer is not None
    after = head(answered=[span(0, 60)], answer=first.trailer.answer)
    assert sift([second, child], after, {first.trailer.answer}).superseded == (second, child)


def test_what_follows_from_another_state_of_a_waiting_answer_waits_until_that_is_committed() -> None:
    first = answer(span(0, 60), carried=Carried(parent="p"))
    child = answer(span(60, 120), carried=Carried(first.trailer.answer, {"cursor": 7}))

    sifted = sift([first, child], head(answer="p"), set())
    assert ([one.entry for one in sifted.ready], sifted.superseded) == ([first], ())

    assert first.trailer.answer is not None
    committed = head(answered=[span(0, 60)], answer=first.trailer.answer)
    landed = {first.trailer.answer}
    assert sift([child], committed, landed).superseded == (child,), "it landed without that state"
    as_the_other_copy = replace(committed, carried={"cursor": 7})
    assert [one.entry for one in sift([child], as_the_other_copy, landed).ready] == [child]


def test_an_on_demand_tick_is_never_superseded_and_settles_nothing() -> None:
    entry = answer(on_demand(NOON + 30 * SECOND))

    assert sift([entry], head(answered=[span(0, 60)]), set()).ready == (Ready(entry, settles=()),)


def test_gaps_are_cut_to_what_nothing_else_settles() -> None:
    entry = gaps(span(0, 60), span(60, 120), span(120, 180))

    (ready,) = sift([entry], head(answered=[span(30, 40)], gaps=[span(60, 120)]), set()).ready

    assert [(one.gap.tick, one.settles) for one in ready.gaps] == [
        (span(0, 60), (span(0, 30), span(40, 60))),
        (span(120, 180), (span(120, 180),)),
    ]


def test_gaps_that_are_all_settled_are_let_go() -> None:
    entry = gaps(span(0, 60), span(60, 120))

    sifted = sift([entry], head(answered=[span(0, 60)], gaps=[span(60, 120)]), set())

    assert (sifted.let_go, sifted.ready) == ((entry,), ())


def test_each_entry_has_exactly_one_fate() -> None:
    entries = [answer(span(n, n + 7)) for n in range(0, 40, 5)] + [gaps(span(0, 9)), gaps(span(90, 99))]

    sifted = sift(entries, head(answered=[span(0, 20)]), {entries[7].trailer.answer or ""})

    fates = [*sifted.let_go, *sifted.superseded, *(one.entry for one in sifted.ready)]
    assert sorted(entry.name for entry in fates) == sorted(entry.name for entry in entries)


# What a commit may say -----------------------------------------------------------------------------


def commit(before: Head, *accounts: Account, rows: int | None = None, **changed: object) -> Committed:
    landed = sum(account.landed for account in accounts)
    record = replace(sample_record(before), accounts=accounts, rows=landed if rows is None else rows)
    record = replace(record, **changed)  # type: ignore[arg-type]
    return Committed(before.next, record, record_digest(encode_record(record)))


def ok(tick: Interval, *settles: Interval, records: int = 1, **changed: object) -> Account:
    account = Account(tick, settles or (tick,), Outcome.OK, answer="a", received=records, landed=records)
    return replace(account, **changed)  # type: ignore[arg-type]


def gap(tick: Interval, *settles: Interval) -> Account:
    return Account(tick, settles or (tick,), Outcome.GAP, reason="unreachable")


def test_the_empty_log_expects_its_first_object_in_the_folder_of_the_first_tick() -> None:
    begin = Head.genesis(Identity("u", "p", "s", datetime(2026, 1, 31, tzinfo=UTC), NOON))

    assert begin.next == "data/tick_date=2026-01-31/000000001.parquet"
    assert (begin.seq, begin.digest, begin.settled) == (0, None, Coverage())


def test_a_commit_moves_the_head_on() -> None:
    committed = commit(head(), ok(span(0, 60)))

    after = head().after(committed)

    assert (after.seq, after.digest, after.next) == (1, committed.digest, committed.record.next)
    assert after.answered == covering(span(0, 60))
    assert after.settled == after.answered


@pytest.mark.parametrize(
    ("what", "changed"),
    [("uuid", {"uuid": "x"}), ("seq", {"seq": 2}), ("prev", {"prev": "0" * 64})],
)
def test_a_commit_that_does_not_continue_the_log_is_refused(what: str, changed: dict[str, object]) -> None:
    with pytest.raises(Corrupt, match=f"does not continue the log: {what} should be"):
        head().after(commit(head(), rows=0, **changed))


def test_a_commit_at_another_name_is_refused() -> None:
    committed = replace(commit(head()), name=object_name(NOON.date() + timedelta(days=1), 1))

    with pytest.raises(Corrupt, match="name should be"):
        head().after(committed)


def test_a_commit_names_the_digest_of_the_one_before_it() -> None:
    second = head().after(commit(head(), ok(span(0, 60))))

    second.after(commit(second, ok(span(60, 120))))
    with pytest.raises(Corrupt, match="prev should be"):
        second.after(commit(second, ok(span(60, 120)), prev=None))


def test_the_rows_of_an_object_are_those_of_its_accounts() -> None:
    with pytest.raises(Corrupt, match="say 2 rows landed, it has 3"):
        head().after(commit(head(), ok(span(0, 60), records=2), rows=3))


def test_every_record_of_an_answer_has_a_fate() -> None:
    account = ok(span(0, 60), received=4, landed=1, quarantined=1, deduplicated=1)

    with pytest.raises(Corrupt, match="received is not landed"):
        head().after(commit(head(), account))
    head().after(commit(head(), replace(account, deduplicated=2)))


def test_ticks_of_another_date_have_no_place_in_a_folder() -> None:
    tomorrow = Interval(NOON, NOON + timedelta(days=1))

    with pytest.raises(Corrupt, match="of another date"):
        head().after(commit(head(), ok(tomorrow)))


@pytest.mark.parametrize("second", [ok(span(30, 90)), ok(span(0, 60)), gap(span(0, 10))])
def test_what_an_answer_has_settled_cannot_be_settled_again(second: Account) -> None:
    first = ok(span(0, 60))

    with pytest.raises(Corrupt, match="is settled twice"):
        head().after(commit(head(), first, second))
    later = head().after(commit(head(), first))
    with pytest.raises(Corrupt, match="is settled twice"):
        later.after(commit(later, second))


def test_what_a_gap_has_settled_no_other_gap_settles() -> None:
    begin = head(gaps=[span(0, 60)])

    with pytest.raises(Corrupt, match="is settled twice"):
        begin.after(commit(begin, gap(span(50, 70))))


def test_a_gap_is_replaced_in_parts_each_part_once() -> None:
    begin = head(gaps=[span(0, 60)])

    first = begin.after(commit(begin, ok(span(10, 20))))
    assert (first.answered, first.gaps) == (covering(span(10, 20)), covering(span(0, 10), span(20, 60)))
    second = first.after(commit(first, ok(span(0, 40), span(0, 10), span(20, 40))))
    assert (second.answered, second.gaps) == (covering(span(0, 40)), covering(span(40, 60)))
    with pytest.raises(Corrupt, match="is settled twice"):
        second.after(commit(second, ok(span(10, 20))))


def test_an_account_that_settles_nothing_is_refused_unless_it_is_on_demand() -> None:
    with pytest.raises(Corrupt, match="it settles nothing"):
        head().after(commit(head(), replace(ok(span(0, 60)), settles=())))
    after = head().after(commit(head(), replace(ok(on_demand(NOON)), settles=())))
    assert not after.settled


def test_the_newest_answer_that_carries_state_is_the_parent_of_the_next() -> None:
    with_state = ok(span(0, 60), answer="one", carried=Carried(None, None, {"cursor": 7}))

    first = head().after(commit(head(), with_state, gap(span(60, 70))))
    assert (first.answer, first.carried) == ("one", {"cursor": 7})
    second = first.after(commit(first, ok(span(70, 80), answer="two")))
    assert (second.answer, second.carried) == ("one", {"cursor": 7})


def test_a_turn_moves_the_log_to_another_folder_and_settles_nothing() -> None:
    turn = commit(head(), kind="turn", next=object_name(NOON.date() + timedelta(days=1), 2))

    after = head().after(turn)

    assert after.next == "data/tick_date=2026-11-25/000000002.parquet"
    assert not after.settled


# Against the plainest model: two sets of seconds ---------------------------------------------------

steps = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda ends: span(min(ends), max(ends)))
accounts = st.lists(st.tuples(st.booleans(), steps), max_size=8)


def seconds(interval: Interval) -> set[int]:
    return {n for n in range(21) if interval.start < NOON + n * SECOND <= interval.end}


@given(accounts)
def test_coverage_is_what_a_naive_model_says(drawn: list[tuple[bool, Interval]]) -> None:
    now = head()
    answered: set[int] = set()
    open_gaps: set[int] = set()
    for is_gap, tick in drawn:
        wanted = seconds(tick)
        taken = answered | open_gaps if is_gap else answered
        if tick.empty:
            continue
        committed = commit(now, gap(tick) if is_gap else ok(tick))
        if wanted & taken:
            with pytest.raises(Corrupt, match="settled twice"):
                now.after(committed)
            continue
        now = now.after(committed)
        if is_gap:
            open_gaps |= wanted
        else:
            answered |= wanted
            open_gaps -= wanted

    assert set().union(*(seconds(one) for one in now.answered)) == answered
    assert set().union(*(seconds(one) for one in now.gaps)) == open_gaps
    assert set().union(*(seconds(one) for one in now.settled)) == answered | open_gaps


@given(accounts)
def test_what_sift_gives_can_be_committed_in_any_order_one_by_one(drawn: list[tuple[bool, Interval]]) -> None:
    now, fates = head(), 0
    entries = [gaps(tick) if is_gap else answer(tick) for is_gap, tick in drawn if not (is_gap and tick.empty)]
    for entry in entries:
        sifted = sift([entry], now, set())
        fates += len(sifted.let_go) + len(sifted.superseded) + len(sifted.ready)
        for ready in sifted.ready:
            made = [gap(one.gap.tick, *one.settles) for one in ready.gaps]
            if not entry.is_gap:
                made = [replace(ok(entry.intervals[0]), settles=ready.settles)]
            now = now.after(commit(now, *made))

    assert fates == len(entries)
    assert now.settled == Coverage.of(entry.intervals[0] for entry in entries)
