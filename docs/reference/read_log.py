"""Reads and verifies one stream's log in a local folder, with the standard library and pyarrow. See layout.md.

python read_log.py FOLDER        prints what it learned, as JSON; a log that breaks a law ends with an error

The folder is the stream's path in the store. From an object store, fetch the names that `follow` asks for.
"""

import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FORMAT = 1
NEWEST_RECORD = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Read = Callable[[str], bytes | None]
Spans = list[tuple[str, str]]


def require(true: object, what: str) -> None:
    """End with an error unless `true`."""
    if not true:
        raise ValueError(what)


def follow(read: Read) -> Iterator[tuple[str, dict, bytes, pa.Table]]:  # type: ignore[type-arg]
    """Each commit in order: its object's name, its record, the record's bytes, its rows."""
    identity = json.loads(read("_ledger/identity.json") or b"null")
    require(identity and identity["format"] <= FORMAT, "no identity of a format that is known")
    name, digest, seq = f"data/tick_date={identity['first_tick'][:10]}/000000001.parquet", None, 0
    while (body := read(name)) is not None:
        table = pq.read_table(pa.BufferReader(body), page_checksum_verification=True)
        stored = pq.read_metadata(pa.BufferReader(body)).metadata[b"coleta.record"]
        record = json.loads(stored)
        require(record["format"] <= NEWEST_RECORD, f"{name}: format {record['format']} is newer than this program")
        found = (record["uuid"], record["seq"], record["prev"])
        require(found == (identity["uuid"], seq + 1, digest), f"{name} does not continue the log")
        yield name, record, stored, table
        moved = record["kind"] == "moved"
        require(moved == ("moved_to" in record), f"{name}: it says where the log goes on, or not, against its kind")
        require(not moved or read(record["next"]) is None, f"{record['next']}: the log ended before it")
        name, digest, seq = record["next"], hashlib.sha256(stored).hexdigest(), seq + 1


def verify(read: Read) -> dict[str, object]:
    """Follow the log, check the laws, and tell what it says."""
    answered: Spans = []
    gaps: Spans = []
    objects: list[dict[str, object]] = []
    last: str | None = None
    state: dict[str, object] = {"parent": None, "before": None}
    given_up = {path for _, record, _, _ in follow(read) if record["kind"] == "expired" for path in record["redrives"]}
    named: set[str] = set()
    lifted: set[str] = set()
    for name, record, stored, table in follow(read):
        require(not set(record["redrives"]) - named, f"{name}: takes up a file that no earlier record names")
        require(not set(record["redrives"]) & lifted, f"{name}: takes up a file for a second time")
        lifted.update(record["redrives"])
        accounts = record["accounts"]
        require(table.num_rows == record["rows"] == sum(a["landed"] for a in accounts), f"{name}: rows")
        require(content(table) == record["content"], f"{name}: content")
        terms = read(f"_ledger/terms/{record['terms']}.json") or b""
        require(sha(terms) == record["terms"], f"{name}: terms")
        for file in record["quarantine"] + record["archive"]:
            named.add(file["path"])
            same = file["path"] in given_up or sha(read(file["path"]) or b"") == file["sha256"]
            require(same, f"{name}: {file['path']}")
        for one in accounts:
            where = f"{name}, tick ending {one['tick']['end']}"
            require(one["received"] == one["landed"] + one["quarantined"] + one["deduplicated"], where)
            require(one["tick"]["end"][:10] == name[15:25], f"{where}: another date's folder")
            settles = [(part["start"], part["end"]) for part in one["settles"]]
            empty = one["tick"]["start"] == one["tick"]["end"]
            require((not settles) == (empty or record["kind"] == "redrive"), f"{where}: settles nothing, or again")
            taken = answered + gaps if one["outcome"] == "gap" else answered
            require(not any(overlap(mine, his) for mine in settles for his in taken), f"{where}: settled twice")
            if one["outcome"] == "gap":
                gaps += settles
            else:
                answered += settles
                gaps = [left for gap in gaps for left in minus(gap, settles)]
            if one["carried"]:
                begun = {key: one["carried"][key] for key in ("parent", "before")}
                require(begun == state, f"{where}: not the state that was carried")
                state = {"parent": one["answer"], "before": one["carried"]["after"]}
        objects.append({"name": name, "record": sha(stored), "kind": record["kind"], "content": record["content"]})
        last = record["next"]
    return {"objects": objects, "next": last, "answered": union(answered), "gaps": union(gaps)}


def overlap(a: tuple[str, str], b: tuple[str, str]) -> bool:
    """Whether two intervals share an instant; an empty one shares none."""
    return max(key(a[0]), key(b[0])) < min(key(a[1]), key(b[1]))


def minus(whole: tuple[str, str], parts: Spans) -> Spans:
    """What `parts` leave of `whole`."""
    left, start = [], whole[0]
    for part in sorted((part for part in parts if overlap(whole, part)), key=lambda part: key(part[0])):
        if key(start) < key(part[0]):
            left.append((start, part[0]))
        start = max(start, part[1], key=key)
    return [*left, (start, whole[1])] if key(start) < key(whole[1]) else left


def union(spans: Spans) -> Spans:
    """The same instants in the fewest intervals."""
    merged: Spans = []
    for start, end in sorted(spans, key=lambda span: key(span[0])):
        if merged and key(start) <= key(merged[-1][1]):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1], key=key))
        else:
            merged.append((start, end))
    return merged


def key(instant: str) -> datetime:
    """A text that stands for an instant, as one."""
    return datetime.fromisoformat(instant)


def content(table: pa.Table) -> str:
    """The content digest of the rows; data-object-and-record.md, "The content digest"."""
    whole = hashlib.sha256()
    for field, column in zip(table.schema, table.columns, strict=True):
        streams: dict[str, hashlib._Hash] = {}
        if table.num_rows:
            feed(streams, "", field.type, column.to_pylist())
        lines = "".join(f"{path} {stream.hexdigest()}\n" for path, stream in sorted(streams.items()))
        whole.update(f"{field.name}\0{type_text(field.type)}\0{sha(lines.encode())}\n".encode())
    return whole.hexdigest()


def feed(streams: dict, path: str, kind: pa.DataType, values: list) -> None:  # type: ignore[type-arg]
    """Add `values`, and what is inside them, to their streams."""

    def put(name: str, pieces: Iterator[bytes]) -> None:
        streams.setdefault(path + name, hashlib.sha256()).update(b"".join(pieces))

    put("valid", (b"\0" if value is None else b"\1" for value in values))
    if pa.types.is_list(kind):
        put("length", (struct.pack("<i", len(value or [])) for value in values))
        feed(streams, path + "item\0", kind.value_type, [item for value in values for item in value or []])
    elif pa.types.is_struct(kind):
        for inner in kind:
            feed(streams, f"{path}{inner.name}\0", inner.type, [(value or {}).get(inner.name) for value in values])
    elif pa.types.is_string(kind):
        texts = [(value or "").encode() for value in values]
        put("length", (struct.pack("<i", len(text)) for text in texts))
        put("value", iter(texts))
    else:
        put("value", (fixed(kind, value) for value in values))


def fixed(kind: pa.DataType, value: object) -> bytes:
    """A value of fixed width, little-endian; all zero where it is null."""
    match value:
        case None:
            return bytes(max(1, kind.bit_width // 8))
        case bool():
            return bytes([value])
        case int():
            return struct.pack("<q", value)
        case float():
            return struct.pack("<d", value)
        case datetime():
            return struct.pack("<q", (value.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1))
        case date():
            return struct.pack("<i", (value - EPOCH.date()).days)
    unscaled = Decimal(value).scaleb(kind.scale, Context(prec=80))  # type: ignore[arg-type]
    return int(unscaled).to_bytes(16, "little", signed=True)


def type_text(kind: pa.DataType) -> str:
    """A type's name, whatever a Parquet file calls what is inside it."""
    if pa.types.is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{inner.name}: {type_text(inner.type)}' for inner in kind)}>"
    return str(kind)


def sha(data: bytes) -> str:
    """The sha256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


def folder(path: Path) -> Read:
    """How to read the objects below a folder."""
    return lambda name: (path / name).read_bytes() if (path / name).is_file() else None


if __name__ == "__main__":
    json.dump(verify(folder(Path(sys.argv[1]))), sys.stdout, indent=1)
