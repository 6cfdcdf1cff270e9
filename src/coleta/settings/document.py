"""Settings, the file as text: reads ``coleta.toml`` and remembers on which line each key stands.

Promises a table of plain TOML values, or one clear error. Knows no key's meaning but ``version``.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from coleta.errors import Misconfigured
from coleta.settings.mistakes import Keys

PROJECT_FILE = "coleta.toml"
VERSION = 1

KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*')"""
_KEYS = rf"{KEY}(?:\s*\.\s*{KEY})*"
HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
ASSIGNMENT = re.compile(rf"\s*({_KEYS})\s*=")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE_WORD = re.compile(r"=\s*[A-Za-z][^\"'\[{#]*$")


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file that could be read: where it is, what it says, and on which lines."""

    path: Path
    table: dict[str, object]
    lines: dict[Keys, int]


def read_document(path: Path) -> Document:
    """Read the project file at `path`, or the one in the folder at `path`.

    Raises:
        Misconfigured: there is none, it cannot be read, it is no TOML, or it is of another version.

    """
    file = path / PROJECT_FILE if path.is_dir() else path
    text = _text(file)
    try:
        table: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(file, text, str(error)) from None
    _check_version(file, table)
    return Document(file, table, key_lines(text))


def key_lines(text: str) -> dict[Keys, int]:
    """The line, from 1, on which each key or table of a TOML `text` first stands.

    Found by a look at how lines begin, which is cheap and good enough to point with: keys inside
    one-line tables and arrays stand on their own table's line, and are not listed.
    """
    lines: dict[Keys, int] = {}
    table: Keys = ()
    in_long_text = False
    for number, line in enumerate(text.splitlines(), start=1):
        opens = (line.count('"""') + line.count("'''")) % 2 == 1
        if not in_long_text:
            if header := HEADER.match(line):
                keys = table = split_keys(header[1])
            elif assignment := ASSIGNMENT.match(line):
                keys = (*table, *split_keys(assignment[1]))
            else:
                keys = ()
            for length in range(1, len(keys) + 1):
                lines.setdefault(keys[:length], number)
        in_long_text ^= opens
    return lines


def split_keys(written: str) -> Keys:
    """The keys that are `written` with dots between them, without their quotes."""
    return tuple(key.strip("\"'") for key in re.findall(KEY, written))


def _text(file: Path) -> str:
    try:
        # utf-8-sig: some editors begin a file with a byte order mark, which is no part of its text.
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise Misconfigured(
            "there is no such project file",
            where=str(file),
            hint="go to the project's folder, or run `coleta init` to write a first coleta.toml",
        ) from None
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise Misconfigured(
            f"is not UTF-8 text (byte {error.start})", where=str(file), hint="save it again as UTF-8"
        ) from None


def _not_toml(file: Path, text: str, message: str) -> Misconfigured:
    """The syntax error, with its place in `where`, so that editors and terminals can jump to it."""
    what = _PLACE.sub("", message)
    place = _PLACE.search(message)
    lines = text.splitlines() or [""]
    if place is not None and place[1] is not None:
        line, column = int(place[1]), int(place[2])
    else:
        line, column = len(lines), len(lines[-1]) + 1
    if _BARE_WORD.search(lines[min(line, len(lines)) - 1]):
        hint = 'a text stands in quotes: key = "text"'
    elif "overwrite" in what or "twice" in what:
        hint = "the same key or table stands twice: keep one of them"
    else:
        hint = "look at this line and at the one before it: a quote, a bracket or an = may be missing"
    return Misconfigured(f"line {line}, column {column}: not TOML: {what}", where=str(file), hint=hint)


def _check_version(file: Path, table: dict[str, object]) -> None:
    """Refuse another version before all else: its keys may mean something else."""
    match table.get("version"):
        case None:
            raise Misconfigured("version: missing", where=str(file), hint=f"begin the file with version = {VERSION}")
        case bool() | float() | str() | list() | dict():
            raise Misconfigured(
                "version: must be a whole number", where=str(file), hint=f"begin the file with version = {VERSION}"
            )
        case version if version != VERSION:
            raise Misconfigured(
                f"version {version} is not known here: this coleta reads version {VERSION}",
                where=str(file),
                hint="a newer coleta may read it: pip install --upgrade coleta",
            )
