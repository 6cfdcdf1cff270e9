"""Whether a whole answer looks wrong: what each check holds against it, and which one decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.plausible import Doubt, Seen, weigh
from coleta.stream import Checks, IfDoubted

STERNER: list[IfDoubted] = ["accept", "warn", "retry", "reject"]
actions = st.sampled_from(STERNER)
all_checks = st.builds(
    Checks, min_rows=st.none() | st.integers(1, 3), on_few=actions, on_empty=actions, on_same=actions
)
answers = st.builds(Seen, st.integers(0, 4), st.sampled_from(["a", "b"]))
before = st.sampled_from([None, "a", "b"])


def test_a_stream_without_checks_doubts_nothing() -> None:
    for seen in (Seen(0, "a"), Seen(5, "a")):
        assert weigh(Checks(), seen, "a") is None


@pytest.mark.parametrize(("records", "doubted"), [(0, True), (2, True), (3, False), (4, False)])
def test_fewer_records_than_expected_are_few(records: int, doubted: bool) -> None:
    doubt = weigh(Checks(min_rows=3), Seen(records, "a"), None)

    assert doubt == (Doubt(f"{records} records came, at least 3 are expected", "retry") if doubted else None)


def test_an_empty_answer_is_doubted_where_that_is_asked() -> None:
    assert weigh(Checks(on_empty="warn"), Seen(0, "a"), None) == Doubt("no records came", "warn")
    assert weigh(Checks(on_empty="reject"), Seen(1, "a"), None) is None


def test_the_answer_before_again_is_doubted_where_that_is_asked() -> None:
    checks = Checks(on_same="reject")

    assert weigh(checks, Seen(1, "a"), "a") == Doubt("the answer is byte for byte the one before it", "reject")
    assert weigh(checks, Seen(1, "a"), "b") is None
    assert weigh(checks, Seen(1, "a"), None) is None


def test_two_empty_answers_are_no_repetition() -> None:
    assert weigh(Checks(on_same="reject"), Seen(0, "a"), "a") is None


@given(all_checks, answers, before)
def test_the_sternest_of_the_checks_that_fail_decides(checks: Checks, seen: Seen, last: str | None) -> None:
    failing: set[IfDoubted] = set()
    if seen.records == 0:
        failing.add(checks.on_empty)
    if seen.records < (checks.min_rows or 0):
        failing.add(checks.on_few)
    if seen.records and seen.response == last:
        failing.add(checks.on_same)

    doubt = weigh(checks, seen, last)

    sternest = max(failing, key=STERNER.index, default="accept")
    assert ("accept" if doubt is None else doubt.then) == sternest
