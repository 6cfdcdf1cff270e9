"""Landing in Azure Blob Storage over a line where anything may happen to a request: one object, one record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.clouds.azurite import AzureService
from tests.s3.desk import FIRST, Desk
from tests.s3.proxy import Fault, FaultyProxy, once

from coleta.runtime.lander import Lander, land
from coleta.runtime.opening import probe
from coleta.stream import Store
from coleta.testing.samples import spooled_answer

# A turned bit is left out: nothing that obstore sends lets Azure find it. See docs/how-to/azure.md.
FAULTS = [fault for fault in Fault if fault not in (Fault.DENIED, Fault.SCRIPTED, Fault.CORRUPT)]


@pytest.fixture
def proxy(azure: AzureService) -> Iterator[FaultyProxy]:
    with FaultyProxy(azure.endpoint) as proxy:
        yield proxy


@pytest.fixture
def desk(azure: AzureService, proxy: FaultyProxy) -> Desk:
    return Desk(proxy, azure)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_befalls_a_put_there_is_one_object_and_one_record(
    desk: Desk, proxy: FaultyProxy, fault: Fault
) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = once(fault)

    desk.land_all(lander)
    proxy.release()

    assert desk.objects() == [FIRST]
    assert desk.eans() == [1, 3]
    assert desk.damage(station) == []
    assert any(seen.fault is fault for seen in proxy.seen)


@pytest.mark.parametrize(
    "fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.CUT_IN_ANSWER, Fault.SLOW_DOWN, Fault.SLOW]
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


def test_credentials_that_expire_hold_landing_up_and_nothing_is_lost(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing()
    lander = Lander(desk.station())
    proxy.plan = lambda seen: Fault.DENIED

    desk.clock.set(lander.step())
    assert not lander.idle
    proxy.plan = lambda seen: Fault.NONE
    desk.land_all(lander)

    assert desk.eans() == [1, 3]


def test_landing_sends_nothing_that_could_delete_or_overwrite(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing()
    probe(desk.through)
    station = desk.station()
    land(station)
    desk.damage(station)

    assert {seen.method for seen in proxy.seen} <= {"PUT", "GET", "HEAD"}
    for put in proxy.requests("PUT"):
        assert put.headers["if-none-match"] == "*"
        assert put.headers["x-ms-blob-type"] == "BlockBlob"
        assert "comp=" not in put.path


def test_another_lander_that_was_first_is_followed(desk: Desk, proxy: FaultyProxy) -> None:
    desk.wait_for_landing(1)
    other = desk.station(desk.service.store(Store(desk.url)), seed=9)
    land(other)
    spooled_answer(desk.spool, 5, pages=[b'[{"ean":5,"price":1}]'])
    station = desk.station()

    land(station)

    assert sorted(desk.eans()) == [1, 5]
    assert desk.damage(station) == []
