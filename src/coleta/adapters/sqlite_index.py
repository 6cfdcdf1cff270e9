"""What this machine remembers of one stream's log, in a SQLite file beside the spool. Derived.

A file that is damaged, of another uuid or of another schema is deleted and learned again from the
store. It may know less than the log, never more, and is always of one piece: one transaction for each head.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from threading import Lock
from typing import TypeVar

import msgspec

from coleta.adapters import sqlite_files
from coleta.errors import Corrupt, Misconfigured, Retryable
from coleta.land.commit import Committed, Head
from coleta.land.record import SHORT_ID, decode_record, encode_record

SCHEMA = 1
WITHOUT_THE_OLDEST = 2
"""The same tables; but older versions, which take what they find for all there is, must learn the log anew."""

_AT_ONCE = 500
"""SQLite takes at least 999 variables in a statement; and so many records are a few MB."""

_A_FEW = 20

_CACHE_KB = 256
"""Pages kept in memory for each index, and so for each stream: SQLite's own 2 MB would fill up over weeks, as if
memory grew with the log. The system keeps the file's pages as well."""

_TABLES = """
CREATE TABLE log (uuid TEXT NOT NULL, head BLOB);
CREATE TABLE commits (seq INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, record BLOB NOT NULL);
CREATE TABLE answers (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
"""

# What could not be written to the disk, in memory, under the same columns.
_LATE_TABLES = """
CREATE TEMP TABLE late_log (head BLOB);
CREATE TEMP TABLE late_commits (seq INTEGER PRIMARY KEY, name TEXT, digest TEXT, record BLOB);
CREATE TEMP TABLE late_answers (id TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID;
"""

_ALL_COMMITS = (
    "(SELECT seq, name, digest, record FROM commits WHERE seq NOT IN (SELECT seq FROM late_commits) "
    "UNION ALL SELECT seq, name, digest, record FROM late_commits)"
)

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_NO_ROOM = {*_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM}

T = TypeVar("T")

# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_HEAD = msgspec.json.Decoder(Head)


class SqliteIndex:
    """The index of the log `uuid` in the file `path`. Safe to use from several threads.

    A method raises ``Retryable`` where the file turns out to be damaged: it is made anew then, and the
    caller begins again from ``head``, since what an emptied index says of the rest would be wrong.
    """

    def __init__(self, path: Path, *, uuid: str, read_only: bool = False) -> None:
        """Open it, or make it; with `read_only` nothing is made, and what cannot be used is empty.

        On a disk that takes nothing it is learned from the store once more and kept in memory: landing must go
        on then, since landing is what frees the disk.

        Raises:
            Misconfigured: the file can neither be opened nor made.

        """
        self._path = path
        self._uuid = uuid
        self._read_only = read_only
        self._lock = Lock()
        self._known_head: tuple[bytes, Head | None] = (b"", None)
        try:
            self._db = _look(path, uuid) if read_only else _open(path, uuid)
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and _code(error) in _FULL:
                self._db = _in_memory(uuid)
                return
            raise Misconfigured(
                f"the index cannot be opened: {error}",
                where=str(path),
                hint="is its folder there, and writable, and the disk not full?",
            ) from None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def head(self) -> Head | None:
        """The newest state entered, or None; see ``Index``. From a damaged file None, which is a sound start."""
        with suppress(_Lost):
            return self._ask(self._read_head)
        return None

    def _read_head(self, db: sqlite3.Connection) -> Head | None:
        # With thousands of separate gaps, reading it costs milliseconds, and each step asks for it.
        stored = _stored_head(db)
        if stored is not None and stored != self._known_head[0]:
            self._known_head = stored, _HEAD.decode(stored)
        return self._known_head[1] if stored is not None else None

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        """Remember `committed`, which led to `head`, and those `before` it, or older ones; see ``Index``.

        While the disk takes nothing it is remembered in memory, and saved with a later one: landing
        must go on then, since landing is what frees the disk.
        """
        if self._read_only:
            raise ValueError("this index was opened to be read only")
        if head is None:
            self._ask(lambda db: _enter_older(db, before))
            return
        if committed is not None and committed.record.seq != head.seq:
            raise ValueError(f"commit {committed.record.seq} does not lead to head {head.seq}")
        new = (*before, committed) if committed is not None else ()
        self._ask(lambda db: _enter(db, head, new))

    def landed(self, answer_ids: Collection[str], *, days: Collection[date] | None = None) -> frozenset[str]:
        """Which of `answer_ids` committed records name; see ``Index``."""
        asked = list(answer_ids)
        return frozenset(self._ask(lambda db: _landed(db, asked)))

    def commits(self, *, newest: int | None = None, naming: Collection[str] | None = None) -> Iterator[Committed]:
        """The commits entered, oldest first; or only the `newest` so many, or those that name files; see ``Index``."""
        if naming is not None:
            yield from self._naming(frozenset(naming))
            return
        at = 0 if newest is None else self._ask(lambda db: _first_of_newest(db, newest))
        most = _A_FEW  # whoever only wants to know where they begin need not wait for more
        while found := self._ask(lambda db, at=at, most=most: _commits(db, at, most)):  # type: ignore[misc]
            yield from found
            at, most = found[-1].record.seq + 1, _AT_ONCE

    def _naming(self, paths: Collection[str]) -> Iterator[Committed]:
        # A few commits at a time: landing asks the same connection meanwhile.
        while more := self._ask(lambda db: sqlite_files.catch_up(db, _commits, _commits_at)):
            pass
        if more is None:  # a disk that is full, or an index that is only read: all of it is looked through
            for one in self.commits():
                yield from sqlite_files.only_naming((one,), paths)
            return
        seqs = self._ask(lambda db: sqlite_files.naming(db, paths))
        for start in range(0, len(seqs), _AT_ONCE):
            some = seqs[start : start + _AT_ONCE]
            yield from sqlite_files.only_naming(self._ask(lambda db, some=some: _commits_at(db, some)), paths)  # type: ignore[misc]

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return question(self._db)
            except (msgspec.MsgspecError, UnicodeError, Corrupt) as error:
                self._start_anew()
                raise self._lost(error) from None
            except sqlite3.DatabaseError as error:
                code = _code(error)
                if code in _DAMAGED:
                    self._start_anew()
                    raise self._lost(error) from None
                if code in _NO_ROOM | _BUSY:
                    raise Retryable(f"the index cannot be used now: {error}", where=str(self._path)) from None
                raise

    def _start_anew(self) -> None:
        self._db.close()
        try:
            self._db = _in_memory(self._uuid) if self._read_only else _make(self._path, self._uuid)
        except (sqlite3.Error, OSError):
            # The disk takes no new file: what is learned again from the store is kept in memory.
            self._db = _in_memory(self._uuid)

    def _lost(self, error: Exception) -> _Lost:
        return _Lost(
            f"the index was damaged and is learned again from the store ({error})",
            where=str(self._path),
            hint="nothing is lost: the log in the store says it all",
        )


class _Lost(Retryable):
    """The index was damaged, and is empty now."""

    code = "index_lost"


# Questions ----------------------------------------------------------------------------------------


def _stored_head(db: sqlite3.Connection) -> bytes | None:
    row = db.execute("SELECT head FROM late_log UNION ALL SELECT head FROM log LIMIT 1").fetchone()
    return row[0] if row else None


def _head(db: sqlite3.Connection) -> Head | None:
    stored = _stored_head(db)
    return None if stored is None else _HEAD.decode(stored)


def _landed(db: sqlite3.Connection, asked: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        for table in ("answers", "late_answers"):
            found.update(row[0] for row in db.execute(f"SELECT id FROM {table} WHERE id IN ({marks})", some))
    # "g" is beyond every hexadecimal digit, so the range holds just the ids that begin so.
    begins = "SELECT 1 FROM {} WHERE id >= ? AND id < ? || 'g' LIMIT 1"
    for short in (one for one in asked if len(one) == SHORT_ID):
        if any(db.execute(begins.format(table), (short, short)).fetchone() for table in ("answers", "late_answers")):
            found.add(short)
    return found


def _first_of_newest(db: sqlite3.Connection, newest: int) -> int:
    query = f"SELECT min(seq) FROM (SELECT seq FROM {_ALL_COMMITS} ORDER BY seq DESC LIMIT ?)"
    (first,) = db.execute(query, (newest,)).fetchone()
    return 2**62 if first is None else int(first)


def _commits(db: sqlite3.Connection, at: int, most: int = _AT_ONCE) -> list[Committed]:
    query = f"SELECT name, digest, record FROM {_ALL_COMMITS} WHERE seq >= ? ORDER BY seq LIMIT {most}"
    rows = db.execute(query, (at,)).fetchall()
    return [Committed(name, decode_record(name, record), digest) for name, digest, record in rows]


def _commits_at(db: sqlite3.Connection, seqs: list[int]) -> list[Committed]:
    """Those of the numbers `seqs`, at most ``_AT_ONCE``, in order."""
    marks = ",".join("?" * len(seqs))
    rows = {}
    # Table by table: SQLite looks through all of both where they are put together.
    for table in ("commits", "late_commits"):
        query = f"SELECT seq, name, digest, record FROM {table} WHERE seq IN ({marks})"
        rows.update({seq: rest for seq, *rest in db.execute(query, seqs)})
    return [Committed(name, decode_record(name, record), digest) for _, (name, digest, record) in sorted(rows.items())]


def _enter(db: sqlite3.Connection, head: Head, commits: Sequence[Committed]) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        with db:
            db.execute("INSERT OR REPLACE INTO commits SELECT * FROM late_commits")
            db.execute("INSERT OR REPLACE INTO answers SELECT * FROM late_answers")
            _write(db, "", head, commits)
            for table in ("log", "commits", "answers"):
                db.execute(f"DELETE FROM late_{table}")
    except sqlite3.OperationalError as error:
        if _code(error) not in _NO_ROOM:
            raise
        db.execute("BEGIN")
        with db:
            _write(db, "late_", head, commits)


def _enter_older(db: sqlite3.Connection, commits: Sequence[Committed]) -> None:
    """Enter `commits`, if they lead up to the oldest one that is there."""
    db.execute("BEGIN IMMEDIATE")
    with db:
        (oldest,) = db.execute(f"SELECT min(seq) FROM {_ALL_COMMITS}").fetchone()
        if not commits or oldest != commits[-1].record.seq + 1:
            return
        sqlite_files.forget(db)
        _write_commits(db, "", commits)
        if commits[0].record.seq == 1:
            db.execute(f"PRAGMA user_version = {SCHEMA}")


def _write(db: sqlite3.Connection, late: str, head: Head, commits: Sequence[Committed]) -> None:
    encoded = msgspec.json.encode(head)
    if late:
        db.execute("DELETE FROM late_log")
        db.execute("INSERT INTO late_log VALUES (?)", (encoded,))
    else:
        db.execute("UPDATE log SET head = ?", (encoded,))
    # A head that goes back takes with it what came after: what is remembered is of one piece.
    if db.execute(f"SELECT 1 FROM {late}commits WHERE seq > ?", (head.seq,)).fetchone():
        db.execute(f"DELETE FROM {late}commits WHERE seq > ?", (head.seq,))
        db.execute(f"DELETE FROM {late}answers WHERE seq > ?", (head.seq,))
    if commits and commits[0].record.seq > 1 and not db.execute(f"SELECT 1 FROM {_ALL_COMMITS} LIMIT 1").fetchone():
        db.execute(f"PRAGMA user_version = {WITHOUT_THE_OLDEST}")
    _write_commits(db, late, commits)


def _write_commits(db: sqlite3.Connection, late: str, commits: Sequence[Committed]) -> None:
    rows = [(one.record.seq, one.name, one.digest, encode_record(one.record)) for one in commits]
    db.executemany(f"INSERT OR REPLACE INTO {late}commits VALUES (?, ?, ?, ?)", rows)
    # Not of a redrive: it names answers that landed before it, and must not make them seem younger.
    named = [
        (account.answer, one.record.seq)
        for one in commits
        if one.record.kind == "batch"
        for account in one.record.accounts
        if account.answer is not None
    ]
    db.executemany(f"INSERT OR REPLACE INTO {late}answers VALUES (?, ?)", named)


# Files ----------------------------------------------------------------------------------------------


def _open(path: Path, uuid: str) -> sqlite3.Connection:
    if path.exists():
        db = _connect(f"{path.absolute().as_uri()}?mode=rw")
        if _is_ours(db, uuid):
            return db
        db.close()
    return _make(path, uuid)


def _look(path: Path, uuid: str) -> sqlite3.Connection:
    if not path.exists():
        return _in_memory(uuid)
    # Without a journal nobody writes, and `immutable` keeps SQLite from making one to share.
    journal = path.with_name(f"{path.name}-wal").exists()
    db = _connect(f"{path.absolute().as_uri()}?{'mode=ro' if journal else 'immutable=1'}")
    if _is_ours(db, uuid):
        return db
    db.close()
    return _in_memory(uuid)


def _make(path: Path, uuid: str) -> sqlite3.Connection:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return _fill(_connect(f"{path.absolute().as_uri()}?mode=rwc"), uuid)


def _in_memory(uuid: str) -> sqlite3.Connection:
    return _fill(_connect("file::memory:"), uuid)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False)


def _fill(db: sqlite3.Connection, uuid: str) -> sqlite3.Connection:
    try:
        _tune(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {SCHEMA};COMMIT")
        db.execute("INSERT INTO log VALUES (?, NULL)", (uuid,))
    except sqlite3.Error:
        db.close()
        raise
    return db


def _tune(db: sqlite3.Connection) -> None:
    # First of all: what is late must not need the disk either.
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(_LATE_TABLES)


def _is_ours(db: sqlite3.Connection, uuid: str) -> bool:
    """Whether the file is whole as far as a start can tell, of this schema, and of this log.

    Raises:
        sqlite3.Error: it cannot be told; the connection is closed.

    """
    try:
        _tune(db)
        (schema,) = db.execute("PRAGMA user_version").fetchone()
        row = db.execute("SELECT uuid, (SELECT max(seq) FROM commits) FROM log").fetchone()
        head = _head(db)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    except sqlite3.Error as error:
        if _code(error) in _DAMAGED | {sqlite3.SQLITE_ERROR}:  # or without a table that is needed
            return False
        db.close()
        raise
    return (
        schema in (SCHEMA, WITHOUT_THE_OLDEST)
        and row is not None
        and row[0] == uuid
        and (head.seq if head else 0) == (row[1] or 0)
    )


def _code(error: sqlite3.Error) -> int:
    # The low byte is the kind; the rest says more than is needed here.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
