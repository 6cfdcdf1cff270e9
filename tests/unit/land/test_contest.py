"""Among several landers: who asks for time, for how long, and who gives it."""

from __future__ import annotations

from datetime import timedelta

from coleta.land.contest import LONGEST_WAIT, SHORTEST_WAIT, Contest, held_until
from coleta.land.record import Wait
from coleta.testing.samples import NOON

SECOND = timedelta(seconds=1)


def test_one_lost_race_asks_for_nothing_and_two_in_a_row_ask_for_twice_the_time_of_a_put() -> None:
    once = Contest().beaten(5 * SECOND)

    assert once.plea("me", NOON) is None
    assert once.beaten(7 * SECOND).plea("me", NOON) == Wait("me", NOON + 14 * SECOND)
    assert once.won().beaten(7 * SECOND).plea("me", NOON) is None


def test_no_plea_is_too_short_to_matter_or_too_long_to_bear() -> None:
    quick, slow = Contest(5, timedelta(0)), Contest(5, timedelta(hours=1))

    assert quick.plea("me", NOON) == Wait("me", NOON + SHORTEST_WAIT)
    assert slow.plea("me", NOON) == Wait("me", NOON + LONGEST_WAIT)


def test_a_plea_of_another_holds_until_its_time_and_an_own_one_never_does() -> None:
    plea = Wait("other", NOON + 10 * SECOND)

    assert held_until(plea, "me", NOON) == plea.until
    assert held_until(plea, "me", plea.until) is None
    assert held_until(plea, "other", NOON) is None
    assert held_until(None, "me", NOON) is None


def test_a_plea_by_a_clock_far_ahead_holds_no_longer_than_any_may() -> None:
    assert held_until(Wait("other", NOON + timedelta(days=9)), "me", NOON) == NOON + LONGEST_WAIT
