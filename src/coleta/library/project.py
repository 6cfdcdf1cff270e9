"""``Project``: every command of the program as a method. Nothing inside Coleta imports it.

Promises the commands' own behaviour: the same checks, files, locks and errors, raised instead of
shown. Prints nothing, installs no signal handler and ends no process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from coleta.library.answers import Result
from coleta.library.given import file_table, tick_named
from coleta.library.reading import Reading
from coleta.library.running import run_until
from coleta.library.upkeep import Upkeep
from coleta.settings import define_project, load_project
from coleta.wiring import App, config_schema, write_example

if TYPE_CHECKING:
    from coleta.ask.plan import Forecast
    from coleta.cli.check import Check
    from coleta.cli.comparing import Compared
    from coleta.runtime.events import Event
    from coleta.runtime.orders import Preview
    from coleta.settings.effective import Setting
    from coleta.terms import Terms


def _silent(event: Event) -> None:
    """Tell nobody."""


class Project(Reading, Upkeep):
    """A project: its streams, and what can be done with them. Opens nothing until a method is called.

    Methods may be called from several threads; two that collect the same stream at once are refused (``Busy``).
    """

    def __init__(self, app: App) -> None:
        """Not for direct use: ``Project.load`` and ``Project.define`` make one."""
        self._app = app

    @classmethod
    def load(cls, path: str | os.PathLike[str] = "coleta.toml", *, to: str | None = None) -> Project:
        """The project of the file, or of the folder, at `path`; `to` is the store to land in instead: see ``--to``.

        Raises:
            Misconfigured: there is none, or something is wrong with it: one line for each mistake.

        """
        return cls(App(load_project(Path(path), environment=os.environ, to=to)))

    @classmethod
    def define(
        cls,
        project: str,
        *,
        root: str | os.PathLike[str] = ".",
        environment: Mapping[str, str] | None = None,
        **tables: Mapping[str, object],
    ) -> Project:
        """A project without a file: `tables` are ``store``, ``stream`` and ``spool``, with the keys of ``coleta.toml``.

        A stream's ``contract`` may also be a dataclass or a Pydantic model. Relative paths, and ``.env``, lie in
        `root`. `environment` is where credentials are looked up, this process's own by default.

        Raises:
            Misconfigured: something is wrong with them: one line for each mistake.

        """
        variables = os.environ if environment is None else environment
        made = define_project(file_table(project, tables), root=Path(root), environment=variables)
        return cls(App(made, environment))

    @classmethod
    def init(cls, folder: str | os.PathLike[str] = ".") -> Project:
        """Write the example project into `folder`, and load it.

        Raises:
            Misconfigured: one of its files is there already, or cannot be written.

        """
        return cls.load(write_example(Path(folder)))

    def __repr__(self) -> str:
        return f"<Project {self.name!r} in {str(self.root)!r}: {', '.join(self.streams)}>"

    @property
    def name(self) -> str:
        """The project's name."""
        return self._app.name

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._app.root

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of its streams."""
        return tuple(stream.name for stream in self._app.streams)

    # Collecting ----------------------------------------------------------------------------------

    def run(
        self, stream: str, *, tick: str | datetime | None = None, tell: Callable[[Event], None] = _silent
    ) -> Result:
        """Settle one tick of `stream` now: ask, check, land. Doing so again for a settled tick changes nothing.

        `tick` is its name (``"20261124T120000Z"``, ``"2026-11-24T12:00:00Z"``) or its instant, with a time zone;
        without it, one of this instant, on no schedule. `tell` is told what happens meanwhile.

        Raises:
            SourceUnavailable, AuthRefused: no answer came; the tick is written down as a gap.
            Retryable: the answer is accepted and safe in the spool; the store did not take it yet. Or ``Busy``.
            OverBudget: more records broke the contract than the stream's budget allows; all is landed or quarantined.
            SpoolRefused: the disk did not take the answer, so nothing was accepted.
            Misconfigured, Corrupt: as their names say.

        """
        result = self.settle(stream, tick=tick, tell=tell)
        if result.error is not None:
            raise result.error
        return result

    def settle(
        self, stream: str, *, tick: str | datetime | None = None, tell: Callable[[Event], None] = _silent
    ) -> Result:
        """The same as ``run``, but what became of the tick is returned, in ``.error``, and not raised.

        Raises:
            Busy, SpoolRefused, Misconfigured, Corrupt: the tick could not be tried.

        """
        from coleta.cli.settling import Told, settle_tick

        told = Told(tell)
        with self._app.station(self._app.stream(stream), told.tell) as station:
            return Result.of(settle_tick(station, tick_named(tick), told))

    def up(self, *, stop: threading.Event | None = None, tell: Callable[[Event], None] = _silent) -> bool:
        """Collect and land every stream until `stop` is set, or Ctrl-C; in any thread.

        Returns whether nothing was left waiting in the spool. `tell` is called from many threads.

        Raises:
            Busy: another process, or thread, collects one of the streams.
            ColetaError: what stopped a stream for good, after the others' end.
            KeyboardInterrupt: Ctrl-C, in the main thread, once what waited is landed.

        """
        with self._app.service(tell) as service:
            return run_until(service, stop)

    # Looking -------------------------------------------------------------------------------------

    def check(self, *, offline: bool = False) -> list[Check]:
        """Try each contract, API and store; what was found, or the error. Nothing is landed.

        A ``Check`` has ``name``, ``stream``, ``found`` and ``error``, which is None where all is well.
        """
        from coleta.cli.check import checks

        return list(checks(self._app, offline=offline))

    def preview(self, stream: str, *, limit: int = 10) -> Preview:
        """Ask once, and say what would land: ``received``, ``landed``, the first `limit` ``rows``, all ``rejects``.

        Raises:
            SourceUnavailable, AuthRefused: no answer came.

        """
        from coleta.cli.preview import ask_once

        seen, _ = ask_once(self._app, self._app.stream(stream), limit=limit)
        return seen

    def terms(self, stream: str) -> Terms:
        """All that decoding an answer of `stream` depends on, as the project says it now."""
        return self._app.stream(stream).terms

    def ask(self, stream: str) -> bytes:
        """Ask once, as ``preview`` does, and return the first page of the answer as it came, without content coding.

        Raises:
            SourceUnavailable, AuthRefused: no answer came.

        """
        from coleta.runtime.orders import sample

        with self._app.world(_silent) as world:
            return sample(self._app.stream(stream), world).response.body

    # Planning ------------------------------------------------------------------------------------

    def plan(self, *, days: int = 30, ask: bool = False) -> Forecast:
        """What collecting will need in the next `days`; with `ask`, each API is asked once, and nothing is landed.

        Raises:
            SourceUnavailable, AuthRefused: with `ask`, no answer came.
            StoreUnavailable: a store does not answer.

        """
        from coleta.cli.plan import forecast

        return forecast(self._app, days=days, ask=ask)

    def contract(self, stream: str) -> Compared:
        """In what the contract of `stream`, and all else that decoding depends on, differs from what last landed.

        A ``Compared``: ``seq``, the commit that it is held against; ``changes``, each with ``path``, ``kind``,
        ``before`` and ``after``; and ``refused``, the error where the stream's table cannot follow.

        Raises:
            StoreUnavailable: the store does not answer.

        """
        from coleta.cli.comparing import compare

        return compare(self._app, self._app.stream(stream))

    def config(self) -> list[Setting]:
        """Every key of the project file as it takes effect, with where that comes from; secrets as references.

        Raises:
            Misconfigured: there is a ``.env`` that cannot be read.

        """
        return list(self._app.settings())

    @staticmethod
    def config_schema() -> Mapping[str, object]:
        """The JSON Schema of ``coleta.toml``, for editors."""
        return config_schema()
