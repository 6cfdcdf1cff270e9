"""Which redirects may be followed (FAULTS.md A 20)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coleta.collect.redirect import next_url
from coleta.collect.request import Request
from coleta.collect.response import Response

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
URL = "https://api.example.com/v1/orders?page=1"


def led(location: str | None, *, status: int = 302, method: str = "GET", url: str = URL) -> str | None:
    headers = () if location is None else (("location", location),)
    request = Request(url, method=method, redirects="same_origin")
    return next_url(request, Response(status, headers, b"", b"", None, NOW, NOW))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/orders", "https://api.example.com/v2/orders"),
        ("items?page=1", "https://api.example.com/v1/items?page=1"),
        ("https://api.example.com/v2", "https://api.example.com/v2"),
        ("https://API.example.com:443/v2#top", "https://API.example.com:443/v2"),
        ("//api.example.com/v2", "https://api.example.com/v2"),
    ],
)
def test_a_redirect_to_the_same_origin_is_followed_where_the_request_allows_it(
    status: int, location: str, url: str
) -> None:
    assert led(location, status=status) == url
    plain = Request(URL)
    assert next_url(plain, Response(status, (("location", location),), b"", b"", None, NOW, NOW)) is None


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/v2", "http://api.example.com/v2", "https://api.example.com:8443/v2", "//evil.example/",
        "https://user:pass@api.example.com/v2", "https://api.example.com@evil.example/", "ftp://api.example.com/", "",
        "https://api.example.com.evil.example/", "https://[::1", "https://api.example.com:port/", None, "javascript:x",
    ],
)  # fmt: skip
def test_a_redirect_to_anywhere_else_is_not(location: str | None) -> None:
    assert led(location) is None


def test_neither_is_one_from_http_to_https_which_is_another_port() -> None:
    assert led("https://api.example.com/", url="http://api.example.com/") is None


def test_a_request_that_may_change_something_is_not_sent_elsewhere() -> None:
    assert led("/v2", method="POST") is None


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 404])
def test_only_a_redirect_is_one(status: int) -> None:
    assert led("/v2", status=status) is None
