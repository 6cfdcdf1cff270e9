from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.envelope import NotData, Page
from coleta.collect.response import (
    BASE_WAIT,
    LAST_CHANCE,
    LONGEST_WAIT,
    Failed,
    Fault,
    GiveUp,
    Keep,
    Patience,
    Response,
    Retry,
    Verdict,
    judge,
    start_over,
    told_wait,
)  # fmt: skip

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOPELESS = (Fault.TLS, Fault.TOO_LARGE, Fault.SECRET, Fault.BAD_URL, Fault.ADDRESS)
PAGE = Page(3)


def patience(
    *, attempt: int = 1, left: timedelta = 60 * SECOND, chance: float = 0.5, repeatable: bool = True
) -> Patience:
    return Patience(attempt, NOW, NOW + left, chance, repeatable)


def response(status: int, **headers: str) -> Response:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, named, b"", b"", None, NOW, NOW)


def failed(fault: Fault) -> Failed:
    return Failed(fault, "why", NOW)


patiences = st.builds(
    patience,
    attempt=st.integers(1, 100),
    left=st.timedeltas(timedelta(seconds=-5), timedelta(hours=2)),
    chance=st.floats(0, 1, exclude_max=True),
    repeatable=st.booleans(),
)
waits = st.one_of(
    st.none(),
    st.integers(0, 10**12).map(str),
    st.integers(-(10**9), 10**9).map(lambda offset_s: format_datetime(NOW + offset_s * SECOND, usegmt=True)),
    st.text(max_size=40),
)
comings = st.one_of(
    st.sampled_from(Fault).map(failed),
    st.builds(
        lambda status, wait: response(status) if wait is None else response(status, retry_after=wait),
        st.integers(100, 599),
        waits,
    ),
)
pages = st.sampled_from([PAGE, Page(0), NotData("HTML"), None])


@given(comings, pages, patiences)
def test_no_wait_ever_reaches_the_deadline_and_none_is_negative(
    came: Response | Failed, page: Page | NotData | None, left: Patience
) -> None:
    verdict = judge(came, page, left)

    if isinstance(verdict, Retry):
        assert timedelta(0) <= verdict.after < left.deadline - left.now


@given(comings, pages, patiences)
def test_a_request_that_may_change_something_is_never_repeated(
    came: Response | Failed, page: Page | NotData | None, left: Patience
) -> None:
    once = Patience(left.attempt, left.now, left.deadline, left.chance, repeatable=False)

    assert not isinstance(judge(came, page, once), Retry)


@given(comings, pages, patiences)
def test_only_a_complete_2xx_response_is_ever_kept(
    came: Response | Failed, page: Page | NotData | None, left: Patience
) -> None:
    if isinstance(judge(came, page, left), Keep):
        assert isinstance(came, Response)
        assert 200 <= came.status < 300


@given(comings, st.floats(0, 1, exclude_max=True))
def test_asking_in_vain_ends_and_does_not_hurry(came: Response | Failed, chance: float) -> None:
    # As the collector does: each verdict's wait passes, nothing else does.
    now, deadline, asked = NOW, NOW + 60 * SECOND, 0
    while asked < 1000:
        asked += 1
        verdict = judge(came, NotData("HTML"), Patience(asked, now, deadline, chance))
        if not isinstance(verdict, Retry):
            break
        now += verdict.after
    # With the least luck full jitter waits for nothing at all; with any luck there are few requests.
    if chance >= 0.1:
        assert asked < 60


@pytest.mark.parametrize("status", [200, 201, 203])
def test_data_is_kept(status: int) -> None:
    assert judge(response(status), PAGE, patience()) == Keep()
    assert judge(response(status), Page(0), patience(left=timedelta(0))) == Keep()


def test_an_answer_that_is_not_the_data_is_asked_for_again_and_kept_with_its_reason_at_the_deadline() -> None:
    html = NotData("HTML or XML instead of JSON")

    assert judge(response(200), html, patience(attempt=3, chance=0.5)) == Retry(SECOND, html.why)
    assert judge(response(200), html, patience(left=timedelta(0))) == Keep(wrong=html.why)
    assert judge(response(200), html, patience(repeatable=False)) == Keep(wrong=html.why)


def test_a_part_of_the_body_is_not_the_data_however_well_it_looks() -> None:
    assert isinstance(judge(response(206), PAGE, patience()), Retry)
    kept = judge(response(206), PAGE, patience(left=timedelta(0)))
    assert isinstance(kept, Keep)
    assert kept.wrong


@pytest.mark.parametrize("fault", HOPELESS)
def test_a_fault_that_asking_again_cannot_cure_ends_the_tick(fault: Fault) -> None:
    assert judge(failed(fault), None, patience()) == GiveUp(fault.value, "why")


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in HOPELESS])
def test_any_other_fault_is_tried_again_and_names_itself_in_the_end(fault: Fault) -> None:
    assert isinstance(judge(failed(fault), None, patience()), Retry)
    end = judge(failed(fault), None, patience(left=timedelta(0)))
    assert isinstance(end, GiveUp)
    assert end.reason == fault.value


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_may_pass_is_tried_again_and_names_itself_in_the_end(status: int) -> None:
    assert isinstance(judge(response(status), None, patience()), Retry)
    end = judge(response(status), None, patience(left=timedelta(0)))
    assert isinstance(end, GiveUp)
    assert end.reason == f"http_{status}"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "http_400"), (401, "auth"), (403, "auth"), (404, "http_404"), (410, "http_410"), (301, "redirect"),
     (307, "redirect"), (304, "unexpected_304")],
)  # fmt: skip
def test_any_other_status_ends_the_tick(status: int, reason: str) -> None:
    verdict = judge(response(status), None, patience())

    assert isinstance(verdict, GiveUp)
    assert verdict.reason == reason


# Waiting -------------------------------------------------------------------------------------------


def after(verdict: Verdict) -> timedelta:
    assert isinstance(verdict, Retry), verdict
    return verdict.after


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_the_wait_after_a_fault_has_full_jitter_under_a_doubling_ceiling(attempt: int, chance: float) -> None:
    wait = after(judge(failed(Fault.RESET), None, patience(attempt=attempt, chance=chance)))

    ceiling = min(LONGEST_WAIT, BASE_WAIT * 2 ** min(attempt - 1, 10))
    assert abs(wait - ceiling * chance) <= timedelta(microseconds=1)


@pytest.mark.parametrize("status", [429, 503])
@given(attempt=st.integers(1, 1000), chance=st.floats(0, 1, exclude_max=True))
def test_the_wait_after_a_throttling_has_equal_jitter(status: int, attempt: int, chance: float) -> None:
    wait = after(judge(response(status), None, patience(attempt=attempt, chance=chance)))

    ceiling = min(LONGEST_WAIT, BASE_WAIT * 2 ** min(attempt - 1, 10))
    assert ceiling / 2 - timedelta(microseconds=1) <= wait <= ceiling


@pytest.mark.parametrize("status", [429, 503, 500, 408])
@pytest.mark.parametrize("told", ["7", " 7 ", "Tue, 24 Nov 2026 12:00:07 GMT", "Tuesday, 24-Nov-26 12:00:07 GMT"])
@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_retry_after_is_obeyed_with_a_little_jitter(status: int, told: str, chance: float) -> None:
    wait = after(judge(response(status, retry_after=told), None, patience(chance=chance)))

    assert 7 * SECOND <= wait <= 7 * SECOND + BASE_WAIT


@pytest.mark.parametrize("told", ["0", "Tue, 24 Nov 2026 11:59:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_retry_after_in_the_past_never_makes_the_wait_shorter_than_usual(told: str) -> None:
    usual = judge(response(503), None, patience(attempt=6))

    assert judge(response(503, retry_after=told), None, patience(attempt=6)) == usual


@pytest.mark.parametrize("told", ["31536000", "9" * 5000, "Wed, 24 Nov 2027 12:00:00 GMT"])
def test_retry_after_beyond_the_deadline_gives_one_last_chance_before_it(told: str) -> None:
    came = response(503, retry_after=told)

    assert after(judge(came, None, patience())) == 60 * SECOND - LAST_CHANCE
    assert isinstance(judge(came, None, patience(attempt=2, left=LAST_CHANCE)), GiveUp)


@pytest.mark.parametrize("told", ["", "soon", "-5", "7.5", "٧", "Tue, 24 Nov 2026", "Mon, 99 Foo 2026 12:00:00 GMT",
                                  "Tue, 24 Nov 2026 12:00:00 +" + "9" * 20])  # fmt: skip
def test_a_retry_after_that_cannot_be_read_counts_as_none(told: str) -> None:
    assert judge(response(503, retry_after=told), None, patience()) == judge(response(503), None, patience())


@given(st.text())
def test_any_text_in_retry_after_is_a_wait_or_nothing(told: str) -> None:
    wait = told_wait(response(503, retry_after=told))

    assert wait is None or wait >= timedelta(0)


def test_a_date_in_retry_after_without_a_zone_is_in_utc() -> None:
    assert told_wait(response(503, retry_after="Tue, 24 Nov 2026 12:00:07 -0000")) == 7 * SECOND


def test_the_first_of_several_headers_of_a_name_counts() -> None:
    came = Response(200, (("a", "1"), ("b", "2"), ("a", "3")), b"", b"", None, NOW, NOW)

    assert (came.header("a"), came.header("b"), came.header("c")) == ("1", "2", None)


def test_a_limit_that_is_used_up_is_waited_for_where_the_api_refuses_for_it() -> None:
    came = response(429, ratelimit="limit=100, remaining=0, reset=20")

    assert 20 * SECOND <= after(judge(came, None, patience())) <= 20 * SECOND + BASE_WAIT


def test_retry_after_says_more_than_a_limit() -> None:
    assert told_wait(response(429, retry_after="3", ratelimit='"default";r=0;t=30')) == 3 * SECOND


def test_retry_after_counts_only_where_asking_again_is_meant() -> None:
    assert told_wait(response(200, retry_after="3")) is None
    assert told_wait(response(200, ratelimit='"default";r=0;t=30')) == 30 * SECOND


# An answer that came before its time ---------------------------------------------------------------


def dated(second: int, **more: str) -> Response:
    return response(200, date=format_datetime(NOW + second * SECOND, usegmt=True), **more)


@pytest.mark.parametrize("early", [1, 7])
def test_an_answer_made_before_the_end_of_what_it_is_about_is_asked_for_again_when_that_has_passed(early: int) -> None:
    verdict = judge(dated(-early), PAGE, patience(chance=0.0), complete_from=NOW)

    assert verdict == Retry(early * SECOND, "early")


@pytest.mark.parametrize("second", [0, 1, 3600])
def test_an_answer_made_at_the_end_or_later_is_complete(second: int) -> None:
    assert judge(dated(second), PAGE, patience(), complete_from=NOW) == Keep()


def test_a_date_stands_for_any_instant_of_its_second() -> None:
    half = NOW + 0.5 * SECOND

    assert judge(dated(0), PAGE, patience(), complete_from=half) == Keep()
    assert isinstance(judge(dated(-1), PAGE, patience(), complete_from=half), Retry)


@pytest.mark.parametrize("date", ["", "today", "9" * 50])
def test_an_answer_that_does_not_say_when_it_was_made_is_taken_as_it_is(date: str) -> None:
    assert judge(response(200, date=date), PAGE, patience(), complete_from=NOW) == Keep()
    assert judge(response(200), PAGE, patience(), complete_from=NOW) == Keep()


def test_where_any_answer_may_be_complete_its_date_says_nothing() -> None:
    assert judge(dated(-7), PAGE, patience()) == Keep()


def test_an_api_whose_clock_is_far_behind_gets_a_last_chance_and_then_the_tick_is_a_gap_that_can_be_filled() -> None:
    far = dated(-3600)

    assert after(judge(far, PAGE, patience(), complete_from=NOW)) == 60 * SECOND - LAST_CHANCE
    end = judge(far, PAGE, patience(left=LAST_CHANCE), complete_from=NOW)
    assert isinstance(end, GiveUp)
    assert (end.reason, "3600 s" in end.detail) == ("early", True)


# A page that is given up ---------------------------------------------------------------------------


def test_a_page_that_is_given_up_may_start_the_answer_over_while_there_is_time() -> None:
    gone = GiveUp("http_404", "HTTP status 404")

    assert start_over(gone, patience()) == Retry(BASE_WAIT / 2, "http_404")
    assert isinstance(start_over(gone, patience(left=timedelta(0))), GiveUp)
    assert isinstance(start_over(gone, patience(repeatable=False)), GiveUp)
