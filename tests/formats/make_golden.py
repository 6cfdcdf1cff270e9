"""Makes the golden files of the formats' versions, with the real lander on adapters in memory.

python tests/formats/make_golden.py       writes tests/formats/golden/v1 and v2, unless something is there

Golden files are never made anew: they are what earlier versions wrote, and every later one must read
them. A new format gets a new folder.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from coleta.collect.carry import Carried, answer_id, response_digest
from coleta.collect.spool import Contents, Gap, Header, PageHead, Trailer, parse
from coleta.collect.tick import Interval, format_instant, on_demand
from coleta.contract.parse import parse_contract
from coleta.land.commit import IDENTITY_NAME, Head, Identity
from coleta.land.moving import ORIGIN_NAME
from coleta.land.record import (
    FOOTER_KEY,
    Account,
    ArchiveFile,
    Outcome,
    QuarantineFile,
    Record,
    Wait,
    encode_record,
)
from coleta.runtime.lander import land
from coleta.runtime.log import follow
from coleta.runtime.moving import Passage, move
from coleta.runtime.opening import Premises
from coleta.runtime.station import Station, World
from coleta.stream import Every, Source, Stream
from coleta.terms import Terms, canonical
from coleta.testing.memory import (
    ManualClock,
    MemoryIndex,
    MemoryNotes,
    MemoryScratch,
    MemorySpool,
    MemoryStore,
    SeededIds,
)

GOLDEN = Path(__file__).parent / "golden" / "v1"
GOLDEN_V2 = GOLDEN.with_name("v2")
"""What is of record format 2: no more than a move writes."""

UUID = "5f0c8f5e-77a1-4c63-9f3b-0d4f1d0a9c11"
MINUTE = timedelta(minutes=1)
FIRST = datetime(2026, 11, 24, 23, 57, tzinfo=UTC)

EVERY_TYPE = Terms(
    parse_contract(
        {
            "id": "int",
            "price": "float?",
            "brl": "decimal(20,2)?",
            "name": "str?",
            "ok": "bool?",
            "day": "date?",
            "at": "timestamp?",
            "wall": "local_timestamp?",
            "more": "json?",
            "tags": "list[int?]?",
            "pos": {
                "fields": {"city": "str", "floor": {"type": "int", "required": False, "min": -3}},
                "nullable": True,
            },
            "login": {"type": "str", "path": "$.user.login", "required": False},
        }
    )
)
KEPT = Terms(
    parse_contract({"id": "int", "name": "str?"}),
    unknown="keep",
    expect="object",
    records=("data", "items"),
    key=("id",),
)

PLAIN = (
    '[{"id":1,"price":12.5,"brl":"199.90","name":"câmera","ok":true,"day":"2026-11-24",'
    '"at":"2026-11-24T20:56:59.5-03:00","wall":"2026-11-24T20:56:59","more":{"a":[1, 2]},"tags":[1,null,3],'
    '"pos":{"city":"Recife","floor":-1},"user":{"login":"ana"}},'
    '{"id":"two","price":1,"pos":null},'
    '{"id":9223372036854775807,"price":-0.0,"brl":-0.01,"name":"","ok":false,"day":"1969-12-31",'
    '"at":"1969-12-31T23:59:59Z","wall":"0001-01-01T00:00:00","more":null,"tags":[],"pos":{"city":"São Paulo"}},'
    '{"id":4,"price":null,"brl":null,"name":null,"ok":null,"day":null,"at":null,"wall":null,"more":null,"tags":null,'
    '"pos":null}]'
).encode()
PAGES = (
    b'{"data":{"items":[{"id":1,"name":"TV"},{"id":2,"color":"azul","name":null}]}}',
    b'{"data":{"items":[{"id":2,"name":"again"},{"id":3,"name":"tablet"}]}}',
)
HTML = b"<html>\xff<body>Service unavailable</body></html>"
ALL_BROKEN = b'[{"id":1.5},{"name":"no id"}]'
LATE = b'[{"id":50,"pos":null}]'


def minute(n: int) -> Interval:
    """The `n`-th tick of the stream, from 1: the minute that ends at FIRST is the first."""
    return Interval(FIRST + (n - 2) * MINUTE, FIRST + (n - 1) * MINUTE)


def header(tick: Interval | None, terms: Terms = EVERY_TYPE, gaps: Sequence[Gap] = ()) -> Header:
    """What the golden stream's spool files begin with."""
    return Header(
        project="golden",
        stream="compras",
        uuid=UUID,
        terms=terms,
        schedule=Every(MINUTE).to_json(),
        owner="golden:1:00000000",
        tool="coleta golden",
        tick=tick,
        gaps=tuple(gaps),
        scheduled=None if tick is None else tick.end + timedelta(milliseconds=1500),
        request=None
        if tick is None
        else {"headers": {"X-Api-Key": "***"}, "method": "GET", "url": "http://127.0.0.1:8000/gerar_compras/3"},
    )


class World1:
    """The golden stream's machine and store: everything is an argument, so every run gives the same bytes."""

    def __init__(self) -> None:
        self.clock = ManualClock(FIRST)
        self.store = MemoryStore()
        self.accepted: dict[str, bytes] = {}
        identity = Identity(UUID, "golden", "compras", first_tick=FIRST, created=FIRST + timedelta(microseconds=250))
        self.store.objects[IDENTITY_NAME] = identity.to_json()
        self.spool = MemorySpool(uuid=UUID, now=self.clock.now)
        self.station = Station(
            stream=Stream("compras", "golden", "memory://", "compras", Source("http://h/"), Every(MINUTE), EVERY_TYPE),
            identity=identity,
            world=World(
                self.clock, SeededIds(2026), Silent(), "golden:1:00000000", "coleta golden", lambda event: None
            ),
            spool=self.spool,
            store=self.store,
            index=MemoryIndex(),
            scratch=MemoryScratch(),
        )

    def accept(self, head: Header, *bodies: bytes, encoding: str | None = None, **known: object) -> str:
        """Spool an answer of `bodies`, or the header's gaps; the answer's id."""
        draft = self.spool.draft(head)
        for number, wire in enumerate(bodies, start=1):
            draft.page(_page(head, number, encoding), wire)
        trailer = Trailer(pages=len(bodies), size_bytes=sum(map(len, bodies)))
        if head.tick is not None:
            response = response_digest(bodies)
            parent = head.carried.parent if head.carried else None
            named = answer_id(parent, head.tick, response)
            trailer = replace(trailer, response=response, answer=named, attempts=len(bodies), **known)  # type: ignore[arg-type]
        entry = draft.accept(trailer)
        self.accepted[entry.name] = self.spool.read(entry).whole()
        return entry.trailer.answer or ""

    def land(self) -> None:
        """A minute later, land what waits."""
        self.clock.advance(MINUTE)
        land(self.station)

    def head(self) -> Head:
        """The log's head."""
        return follow(self.store, self.station.index, self.station.identity)


class Silent:
    """A network that nobody asks."""

    def exchange(self, *_: object, **__: object) -> NoReturn:
        """Never called: landing does not see the API."""
        raise AssertionError


def _page(head: Header, number: int, encoding: str | None) -> PageHead:
    assert head.tick is not None
    asked_at = head.tick.end + timedelta(seconds=1 + number)
    headers = [("content-type", "application/json"), ("date", "Tue, 24 Nov 2026 23:59:00 GMT")]
    return PageHead(
        number=number,
        status=200,
        headers=(*headers, ("content-encoding", encoding)) if encoding else tuple(headers),
        encoding=encoding,
        url=f"http://127.0.0.1:8000/gerar_compras/3?page={number}",
        asked_at=asked_at,
        received_at=asked_at + timedelta(microseconds=125_000),
        tls_verified=number != 2,
    )


def play() -> World1:
    """All that happens in the golden log."""
    world = World1()
    # Commit 1: an answer with one bad record, and two gaps of the same date.
    world.accept(header(minute(1)), PLAIN)
    gaps = (Gap(minute(2), "http_500", "HTTP status 500; attempt 4", 4), Gap(minute(3), "missed"))
    world.accept(header(None, gaps=gaps))
    world.land()
    # 2: turn to the next date. 3: an answer without records.
    world.accept(header(minute(4)), b"[]")
    world.land()
    # 4: other terms; two pages in gzip, a repeated key, an unknown member that is kept.
    wires = [gzip.compress(body, mtime=0) for body in PAGES]
    world.accept(header(minute(5), KEPT), *wires, encoding="gzip")
    world.land()
    # 5: no data at all, and one whose every record breaks the contract.
    world.accept(header(minute(6)), HTML, wrong="HTML or XML instead of JSON")
    world.accept(header(minute(7)), ALL_BROKEN)
    world.land()
    # 6: turn back. 7: an answer in a gap's place. Another one for it comes too late: superseded.
    world.accept(header(minute(2)), LATE)
    world.accept(header(minute(2)), PLAIN)
    world.land()
    # 8 is a turn. 9: an on-demand answer, which covers nothing.
    instant = on_demand(FIRST + 7 * MINUTE + timedelta(microseconds=1))
    world.accept(header(instant), LATE)
    world.land()
    # 10 and 11: two answers that hand a state on.
    _carry(world)
    return world


def _carry(world: World1) -> None:
    before = None
    parent = None
    for n, wire in ((9, LATE), (10, b"[]")):
        after = {
            "boundary": [{"at": "2026-11-25T00:04:00Z", "key": None, "raw": "0f" * 16}],
            "cursor": "2026-11-25T00:04:00Z",
            "end": format_instant(minute(n).end),
            "validators": {"etag": f'W/"{n}"', "last_modified": None},
        }
        head = replace(header(minute(n)), carried=Carried(parent, before))
        parent = world.accept(head, wire, after=after)
        before = after
        world.land()


def by_hand() -> dict[str, bytes]:
    """Records of kinds, and with fields, that no version lands yet."""
    account = Account(
        tick=minute(1),
        settles=(minute(1),),
        outcome=Outcome.UNCHANGED,
        reason="why",
        detail="more of it",
        answer="a1" * 32,
        response="b2" * 32,
        carried=Carried("c3" * 32, {"cursor": 7}, {"cursor": 8}),
        attempts=2,
        pages=1,
        scheduled=FIRST,
        asked_at=FIRST + timedelta(microseconds=1),
        received_at=FIRST + timedelta(seconds=1),
        tls_verified=False,
        received=6,
        landed=3,
        quarantined=2,
        deduplicated=1,
        nulled=4,
        drift={"color": 5},
    )
    path = "_quarantine/20261124T235700Z-0123456789abcdef.jsonl.zst"
    full = Record(
        uuid=UUID,
        project="golden",
        stream="compras",
        seq=1_000_000_000,
        prev="d4" * 32,
        next="data/tick_date=2026-11-24/1000000001.parquet",
        kind="batch",
        terms="e5" * 32,
        created=FIRST,
        owner="golden:1:00000000",
        tool="coleta golden",
        nonce="0" * 32,
        accounts=(account,),
        quarantine=(QuarantineFile(path, "f6" * 32, "a1" * 32, "records", 2, {"missing": 1, "type": 1}),),
        archive=(ArchiveFile("_archive/20261124T235700Z-a1a1a1a1a1a1a1a1.spool", "a7" * 32, "a1" * 32),),
        schedule={"cron": "*/5 * * * *", "zone": "America/Sao_Paulo"},
        rows=3,
        content="b8" * 32,
    )
    bare = replace(full, accounts=(), quarantine=(), archive=(), rows=0)
    redriven = replace(account, settles=(), outcome=Outcome.OK, carried=None, received=2, landed=2, quarantined=0)
    return {
        "every-field.json": encode_record(full),
        "turn-that-asks-to-wait.json": encode_record(
            replace(bare, kind="turn", wait=Wait("other:2:11111111", FIRST + MINUTE))
        ),
        "redrive.json": encode_record(
            replace(bare, kind="redrive", accounts=(replace(redriven, deduplicated=0),), redrives=(path,), rows=2)
        ),
        "expired.json": encode_record(replace(bare, kind="expired", redrives=(path,))),
    }


def build_v2() -> dict[str, bytes]:
    """What a move adds: the object that ends the golden log, its record, and what the new place says of the old one."""
    world = play()
    world.head()
    new = MemoryStore()
    stream = world.station.stream

    def premises(store: MemoryStore, path: str) -> Premises:
        return Premises(
            stream=replace(stream, path=path),
            root=store,
            store=store,
            notes=MemoryNotes(),
            scratch=MemoryScratch(),
            spool_for=lambda identity: world.spool,
            index_for=lambda identity: world.station.index,
        )

    move(Passage(premises(world.store, "compras"), premises(new, "elsewhere"), world.station.world))
    (name,) = [name for name in world.store.objects if name.startswith("data/") and name not in new.objects]
    body = world.store.objects[name]
    record: bytes = pq.read_metadata(pa.BufferReader(body)).metadata[FOOTER_KEY.encode()]
    return {f"log/{name}": body, "records/moved.json": record, "moved_from.json": new.objects[ORIGIN_NAME]}


def build() -> dict[str, bytes]:
    """Every golden file by its name, the expected values included."""
    world = play()
    files = {f"spool/{name}": body for name, body in world.accepted.items()}
    files |= {f"log/{name}": body for name, body in world.store.objects.items()}
    files |= {f"records/{name}": body for name, body in by_hand().items()}
    expected = {
        "spool": {name: contents_of(parse(name, body)) for name, body in world.accepted.items()},
        "objects": dict(objects_of(world)),
        "quarantine": {name: plain(body) for name, body in world.store.objects.items() if "_quarantine/" in name},
        "head": json.loads(canonical(world.head())),
    }
    files["expected.json"] = json.dumps(expected, ensure_ascii=False, indent=1).encode() + b"\n"
    return files


def contents_of(contents: Contents) -> dict[str, object]:
    """A spool file's contents as JSON."""
    return {
        "header": json.loads(canonical(contents.header)),
        "heads": [json.loads(canonical(head)) for head, _ in contents.pages],
        "pages": [wire.hex() for _, wire in contents.pages],
        "trailer": json.loads(canonical(contents.trailer)),
    }


def objects_of(world: World1) -> Iterator[tuple[str, dict[str, object]]]:
    """Each data object's record as JSON, its record's digest, and its rows."""
    for committed in world.station.index.commits():
        rows = pq.read_table(pa.BufferReader(world.store.objects[committed.name])).to_pylist()
        record = json.loads(encode_record(committed.record))
        yield committed.name, {"digest": committed.digest, "record": record, "rows": [shown(row) for row in rows]}


def shown(row: dict[str, object]) -> dict[str, object]:
    """A row as JSON can hold it: what is no JSON, as Python writes it."""
    shaped: dict[str, object] = json.loads(json.dumps(row, default=str))
    return shaped


def plain(body: bytes) -> str:
    """A quarantine file's contents, one character a byte."""
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        text: str = stream.read().decode("latin-1")
    return text


def main() -> int:
    """Write the golden files; refuse where there are some."""
    made = 0
    for folder, files in ((GOLDEN, build), (GOLDEN_V2, build_v2)):
        if folder.exists():
            sys.stderr.write(f"{folder} exists: golden files are never made anew\n")
            continue
        for name, body in files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        made += 1
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
