"""Stage 1, step 2: what to ask for a tick. Pure: a tick goes in, a request comes out.

A request never holds a secret: a header's value may be a ``SecretRef``, which only the transport
resolves, at the last moment. ``redacted`` is the only form that is logged or stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from coleta.collect.tick import Interval, format_instant
from coleta.stream import PageNumber, SecretRef, SinglePage, Source

_PLACEHOLDER = re.compile(r"\{tick\.(start|end)(?::([^{}]+))?\}")

SHOWN_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent", "if-none-match"})
"""The request headers whose values may be shown; of all others only the names are."""

_SECRET_PARAM = re.compile(r"key|token|secret|passw|auth|sig|credential|session", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for its secrets."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str | SecretRef], ...] = ()
    verify_tls: bool = True

    def redacted(self) -> dict[str, object]:
        """What may be shown: no secret query value, no password, only harmless headers' values."""
        shown = {
            name: value if isinstance(value, str) and name.lower() in SHOWN_HEADERS else "***"
            for name, value in self.headers
        }
        return {"method": self.method, "url": redacted_url(self.url), "headers": shown}


def first_request(source: Source, tick: Interval) -> Request:
    """The request that opens the answer for `tick`."""
    match source.paging:
        case SinglePage():
            return _request(source, tick, ())
        case PageNumber() as paging:
            return page_request(source, tick, paging, paging.first)


def page_request(source: Source, tick: Interval, paging: PageNumber, number: int) -> Request:
    """The request for page `number` of the answer for `tick`."""
    extra = [(paging.param, str(number))]
    if paging.size_param is not None and paging.size is not None:
        extra.append((paging.size_param, str(paging.size)))
    return _request(source, tick, tuple(extra))


def is_window(source: Source) -> bool:
    """Whether the request names the tick's interval, so that what was missed can still be asked for."""
    return any(_PLACEHOLDER.search(text) for text in (source.url, *(value for _, value in source.params)))


def _request(source: Source, tick: Interval, extra: tuple[tuple[str, str], ...]) -> Request:
    url = urlsplit(_fill(source.url, tick, safe=True))
    asked = [(name, _fill(value, tick)) for name, value in source.params]
    query = "&".join(part for part in (url.query, urlencode([*asked, *extra], quote_via=quote)) if part)
    return Request(
        url=urlunsplit((url.scheme, url.netloc, url.path or "/", query, "")),
        method=source.method,
        headers=source.headers,
        verify_tls=source.verify_tls,
    )


def _fill(template: str, tick: Interval, *, safe: bool = False) -> str:
    def value(found: re.Match[str]) -> str:
        instant = tick.start if found[1] == "start" else tick.end
        text = _formatted(instant, found[2])
        return quote(text, safe="") if safe else text

    return _PLACEHOLDER.sub(value, template)


def _formatted(instant: datetime, form: str | None) -> str:
    if form is None:
        return format_instant(instant)
    if form == "unix":
        return str(int(instant.timestamp()))
    return instant.strftime(form)


def is_secret_name(name: str) -> bool:
    """Whether a parameter called `name` may hold a secret, as far as its name tells."""
    return _SECRET_PARAM.search(name) is not None


def redacted_url(url: str) -> str:
    """`url` without a password, and with the values of secret-looking parameters as ``***``.

    Of what is no URL nothing is shown: nobody can tell which part of it is a secret.
    """
    try:
        parts = urlsplit(url)
        # What stands where a port belongs may be a password whose host was forgotten.
        _ = parts.port
    except ValueError:
        return "***"
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{quote(name)}={'***' if is_secret_name(name) else quote(value)}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
