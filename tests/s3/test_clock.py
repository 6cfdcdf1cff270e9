"""A real store says what time it is, also to somebody whom it does not let in."""

from __future__ import annotations

from datetime import timedelta

from tests.s3.service import S3Service

from coleta.adapters.http import HttpTransport
from coleta.adapters.system import SystemClock
from coleta.runtime.clock_guard import ClockGuard
from coleta.stream import SecretRef
from coleta.testing.memory import ManualClock


def no_secret(reference: SecretRef) -> str:
    raise AssertionError(f"{reference.reference} is not to be asked for")


def test_this_machines_clock_agrees_with_that_of_a_store_on_it(s3: S3Service) -> None:
    transport = HttpTransport(now=SystemClock().now, secrets=no_secret)
    url = s3.store().clock_url
    assert url is not None

    assert abs(ClockGuard(SystemClock(), transport).ahead(url)) < timedelta(seconds=5)
    transport.close()


def test_a_clock_that_is_set_an_hour_ahead_is_found(s3: S3Service) -> None:
    transport = HttpTransport(now=SystemClock().now, secrets=no_secret)
    url = s3.store().clock_url
    assert url is not None
    wrong = ManualClock(SystemClock().now() + timedelta(hours=1))

    ahead = ClockGuard(wrong, transport).ahead(url)

    assert timedelta(minutes=58) < ahead < timedelta(minutes=62)
    transport.close()
