"""Landing in a real S3 over a line where anything may happen to a request: one object, one record, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import pytest
from tests.s3.desk import FIRST, Desk
from tests.s3.proxy import Fault, FaultyProxy, Seen, once
from tests.s3.service import S3Service

from coleta.errors import StoreUnavailable
from coleta.runtime.events import Trouble
from coleta.runtime.lander import Lander, land
from coleta.runtime.opening import probe
from coleta.stream import Store
from coleta.testing.samples import spooled_answer


@pytest.fixture
def proxy(s3: S3Service) -> Iterator[FaultyProxy]:
    with FaultyProxy(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def desk(s3: S3Service, proxy: FaultyProxy) -> Desk:
    return Desk(proxy, s3)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.DENIED, Fault.SCRIPTED)])
@pytest.mark.parametrize("part", ["/data/", "/_ledger/", "/_quarantine/"])
def test_whatever_befalls_a_put_there_is_one_object_and_one_record(
    desk: Desk, proxy: FaultyProxy, fault: Fault, part: str
) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = once(fault, part=part)

    desk.land_all(lander)
    proxy.release()

    assert desk.objects() == [FIRST]
    assert desk.eans() == [1, 3]
    assert len(list(desk.direct.names("_quarantine/"))) == 1
    assert desk.damage(station) == []
    assert any(seen.fault is fault for seen in proxy.seen)


@pytest.mark.parametrize(
    "fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.CUT_IN_ANSWER, Fault.SLOW_DOWN, Fault.HANG, Fault.SLOW]
)
def test_whatever_befalls_a_read_there_is_one_object_and_one_record(
    desk: Desk, proxy: FaultyProxy, fault: Fault
) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = once(fault, method="GET", times=2)

    desk.land_all(lander)

    assert desk.eans() == [1, 3]
    assert desk.damage(station) == []


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.CONFLICT_AFTER, Fault.TAKEN_AFTER])
def test_a_put_that_worked_and_looked_failed_is_recognised_without_a_second_put(
    desk: Desk, proxy: FaultyProxy, fault: Fault
) -> None:
    desk.wait_for_landing(1)
    proxy.plan = once(fault)

    land(desk.station())

    assert len(proxy.requests("PUT", "/data/")) == 1
    assert desk.eans() == [1]


def test_a_put_that_lands_late_takes_the_name_from_nobody(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    proxy.plan = once(Fault.LATE)
    land(desk.station())
    landed = desk.direct.read(FIRST)

    proxy.release()

    assert desk.direct.read(FIRST) == landed


def test_a_late_put_of_a_lander_that_gave_up_is_found_by_the_next_one(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    proxy.plan = once(Fault.LATE, times=5)
    with pytest.raises(StoreUnavailable):
        land(desk.station())
    assert desk.objects() == []

    proxy.release()
    spooled_answer(desk.spool, 2, pages=[b'[{"ean":2,"price":1}]'])
    station = desk.station(seed=1)
    land(station)

    assert sorted(desk.eans()) == [1, 2]
    assert desk.damage(station) == []


def test_with_half_of_all_requests_refused_as_too_many_it_still_lands(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    chance = Random(63)
    proxy.plan = lambda seen: Fault.SLOW_DOWN if chance.random() < 0.5 else Fault.NONE

    desk.land_all(lander)

    assert desk.eans() == [1, 3]
    assert desk.damage(station) == []


def test_another_lander_that_was_first_is_followed(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    other = desk.station(desk.service.store(Store(desk.url)), seed=9)

    def other_first(seen: Seen) -> Fault:
        if seen.method == "PUT" and "/data/" in seen.path and not desk.objects():
            land(other)
        return Fault.NONE

    spooled_answer(desk.spool, 5, pages=[b'[{"ean":5,"price":1}]'])
    proxy.plan = other_first
    station = desk.station()
    land(station)

    assert sorted(desk.eans()) == [1, 5]
    assert len(proxy.requests("PUT", "/data/")) == 1
    assert desk.damage(station) == []


def test_a_corrupted_upload_is_refused_by_the_store_and_sent_again(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    station = desk.station()
    proxy.plan = once(Fault.CORRUPT)

    with pytest.raises(StoreUnavailable, match="what arrived is not what was sent"):
        land(station)
    assert desk.objects() == []
    land(station)

    assert desk.eans() == [1]
    for put in proxy.requests("PUT"):
        assert put.headers["x-amz-checksum-sha256"]
        assert put.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"


def test_credentials_that_expire_hold_landing_up_and_nothing_is_lost(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = lambda seen: Fault.DENIED

    for _ in range(3):
        desk.clock.set(lander.step())
    assert not lander.idle
    troubles = [event.what for event in desk.told if isinstance(event, Trouble)]
    assert len(troubles) == 3
    assert all("403 ExpiredToken" in what for what in troubles)
    assert proxy.token not in "".join(troubles)
    proxy.plan = lambda seen: Fault.NONE
    desk.land_all(lander)

    assert desk.eans() == [1, 3]


def test_landing_sends_nothing_that_could_delete_or_overwrite(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing()
    probe(desk.through)
    probe(desk.through)
    station = desk.station()
    land(station)
    desk.damage(station)

    assert {seen.method for seen in proxy.seen} <= {"PUT", "GET", "HEAD"}
    for put in proxy.requests("PUT"):
        assert put.headers["if-none-match"] == "*"
        assert "?" not in put.path


def test_many_answers_land_over_a_line_that_fails_every_fifth_request(desk: Desk, proxy: FaultyProxy) -> None:
    faults = [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.DROP_BEFORE, Fault.TAKEN_AFTER, Fault.SLOW_DOWN]
    proxy.plan = lambda seen: faults[len(proxy.seen) // 5 % 5] if len(proxy.seen) % 5 == 0 else Fault.NONE
    station = desk.station()
    lander = Lander(station)
    for n in range(1, 21):
        spooled_answer(desk.spool, n, pages=[json.dumps([{"ean": n, "price": 1}]).encode()])
        desk.clock.set(lander.step())

    desk.land_all(lander)

    assert sorted(desk.eans()) == list(range(1, 21))
    assert desk.damage(station) == []
