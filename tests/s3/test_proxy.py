"""The faulty front does what its plans say: a fault that never comes would prove nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta

import pytest
from tests.s3.proxy import Fault, FaultyProxy, Seen, often, once
from tests.s3.service import S3Service

from coleta.errors import Doubtful
from coleta.stream import Store

PUT = Seen("PUT", "/lake/data/1", {}, Fault.NONE)
GET = Seen("GET", "/lake/data/1", {}, Fault.NONE)


def test_faults_come_as_often_as_is_said_and_the_same_for_the_same_seed() -> None:
    plan, again = often(0.2, seed=1), often(0.2, seed=1)

    drawn = [plan(PUT) for _ in range(2_000)]

    assert drawn == [again(PUT) for _ in range(2_000)]
    assert drawn != [often(0.2, seed=2)(PUT) for _ in range(2_000)]
    counted = Counter(drawn)
    assert 340 <= 2_000 - counted[Fault.NONE] <= 460
    assert len(counted) == 14, "each of them, and none at all"


def test_what_has_no_body_is_not_corrupted() -> None:
    plan = often(1.0, seed=1, faults=(Fault.CORRUPT,))

    assert plan(PUT) is Fault.CORRUPT
    assert plan(GET) is Fault.DROP_BEFORE


def test_a_stalled_put_is_stored_only_when_it_is_released(s3: S3Service) -> None:
    url = s3.url()
    direct = s3.store(Store(url))
    with FaultyProxy(s3.endpoint, once(Fault.STALL, part="/late")) as proxy:
        through = s3.at(proxy.url).store(Store(url, timeout=timedelta(seconds=1)))

        with pytest.raises(Doubtful):
            through.create("late", b"body", sha256=hashlib.sha256(b"body").hexdigest())
        assert direct.read("late") is None
        proxy.release()

    assert direct.read("late") == b"body"
