"""What is in the quarantine is landed once it decodes, or given up for good: exactly once, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.adapters.below import BelowHousekeeping
from coleta.adapters.sqlite_index import SqliteIndex
from coleta.ask.quarantine import files_named
from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int, Str
from coleta.errors import ColetaError, Corrupt
from coleta.land.columns import record_schema, schema
from coleta.land.commit import Head
from coleta.land.decode import Piece
from coleta.land.jail import check_redrives, jail_of
from coleta.land.parquet import ObjectWriter
from coleta.land.record import Outcome, Record
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.collector import Collector
from coleta.runtime.discard import Discarded, discard, to_discard
from coleta.runtime.lander import land
from coleta.runtime.questions import Shelves, read_books
from coleta.runtime.redrive import Wanted, foresee, replay
from coleta.runtime.station import Station
from coleta.stream import Checks, Source
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.bookkeeper import Bookkeeper
from coleta.testing.memory import MemoryHousekeeping
from coleta.testing.once import EVERY, Killed, Trial, TrialHousekeeping, TrialStore
from coleta.testing.samples import sample_tick

ANYTHING = Wanted()
STRICT = Terms(Contract((Field("id", Int()), Field("value", Int()))))
LOOSE = Terms(Contract((Field("id", Int()), Field("value", Str()))))
KEYED = replace(STRICT, key=("id",))


def body(*records: object) -> bytes:
    return json.dumps(list(records)).encode()


def one(number: int, value: object) -> dict[str, object]:
    return {"id": number, "value": value}


class Place:
    """A machine that has landed something, and what its quarantine and table hold."""

    def __init__(self, terms: Terms = STRICT) -> None:
        self.bench = Bench(bench_stream(terms=terms))
        self.machine = self.bench.machine()
        self.station = self.machine.open()
        self.terms = terms

    def landed(self, tick: Interval | int, *records: object, raw: bytes | None = None) -> None:
        waiting(self.station, tick, body(*records) if raw is None else raw, terms=self.terms)
        land(self.station)

    def now_by(self, terms: Terms) -> Station:
        """The same machine after somebody has edited the contract."""
        return self.machine.open(replace(self.bench.stream, terms=terms))

    def on_trial(self, trial: Trial) -> Station:
        """The same machine, whose calls of the store are on trial once it is open."""
        station = self.now_by(LOOSE)
        return replace(station, store=TrialStore(station.store, trial))

    def open_files(self) -> list[str]:
        return [file.path for _, _, file in files_named(self.bench.commits())]

    def kinds(self) -> list[str]:
        return [commit.record.kind for commit in self.bench.commits()]

    def rows(self, *columns: str) -> list[tuple[object, ...]]:
        return self.bench.rows(*columns)


def evidence_of(station: Station, bench: Bench) -> Evidence:
    contents = station.spool.contents()
    return Evidence(station.stream, station.identity, station.store, station.index, contents, bench.clock.now())


def damage(station: Station, bench: Bench) -> list[str]:
    findings = whole(evidence_of(station, bench)).findings
    return [finding.what for finding in findings if finding.code not in ("late", "hole", "open")]


# What a replay lands -------------------------------------------------------------------------------


def test_records_that_decode_now_land_with_the_tick_place_and_time_of_their_answer() -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "ten"), one(3, 30), one(4, "x"))
    fetched = place.rows("_fetched_at")[0]
    place.bench.clock.advance(timedelta(hours=3))
    station = place.now_by(LOOSE)

    done = replay(station, ANYTHING)

    assert (done.landed, done.left, len(done.commits)) == (2, 0, 1)
    (commit,) = done.commits
    (account,) = commit.record.accounts
    assert (account.tick, account.settles, account.outcome) == (sample_tick(1), (), Outcome.OK)
    assert (account.received, account.landed, account.quarantined) == (2, 2, 0)
    first = place.bench.commits()[0].record.accounts[0]
    assert (account.answer, account.response, account.received_at) == (first.answer, first.response, first.received_at)
    table = pq.read_table(BytesIO(place.bench.objects.objects[f"compras/{commit.name}"]))
    assert [tuple(row.values())[:2] for row in table.to_pylist()] == [(2, "ten"), (4, "x")]
    assert table["_row"].to_pylist() == [1, 3]
    assert set(table["_tick"].to_pylist()) == {sample_tick(1).end}
    assert {(at,) for at in table["_fetched_at"].to_pylist()} == {fetched}
    assert damage(station, place.bench) == []


def test_what_still_breaks_goes_into_a_new_file_of_the_same_commit_with_its_first_place() -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "ten"), {"id": "none", "value": "y"})
    (old,) = place.open_files()
    station = place.now_by(LOOSE)

    done = replay(station, ANYTHING)

    (commit,) = done.commits
    (account,) = commit.record.accounts
    assert (account.received, account.landed, account.quarantined) == (2, 1, 1)
    assert commit.record.redrives == (old,)
    (new,) = place.open_files()
    assert [file.path for file in commit.record.quarantine] == [new] != [old]
    with pa.CompressedInputStream(BytesIO(place.bench.objects.objects[f"compras/{new}"]), "zstd") as stream:
        (line,) = stream.read().decode().splitlines()
    assert (json.loads(line)["row"], json.loads(line)["raw"]) == (2, '{"id": "none", "value": "y"}')
    assert old in place.bench.names("_quarantine/"), "a file that was taken up stays"
    assert damage(station, place.bench) == []


def test_a_replay_again_changes_nothing() -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "ten"), {"id": "none", "value": "y"})
    station = place.now_by(LOOSE)
    replay(station, ANYTHING)
    before = dict(place.bench.objects.objects)

    again = replay(station, ANYTHING)

    assert (again.commits, again.landed, again.left) == ((), 0, 1)
    assert place.bench.objects.objects == before


def test_where_nothing_lands_nothing_is_committed_and_the_reason_is_told() -> None:
    place = Place()
    place.landed(1, one(1, "ten"))
    before = dict(place.bench.objects.objects)

    done = replay(place.now_by(STRICT), ANYTHING)

    assert [fate.why for fate in done.fates] == ["all of it still breaks the contract"]
    assert (done.commits, done.left) == ((), 1)
    assert set(place.bench.objects.objects) == set(before)


def test_each_date_has_its_own_object_in_its_own_folder() -> None:
    place = Place()
    for days in (0, 1, 2):
        tick = sample_tick(1)
        day = Interval(tick.start + days * timedelta(days=1), tick.end + days * timedelta(days=1))
        place.landed(day, one(days, "ten"))
    station = place.now_by(LOOSE)

    done = replay(station, ANYTHING)

    assert [commit.name[15:25] for commit in done.commits] == ["2026-11-26", "2026-11-24", "2026-11-25"]
    assert place.rows("id") == [(0,), (1,), (2,)]
    assert damage(station, place.bench) == []


def test_only_what_has_the_tick_or_the_reason_is_taken_up() -> None:
    place = Place()
    place.landed(1, one(1, "ten"))
    place.landed(2, {"id": 2})
    place.landed(3, one(3, "ten"))
    loosest = Terms(Contract((Field("id", Int()), Field("value", Str(), required=False))))
    station = place.now_by(loosest)

    assert replay(station, Wanted(tick=sample_tick(3).end)).landed == 1
    assert replay(station, Wanted(reason="missing")).landed == 1
    assert [account.tick for _, account, _ in files_named(place.bench.commits())] == [sample_tick(1)]


def test_a_key_that_the_answer_has_landed_already_is_not_landed_again() -> None:
    place = Place(KEYED)
    place.landed(1, one(1, 10), one(1, "again"), one(2, "new"))
    place.landed(2, one(1, "another answer's"))
    station = place.now_by(replace(LOOSE, key=("id",)))

    done = replay(station, ANYTHING)

    (commit,) = done.commits
    assert [(a.received, a.landed, a.deduplicated) for a in commit.record.accounts] == [(2, 1, 1), (1, 1, 0)]
    assert sorted(place.rows("_tick", "id")) == [
        (sample_tick(1).end, 1),
        (sample_tick(1).end, 2),
        (sample_tick(2).end, 1),
    ]


def test_a_whole_answer_that_was_no_data_lands_once_it_is() -> None:
    place = Place()
    place.landed(1, raw=b'{"items": [{"id": 1, "value": 1}, {"id": 2, "value": "x"}]}')
    assert place.bench.commits()[0].record.accounts[0].outcome is Outcome.REJECTED
    station = place.now_by(replace(STRICT, expect="object", records=("items",)))

    done = replay(station, ANYTHING)

    (account,) = done.commits[0].record.accounts
    assert (account.received, account.landed, account.quarantined) == (2, 1, 1)
    assert place.rows("id", "_row") == [(1, 0)]
    assert damage(station, place.bench) == []


def test_an_answer_that_the_terms_refuse_whole_stays_where_it_is() -> None:
    place = Place()
    place.landed(1, one(1, "ten"), one(2, 2), {"id": "none", "value": "y"})

    done = replay(place.now_by(replace(LOOSE, on_violation="reject")), ANYTHING)

    assert (done.landed, len(place.open_files())) == (0, 1)
    assert "type at $.id of record" in (done.fates[0].why or "")


def test_what_would_land_is_told_without_landing_it() -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "ten"), {"id": "none", "value": "y"})
    before = dict(place.bench.objects.objects)
    station = place.now_by(LOOSE)

    seen = foresee(station.store, jail_of(place.bench.commits()), LOOSE, ANYTHING)

    assert (seen.landed, seen.left, seen.commits) == (1, 1, ())
    assert place.bench.objects.objects == before
    assert replay(station, ANYTHING).landed == seen.landed


# What the books say afterwards ---------------------------------------------------------------------


def books(station: Station, bench: Bench) -> tuple[object, ...]:
    shelves = Shelves(station.stream, station.identity, station.store, station.index, station.spool.contents())
    found = read_books(shelves, bench.clock.now())
    sums = found.totals()
    return sums.received, sums.landed, sums.quarantined, sums.deduplicated, sums.outcomes


@pytest.mark.parametrize("raw", [None, b'{"items": [{"id": 1, "value": 10}, {"id": 2, "value": "x"}, {"id": "y"}]}'])
def test_a_redriven_tick_keeps_its_outcome_and_its_records_are_counted_once(raw: bytes | None) -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "x"), {"id": "y"}, raw=raw)
    station = place.now_by(LOOSE if raw is None else replace(LOOSE, expect="object", records=("items",)))
    outcome = place.bench.commits()[0].record.accounts[0].outcome

    replay(station, ANYTHING)

    landed = 2 if raw is None else 1  # the number 10 is no text
    assert books(station, place.bench) == (3, landed, 3 - landed, 0, {str(outcome): 1})
    contents = station.spool.contents()
    evidence = Evidence(
        station.stream, station.identity, station.store, station.index, contents, place.bench.clock.now()
    )
    sums = whole(evidence).totals
    assert (sums.received, sums.landed, sums.quarantined) == (3, landed, 3 - landed)


def test_the_simulations_bookkeeper_agrees() -> None:
    wanting = Terms(Contract((*STRICT.contract.fields, Field("note", Str()))))
    place = Place(wanting)
    keeper = Bookkeeper(lifted=frozenset({"redrive"}))
    came = body(one(1, 10), one(2, "x"), one(3, 30))
    entry = waiting(place.station, 1, came, terms=wanting)
    keeper.note(entry.trailer.answer or "", (sample_tick(1).start, sample_tick(1).end), came)
    land(place.station)

    assert replay(place.now_by(STRICT), ANYTHING).landed == 2

    objects = {name: place.bench.objects.objects[f"compras/{name}"] for name in place.bench.names("")}
    end = sample_tick(1).end
    assert keeper.check(objects, first=end, until=end) == []
    (lost,) = (name for name in objects if name.endswith("000000002.parquet"))
    faults = keeper.check({name: body for name, body in objects.items() if name != lost}, first=end, until=end)
    assert "record 1 is 0 times in the table, not 1" in faults


def test_what_a_stream_with_a_cursor_has_asked_for_again_is_not_landed_twice() -> None:
    source = Source(url="http://api.test/compras?since={cursor}", cursor_start=0)
    terms = replace(STRICT, cursor="id")
    bench = Bench(bench_stream(source=source, terms=terms, checks=Checks(min_rows=2, on_few="reject")))
    station = bench.machine().open()
    collector = Collector(station)
    bench.api.answers.extend([body(one(1, 10)), body(one(1, 10), one(2, 20))])
    for _ in range(2):
        collector.step()
        land(station)
        bench.clock.advance(timedelta(minutes=1))

    done = replay(station, ANYTHING)

    assert [(fate.landed, fate.why) for fate in done.fates] == [
        (0, "the answer after it asked from the same place on, so its records came again")
    ]
    assert bench.rows("id") == [(1,), (2,)]
    assert len(bench.names("_quarantine/")) == 1


# Whatever goes wrong -------------------------------------------------------------------------------


def test_of_two_that_replay_at_once_each_record_lands_once() -> None:
    place = Place()
    place.landed(1, one(1, "a"))
    place.landed(2, one(2, "b"))
    other = place.bench.machine("two").open(replace(place.bench.stream, terms=LOOSE))
    station = place.now_by(LOOSE)
    place.bench.store.plan("create", "data/", lambda: replay(other, ANYTHING))

    replay(station, ANYTHING)
    replay(station, ANYTHING)

    assert sorted(place.rows("id")) == [(1,), (2,)]
    assert damage(station, place.bench) == []


def test_a_file_that_another_gives_up_while_it_is_to_be_read_is_open_no_more_and_no_damage() -> None:
    place = Place()
    place.landed(1, one(1, "a"))
    place.landed(2, one(2, "b"))
    housekeeping = BelowHousekeeping(MemoryHousekeeping(place.bench.objects.objects), "compras")
    other = place.bench.machine("two").open()
    gone = place.open_files()[0]

    def give_up() -> None:
        discard(other, housekeeping, Wanted(tick=sample_tick(1).end))

    place.bench.store.plan("read", gone, give_up)

    done = replay(place.now_by(LOOSE), ANYTHING)

    assert done.landed == 1
    assert place.rows("id") == [(2,)]
    assert place.kinds() == ["batch", "batch", "expired", "redrive"]
    assert damage(place.station, place.bench) == []


def test_a_race_that_is_lost_to_another_replay_takes_nothing_up_twice() -> None:
    place = Place()
    place.landed(1, one(1, "a"))
    other = place.bench.machine("two").open(replace(place.bench.stream, terms=LOOSE))
    place.bench.store.plan("create", "data/", lambda: replay(other, ANYTHING))

    done = replay(place.now_by(LOOSE), ANYTHING)

    assert done.commits == ()
    assert place.rows("id") == [(1,)]
    assert place.kinds() == ["batch", "redrive"]


def troubled() -> Place:
    place = Place()
    place.landed(1, one(1, 10), one(2, "x"), {"id": "y"})
    tick = sample_tick(1)
    place.landed(Interval(tick.start + timedelta(days=1), tick.end + timedelta(days=1)), one(4, "z"), one(5, "zz"))
    return place


def replaying(place: Place, trial: Trial) -> object:
    return replay(place.on_trial(trial), ANYTHING)


def discarding(place: Place, trial: Trial) -> object:
    inner = BelowHousekeeping(MemoryHousekeeping(place.bench.objects.objects), "compras")
    return discard(place.on_trial(trial), TrialHousekeeping(inner, trial), ANYTHING)


def outcome(place: Place) -> tuple[object, ...]:
    return sorted(place.rows("id"), key=str), len(place.open_files()), len(place.bench.names("_quarantine/"))


@pytest.mark.parametrize("work", [replaying, discarding])
def test_with_any_trouble_at_any_call_and_called_again_it_ends_the_same(
    work: Callable[[Place, Trial], object],
) -> None:
    plain, counting = troubled(), Trial()
    work(plain, counting)
    assert counting.calls >= 8
    for number in range(counting.calls):
        for trouble in EVERY:
            place, trial = troubled(), Trial(number, trouble)
            with suppress(Killed, ColetaError):
                work(place, trial)
            trial.deliver()
            work(place, Trial())
            assert outcome(place) == outcome(plain), (number, trouble)
            assert damage(place.machine.open(), place.bench) == [], (number, trouble)


# Giving up -----------------------------------------------------------------------------------------


def test_what_is_given_up_is_named_by_the_log_first_and_then_deleted() -> None:
    place = Place()
    place.landed(1, one(1, 10), one(2, "x"))
    (path,) = place.open_files()

    done = discarding(place, Trial())

    assert isinstance(done, Discarded)
    assert ([file.path for file in done.files], done.deleted) == ([path], 1)
    expired = place.bench.commits()[-1].record
    assert (expired.kind, expired.redrives, expired.rows, expired.accounts) == ("expired", (path,), 0, ())
    assert (place.bench.names("_quarantine/"), place.rows("id")) == ([], [(1,)])
    assert damage(place.machine.open(), place.bench) == []


def test_a_file_with_records_for_other_reasons_is_not_given_up_for_one_of_them() -> None:
    place = Place()
    place.landed(1, one(1, "x"), {"id": 2})
    place.landed(2, one(3, "x"))

    found = to_discard(jail_of(place.bench.commits()), Wanted(reason="type"))

    assert [file.path[12:27] for file in found.files] == [sample_tick(2).name[:15]]
    assert [file.path[12:27] for file in found.mixed] == [sample_tick(1).name[:15]]


def test_what_was_given_up_can_not_be_taken_up() -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    discarding(place, Trial())

    assert replay(place.now_by(LOOSE), ANYTHING).fates == ()


# The law -------------------------------------------------------------------------------------------


def test_a_file_taken_up_twice_or_never_named_breaks_the_law() -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    replay(place.now_by(LOOSE), ANYTHING)
    batch, taken = place.bench.commits()

    check_redrives(taken, [batch])
    with pytest.raises(Corrupt, match="a second time"):
        check_redrives(taken, [batch, taken])
    with pytest.raises(Corrupt, match="no record before it names"):
        check_redrives(taken, [])


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("names no file", {"redrives": ()}),
        ("names a file twice", {"redrives": ("a", "a")}),
        ("has no account", {"accounts": (), "rows": 0}),
    ],
)
def test_a_redrive_that_says_too_little_does_not_extend_the_log(what: str, changed: dict[str, object]) -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    head = place.station.index.head()
    assert head is not None
    replay(place.now_by(LOOSE), ANYTHING)
    taken = place.bench.commits()[-1]
    head.after(taken)

    with pytest.raises(Corrupt, match=what):
        head.after(replace(taken, record=replace(taken.record, **changed)))  # type: ignore[arg-type]


def test_a_redrive_that_settles_a_tick_does_not_extend_the_log() -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    head = place.station.index.head()
    assert head is not None
    replay(place.now_by(LOOSE), ANYTHING)
    taken = place.bench.commits()[-1]
    (account,) = taken.record.accounts
    settling = replace(taken.record, accounts=(replace(account, settles=(account.tick,)),))

    with pytest.raises(Corrupt, match="settles a tick"):
        head.after(replace(taken, record=settling))


def test_a_log_whose_file_is_taken_up_twice_is_refused_by_whoever_follows_it() -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    replay(place.now_by(LOOSE), ANYTHING)
    taken = place.bench.commits()[-1]
    again = replace(taken.record, seq=3, prev=taken.digest, next=taken.record.next.replace("3.parquet", "4.parquet"))
    put_object(place, taken.record.next, again)

    with pytest.raises(Corrupt, match="a second time"):
        place.bench.machine("two").open()


def put_object(place: Place, name: str, record: Record) -> None:
    columns = schema(LOOSE)
    sink = BytesIO()
    with ObjectWriter(sink, columns) as writer:
        rows = pa.RecordBatch.from_pylist([{"id": 1, "value": "x"}], schema=record_schema(LOOSE))
        writer.add(Piece(rows, [0], received=1), tick=sample_tick(1).end, fetched_at=sample_tick(1).end)
        writer.finish(lambda rows, content: replace(record, content=content))
    place.bench.objects.objects[f"compras/{name}"] = sink.getvalue()


def test_an_answer_stays_known_as_landed_when_an_index_goes_back_before_its_redrive(tmp_path: Path) -> None:
    place = Place()
    place.landed(1, one(1, "x"))
    replay(place.now_by(LOOSE), ANYTHING)
    batch, taken = place.bench.commits()
    head = Head.genesis(place.station.identity).after(batch)
    index = SqliteIndex(tmp_path / "index.sqlite", uuid=head.uuid)
    index.enter(head, batch)
    index.enter(head.after(taken), taken)

    index.enter(head, None)

    answer = batch.record.accounts[0].answer or ""
    assert index.landed([answer]) == {answer}
    index.close()
