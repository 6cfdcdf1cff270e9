"""What must hold of a registered table at each moment: it holds what the log holds up to its mark, each object once.

Kept apart from the code under test: the objects are read by ``Stranger``, and what a machine knows of the table is
read from its notes as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from coleta.land.watermark import DataFile, TableState
from coleta.runtime.events import Event, TableStopped
from coleta.testing.machine import Machine
from coleta.testing.memory_table import Kept, MemoryTable
from coleta.testing.stranger import Contents, DataObject
from coleta.testing.watch import Watch

_MARK = "table"
"""The name of the note in which a machine remembers the table."""

_UNDONE = "RESTORE"


@dataclass(slots=True)
class TableWatch:
    """Looks on at the one table of a world; what it sees that must not be goes into what the `watch` found."""

    watch: Watch
    table: MemoryTable = field(default_factory=MemoryTable)
    undone: int = 0
    """How often a person has dropped the table, put it back, or restored an older version of it."""
    lacks_rows: bool = False
    """Whether a person has taken rows away that the table's mark says it has: only a new table is whole again."""
    history: list[dict[str, DataFile]] = field(default_factory=list)
    """The files of each version."""

    @property
    def kept(self) -> Kept:
        """The table as it lies there."""
        return self.table.kept

    # Publishing --------------------------------------------------------------------------------------

    @staticmethod
    def known_to(machine: Machine) -> bytes | None:
        """What `machine` remembers of the table."""
        return machine.notes.notes.get(_MARK)

    def not_allowed(self, machine: Machine, note: bytes | None, state: TableState | None) -> str | None:
        """Why the table, found in `state` or not found, must not be changed from a `machine` that knew `note`, if so.

        It must not where a person has undone what the machine knew of, unless the person says so.
        """
        if note is None or machine.errand == "accept":
            return None
        known = json.loads(note)
        if state is None:
            return "a table that was dropped is made anew"
        if state.table != known["table"]:
            return "rows come into another table than the machine knows"
        if state.version < known["version"] or state.seq < known["seq"]:
            return "rows come into a table that was put back"
        if _UNDONE in self.kept.operations[known["version"] + 1 : state.version + 1]:
            return "rows come into a table that was restored"
        return None

    def changed(self, before: Collection[str], files: Sequence[DataFile], wrong: str | None) -> None:
        """See that the table has changed, perhaps by registering `files` beside those `before`; `wrong` is why not."""
        self.history.append(dict(self.kept.files))
        self.lacks_rows = self.lacks_rows and len(self.kept.states) > 1
        broken = [] if wrong is None else [wrong]
        broken += [f"{one.path} is registered once more" for one in files if one.path in before]
        self.watch.broken += broken + self.faults()

    def saw(self, event: Event) -> None:
        """See what a process tells."""
        if isinstance(event, TableStopped) and not self.undone:
            self.watch.broken.append(f"the table stopped, and nobody had touched it: {event.what}")

    def faults(self) -> list[str]:
        """Every way in which the table is not what the log is up to its mark."""
        if not self.kept.states:
            return []
        contents, state, files = self.watch.look(), self.kept.states[-1], self.kept.files
        faults = [fault for file in files.values() for fault in self._wrong(file, contents.data.get(file.path), state)]
        if state.seq > len(contents.commits):
            faults.append(f"the table says that it holds commit {state.seq} of {len(contents.commits)}")
        for path, one in filled(contents):
            if (path in files) != (one.record["seq"] <= state.seq) and not (self.lacks_rows and path not in files):
                what = "holds" if path in files else "lacks"
                faults.append(f"the table {what} {path}, and says that it is at commit {state.seq}")
        return faults

    @staticmethod
    def _wrong(file: DataFile, one: DataObject | None, state: TableState) -> list[str]:
        if one is None:
            return [f"{file.path} is in the table, and never landed"]
        faults = []
        if (file.rows, file.size_bytes) != (len(one.ids), one.size_bytes) or not file.rows:
            faults.append(f"{file.path} has {len(one.ids)} rows in {one.size_bytes} bytes, the table says otherwise")
        if f"tick_date={file.date}" not in file.path:
            faults.append(f"{file.path} is registered for {file.date}")
        missing = set(one.columns) - {column.name for column in state.columns}
        if missing:
            faults.append(f"{file.path} is in the table, which lacks its columns {sorted(missing)}")
        return faults

    # The end -----------------------------------------------------------------------------------------

    def behind(self, machines: Iterable[Machine]) -> list[str]:
        """The services at rest that have left something out which their machine knows to have landed."""
        files, faults = self.kept.files, []
        for machine in machines:
            if machine.process is None or machine.dead or machine.stream.table is None:
                continue
            heads = [head for index in machine.indexes.values() if (head := index.head()) is not None]
            known = max((head.seq for head in heads), default=0)
            faults += [
                f"{path} has not come into the table, and machine {machine.number} knows of it"
                for path, one in filled(self.watch.look())
                if one.record["seq"] <= known and path not in files
            ]
        return faults

    def lacking(self, contents: Contents) -> list[str]:
        """The objects with rows of `contents` that are not in the table."""
        return [path for path, _ in filled(contents) if path not in self.kept.files]

    # People ------------------------------------------------------------------------------------------

    def drop(self) -> None:
        """A person drops the table."""
        if self.kept.states:
            self.undone += 1
            self.lacks_rows = False
            for one in (self.kept.states, self.kept.operations, self.kept.files, self.history):
                one.clear()

    def put_back(self, random: Random) -> None:
        """A person brings an older copy of the table's record back."""
        if len(self.kept.states) > 1:
            self.undone += 1
            newest = random.randrange(len(self.kept.states) - 1)
            for one in (self.kept.states, self.kept.operations, self.history):
                del one[newest + 1 :]
            self.kept.files = dict(self.history[-1])
            self.lacks_rows = self.lacks_rows and _UNDONE in self.kept.operations

    def restore(self, random: Random) -> None:
        """A person restores an older version by a commit of the table; what it says of the log stays."""
        if self.kept.states:
            self.undone += 1
            self.lacks_rows = True
            newest = self.kept.states[-1]
            self.kept.states.append(replace(newest, version=newest.version + 1))
            self.kept.operations.append(_UNDONE)
            self.kept.files = dict(random.choice(self.history))
            self.history.append(dict(self.kept.files))


def filled(contents: Contents) -> list[tuple[str, DataObject]]:
    """The objects that have rows, by their names."""
    return [(name, one) for name, one in contents.data.items() if one.ids]
