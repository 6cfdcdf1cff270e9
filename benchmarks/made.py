"""Years of minutes, made up as a service would have left them: log, roll-ups, kept heads, and a Delta table.

Each object is one of Coleta's own writer, into which another record is put; so the rows of one object are those of
all, and only the records differ: nothing that ``growth.py`` measures looks at rows. Nothing is synced.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from coleta.adapters.delta_table import DeltaRegister
from coleta.adapters.file_store import FileStore
from coleta.collect.carry import answer_id, response_digest
from coleta.collect.tick import Interval
from coleta.contract.parse import parse_contract
from coleta.land.columns import record_schema, schema
from coleta.land.commit import IDENTITY_NAME, Committed, Identity
from coleta.land.decode import Piece
from coleta.land.kept import Keeping, encode_kept, kept_name
from coleta.land.nulls import null_counts
from coleta.land.parquet import STAMP_KEY, ObjectWriter
from coleta.land.record import Account, Outcome, Record, encode_record, object_name, record_digest
from coleta.land.rollup import ROLL_UP_COMMITS, RolledObject, encode_rollup, rollup_name
from coleta.land.table import columns_of
from coleta.land.watermark import DataFile
from coleta.terms import Terms, canonical

STREAM = "compras"
CONTRACT = '{ ean = "int", price = "float", store = "int", dateTime = "str" }'
TERMS = Terms(parse_contract({"ean": "int", "price": "float", "store": "int", "dateTime": "str"}))
MINUTE = timedelta(minutes=1)
ROWS = 2
"""Rows a tick."""

_UUID = "5f0c8f5e-77a1-4c63-9f3b-0d4f1d0a9c11"
_BLANK = b"0" * 64


@dataclass(frozen=True)
class Mould:
    """An object without its record: what stands before the record's length, and what after the record."""

    before: bytes
    after: bytes
    footer_bytes: int
    content: str
    rows: int

    @classmethod
    def of(cls, rows: int) -> Mould:
        """One with so many rows."""
        sink, contents = BytesIO(), list[str]()

        def account(_: int, content: str) -> Record:
            contents.append(content)
            return Record(
                uuid=_UUID, project="", stream="", seq=1, prev=None, next="", kind="turn", terms="",
                created=datetime(2000, 1, 1, tzinfo=UTC), owner="", tool="", nonce="", schedule={},
            )  # fmt: skip

        columns = {"ean": [*range(rows)], "price": [2.5] * rows, "store": [1] * rows, "dateTime": ["now"] * rows}
        piece = Piece(pa.RecordBatch.from_pydict(columns, schema=record_schema(TERMS)), rows=range(rows), received=rows)
        at = datetime(2000, 1, 1, tzinfo=UTC)
        with ObjectWriter(sink, schema(TERMS)) as writer:
            writer.add(piece, tick=at, fetched_at=at)
            record = encode_record(writer.finish(account))
        body = sink.getvalue()
        at_record = body.rindex(record)
        before, after = body[: at_record - len(_varint(len(record)))], body[at_record + len(record) : -8]
        stamp = before.rindex(STAMP_KEY.encode()) + len(STAMP_KEY) + 2
        before = before[:stamp] + _BLANK + before[stamp + 64 :]
        footer = int.from_bytes(body[-8:-4], "little") - len(record) - len(_varint(len(record)))
        return cls(before, after, footer, contents[0], rows)

    def cast(self, record: bytes) -> bytes:
        """The object with this record."""
        length = _varint(len(record))
        footer = (self.footer_bytes + len(length) + len(record)).to_bytes(4, "little")
        body = b"".join((self.before, length, record, self.after, footer, b"PAR1"))
        stamp = self.before.rindex(STAMP_KEY.encode()) + len(STAMP_KEY) + 2
        return body[:stamp] + hashlib.sha256(body).hexdigest().encode() + body[stamp + 64 :]


@dataclass
class Log:
    """A log as it grows, and what a table says of its objects."""

    put: Callable[[str, bytes], None]
    every: int
    """How many ticks an object holds."""
    next: str
    keeping: Keeping
    seq: int = 0
    digest: str | None = None
    rolled: list[RolledObject] = field(default_factory=list)
    files: list[tuple[int, DataFile]] = field(default_factory=list)

    def commit(self, mould: Mould, record: Record) -> None:
        """Write the next object, and the roll-up if there are enough."""
        stored = encode_record(record)
        name, body = self.next, mould.cast(stored)
        self.put(name, body)
        self.seq, self.digest, self.next = record.seq, record_digest(stored), record.next
        if record.rows:
            day, made = name.split("tick_date=")[1][:10], int(record.created.timestamp() * 1000)
            nulls = self.files[-1][1].nulls if self.files else null_counts(body)
            self.files.append((self.seq, DataFile(name, len(body), day, made, record.rows, nulls)))
        self.keeping.add(Committed(name, record, self.digest))
        self.rolled.append(RolledObject(name, len(body), hashlib.sha256(body).hexdigest(), stored.decode()))
        if len(self.rolled) == ROLL_UP_COMMITS:
            self.put(rollup_name(self.seq), encode_rollup(_UUID, self.seq - ROLL_UP_COMMITS + 1, self.rolled))
            self.put(kept_name(self.seq), encode_kept(self.keeping.kept()))
            self.rolled = []

    def record(self, kind: str, day: date, created: datetime) -> Record:
        """What every next record says."""
        return Record(
            uuid=_UUID, project="bench", stream=STREAM, seq=self.seq + 1, prev=self.digest,
            next=object_name(day, self.seq + 2), kind=kind, terms=TERMS.digest, created=created,  # type: ignore[arg-type]
            owner="bench:1:00000000", tool="coleta bench", nonce=f"{self.seq:032x}", schedule={"every_s": 60.0},
        )  # fmt: skip


def make_log(folder: Path, *, days: int, every: int, end: datetime) -> Log:
    """So many `days` of minutes before `end`, `every` so many of them an object, below `folder`."""
    made: set[Path] = set()

    def put(name: str, body: bytes) -> None:
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_bytes(body)

    first = end - timedelta(days=days)
    identity = Identity(_UUID, "bench", STREAM, first + MINUTE, first)
    log = Log(put, every, object_name((first + MINUTE).date(), 1), Keeping(identity))
    put(IDENTITY_NAME, identity.to_json())
    put(f"_ledger/terms/{TERMS.digest}.json", canonical(TERMS))
    moulds = {n: Mould.of(n * ROWS) for n in range(every + 1)}
    for ticks in _batches(first, days, every):
        day, last = ticks[0].date, ticks[-1]
        if f"tick_date={day.isoformat()}" not in log.next:
            log.commit(moulds[0], replace(log.record("turn", day, last.end), content=moulds[0].content))
        mould, accounts = moulds[len(ticks)], tuple(_account(tick) for tick in ticks)
        said = log.record("batch", day, last.end + timedelta(seconds=3))
        log.commit(mould, replace(said, accounts=accounts, rows=mould.rows, content=mould.content))
    return log


def make_table(folder: Path, log: Log) -> None:
    """The Delta table over the objects in `folder`: a version for each object, and the newest checkpoint.

    Of the checkpoints that a service would have left, one for each ten versions, only the newest is made.
    """
    made = folder / "_delta_log"
    with TemporaryDirectory(prefix="coleta-growth-") as place:
        first, lines, checkpoint = _one_version(Path(place), log)
        made.mkdir()
        (made / f"{0:020}.json").write_bytes(first)
        for version, (seq, file) in enumerate(log.files, 1):
            body = "\n".join(_retold(json.loads(line), seq, file) for line in lines) + "\n"
            (made / f"{version:020}.json").write_text(body)
        shutil.copy(checkpoint, made / f"{len(log.files):020}.checkpoint.parquet")
        about = json.loads((checkpoint.parent / "_last_checkpoint").read_text())
        (made / "_last_checkpoint").write_text(json.dumps({**about, "version": len(log.files)}))


def _one_version(folder: Path, log: Log) -> tuple[bytes, list[str], Path]:
    """A table that took all objects at once, in `folder`: its beginning, the actions of a commit, its checkpoint.

    delta-rs would need gigabytes to make a checkpoint out of all those versions.
    """
    from deltalake import DeltaTable

    uri, made = folder.absolute().as_uri(), folder / "_delta_log"
    table = DeltaRegister(uri, FileStore(folder), options=dict, folder=folder)
    table.create(columns_of(TERMS), log=_UUID)
    opened = table.open(_UUID)
    assert opened is not None
    opened.register([file for _, file in log.files], until=log.seq)
    actions = (made / f"{1:020}.json").read_text().splitlines()
    others = [line for line in actions if not line.startswith('{"add":')]
    DeltaTable(uri).create_checkpoint()
    added = next(line for line in actions if line.startswith('{"add":'))
    return (made / f"{0:020}.json").read_bytes(), [*others, added], made / f"{1:020}.checkpoint.parquet"


def _retold(action: dict[str, dict[str, object]], seq: int, file: DataFile) -> str:
    """An action of another version, for this `file`."""
    if "txn" in action:
        action["txn"]["version"] = seq
    if "add" in action:
        action["add"] |= {
            "path": file.path, "size": file.size_bytes, "modificationTime": file.modified_ms,
            "stats": file.stats, "partitionValues": {"tick_date": file.date},
        }  # fmt: skip
    return json.dumps(action, separators=(",", ":"))


def _batches(first: datetime, days: int, every: int) -> Iterator[list[Interval]]:
    batch: list[Interval] = []
    for n in range(days * 24 * 60):
        tick = Interval(first + n * MINUTE, first + (n + 1) * MINUTE)
        if batch and (len(batch) == every or batch[0].date != tick.date):
            yield batch
            batch = []
        batch.append(tick)
    yield batch


def _account(tick: Interval) -> Account:
    response = response_digest([tick.name.encode()])
    return Account(
        tick, (tick,), Outcome.OK, answer=answer_id(None, tick, response), response=response, attempts=1, pages=1,
        scheduled=tick.end, asked_at=tick.end, received_at=tick.end + timedelta(seconds=1), received=ROWS, landed=ROWS,
    )  # fmt: skip


def _varint(number: int) -> bytes:
    """`number` as the footer's encoding has lengths."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
