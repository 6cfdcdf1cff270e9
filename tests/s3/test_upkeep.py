"""Upkeep in a real bucket: listings, deletes and commits are those of the service."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.s3.service import S3Service

from coleta.adapters.below import Below, BelowHousekeeping
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.inspector import Deep
from coleta.runtime.lander import land
from coleta.runtime.log import follow, read_footer
from coleta.runtime.maintainer import maintain
from coleta.runtime.opening import open_station
from coleta.runtime.rollups import RollUps
from coleta.stream import Retention
from coleta.testing.bench import Bench, bench_stream, waiting

MONTH = timedelta(days=30)


def test_in_a_bucket_what_was_kept_for_long_enough_goes_and_the_audit_finds_no_fault(s3: S3Service) -> None:
    store, housekeeping = s3.with_housekeeping()
    bench = Bench(bench_stream(archive="landed", retention=Retention(MONTH, MONTH, MONTH)))
    machines = [bench.machine(name) for name in ("one", "two")]
    stations = [open_station(machine.premises(root=store), machine.world()) for machine in machines]
    for station, value in zip(stations, (1.5, 2.5), strict=True):
        waiting(station, 0, json.dumps([{"ean": 1, "price": value}, {"ean": "one"}]).encode())
        land(station)
    below, keeping = Below(store, "compras"), BelowHousekeeping(housekeeping, "compras")
    folders = ("_archive/", "_quarantine/", "_superseded/")
    assert [len(list(below.names(folder))) for folder in folders] == [1, 1, 1]

    bench.clock.advance(2 * MONTH)
    done = maintain(stations[1], keeping, progress=lambda done: None)

    assert (done.expired, done.deleted, done.superseded) == (2, 3, 1)
    assert [len(list(below.names(folder))) for folder in folders] == [0, 0, 0]
    assert maintain(stations[0], keeping, progress=lambda done: None).nothing
    evidence = Evidence(bench.stream, stations[0].identity, below, stations[0].index, stations[0].spool.contents(),
                        bench.clock.now())  # fmt: skip
    findings = whole(evidence, deep=Deep(replay=True)).findings
    assert {finding.code for finding in findings if finding.severity == "damage"} <= {"hole"}


def test_in_a_bucket_rows_are_taken_away_and_the_log_is_followed_to_the_same_end(s3: S3Service) -> None:
    store, housekeeping = s3.with_housekeeping()
    bench = Bench(bench_stream(retention=Retention(data=MONTH)))
    station = open_station(bench.machine().premises(root=store), bench.machine().world())
    for n in range(4):
        waiting(station, n, json.dumps([{"ean": n, "price": 1.5}]).encode())
        land(station)
    rolling = RollUps(station, commits=3)
    while rolling.advance():
        pass
    bench.clock.advance(2 * MONTH)

    done = maintain(station, BelowHousekeeping(housekeeping, "compras"), progress=lambda done: None)

    new = open_station(bench.machine("new").premises(root=store), bench.machine("new").world())
    head = follow(new.store, new.index, new.identity)
    assert (done.retired, head) == (3, station.index.head())
    footers = [read_footer(new.store, one.name) for one in new.index.commits()]
    assert [one.rows for one in footers if one is not None] == [0, 0, 0, 1]
    evidence = Evidence(bench.stream, new.identity, new.store, new.index, new.spool.contents(), bench.clock.now())
    findings = whole(evidence, deep=Deep()).findings
    assert {finding.code for finding in findings if finding.severity == "damage"} <= {"hole"}
