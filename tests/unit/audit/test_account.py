"""What became of every tick, read from the records alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from coleta.audit.account import holes, timeline, totals
from coleta.audit.verify import check_coverage
from coleta.collect.coverage import Coverage
from coleta.collect.tick import Interval, on_demand
from coleta.land.commit import Committed, Head
from coleta.land.record import Account, Outcome
from coleta.testing.samples import MINUTE, NOON, sample_identity, sample_record, sample_tick


def ok(tick: Interval, *, received: int = 2, landed: int = 2) -> Account:
    return Account(tick, (tick,), Outcome.OK, answer="a", received=received, landed=landed)


def gap(tick: Interval) -> Account:
    return Account(tick, (tick,), Outcome.GAP, reason="missed")


def commit(seq: int, *accounts: Account) -> Committed:
    record = replace(sample_record(Head.genesis(sample_identity())), seq=seq, accounts=accounts)
    return Committed(f"object {seq}", record, "d")


def head(*answered: Interval) -> Head:
    begin = Head.genesis(replace(sample_identity(), first_tick=NOON))
    return replace(begin, answered=Coverage.of(answered))


def test_ticks_come_in_their_order_wherever_they_were_committed() -> None:
    lines = timeline([commit(1, ok(sample_tick(2))), commit(2, ok(sample_tick(1)))], Coverage())

    assert [(line.account.tick, line.seq, line.name) for line in lines] == [
        (sample_tick(1), 2, "object 2"),
        (sample_tick(2), 1, "object 1"),
    ]


def test_a_gap_shows_what_of_it_is_open_and_is_left_out_once_nothing_is() -> None:
    half = Interval(sample_tick(1).start, sample_tick(1).end - timedelta(seconds=30))
    commits = [commit(1, gap(sample_tick(1)))]

    (line,) = timeline(commits, Coverage.of([half]))
    assert line.open == (Interval(half.end, sample_tick(1).end),)
    assert timeline(commits, Coverage.of([sample_tick(1)])) == []


def test_answers_are_shown_though_they_are_what_answers_cover() -> None:
    at = on_demand(NOON)
    commits = [commit(1, ok(sample_tick(1)), replace(ok(at), settles=()))]

    assert len(timeline(commits, Coverage.of([sample_tick(1)]))) == 2


def test_totals_add_up_ticks_and_records() -> None:
    accounts = [ok(sample_tick(1), received=5, landed=4), ok(sample_tick(2)), gap(sample_tick(3))]

    added = totals(replace(one, nulled=1) for one in accounts)

    assert added.outcomes == {"gap": 1, "ok": 2}
    assert (added.received, added.landed, added.quarantined, added.deduplicated, added.nulled) == (7, 6, 0, 0, 3)
    assert totals([]).outcomes == {}


def test_holes_are_what_nothing_has_settled_since_the_first_tick() -> None:
    until = sample_tick(3).end

    assert holes(head(sample_tick(2)), until) == (
        Interval(NOON - timedelta(microseconds=1), sample_tick(1).end),
        sample_tick(3),
    )
    assert holes(head(Interval(NOON - MINUTE, until)), until) == ()
    assert holes(head(), NOON - MINUTE) == ()


def test_a_hole_before_the_newest_outcome_is_open_for_a_day_and_then_damage_and_time_after_it_is_only_late() -> None:
    known = head(Interval(NOON - MINUTE, NOON), sample_tick(2))
    day = 24 * 60

    def found(minutes: int) -> list[tuple[str, str, str]]:
        until = sample_tick(minutes).end
        return [(one.severity, one.code, one.where) for one in check_coverage(known, [], until=until)]

    late = ("warning", "late")
    assert found(2) == [("warning", "open", str(sample_tick(1)))]
    assert found(4) == [
        ("warning", "open", str(sample_tick(1))),
        (*late, str(Interval(NOON + 2 * MINUTE, NOON + 4 * MINUTE))),
    ]
    assert [one[:2] for one in found(day)] == [("warning", "open"), late]
    assert found(day + 1)[0] == ("damage", "hole", str(sample_tick(1)))
    assert check_coverage(known, [sample_tick(1), sample_tick(3), sample_tick(4)], until=sample_tick(4).end) == []


def test_of_a_long_hole_only_the_part_that_is_older_than_a_day_is_damage() -> None:
    known = head(Interval(NOON - MINUTE, NOON), sample_tick(3000))

    found = check_coverage(known, [], until=sample_tick(3000).end)

    border = sample_tick(3000 - 24 * 60).end
    assert [(one.code, one.where) for one in found] == [
        ("hole", str(Interval(NOON, border))),
        ("open", str(Interval(border, sample_tick(2999).end))),
    ]


def test_a_log_without_any_outcome_is_late_and_not_damaged() -> None:
    assert [one.code for one in check_coverage(head(), [], until=sample_tick(4).end)] == ["late"]
