"""Settings, the file as text again: one stream's name, or a few of its keys, changed, and every other byte kept.

Promises a text that says exactly what was meant, or an error that tells a person what to write: what comes out is
read as TOML and compared with the change made to the tables. Reads and writes no file. Knows no key's meaning.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

from coleta.errors import Misconfigured
from coleta.settings.document import ASSIGNMENT, HEADER, KEY, split_keys
from coleta.settings.mistakes import Keys, written

_TEXT = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*')"
_BOM = "\ufeff"

Tables = dict[str, object]


class _Lines:
    """A TOML text, line by line, with the keys that each line opens or sets. Line ends stay as they are."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines(keepends=True)

    def found(self) -> list[tuple[int, re.Match[str], Keys, bool]]:
        """For each line with keys: its number, the match, the table it stands in, and whether it is a header."""
        found: list[tuple[int, re.Match[str], Keys, bool]] = []
        table: Keys = ()
        in_long_text = False
        for number, line in enumerate(self.lines):
            opens = (line.count('"""') + line.count("'''")) % 2 == 1
            if not in_long_text:
                if header := HEADER.match(line):
                    found.append((number, header, (), True))
                    table = split_keys(header[1])
                elif assignment := ASSIGNMENT.match(line):
                    found.append((number, assignment, table, False))
            in_long_text ^= opens
        return found

    def end(self) -> str:
        """How its lines end."""
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"


def renamed(text: str, table: Keys, new: str) -> str:
    """`text` with the table at `table` called `new`, in its old place, with all that is in it.

    Raises:
        Misconfigured: the file is written in a way that this cannot change safely.

    """
    lines = _Lines(text)
    for number, match, above, _ in lines.found():
        own = split_keys(match[1])
        at = len(table) - len(above) - 1
        if at < 0 or (*above, *own)[: len(table)] != table:
            continue
        token = [*re.finditer(KEY, match[1])][at]
        start = match.start(1) + token.start()
        line = lines.lines[number]
        lines.lines[number] = line[:start] + new + line[start + len(token[0]) :]
    wanted = _with_table_renamed(_read(text), table, new)
    return _checked("".join(lines.lines), wanted, f"rename the table {written(table)} to {written((*table[:-1], new))}")


def with_keys(text: str, table: Keys, values: Mapping[str, str | None]) -> str:
    """`text` whose table at `table` has `values`, texts all of them; a key whose value is None is taken out.

    Raises:
        Misconfigured: the file is written in a way that this cannot change safely.

    """
    lines = _Lines(text)
    wanted = _read(text)
    inner = _inner(wanted, table)
    header: int | None = None
    there: dict[str, int] = {}
    for number, match, above, is_header in lines.found():
        own = split_keys(match[1])
        if is_header and own == table:
            header = number
        elif not is_header and above == table and len(own) == 1:
            there[own[0]] = number
    new: list[str] = []
    for key, value in values.items():
        if value is not None and inner.get(key) != value:
            inner[key] = value
            if key in there:
                lines.lines[there[key]] = _with_value(lines.lines[there[key]], _quoted(value))
            else:
                new.append(f"{_indent(lines, header)}{key} = {_quoted(value)}{lines.end()}")
        elif value is None and inner.pop(key, None) is not None and key in there:
            lines.lines[there[key]] = ""
    if new and header is not None:
        if not lines.lines[header].endswith("\n"):
            lines.lines[header] += lines.end()
        lines.lines.insert(header + 1, "".join(new))
    told = ", ".join(f"{key} = {_quoted(value)}" for key, value in values.items() if value is not None)
    return _checked("".join(lines.lines), wanted, f"in the table {written(table)} write {told}")


def with_table(text: str, table: Keys, values: Mapping[str, str]) -> str:
    """`text` with one more table at its end.

    Raises:
        Misconfigured: something is there already, or the file is written in a way that this cannot change safely.

    """
    wanted = _read(text)
    _inner(wanted, table).update(values)
    end = _Lines(text).end()
    body = "".join(f"{key} = {_quoted(value)}{end}" for key, value in values.items())
    gap = "" if text.endswith("\n") else end
    return _checked(f"{text}{gap}{end}[{written(table)}]{end}{body}", wanted, f"add the table {written(table)}")


def _with_value(line: str, quoted: str) -> str:
    return re.sub(rf"(=\s*){_TEXT}", lambda found: found[1] + quoted, line, count=1)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _indent(lines: _Lines, header: int | None) -> str:
    if header is None or header + 1 >= len(lines.lines):
        return ""
    following = lines.lines[header + 1]
    return following[: len(following) - len(following.lstrip(" \t"))] if following.strip() else ""


def _read(text: str) -> Tables:
    return tomllib.loads(text.removeprefix(_BOM))


def _inner(tables: Tables, keys: Keys) -> Tables:
    inner = tables
    for key in keys:
        found = inner.setdefault(key, {})
        inner = found if isinstance(found, dict) else {}
    return inner


def _with_table_renamed(tables: Tables, table: Keys, new: str) -> Tables:
    above = _inner(tables, table[:-1])
    kept = [(new if key == table[-1] else key, value) for key, value in above.items()]
    above.clear()
    above.update(kept)
    return tables


def _checked(text: str, wanted: Tables, by_hand: str) -> str:
    try:
        found = _read(text)
    except tomllib.TOMLDecodeError:
        found = {}
    # The order counts, too: streams are told, and collected, in the file's.
    if found != wanted or list(_inner(found, ("stream",))) != list(_inner(wanted, ("stream",))):
        raise Misconfigured(
            "it is written in a way that cannot be changed safely by a program; nothing was changed",
            hint=f"do it by hand: {by_hand}",
        )
    return text
