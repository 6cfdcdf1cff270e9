"""Landing in Azurite, and in what plays Google, over a line where anything may happen: one object, one record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.clouds.azurite import AzureService
from tests.clouds.google import GoogleService
from tests.s3.desk import FIRST, Desk
from tests.s3.proxy import Fault, FaultyProxy, once

from coleta.runtime.lander import Lander, land
from coleta.runtime.opening import probe
from coleta.stream import Store
from coleta.testing.samples import spooled_answer

# A turned bit is left out: nothing that obstore sends lets these stores find it. See docs/how-to/azure.md.
FAULTS = [fault for fault in Fault if fault not in (Fault.DENIED, Fault.SCRIPTED, Fault.CORRUPT)]


DATA = {"azure": "/data/", "google": "%2Fdata%2F"}
"""What stands in the path of a request for a data object."""
CONDITION = {"azure": ("if-none-match", "*"), "google": ("x-goog-if-generation-match", "0")}


@pytest.fixture(params=["azure", "google"])
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(cloud: str, request: pytest.FixtureRequest) -> AzureService | GoogleService:
    found = request.getfixturevalue(cloud)
    assert isinstance(found, AzureService | GoogleService)
    return found


@pytest.fixture
def proxy(service: AzureService | GoogleService) -> Iterator[FaultyProxy]:
    with FaultyProxy(service.endpoint) as proxy:
        yield proxy


@pytest.fixture
def desk(service: AzureService | GoogleService, proxy: FaultyProxy) -> Desk:
    return Desk(proxy, service)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_befalls_a_put_there_is_one_object_and_one_record(
    desk: Desk, proxy: FaultyProxy, cloud: str, fault: Fault
) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = once(fault, part=DATA[cloud])

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
    desk: Desk, proxy: FaultyProxy, cloud: str, fault: Fault
) -> None:
    desk.wait_for_landing()
    station = desk.station()
    lander = Lander(station)
    proxy.plan = once(fault, method="GET", part=DATA[cloud], times=2)

    desk.land_all(lander)

    assert any(seen.fault is fault for seen in proxy.seen)
    assert desk.eans() == [1, 3]
    assert desk.damage(station) == []


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.CONFLICT_AFTER, Fault.TAKEN_AFTER])
def test_a_put_that_worked_and_looked_failed_is_recognised_without_a_second_put(
    desk: Desk, proxy: FaultyProxy, cloud: str, fault: Fault
) -> None:
    desk.wait_for_landing(1)
    proxy.plan = once(fault, part=DATA[cloud])

    land(desk.station())

    assert len(proxy.requests("PUT", DATA[cloud])) == 1
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


def test_landing_sends_nothing_that_could_delete_or_overwrite(desk: Desk, proxy: FaultyProxy, cloud: str) -> None:
    header, value = CONDITION[cloud]
    desk.wait_for_landing()
    probe(desk.through)
    station = desk.station()
    land(station)
    desk.damage(station)

    assert {seen.method for seen in proxy.seen} <= {"PUT", "GET", "HEAD"}
    for put in proxy.requests("PUT"):
        assert put.headers[header] == value
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
