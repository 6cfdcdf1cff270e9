"""Settings, what a request sends besides its headers: parameters, and one of ``body``, ``form`` and ``graphql``.

Notes every mistake. A secret's value is never here, only where it is found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from math import isfinite
from typing import Literal

from coleta.settings.addresses import Place, check_placeholders
from coleta.settings.mistakes import Keys, Mistakes
from coleta.settings.model import StreamTable
from coleta.settings.stores import secret_at
from coleta.settings.values import REFERENCE
from coleta.stream import Body, FormBody, JsonBody, SecretRef

Pairs = tuple[tuple[str, str | SecretRef], ...]
"""Names, each with its text, or with where that is found."""

BODIES = ("body", "form", "graphql")
_CHANGES = re.compile(r"\s*(#[^\n]*\n\s*)*(mutation|subscription)\b")
_DEEPEST = 20


def texts_of(table: StreamTable) -> Iterator[str]:
    """Every text of the stream's request that may have placeholders."""
    yield table.url or ""
    for values in (*table.params.values(), *table.form.values()):
        yield from values
    yield from _texts(table.body)
    if table.graphql is not None:
        yield from _texts(table.graphql.variables)


def method_of(table: StreamTable) -> Literal["GET", "HEAD", "POST"]:
    """The HTTP method: with a body POST, unless it is said."""
    has_body = any(key in table.model_fields_set for key in BODIES)
    return "POST" if has_body and "method" not in table.model_fields_set else table.method


def check_bodies(at: Keys, table: StreamTable, given: Collection[str], mistakes: Mistakes) -> None:
    """Note what of a request's body would never work."""
    written = [key for key in BODIES if key in given]
    for key in written[1:]:
        mistakes.add((*at, key), f"a request has one body, and {written[0]} is it; keep one of them")
    if written and method_of(table) != "POST":
        mistakes.add((*at, "method"), f'a request with {written[0]} is a POST; leave it out, or write method = "POST"')
    for key, where, value in _leaves(table):
        if (why := _wrong(value)) is not None:
            mistakes.add((*at, key, *where[:1]), why)
    if table.graphql is not None and _CHANGES.match(table.graphql.query):
        mistakes.add((*at, "graphql", "query"), "must be a query; one that changes something would do so at each tick")
    if table.pages is not None and table.pages.into == "body" and not written:
        mistakes.add((*at, "pages", "into"), "there is no body; write body = { … }, or leave it out")
    if table.conditional and written:
        mistakes.add((*at, "conditional"), "only a GET can be asked so, and a request with a body is none")


def params_of(at: Keys, table: StreamTable, place: Place, mistakes: Mistakes) -> Pairs:
    """The parameters of the query."""
    return _pairs((*at, "params"), table.params, place, mistakes)


def body_of(at: Keys, table: StreamTable, place: Place, mistakes: Mistakes) -> Body | None:
    """The body that the stream's requests have."""
    if table.graphql is not None:
        tree = _tree((*at, "graphql"), {"variables": table.graphql.variables}, place, mistakes)
        return JsonBody({"query": table.graphql.query, **tree}, frozenset({"query"}))
    if "form" in table.model_fields_set:
        return FormBody(_pairs((*at, "form"), table.form, place, mistakes))
    if "body" in table.model_fields_set:
        return JsonBody(_tree((*at, "body"), table.body, place, mistakes))
    return None


def _pairs(at: Keys, table: Mapping[str, tuple[str, ...]], place: Place, mistakes: Mistakes) -> Pairs:
    return tuple((name, _leaf((*at, name), one, place, mistakes)) for name, values in table.items() for one in values)


def _tree(at: Keys, table: Mapping[str, object], place: Place, mistakes: Mistakes) -> dict[str, object]:
    def inner(value: object, top: Keys) -> object:
        match value:
            case dict():
                return {name: inner(one, top) for name, one in value.items()}
            case list():
                return [inner(one, top) for one in value]
            case str():
                return _leaf(top, value, place, mistakes)
            case _:
                return value

    return {name: inner(value, (*at, name)) for name, value in table.items()}


def _leaf(at: Keys, text: str, place: Place, mistakes: Mistakes) -> str | SecretRef:
    if not REFERENCE.fullmatch(text):
        return text
    try:
        found = secret_at(text, place)
    except ValueError as error:
        mistakes.add(at, str(error))
        return text
    return text if found is None else found


def _leaves(table: StreamTable) -> Iterator[tuple[str, Keys, object]]:
    variables: dict[str, object] = {} if table.graphql is None else {"variables": table.graphql.variables}
    for key, tree in (("body", table.body), ("graphql", variables)):
        for name, value in tree.items():
            yield from ((key, (name,), leaf) for leaf in _inside(value, 1))


def _inside(value: object, depth: int) -> Iterator[object]:
    if depth > _DEEPEST:
        return
    match value:
        case dict():
            for one in value.values():
                yield from _inside(one, depth + 1)
        case list():
            for one in value:
                yield from _inside(one, depth + 1)
        case _:
            yield value


def _texts(value: object) -> Iterator[str]:
    return (leaf for leaf in _inside(value, 0) if isinstance(leaf, str))


def _wrong(value: object) -> str | None:
    """Why `value` cannot stand in JSON, or cannot be filled in; None: it can."""
    match value:
        case datetime() | date() | time():
            return "JSON has no dates; write it as a text, as the API wants it"
        case float() if not isfinite(value):
            return "JSON has no such number"
        case str():
            try:
                check_placeholders(value)
            except ValueError as error:
                return str(error)
    return None
