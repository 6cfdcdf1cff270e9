"""The laws of data-object-and-record.md that records alone can show: what breaks one is found, by its number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET

from coleta.audit.laws import LAWS, LogWalk
from coleta.collect.carry import Carried
from coleta.collect.tick import Interval, format_instant, on_demand
from coleta.land.commit import Committed, Head
from coleta.land.record import (
    Account,
    ArchiveFile,
    Outcome,
    Place,
    QuarantineFile,
    Record,
    Wait,
    encode_record,
    record_digest,
)
from coleta.testing.samples import MINUTE, NOON, sample_identity, sample_record, sample_tick

PATH = "_quarantine/20261124T120000Z-0123456789abcdef.jsonl.zst"
ELSEWHERE = Place("s3://bucket/lake", "sales")


class Log:
    """A log that is built one record at a time, and what an audit says of it."""

    def __init__(self) -> None:
        self.walk = LogWalk(sample_identity())
        self.found: list[str] = []
        self.breaks: list[str] = []

    @property
    def head(self) -> Head:
        return self.walk.head

    def add(self, change: Callable[[Record], Record] = lambda record: record, *, tick: int | None = None) -> Log:
        """Commit a record of two landed rows for the next tick, after `change`."""
        n = self.head.seq if tick is None else tick
        record = change(sample_record(self.head, ticks=(n,)))
        before = self.head
        committed = Committed(before.next, record, record_digest(encode_record(record)))
        broken = self.walk.add(committed)
        if broken is not None:
            self.breaks.append(broken.what)
        else:
            self.found += [one.what for one in self.walk.broken_laws(committed, before)]
        return self

    def end(self) -> list[str]:
        return self.found + [one.what for one in self.walk.at_the_end()]


def account(change: Callable[[Account], Account]) -> Callable[[Record], Record]:
    return lambda record: replace(record, accounts=(change(record.accounts[0]), *record.accounts[1:]))


def with_quarantine(count: int, *, holds: str = "records", answer: str | None = None) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        mine = record.accounts[0]
        named = answer or mine.answer or ""
        file = QuarantineFile(PATH, "f6" * 32, named, holds, count, {"type": count})  # type: ignore[arg-type]
        return replace(record, quarantine=(file,), accounts=(replace(mine, received=4, quarantined=2),))

    return change


def rejected_whole(pages: int) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        mine = replace(record.accounts[0], outcome=Outcome.REJECTED, reason="HTML", received=0, landed=0, pages=2)
        file = QuarantineFile(PATH, "f6" * 32, mine.answer or "", "page", 1, {"HTML": 1}, 1)
        return replace(record, accounts=(mine,), rows=0, quarantine=(file,) * pages)

    return change


def redrive(record: Record) -> Record:
    mine = replace(record.accounts[0], settles=(), received=2, landed=2)
    return replace(record, kind="redrive", redrives=(PATH,), accounts=(mine,), schedule=None)


def expired(record: Record) -> Record:
    return replace(record, kind="expired", redrives=(PATH,), accounts=(), rows=0, schedule=None)


def turn(record: Record) -> Record:
    return replace(record, kind="turn", accounts=(), rows=0)


def moved(record: Record) -> Record:
    return replace(turn(record), kind="moved", schedule=None, moved_to=ELSEWHERE, format=2)


def carries(
    parent: str | None, before: dict[str, object] | None, after: dict[str, object]
) -> Callable[[Record], Record]:
    return account(lambda mine: replace(mine, carried=Carried(parent, before, after)))


def unchanged(carried: Carried | None) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        mine = replace(record.accounts[0], outcome=Outcome.UNCHANGED, received=0, landed=0, carried=carried)
        return replace(record, accounts=(mine,), rows=0)

    return change


def ended(n: int) -> dict[str, object]:
    return {"end": format_instant(sample_tick(n).end)}


def test_a_log_that_keeps_them_has_no_findings() -> None:
    log = Log().add().add(with_quarantine(2)).add(rejected_whole(2)).add(turn).add(tick=3)
    log.add(carries(None, None, ended(5)), tick=5)
    log.add(carries(log.head.answer, ended(5), ended(6)), tick=6)

    assert (log.breaks, log.end()) == ([], [])
    assert log.head.seq == 7


def test_a_chain_goes_on_after_answers_without_state_and_may_say_that_nothing_is_new() -> None:
    validators: dict[str, object] = {"validators": {"etag": '"7"', "last_modified": None, "request": "x"}}
    log = Log().add(carries(None, None, ended(0) | validators)).add()
    log.add(carries(log.walk.head.answer, ended(0) | validators, ended(2) | validators))
    log.add(unchanged(Carried(log.head.answer, ended(2) | validators, ended(3))))

    assert (log.breaks, log.end()) == ([], [])
    log.add(tick=5).add(carries(log.head.answer, ended(3), ended(7)), tick=7)
    assert [what[:30] for what in log.end()] == ["law 11: tick 20261124T120700Z:"]


def test_a_redrive_of_what_was_quarantined_keeps_them_and_moves_its_records() -> None:
    # Settling nothing is the law of a redrive; `Head.after` of the log's walk is asked elsewhere.
    log = Log().add(with_quarantine(2)).add(expired)

    assert (log.breaks, log.end()) == ([], [])
    assert log.walk.tally.totals().quarantined == 2
    log.walk.tally.add(
        [Account(sample_tick(0), (), Outcome.OK, answer="a", received=2, landed=1, quarantined=1)], redriven=True
    )
    totals = log.walk.tally.totals()
    assert (totals.outcomes, totals.received, totals.landed, totals.quarantined) == ({"ok": 1}, 4, 3, 1)


@pytest.mark.parametrize(
    ("law", "change"),
    [
        (1, lambda record: replace(record, project="another")),
        (1, lambda record: replace(record, stream="another")),
        (6, account(lambda a: replace(a, settles=(Interval(a.tick.end, a.tick.end + MINUTE),)))),
        (6, account(lambda a: replace(a, settles=(Interval(a.tick.start, a.tick.end + MINUTE),)))),
        (6, account(lambda a: replace(a, settles=(*a.settles, on_demand(a.tick.end))))),
        (6, account(lambda a: replace(a, tick=on_demand(a.tick.end)))),
        (8, account(lambda a: replace(a, answer=None))),
        (8, account(lambda a: replace(a, outcome=Outcome.GAP, reason="missed", received=2, deduplicated=0))),
        (9, with_quarantine(1)),
        (9, with_quarantine(3)),
        (9, with_quarantine(2, answer="another")),
        (9, with_quarantine(2, holds="page")),
        (9, account(lambda a: replace(a, received=3, quarantined=1))),
        (9, rejected_whole(0)),
        (9, rejected_whole(1)),
        (9, lambda record: replace(record, archive=(ArchiveFile("_archive/x.spool", "a7" * 32, "another"),))),
        (11, carries("another", None, {})),
        (11, carries(None, {"cursor": 1}, {})),
        (11, unchanged(None)),
        (11, unchanged(Carried(None, None, ended(1)))),
        (13, lambda record: replace(record, wait=Wait("me", NOON))),
        (13, lambda record: replace(record, accounts=(), rows=0)),
        (13, lambda record: replace(turn(record), accounts=(replace(record.accounts[0], received=0, landed=0),))),
        (13, lambda record: replace(expired(record), redrives=())),
        (13, lambda record: replace(record, redrives=(PATH,))),
        (13, account(lambda a: replace(a, outcome=Outcome.GAP, answer=None))),
        (13, account(lambda a: replace(a, reason="why"))),
        (13, account(lambda a: replace(a, outcome=Outcome.EMPTY))),
        (13, account(lambda a: replace(a, outcome=Outcome.REJECTED, reason="contract"))),
        (13, lambda record: replace(account(lambda a: replace(a, received=0, landed=0))(record), rows=0)),
    ],
)
def test_a_commit_that_breaks_a_law_is_found(law: int, change: Callable[[Record], Record]) -> None:
    log = Log().add().add(change)

    assert log.breaks == []
    assert any(what.startswith(f"law {law}: ") for what in log.end()), log.end()


@pytest.mark.parametrize(
    "change",
    [
        account(lambda a: replace(a, received=5)),  # 4
        lambda record: replace(record, rows=7),  # 2
        account(lambda a: replace(a, tick=Interval(a.tick.start, a.tick.end + timedelta(days=1)))),  # 5
        account(lambda a: replace(a, tick=sample_tick(0), settles=(sample_tick(0),))),  # 7
        lambda record: replace(record, prev="d4" * 32),  # 1
        lambda record: replace(record, uuid="another"),  # 1
        lambda record: replace(record, seq=7),  # 1
    ],
)
def test_what_landing_rests_on_breaks_the_log(change: Callable[[Record], Record]) -> None:
    assert Log().add().add(change).breaks != []


def test_the_same_answer_twice_is_found_wherever_its_accounts_are() -> None:
    def halved(first: bool) -> Callable[[Record], Record]:
        middle = NOON - timedelta(seconds=30)
        part = Interval(NOON - MINUTE, middle) if first else Interval(middle, NOON)
        return account(lambda mine: replace(mine, settles=(part,)))

    log = Log().add(halved(True), tick=0).add(tick=1).add(halved(False), tick=0)

    assert log.breaks == []
    assert log.end() == ["law 8: the same answer has an account in each"]


def test_an_answer_that_does_not_start_where_the_state_ends_is_found() -> None:
    log = Log().add(carries(None, None, ended(7)), tick=0)
    log.add(carries(log.head.answer, ended(7), ended(1)), tick=1)

    assert log.end() == [
        f"law 11: tick {sample_tick(1).name}: it does not start where the state before it ends, {ended(7)['end']}"
    ]


def test_a_quarantine_file_is_given_up_once_and_only_after_it_was_named() -> None:
    assert Log().add(expired).end() == [f"law 12: no earlier record names {PATH}"]
    assert Log().add(with_quarantine(2)).add(expired).add(expired).end() == [
        f"law 12: {PATH} was taken up or given up by commit 2 already"
    ]


def test_nothing_comes_after_the_record_that_a_log_has_moved() -> None:
    log = Log().add().add(moved)
    assert (log.breaks, log.end(), log.head.moved_to) == ([], [], ELSEWHERE)

    assert log.add(turn).breaks == [f"the log ended before it, and goes on at {ELSEWHERE}"]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: replace(moved(record), moved_to=UNSET),
        lambda record: replace(record, moved_to=ELSEWHERE, format=2),
        lambda record: replace(moved(record), format=1),
        lambda record: replace(moved(record), accounts=record.accounts, rows=record.rows),
    ],
)
def test_whoever_says_where_a_log_goes_on_is_of_that_kind_and_holds_nothing_else(
    change: Callable[[Record], Record],
) -> None:
    assert Log().add().add(change).breaks != []


HELD_BY = {
    1: "test_a_commit_that_breaks_a_law_is_found",
    2: "test_an_object_whose_record_counts_other_rows_is_refused",
    3: "test_an_inspection_holds_the_rows_against_the_record",
    4: "test_what_landing_rests_on_breaks_the_log",
    5: "test_what_landing_rests_on_breaks_the_log",
    6: "test_a_commit_that_breaks_a_law_is_found",
    7: "test_what_landing_rests_on_breaks_the_log",
    8: "test_the_same_answer_twice_is_found_wherever_its_accounts_are",
    9: "test_a_commit_that_breaks_a_law_is_found",
    10: "test_each_damage_has_its_finding",
    11: "test_an_answer_that_does_not_start_where_the_state_ends_is_found",
    12: "test_a_quarantine_file_is_given_up_once_and_only_after_it_was_named",
    13: "test_a_commit_that_breaks_a_law_is_found",
    14: "test_a_hole_before_the_newest_outcome_is_open_for_a_day_and_then_damage_and_time_after_it_is_only_late",
    15: "test_each_damage_has_its_finding",
    16: "test_nothing_comes_after_the_record_that_a_log_has_moved",
}
"""Which test fails where an audit does not look for that law any more."""


def test_every_law_of_the_page_has_a_test() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs/reference/data-object-and-record.md").read_text(encoding="utf-8")
    laws = page.partition("\n## Laws\n")[2].partition("\n## ")[0]
    tests = "".join(path.read_text(encoding="utf-8") for path in (root / "tests/unit").rglob("test_*.py"))

    assert [int(number) for number in re.findall(r"^(\d+)\. ", laws, flags=re.MULTILINE)] == list(HELD_BY)
    assert [name for name in HELD_BY.values() if f"def {name}(" not in tests] == []
    assert LAWS.keys() <= HELD_BY.keys()
