"""What a pause does to ticks: each that ends within it is written down as paused, whenever that is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coleta.collect.cadence import Plan
from coleta.collect.pauses import MOST_PAUSES, Pause, Pauses, without_paused
from coleta.collect.tick import Interval
from coleta.errors import Misconfigured
from coleta.testing.samples import MINUTE, NOON, sample_tick

NONE = Pauses()
FIRST = NONE.begun(NOON)
OVER = FIRST.ended(NOON + 2 * MINUTE)


def plan(*, ask: tuple[int, ...] = (), missed: tuple[int, ...] = ()) -> Plan:
    return Plan(tuple(map(sample_tick, ask)), tuple(map(sample_tick, missed)), None)


def ends(ticks: tuple[Interval, ...]) -> list[int]:
    return [(tick.end - NOON) // MINUTE for tick in ticks]


@pytest.mark.parametrize(
    ("pauses", "ask", "missed", "paused"),
    [
        (NONE, [3, 4], [0, 1, 2], []),
        # While it goes on, nothing is asked, also what came due before it; what was missed before it stays missed.
        (FIRST, [], [0], [1, 2, 3, 4]),
        (NONE.begun(NOON + 3 * MINUTE), [], [0, 1, 2], [3, 4]),
        # After it, only what ended within it: after its beginning, up to and including its end.
        (OVER, [3, 4], [0], [1, 2]),
        (OVER.begun(NOON + 3 * MINUTE).ended(NOON + 4 * MINUTE), [3], [0], [1, 2, 4]),
    ],
)
def test_ticks_are_told_apart_by_their_ends(
    pauses: Pauses, ask: list[int], missed: list[int], paused: list[int]
) -> None:
    left, gone = without_paused(plan(ask=(3, 4), missed=(0, 1, 2)), pauses)

    assert (ends(left.ask), ends(left.missed), ends(gone)) == (ask, missed, paused)


def test_pausing_or_resuming_again_changes_nothing() -> None:
    assert FIRST.begun(NOON + MINUTE) == FIRST
    assert OVER.ended(NOON + 9 * MINUTE) == OVER
    assert NONE.ended(NOON) == NONE


def test_since_when_it_is_paused_is_known_while_it_is() -> None:
    assert (NONE.since, FIRST.since, OVER.since) == (None, NOON, None)


def test_a_clock_that_was_set_back_makes_an_empty_pause() -> None:
    (pause,) = FIRST.ended(NOON - MINUTE).pauses

    assert pause == Pause(NOON, NOON)
    assert not pause.holds(sample_tick(0))


def test_what_is_remembered_comes_back_and_old_pauses_are_forgotten() -> None:
    many = NONE
    for n in range(MOST_PAUSES + 5):
        many = many.begun(NOON + n * MINUTE).ended(NOON + n * MINUTE + timedelta(seconds=30))

    assert Pauses.from_json(many.to_json()) == many
    assert len(many.pauses) == MOST_PAUSES
    assert many.pauses[0].since == NOON + 5 * MINUTE
    assert Pauses.from_json(None) == NONE


@pytest.mark.parametrize("stored", [b"", b"{", b'{"pauses": 1}', b'{"format": 2, "pauses": []}'])
def test_a_note_that_cannot_be_read_is_told_and_never_taken_for_none(stored: bytes) -> None:
    with pytest.raises(Misconfigured):
        Pauses.from_json(stored)
