from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.paging import Next
from coleta.collect.request import Question, Request, first_request, is_window, page_request, redacted_url, with_params
from coleta.collect.tick import Interval
from coleta.paging import Cursor, NextLink, PageNumber
from coleta.stream import Hidden, SecretRef, Source

TICK = Interval(datetime(2026, 11, 24, 11, 55, tzinfo=UTC), datetime(2026, 11, 24, 12, tzinfo=UTC))
URL = "http://127.0.0.1:8000/gerar_compras/50"


def test_a_plain_source_is_asked_as_it_is_written() -> None:
    source = Source(URL, method="POST", headers=(("Accept", "text/csv"),), verify_tls=False)

    assert first_request(source, Question(TICK)) == Request(URL, "POST", (("Accept", "text/csv"),), verify_tls=False)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://api.example", "https://api.example/"),
        ("https://api.example?a=1", "https://api.example/?a=1"),
        ("https://api.example/x?a=1#part", "https://api.example/x?a=1"),
    ],
)
def test_a_url_gets_a_path_and_loses_its_fragment(url: str, asked: str) -> None:
    assert first_request(Source(url), Question(TICK)).url == asked


def test_parameters_follow_those_of_the_url_and_are_quoted() -> None:
    source = Source(URL + "?a=1", params=(("loja", "São Paulo"), ("q", "a&b=c"), ("loja", "2")))

    assert first_request(source, Question(TICK)).url == URL + "?a=1&loja=S%C3%A3o%20Paulo&q=a%26b%3Dc&loja=2"


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{tick.start}", "2026-11-24T11%3A55%3A00Z"),
        ("{tick.end}", "2026-11-24T12%3A00%3A00Z"),
        ("{tick.end:unix}", "1795521600"),
        ("{tick.end:%Y-%m-%d}", "2026-11-24"),
        ("{tick.end:%d/%m/%Y}", "24%2F11%2F2026"),
        ("{tick.middle}", "{tick.middle}"),
    ],
)
def test_the_tick_fills_its_place_in_the_url_and_in_parameters(template: str, filled: str) -> None:
    in_url = first_request(Source(f"{URL}?at={template}"), Question(TICK)).url
    in_parameter = first_request(Source(URL, params=(("at", template),)), Question(TICK)).url

    assert in_url == f"{URL}?at={filled}"
    assert in_parameter == f"{URL}?at={filled.replace('{', '%7B').replace('}', '%7D')}"


def test_a_source_that_names_the_tick_is_a_window_and_another_is_not() -> None:
    assert is_window(Source(URL + "?since={tick.start}"))
    assert is_window(Source(URL, params=(("until", "{tick.end:unix}"),)))
    assert not is_window(Source(URL, params=(("page", "{page}"),)))


def test_pages_are_asked_by_number_from_the_first_one() -> None:
    paging = PageNumber(param="p", first=0, size_param="per_page", size=100)
    source = Source(URL, params=(("a", "1"),), paging=paging)

    assert first_request(source, Question(TICK)).url == URL + "?a=1&p=0&per_page=100"
    assert page_request(source, Question(TICK), Next(7)).url == URL + "?a=1&p=7&per_page=100"


def test_a_page_size_is_asked_for_only_where_both_its_name_and_number_are_known() -> None:
    paging = PageNumber(size=100)

    assert page_request(Source(URL, paging=paging), Question(TICK), Next(2)).url == URL + "?page=2"


def test_the_redacted_form_shows_neither_secrets_nor_unknown_headers() -> None:
    request = Request(
        "https://u:canary@api.example:8443/x?api_key=canary&page=2&Session-Id=canary",
        headers=(("Accept", "text/csv"), ("Authorization", SecretRef("env:TOKEN")), ("X-Tenant", "canary")),
    )

    assert request.redacted() == {
        "method": "GET",
        "url": "https://api.example:8443/x?api_key=***&page=2&Session-Id=***",
        "headers": {"Accept": "text/csv", "Authorization": "***", "X-Tenant": "***"},
    }


def test_a_reference_to_a_secret_is_not_shown_even_in_a_harmless_header() -> None:
    request = Request(URL, headers=(("User-Agent", SecretRef("env:AGENT")),))

    assert request.redacted()["headers"] == {"User-Agent": "***"}


@pytest.mark.parametrize("url", ["http://[canary/", "http://user:canary/", "http://h:canary@[::1/"])
def test_of_what_is_no_url_nothing_is_shown(url: str) -> None:
    assert redacted_url(url) == "***"


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    assert isinstance(redacted_url(text), str)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=50))
def test_a_parameter_with_any_value_is_one_parameter(value: str) -> None:
    url = first_request(Source(URL, params=(("q", value),)), Question(TICK)).url

    assert url.isascii()
    assert url.count("&") == 0
    assert not set(url.removeprefix(URL + "?q=")) & set(" #?=+<>\"'\r\n")


def test_a_cursor_is_sent_and_never_shown() -> None:
    source = Source(URL, params=(("a", "1"),), paging=Cursor(param="after", size_param="n", size=5))

    request = page_request(source, Question(TICK), Next(2, "canary"))

    assert request.url == URL + "?a=1&n=5"
    assert request.params == (("after", Hidden("canary")),)
    assert request.shown == URL + "?a=1&n=5&after=***"
    assert "canary" not in repr(request)


def test_a_link_to_a_page_is_asked_as_it_is() -> None:
    source = Source(URL, params=(("a", "1"),), paging=NextLink(size_param="n", size=5))

    assert first_request(source, Question(TICK)).url == URL + "?a=1&n=5"
    assert page_request(source, Question(TICK), Next(2, URL + "?b=2")).url == URL + "?b=2"


def test_a_parameter_that_a_url_has_already_is_not_added() -> None:
    assert with_params("http://h/x?a=1", [("a", "2"), ("b", "ü&")]) == "http://h/x?a=1&b=%C3%BC%26"
