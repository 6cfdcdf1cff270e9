"""How much a host is asked while it does not answer well (FAULTS.md A 14, 16)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.courtesy import (
    BURST,
    DOUBT_EVERY,
    EARNED,
    LONGEST_TOLD,
    OPEN_AFTER,
    OPEN_FAILURES,
    PROBE_EVERY,
    Answered,
    Go,
    Hold,
    Standing,
    Wish,
    answered,
    heard,
    may_ask,
)  # fmt: skip
from coleta.collect.envelope import NotData, Page
from coleta.collect.response import Failed, Fault, Response

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
PAGE = Page(1)


def response(status: int = 200, **headers: str) -> Response:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, named, b"", b"", None, NOW, NOW)


@dataclass
class Host:
    """One host's standing, told what happens to it."""

    standing: Standing = field(default_factory=Standing)
    now: datetime = NOW

    def ask(self, *, again: bool = False, last_chance: timedelta = timedelta(hours=24)) -> Go | Hold:
        self.standing, said = may_ask(self.standing, Wish(again, self.now, self.now + last_chance))
        return said

    def hear(self, came: Response | Failed | int = 200, page: object = PAGE, *, again: bool = False) -> None:
        came = response(came) if isinstance(came, int) else came
        self.standing = heard(self.standing, came, page, Wish(again, self.now, self.now))

    def goes_down(self) -> None:
        """Fail for long enough."""
        for _ in range(OPEN_FAILURES + 1):
            self.hear(500)
            self.now += OPEN_AFTER / OPEN_FAILURES
        assert self.standing.down_since is not None


def granted(host: Host, wishes: int, *, every: timedelta) -> int:
    """How many of so many repetitions, one after the other, are granted."""
    count = 0
    for _ in range(wishes):
        count += host.ask(again=True) == Go()
        host.now += every
    return count


def test_every_tick_is_asked_once_whatever_the_standing() -> None:
    host = Host()
    host.goes_down()

    assert [host.ask() for _ in range(100)] == [Go()] * 100


def test_a_host_in_good_standing_is_asked_again_as_often_as_a_tick_needs_and_then_no_more() -> None:
    assert granted(Host(), 100, every=timedelta(0)) == BURST


def test_each_first_request_earns_a_tenth_of_a_repetition_and_no_more_than_the_burst() -> None:
    host = Host()
    granted(host, 100, every=timedelta(0))
    for _ in range(30):
        host.ask()
    assert granted(host, 100, every=timedelta(0)) == 30 * EARNED
    for _ in range(1000):
        host.ask()
    assert granted(host, 100, every=timedelta(0)) == BURST


def test_a_repetition_that_helped_costs_nothing() -> None:
    host = Host()

    for _ in range(100):
        assert host.ask(again=True) == Go()
        host.hear(200, again=True)


def test_a_host_that_answers_but_never_with_the_data_is_asked_1_1_times_a_tick_in_the_long_run() -> None:
    host, asked = Host(), 0
    for _ in range(1000):
        asked += host.ask() == Go()
        host.hear(200, NotData("HTML"))
        asked += granted(host, 5, every=timedelta(0))
        host.now += MINUTE

    assert asked <= 1.1 * 1000 + BURST
    assert host.standing.down_since is None


def test_a_host_that_fails_is_in_doubt_at_first_and_down_after_a_while() -> None:
    host = Host()
    while host.standing.down_since is None:
        host.hear(Failed(Fault.REFUSED, "", host.now))
        host.now += 2 * SECOND

    assert OPEN_AFTER <= host.now - NOW <= OPEN_AFTER + 4 * SECOND


def test_a_few_failures_however_far_apart_are_no_outage() -> None:
    host = Host()
    for _ in range(OPEN_FAILURES - 1):
        host.hear(500)
        host.now += timedelta(hours=1)

    assert host.standing.down_since is None


def test_a_good_answer_in_between_ends_the_doubt() -> None:
    host = Host()
    for _ in range(1000):
        host.hear(500)
        host.hear(404)
        host.now += 10 * SECOND

    assert host.standing.down_since is None


def test_while_a_host_is_in_doubt_and_its_budget_used_up_somebody_still_asks_now_and_then() -> None:
    host = Host()
    host.hear(500)

    assert granted(host, 100, every=timedelta(0)) == BURST + 1
    assert granted(host, 61, every=SECOND) == 60 * SECOND / DOUBT_EVERY


def test_while_a_host_is_down_it_is_asked_once_a_tick_and_a_tenth_more() -> None:
    host, asked, ticks = Host(), 0, 24 * 60
    host.goes_down()
    for _ in range(ticks):
        asked += host.ask() == Go()
        host.hear(500)
        for _ in range(12):
            if host.ask(again=True) == Go():
                asked += 1
                host.hear(500, again=True)
            host.now += 5 * SECOND

    assert asked <= 1.1 * ticks
    assert asked > 1.05 * ticks, "the probes between ticks are of use to those who are asked once an hour"


def test_the_first_good_answer_to_anyone_ends_it_for_all_at_once() -> None:
    host = Host()
    host.goes_down()
    host.ask(again=True)
    assert isinstance(host.ask(again=True), Hold)

    host.hear(200)

    assert host.standing == Standing()
    assert granted(host, 5, every=timedelta(0)) == 5


def test_of_many_who_wait_for_a_host_that_is_down_one_probes_and_the_others_are_told_when() -> None:
    host = Host()
    host.goes_down()
    host.now += PROBE_EVERY

    said = [host.ask(again=True) for _ in range(50)]

    assert said[0] == Go()
    assert {hold.until for hold in said[1:] if isinstance(hold, Hold)} == {host.now + PROBE_EVERY}
    assert len([hold for hold in said if isinstance(hold, Hold)]) == 49


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=365 * 50)])
def test_a_clock_that_is_set_back_keeps_nobody_from_asking(back: timedelta) -> None:
    host = Host()
    host.goes_down()
    host.ask(again=True)
    host.now -= back

    assert host.ask() == Go()
    assert host.ask(again=True) == Go()
    host.hear(500)
    assert (host.standing.failing_since or NOW) <= host.now


# Told to wait --------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    "came", [response(429, retry_after="30"), response(200, ratelimit='"default";r=0;t=30')], ids=["429", "200"]
)
def test_where_the_api_asked_for_a_pause_nobody_asks_before_it_has_passed(came: Response, *, again: bool) -> None:
    host = Host()
    host.hear(came)

    assert host.ask(again=again) == Hold(NOW + 30 * SECOND, "the API asked for a pause", told=True)
    host.now += 30 * SECOND
    assert host.ask(again=again) == Go()


def test_a_tick_that_would_end_before_the_pause_has_its_last_chance() -> None:
    host = Host()
    host.hear(response(503, retry_after="900"))

    assert host.ask(last_chance=20 * SECOND) == Hold(NOW + 20 * SECOND, "the API asked for a pause", told=True)
    assert host.ask(last_chance=timedelta(0)) == Go()


def test_a_pause_of_a_year_is_not_believed() -> None:
    host = Host()
    host.hear(response(503, retry_after="31536000"))

    host.now += LONGEST_TOLD
    assert host.ask() == Go()


def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    host = Host()
    host.hear(response(429, retry_after="30"))
    host.hear(response(429, retry_after="1"))

    host.now += 29 * SECOND
    assert isinstance(host.ask(), Hold)


# What an answer tells of its host ------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 301, 304, 401, 404])
def test_who_answers_is_there(status: int) -> None:
    assert answered(response(status), PAGE) is Answered.WELL


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_who_cannot_answer_now_answers_badly(status: int) -> None:
    assert answered(response(status), None) is Answered.BADLY


@pytest.mark.parametrize("fault", Fault)
def test_who_cannot_be_reached_answers_badly_unless_the_reason_lies_elsewhere(fault: Fault) -> None:
    ours = {Fault.AUTH, Fault.SECRET, Fault.BAD_URL, Fault.ADDRESS, Fault.TOO_LARGE, Fault.TLS}

    assert answered(Failed(fault, "", NOW), None) is (Answered.NOTHING if fault in ours else Answered.BADLY)


def test_a_page_that_is_not_the_data_tells_nothing_of_its_host() -> None:
    assert answered(response(200), NotData("HTML")) is Answered.NOTHING


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans(), st.sampled_from([200, 404, 429, 500]))))
def test_whatever_happens_no_wait_is_longer_than_a_probe_and_the_budget_stays_within_its_bounds(
    steps: list[tuple[int, bool, int]],
) -> None:
    host = Host()
    for later_s, again, status in steps:
        host.now += later_s * SECOND
        said = host.ask(again=again)
        if isinstance(said, Hold):
            assert host.now < said.until <= host.now + PROBE_EVERY
        else:
            host.hear(status, again=again)
        assert 0 <= host.standing.budget <= BURST
