"""A registered table as a simulated process sees it: every call is a turn of the baton, and may meet a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar

from coleta.errors import Doubtful, StoreUnavailable
from coleta.land.table import Columns
from coleta.land.watermark import DELTA, DataFile, TableMake, TableState
from coleta.ports import OpenTable
from coleta.testing.faults import Fault
from coleta.testing.machine import Process
from coleta.testing.table_watch import TableWatch

_TAKES = (timedelta(0), timedelta(milliseconds=20), timedelta(milliseconds=300))
"""How long an answer of the table takes: services that land at the same instant publish at the same time, too."""


class GatedTable:
    """A table over a network. What comes to be of each change, the watch sees."""

    make: ClassVar[TableMake] = DELTA

    def __init__(self, watch: TableWatch, process: Process) -> None:
        """Stand before the table that is watched."""
        self._watch = watch
        self._process = process
        self._known: bytes | None = None
        """What the machine knew of the table when it was looked at last."""
        self._made = False
        """Whether it was made here just now: it is opened then without another look at what the machine knows."""

    def open(self, log: str) -> OpenTable | None:
        """See ``Table``."""
        if not self._made:
            self._known = self._watch.known_to(self._process.machine)
        self._made = False
        if self._process.meet("table.open") is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated")
        found = self._watch.table.open(log)
        self._wait()
        return None if found is None else GatedOpenTable(found, self)

    def create(self, columns: Columns, *, log: str) -> None:
        """See ``Table``."""
        self.change("table.create", lambda: self._watch.table.create(columns, log=log), None)
        self._made = True

    def rows(self) -> int | None:
        """See ``Table``."""
        return self._watch.table.rows()

    def change(
        self, kind: str, change: Callable[[], None], state: TableState | None, files: Sequence[DataFile] = ()
    ) -> None:
        """Make a `change` of the table as it was in `state`, which registers `files`, with what goes wrong about it."""
        fault = self._process.meet(kind)
        wrong = self._watch.not_allowed(self._process.machine, self._known, state)

        def effect() -> None:
            before = frozenset(self._watch.kept.files)
            change()
            self._watch.changed(before, files, wrong)

        def late() -> None:
            with suppress(Doubtful):
                effect()

        match fault:
            case Fault.DOUBT | Fault.UNAVAILABLE:
                raise Doubtful("simulated: not done")
            case Fault.LATE:
                self._process.later(late)
                raise Doubtful("simulated: done later")
            case Fault.CRASH_LATE:
                self._process.later(late)
                self._process.die()
        effect()
        if fault is Fault.LOST:
            raise Doubtful("simulated: done")
        if fault is Fault.CRASH_AFTER:
            self._process.die()
        self._wait()

    def _wait(self) -> None:
        """An answer takes a while, in which others may change the table, and write down what they have made of it."""
        world = self._process.world
        world.baton.pause(stall=world.random.choice(_TAKES))


class GatedOpenTable:
    """One version of a table over a network."""

    def __init__(self, inner: OpenTable, table: GatedTable) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._table = table

    @property
    def state(self) -> TableState:
        """See ``OpenTable``."""
        return self._inner.state

    def operations(self, since: int) -> Sequence[str]:
        """See ``OpenTable``."""
        return self._inner.operations(since)

    def widen(self, columns: Columns) -> None:
        """See ``OpenTable``."""
        self._table.change("table.widen", lambda: self._inner.widen(columns), self.state)

    def register(self, files: Sequence[DataFile], *, until: int) -> None:
        """See ``OpenTable``."""
        self._table.change("table.register", lambda: self._inner.register(files, until=until), self.state, files)
