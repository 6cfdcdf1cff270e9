"""Where things are: URLs that can be asked, and paths that stay in their store."""

import pytest

from coleta.settings.addresses import check_path, check_url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/gerar_compras/50",
        "https://api.example.com",
        "https://[::1]:8443/x?y=1",
        "HTTPS://api.example.com/água",
        "https://h/{tick.start}/{tick.end:unix}?d={tick.end:%Y-%m-%dT%H:%M:%S}",
        "https://h/{tick.start:%Y/%m/%d}/x",
    ],
)
def test_a_url_that_can_be_asked_is_kept_as_it_is(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("api.example.com/x", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("ftp://h/x", "must begin with"),
        ("https://", "names no host"),
        ("https:///x", "names no host"),
        ("https://:80/x", "names no host"),
        ("https://h:port/x", "is no URL"),
        ("https://h:99999/x", "is no URL"),
        ("https://[::1/x", "is no URL"),
        ("https://ana@h/x", "holds credentials"),
        ("https://ana:senha@h/x", r"env:NAME"),
        ("https://h/x#top", "never reaches the server"),
        ("https://h/x#", "never reaches the server"),
        ("https://h/a b", "no spaces"),
        ("https://h/a\nb", "no spaces"),
        ("https://{tick.start}/x", "cannot depend on the tick"),
        ("https://h/{tick.begin}", r"unknown placeholder \{tick.begin\}; "),
        ("https://h/{tick.strat}", r"did you mean \{tick.start\}\?"),
        ("https://h/{end}", r"did you mean \{tick.end\}\?"),
        ("https://h/{now}", r"there is \{tick.start\}, \{tick.end\} and \{cursor\}"),
        ("https://h/{}", "unknown placeholder"),
        ("https://h/{tick.end", "without its other half"),
        ("https://h/tick.end}", "without its other half"),
        ("https://h/{tick.end:}", "the form after"),
        ("https://h/{tick.end:iso}", "the form after"),
        ("https://h/{tick.end:%Q}", "the form after"),
        ("https://h/{tick.end:%Y%}", "the form after"),
    ],
)
def test_a_url_that_cannot_be_asked_is_refused_with_the_reason(url: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        check_url(url)


@pytest.mark.parametrize("path", ["compras", "raw/v1.0/city=sp", "A-b_c", "...", "x/..y"])
def test_a_plain_relative_path_is_kept(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc", "..", "a/..", "../a", "a/../b", ".", "a/./b", "a//b", "a/", "a b", "á", "a\\b", "a\n", "~"],
)
def test_a_path_that_is_not_plain_or_leads_out_of_the_store_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|letters"):
        check_path(path)


def test_the_stores_own_folder_is_no_place_for_a_stream() -> None:
    with pytest.raises(ValueError, match="_coleta"):
        check_path("_coleta/probe")
