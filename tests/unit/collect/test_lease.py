"""Who asks, of several: decided from the lease that lies there and the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from coleta.collect.clocks import TOLERANCE
from coleta.collect.lease import LENGTH, RENEW_AFTER, Another, Held, Lease, Take, decide
from coleta.testing.samples import NOON

MINE = Lease("u", "me", NOON + LENGTH)


def test_a_lease_that_nobody_has_is_taken() -> None:
    assert decide(None, uuid="u", owner="me", now=NOON) == Take(MINE)
    assert decide(replace(MINE, owner="other", until=NOON), uuid="u", owner="me", now=NOON) == Take(MINE)


def test_one_of_another_log_or_that_cannot_be_read_is_taken() -> None:
    assert decide(replace(MINE, uuid="v", owner="other"), uuid="u", owner="me", now=NOON) == Take(MINE)
    assert Lease.from_json(b"{}") is None
    assert Lease.from_json(replace(MINE, format=2).to_json()) is None
    assert Lease.from_json(MINE.to_json()) == MINE


def test_an_own_one_is_held_and_renewed_before_it_runs_out() -> None:
    assert decide(MINE, uuid="u", owner="me", now=NOON) == Held(NOON + RENEW_AFTER)
    later = NOON + RENEW_AFTER
    assert decide(MINE, uuid="u", owner="me", now=later) == Take(replace(MINE, until=later + LENGTH))


def test_that_of_another_is_waited_for_but_never_longer_than_a_lease_is() -> None:
    assert decide(MINE, uuid="u", owner="other", now=NOON) == Another(NOON + LENGTH)
    a_little_ahead = replace(MINE, until=NOON + LENGTH + TOLERANCE)
    assert decide(a_little_ahead, uuid="u", owner="other", now=NOON) == Another(NOON + LENGTH)


def test_one_that_a_wrong_clock_made_holds_nobody_up() -> None:
    far = replace(MINE, until=NOON + timedelta(hours=1))

    assert decide(far, uuid="u", owner="other", now=NOON) == Take(replace(MINE, owner="other"))
