"""SQL over what has landed, by DuckDB: each stream is a table, and so are its ticks and its quarantine.

Read are exactly the data objects that the records name, never a folder. Files on this machine are read by
DuckDB itself; what lies elsewhere is copied into it first, piece by piece, for the streams that the question
names only. Promises that nothing is downloaded, and that nothing which has landed can be changed by SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from coleta.ask.derived import quarantine_rows, tick_rows
from coleta.ask.landed import Landed, Progress, silent
from coleta.ask.span import EVERYTHING, Span
from coleta.ask.table import read_rows
from coleta.errors import Corrupt, Misconfigured, WrongQuestion
from coleta.stream import Stream

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Named = Callable[[Stream], Landed | None]
"""What has landed of a stream; None if it was never started."""

PIECE_ROWS = 65_536

_ABOUT_ALL = re.compile(
    r"\bshow\b|\bsummarize\b|information_schema|duckdb_|sqlite_|pg_catalog|\bpragma\b", re.IGNORECASE
)
"""Questions about which tables there are, which need them all."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
"""Nothing is downloaded, and no variable of this program is taken for a table."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question gave. It is read once, and only while its ``with`` block lasts."""

    batches: pa.RecordBatchReader

    @property
    def names(self) -> list[str]:
        """The names of the columns; two may have one name."""
        return list(self.batches.schema.names)

    def rows(self, limit: int | None = None) -> Iterator[tuple[object, ...]]:
        """The rows, or the first `limit` of them, as Python's values in the order of ``names``."""
        left = limit
        for batch in self.batches:
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if left == 0:
                    return
                left = None if left is None else left - 1
                yield row


@contextmanager
def answered(
    sql: str, streams: Sequence[Stream], named: Named, *, span: Span = EVERYTHING, progress: Progress = silent
) -> Iterator[Found]:
    """The rows that `sql` gives, to be read inside the ``with`` block; of several statements those of the last.

    A stream's table has the rows of ticks in `span` only, and no other object is looked at.

    Raises:
        WrongQuestion: it is no SQL, or cannot be computed; the message is DuckDB's.
        Misconfigured: duckdb is not installed.
        StoreUnavailable, Corrupt: what it asks about cannot be read.

    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise Misconfigured("duckdb is not installed", hint="pip install 'coleta[query]'") from None
    import pyarrow as pa

    with TemporaryDirectory(prefix="coleta-query-") as scratch:
        connection = duckdb.connect(config={**_SETTINGS, "temp_directory": scratch})
        try:
            connection.execute("SET TimeZone = 'UTC'")  # a column of instants is shown as it was landed
            for stream in streams:
                _offer(connection, sql, stream, named, (span, progress))
            found = connection.sql(sql)
            if found is None:
                found = connection.sql("SELECT 'done' AS result")
            yield Found(found.to_arrow_reader(PIECE_ROWS))
        except duckdb.InterruptException:
            raise KeyboardInterrupt from None
        except (duckdb.Error, pa.ArrowException) as error:
            raise _wrong(str(error), streams) from None
        finally:
            connection.close()


def _offer(
    connection: duckdb.DuckDBPyConnection, sql: str, stream: Stream, named: Named, how: tuple[Span, Progress]
) -> None:
    """Make the tables of `stream` that `sql` may be about."""
    wanted = [name for name in table_names(stream) if _names(sql, name)]
    if not wanted:
        return
    landed = named(stream)
    for name in wanted:
        match name.removeprefix(stream.name):
            case "_ticks":
                _copy(connection, name, tick_rows(landed))
            case "_quarantine":
                _copy(connection, name, quarantine_rows(landed))
            case _:
                _rows(connection, stream, landed, *how)


def table_names(stream: Stream) -> tuple[str, ...]:
    """The tables of `stream` in SQL."""
    return stream.name, f"{stream.name}_ticks", f"{stream.name}_quarantine"


def _names(sql: str, table: str) -> bool:
    # More than the truth, since a text or an alias may have that name too; never less.
    return bool(_ABOUT_ALL.search(sql) or re.search(rf"\b{re.escape(table)}\b", sql, re.IGNORECASE))


def _rows(
    connection: duckdb.DuckDBPyConnection, stream: Stream, landed: Landed | None, span: Span, progress: Progress
) -> None:
    """The table of a stream's rows. Contracts that differ are put together by the names of their columns."""
    from coleta.land.columns import schema

    groups: dict[str, list[str]] = {}
    for committed in landed.table(span).filled() if landed else ():
        groups.setdefault(committed.record.terms, []).append(committed.name)
    if landed is None or not groups:
        _copy(connection, stream.name, schema(stream.terms).empty_table().to_reader())
        return
    folder = _folder(stream)
    if folder is not None:
        parts = [_files(folder / name for name in names) for names in groups.values()]
        connection.execute(f"CREATE VIEW {_quoted(stream.name)} AS " + " UNION ALL BY NAME ".join(parts))
        return
    parts = []
    for number, names in enumerate(groups.values()):
        part = f"{stream.name} part {number}"
        _copy(connection, part, _remote(landed, names, progress))
        parts.append(f"SELECT * FROM {_quoted(part)}")
    connection.execute(f"CREATE VIEW {_quoted(stream.name)} AS " + " UNION ALL BY NAME ".join(parts))


def _files(paths: Iterator[Path]) -> str:
    # A name that has * or [ in it is taken as it is where such a file exists.
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"


def _remote(landed: Landed, names: Sequence[str], progress: Progress) -> pa.RecordBatchReader:
    import pyarrow as pa

    def pieces() -> Iterator[pa.RecordBatch]:
        for done, name in enumerate(names):
            progress(landed.stream.name, done, len(names))
            yield from read_rows(landed.store, name)
        progress(landed.stream.name, len(names), len(names))

    found = pieces()
    first = next(found)  # an object that is named has rows

    def all_pieces() -> Iterator[pa.RecordBatch]:
        yield first
        yield from found

    return pa.RecordBatchReader.from_batches(first.schema, all_pieces())


def _copy(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.RecordBatchReader) -> None:
    connection.register("coming", rows)
    connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM coming")
    connection.unregister("coming")


def _folder(stream: Stream) -> Path | None:
    """Where the objects of `stream` lie, if that is on this machine."""
    return Path(unquote(urlsplit(stream.store).path)) / stream.path if stream.store.startswith("file:") else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _wrong(told: str, streams: Sequence[Stream]) -> Corrupt | WrongQuestion:
    """What DuckDB said: of our own files damage, else a mistake in the question."""
    for stream in streams:
        folder = _folder(stream)
        found = None if folder is None else re.search(re.escape(str(folder)) + r"/([\w/=.-]+)", told)
        if found:
            return Corrupt("a data object is missing or damaged", where=found[1], hint="coleta verify tells more")
    names = ", ".join(name for stream in streams for name in table_names(stream))
    hint = f"there is: {names}" if "does not exist" in told else None
    return WrongQuestion(told.strip(), hint=hint)
