"""One trouble at one call: for tests that try each trouble at each call of a command, one after the other.

``ScriptedStore`` lets a test say what happens at a name; this one counts calls instead. One thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from coleta.errors import Doubtful, StoreUnavailable
from coleta.ports import Created, Exists, Housekeeping, ObjectStore

Once = Literal["killed_before", "killed_after", "unavailable", "lost", "doubt", "late", "false_exists"]
"""What a call meets: the process ends before or after its effect; no effect, told so; its effect, untold; no effect,
untold; its effect later, untold; and a lie."""

EVERY: tuple[Once, ...] = ("killed_before", "killed_after", "unavailable", "lost", "doubt", "late", "false_exists")


class Killed(BaseException):
    """The process has ended here. No handler of errors may stop it."""


@dataclass(eq=False)
class Trial:
    """Meets `trouble` at the call number `at`, counted from 0; ``calls`` is how many there were."""

    at: int = -1
    trouble: Once = "killed_before"
    calls: int = 0
    delayed: list[Callable[[], object]] = field(default_factory=list)

    def meet(self) -> Once | None:
        """What the next call meets."""
        number, self.calls = self.calls, self.calls + 1
        if number != self.at:
            return None
        if self.trouble == "killed_before":
            raise Killed
        return self.trouble

    def deliver(self) -> None:
        """Let what was late have its effect now."""
        for effect in self.delayed:
            effect()
        self.delayed.clear()


class TrialStore:
    """A store whose calls a trial counts."""

    def __init__(self, inner: ObjectStore, trial: Trial) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._trial = trial

    def create(self, name: str, body: bytes | memoryview, *, sha256: str) -> Created | Exists:
        """See ``ObjectStore``."""
        kept = bytes(body)
        trouble = self._trial.meet()
        match trouble:
            case "unavailable":
                raise StoreUnavailable("on trial", where=name)
            case "doubt":
                raise Doubtful("on trial", where=name)
            case "late":
                self._trial.delayed.append(lambda: self._inner.create(name, kept, sha256=sha256))
                raise Doubtful("on trial", where=name)
            case "false_exists":
                return Exists()
        done = self._inner.create(name, kept, sha256=sha256)
        if trouble == "lost":
            raise Doubtful("on trial", where=name)
        return self._ended(trouble, done)

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        """See ``ObjectStore``."""
        self._unless_unavailable(name)
        return self._inner.read(name, last=last)

    def size(self, name: str) -> int | None:
        """See ``ObjectStore``."""
        self._unless_unavailable(name)
        return self._inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        """See ``ObjectStore``."""
        self._unless_unavailable(prefix)
        return self._inner.names(prefix)

    def _unless_unavailable(self, name: str) -> None:
        if self._trial.meet() == "unavailable":
            raise StoreUnavailable("on trial", where=name)

    def _ended(self, trouble: Once | None, done: Created | Exists) -> Created | Exists:
        if trouble == "killed_after":
            raise Killed
        return done


class TrialHousekeeping:
    """A housekeeping whose calls a trial counts."""

    def __init__(self, inner: Housekeeping, trial: Trial) -> None:
        """Stand before `inner`."""
        self._inner = inner
        self._trial = trial

    def delete(self, name: str) -> None:
        """See ``Housekeeping``."""
        trouble = self._trial.meet()
        if trouble in ("unavailable", "doubt"):
            raise StoreUnavailable("on trial", where=name)
        self._inner.delete(name)
        if trouble == "lost":
            raise StoreUnavailable("on trial", where=name)
        if trouble == "killed_after":
            raise Killed

    def replace(self, name: str, body: bytes) -> None:
        """See ``Housekeeping``."""
        trouble = self._trial.meet()
        if trouble in ("unavailable", "doubt"):
            raise StoreUnavailable("on trial", where=name)
        if trouble == "late":
            self._trial.delayed.append(lambda: self._inner.replace(name, body))
            raise StoreUnavailable("on trial", where=name)
        self._inner.replace(name, body)
        if trouble == "lost":
            raise StoreUnavailable("on trial", where=name)
        if trouble == "killed_after":
            raise Killed
