from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

import pytest
import urllib3

from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings

FIELDS = ["client", "creditcard", "product", "ean", "price", "clientPosition", "store", "dateTime"]
SHELF = {
    int(row["EAN"]): (row["Product Name"], float(round(Decimal(row["Price"]) * Decimal("1.2"), 2)))
    for row in csv.DictReader(
        files("coleta.demo_api").joinpath("products.csv").read_text(encoding="utf-8").splitlines()
    )
}


def get(http: urllib3.PoolManager, url: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    answer = http.request("GET", url)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    return json.loads(answer.data)


def test_the_root_greets(shop: str, http: urllib3.PoolManager) -> None:
    assert get(http, f"{shop}/") == "Coca-Cola me patrocina!"


def test_one_purchase_comes_as_a_list_of_one(shop: str, http: urllib3.PoolManager) -> None:
    assert len(get(http, f"{shop}/gerar_compra")) == 1


@pytest.mark.parametrize("n", [1, 2, 50, 10_000, 10_001, 20_000])
def test_as_many_purchases_come_as_were_asked_for(n: int, shop: str, http: urllib3.PoolManager) -> None:
    purchases = get(http, f"{shop}/gerar_compras/{n}")

    assert len(purchases) == n
    assert len({purchase["dateTime"] for purchase in purchases}) == n


def test_a_purchase_has_the_tutorials_fields_in_order_and_of_their_types(shop: str, http: urllib3.PoolManager) -> None:
    for purchase in get(http, f"{shop}/gerar_compras/50"):
        assert list(purchase) == FIELDS
        assert {name: type(value) for name, value in purchase.items()} == {
            "client": str,
            "creditcard": str,
            "product": str,
            "ean": int,
            "price": float,
            "clientPosition": list,
            "store": int,
            "dateTime": str,
        }
        assert purchase["store"] == 11
        assert datetime.fromisoformat(purchase["dateTime"]).utcoffset() == timedelta(0)


def test_a_position_is_a_place_on_land(shop: str, http: urllib3.PoolManager) -> None:
    for purchase in get(http, f"{shop}/gerar_compras/50"):
        latitude, longitude, place, country, zone = purchase["clientPosition"]
        assert -90 <= float(latitude) <= 90
        assert -180 <= float(longitude) <= 180
        assert place
        assert len(country) == 2
        assert "/" in zone


def test_every_product_of_the_shelf_is_sold_at_its_price_times_1_2(shop: str, http: urllib3.PoolManager) -> None:
    purchases = get(http, f"{shop}/gerar_compras/10000")

    assert {p["ean"]: (p["product"], p["price"]) for p in purchases} == SHELF


def test_answers_vary(shop: str, http: urllib3.PoolManager) -> None:
    first, second = (get(http, f"{shop}/gerar_compras/50") for _ in range(2))

    assert first != second
    assert len({p["client"] for p in first + second}) > 80
    assert len({p["clientPosition"][2] for p in first + second}) > 70
    assert len({p["creditcard"] for p in first + second}) > 3


def test_ten_thousand_purchases_take_less_than_a_second(shop: str, http: urllib3.PoolManager) -> None:
    before = time.monotonic()
    http.request("GET", f"{shop}/gerar_compras/10000")

    assert time.monotonic() - before < 1


def test_an_answer_of_one_piece_tells_its_length_and_a_longer_one_is_streamed(
    shop: str, http: urllib3.PoolManager
) -> None:
    short, long = (http.request("GET", f"{shop}/gerar_compras/{n}") for n in (10_000, 10_001))

    assert short.headers["Content-Length"] == str(len(short.data))
    assert "Content-Length" not in long.headers
    assert long.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize("n", ["0", "-1", "1000001", "abc", "1.5", "9" * 5000, "%20", "1e3", "50;"])
def test_a_number_that_cannot_be_served_is_400_with_an_error_that_names_n(
    n: str, shop: str, http: urllib3.PoolManager
) -> None:
    answer = http.request("GET", f"{shop}/gerar_compras/{n}")

    assert answer.status == 400
    error = json.loads(answer.data)["error"]
    assert error.startswith("n is ")
    assert len(error) < 200


def test_the_error_says_the_bounds(shop: str, http: urllib3.PoolManager) -> None:
    too_few, too_many = (http.request("GET", f"{shop}/gerar_compras/{n}") for n in (0, 1_000_001))

    assert json.loads(too_few.data)["error"].endswith("greater than or equal to 1")
    assert json.loads(too_many.data)["error"].endswith("less than or equal to 1000000")


def test_the_documentation_describes_a_purchase_and_the_faults(shop: str, http: urllib3.PoolManager) -> None:
    page = http.request("GET", f"{shop}/docs")
    description = get(http, f"{shop}/openapi.json")

    assert page.status == 200
    assert b"swagger" in page.data
    assert list(description["components"]["schemas"]["Purchase"]["properties"]) == FIELDS
    several = description["paths"]["/gerar_compras/{n}"]["get"]
    (example,) = several["responses"]["200"]["content"]["application/json"]["example"]
    assert list(example) == FIELDS
    assert set(several["responses"]) == {"200", "400", "429", "500", "default"}
    assert several["parameters"][0]["schema"]["maximum"] == 1_000_000


REQUESTS = ["gerar_compra", "gerar_compras/0", "gerar_compras/50", "gerar_compras/7", "gerar_compras/3?fault=broken"]
FAULTY = Settings(seed=5, rate_429=0.2, rate_500=0.2, rate_error_answer=0.1, rate_error_purchase=0.1, rate_broken=0.1)


def answers(http: urllib3.PoolManager, settings: Settings) -> list[tuple[int, bytes]]:
    with serve_in_background(settings) as url:
        given = [http.request("GET", f"{url}/{path}") for path in REQUESTS * 4]
    return [(answer.status, answer.data) for answer in given]


def test_the_same_seed_and_requests_give_the_same_answers_faults_included(http: urllib3.PoolManager) -> None:
    assert answers(http, FAULTY) == answers(http, FAULTY)


def test_another_seed_gives_other_answers(http: urllib3.PoolManager) -> None:
    assert answers(http, Settings(seed=1)) != answers(http, Settings(seed=2))


def test_fault_switches_change_no_purchase_that_they_do_not_befall(http: urllib3.PoolManager) -> None:
    healthy = answers(http, Settings(seed=5))
    faulty = answers(http, Settings(seed=5, rate_429=0.3, rate_500=0.2))

    assert {status for status, _ in faulty} == {200, 400, 429, 500}
    for whole, other in zip(healthy, faulty, strict=True):
        # The last request of each round asks for broken records, whose kinds are drawn apart.
        assert other[0] in (429, 500) or other == whole


def test_without_a_seed_answers_differ_at_each_start_and_tell_the_time_of_day(http: urllib3.PoolManager) -> None:
    clients = []
    for _ in range(2):
        with serve_in_background(Settings()) as url:
            before = datetime.now(UTC)
            purchases = get(http, f"{url}/gerar_compras/20")
            after = datetime.now(UTC) + timedelta(milliseconds=1)
        clients.append([purchase["client"] for purchase in purchases])
        assert before <= datetime.fromisoformat(purchases[0]["dateTime"]) <= after

    assert clients[0] != clients[1]


def test_with_a_seed_each_request_comes_a_second_later(http: urllib3.PoolManager) -> None:
    with serve_in_background(Settings(seed=5)) as url:
        seen = [get(http, f"{url}/gerar_compras/2")[1]["dateTime"] for _ in range(2)]

    assert seen == ["2025-01-01T00:00:00.000001+00:00", "2025-01-01T00:00:01.000001+00:00"]


def test_the_clock_can_be_handed_in(http: urllib3.PoolManager) -> None:
    def clock(number: int) -> datetime:
        return datetime(2031, 5, 1 + number, tzinfo=UTC)

    with serve_in_background(Settings(seed=5), clock=clock) as url:
        seen = [get(http, f"{url}/gerar_compra")[0]["dateTime"] for _ in range(2)]

    assert seen == ["2031-05-01T00:00:00.000000+00:00", "2031-05-02T00:00:00.000000+00:00"]
