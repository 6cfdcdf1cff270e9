"""The outside thing, a bucket's lifecycle rules: one signed request, since obstore knows none for them. Read-only."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.s3_bucket import Bucket
from coleta.adapters.s3_credentials import Keys, find_keys
from coleta.audit.lifecycle import harmful_rules
from coleta.collect.request import Request
from coleta.collect.response import Response
from coleta.errors import Corrupt
from coleta.ports import Transport
from coleta.stream import Hidden, Store

_TIMEOUT = timedelta(seconds=10)
_MOST_BYTES = 1 << 20
"""A thousand rules, the most that a bucket may have, with room to spare."""

_ANYWHERE = ("0.0.0.0/0", "::/0")


def harmful_rules_of(
    store: Store, beginning: str, *, environment: Environment, folder: Path, transport: Transport, now: datetime
) -> list[str] | str:
    """The rules of the bucket of `store` that would take objects whose names begin with `beginning`.

    Or, as a text, why that cannot be told.
    """
    name = store.url.removeprefix("s3://").partition("/")[0]
    bucket = Bucket(store, name, environment=environment, folder=folder)
    keys = find_keys(store, environment, folder)
    if keys is None:
        return "this needs keys, and here a service logs in"
    url = f"{bucket.base}/{quote(name)}" if store.path_style else f"{bucket.base}/"
    headers = signed("GET", url, keys, region=bucket.region, now=now)
    # The person who wrote the store's address meant it, wherever it leads; the store itself is reached so, too.
    request = Request(f"{url}?lifecycle=", headers=headers, allow_addresses=_ANYWHERE)
    came = transport.exchange(request, timeout=_TIMEOUT, max_bytes=_MOST_BYTES)
    if not isinstance(came, Response):
        return f"the store did not answer: {came.detail}"
    if came.status == 404:
        return []  # no rules; a bucket that is missing the probe has told of
    if came.status == 403:
        return "it needs s3:GetLifecycleConfiguration on the bucket"
    if came.status != 200:
        return f"the store answers {came.status}"
    try:
        return [str(rule) for rule in harmful_rules(came.body) if rule.reaches(beginning)]
    except Corrupt as error:
        return error.what


def signed(
    method: str, url: str, keys: Keys, *, region: str, now: datetime, body: bytes = b"", query: str = "lifecycle="
) -> tuple[tuple[str, str | Hidden], ...]:
    """The headers that AWS's Signature Version 4 asks for, for a request of `url` with `query`."""
    parts = urlsplit(url)
    instant, digest = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(body).hexdigest()
    scope = f"{instant[:8]}/{region}/s3/aws4_request"
    usual = parts.port in (None, {"http": 80, "https": 443}[parts.scheme])
    host = (parts.hostname or "") + ("" if usual else f":{parts.port}")
    told = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": instant}
    if keys.token is not None:
        told["x-amz-security-token"] = keys.token
    names = ";".join(told)
    lines = "".join(f"{name}:{value}\n" for name, value in told.items())
    canonical = f"{method}\n{parts.path}\n{query}\n{lines}\n{names}\n{digest}"
    to_sign = f"AWS4-HMAC-SHA256\n{instant}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    who = f"Credential={keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    token = () if keys.token is None else (("x-amz-security-token", Hidden(keys.token)),)
    shown = (("x-amz-content-sha256", digest), ("x-amz-date", instant))
    return (*shown, *token, ("authorization", Hidden(f"AWS4-HMAC-SHA256 {who}")))
