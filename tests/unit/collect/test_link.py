"""Links to a next page: which of a header's is meant, and where one may lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.link import NotToBeAsked, linked, next_page_url, origin

ASKED = "https://api.test/v1/orders?page=1"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('<https://api.test/?page=2>; rel="next"', "https://api.test/?page=2"),
        ("</a>; rel=prev, </b>; rel=next, </c>; rel=last", "/b"),
        ('</a?x=1,2;3>;title="a, b; rel=next";rel="last", </b>;REL="last  NEXT"', "/b"),
        ('</a>; rel="prev"; rel="next"', None),
        ("</a>; rel=nextish", None),
        ("rel=next", None),
        ("<" * 50_000, None),
        ("<a>" + " " * 50_000 + ";", None),
    ],
)
def test_the_link_of_the_relation_is_found(value: str, found: str | None) -> None:
    assert linked([value], "next") == found


def test_links_may_stand_in_several_headers() -> None:
    assert linked(["</a>; rel=prev", "</b>; rel=next"], "next") == "/b"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("?page=2", "https://api.test/v1/orders?page=2"),
        ("items?page=2#top", "https://api.test/v1/items?page=2"),
        ("/v2", "https://api.test/v2"),
        ("https://API.test:443/v2", "https://api.test/v2"),
        (" //api.test/v2\n", "https://api.test/v2"),
        # An API behind a proxy that ends TLS: asked by https all the same.
        ("http://api.test/v2?a=b", "https://api.test/v2?a=b"),
    ],
)
def test_a_link_leads_to_the_server_that_gave_it(link: str, url: str) -> None:
    assert next_page_url(ASKED, link) == url


@pytest.mark.parametrize(
    "link",
    [
        "https://api.test.evil.test/",
        "https://api.test:8443/",
        "http://api.test:8080/",
        "https://u:p@api.test/",
        "https://api.test\\.evil.test/",
        "https://api.test\\@evil.test/",
        "//evil.test/",
        "javascript:alert(1)",
        "https://[::1",
        "https://api.test:port/",
        "/" + "x" * 9_000,
    ],
)
def test_a_link_to_anywhere_else_is_not_asked(link: str) -> None:
    with pytest.raises(NotToBeAsked):
        next_page_url(ASKED, link)


@given(st.text())
def test_whatever_a_link_is_it_leads_to_the_server_that_gave_it_or_nowhere(link: str) -> None:
    try:
        url = next_page_url(ASKED, link)
    except NotToBeAsked:
        return
    assert origin(url) == origin(ASKED)
