"""Where the commands write: data on stdout, everything else on stderr; colours only on a terminal.

A reader that has gone away (``| head``) is no error: what is left to say is dropped, and the exit status stays
true. Control characters never reach the terminal, since much of what is shown came from somebody's API.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TextIO

from coleta.collect.tick import format_instant
from coleta.errors import ColetaError

Style = Literal["plain", "good", "bad", "warning", "dim", "bold"]

_CODES: dict[Style, str] = {"plain": "", "good": "32", "bad": "31", "warning": "33", "dim": "2", "bold": "1"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

LONGEST_CELL = 120
"""Of a value in a table no more is shown, since some API's error message is a whole page."""


class Screen:
    """The two streams of one call of the program. ``json`` says that stdout holds one JSON document."""

    def __init__(self) -> None:
        """Begin with nothing written, and no JSON asked for."""
        self.json = False
        self.gone = False
        """Whether nobody reads stdout any more, or it cannot be written."""
        self.unwritable: str | None = None
        """Why stdout cannot be written, if a person has to be told."""
        self._document_written = False

    def out(self, text: str = "", *, style: Style = "plain") -> None:
        """Write lines to stdout; nothing where a JSON document is asked for."""
        if not self.json:
            self._write(sys.stdout, text, style)

    def data(self, data: bytes) -> None:
        """Write `data` to stdout as it is; on a terminal as lines of text, where control characters are escapes."""
        if sys.stdout.isatty():
            self._write(sys.stdout, data.decode("utf-8", "backslashreplace").removesuffix("\n"), "plain")
            return
        if self.gone:
            return
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
        except OSError as error:
            self._lost(sys.stdout, error)

    def note(self, text: str = "", *, style: Style = "plain") -> None:
        """Write lines to stderr."""
        self._write(sys.stderr, text, style)

    def document(self, value: object) -> None:
        """Write `value` to stdout as the one JSON document of this call."""
        self._document_written = True
        self._write(sys.stdout, to_json(value), "plain")

    def error(self, error: ColetaError) -> None:
        """Say what went wrong: on stderr, and as the JSON document if one is asked for and none is written yet."""
        self.note("\n".join(error_lines(error)), style="bad")
        if self.json and not self._document_written:
            self.document({"error": error_value(error)})

    def _write(self, stream: TextIO, text: str, style: Style) -> None:
        if stream is sys.stdout and self.gone:
            return
        text = printable(text)
        if style != "plain" and _coloured(stream):
            text = f"\x1b[{_CODES[style]}m{text}\x1b[0m"
        try:
            stream.write(text + "\n")
            stream.flush()
        except OSError as error:
            self._lost(stream, error)

    def _lost(self, stream: TextIO, error: OSError) -> None:
        if stream is sys.stdout:
            self.gone = True
            self.unwritable = None if isinstance(error, BrokenPipeError) else error.strerror
        forget(stream)


def forget(stream: TextIO) -> None:
    """Send what is left in `stream`, and all that follows, nowhere; else Python complains at its exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def _coloured(stream: TextIO) -> bool:
    # https://no-color.org: any value but an empty one.
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """`text` with control characters, and those that turn the direction of writing, shown as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def error_lines(error: ColetaError) -> list[str]:
    """What happened, where, and what to try, a line each."""
    first, *more = error.what.splitlines() or [""]
    lines = [f"error: {first}", *(f"       {line.strip()}" for line in more)]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.hint:
        lines.append(f"  try: {error.hint}")
    return lines


def error_value(error: ColetaError | None) -> dict[str, object] | None:
    """`error` as it stands in a JSON document."""
    if error is None:
        return None
    return {
        "code": error.code,
        "what": error.what,
        "where": error.where,
        "hint": error.hint,
        "exit_status": error.exit_status,
    }


def to_json(value: object) -> str:
    """`value` as JSON, for people and for programs: indented, instants as 2026-11-24T12:00:00Z."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    match value:
        case datetime():
            return format_instant(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)  # a JSON number would lose digits in most readers
        case tuple() | frozenset() | set():
            return list(value)
        case bytes():
            return value.hex()
    return str(value)


def cell(value: object, longest: int = LONGEST_CELL) -> str:
    """`value` as one cell of a table, cut after `longest` characters."""
    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo:
        return format_instant(value)
    text = printable(cell_text(value)).replace("\n", "\\n")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def cell_text(value: object) -> str:
    """`value` as text: a text itself, anything else as it stands in JSON, without its quotes."""
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, default=_jsonable)
    return text.strip('"') if not isinstance(value, (list, dict, tuple)) else text


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, longest: int = LONGEST_CELL) -> str:
    """`rows` below `heads` in columns, each value cut after `longest` characters; numbers to the right."""
    cells = [[cell(value, longest) for value in row] for row in rows]
    right = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(heads))]
    widths = [max([len(head), *(len(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    lines = []
    for row in [list(heads), *cells]:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)
