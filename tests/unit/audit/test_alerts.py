"""One incident for each stream and cause: opened, still, recovered; grouped, and not more often than a person bears."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from coleta.audit.alerts import Cause, Incident, Incidents, Sign, notice_of
from coleta.testing.samples import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def bad(after: timedelta, cause: Cause = "gap", *, of: datetime | None = None, stream: str = "a") -> Sign:
    return Sign(stream, cause, NOON + after, f"bad at {after}", of)


def good(after: timedelta, cause: Cause = "gap", *, of: datetime | None = None) -> Sign:
    return Sign("a", cause, NOON + after, None, of)


def told(incidents: Incidents, after: timedelta, *, hurry: bool = False) -> list[tuple[str, str, int]]:
    return [(one.cause, one.state, one.times) for one in incidents.due(NOON + after, hurry=hurry)]


def test_a_thousand_gaps_are_one_incident_that_is_opened_once_and_recovers_once() -> None:
    incidents = Incidents()
    said = []
    for n in range(1_000):
        incidents.hear(bad(n * MINUTE))
        said += told(incidents, n * MINUTE)
    incidents.hear(good(1_000 * MINUTE))
    said += told(incidents, 1_000 * MINUTE)

    assert said == [
        ("gap", "opened", 1),
        ("gap", "still", 61),
        ("gap", "still", 421),
        ("gap", "recovered", 1_000),
    ]
    assert told(incidents, 2_000 * MINUTE) == []


def test_what_is_over_before_it_was_told_is_not_told() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE))
    incidents.hear(good(MINUTE))

    assert told(incidents, 2 * MINUTE) == []


def test_what_comes_within_a_minute_of_a_notice_goes_with_the_next() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE))
    assert told(incidents, 0 * MINUTE) == [("gap", "opened", 1)]

    for stream in ("c", "b"):
        incidents.hear(bad(0.2 * MINUTE, stream=stream))
    assert told(incidents, 0.9 * MINUTE) == []
    found = incidents.due(NOON + MINUTE)

    assert [(one.stream, one.state) for one in found] == [("b", "opened"), ("c", "opened")]


def test_what_comes_and_goes_each_minute_is_opened_four_times_an_hour_at_the_most() -> None:
    incidents = Incidents()
    said: list[str] = []
    for n in range(60):
        incidents.hear(bad(n * MINUTE) if n % 2 == 0 else good(n * MINUTE))
        said += [state for _, state, _ in told(incidents, n * MINUTE)]

    assert 2 <= said.count("opened") <= 4
    assert said.count("recovered") <= said.count("opened")


@pytest.mark.parametrize("cause", ["store", "spool", "clock"])
def test_what_is_tried_again_by_itself_is_told_when_it_lasts(cause: Cause) -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE, cause))

    assert told(incidents, 1.9 * MINUTE) == []
    assert told(incidents, 2 * MINUTE) == [(cause, "opened", 1)]


def test_what_is_good_about_an_earlier_tick_ends_nothing() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE, "rejected", of=NOON))
    told(incidents, 0 * MINUTE)

    incidents.hear(good(MINUTE, "rejected", of=NOON - MINUTE))
    incidents.hear(good(MINUTE, "rejected", of=NOON))
    assert told(incidents, 2 * MINUTE) == []

    incidents.hear(good(3 * MINUTE, "rejected", of=NOON + MINUTE))
    assert told(incidents, 3 * MINUTE) == [("rejected", "recovered", 1)]


def test_a_cause_and_a_stream_have_each_their_own() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE))
    incidents.hear(bad(0 * MINUTE, "rejected"))
    incidents.hear(good(0 * MINUTE, "rejected"))
    incidents.hear(bad(0 * MINUTE, stream="b"))

    assert told(incidents, 0 * MINUTE) == [("gap", "opened", 1)] * 2


def test_damage_has_happened_and_never_recovers() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE, "damaged"))
    assert told(incidents, 0 * MINUTE) == [("damaged", "opened", 1)]

    incidents.hear(good(MINUTE, "damaged"))
    assert told(incidents, HOUR) == []
    incidents.hear(bad(HOUR, "damaged"))
    assert told(incidents, HOUR) == [("damaged", "opened", 1)]


def test_the_last_notice_of_a_process_does_not_wait_for_the_others() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE))
    told(incidents, 0 * MINUTE)
    incidents.hear(bad(0.1 * MINUTE, "stopped"))
    incidents.hear(bad(0.1 * MINUTE, "store"))

    assert told(incidents, 0.1 * MINUTE) == []
    assert told(incidents, 0.1 * MINUTE, hurry=True) == [("stopped", "opened", 1)]


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    incidents = Incidents()
    incidents.hear(bad(0 * MINUTE))
    told(incidents, 0 * MINUTE)

    incidents.hear(bad(-24 * HOUR, "rejected"))

    assert ("rejected", "opened", 1) in told(incidents, -24 * HOUR)


def test_a_notice_tells_fifty_and_counts_the_others() -> None:
    incidents = Incidents()
    for n in range(1_000):
        incidents.hear(bad(0 * MINUTE, stream=f"s{n:04}"))

    notice = notice_of("p", "m", NOON, incidents.due(NOON))

    assert (len(notice.incidents), notice.more) == (50, 950)
    assert notice.incidents[0] == Incident("s0000", "gap", "opened", "bad at 0:00:00", NOON, NOON, 1)
