"""A real bucket's lifecycle rules, asked for by a signed request of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.s3.service import ADMIN, S3Service

from coleta.adapters.http import HttpTransport
from coleta.adapters.s3_lifecycle import harmful_rules_of
from coleta.demo_api.seaweedfs import Login
from coleta.stream import Store

RULES = """<LifecycleConfiguration><Rule><ID>tidy</ID><Status>Enabled</Status>
<Filter><Prefix>lake/</Prefix></Filter><Expiration><Days>3650</Days></Expiration></Rule></LifecycleConfiguration>"""


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    with closing(HttpTransport(secrets=str, now=lambda: datetime.now(UTC))) as made:
        yield made


def asked(s3: S3Service, transport: HttpTransport, beginning: str, *, login: Login = ADMIN) -> list[str] | str:
    return harmful_rules_of(
        Store("s3://lake/lake"),
        beginning,
        environment=lambda: s3.environment(login),
        folder=Path(),
        transport=transport,
        now=datetime.now(UTC),
    )


def test_the_rules_of_a_bucket_that_reach_the_log_are_told(s3: S3Service, transport: HttpTransport) -> None:
    assert asked(s3, transport, "lake/compras/") == []
    with s3.with_rules(RULES):
        assert asked(s3, transport, "lake/compras/") == ["the rule 'tidy' deletes what begins with 'lake/'"]
        assert asked(s3, transport, "elsewhere/compras/") == []
    assert asked(s3, transport, "lake/compras/") == []


def test_who_is_refused_is_told_what_it_needs_and_no_secret_is_shown(s3: S3Service, transport: HttpTransport) -> None:
    wrong = Login(ADMIN.access_key, "canary-that-is-wrong")

    assert asked(s3, transport, "lake/", login=wrong) == "it needs s3:GetLifecycleConfiguration on the bucket"
