from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from coleta.adapters.sqlite_index import SqliteIndex
from coleta.errors import Misconfigured, Retryable
from coleta.land.commit import Committed, Head
from coleta.land.record import ArchiveFile, encode_record, record_digest
from coleta.testing.samples import OTHER_UUID, UUID, sample_answer, sample_commit, sample_identity

GENESIS = Head.genesis(sample_identity())


def fill(path: Path, commits: int) -> tuple[Head, list[Committed]]:
    with closing(SqliteIndex(path, uuid=UUID)) as index:
        return enter(index, commits)


def enter(index: SqliteIndex, commits: int) -> tuple[Head, list[Committed]]:
    head, found = GENESIS, []
    for n in range(commits):
        head, committed = sample_commit(head, ticks=(n,))
        index.enter(head, committed)
        found.append(committed)
    return head, found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_entered_is_remembered_by_the_next_instance(tmp_path: Path) -> None:
    head, commits = fill(tmp_path / "index", 3)

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert index.head() == head
        assert list(index.commits()) == commits
        assert index.landed([sample_answer(2)]) == {sample_answer(2)}


def test_a_lost_file_is_an_empty_index(tmp_path: Path) -> None:
    fill(tmp_path / "index", 3)
    (tmp_path / "index").unlink()

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert index.head() is None
        head, commits = enter(index, 2)
        assert (index.head(), list(index.commits())) == (head, commits)


def test_the_index_of_another_uuid_is_made_anew(tmp_path: Path) -> None:
    fill(tmp_path / "index", 3)

    with closing(SqliteIndex(tmp_path / "index", uuid=OTHER_UUID)) as index:
        assert index.head() is None
        assert list(index.commits()) == []
        assert index.landed([sample_answer(0)]) == frozenset()
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert index.head() is None


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_no_index_is_made_anew(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / "index").write_bytes(rubbish)

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert index.head() is None
        head, _ = enter(index, 2)
        assert index.head() == head


@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA user_version = 3",
        "UPDATE log SET head = 'rubbish'",
        "DELETE FROM log",
        "DROP TABLE commits",
        "DELETE FROM commits WHERE seq = 3",
    ],
)
def test_a_file_of_another_schema_or_not_of_one_piece_is_made_anew(tmp_path: Path, change: str) -> None:
    fill(tmp_path / "index", 3)
    with closing(sqlite3.connect(tmp_path / "index")) as db:
        db.execute(change)
        db.commit()

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
        assert look.head() is None
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert index.head() is None
        assert list(index.commits()) == []


def test_damage_found_while_working_is_told_and_the_index_begins_again(tmp_path: Path) -> None:
    fill(tmp_path / "index", 3)
    with closing(sqlite3.connect(tmp_path / "index")) as db:
        db.execute("UPDATE commits SET record = 'rubbish' WHERE seq = 2")
        db.commit()

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        with pytest.raises(Retryable, match="damaged"):
            list(index.commits())
        assert index.head() is None
        head, commits = enter(index, 4)
        assert (index.head(), list(index.commits())) == (head, commits)


def test_pages_damaged_while_working_never_make_an_answer_look_not_landed(tmp_path: Path) -> None:
    fill(tmp_path / "index", 600)
    asked = [sample_answer(n) for n in range(600)]
    size = (tmp_path / "index").stat().st_size

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        with (tmp_path / "index").open("r+b") as file:
            file.seek(8_192)
            file.write(b"\xa5" * (size - 8_192))
        with pytest.raises(Retryable):
            index.landed(asked)
        assert index.head() is None


def test_a_read_only_index_makes_nothing(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
        assert look.head() is None
        assert list(look.commits()) == []
        with pytest.raises(ValueError, match="read only"):
            look.enter(GENESIS, None)
    assert names(tmp_path) == []

    head, commits = fill(tmp_path / "index", 3)
    before = names(tmp_path)
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
        assert (look.head(), list(look.commits())) == (head, commits)
        assert names(tmp_path) == before
    assert names(tmp_path) == before


def test_a_read_only_index_leaves_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(b"rubbish")

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
        assert look.head() is None
    assert (tmp_path / "index").read_bytes() == b"rubbish"


def test_a_reader_sees_what_a_writer_that_still_works_has_entered(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        head, commits = enter(index, 3)
        with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
            assert (look.head(), list(look.commits())) == (head, commits)


def test_a_folder_that_is_not_there_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be opened"):
        SqliteIndex(tmp_path / "none" / "index", uuid=UUID)


def test_what_lies_in_the_way_of_a_new_file_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite-wal").mkdir()

    with pytest.raises(Misconfigured, match=r"index cannot be opened: .*index\.sqlite-wal"):
        SqliteIndex(tmp_path / "index.sqlite", uuid=UUID)


def test_several_threads_may_use_one_index(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:

        def read(_: int) -> set[int]:
            return {len(list(index.commits())) - len(index.landed([sample_answer(n) for n in range(100)]))}

        with ThreadPoolExecutor(3) as pool:
            reading = [pool.submit(read, n) for n in range(40)]
            head, _ = enter(index, 100)
            assert all(max(each.result()) <= 0 for each in reading)
        assert index.head() == head


def test_an_index_that_is_only_read_finds_who_names_a_file_by_looking_at_all(tmp_path: Path) -> None:
    copy = ArchiveFile("_archive/a", "0" * 64, sample_answer())
    head, first = sample_commit(Head.genesis(sample_identity()))
    _, second = sample_commit(head, ticks=(1,))
    record = replace(second.record, archive=(copy,))
    second = Committed(second.name, record, record_digest(encode_record(record)))
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        index.enter(head, first)
        index.enter(head.after(second), second)

    before = (tmp_path / "index").read_bytes()
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID, read_only=True)) as look:
        assert list(look.commits(naming=["_archive/a"])) == [second]
    assert (tmp_path / "index").read_bytes() == before


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        (found,) = db.execute("PRAGMA user_version").fetchone()
    return int(found)


def test_one_without_the_oldest_commits_is_not_read_by_older_versions_until_it_has_them(tmp_path: Path) -> None:
    head, commits = fill(tmp_path / "whole", 3)
    assert version(tmp_path / "whole") == 1

    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        index.enter(head, commits[2])
    assert version(tmp_path / "index") == 2
    with closing(SqliteIndex(tmp_path / "index", uuid=UUID)) as index:
        assert (index.head(), list(index.commits())) == (head, commits[2:])
        index.enter(None, None, before=commits[:2])
    assert version(tmp_path / "index") == 1
