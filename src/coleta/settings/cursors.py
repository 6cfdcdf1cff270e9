"""Settings, a stream's cursor: do the request, the field and its values go together? Notes every mistake."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import timedelta

from coleta.collect.marks import CURSOR_TYPES, order_of
from coleta.contract.types import Contract, Date, Int, LocalTimestamp, Str, Timestamp, Type
from coleta.settings.bodies import texts_of
from coleta.settings.mistakes import Keys, Mistakes
from coleta.settings.model import StreamTable
from coleta.settings.units import parse_duration

_CURSOR = re.compile(r"\{cursor(:[^{}]*)?\}")

_EXAMPLES = {
    Int: "a whole number such as 0",
    Str: "a text",
    Date: 'a date such as "2026-01-01"',
    Timestamp: 'a time with a zone, such as "2026-01-01T00:00:00Z"',
    LocalTimestamp: 'a time without a zone, such as "2026-01-01T00:00:00"',
}


def lag_of(table: StreamTable) -> int | timedelta:
    """How far behind the cursor `table` asks again; nothing by default."""
    return parse_duration(table.lag) if isinstance(table.lag, str) else table.lag or 0


def check_cursor(at: Keys, table: StreamTable, given: Collection[str], contract: Contract, mistakes: Mistakes) -> None:
    """Note what of a cursor would never work."""
    forms = list(_forms(table))
    if not forms:
        for key in ("cursor_start", "lag"):
            if key in given:
                mistakes.add((*at, key), 'means nothing while no parameter asks from there; write since = "{cursor}"')
        return
    kinds = {field.name: field.type for field in contract.fields}
    if table.cursor is None:
        mistakes.add((*at, "cursor"), "missing; {cursor} is the greatest value of this field so far: which one?")
        return
    kind = kinds.get(table.cursor)
    if kind is None:
        return  # noted where the contract is looked at
    if not isinstance(kind, CURSOR_TYPES):
        mistakes.add((*at, "cursor"), "must be an int, str, date, timestamp or local_timestamp: values with an order")
        return
    if "catch_up" in given:
        mistakes.add((*at, "catch_up"), "means nothing here: each answer begins where the one before it ended")
    if "{cursor" in (table.url or "") and table.cursor_start is None:
        mistakes.add((*at, "cursor_start"), f"missing: the URL holds {{cursor}}, so it needs {_EXAMPLES[type(kind)]}")
    if any(forms) and not isinstance(kind, Timestamp | LocalTimestamp):
        mistakes.add(at, "{cursor} has a form, which only a timestamp can have; write {cursor}")
    _check_values(at, table, kind, mistakes)


def _check_values(at: Keys, table: StreamTable, kind: Type, mistakes: Mistakes) -> None:
    start = table.cursor_start
    if start is not None and (isinstance(start, bool) or order_of(kind)(start) is None):
        mistakes.add((*at, "cursor_start"), f"must be {_EXAMPLES[type(kind)]}, as the field is")
    if table.lag is None:
        return
    if isinstance(kind, Str):
        mistakes.add((*at, "lag"), "a text cannot be set back; leave it out")
    elif isinstance(kind, Int) is isinstance(table.lag, str):
        wanted = "a whole number" if isinstance(kind, Int) else 'a duration such as "5m"'
        mistakes.add((*at, "lag"), f"must be {wanted}, in the measure of the cursor")
    elif isinstance(kind, Date) and lag_of(table) % timedelta(days=1):  # type: ignore[operator]
        mistakes.add((*at, "lag"), 'must be of whole days for a date, such as "2d"')


def _forms(table: StreamTable) -> Iterator[str | None]:
    """The form of each {cursor} in the request; None where it has none."""
    for text in texts_of(table):
        for found in _CURSOR.finditer(text):
            yield found[1]
