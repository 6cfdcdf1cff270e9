"""Which landed answers the checks doubt, told from the records alone."""

from __future__ import annotations

from coleta.audit.account import TickLine
from coleta.audit.doubts import doubted
from coleta.collect.tick import Interval
from coleta.land.record import Account, Outcome
from coleta.stream import Checks
from coleta.testing.samples import sample_tick


def line(n: int, records: int, response: str, outcome: Outcome = Outcome.OK, answer: str | None = None) -> TickLine:
    tick: Interval = sample_tick(n)
    account = Account(
        tick, (tick,), outcome, answer=answer or f"a{n}", response=response, received=records, landed=records
    )
    return TickLine(account, n + 1, f"object {n}")


def test_each_answer_is_held_against_the_one_before_it() -> None:
    lines = [line(0, 2, "a"), line(1, 2, "a"), line(2, 1, "b"), line(3, 0, "c", Outcome.EMPTY)]

    found = doubted(Checks(min_rows=2, on_few="warn", on_same="warn"), lines)

    assert [(one.line.seq, one.doubt.what.split(",")[0]) for one in found] == [
        (2, "the answer is byte for byte the one before it"), (3, "1 records came"), (4, "0 records came")
    ]  # fmt: skip


def test_what_was_rejected_or_is_a_gap_is_counted_elsewhere() -> None:
    lines = [line(0, 2, "a"), line(1, 0, "b", Outcome.REJECTED), line(2, 0, "", Outcome.GAP), line(3, 2, "a")]

    assert [one.line.seq for one in doubted(Checks(on_same="warn", min_rows=1), lines)] == [4]


def test_an_answer_that_two_commits_tell_of_is_counted_once() -> None:
    lines = [line(0, 1, "a", answer="x"), line(0, 1, "a", answer="x")]

    assert len(doubted(Checks(min_rows=2, on_same="warn"), lines)) == 1
