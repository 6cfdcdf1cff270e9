"""Stage 1, step 2: the body of a request, filled in and then rendered. Pure; no template is ever evaluated.

A text in it that is one placeholder and nothing else keeps the type of what takes its place: ``"{cursor}"`` becomes a
number where the cursor is one. What names the cursor is left out while nobody knows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from coleta.stream import Body, FormBody, Hidden, JsonBody, SecretRef

Fill = Callable[[str], object]
"""What a text with placeholders becomes; ``ABSENT`` where it cannot be said yet."""

ABSENT = object()


def filled(body: Body, fill: Fill) -> Body:
    """`body` with its placeholders filled in."""
    match body:
        case JsonBody(value, literal):
            tree = {name: one if name in literal else _tree(one, fill) for name, one in value.items()}
            return JsonBody({name: one for name, one in tree.items() if one is not ABSENT}, literal)
        case FormBody(fields):
            told = [(name, fill(value) if isinstance(value, str) else value) for name, value in fields]
            return FormBody(tuple((name, _text(value)) for name, value in told if value is not ABSENT))


def with_member(body: Body, name: str, value: int | str) -> Body:
    """`body` with `value` as `name`, where dots lead into inner objects of JSON."""
    match body:
        case JsonBody(tree, literal):
            return JsonBody(_with(tree, name.split("."), value), literal)
        case FormBody(fields):
            return FormBody((*(field for field in fields if field[0] != name), (name, str(value))))


def texts(body: Body | None) -> Iterator[str]:
    """Every text of `body` that may have placeholders."""
    match body:
        case JsonBody(value, literal):
            yield from _texts({name: one for name, one in value.items() if name not in literal})
        case FormBody(fields):
            yield from (value for _, value in fields if isinstance(value, str))


def rendered(body: Body, reveal: Callable[[SecretRef | Hidden], str]) -> tuple[bytes, str]:
    """The bytes of `body`, and their media type. `reveal` gives a secret's value."""
    match body:
        case JsonBody(value):

            def plain(one: object) -> object:
                if isinstance(one, SecretRef | Hidden):
                    return reveal(one)
                raise TypeError(f"no value of JSON: {type(one).__name__}")

            text = json.dumps(value, default=plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return text.encode("utf-8", "replace"), "application/json"
        case FormBody(fields):
            pairs = [(name, value if isinstance(value, str) else reveal(value)) for name, value in fields]
            return urlencode(pairs).encode("ascii"), "application/x-www-form-urlencoded"


def _tree(value: object, fill: Fill) -> object:
    match value:
        case dict():
            inner = {name: _tree(one, fill) for name, one in value.items()}
            return {name: one for name, one in inner.items() if one is not ABSENT}
        case list() | tuple():
            return [one for one in (_tree(one, fill) for one in value) if one is not ABSENT]
        case str():
            return fill(value)
        case _:
            return value


def _with(tree: dict[str, object], names: list[str], value: object) -> dict[str, object]:
    name, *deeper = names
    inner = tree.get(name)
    return {**tree, name: _with(inner if isinstance(inner, dict) else {}, deeper, value) if deeper else value}


def _texts(value: object) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)
        case str():
            yield value


def _text(value: object) -> str | SecretRef:
    return value if isinstance(value, str | SecretRef) else str(value)
