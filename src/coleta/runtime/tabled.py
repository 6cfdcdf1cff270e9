"""Stage 3 at work: look at a stream's table for an audit. Changes nothing."""

from __future__ import annotations

from coleta.audit.table import TableWalk
from coleta.errors import StoreUnavailable
from coleta.land.watermark import Mark
from coleta.ports import Table

TRIES = 5
"""How often the table is looked at until it stood still meanwhile: each look takes less than a tick."""


def look(table: Table, log: str, mark: bytes | None, *, count: bool) -> TableWalk:
    """The table as it is now, with its rows if they are to be counted, or why it cannot be read.

    An error of the table's is no error of the audit's: the log is looked at all the same, by the store itself.
    """
    remembered = Mark.from_json(mark)
    try:
        opened, rows = table.open(log), None
        for _ in range(TRIES if count else 0):
            before, rows, opened = opened, table.rows(), table.open(log)
            if opened is None or (before is not None and before.state == opened.state):
                break
            rows = None
        return TableWalk(log, None if opened is None else opened.state, rows, remembered, where=table.make.folder)
    except StoreUnavailable as error:
        return TableWalk(log, None, None, remembered, unreadable=error.what, where=table.make.folder)
