"""Stage 1, step 2: what to ask for a tick. Pure: a tick goes in, a request comes out.

A request made here never holds a secret: a header's value may be a ``SecretRef``, which only the transport
resolves, at the last moment. What was resolved before is ``Hidden``. ``redacted`` is the only form that is logged
or stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from coleta.collect.body import ABSENT, filled, texts, with_member
from coleta.collect.marks import Place, less, order_of
from coleta.collect.paging import Next, opening
from coleta.collect.tick import Interval, format_instant
from coleta.paging import Cursor, NextLink, Offset, PageNumber, Paging, SinglePage
from coleta.stream import Auth, Body, Hidden, Redirects, SecretRef, Source
from coleta.terms import Terms

_PLACEHOLDER = re.compile(r"\{(tick\.start|tick\.end|cursor)(?::([^{}]+))?\}")

SHOWN_HEADERS = frozenset(
    {"accept", "accept-language", "content-type", "user-agent", "if-none-match", "if-modified-since"}
)
"""The request headers whose values may be shown; of all others only the names are."""

_SECRET_PARAM = re.compile(r"key|token|secret|passw|auth|sig|credential|session", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for its secrets.

    ``params`` are added to those of the URL, unless it has one of that name already; they are never shown. ``form`` is
    a body that is secret as a whole, in the form that browsers send (``a=1&b=2``). With ``auth`` it goes out with a
    token.
    """

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str | SecretRef | Hidden], ...] = ()
    params: tuple[tuple[str, SecretRef | Hidden], ...] = ()
    form: Hidden | None = None
    body: Body | None = None
    auth: Auth | None = None
    verify_tls: bool = True
    redirects: Redirects = "refuse"
    allow_addresses: tuple[str, ...] = ()

    def redacted(self) -> dict[str, object]:
        """What may be shown: no secret query value, no password, only harmless headers' values."""
        shown = {
            name: value if isinstance(value, str) and name.lower() in SHOWN_HEADERS else "***"
            for name, value in self.headers
        }
        return {"method": self.method, "url": self.shown, "headers": shown}

    @property
    def shown(self) -> str:
        """Its URL as it may be shown."""
        return with_params(redacted_url(self.url), [(name, "***") for name, _ in self.params], safe="*")


@dataclass(frozen=True, slots=True)
class Question:
    """What a request's templates are filled with: the tick, and how far the records are known already.

    ``condition`` are headers that ask only for what is new, which can be asked of a single page only.
    """

    tick: Interval
    cursor: Place | None = None
    condition: tuple[tuple[str, str], ...] = ()


def asked_from(source: Source, terms: Terms, cursor: int | str | None) -> Place | None:
    """What ``{cursor}`` stands for when the greatest cursor value so far is `cursor`; None: nothing is known.

    A value goes out as it came, unless it is set back by the lag, or the template asks for another form.
    """
    value = source.cursor_start if cursor is None else cursor
    lag = 0 if cursor is None else source.lag
    if value is None or terms.cursor is None or not (lag or _forms_cursor(source)):
        return value
    kinds = {field.name: field.type for field in terms.contract.fields}
    place = order_of(kinds[terms.cursor])(value)
    return value if place is None else less(place, lag)


def first_request(source: Source, question: Question) -> Request:
    """The request that opens the answer to `question`."""
    condition = question.condition if isinstance(source.paging, SinglePage) else ()
    return page_request(source, question, opening(source.paging), condition=condition)


def page_request(
    source: Source, question: Question, page: Next, *, condition: tuple[tuple[str, str], ...] = ()
) -> Request:
    """The request for `page` of the answer to `question`."""
    if isinstance(source.paging, NextLink) and page.by is not None:
        # A link says all that its page is asked by, but for what is secret and so never stands in one that we send.
        return _request(source, question, str(page.by), (), condition)
    url = urlsplit(_fill(source.url, question, safe=True))
    named = _named(source.paging, page)
    in_query = isinstance(source.paging, SinglePage) or source.paging.into == "query"
    # A parameter that would say from where, when nobody knows yet, is not sent: then all is asked for.
    asked = [
        (name, _fill(value, question))
        for name, value in source.params
        if isinstance(value, str) and (question.cursor is not None or not _names_cursor(value))
    ]
    # Some cursors are a key to what they name; whoever wants to see one finds it in the page before.
    hide = isinstance(source.paging, Cursor) and page.by is not None and in_query
    shown = [(name, str(value)) for name, value in named[1 if hide else 0 :]] if in_query else []
    hidden = [(name, Hidden(str(value))) for name, value in named[:1]] if hide else []
    query = "&".join(part for part in (url.query, urlencode([*asked, *shown], quote_via=quote)) if part)
    whole = urlunsplit((url.scheme, url.netloc, url.path or "/", query, ""))
    request = _request(source, question, whole, hidden, condition)
    if in_query or request.body is None:
        return request
    body = request.body
    for name, value in named:
        body = with_member(body, name, value)
    return replace(request, body=body)


def _named(paging: Paging, page: Next) -> list[tuple[str, int | str]]:
    """What names `page` in a request, first what it is asked by, and then how much of it."""
    named: list[tuple[str, int | str]] = []
    match paging:
        case PageNumber():
            named.append((paging.param, page.number))
        case Offset() | Cursor() if page.by is not None:
            named.append((paging.param, page.by))
    if not isinstance(paging, SinglePage) and paging.size_param is not None and paging.size is not None:
        named.append((paging.size_param, paging.size))
    return named


def is_window(source: Source) -> bool:
    """Whether the request names the tick's interval, so that what was missed can still be asked for."""
    return any(name != "cursor" for name in _names(source))


def is_incremental(source: Source) -> bool:
    """Whether the request says how far the records are known, so that answers carry a state."""
    return "cursor" in _names(source)


def carries_state(source: Source) -> bool:
    """Whether each answer begins with what the one before it left."""
    return source.conditional or is_incremental(source)


def _names(source: Source) -> set[str]:
    return {found[1] for found in _placeholders(source)}


def _forms_cursor(source: Source) -> bool:
    return any(found[1] == "cursor" and found[2] for found in _placeholders(source))


def _placeholders(source: Source) -> Iterator[re.Match[str]]:
    for text in (source.url, *(value for _, value in source.params if isinstance(value, str)), *texts(source.body)):
        yield from _PLACEHOLDER.finditer(text)


def _request(
    source: Source,
    question: Question,
    url: str,
    hidden: Sequence[tuple[str, SecretRef | Hidden]],
    condition: tuple[tuple[str, str], ...],
) -> Request:
    secrets = [(name, value) for name, value in source.params if isinstance(value, SecretRef)]
    return Request(
        url=url,
        method=source.method,
        params=(*secrets, *hidden),
        body=None if source.body is None else filled(source.body, lambda text: _typed(text, question)),
        auth=source.auth,
        headers=(*source.headers, *condition),
        verify_tls=source.verify_tls,
        redirects=source.redirects,
        allow_addresses=source.allow_addresses,
    )


def with_params(url: str, params: Sequence[tuple[str, str]], *, safe: str = "") -> str:
    """`url` with those of `params` that its query has not got already."""
    if not params:
        return url
    parts = urlsplit(url)
    there = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = urlencode([(name, value) for name, value in params if name not in there], quote_via=quote, safe=safe)
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, added) if part)))


def _names_cursor(template: str) -> bool:
    return any(found[1] == "cursor" for found in _PLACEHOLDER.finditer(template))


def _fill(template: str, question: Question, *, safe: bool = False) -> str:
    tick = question.tick
    places = {"tick.start": tick.start, "tick.end": tick.end, "cursor": question.cursor}

    def value(found: re.Match[str]) -> str:
        text = _formatted(places[found[1]], found[2])
        return quote(text, safe="") if safe else text

    return _PLACEHOLDER.sub(value, template)


def _typed(template: str, question: Question) -> object:
    """What `template` becomes in a body: with the type of what takes its place, where it is one placeholder alone."""
    if question.cursor is None and _names_cursor(template):
        return ABSENT
    whole = _PLACEHOLDER.fullmatch(template)
    if whole and whole[1] == "cursor" and whole[2] is None and isinstance(question.cursor, int):
        return question.cursor
    text = _fill(template, question)
    return int(text) if whole and whole[2] == "unix" else text


def _formatted(place: Place | None, form: str | None) -> str:
    if not isinstance(place, datetime):
        return place.isoformat() if isinstance(place, date) else str(place)
    if form == "unix":
        return str(int(place.timestamp()))
    if form is not None:
        return place.strftime(form)
    return place.isoformat() if place.tzinfo is None else format_instant(place)


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
