"""Which commits name a file, in the index's own SQLite file. Derived from its table of commits.

Asked for rarely, so landing pays nothing for it: the table is caught up when it is asked. A file is known by the
first 8 bytes of a digest of its name, so what is found is looked at again by whoever asks.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable

from coleta.land.commit import Committed

_AT_ONCE = 500

_TABLES = (
    "CREATE TABLE IF NOT EXISTS files (mark INTEGER, seq INTEGER, PRIMARY KEY (mark, seq)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS files_until (seq INTEGER NOT NULL, digest TEXT NOT NULL)",
)

CommitsFrom = Callable[[sqlite3.Connection, int], list[Committed]]
"""Some of the commits from a number on, oldest first; none where there are no more."""
CommitsAt = Callable[[sqlite3.Connection, list[int]], list[Committed]]
"""The commits of some numbers, in order, as far as they are there."""


def catch_up(db: sqlite3.Connection, commits_from: CommitsFrom, commits_at: CommitsAt) -> bool | None:
    """Learn some of the commits that are not known yet; whether there were any, None where nothing can be written."""
    try:
        for table in _TABLES:
            db.execute(table)
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return None
    try:
        with db:
            found = commits_from(db, _known(db, commits_at) + 1)
            rows = [(_mark(path), one.record.seq) for one in found for path in one.record.named_files()]
            db.executemany("INSERT OR IGNORE INTO files VALUES (?, ?)", rows)
            if found:
                db.execute("DELETE FROM files_until")
                db.execute("INSERT INTO files_until VALUES (?, ?)", (found[-1].record.seq, found[-1].digest))
    except sqlite3.OperationalError:
        return None
    return bool(found)


def _known(db: sqlite3.Connection, commits_at: CommitsAt) -> int:
    """The commit up to which the table is right; it begins anew where the log was learned anew since."""
    row = db.execute("SELECT seq, digest FROM files_until").fetchone()
    if row is None:
        return 0
    there = commits_at(db, [row[0]])
    if [(one.record.seq, one.digest) for one in there] == [tuple(row)]:
        return int(row[0])
    db.execute("DELETE FROM files")
    db.execute("DELETE FROM files_until")
    return 0


def forget(db: sqlite3.Connection) -> None:
    """Begin anew: there are older commits now."""
    for table in ("files", "files_until"):
        db.execute(f"DROP TABLE IF EXISTS {table}")


def naming(db: sqlite3.Connection, paths: Collection[str]) -> list[int]:
    """The numbers of the commits that may name one of `paths`, in order; call ``catch_up`` before."""
    marks = [_mark(path) for path in paths]
    found: set[int] = set()
    for start in range(0, len(marks), _AT_ONCE):
        some = marks[start : start + _AT_ONCE]
        places = ",".join("?" * len(some))
        found.update(row[0] for row in db.execute(f"SELECT seq FROM files WHERE mark IN ({places})", some))
    return sorted(found)


def only_naming(commits: Iterable[Committed], paths: Collection[str]) -> list[Committed]:
    """Those of `commits` that name one of `paths`."""
    wanted = frozenset(paths)
    return [one for one in commits if not wanted.isdisjoint(one.record.named_files())]


def _mark(path: str) -> int:
    digest = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
