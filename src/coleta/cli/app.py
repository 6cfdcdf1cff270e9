"""What the commands need of the program around them; ``wiring`` provides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from coleta.errors import Misconfigured
from coleta.runtime.events import Event

if TYPE_CHECKING:
    # Late, since landing brings pyarrow, and most commands start in less time than that takes.
    from coleta.ports import Housekeeping, Notes, ObjectStore, Table
    from coleta.runtime.auditor import Evidence
    from coleta.runtime.moving import Passage
    from coleta.runtime.orders import Preview
    from coleta.runtime.questions import Shelves
    from coleta.runtime.repair import Shop
    from coleta.runtime.service import Service
    from coleta.runtime.station import Station, World
    from coleta.stream import Stream

Tell = Callable[[Event], None]


class NeverStarted(Misconfigured):
    """The stream has never been started, here or elsewhere: there is nothing to read yet."""

    code = "never_started"


class Setting(Protocol):
    """One key of the project file as it takes effect, without any secret's value."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Where it stands: ``("stream", "compras", "every")``."""

    @property
    def value(self) -> object:
        """As one would write it in the file."""

    @property
    def origin(self) -> str:
        """``file``, ``default``, ``environment``, ``.env`` or ``--to``."""

    @property
    def where(self) -> str | None:
        """The file and its line, or the variable."""

    @property
    def secret(self) -> str | None:
        """Of a secret's reference where the secret is now."""


class Stray(Protocol):
    """A folder of the spool in which something waits for a stream that the project file does not name."""

    @property
    def name(self) -> str:
        """The stream's name."""

    @property
    def folder(self) -> Path:
        """The folder."""

    @property
    def waiting(self) -> int:
        """How many files wait."""


class Edited(Protocol):
    """The project file as it would be after a command has changed it."""

    @property
    def before(self) -> str:
        """Its text now."""

    @property
    def after(self) -> str:
        """Its text then."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""

    def stream(self, name: str) -> Stream:
        """The stream called `name` then."""

    def write(self) -> None:
        """Put the new text in the old one's place.

        Raises:
            Misconfigured: somebody has changed the file meanwhile.
            SpoolRefused: the disk did not take it; the old one is there.

        """


class App(Protocol):
    """One project, opened: what its file says, and doors to its streams."""

    @property
    def name(self) -> str:
        """The project's name."""

    @property
    def root(self) -> Path:
        """The project's folder."""

    @property
    def quota_bytes(self) -> int:
        """The most that its spool may hold."""

    @property
    def streams(self) -> Sequence[Stream]:
        """Its streams, as in the file."""

    def stream(self, name: str) -> Stream:
        """The stream called `name`.

        Raises:
            Misconfigured: there is none; the hint names the nearest.

        """

    def world(self, tell: Tell) -> AbstractContextManager[World]:
        """Clock, network and identity; connections are closed at the end of the ``with`` block."""

    def station(self, stream: Stream, tell: Tell) -> AbstractContextManager[Station]:
        """Open `stream` for this process alone: its lock is held until the end of the ``with`` block.

        Raises:
            Busy: another process collects it in this folder.
            StoreUnavailable, Misconfigured, Corrupt: as ``open_station``.

        """

    def service(self, tell: Tell) -> AbstractContextManager[Service]:
        """A service for all streams; their locks are held until the end of the ``with`` block.

        Raises:
            Busy: another process collects one of them in this folder.

        """

    def shelves(self, stream: Stream) -> Shelves:
        """Where to read about `stream`; takes no lock and changes nothing.

        Raises:
            NeverStarted: the stream has been started neither here nor elsewhere: there is nothing to read.

        """

    def evidence(self, stream: Stream, *, table: bool = False) -> Evidence:
        """What an audit of `stream` looks at, its `table` too if asked, and the time; changes nothing, takes no lock.

        Raises:
            NeverStarted: as ``shelves``.
            Misconfigured: what the table needs is not installed.

        """

    def housekeeping(self, stream: Stream) -> Housekeeping:
        """What can delete objects of `stream`: for those that the log has given up, and no others."""

    def table(self, stream: Stream) -> Table | None:
        """The table over the data objects of `stream`; None where it has none.

        Raises:
            Misconfigured: what such a table needs is not installed.

        """

    def notes(self, stream: Stream) -> Notes:
        """What is remembered of `stream` beside its spool."""

    def shop(self, stream: Stream, *, source: str | None, change: bool) -> AbstractContextManager[Shop]:
        """What a repair of `stream` works with, and its store at `source`; with `change` its lock is held meanwhile.

        Raises:
            Busy: another process collects it in this folder, and something may be changed.
            NeverStarted: as ``shelves``.
            Misconfigured, WrongQuestion: `source` names no other store.

        """

    def files(self, stream: Stream) -> Sequence[Path]:
        """The spool files of `stream` on this machine, waiting ones and damaged ones."""

    def now(self) -> datetime:
        """The present instant, in UTC."""

    def probe(self, stream: Stream) -> str:
        """Probe the store of `stream` (and its identity, if it has one); what was found, in a few words.

        Raises:
            StoreUnavailable, Misconfigured: as ``coleta.runtime.opening.probe`` and ``check_owner``.

        """

    def lifecycle(self, stream: Stream, world: World) -> Sequence[str] | str | None:
        """The lifecycle rules of a bucket that would take objects of `stream`, each in a few words.

        Or, as a text, why that cannot be told; None where the store is not one whose rules can be asked for.
        """

    def rows(self, stream: Stream, names: Sequence[str], *, limit: int) -> list[Mapping[str, object]]:
        """The first `limit` rows of the data objects `names`, as a person would see them."""

    def decode_preview(self, stream: Stream, body: bytes, *, limit: int) -> Preview:
        """What landing would make of a page `body`: the first `limit` rows, and every reject."""

    def strays(self) -> Sequence[Stray]:
        """What waits in the spool for streams that the file does not name."""

    def renamed(self, old: str, new: str) -> Edited:
        """The project file in which the stream `old` is called `new`; unchanged if that is done. Nothing is written.

        Raises:
            Misconfigured: there is no such stream, the name cannot be had, or there is no file.

        """

    def moved(self, name: str, *, to: str | None, path: str | None) -> Edited:
        """The project file in which the stream `name` lies in the store `to`, under `path`. Nothing is written.

        Raises:
            Misconfigured: there is no such stream, that is no place for it, or there is no file.

        """

    def place(self, stream: Stream) -> ObjectStore | None:
        """The place of `stream` in its store; None where that store was never made."""

    def passage(self, old: Stream, new: Stream, tell: Tell) -> AbstractContextManager[Passage]:
        """One stream where it lies, `old`, and where it is to lie; its lock is held until the ``with`` block ends.

        Raises:
            Busy: another process collects it in this folder.

        """

    def test_alerts(self) -> None:
        """Send a notice that says that it is a test, in the way in which people are told of trouble.

        Raises:
            Misconfigured: the project file names none, or it failed.

        """

    def settings(self) -> Sequence[Setting]:
        """Every key of the project file as it takes effect, in the file's order.

        Raises:
            Misconfigured: there is a ``.env`` that cannot be read.

        """
