"""``[auth.NAME]``: sound tables become values, and each mistake is named without showing a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.settings import PROJECT_FILE, load_project
from coleta.settings.effective import effective
from coleta.stream import Auth, SecretRef, Stream

FILE = """\
version = 1
project = "p"
[store.lake]
url = "file://./lake"
[stream.s]
url = "https://api.example.com/v1"
every = "1h"
contract = { id = "int" }
"""
URL = 'token_url = "https://login.example.com/token"\n'
GOOD = f'auth = "erp"\n[auth.erp]\n{URL}client_id = "me"\nclient_secret = "env:S"\n'


def load(folder: Path, lines: str) -> Stream:
    (folder / PROJECT_FILE).write_text(FILE + lines, encoding="utf-8")
    (only,) = load_project(folder, environment={}).streams
    return only


def test_a_stream_has_the_auth_that_it_names(tmp_path: Path) -> None:
    assert load(tmp_path, "").source.auth is None
    assert load(tmp_path, GOOD).source.auth == Auth(
        "erp", "https://login.example.com/token", "me", SecretRef("env:S")
    )  # fmt: skip
    more = GOOD + 'refresh_token = "file:r"\nscope = "a b"\naudience = "x"\nstyle = "body"\n'
    auth = load(tmp_path, more.replace('"me"', '"env:ID"')).source.auth
    assert auth is not None
    assert auth.client_id == SecretRef("env:ID")
    assert auth.refresh_token == SecretRef(f"file:{tmp_path}/r")
    assert (auth.scope, auth.audience, auth.style) == ("a b", "x", "body")


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ('auth = "epr"\n' + GOOD.partition("\n")[2], "there is no [auth.epr]; did you mean 'erp'?"),
        ('headers = { authorization = "env:X" }\n' + GOOD, "is set by auth; leave it out here"),
        (GOOD.replace("https://login", "http://login"), "must begin with https://"),
        (GOOD.replace("/token", "/{tick.end}"), "a token is of no tick"),
        (GOOD.replace(URL, ""), "where is a token asked for?"),
        (GOOD.replace('client_id = "me"\n', ""), "auth.erp.client_id: missing"),
        (GOOD.replace('client_secret = "env:S"\n', ""), 'write client_secret = "env:NAME", or refresh_token'),
        (GOOD.replace('"env:S"', '"canary"'), "not what it is"),
        (GOOD + 'refresh_token = "canary"\n', "not what it is"),
        (GOOD + 'grant = "x"\n', "unknown key 'grant'"),
        (GOOD.replace("[auth.erp]", "[auth.Erp]").replace('"erp"', '"Erp"'), "a name must begin with a to z"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, lines: str, what: str) -> None:
    with pytest.raises(Misconfigured) as told:
        load(tmp_path, lines)

    assert what in str(told.value)
    assert "canary" not in str(told.value)


def test_an_auth_is_shown_as_it_takes_effect_without_a_secret(tmp_path: Path) -> None:
    load(tmp_path, GOOD.replace('"me"', '"canary"').replace("/token", "/token?key=canary"))
    project = load_project(tmp_path, environment={})

    shown = {one.keys: one.value for one in effective(project, {}) if one.keys[0] == "auth"}

    assert shown["auth", "erp", "client_secret"] == "env:S"
    assert "canary" not in str(shown)
