"""Stage 1, step 3: records that do not come as one JSON array, each made JSON by itself. Pure.

NDJSON: each line is a record, and stays as it stands, byte by byte. CSV (RFC 4180): each row becomes an object with the
names of the first row. A cell is a text; where the contract wants a number, or true or false, and the cell spells
just that, it becomes it, digit by digit. What it does not spell stays a text, and then breaks the contract.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from coleta.collect.cut import NotRecords, cut_array
from coleta.contract.types import Bool, Contract, Field, Float, Int, Json, List, Str, Struct
from coleta.terms import Terms

_SPACE = b" \t\r\n"
_RAW = msgspec.json.Decoder(msgspec.Raw)
_INT = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

Row = list[tuple[str, bool]]
"""The cells of a row, and whether each stood in quotes."""


def records_of(body: bytes, terms: Terms) -> Iterator[bytes]:
    """Each record of page `body`, as JSON.

    Raises:
        NotRecords: a line is no JSON, or the rows are no CSV; perhaps only after some records.

    """
    body = body.removeprefix(codecs.BOM_UTF8)
    if body[:1000].lstrip()[:1] == b"<":
        raise NotRecords("HTML or XML instead of records")
    return _lines(body) if terms.format == "ndjson" else _rows(body, terms)


def arrays_of(body: bytes, terms: Terms, size_bytes: int) -> Iterator[bytes]:
    """The same as JSON arrays of about `size_bytes`; at least one, which may be empty."""
    held: list[bytes] = []
    size = 0
    for record in records_of(body, terms):
        held.append(record)
        size += len(record)
        if size >= size_bytes:
            yield b"[" + b",".join(held) + b"]"
            held, size = [], -1
    if held or size == 0:
        yield b"[" + b",".join(held) + b"]"


def _lines(body: bytes) -> Iterator[bytes]:
    try:
        for number, line in enumerate(_split(body), 1):
            if line := line.strip(_SPACE):
                line.decode()
                yield _value(line, number)
    except UnicodeDecodeError:
        raise NotRecords("not UTF-8") from None


def _split(body: bytes) -> Iterator[bytes]:
    """The lines of `body`, without a second copy of all of it."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


def _value(line: bytes, number: int) -> bytes:
    """`line`, if it is one value; a lenient one (NaN) counts, and is judged as a record."""
    try:
        _RAW.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        try:
            alone = cut_array(b"[" + line + b"]") == [line]
        except NotRecords:
            alone = False
        if not alone:
            raise NotRecords(f"line {number} is no JSON value") from None
    return line


# CSV ------------------------------------------------------------------------------------------------


def _rows(body: bytes, terms: Terms) -> Iterator[bytes]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotRecords("not UTF-8") from None
    rows = _cells(text, terms.delimiter if isinstance(terms.delimiter, str) else ",")
    if isinstance(terms.columns, tuple):
        names: Sequence[str] = terms.columns
    else:
        names = [name.strip() for name, _ in next(rows, [])]
    if len(set(names)) < len(names):
        raise NotRecords("a name stands twice in the first row")
    kinds = {field.keys[0]: field for field in terms.contract.fields if len(field.keys) == 1}
    members = [(json.dumps(name, ensure_ascii=False), _spelling(kinds.get(name))) for name in names]
    for row in rows:
        if len(row) != len(names):
            # No object can be made of it; so it is no record, and goes to the quarantine as what it is.
            yield json.dumps([cell for cell, _ in row], ensure_ascii=False).encode()
            continue
        pairs = (f"{name}:{spell(cell, quoted)}" for (name, spell), (cell, quoted) in zip(members, row, strict=True))
        yield ("{" + ",".join(pairs) + "}").encode()


def _cells(text: str, delimiter: str) -> Iterator[Row]:
    mark = re.escape(delimiter)
    cell = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"|([^"\r\n{mark}]*+))({mark}|\r\n|\n|\r|\Z)')
    at, row, number = 0, Row(), 1
    while at < len(text) or row:
        found = cell.match(text, at)
        if found is None:
            raise NotRecords(f"row {number} is no CSV: a quotation mark is out of its place, or is never closed")
        quoted = found[1] is not None
        row.append((found[1].replace('""', '"') if quoted else found[2], quoted))
        at = found.end()
        if found[3] == delimiter:
            if at == len(text):
                row.append(("", False))
                yield row
                return
            continue
        # A line of nothing is no row.
        if row != [("", False)]:
            yield row
        row, number = Row(), number + 1


def _spelling(field: Field | None) -> Callable[[str, bool], str]:
    """How a cell of `field` is written as JSON."""
    kind = None if field is None else field.type

    def text(cell: str, quoted: bool) -> str:
        # An empty cell in quotes is a text of no characters; one without says that there is no value.
        nothing = not cell and not quoted and not (isinstance(kind, Str) and field is not None and not field.nullable)
        return "null" if nothing else json.dumps(cell, ensure_ascii=False)

    match kind:
        case Int():
            return lambda cell, quoted: cell if _INT.fullmatch(cell) else text(cell, quoted)
        case Float():
            return lambda cell, quoted: cell if _NUMBER.fullmatch(cell) else text(cell, quoted)
        case Bool():
            return lambda cell, quoted: cell if cell in ("true", "false") else text(cell, quoted)
    return text


def without_column(contract: Contract) -> Iterator[str]:
    """The fields of `contract` that no cell of a row can hold."""
    for field in contract.fields:
        if isinstance(field.type, List | Struct | Json) or len(field.keys) > 1:
            yield field.name
