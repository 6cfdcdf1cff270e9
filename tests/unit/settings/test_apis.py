"""What the streams of one API share: what each has of it, what counts, and what is told of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.paging import Cursor, PageNumber
from coleta.settings import PROJECT_FILE, load_project
from coleta.settings.effective import effective
from coleta.settings.project import Project
from coleta.stream import SecretRef, Stream

SHARED = """version = 1
project = "p"
[store.lake]
url = "file://./lake"
[api.shop]
url = "https://api.test/v2/"
headers = { Authorization = "env:TOKEN", X-Tenant = "a" }
params = { limit = 10, lang = "pt" }
pages = { kind = "cursor", next = "next", param = "after" }
timeout = "7s"
verify_tls = false
[stream.s]
every = "1h"
contract = { id = "int" }
records = "data"
"""
OF_SHOP = SHARED + 'api = "shop"\n'


def load(folder: Path, text: str) -> Project:
    (folder / PROJECT_FILE).write_text(text, encoding="utf-8")
    return load_project(folder, environment={})


def stream(folder: Path, lines: str) -> Stream:
    (only,) = load(folder, OF_SHOP + lines).streams
    return only


def test_a_stream_has_what_its_api_says(tmp_path: Path) -> None:
    source = stream(tmp_path, 'endpoint = "/orders?kind=sale&at={tick.end}"').source

    assert source.url == "https://api.test/v2/orders?kind=sale&at={tick.end}"
    assert source.headers == (("Authorization", SecretRef("env:TOKEN")), ("X-Tenant", "a"))
    assert source.params == (("limit", "10"), ("lang", "pt"))
    assert source.paging == Cursor("after", next=("next",))
    assert source.timeout.total_seconds() == 7
    assert not source.verify_tls


def test_what_a_stream_says_itself_counts(tmp_path: Path) -> None:
    lines = """endpoint = "orders"
        headers = { x-tenant = "b" }
        params = { lang = "en" }
        pages = { kind = "page_number" }
        timeout = "9s"
        verify_tls = true"""

    source = stream(tmp_path, lines).source

    assert source.url == "https://api.test/v2/orders"
    assert source.headers == (("Authorization", SecretRef("env:TOKEN")), ("x-tenant", "b"))
    assert source.params == (("limit", "10"), ("lang", "en"))
    assert source.paging == PageNumber()
    assert source.timeout.total_seconds() == 9
    assert source.verify_tls


@pytest.mark.parametrize(
    ("endpoint", "url"), [("", "https://api.test/v2/"), ('endpoint = "?a=b"', "https://api.test/v2/?a=b")]
)
def test_an_endpoint_may_be_nothing_or_a_query(endpoint: str, url: str, tmp_path: Path) -> None:
    assert stream(tmp_path, endpoint).source.url == url


def test_a_stream_that_names_no_api_has_nothing_of_it(tmp_path: Path) -> None:
    (only,) = load(tmp_path, SHARED + 'url = "http://h/x"').streams

    assert only.source.headers == ()


@pytest.mark.parametrize(
    ("lines", "key", "what"),
    [
        ('api = "shop"\nurl = "http://h/x"', "stream.s.url", "comes from [api.shop]"),
        ('api = "shap"', "stream.s.api", "there is no [api.shap]; did you mean 'shop'?"),
        ('url = "http://h/x"\nendpoint = "/x"', "stream.s.endpoint", "comes behind the URL of an API"),
        ('api = "shop"\nendpoint = "http://evil.test/"', "stream.s.endpoint", "comes behind the API's URL"),
        ('api = "shop"\nendpoint = "/{tick.ende}"', "stream.s.endpoint", "unknown placeholder {tick.ende}"),
        ('api = "shop"\nparams = { after = 1 }', "stream.s.params.after", "is set by pages"),
        ('api = "shop"\n[api.shop2]\nurl = "http://h/?a=b"', "api.shop2.url", "what follows ? goes into params"),
        ('api = "shop"\n[api.shop2]\nurll = "http://h/"', "api.shop2.urll", "unknown key 'urll'; did you mean 'url'?"),
        ('api = "shop"\n[api.shop2]\nauth = "x"', "api.shop2.url", "missing"),
        ('api = "shop"\n[api.Shop]\nurl = "http://h/"', "api.Shop", "a name must begin with a to z"),
    ],
)
def test_a_mistake_is_told_once_with_its_key(lines: str, key: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path, SHARED + lines)

    assert f"{key}: {what}" in caught.value.what
    assert "\n" not in caught.value.what


def test_what_takes_effect_is_shown_with_the_line_that_it_comes_from(tmp_path: Path) -> None:
    project = load(tmp_path, OF_SHOP + 'endpoint = "/orders?token=canary"\nheaders = { X-Tenant = "b" }')
    found = {one.keys: one for one in effective(project, {})}

    assert found["stream", "s", "timeout"].where == "coleta.toml:10"
    assert found["stream", "s", "timeout"].value == "7s"
    assert found["stream", "s", "params", "limit"].where == "coleta.toml:8"
    assert found["stream", "s", "headers", "Authorization"].secret == "nowhere"
    assert found["stream", "s", "headers", "X-Tenant"].where == "coleta.toml:18"
    assert found["stream", "s", "pages", "kind"].value == "cursor"
    assert found["stream", "s", "url"].value == "https://api.test/v2/orders?token=***"
    assert found["api", "shop", "headers", "Authorization"].value == "env:TOKEN"
    assert "canary" not in str(found)
