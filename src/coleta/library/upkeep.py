"""What a person does about a stream now and then: the part of ``Project`` that mends, redrives and moves.

Promises what the commands of the same names promise; each method may be called again, and then ends the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from coleta.cli.reading import landed_of
from coleta.library.given import tick_named
from coleta.wiring import App

if TYPE_CHECKING:
    from coleta.cli.filling import Filled
    from coleta.cli.move import Relocated
    from coleta.cli.raw import Raw
    from coleta.cli.rename import Renamed
    from coleta.cli.tables import PublishedTable
    from coleta.collect.pauses import Pauses
    from coleta.runtime.discard import Discarded
    from coleta.runtime.events import Event
    from coleta.runtime.redrive import Replayed
    from coleta.runtime.repair import Repairs
    from coleta.runtime.upkeep import Done


def _silent(event: Event) -> None:
    """Tell nobody."""


class Upkeep:
    """The methods of ``Project`` that change what was collected, or how; on their own they are nothing."""

    _app: App

    def raw(self, stream: str) -> list[Raw]:
        """The answers of `stream` whose bytes are at hand: waiting, damaged, archived or superseded; oldest tick first.

        Each has ``tick``, ``answer``, ``size_bytes``, ``where``, and ``read()``, which gives the whole spool file.

        Raises:
            NeverStarted: there is nothing yet.
            StoreUnavailable: the store does not answer.

        """
        from coleta.cli.raw import raw_answers

        return raw_answers(self._app, self._app.stream(stream))

    def rename(self, old: str, new: str, *, dry_run: bool = False) -> Renamed:
        """Give the stream `old` another name in the project file; its log, its place and what waits stay as they are.

        A ``Renamed``: ``stream``, ``was``, ``store``, ``path``, ``changed``. Doing so again changes nothing.

        Raises:
            Misconfigured: there is no such stream, the name cannot be had, or the project has no file.
            SpoolRefused: the disk did not take the new file.

        """
        from coleta.cli.rename import rename_in

        done = rename_in(self._app, old, new, dry_run=dry_run)
        if not dry_run:
            self._app = self._app.again()
        return done

    def move(self, stream: str, *, to: str | None = None, path: str | None = None, dry_run: bool = False) -> Relocated:
        """Move the log of `stream` to the store `to`, under `path`, and let the project file say so.

        A ``Relocated``: ``stream``, ``was``, ``now`` (places), ``commits``, ``copied``, ``waiting``, ``changed``. What
        waits in the spool lands in the new place. Nothing is deleted in the old one. Doing so again copies only what
        other machines have left there since.

        Raises:
            Busy: another process collects the stream.
            Misconfigured: the place cannot be had, or the project has no file.
            StoreUnavailable, Corrupt, SpoolRefused: called again, it goes on where it was.

        """
        from coleta.cli.move import relocate

        done = relocate(self._app, stream, to=to, path=path, dry_run=dry_run)
        if not dry_run:
            self._app = self._app.again()
        return done

    def pause(self, stream: str) -> Pauses:
        """Ask nothing more for `stream` on this machine, until ``resume``; a running ``up`` heeds it at its next tick.

        A ``Pauses``: ``since``, and ``pauses``, each with ``since`` and ``until``. Pausing again changes nothing.

        Raises:
            SpoolRefused: the disk did not take it.

        """
        from coleta.cli.pause import change_pause

        return change_pause(self._app, self._app.stream(stream), paused=True, dry_run=False)

    def resume(self, stream: str) -> Pauses:
        """Let the schedule of `stream` go on; ``since`` is None then. The ticks of the pause stay gaps.

        Raises:
            SpoolRefused: the disk did not take it.

        """
        from coleta.cli.pause import change_pause

        return change_pause(self._app, self._app.stream(stream), paused=False, dry_run=False)

    def alert(self) -> None:
        """Run the alert command of the project file with a notice that says that it is a test.

        Raises:
            Misconfigured: there is no such command, or it cannot be run.
            Retryable: it ended with an error, or took too long.

        """
        self._app.test_alerts()

    def fill(
        self,
        stream: str | None = None,
        *,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        limit: int = 1000,
        dry_run: bool = False,
        tell: Callable[[Event], None] = _silent,
    ) -> list[Filled]:
        """Ask for the open gaps of `stream`, or of all, again, oldest first, and land what comes.

        For each stream a ``Filled``: ``stream``, ``asked``, ``answered``, ``remaining``, ``behind``, ``results``, and
        ``stopped``, the error that left the others for later. Only ticks that end from `since` to `until`, if these
        are given.

        Raises:
            Busy, SpoolRefused, Corrupt: no tick can be tried.

        """
        from coleta.cli.filling import fill, span_of
        from coleta.cli.reading import started_streams

        span = span_of(tick_named(since), tick_named(until))
        return [
            fill(self._app, books, span, limit=limit, dry_run=dry_run, tell=tell, progress=lambda done, total: None)
            for books in started_streams(self._app, stream)
        ]

    def replay(
        self,
        stream: str | None = None,
        *,
        tick: str | datetime | None = None,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Replayed]:
        """Land what is in the quarantine of `stream`, or of all, and fits the contract as it is now; the rest stays.

        By the stream's name a ``Replayed``: ``landed``, ``left``, ``commits``, ``fates``. With `dry_run` it says what
        would happen. Only what came with `tick`, or has `reason`, if these are given.

        Raises:
            Busy: another process collects the stream.
            StoreUnavailable, Corrupt, SpoolRefused: what was landed until then stands.

        """
        from coleta.cli.lifting import foresee_replay, jailed_streams, replay_stream
        from coleta.cli.replay import wanted_of
        from coleta.runtime.redrive import silent

        wanted = wanted_of(tick_named(tick), reason)
        return {
            one.name: foresee_replay(landed, wanted, silent)
            if dry_run
            else replay_stream(self._app, one, wanted, tell=_silent, progress=silent)
            for one, landed in jailed_streams(self._app, stream, wanted)
        }

    def repair(
        self,
        *streams: str,
        source: str | None = None,
        data: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Repairs]:
        """Put right what ``verify`` finds wrong with `streams`, or with all, as far as the log proves what is right.

        By the stream's name a ``Repairs``: ``done``, ``left`` (each with ``finding`` and the ``step`` for a person),
        ``sound``. `source` names a copy of the store, as ``--from`` does; with `data` every byte is looked at.

        Raises:
            Busy: another process collects a stream.
            NeverStarted: a stream that is named was never started.
            StoreUnavailable, SpoolRefused: called again, it goes on where it was.
            Misconfigured, WrongQuestion: `source` names no other store.

        """
        from coleta.cli.app import NeverStarted
        from coleta.cli.mending import repair_stream

        done: dict[str, Repairs] = {}
        for one in [self._app.stream(name) for name in streams] or self._app.streams:
            try:
                done[one.name] = repair_stream(
                    self._app, one, source=source, dry_run=dry_run, data=data, progress=lambda seq: None
                )
            except NeverStarted:
                if streams:
                    raise
        return done

    def publish(
        self, stream: str | None = None, *, accept: bool = False, dry_run: bool = False
    ) -> list[PublishedTable]:
        """Register what has landed in the table of `stream`, or of all that have one. Again, it changes nothing.

        For each a ``PublishedTable``: ``stream``, the new ``objects`` and their ``rows``, and ``seq``, the commit
        of the log that it holds now. With `dry_run` it says what would be new. `accept` takes the table as it lies
        there now, or makes it anew: after it was dropped, recreated or restored on purpose.

        Raises:
            Misconfigured: the stream has no table; or the table is not what it was, or cannot take these rows.
            StoreUnavailable, Corrupt: called again, it goes on where it was.

        """
        from coleta.cli.tables import publish_stream, tables_of

        done = []
        for one in tables_of(self._app, stream):
            done.append(publish_stream(self._app, one, accept=accept, dry_run=dry_run))
            if done[-1].error is not None:
                raise done[-1].error
        return done

    def discard(
        self, stream: str, *, tick: str | datetime | None = None, reason: str | None = None, dry_run: bool = False
    ) -> Discarded:
        """Give up what is in the quarantine of `stream` for ever; the log says so, then the files are deleted.

        A ``Discarded``: ``files``, ``mixed`` (left, since they hold records for other reasons too), ``deleted``.

        Raises:
            Busy: another process collects the stream.
            NeverStarted: there is nothing yet.
            StoreUnavailable, Corrupt, Misconfigured: called again, it goes on where it was.

        """
        from coleta.cli.lifting import discard_stream, foresee_discard
        from coleta.cli.replay import wanted_of
        from coleta.runtime.redrive import silent

        one, wanted = self._app.stream(stream), wanted_of(tick_named(tick), reason)
        if dry_run:
            return foresee_discard(landed_of(self._app, one), wanted)
        return discard_stream(self._app, one, wanted, tell=_silent, progress=silent)

    def maintain(self, stream: str | None = None, *, dry_run: bool = False) -> dict[str, Done]:
        """Write the roll-ups that are missing, and delete what was kept for as long as ``retention`` says.

        By the stream's name a ``Done``: ``expired``, ``deleted``, ``superseded``, ``kept``, ``rolled_up``. A `dry_run`
        says what would be deleted. Streams that never started are left out.

        Raises:
            Busy: another process collects the stream.
            StoreUnavailable, Corrupt, Misconfigured: called again, it goes on where it was.

        """
        from coleta.cli.maintain import maintained

        return dict(maintained(self._app, stream, dry_run=dry_run, progress=lambda name, done: None))
