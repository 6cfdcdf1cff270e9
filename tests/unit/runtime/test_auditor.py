"""Audits: a sound log gives no finding, and each kind of damage gives its own."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest

from coleta.collect.spool import Gap
from coleta.collect.tick import Interval
from coleta.errors import StoreUnavailable
from coleta.land.columns import schema
from coleta.land.commit import IDENTITY_NAME, Committed, Head
from coleta.land.parquet import ObjectWriter
from coleta.land.record import encode_record, record_digest
from coleta.ports import SpoolContents
from coleta.runtime.asking import spool_gaps
from coleta.runtime.auditor import Evidence, Report, quick, whole
from coleta.runtime.lander import land
from coleta.runtime.station import Station
from coleta.stream import Every
from coleta.terms import canonical
from coleta.testing.bench import Bench, Machine, bench_stream, waiting
from coleta.testing.memory import MemoryIndex, MemoryStore
from coleta.testing.samples import MINUTE, NOON, sample_identity, sample_record, sample_terms, sample_tick

BAD = b'[{"ean":1,"price":2},{"ean":"x"}]'


class Sound:
    """A log of three commits, whose second has a quarantine file, and which is whole up to now."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.machine: Machine = self.bench.machine()
        self.station: Station = self.machine.open()
        for n in range(3):
            waiting(self.station, n, BAD if n == 1 else b'[{"ean":1,"price":2}]')
            land(self.station)
        self.bench.clock.set(NOON + 2 * MINUTE + timedelta(seconds=30))

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bench.objects.objects

    def data(self, n: int) -> str:
        return f"compras/data/tick_date=2026-11-24/{n:09d}.parquet"

    def the(self, folder: str) -> str:
        (name,) = self.bench.objects.names(f"compras/{folder}/")
        return name

    def evidence(self) -> Evidence:
        station = self.station
        contents = station.spool.contents()
        now = self.bench.clock.now()
        known = self.machine.notes.recall("identity")
        return Evidence(station.stream, station.identity, station.store, self.machine.index, contents, now, known)

    def reopen(self) -> None:
        self.station = self.machine.open()


def findings(report: Report) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in report.findings]


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("audit", [quick, whole])
def test_a_sound_log_has_no_findings(audit: Callable[[Evidence], Report]) -> None:
    report = audit(Sound().evidence())

    assert report.findings == ()
    assert report.sound
    assert (report.stream, report.objects, report.waiting, report.superseded) == ("compras", 3, 0, 0)
    assert (report.totals.received, report.totals.landed, report.totals.quarantined) == (4, 3, 1)
    assert report.totals.outcomes == {"ok": 3}


def test_a_log_without_commits_is_sound() -> None:
    bench = Bench()
    station = bench.machine().open()
    contents = station.spool.contents()
    evidence = Evidence(station.stream, station.identity, station.store, station.index, contents, bench.clock.now())

    assert (whole(evidence).findings, quick(evidence).findings) == ((), ())


def test_progress_is_told_commit_by_commit() -> None:
    seen: list[int] = []

    whole(Sound().evidence(), progress=seen.append)

    assert seen == [1, 2, 3]


def remove_data(log: Sound) -> None:
    del log.objects[log.data(3)]


def cut_data(log: Sound) -> None:
    log.objects[log.data(2)] = log.objects[log.data(2)][:-20]


def swap_data(log: Sound) -> None:
    log.objects[log.data(2)] = log.objects[log.data(3)]


def add_data(log: Sound) -> None:
    log.objects["compras/data/tick_date=2026-11-24/copy.parquet"] = log.objects[log.data(1)]


def remove_quarantine(log: Sound) -> None:
    del log.objects[log.the("_quarantine")]


def add_quarantine(log: Sound) -> None:
    log.objects["compras/_quarantine/20261124T120000Z-0.jsonl.zst"] = b""


def remove_terms(log: Sound) -> None:
    del log.objects[log.the("_ledger/terms")]


def change_terms(log: Sound) -> None:
    log.objects[log.the("_ledger/terms")] += b" "


def damage_spool(log: Sound) -> None:
    entry = waiting(log.station, 3, BAD)
    accepted_at, body = log.machine.files[entry.name]
    log.machine.files[entry.name] = (accepted_at, body[:-1])
    log.reopen()


def hold_spool(log: Sound) -> None:
    log.machine.files["later.spool"] = (NOON, b"COLETA\x63\nwhatever")
    log.reopen()


def pass_time(log: Sound) -> None:
    log.bench.clock.advance(timedelta(hours=1))


def leave_a_hole(log: Sound) -> None:
    waiting(log.station, 4, BAD)
    land(log.station)
    log.bench.clock.set(NOON + 5 * MINUTE + timedelta(seconds=30))


def leave_a_hole_for_a_day(log: Sound) -> None:
    leave_a_hole(log)
    waiting(log.station, Interval(NOON + 4 * MINUTE, NOON + timedelta(days=2)), BAD)
    land(log.station)
    log.bench.clock.set(NOON + timedelta(days=2))


def remove_identity(log: Sound) -> None:
    del log.objects["compras/_ledger/identity.json"]


def change_identity(log: Sound) -> None:
    name = "compras/_ledger/identity.json"
    log.objects[name] = log.objects[name].replace(b'"created":"2026', b'"created":"2025')


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (remove_data, {("damage", "missing_object")}),
        (cut_data, {("damage", "unreadable_object")}),
        (swap_data, {("damage", "broken_log")}),
        (remove_identity, {("damage", "missing_identity")}),
        (change_identity, {("damage", "changed_identity")}),
        (add_data, {("damage", "stray_object")}),
        (remove_quarantine, {("damage", "missing_quarantine")}),
        (add_quarantine, {("warning", "unnamed_quarantine")}),
        (remove_terms, {("damage", "missing_terms")}),
        (change_terms, {("damage", "changed_terms")}),
        (damage_spool, {("damage", "damaged_spool")}),
        (hold_spool, {("warning", "held_spool")}),
        (pass_time, {("warning", "late")}),
        (leave_a_hole, {("warning", "open")}),
        (leave_a_hole_for_a_day, {("damage", "hole")}),
    ],
)
def test_each_damage_has_its_finding(spoil: Callable[[Sound], None], found: set[tuple[str, str]]) -> None:
    log = Sound()
    spoil(log)

    report = whole(log.evidence())

    assert found <= set(findings(report))
    assert report.sound == all(severity != "damage" for severity, _ in found)
    # What this machine remembers leads over the break, so that any damage stands alone.
    assert findings(report) == list(found)


@pytest.mark.parametrize("spoil", [cut_data, swap_data])
def test_where_nothing_is_remembered_one_finding_says_what_lies_beyond_a_break(spoil: Callable[[Sound], None]) -> None:
    log = Sound()
    spoil(log)
    log.machine.index = MemoryIndex()

    report = whole(log.evidence())

    assert [one.code for one in report.findings[1:]] == ["unreachable"]
    assert report.findings[1].where == report.findings[0].where == log.data(2).removeprefix("compras/")
    assert "2 data objects" in report.findings[1].what


def test_many_findings_of_a_kind_are_told_as_a_number() -> None:
    log = Sound()
    for n in range(150):
        log.objects[f"compras/data/tick_date=2026-11-24/copy-{n:03d}.parquet"] = b""

    found = whole(log.evidence()).findings

    assert len(found) == 101
    assert found[99].where == "data/tick_date=2026-11-24/copy-099.parquet"
    assert found[100].what == "50 more like these"


def test_an_answer_that_waits_in_the_spool_fills_its_hole() -> None:
    log = Sound()
    waiting(log.station, 4, BAD)
    land(log.station)
    log.bench.clock.set(NOON + 5 * MINUTE + timedelta(seconds=10))
    assert codes(whole(log.evidence())) == {"open"}

    waiting(log.station, 3, BAD)

    assert codes(whole(log.evidence())) == set()


def test_a_gap_is_an_outcome_and_no_hole() -> None:
    log = Sound()
    spool_gaps(log.station, (Gap(sample_tick(3), "missed"),))
    land(log.station)
    log.bench.clock.set(NOON + 4 * MINUTE + timedelta(seconds=10))

    report = whole(log.evidence())

    assert report.findings == ()
    assert report.totals.outcomes == {"gap": 1, "ok": 3}


def test_a_tick_is_not_late_before_its_deadline_has_passed() -> None:
    log = Sound()
    log.station = replace(log.station, stream=bench_stream(schedule=Every(timedelta(hours=1))))

    for minutes in (10, 59, 60):
        log.bench.clock.set(NOON + minutes * MINUTE)
        assert codes(whole(log.evidence())) == set()
    log.bench.clock.set(NOON + 62 * MINUTE)
    assert codes(whole(log.evidence())) == {"late"}


def test_a_forgotten_index_is_no_damage() -> None:
    log = Sound()
    log.machine.index = MemoryIndex()

    assert whole(log.evidence()).findings == ()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(remove_data, "missing_object"), (cut_data, "unreadable_object"), (swap_data, "changed_object")],
)
def test_a_quick_audit_reads_the_newest_records_again(spoil: Callable[[Sound], None], code: str) -> None:
    log = Sound()
    spoil(log)

    assert findings(quick(log.evidence())) == [("damage", code)]


def test_a_quick_audit_knows_of_damage_in_the_spool() -> None:
    log = Sound()
    damage_spool(log)

    assert findings(quick(log.evidence())) == [("damage", "damaged_spool")]


# While landing goes on --------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["names", "read"])
@pytest.mark.parametrize("part", ["data/", "000000003", "000000004", "_quarantine/", "_ledger/terms"])
def test_commits_that_are_made_during_an_audit_are_no_damage(call: str, part: str) -> None:
    log = Sound()
    entered = []

    def land_three_more() -> None:
        for n in range(3, 6):
            waiting(log.station, n, BAD)
            land(log.station)
        entered.append(log.machine.index.head())

    log.bench.store.plan(call, part, land_three_more)

    report = whole(log.evidence())

    assert [finding for finding in report.findings if finding.severity == "damage"] == []
    assert codes(report) <= {"unnamed_quarantine"}


@pytest.mark.parametrize("audit", [quick, whole])
def test_a_store_that_is_down_is_said_to_be_and_not_taken_for_damage(audit: Callable[[Evidence], Report]) -> None:
    log = Sound()
    log.bench.store.down = True

    with pytest.raises(StoreUnavailable):
        audit(log.evidence())


def test_superseded_and_waiting_answers_are_counted() -> None:
    log = Sound()
    other = log.bench.machine("two").open()
    waiting(other, 0, BAD)
    land(other)
    waiting(log.station, 3, BAD)

    report = whole(replace(log.evidence()))

    assert (report.superseded, report.waiting, report.findings) == (1, 1, ())


# However long the log is --------------------------------------------------------------------------------


def peak_of_an_audit(commits: int) -> int:
    """The most memory, in bytes, that an audit takes for a log of so many turns."""
    store, head = MemoryStore(), Head.genesis(sample_identity())
    store.objects[IDENTITY_NAME] = sample_identity().to_json()
    store.objects[f"_ledger/terms/{sample_terms().digest}.json"] = canonical(sample_terms())
    for _ in range(commits):
        sink = BytesIO()
        with ObjectWriter(sink, schema(sample_terms())) as writer:
            made = replace(sample_record(head, ticks=()), kind="turn")
            record = writer.finish(lambda rows, content, made=made: replace(made, content=content))  # type: ignore[misc]
        store.objects[head.next] = sink.getvalue()
        head = head.after(Committed(head.next, record, record_digest(encode_record(record))))
    evidence = Evidence(bench_stream(), sample_identity(), store, MemoryIndex(), SpoolContents(), NOON - MINUTE)
    tracemalloc.start()
    report = whole(evidence)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.objects, report.findings) == (commits, ())
    return peak


def test_the_memory_of_an_audit_grows_by_a_few_bytes_for_a_commit() -> None:
    peak_of_an_audit(10)  # imports and caches

    # The least of three, since what other threads take meanwhile counts, too.
    grown = min(peak_of_an_audit(900) - peak_of_an_audit(100) for _ in range(3))

    assert grown / 800 < 120, "a record in memory has some 2,000"
