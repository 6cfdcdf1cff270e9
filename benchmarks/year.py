"""A year of minutes, made up, and how long it takes to verify it: time, and the largest resident memory.

    make bench-year                          365 days, 525,600 ticks: about half an hour, and 5 GB of disk
    make bench-year ARGS="--days 30"
    make bench-year ARGS="--keep FOLDER"     leaves the project there, and uses it again the next time

Each minute is an object of its own, written by Coleta's own writer, with two rows; each hundredth answer has
a record in the quarantine, each date begins with a turn, and each thousand commits have their roll-up. Only
syncing is left out. Then `coleta verify` runs as a process of its own, on a machine that remembers nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from coleta.collect.carry import answer_id, response_digest
from coleta.collect.tick import Interval
from coleta.contract.parse import parse_contract
from coleta.land.columns import record_schema, schema
from coleta.land.commit import IDENTITY_NAME, Committed, Head, Identity
from coleta.land.decode import Piece, Reject
from coleta.land.parquet import ObjectWriter
from coleta.land.quarantine import of_records
from coleta.land.record import Account, Outcome, Record, encode_record, object_name, record_digest
from coleta.land.rollup import ROLL_UP_COMMITS, RolledObject, encode_rollup, rollup_name
from coleta.terms import Terms, canonical

PROJECT = """version = 1
project = "bench"
[store.lake]
url = "file://./lake"
[stream.compras]
url = "http://127.0.0.1:9/gerar_compras/2"
every = "1m"
contract = { ean = "int", price = "float", store = "int", dateTime = "str" }
"""
TERMS = Terms(parse_contract({"ean": "int", "price": "float", "store": "int", "dateTime": "str"}))
MINUTE = timedelta(minutes=1)
FIRST = datetime(2025, 1, 1, 0, 1, tzinfo=UTC)
BAD_EVERY = 100


@dataclass
class Lake:
    """The stream's folder in the store, and how far its log goes."""

    folder: Path
    head: Head
    rolled: list[RolledObject]

    def put(self, name: str, body: bytes) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def commit(self, record: Record, body: bytes) -> None:
        """Write the next object, and the roll-up if there are enough."""
        name = self.head.next
        stored = encode_record(record)
        self.put(name, body)
        self.head = self.head.after(Committed(name, record, record_digest(stored)))
        self.rolled.append(RolledObject(name, len(body), hashlib.sha256(body).hexdigest(), stored.decode()))
        if len(self.rolled) == ROLL_UP_COMMITS:
            body = encode_rollup(self.head.uuid, self.head.seq - ROLL_UP_COMMITS + 1, self.rolled)
            self.put(rollup_name(self.head.seq), body)
            self.rolled = []


def make(folder: Path, days: int) -> int:
    """The project in `folder`, `days` long; how many commits it has."""
    lake = folder / "lake"
    (lake / "_coleta" / "tmp").mkdir(parents=True)
    (folder / "coleta.toml").write_text(PROJECT, encoding="utf-8")
    identity = Identity("5f0c8f5e-77a1-4c63-9f3b-0d4f1d0a9c11", "bench", "compras", FIRST, FIRST)
    made = Lake(lake / "compras", Head.genesis(identity), [])
    made.put(IDENTITY_NAME, identity.to_json())
    made.put(f"_ledger/terms/{TERMS.digest}.json", canonical(TERMS))
    for n in range(days * 24 * 60):
        tick = Interval(FIRST + (n - 1) * MINUTE, FIRST + n * MINUTE)
        if f"tick_date={tick.date.isoformat()}" not in made.head.next:
            made.commit(*turn(made.head, tick))
        made.commit(*minute(made, n, tick))
    return made.head.seq


def minute(lake: Lake, n: int, tick: Interval) -> tuple[Record, bytes]:
    """The record and the object of the `n`-th minute."""
    import pyarrow as pa

    wire = b'[{"n":%d}]' % n
    response = response_digest([wire])
    answer = answer_id(None, tick, response)
    at = tick.end + timedelta(seconds=2)
    columns = {"ean": [n, n + 1], "price": [n / 7, 2.5], "store": [n % 9, 1], "dateTime": [tick.name, "now"]}
    piece = Piece(pa.RecordBatch.from_pydict(columns, schema=record_schema(TERMS)), rows=range(2), received=2)
    bad = n % BAD_EVERY == 0
    file = of_records(tick, answer, [Reject(2, "$.ean", "type", "not an int", b'{"ean":"x%d"}' % n)]) if bad else None
    if file is not None:
        lake.put(file.file.path, file.body)
    account = Account(
        tick, (tick,), Outcome.OK, answer=answer, response=response, attempts=1, pages=1, scheduled=tick.end,
        asked_at=tick.end, received_at=at, received=2 + bad, landed=2, quarantined=int(bad),
    )  # fmt: skip
    named = () if file is None else (file.file,)
    record = replace(_record(lake.head, tick), accounts=(account,), quarantine=named)
    return written(record, piece, tick.end, at)


def turn(head: Head, tick: Interval) -> tuple[Record, bytes]:
    """The record and the object that send the log to the folder of `tick`."""
    return written(replace(_record(head, tick), kind="turn"), None, tick.end, tick.end)


def written(record: Record, piece: Piece | None, tick: datetime, at: datetime) -> tuple[Record, bytes]:
    """`record` with its rows and content digest, and the object."""
    sink = BytesIO()
    with ObjectWriter(sink, schema(TERMS)) as writer:
        if piece is not None:
            writer.add(piece, tick=tick, fetched_at=at)
        done = writer.finish(lambda rows, content: replace(record, rows=rows, content=content))
    return done, sink.getvalue()


def _record(head: Head, tick: Interval) -> Record:
    return Record(
        uuid=head.uuid, project="bench", stream="compras", seq=head.seq + 1, prev=head.digest,
        next=object_name(tick.date, head.seq + 2), kind="batch", terms=TERMS.digest, created=tick.end,
        owner="bench:1:00000000", tool="coleta bench", nonce=f"{head.seq:032x}", schedule={"every_s": 60.0},
    )  # fmt: skip


def verify(folder: Path, *words: str) -> None:
    """Run `coleta verify` there, and tell what it took."""
    began = time.monotonic()
    output = folder / "report.json"
    child = os.fork()
    if not child:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.execv(sys.executable, [sys.executable, "-m", "coleta", "-C", str(folder), "verify", *words, "--json"])
    _, status, used = os.wait4(child, 0)
    took = time.monotonic() - began
    report = json.loads(output.read_bytes())["streams"][0]
    codes = ", ".join(sorted({finding["code"] for finding in report["findings"]})) or "none"
    commits = report["commits"]
    sys.stdout.write(
        f"verify {' '.join(words):14} {commits:,} commits in {took:.1f} s ({commits / took:,.0f}/s), "
        f"{used.ru_utime + used.ru_stime:.1f} s of CPU, {used.ru_maxrss / 1024:.0f} MiB at most; "
        f"exit status {os.waitstatus_to_exitcode(status)}, findings: {codes}\n"
    )
    sys.stdout.flush()


def main() -> int:
    """Make it, unless it is there, and verify it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--keep", type=Path, help="where to leave the project; a temporary folder by default")
    parser.add_argument("--data", action="store_true", help="verify --data as well")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coleta-year-") as passing:
        folder = asked.keep or Path(passing) / "project"
        if not (folder / "coleta.toml").exists():
            began = time.monotonic()
            commits = make(folder, asked.days)
            sys.stdout.write(f"made {commits:,} commits of {asked.days} days in {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
        verify(folder, "--level", "1")
        if asked.data:
            verify(folder, "--data")
    return 0


if __name__ == "__main__":
    sys.exit(main())
