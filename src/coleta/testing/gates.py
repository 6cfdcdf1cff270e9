"""The ports as a simulated process sees them: every call is a turn of the baton, and may meet a fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import NoReturn, Protocol

from coleta.collect.spool import Header, PageHead, Spooled, SpoolFile, Trailer
from coleta.errors import Doubtful, SpoolRefused, StoreUnavailable
from coleta.land.commit import Committed, Head
from coleta.ports import Cell, Created, Draft, Exists, Housekeeping, Index, Notes, ObjectStore, Spool, SpoolContents
from coleta.testing.faults import Fault


class Gate(Protocol):
    """What a port asks before it acts; one for each simulated process."""

    def meet(self, kind: str) -> Fault | None:
        """Give others their turn; the fault that this call meets. Dies where the process has died."""

    def die(self) -> NoReturn:
        """The process dies here and now."""

    def later(self, effect: Callable[[], None]) -> None:
        """Let `effect` come late, on its own, whoever has died by then."""


class GatedStore:
    """An object store over a network."""

    def __init__(self, inner: ObjectStore, gate: Gate) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        kept = bytes(body)

        def effect() -> None:
            self._inner.create(name, kept, sha256=sha256)

        match self._gate.meet("store.create"):
            case Fault.UNAVAILABLE:
                raise StoreUnavailable("simulated", where=name)
            case Fault.DOUBT:
                raise Doubtful("simulated: not stored", where=name)
            case Fault.FALSE_EXISTS:
                return Exists()
            case Fault.LATE:
                self._gate.later(effect)
                raise Doubtful("simulated: stored later", where=name)
            case Fault.CRASH_LATE:
                self._gate.later(effect)
                self._gate.die()
            case Fault.LOST:
                effect()
                raise Doubtful("simulated: stored", where=name)
            case Fault.EXISTS_BY_US:
                effect()
                return Exists()
            case Fault.CRASH_AFTER:
                effect()
                self._gate.die()
        return self._inner.create(name, kept, sha256=sha256)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """See ``ObjectStore``."""
        if self._gate.meet("store.read") is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated", where=name)
        return self._inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        """See ``ObjectStore``."""
        if self._gate.meet("store.size") is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated", where=name)
        return self._inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        """See ``ObjectStore``."""
        if self._gate.meet("store.names") is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated", where=prefix)
        return self._inner.names(prefix)


class GatedHousekeeping:
    """Takes objects out of a store over a network."""

    def __init__(self, inner: Housekeeping, gate: Gate) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate

    def delete(self, name: str) -> None:
        """See ``Housekeeping``."""
        fault = self._gate.meet("store.delete")
        if fault is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated", where=name)
        self._inner.delete(name)
        if fault is Fault.LOST:
            raise StoreUnavailable("simulated: deleted", where=name)
        if fault is Fault.CRASH_AFTER:
            self._gate.die()

    def replace(self, name: str, body: bytes) -> None:
        """See ``Housekeeping``."""
        fault = self._gate.meet("store.replace")
        if fault is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated", where=name)
        self._inner.replace(name, body)
        if fault is Fault.LOST:
            raise StoreUnavailable("simulated: replaced", where=name)
        if fault is Fault.CRASH_AFTER:
            self._gate.die()


class GatedCell:
    """A cell in a store over a network."""

    def __init__(self, inner: Cell, gate: Gate) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate

    def read(self) -> tuple[bytes, str] | None:
        """See ``Cell``."""
        if self._gate.meet("cell.read") is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated")
        return self._inner.read()

    def replace(self, body: bytes, tag: str | None) -> bool:
        """See ``Cell``."""
        fault = self._gate.meet("cell.replace")
        if fault is Fault.UNAVAILABLE:
            raise StoreUnavailable("simulated")
        done = self._inner.replace(body, tag)
        if fault is Fault.LOST:
            raise Doubtful("simulated: done, or another was first")
        if fault is Fault.CRASH_AFTER:
            self._gate.die()
        return done


class GatedSpool:
    """A spool on a disk that may be full, in a process that may die."""

    def __init__(self, inner: Spool, gate: Gate, accepted: Callable[[Spooled], None]) -> None:
        """Stand before `inner`, and tell `accepted` of each entry that has become durable."""
        self._inner = inner
        self._gate = gate
        self._accepted = accepted

    def draft(self, header: Header) -> Draft:
        """See ``Spool``."""
        if self._gate.meet("spool.draft") is Fault.REFUSED:
            raise SpoolRefused("simulated")
        return GatedDraft(self._inner.draft(header), self._gate, self._accepted)

    def contents(self) -> SpoolContents:
        """See ``Spool``."""
        return self._inner.contents()

    def read(self, entry: Spooled) -> SpoolFile:
        """See ``Spool``."""
        self._gate.meet("spool.read")
        return self._inner.read(entry)

    def release(self, entries: Sequence[Spooled]) -> None:
        """See ``Spool``; a crash within may leave some of them."""
        if self._gate.meet("spool.release") is Fault.CRASH_AFTER:
            self._inner.release(entries[: (len(entries) + 1) // 2])
            self._gate.die()
        self._inner.release(entries)


class GatedDraft:
    """An answer on its way into a gated spool."""

    def __init__(self, inner: Draft, gate: Gate, accepted: Callable[[Spooled], None]) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate
        self._accepted = accepted

    def page(self, head: PageHead, wire: bytes) -> None:
        """See ``Draft``."""
        if self._gate.meet("spool.page") is Fault.REFUSED:
            raise SpoolRefused("simulated")
        self._inner.page(head, wire)

    def accept(self, trailer: Trailer) -> Spooled:
        """See ``Draft``."""
        fault = self._gate.meet("spool.accept")
        if fault is Fault.REFUSED:
            raise SpoolRefused("simulated")
        entry = self._inner.accept(trailer)
        self._accepted(entry)
        if fault is Fault.CRASH_AFTER:
            self._gate.die()
        return entry

    def discard(self) -> None:
        """See ``Draft``."""
        self._inner.discard()


class GatedIndex:
    """An index in a process that may die."""

    def __init__(self, inner: Index, gate: Gate) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate

    def head(self) -> Head | None:
        """See ``Index``."""
        return self._inner.head()

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        """See ``Index``."""
        fault = self._gate.meet("index.enter")
        self._inner.enter(head, committed, before=before)
        if fault is Fault.CRASH_AFTER:
            self._gate.die()

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        """See ``Index``."""
        return self._inner.landed(answer_ids, days=days)

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        """See ``Index``."""
        return self._inner.commits(newest=newest, naming=naming)


class GatedNotes:
    """Notes in a process that may die."""

    def __init__(self, inner: Notes, gate: Gate) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._gate = gate

    def recall(self, name: str) -> bytes | None:
        """See ``Notes``."""
        return self._inner.recall(name)

    def remember(self, name: str, body: bytes) -> None:
        """See ``Notes``."""
        fault = self._gate.meet("notes.remember")
        self._inner.remember(name, body)
        if fault is Fault.CRASH_AFTER:
            self._gate.die()
