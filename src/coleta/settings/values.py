"""Settings, values as a person writes them: what each must be alone, and the types of ``coleta.toml``'s keys.

A wrong value is a ``ValueError`` that says how to write it, and never shows what may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from coleta.settings.addresses import check_networks, check_placeholders
from coleta.settings.retention import FOREVER, parse_kept
from coleta.settings.units import format_duration, parse_duration, parse_selection, parse_size

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_EMBEDDED = re.compile(r"\s(env|file):\S+$")
_FRAMING = {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}


def _at_least(shortest: timedelta) -> Callable[[timedelta], timedelta]:
    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(f'must be at least "{format_duration(shortest)}"')
        return duration

    return check


def project_name(name: str) -> str:
    """A name that a project may have."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise ValueError("must begin with a to z and go on with a to z, 0 to 9, _ or -")
    return name


def stream_name(name: str) -> str:
    """A name that a stream may have."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError("must be a stream's name: a to z first, then a to z, 0 to 9 and _")
    return name


def _one_or_many(written: object) -> tuple[str, ...]:
    """The fields of ``key``: one name, or a list of them."""
    names = [written] if isinstance(written, str) else written
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError('must be a field\'s name, or a list of names: key = "id" or key = ["store", "id"]')
    if len(set(names)) < len(names):
        raise ValueError("names a field twice")
    return tuple(names)


def _command(written: object) -> object:
    """A program and its arguments, each a text."""
    if not isinstance(written, list) or not written or not all(isinstance(word, str) for word in written):
        raise ValueError('must be a list of texts, the program first: command = ["notify", "--urgent"]')
    return tuple(written)


def _param(written: object) -> tuple[str, ...]:
    """The texts that one parameter is sent with: a list is sent as the same name several times."""
    texts: list[str] = []
    for value in written if isinstance(written, list) else [written]:
        match value:
            case bool():
                texts.append("true" if value else "false")
            case str():
                check_placeholders(value)
                texts.append(value)
            case int() | float():
                texts.append(str(value))
            case _:
                raise ValueError("must be a text, a number, true or false, or a list of these")
    return tuple(texts)


def written_lag(written: object) -> object:
    """A duration, or how many a whole number is set back by; which of them, the cursor's type says."""
    if isinstance(written, str):
        parse_duration(written)
    elif isinstance(written, bool) or not isinstance(written, int) or written < 0:
        raise ValueError('must be a duration such as "5m", or a whole number for a cursor of whole numbers')
    return written


def _first(written: object) -> object:
    """What the first page is asked by: a number, or a text for a cursor."""
    if isinstance(written, bool) or not isinstance(written, int | str) or written == "":
        raise ValueError("must be a whole number, or a text for a cursor")
    if isinstance(written, int) and written < 0:
        raise ValueError("must be at least 0")
    return written


def header_name(name: str) -> str:
    """A name that a header may have."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is no name that a header may have")
    return name


def _headers(written: object) -> object:
    """Names that HTTP allows, each once; framing belongs to the transport."""
    if not isinstance(written, dict):
        return written
    lower = [name.lower() for name in written]
    for name in written:
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("some name is not one that a header may have")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} is set by coleta itself; leave it out")
        if lower.count(name.lower()) > 1:
            raise ValueError(f"{name} stands here twice; upper and lower case make no difference")
    return written


def one_sign(sign: str) -> str:
    """One sign that may stand between the cells of CSV."""
    if len(sign) != 1 or sign in '"\r\n' or ord(sign) > 127:
        raise ValueError('must be one sign of ASCII, such as ";" or "\\t", and no quotation mark')
    return sign


def header_value(value: str) -> str:
    """A header's value or its reference. What is wrong is said without the value: it may be secret."""
    if value.startswith(("env:", "file:")):
        if not REFERENCE.fullmatch(value):
            raise ValueError('must be "env:NAME", or "file:PATH", with a name after it')
    elif _EMBEDDED.search(value):
        raise ValueError(
            'a secret is the whole value: write "env:NAME", and put what stands before it into the secret too'
        )
    elif _NOT_IN_HEADERS.search(value) or value != value.strip():
        raise ValueError("has characters, or spaces at an end, that a header cannot have")
    return value


def _reference(value: str) -> str:
    """Where a secret is found. What is wrong is said without the value: it may be the secret itself."""
    if not REFERENCE.fullmatch(value):
        raise ValueError('must say where the secret is found, "env:NAME" or "file:PATH", not what it is')
    return value


# The JSON Schema of what a person writes, where that is not the value's own.
_DURATION = {"type": "string", "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}
_KEPT_FOR = {"anyOf": [_DURATION, {"const": FOREVER}]}
WINDOW = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}
LAG = {"anyOf": [_DURATION, {"type": "integer", "minimum": 0}]}
_FIRST = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}]}
_SIZE = {"type": "string", "pattern": "^[0-9]{1,9} ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"}
_SELECTION = {"type": "string", "pattern": "^(\\$\\.)?[^.\\[\\]*$]+(\\.[^.\\[\\]*]+)*$"}
_NAMES = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_NETWORKS = {"type": "array", "items": {"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"}}
_COMMAND = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_SCALAR = {"type": ["string", "number", "boolean"]}
_PARAM = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}

Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema(_DURATION)]
KeptFor = Annotated[timedelta | Literal["forever"], BeforeValidator(parse_kept), WithJsonSchema(_KEPT_FOR)]
Positive = Annotated[Duration, AfterValidator(_at_least(timedelta(seconds=1)))]
Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema(_SIZE)]
Selection = Annotated[tuple[str, ...], BeforeValidator(parse_selection), WithJsonSchema(_SELECTION)]
Param = Annotated[tuple[str, ...], BeforeValidator(_param), WithJsonSchema(_PARAM)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), WithJsonSchema(_NAMES)]
Text = Annotated[str, Field(min_length=1)]
First = Annotated[str | int, BeforeValidator(_first), WithJsonSchema(_FIRST)]
Command = Annotated[tuple[Text, ...], BeforeValidator(_command), WithJsonSchema(_COMMAND)]
Networks = Annotated[tuple[str, ...], BeforeValidator(check_networks), WithJsonSchema(_NETWORKS)]
Headers = Annotated[dict[str, Annotated[str, AfterValidator(header_value)]], BeforeValidator(_headers)]
Reference = Annotated[str, AfterValidator(_reference)]
