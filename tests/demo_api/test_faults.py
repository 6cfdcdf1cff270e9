from __future__ import annotations

import json
import logging
import socket
import time
from collections import Counter
from random import Random
from urllib.parse import urlsplit

import pytest
import urllib3

from coleta.demo_api.faults import BREAKS, Fate, fate
from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Fault, Settings
from coleta.errors import Misconfigured


def raw_answer(url: str) -> tuple[dict[str, str], bytes]:
    """Everything the server sends until it closes the connection, by hand."""
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=10) as wire:
        wire.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
        received = b"".join(iter(lambda: wire.recv(65536), b""))
    head, body = received.split(b"\r\n\r\n", 1)
    fields = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
    return {name.lower(): value for name, value in fields}, body


def keeps_the_contract(record: object) -> bool:
    return (
        isinstance(record, dict)
        and type(record["ean"]) is int
        and type(record["price"]) is float
        and type(record["store"]) is int
        and isinstance(record.get("dateTime"), str)
    )


def test_a_429_says_how_many_seconds_to_wait(shop: str, http: urllib3.PoolManager) -> None:
    answer = http.request("GET", f"{shop}/gerar_compras/5?fault=429")

    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    assert "error" in json.loads(answer.data)


def test_a_500_carries_an_error(shop: str, http: urllib3.PoolManager) -> None:
    answer = http.request("GET", f"{shop}/gerar_compra?fault=500")

    assert answer.status == 500
    assert "error" in json.loads(answer.data)


def test_an_error_answer_is_200_with_an_object_in_place_of_the_list(shop: str, http: urllib3.PoolManager) -> None:
    answer = http.request("GET", f"{shop}/gerar_compras/5?fault=error-answer")

    assert answer.status == 200
    assert list(json.loads(answer.data)) == ["error"]


def test_a_slow_answer_is_whole_but_late(shop: str, http: urllib3.PoolManager) -> None:
    before = time.monotonic()
    answer = http.request("GET", f"{shop}/gerar_compras/5?fault=slow")

    assert time.monotonic() - before >= 0.2
    assert len(json.loads(answer.data)) == 5


@pytest.mark.parametrize("n", [1, 50, 20_000])
def test_a_truncated_answer_promises_more_than_it_sends_and_closes(
    n: int, shop: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        headers, body = raw_answer(f"{shop}/gerar_compras/{n}?fault=truncated")

    assert 0 < len(body) < int(headers["content-length"])
    assert body.startswith(b'[{"client":')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
        json.loads(body.decode(errors="ignore"))
    assert caplog.records == []


def test_an_http_client_notices_a_truncated_answer(shop: str, http: urllib3.PoolManager) -> None:
    with pytest.raises(urllib3.exceptions.ProtocolError):
        http.request("GET", f"{shop}/gerar_compras/50?fault=truncated")


def test_an_error_purchase_has_ean_0_and_price_0_and_keeps_the_contract(shop: str, http: urllib3.PoolManager) -> None:
    for purchase in json.loads(http.request("GET", f"{shop}/gerar_compras/5?fault=error-purchase").data):
        assert (purchase["product"], purchase["ean"], purchase["price"]) == ("error", 0, 0.0)
        assert keeps_the_contract(purchase)


def test_broken_records_break_the_contract_in_every_way_by_turns(shop: str, http: urllib3.PoolManager) -> None:
    records = json.loads(http.request("GET", f"{shop}/gerar_compras/{len(BREAKS)}?fault=broken").data)

    assert not any(keeps_the_contract(record) for record in records)
    shapes = {
        tuple((name, type(value)) for name, value in record.items()) if isinstance(record, dict) else type(record)
        for record in records
    }
    commas = [r for r in records if isinstance(r, dict) and isinstance(r["price"], str) and "," in r["price"]]
    assert len(shapes) == len(BREAKS)
    assert len(commas) == 1


@pytest.mark.parametrize("name", BREAKS)
def test_each_way_to_break_a_record_breaks_it(name: str) -> None:
    record: dict[str, object] = {"ean": 7891667733102, "price": 1.2, "store": 11, "dateTime": "2025-01-01T00:00:00Z"}
    assert keeps_the_contract(record)

    assert not keeps_the_contract(BREAKS[name](record))


def test_an_unknown_fault_is_400_and_names_the_known_ones(shop: str, http: urllib3.PoolManager) -> None:
    answer = http.request("GET", f"{shop}/gerar_compras/5?fault=fire")

    assert answer.status == 400
    error = json.loads(answer.data)["error"]
    assert error.startswith("fault is 'fire'")
    assert all(repr(fault.value) in error for fault in Fault)


def test_a_fault_that_was_asked_for_is_the_only_one(http: urllib3.PoolManager) -> None:
    with serve_in_background(Settings(seed=1, rate_500=1, rate_broken=1)) as url:
        asked = http.request("GET", f"{url}/gerar_compras/5?fault=error-purchase")
        unasked = http.request("GET", f"{url}/gerar_compras/5")

    assert [purchase["ean"] for purchase in json.loads(asked.data)] == [0] * 5
    assert unasked.status == 500


def test_records_are_spoilt_at_their_rates(http: urllib3.PoolManager) -> None:
    with serve_in_background(Settings(seed=1, rate_error_purchase=0.1, rate_broken=0.2)) as url:
        records = json.loads(http.request("GET", f"{url}/gerar_compras/5000").data)

    broken = sum(not keeps_the_contract(record) for record in records)
    errors = sum(keeps_the_contract(record) and record["ean"] == 0 for record in records)
    assert 900 < broken < 1100
    assert 430 < errors < 570


def test_answers_go_wrong_at_their_rates_even_where_these_add_up_to_all() -> None:
    settings = Settings(rate_429=0.1, rate_500=0.2, rate_truncated=0.3, rate_error_answer=0.4, rate_slow=0.5, delay_s=7)
    random = Random("rates")

    fates = [fate(settings, random) for _ in range(10_000)]

    share = {fault: number / 10_000 for fault, number in Counter(one.fault for one in fates).items()}
    assert share == {
        Fault.TOO_MANY_REQUESTS: pytest.approx(0.1, abs=0.02),
        Fault.SERVER_ERROR: pytest.approx(0.2, abs=0.02),
        Fault.TRUNCATED: pytest.approx(0.3, abs=0.02),
        Fault.ERROR_ANSWER: pytest.approx(0.4, abs=0.02),
    }
    assert Counter(one.delay_s for one in fates)[7] == pytest.approx(5_000, abs=200)


def test_without_switches_nothing_goes_wrong() -> None:
    random = Random("healthy")

    assert {fate(Settings(), random) for _ in range(1_000)} == {Fate(0.0, None)}


@pytest.mark.parametrize(
    ("switches", "named"),
    [
        ({"rate_500": 1.1}, "rate_500 is 1.1"),
        ({"rate_slow": -0.1}, "rate_slow is -0.1"),
        ({"rate_broken": float("nan")}, "rate_broken is nan"),
        ({"rate_429": 0.6, "rate_500": 0.6}, "rate_429 + rate_500"),
        ({"rate_error_purchase": 0.6, "rate_broken": 0.6}, "rate_error_purchase + rate_broken"),
        ({"delay_s": -1}, "delay_s is -1"),
        ({"delay_s": float("inf")}, "delay_s is inf"),
        ({"retry_after_s": -1}, "retry_after_s is -1"),
    ],
)
def test_a_switch_that_cannot_be_obeyed_is_refused_by_name(switches: dict[str, float], named: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Settings.of(switches)

    assert named in refused.value.what


def test_all_wrong_switches_are_named_at_once() -> None:
    with pytest.raises(Misconfigured) as refused:
        Settings(rate_500=2, delay_s=-1)

    assert "rate_500" in refused.value.what
    assert "delay_s" in refused.value.what


def test_the_books_count_whole_answers_and_their_records_only(http: urllib3.PoolManager) -> None:
    with serve_in_background(Settings(seed=1)) as url:
        for path in ("gerar_compra", "gerar_compras/5", "gerar_compras/3?fault=broken", "gerar_compras/10001"):
            http.request("GET", f"{url}/{path}")
        for path in ("gerar_compras/0", "gerar_compra?fault=500", "gerar_compra?fault=error-answer"):
            http.request("GET", f"{url}/{path}")
        raw_answer(f"{url}/gerar_compras/5?fault=truncated")
        books = json.loads(http.request("GET", f"{url}/_books").data)

    assert books == {"answers": 4, "purchases": 1 + 5 + 3 + 10_001}


def test_an_answer_whose_client_went_away_is_not_in_the_books(http: urllib3.PoolManager) -> None:
    with serve_in_background(Settings(seed=1, delay_s=0.3)) as url:
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            http.request("GET", f"{url}/gerar_compra?fault=slow", timeout=0.1)
        # Asked later and as slow, so it is answered after the first one would have been.
        http.request("GET", f"{url}/gerar_compras/5?fault=slow")
        books = json.loads(http.request("GET", f"{url}/_books").data)

    assert books == {"answers": 1, "purchases": 5}
