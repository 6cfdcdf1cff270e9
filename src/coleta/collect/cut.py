"""Stage 1, step 3: cuts JSON arrays and objects into their elements, byte-exactly, without parsing them.

For what a strict parser refuses as a whole: an array in which one record holds NaN is still an array of
records. Only strings and brackets are looked at, so what comes out may be no JSON: the caller judges
each element alone. Never recurses.
"""

from __future__ import annotations

import re


class NotRecords(ValueError):
    """A page cannot be cut into records, so its answer is rejected whole; ``why`` in a few words."""

    def __init__(self, why: str) -> None:
        """`why` is for the record of the answer and for a person."""
        super().__init__(why)
        self.why = why


_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'


def _box(depth: int) -> bytes:
    """A pattern for a container that holds containers to `depth`; possessive, so linear in time."""
    inside = _STRING if depth == 0 else rb"(?:" + _STRING + rb"|" + _box(depth - 1) + rb")"
    filled = rb'[^{}\[\]"]*+(?:' + inside + rb'[^{}\[\]"]*+)*+'
    return rb"(?:\{" + filled + rb"\}|\[" + filled + rb"\])"


# Nearly every record is no deeper than this, and is then one match of the regex engine.
_CONTAINER = re.compile(_box(2), re.DOTALL)
_TOKEN = re.compile(_STRING + rb'|[{}\[\]"]', re.DOTALL)
_TEXT = re.compile(_STRING, re.DOTALL)
_SCALAR = re.compile(rb'[^,:{}\[\]"\s]+')
_SPACE = re.compile(rb"[ \t\r\n]*+")


def cut_array(text: bytes) -> list[bytes]:
    """The elements of the array `text`, each exactly as it stands there, without the space around it.

    Raises:
        NotRecords: it is no array, or not whole, or something follows it.

    """
    elements: list[bytes] = []
    at = _open(text, b"[")
    if text[at : at + 1] == b"]":
        _end(text, at + 1)
        return elements
    while True:
        end = _value_end(text, at)
        elements.append(text[at:end])
        at = skip_space(text, end)
        match text[at : at + 1]:
            case b",":
                at = skip_space(text, at + 1)
            case b"]":
                _end(text, at + 1)
                return elements
            case _:
                raise NotRecords(f"broken JSON: no comma between two records (byte {at})")


def cut_object(text: bytes) -> list[tuple[bytes, bytes]]:
    """The members of the object `text`: each name, still quoted and escaped, and its value, as they stand.

    Raises:
        NotRecords: it is no object, or not whole, or something follows it.

    """
    members: list[tuple[bytes, bytes]] = []
    at = _open(text, b"{")
    if text[at : at + 1] == b"}":
        _end(text, at + 1)
        return members
    while True:
        name = _TEXT.match(text, at)
        if name is None:
            raise NotRecords(f"broken JSON: a name was expected (byte {at})")
        at = skip_space(text, name.end())
        if text[at : at + 1] != b":":
            raise NotRecords(f"broken JSON: no colon after a name (byte {at})")
        at = skip_space(text, at + 1)
        end = _value_end(text, at)
        members.append((name[0], text[at:end]))
        at = skip_space(text, end)
        match text[at : at + 1]:
            case b",":
                at = skip_space(text, at + 1)
            case b"}":
                _end(text, at + 1)
                return members
            case _:
                raise NotRecords(f"broken JSON: no comma between two members (byte {at})")


def first_element(array: bytes) -> bytes:
    """The first element of `array`; no bytes where it has none.

    Raises:
        NotRecords: what stands first is cut off.

    """
    at = _open(array, b"[")
    return b"" if array[at : at + 1] == b"]" else array[at : _value_end(array, at)]


def split_off(array: bytes, start: int, *, at_least: int) -> tuple[bytes, int | None]:
    """An array of the elements from byte `start` of `array` on, until they have `at_least` bytes.

    `start` is where an element begins. Also gives where the next one must begin, or None after the last.

    Raises:
        NotRecords: no element begins there, or it is cut off.

    """
    at = start
    while True:
        end = _value_end(array, at)
        at = skip_space(array, end)
        match array[at : at + 1]:
            case b",":
                at = skip_space(array, at + 1)
                if end - start >= at_least:
                    return b"[" + array[start:end] + b"]", at
            case b"]":
                _end(array, at + 1)
                return b"[" + array[start:end] + b"]", None
            case _:
                raise NotRecords(f"broken JSON: no comma between two records (byte {at})")


def skip_space(text: bytes, at: int) -> int:
    """Where the space that begins at byte `at` of `text` ends."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _open(text: bytes, bracket: bytes) -> int:
    at = skip_space(text, 0)
    if text[at : at + 1] != bracket:
        raise NotRecords(f"broken JSON: {bracket.decode()} was expected (byte {at})")
    return skip_space(text, at + 1)


def _end(text: bytes, at: int) -> None:
    if (at := skip_space(text, at)) != len(text):
        raise NotRecords(f"broken JSON: something follows its end (byte {at})")


def _value_end(text: bytes, at: int) -> int:
    match text[at : at + 1]:
        case b"{" | b"[":
            found = _CONTAINER.match(text, at)
            return found.end() if found else _deep_end(text, at)
        case b'"':
            found = _TEXT.match(text, at)
        case _:
            found = _SCALAR.match(text, at)
    if found is None:
        raise NotRecords(f"broken JSON: a value was expected (byte {at})")
    return found.end()


def _deep_end(text: bytes, at: int) -> int:
    # Whether each bracket is closed by its own kind is the parser's business.
    depth = 0
    for token in _TOKEN.finditer(text, at):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
                if not depth:
                    return token.end()
            case b'"':
                break
            case _:
                pass
    raise NotRecords("broken JSON: it ends within a value")
