"""What is asked about what was collected: the part of ``Project`` that reads, and changes nothing.

Promises what the commands of the same names promise. It takes no lock, so it may be called beside a running service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from coleta.ask.quarantine import Rejected
from coleta.ask.table import Table
from coleta.cli.app import NeverStarted
from coleta.cli.reading import books_of, landed_of
from coleta.errors import ColetaError, WrongQuestion
from coleta.library.answers import Audit, Status, Tick
from coleta.library.given import tick_named
from coleta.wiring import App

if TYPE_CHECKING:
    import pyarrow as pa

    from coleta.ask.trace import Trace


class Reading:
    """The methods of ``Project`` that read what was collected; on their own they are nothing."""

    _app: App

    def status(self) -> list[Status]:
        """How every stream is; one that cannot be read says why in ``error``."""
        return [self._status(name) for name in self._names()]

    def history(self, stream: str, *, limit: int | None = None) -> list[Tick]:
        """What became of the ticks of `stream`, or of the newest `limit` of them, oldest first.

        Raises:
            NeverStarted: there is nothing yet.

        """
        books = books_of(self._app, self._app.stream(stream))
        return [Tick.of(line) for line in (books.ticks() if limit is None else books.newest(limit))]

    def gaps(self, stream: str) -> list[Tick]:
        """The ticks of `stream` that ended without an answer, and still have none.

        Raises:
            NeverStarted: there is nothing yet.

        """
        return [Tick.of(line) for line in books_of(self._app, self._app.stream(stream)).gaps()]

    def verify(self, *streams: str, level: int = 1, subset: str | None = None) -> Audit:
        """Whether the books of `streams`, or of all, balance. Damage is in the reports, and makes the result false.

        `level` 0 looks at the spool and the newest commits, 1 at the whole log and all that it names. 2 reads every
        byte as well, 3 also decodes archived answers again; `subset` ``"2/7"`` has them read one part of seven only.

        Raises:
            StoreUnavailable: a store did not answer, so nothing is known.
            NeverStarted: a stream that is named was never started.
            WrongQuestion: there is no such level or part.

        """
        from coleta.runtime.auditor import Report, quick, whole
        from coleta.runtime.inspector import REPLAY, deep_of

        if not 0 <= level <= REPLAY:
            raise WrongQuestion(f"there is no level {level}", hint=f"levels are 0 to {REPLAY}")
        deep = deep_of(level, subset)
        reports: list[Report] = []
        for name in streams or self._names():
            try:
                evidence = self._app.evidence(self._app.stream(name), table=True)
            except NeverStarted:
                if streams:
                    raise
                continue
            reports.append(whole(evidence, deep=deep) if level else quick(evidence))
        return Audit(tuple(reports))

    def table(self, stream: str, *, since: date | None = None, until: date | None = None) -> Table:
        """The landed rows of `stream`, as they are now: ``.to_arrow()``, ``.to_polars()``, ``.to_duckdb()``.

        With `since` and `until` only those of ticks of these dates and between, in UTC; no other object is read.

        Raises:
            NeverStarted: there is nothing yet.
            StoreUnavailable: the store does not answer.

        """
        from coleta.ask.span import Span

        return landed_of(self._app, self._app.stream(stream)).table(Span(since, until))

    def quarantine(
        self, stream: str, *, tick: str | datetime | None = None, reason: str | None = None
    ) -> Iterator[Rejected]:
        """What broke the contract of `stream`, oldest first, with reason and very bytes; read as it is asked for.

        Only what came with `tick`, or was refused for `reason`, if these are given.

        Raises:
            NeverStarted: there is nothing yet.
            StoreUnavailable: the store does not answer.
            Corrupt: a file is missing or damaged.
            WrongQuestion: `tick` is no tick's name.

        """
        from coleta.cli.meant import given_tick

        landed = landed_of(self._app, self._app.stream(stream))
        return landed.rejected(tick=given_tick(tick_named(tick)), reason=reason)

    def query(self, sql: str, *, since: date | None = None, until: date | None = None) -> pa.Table:
        """What `sql` gives over the streams, each a table of its name, as a ``pyarrow.Table``.

        These tables have the rows of ticks from the date `since` to the date `until` only, in UTC and both included.

        There are ``<stream>_ticks`` (what became of each tick) and ``<stream>_quarantine`` too. DuckDB answers, from
        exactly the objects that the records name.

        Raises:
            WrongQuestion: it is no SQL, or cannot be computed.
            Misconfigured: duckdb is not installed.
            StoreUnavailable, Corrupt: what it asks about cannot be read.

        """
        from coleta.ask.landed import silent
        from coleta.ask.span import Span
        from coleta.cli.query import found_rows

        with found_rows(self._app, sql, silent, Span(since, until)) as found:
            return found.batches.read_all()

    def trace(self, stream: str, where: Mapping[str, str], *, limit: int = 10) -> list[Trace]:
        """The first `limit` records of `stream`, landed or in the quarantine, that have the values of `where`.

        `where` are columns with their values, written as text: ``{"ean": "7891000100103"}``.

        Raises:
            WrongQuestion: there is no such column, or it has no such value.
            NeverStarted: there is nothing yet.
            StoreUnavailable, Corrupt: what it stands in cannot be read.

        """
        from itertools import islice

        from coleta.ask.trace import traces

        return list(islice(traces(landed_of(self._app, self._app.stream(stream)), where), limit))

    def _status(self, name: str) -> Status:
        from coleta.cli.pause import pauses_of
        from coleta.cli.tables import table_lag

        stream = self._app.stream(name)
        try:
            books = books_of(self._app, stream)
            lacking = table_lag(self._app, books)[1] if stream.table is not None else ()
            found = replace(Status.of(books), behind=len(lacking))
        except NeverStarted:
            found = Status(name)
        except ColetaError as error:
            found = Status(name, started=True, error=str(error))
        return replace(found, paused=pauses_of(self._app, stream).since)

    def _names(self) -> list[str]:
        return [stream.name for stream in self._app.streams]
