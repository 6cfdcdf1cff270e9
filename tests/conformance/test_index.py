"""The contract of ``coleta.ports.Index`` in code: every adapter passes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from coleta.adapters.sqlite_index import SqliteIndex
from coleta.land.commit import Committed, Head
from coleta.land.record import ArchiveFile, QuarantineFile, encode_record, record_digest
from coleta.ports import Index
from coleta.testing.memory import MemoryIndex
from coleta.testing.samples import UUID, sample_answer, sample_commit, sample_identity

GENESIS = Head.genesis(sample_identity())


@pytest.fixture(params=["memory", "disk"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Index]:
    with ExitStack() as stack:
        makers: dict[str, Callable[[], Index]] = {
            "memory": MemoryIndex,
            "disk": lambda: stack.enter_context(closing(SqliteIndex(tmp_path / "index.sqlite", uuid=UUID))),
        }
        yield makers[request.param]()


def enter(index: Index, commits: int) -> tuple[Head, list[Committed]]:
    head, found = GENESIS, []
    for n in range(commits):
        head, committed = sample_commit(head, ticks=(2 * n, 2 * n + 1))
        index.enter(head, committed)
        found.append(committed)
    return head, found


def test_where_nothing_is_remembered_there_is_nothing(index: Index) -> None:
    assert index.head() is None
    assert index.landed([sample_answer()]) == frozenset()
    assert list(index.commits()) == []
    assert list(index.commits(newest=1)) == []


def test_the_head_of_an_empty_log_is_remembered(index: Index) -> None:
    index.enter(GENESIS, None)

    assert index.head() == GENESIS
    assert list(index.commits()) == []


def test_the_newest_head_and_every_commit_are_remembered_whole(index: Index) -> None:
    head, commits = enter(index, 5)

    assert index.head() == head
    assert list(index.commits()) == commits


def test_commits_that_are_entered_together_are_remembered_as_if_one_by_one(index: Index) -> None:
    head, commits = GENESIS, []
    for n in range(4):
        head, committed = sample_commit(head, ticks=(2 * n, 2 * n + 1))
        commits.append(committed)

    index.enter(head, commits[-1], before=commits[:-1])

    assert index.head() == head
    assert list(index.commits()) == commits
    answers = {account.answer for one in commits for account in one.record.accounts}
    assert index.landed([one for one in answers if one]) == answers


@pytest.mark.parametrize("newest", [0, 1, 3, 5, 9])
def test_only_the_newest_commits_are_given_when_asked_oldest_first(index: Index, newest: int) -> None:
    _, commits = enter(index, 5)

    assert list(index.commits(newest=newest)) == commits[max(0, 5 - newest) :]


def test_more_commits_than_are_read_at_once_come_each_once_in_order(index: Index) -> None:
    head = GENESIS
    for n in range(701):  # one of a minute, all of one day
        head, committed = sample_commit(head, ticks=(n,))
        index.enter(head, committed)

    assert [one.record.seq for one in index.commits()] == list(range(1, 702))
    assert [one.record.seq for one in index.commits(newest=600)] == list(range(102, 702))


def test_the_answers_that_commits_name_are_landed_and_no_others(index: Index) -> None:
    enter(index, 2)

    asked = [sample_answer(n) for n in range(6)]

    assert index.landed(asked) == frozenset(asked[:4])
    assert index.landed([]) == frozenset()


def test_any_number_of_answers_may_be_asked_for(index: Index) -> None:
    enter(index, 2)

    asked = [sample_answer(n) for n in range(4)] + [f"{n:064x}" for n in range(2_000)]

    assert index.landed(asked) == frozenset(asked[:4])


def test_entering_a_commit_twice_changes_nothing(index: Index) -> None:
    head, commits = enter(index, 3)

    index.enter(head, commits[-1])

    assert index.head() == head
    assert list(index.commits()) == commits


def test_a_head_that_goes_back_takes_what_came_after_with_it(index: Index) -> None:
    enter(index, 3)
    head, committed = sample_commit(GENESIS, ticks=(0, 1))

    index.enter(head, committed)

    assert index.head() == head
    assert list(index.commits()) == [committed]
    assert index.landed([sample_answer(0), sample_answer(2)]) == {sample_answer(0)}
    index.enter(GENESIS, None)
    assert list(index.commits()) == []


def naming(index: Index, *paths: str) -> list[int]:
    return [one.record.seq for one in index.commits(naming=paths)]


def named(head: Head, n: int, **fields: object) -> tuple[Head, Committed]:
    """A commit that names files."""
    _, committed = sample_commit(head, ticks=(n,))
    record = replace(committed.record, **fields)  # type: ignore[arg-type]
    committed = Committed(committed.name, record, record_digest(encode_record(record)))
    return head.after(committed), committed


def test_the_commits_that_name_a_file_are_found_however_they_name_it(index: Index) -> None:
    jailed = QuarantineFile("_quarantine/a", "0" * 64, sample_answer(0), "records", 1, {"type": 1})
    copy = ArchiveFile("_archive/b", "0" * 64, sample_answer(1))
    head, first = named(GENESIS, 0, quarantine=(jailed,))
    index.enter(head, first)
    assert naming(index, "_quarantine/a", "_archive/b") == [1]

    head, second = named(head, 1, archive=(copy,))
    index.enter(head, second)
    head, third = named(head, 2, redrives=("_quarantine/a",))
    index.enter(head, third)

    assert naming(index, "_quarantine/a") == [1, 3]
    assert naming(index, "_archive/b") == [2]
    assert naming(index, "_archive/c") == naming(index) == []
    assert list(index.commits(naming=["_archive/b", "_quarantine/a"])) == [first, second, third]


def test_files_are_found_by_their_names_among_more_than_are_asked_for_at_once(index: Index) -> None:
    head = GENESIS
    for n in range(701):
        head, committed = named(head, n, archive=(ArchiveFile(f"_archive/{n}", "0" * 64, sample_answer(n)),))
        index.enter(head, committed)

    assert naming(index, *(f"_archive/{n}" for n in range(0, 1500, 2))) == list(range(1, 702, 2))


def test_what_a_log_that_went_back_had_named_is_forgotten_and_what_came_instead_is_found(index: Index) -> None:
    head, first = named(GENESIS, 0)
    index.enter(head, first)
    index.enter(*named(head, 1, archive=(ArchiveFile("_archive/old", "0" * 64, sample_answer(1)),)))
    assert naming(index, "_archive/old") == [2]

    index.enter(*named(head, 2, archive=(ArchiveFile("_archive/new", "0" * 64, sample_answer(2)),)))

    assert naming(index, "_archive/old") == []
    assert naming(index, "_archive/new") == [2]


def test_a_commit_that_does_not_lead_to_the_head_is_refused(index: Index) -> None:
    _, committed = sample_commit(GENESIS)

    with pytest.raises(ValueError, match="does not lead"):
        index.enter(GENESIS, committed)
    assert index.head() is None


def test_commits_may_be_entered_while_they_are_read(index: Index) -> None:
    head, _ = enter(index, 2)

    reading = index.commits()
    first = next(reading)
    index.enter(*sample_commit(head, ticks=(9,)))

    assert first.record.seq == 1
    assert [one.record.seq for one in index.commits()] == [1, 2, 3]


def test_older_commits_are_entered_before_all_others_and_change_no_head(index: Index) -> None:
    head, commits = GENESIS, []
    for n in range(6):
        head, committed = sample_commit(head, ticks=(n,))
        commits.append(committed)
    index.enter(head, commits[-1])
    assert list(index.commits()) == commits[-1:]
    assert not list(index.commits(naming=["no such file"]))

    index.enter(None, None, before=commits[2:5])
    index.enter(None, None, before=commits[:2])

    assert index.head() == head
    assert list(index.commits()) == commits
    assert index.landed([sample_answer(n) for n in range(6)]) == {sample_answer(n) for n in range(6)}


def test_older_commits_that_do_not_lead_up_to_the_others_are_not_entered(index: Index) -> None:
    _, commits = enter(index, 3)
    index.enter(GENESIS, None)
    head = GENESIS.after(commits[0]).after(commits[1]).after(commits[2])
    index.enter(head, commits[2])

    index.enter(None, None, before=commits[:1])
    index.enter(None, None, before=())

    assert list(index.commits()) == commits[2:]


def test_files_that_older_commits_name_are_found_once_those_are_entered(index: Index) -> None:
    file = QuarantineFile("_quarantine/a", "0" * 64, "answer", "records", 1, {})
    head, first = sample_commit(GENESIS, ticks=(0,))
    record = replace(first.record, quarantine=(file,))
    first = Committed(first.name, record, record_digest(encode_record(record)))
    head = GENESIS.after(first)
    last, second = sample_commit(head, ticks=(1,))
    index.enter(last, second)
    assert list(index.commits(naming=["_quarantine/a"])) == []

    index.enter(None, None, before=[first])

    assert list(index.commits(naming=["_quarantine/a"])) == [first]
