"""Which files may go: only those that records prove unneeded, each once, and none too early."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from coleta.collect.coverage import Coverage
from coleta.collect.spool import Contents, Header, Trailer
from coleta.collect.tick import Interval, on_demand
from coleta.land.commit import Committed, Head
from coleta.land.record import ArchiveFile, Kind, QuarantineFile
from coleta.land.retention import Judged, is_unneeded, judge, old_names
from coleta.testing.memory import START
from coleta.testing.samples import OTHER_UUID, sample_answer, sample_commit, sample_header, sample_identity, sample_page

HOUR = timedelta(hours=1)
JAILED = QuarantineFile("_quarantine/a", "0" * 64, sample_answer(0), "records", 1, {"type": 1})
COPY = ArchiveFile("_archive/b", "0" * 64, sample_answer(0))
BOTH = (JAILED.path, COPY.path)


def log(*kinds: tuple[Kind, dict[str, object]]) -> list[Committed]:
    """Commits an hour apart from START on."""
    _, first = sample_commit(Head.genesis(sample_identity()))
    records = (
        replace(first.record, seq=n, kind=kind, created=START + (n - 1) * HOUR, **fields)  # type: ignore[arg-type]
        for n, (kind, fields) in enumerate(kinds, 1)
    )
    return [Committed(first.name, record, "") for record in records]


NAMED: tuple[Kind, dict[str, object]] = ("batch", {"quarantine": (JAILED,), "archive": (COPY,)})


@pytest.mark.parametrize(
    ("commits", "expected"),
    [
        ([], Judged()),
        ([NAMED], Judged(due=BOTH)),
        ([NAMED, ("expired", {"redrives": BOTH})], Judged(gone=BOTH)),
        ([NAMED, ("redrive", {"redrives": BOTH[:1]})], Judged(due=BOTH[1:])),
        ([NAMED, ("expired", {"redrives": BOTH[:1]}), NAMED], Judged(due=BOTH[1:])),
        ([("expired", {"redrives": BOTH})], Judged()),
    ],
    ids=["never named", "named", "given up", "taken up", "named again since", "given up and never named"],
)
def test_only_what_is_named_and_open_is_due_and_only_what_was_given_up_is_gone(
    commits: list[tuple[Kind, dict[str, object]]], expected: Judged
) -> None:
    assert judge(BOTH, log(*commits), before=START + 24 * HOUR) == expected


def test_a_file_is_due_once_the_last_commit_that_names_it_is_old_enough_and_not_at_that_very_instant() -> None:
    commits = log(NAMED, ("batch", {"archive": (COPY,)}))

    assert judge(BOTH, commits, before=START) == Judged()
    assert judge(BOTH, commits, before=START + timedelta(seconds=1)) == Judged(due=BOTH[:1])
    assert judge(BOTH, commits, before=START + HOUR + timedelta(seconds=1)) == Judged(due=BOTH)


def test_what_is_given_up_is_gone_whatever_its_age_and_nothing_is_due_without_one() -> None:
    commits = log(NAMED, ("expired", {"redrives": BOTH[:1]}))

    assert judge(BOTH, commits, before=None) == Judged(gone=BOTH[:1])


NAMES = [
    "_archive/20261124T115900Z-aaaaaaaaaaaaaaaa.spool",
    "_archive/20261124T120000.500000Z-aaaaaaaaaaaaaaaa.spool",
    "_archive/20261124T120000Z-aaaaaaaaaaaaaaaa.spool",
    "_archive/20261124T120100Z-aaaaaaaaaaaaaaaa.spool",
]


def test_only_names_of_ticks_before_an_instant_are_listed_and_strangers_never() -> None:
    listed = ["_archive/.keep", *NAMES, "_archive/notes.txt"]

    assert list(old_names(listed, before=START + timedelta(seconds=1))) == NAMES[:3]
    assert list(old_names(listed, before=START + timedelta(microseconds=1))) == [NAMES[0], NAMES[2]]
    assert list(old_names(listed, before=START, after=NAMES[0])) == []
    assert list(old_names(listed, before=START + HOUR, after=NAMES[1])) == NAMES[2:]


def test_a_listing_is_not_read_beyond_what_can_be_old_enough() -> None:
    names = iter([*NAMES, "beyond"])

    assert list(old_names(names, before=START)) == NAMES[:1]
    assert next(names) == "beyond"


TICK = Interval(START - HOUR, START)


def superseded(**changed: object) -> Contents:
    header: Header = replace(sample_header(0), tick=TICK)
    return Contents(replace(header, **changed), ((sample_page(), b"[]"),), Trailer(answer=sample_answer(0)))  # type: ignore[arg-type]


def name_of(contents: Contents) -> str:
    tick = contents.header.tick or TICK
    return f"_superseded/{tick.name}-{(contents.trailer.answer or '')[:16]}.spool"


def head(*answered: Interval, gaps: tuple[Interval, ...] = ()) -> Head:
    return replace(Head.genesis(sample_identity()), answered=Coverage.of(answered), gaps=Coverage.of(gaps))


def unneeded(contents: Contents, log: Head, *, name: str | None = None, late: timedelta = HOUR) -> bool:
    came = contents.pages[0][0].received_at
    return is_unneeded(name or name_of(contents), contents, log, before=came + late)


def test_a_superseded_answer_is_unneeded_once_answers_hold_all_of_its_tick_and_it_is_old_enough() -> None:
    whole = head(Interval(START - 2 * HOUR, START + HOUR))

    assert unneeded(superseded(), whole)
    assert not unneeded(superseded(), whole, late=timedelta(0))


@pytest.mark.parametrize(
    ("contents", "known"),
    [
        (superseded(), head(Interval(START - HOUR, START - HOUR / 2))),
        (superseded(), head(gaps=(TICK,))),
        (superseded(tick=on_demand(START)), head(TICK)),
        (superseded(uuid=OTHER_UUID), head(TICK)),
    ],
    ids=["covered in part", "covered by a gap", "on demand", "another log's"],
)
def test_a_superseded_answer_that_nothing_proves_unneeded_stays(contents: Contents, known: Head) -> None:
    assert not unneeded(contents, known)


def test_a_superseded_answer_under_another_name_than_its_own_stays() -> None:
    assert not unneeded(superseded(), head(TICK), name="_superseded/20261124T120000Z-0000000000000000.spool")
