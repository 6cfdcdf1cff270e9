"""Whether this machine's clock is right enough, told by another one that shows whole seconds only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coleta.collect.clocks import ahead_by, astray, in_words, told_date
from coleta.testing.samples import NOON

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("header", ["Tue, 24 Nov 2026 12:00:00 GMT", "Tue, 24 Nov 2026 12:00:00 -0000"])
def test_a_date_is_an_instant(header: str) -> None:
    assert told_date(header) == NOON


@pytest.mark.parametrize("header", [None, "", "yesterday", "2026-11-24T12:00:00Z", "Tue, 99 Nov 2026 12:00:00 GMT"])
def test_what_is_no_date_tells_nothing(header: str | None) -> None:
    assert told_date(header) is None


def test_what_rounding_and_the_way_leave_open_is_no_difference() -> None:
    assert ahead_by(NOON, before=NOON + SECOND, after=NOON + 9 * SECOND) == timedelta(0)
    assert ahead_by(NOON, before=NOON - 9 * SECOND, after=NOON) == timedelta(0)


def test_the_difference_is_what_is_sure_at_least() -> None:
    assert ahead_by(NOON, before=NOON + 100 * SECOND, after=NOON + 105 * SECOND) == 99 * SECOND
    assert ahead_by(NOON, before=NOON - 105 * SECOND, after=NOON - 100 * SECOND) == -100 * SECOND


def test_a_minute_is_borne_and_more_is_not() -> None:
    assert not astray(60 * SECOND)
    assert not astray(-60 * SECOND)
    assert astray(61 * SECOND)
    assert astray(-61 * SECOND)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(hours=1, minutes=15, seconds=9), "1 h 15 min ahead"),
        (timedelta(seconds=-75), "1 min 15 s behind"),
        (timedelta(0), "0 s ahead"),
    ],
)
def test_a_person_reads_it_in_words(ahead: timedelta, words: str) -> None:
    assert in_words(ahead) == words
