"""What people ask of a long log: only what it takes is read, and it is the same whatever this machine remembers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest

from coleta.ask.span import EVERYTHING, Span
from coleta.ask.table import Table, fitted, one_field
from coleta.audit.account import totals
from coleta.collect.spool import Gap
from coleta.collect.tick import Interval
from coleta.errors import Misconfigured
from coleta.land.commit import Committed, Head
from coleta.land.kept import kept_name
from coleta.land.rollup import rollup_name
from coleta.runtime.history import History, commits_after
from coleta.runtime.lander import land
from coleta.runtime.questions import Books, Shelves, read_books
from coleta.runtime.rollups import RollUps
from coleta.testing.bench import Bench, waiting
from coleta.testing.memory import MemoryIndex
from coleta.testing.samples import MINUTE, NOON, sample_gaps, spooled

BODY = b'[{"ean":1,"price":2},{"ean":2,"price":3}]'
EACH = 3
FIRST = NOON.date()
DAYS = 4
DAY = timedelta(days=1)


class Log:
    """Four days of two answers each, so eight objects with rows and three turns; three roll-ups."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.machine = self.bench.machine()
        self.station = self.machine.open()
        for n in range(2 * DAYS):
            waiting(self.station, n % 2 + n // 2 * 1440, BODY)
            land(self.station)
        rolling = RollUps(self.station, commits=EACH)
        while rolling.advance():
            pass
        del self.bench.store.calls[:]

    @property
    def reads(self) -> list[str]:
        return [name.removeprefix("compras/") for call, name in self.bench.store.calls if call == "read"]

    def history(self, index: MemoryIndex | None = None, *, until: int = 0, beyond: int = 0) -> History:
        """The whole log: what `index` remembers to commit `until`, and the last `beyond` in memory."""
        head = self.machine.index.head()
        assert head is not None
        commits = self.bench.commits()
        index = MemoryIndex() if index is None else index
        rest = commits[len(commits) - beyond :]
        until = until or head.seq - beyond
        return History(self.station.identity, head, self.station.store, index, until, rest, EACH)

    def table(self, span: Span = EVERYTHING, history: History | None = None) -> Table:
        return Table(history or self.history(), self.station.stream.terms, span=span)


def numbers(commits: Iterable[Committed]) -> list[int]:
    return [one.record.seq for one in commits]


def histories(log: Log) -> dict[str, History]:
    partly = MemoryIndex()
    for committed in log.bench.commits()[:8]:
        head = committed_head(log, committed.record.seq)
        if head.seq > 5:
            partly.enter(head, committed)
    return {
        "all is remembered": log.history(log.machine.index),
        "nothing is": log.history(),
        "nothing but what was read just now": log.history(beyond=2),
        "only some": log.history(partly, until=8, beyond=3),
    }


def committed_head(log: Log, seq: int) -> Head:
    head = Head.genesis(log.station.identity)
    for committed in log.bench.commits()[:seq]:
        head = head.after(committed)
    return head


def test_the_commits_are_the_same_wherever_they_come_from() -> None:
    log = Log()
    everything = log.bench.commits()
    for what, history in histories(log).items():
        assert list(history.commits()) == everything, what
        assert list(history.all()) == everything, what
        for first in range(1, 13):
            assert list(history.commits(first)) == everything[first - 1 :], what
        assert list(history.newest(4)) == everything[-4:], what


def test_what_landed_since_is_none_of_them() -> None:
    log = Log()
    history = log.history(log.machine.index)
    before = log.bench.commits()
    waiting(log.station, 9000, BODY)
    land(log.station)

    assert list(history.commits()) == before
    assert list(history.newest(2)) == before[-2:]
    assert history.kept().rows == 16


def test_what_the_log_has_come_to_is_the_same_with_and_without_kept_heads() -> None:
    log = Log()
    found = [history.kept() for history in histories(log).values()]
    for name in [kept_name(9), kept_name(6), kept_name(3)]:
        log.bench.objects.objects.pop(f"compras/{name}")
        found.append(log.history().kept())

    assert all(one == found[0] for one in found)
    assert (found[0].rows, len(found[0].days)) == (16, DAYS)


def test_counting_the_rows_reads_no_roll_up_and_no_object_but_the_last_few() -> None:
    log = Log()
    table = log.table(history=log.history(beyond=2))

    assert len(table) == 16
    assert table.schema().names == ["ean", "price", "_tick", "_row", "_fetched_at"]

    assert not [name for name in log.reads if "rollup" in name]
    assert len([name for name in log.reads if name.startswith("data/")]) == 1, "that which vouches for the kept head"


@pytest.mark.parametrize(
    ("span", "days"),
    [
        (EVERYTHING, [0, 1, 2, 3]),
        (Span(FIRST + DAY, FIRST + 2 * DAY), [1, 2]),
        (Span(since=FIRST + 3 * DAY), [3]),
        (Span(until=FIRST), [0]),
        (Span(FIRST + 9 * DAY), []),
        (Span(FIRST + DAY, FIRST), []),
    ],
)
def test_of_a_span_of_dates_just_the_rows_are_read(span: Span, days: list[int]) -> None:
    log = Log()
    for what, history in histories(log).items():
        table = log.table(span, history)

        found = table.to_arrow()

        assert sorted({one.date() for one in found["_tick"].to_pylist()}) == [FIRST + n * DAY for n in days], what
        assert len(table) == found.num_rows == 4 * len(days), what
        assert len(table.objects) == 2 * len(days), what


def test_for_a_span_no_object_of_another_date_is_looked_at() -> None:
    log = Log()
    log.table(Span(FIRST + DAY, FIRST + DAY), log.history(log.machine.index)).to_arrow()

    looked_at = {name.split("/")[1] for name in log.reads if name.startswith("data/")}
    vouching = log.bench.commits()[8].name.split("/")[1]
    assert looked_at - {vouching} == {f"tick_date={FIRST + DAY}"}


def test_books_of_a_machine_that_remembers_nothing_are_those_of_one_that_does() -> None:
    log = Log()
    spool = log.station.spool.contents()
    found = []
    for index in (log.machine.index, MemoryIndex()):
        shelves = Shelves(log.station.stream, log.station.identity, log.station.store, index, spool)
        found.append(read_books(shelves, NOON))

    assert found[0].head == found[1].head
    assert found[0].commits == found[1].commits
    assert found[0].ticks() == found[1].ticks()
    assert found[0].totals().landed == 16


def with_gaps(log: Log) -> None:
    """Gaps of three days, one of them answered since, one in part, and one that is a tick of two days."""
    uuid = log.station.identity.uuid
    spooled(log.station.spool, sample_gaps(30, 31, 32, uuid=uuid), ())
    spooled(log.station.spool, sample_gaps(1440 + 30, uuid=uuid), ())
    land(log.station)
    waiting(log.station, 31, BODY)
    land(log.station)
    two_days = Interval(NOON + 5000 * MINUTE, NOON + 8000 * MINUTE)
    header = replace(sample_gaps(0, uuid=uuid), gaps=(Gap(two_days, "outage"),))
    spooled(log.station.spool, header, ())
    land(log.station)


def test_what_status_tells_is_what_all_ticks_together_say() -> None:
    log = Log()
    spool = log.station.spool.contents()
    for gaps in (False, True):
        if gaps:
            with_gaps(log)
        for index in (log.machine.index, MemoryIndex()):
            shelves = Shelves(log.station.stream, log.station.identity, log.station.store, index, spool)
            books = read_books(shelves, NOON)
            lines = books.ticks()

            assert books.totals() == totals(line.account for line in lines)
            assert books.gaps() == [line for line in lines if line.open]
            assert books.last() == lines[-1]
            assert books.known() == len(lines)
            for count in (0, 1, 2, 5, len(lines), 99):
                assert books.newest(count) == lines[max(len(lines) - count, 0) :]


def test_while_the_store_is_away_a_machine_that_remembers_all_says_the_same() -> None:
    log = Log()
    with_gaps(log)
    station, spool = log.station, log.station.spool.contents()
    shelves = Shelves(station.stream, station.identity, station.store, log.machine.index, spool)
    before = read_books(shelves, NOON)
    expected = before.totals(), before.gaps(), before.last()
    log.bench.store.down = True

    books = read_books(shelves, NOON)

    assert books.store_error is not None
    assert (books.totals(), books.gaps(), books.last()) == expected


def test_of_an_empty_log_there_is_no_newest_tick() -> None:
    bench = Bench()
    station = bench.machine().open()
    shelves = Shelves(station.stream, station.identity, station.store, station.index, station.spool.contents())

    assert read_books(shelves, NOON).last() is None


def test_gaps_of_one_day_are_found_without_a_look_at_the_others() -> None:
    log = Log()
    spooled(log.station.spool, sample_gaps(1440 + 30, uuid=log.station.identity.uuid), ())
    land(log.station)
    history = log.history(log.machine.index)
    del log.bench.store.calls[:]
    books = Books(log.station.stream, history, log.station.spool.contents(), NOON)

    (gap,) = books.gaps()

    assert gap.account.tick.end == NOON + (1440 + 30) * MINUTE
    assert numbers(history.of_days(["2026-11-25"])) == [4, 5, 6, 13]


def test_far_behind_roll_ups_are_read_and_then_object_by_object() -> None:
    log = Log()
    store, identity = log.station.store, log.station.identity

    found = list(commits_after(store, identity, Head.genesis(identity), rolled=EACH))

    assert [one for _, one in found] == log.bench.commits()
    assert found[-1][0] == log.history().head
    assert [name for name in log.reads if "rollup" in name] == [rollup_name(seq) for seq in (3, 6, 9, 12)]


# Structs that grow --------------------------------------------------------------------------------


SMALL = pa.field("a", pa.struct([pa.field("x", pa.int64(), nullable=False)]), nullable=False)
LARGE = pa.field("a", pa.struct([pa.field("y", pa.list_(pa.string())), pa.field("x", pa.int64(), nullable=False)]))


def test_a_struct_that_has_got_another_part_has_the_parts_of_both() -> None:
    both = one_field("a", [SMALL, LARGE])

    assert both == pa.field("a", pa.struct([pa.field("x", pa.int64(), nullable=False), LARGE.type.field("y")]))
    values = pa.array([{"x": 1}, {"x": 2}], SMALL.type)
    assert fitted(values, both.type).to_pylist() == [{"x": 1, "y": None}, {"x": 2, "y": None}]
    values = pa.array([{"x": 1, "y": ["b"]}, None, {"x": 2, "y": None}], LARGE.type)
    expected = [{"x": 1, "y": ["b"]}, None, {"x": 2, "y": None}]
    assert fitted(values, both.type).to_pylist() == expected
    assert fitted(values.slice(1), both.type).to_pylist() == expected[1:]


def test_so_does_one_within_a_list_and_one_within_another() -> None:
    old, new = pa.list_(SMALL), pa.list_(LARGE)
    both = one_field("l", [pa.field("l", old), pa.field("l", new)])
    values = pa.array([[{"x": 1}], None, [], [{"x": 2}, {"x": 3}]], old)
    expected = [[{"x": 1, "y": None}], None, [], [{"x": 2, "y": None}, {"x": 3, "y": None}]]
    for start in range(4):
        found = fitted(values.slice(start), both.type)
        found.validate(full=True)
        assert found.to_pylist() == expected[start:]

    outer = [pa.field("o", pa.struct([one])) for one in (SMALL, LARGE)]
    assert one_field("o", outer).type.field("a").type == one_field("a", [SMALL, LARGE]).type


@pytest.mark.parametrize("wrap", [lambda one: pa.struct([pa.field("x", one)]), pa.list_, lambda one: one])
def test_a_part_of_another_type_is_told_with_its_place(wrap: object) -> None:
    fields = [pa.field("a", wrap(one)) for one in (pa.int64(), pa.string())]  # type: ignore[operator]

    with pytest.raises(Misconfigured, match=r"'a(\.x|\[\])?' was int64 and became string"):
        one_field("a", fields)


def test_a_date_lies_in_a_span_with_both_its_ends() -> None:
    span = Span(date(2026, 1, 2), date(2026, 1, 3))

    assert [span.has(date(2026, 1, day)) for day in (1, 2, 3, 4)] == [False, True, True, False]
