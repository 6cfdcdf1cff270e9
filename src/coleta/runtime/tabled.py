"""Stage 3 at work: look at a stream's table for an audit. Changes nothing."""

from __future__ import annotations

from coleta.audit.table import TableWalk
from coleta.errors import StoreUnavailable
from coleta.land.watermark import Mark
from coleta.ports import Table

TRIES = 5
"""How often the table is looked at until it stood still meanwhile: each look takes less than a tick."""


def look(table: Table, log: str, mark: bytes | None, *, count: bool) -> TableWalk:
    """The table as it is now, with its rows if they are to be counted.

    Raises:
        StoreUnavailable: it could not be told.

    """
    remembered = Mark.from_json(mark)
    for _ in range(TRIES):
        before = table.open(log)
        if before is None or not count:
            return TableWalk(log, None if before is None else before.state, None, remembered)
        rows, after = table.rows(), table.open(log)
        if after is not None and after.state == before.state:
            return TableWalk(log, after.state, rows, remembered)
    raise StoreUnavailable("the table changes faster than it can be counted", hint="try again")
