"""For how long an API asks to be left alone, in all the ways in which APIs say so (FAULTS.md A 13, 14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.limits import NO_RESET, http_date, rate_limit, retry_after

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HALF_A_MINUTE = int(NOW.timestamp()) + 30


def limit(**headers: str) -> timedelta | None:
    return rate_limit({name.replace("_", "-"): value for name, value in headers.items()}, received_at=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"ratelimit": "limit=100, remaining=0, reset=30"}, id="the older draft"),
        pytest.param({"ratelimit": "limit=100;w=60, remaining=0, reset=30"}, id="the older draft with a window"),
        pytest.param({"ratelimit": " limit = 100,remaining = 0 ,reset=30"}, id="the older draft with odd spaces"),
        pytest.param({"ratelimit": '"default";r=0;t=30'}, id="the newer draft"),
        pytest.param({"ratelimit": '"default"; t=30; r=0; pk=:abc=:'}, id="the newer draft in another order"),
        pytest.param({"ratelimit": '"burst";r=5;t=90, "day";r=0;t=30'}, id="the newer draft with two limits"),
        pytest.param({"ratelimit": '"burst";r=0;t=10, "day";r=0;t=30'}, id="two limits that are used up"),
        pytest.param({"ratelimit_remaining": "0", "ratelimit_reset": "30"}, id="three headers"),
        pytest.param({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "30"}, id="three headers with X"),
        pytest.param({"x_rate_limit_remaining": "0", "x_rate_limit_reset": "30"}, id="another spelling"),
        pytest.param({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(HALF_A_MINUTE)}, id="seconds since 1970"),
        pytest.param({"x_ratelimit_remaining": "0", "x_ratelimit_reset": f"{HALF_A_MINUTE}000"}, id="milliseconds"),
        pytest.param({"x_ratelimit_remaining": "0.0", "x_ratelimit_reset": "30.2"}, id="fractions"),
    ],
)  # fmt: skip
def test_where_nothing_is_left_the_wait_is_until_the_reset(headers: dict[str, str]) -> None:
    assert limit(**headers) == 30 * SECOND


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ratelimit": "limit=100, remaining=1, reset=30"},
        {"ratelimit": '"default";r=10;t=30'},
        {"ratelimit": '"default";t=30'},
        {"ratelimit": ""},
        {"ratelimit": "remaining=zero"},
        {"x_ratelimit_remaining": "5", "x_ratelimit_reset": "30"},
        {"x_ratelimit_remaining": "-1", "x_ratelimit_reset": "30"},
        {"x_ratelimit_reset": "30"},
    ],
)
def test_where_something_is_left_or_nothing_is_said_there_is_no_wait(headers: dict[str, str]) -> None:
    assert limit(**headers) is None


@pytest.mark.parametrize("headers", [{"x_ratelimit_remaining": "0"}, {"ratelimit": '"default";r=0'}])
def test_where_nobody_says_until_when_the_wait_is_short(headers: dict[str, str]) -> None:
    assert limit(**headers) == NO_RESET


def test_a_reset_that_is_an_instant_is_one_of_the_servers_clock() -> None:
    hour_behind = format_datetime(NOW - timedelta(hours=1), usegmt=True)
    reset = str(HALF_A_MINUTE - 3600)

    assert limit(date=hour_behind, x_ratelimit_remaining="0", x_ratelimit_reset=reset) == 30 * SECOND
    assert limit(x_ratelimit_remaining="0", x_ratelimit_reset=reset) == timedelta(0)


NAMES = ("ratelimit", "date", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-reset")
TEXTS = st.one_of(
    st.text('0159;=,r t"-:GMTé\u0667', max_size=20),
    st.integers(0, 10**30).map(str),
    st.integers(0, 10**30).map('"a";r=0;t={}'.format),
)


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS))
def test_any_headers_are_a_wait_or_none_and_never_an_error(headers: dict[str, str]) -> None:
    for wait in (rate_limit(headers, received_at=NOW), retry_after(headers, received_at=NOW)):
        assert wait is None or wait >= timedelta(0)


def test_a_date_is_an_instant_in_utc_or_nothing() -> None:
    assert http_date("Tue, 24 Nov 2026 13:00:00 +0100") == NOW
    assert http_date("Tue, 24 Nov 2026 12:00:00 -0000") == NOW
    assert (http_date(None), http_date(""), http_date("soon")) == (None, None, None)
