"""What earlier versions wrote, today's code reads, to the very same values; and what is newer it leaves alone."""

from __future__ import annotations

import hashlib
import json
import runpy
import zlib
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from struct import pack

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coleta.collect.spool import NewerFormat, closing, file_name, opening, page, parse
from coleta.errors import Corrupt, LogMoved
from coleta.land.columns import schema
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.content import ContentDigest
from coleta.land.moving import Origin
from coleta.land.record import FOOTER_KEY, Place, Record, decode_record, encode_record, record_digest
from coleta.ports import SpoolContents
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.inspector import Deep
from coleta.runtime.log import follow, read_commit
from coleta.stream import Every, Source, Stream
from coleta.terms import Terms, canonical
from coleta.testing.memory import START, MemoryIndex, MemorySpool, MemoryStore

HERE = Path(__file__).parent
V1 = HERE / "golden" / "v1"
V2 = HERE / "golden" / "v2"
MOVED = (V2 / "records" / "moved.json").read_bytes()
EXPECTED = json.loads((V1 / "expected.json").read_bytes())
MAKER = runpy.run_path(str(HERE / "make_golden.py"))

SPOOLED = sorted(path.name for path in (V1 / "spool").iterdir())
OBJECTS = sorted(EXPECTED["objects"], key=lambda name: name[-12:])
RECORDS = sorted(path.name for path in (V1 / "records").iterdir())
TERMS = sorted(path.name for path in (V1 / "log" / "_ledger" / "terms").iterdir())

TERMS_NOW = Terms.from_json((V1 / "log" / "_ledger" / "terms" / TERMS[0]).read_bytes())

TICK = {"start": "2026-11-24T23:56:00Z", "end": "2026-11-24T23:57:00Z"}
FIRST = "20261124T235700Z-3884900956b972d2.spool"


def spool_file(name: str) -> bytes:
    return (V1 / "spool" / name).read_bytes()


def golden_store() -> MemoryStore:
    log = V1 / "log"
    return MemoryStore({str(path.relative_to(log)): path.read_bytes() for path in log.rglob("*") if path.is_file()})


def moved_store() -> MemoryStore:
    """The golden log, where a move has ended it."""
    log = V2 / "log"
    more = {str(path.relative_to(log)): path.read_bytes() for path in log.rglob("*") if path.is_file()}
    return MemoryStore({**golden_store().objects, **more})


def footer(store: MemoryStore, name: str) -> bytes:
    stored: bytes = pq.read_metadata(pa.BufferReader(store.objects[name])).metadata[FOOTER_KEY.encode()]
    return stored


def identity() -> Identity:
    return Identity.from_json((V1 / "log" / IDENTITY_NAME).read_bytes())


# Spool files ------------------------------------------------------------------------------------


def test_no_golden_spool_file_is_without_expected_contents() -> None:
    assert sorted(EXPECTED["spool"]) == SPOOLED


@pytest.mark.parametrize("name", SPOOLED)
def test_a_spool_file_is_read_to_the_expected_contents(name: str) -> None:
    assert MAKER["contents_of"](parse(name, spool_file(name))) == EXPECTED["spool"][name]


@pytest.mark.parametrize("name", SPOOLED)
def test_a_spool_file_written_today_from_the_same_contents_has_the_same_name_and_bytes(name: str) -> None:
    contents = parse(name, spool_file(name))

    pages = [piece for head, wire in contents.pages for piece in page(head, wire)]
    written = b"".join([opening(contents.header), *pages, closing(contents.trailer)])

    assert written == spool_file(name)
    assert file_name(contents.header, contents.trailer) == name


def test_the_golden_spool_files_say_what_this_test_says() -> None:
    """Some values by hand, so that the expected ones are not only the code's own word."""
    plain = parse(FIRST, spool_file(FIRST))
    response = hashlib.sha256(pack("<Q", len(MAKER["PLAIN"])) + MAKER["PLAIN"]).hexdigest()

    assert [wire for _, wire in plain.pages] == [MAKER["PLAIN"]]
    assert plain.trailer.response == response
    assert plain.trailer.answer == _sha("\n".join(("", TICK["start"], TICK["end"], response)))
    gaps = parse("g", spool_file("20261124T235800Z-gap-8c8e966e.spool"))
    assert [(gap.tick.name, gap.reason, gap.attempts) for gap in gaps.header.gaps] == [
        ("20261124T235800Z", "http_500", 4),
        ("20261124T235900Z", "missed", 0),
    ]


def test_an_answer_with_a_parent_has_the_parent_in_its_id() -> None:
    carrying = [c for c in (parse(name, spool_file(name)) for name in SPOOLED) if c.header.carried is not None]
    first, second = sorted(carrying, key=lambda c: str(c.header.tick))

    assert first.header.carried is not None
    assert first.header.carried.parent is None
    assert second.header.carried is not None
    assert second.header.carried.parent == first.trailer.answer
    assert second.header.carried.before == first.trailer.after
    assert second.trailer.after is not None
    assert sorted(second.trailer.after) == ["boundary", "cursor", "end", "validators"]


def test_several_pages_keep_their_content_coding() -> None:
    many = next(c for c in (parse(name, spool_file(name)) for name in SPOOLED) if len(c.pages) > 1)

    assert [(head.number, head.encoding, head.tls_verified) for head, _ in many.pages] == [
        (1, "gzip", True),
        (2, "gzip", False),
    ]
    assert [zlib.decompress(wire, 31) for _, wire in many.pages] == list(MAKER["PAGES"])


# The log ----------------------------------------------------------------------------------------


def test_the_log_is_followed_to_the_expected_head() -> None:
    head = json.loads(canonical(follow(golden_store(), MemoryIndex(), identity())))

    # A head is no format: what has been added to it since says nothing about these files.
    assert {key: head[key] for key in EXPECTED["head"]} == EXPECTED["head"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_data_object_holds_the_expected_record_whose_bytes_are_the_same_today(name: str) -> None:
    store, expected = golden_store(), EXPECTED["objects"][name]

    committed = read_commit(store, name)

    assert committed is not None
    assert committed.digest == expected["digest"]
    assert encode_record(committed.record) == footer(store, name)
    assert json.loads(footer(store, name)) == expected["record"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_data_object_holds_the_expected_rows_under_the_digest_that_its_record_names(name: str) -> None:
    store, expected = golden_store(), EXPECTED["objects"][name]

    table = pq.read_table(pa.BufferReader(store.objects[name]), page_checksum_verification=True)

    assert [MAKER["shown"](row) for row in table.to_pylist()] == expected["rows"]
    digest = ContentDigest(table.schema)
    for batch in table.to_batches():
        digest.add(batch)
    assert digest.hex() == expected["record"]["content"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_data_object_has_the_columns_that_its_terms_give_today(name: str) -> None:
    store = golden_store()
    record = decode_record(name, footer(store, name))
    terms = Terms.from_json(store.objects[f"_ledger/terms/{record.terms}.json"])
    rebuilt = BytesIO()
    pq.write_table(schema(terms).empty_table(), rebuilt, store_schema=False)

    assert pq.read_schema(pa.BufferReader(store.objects[name])) == pq.read_schema(rebuilt)


def test_the_golden_log_breaks_no_law_and_misses_nothing() -> None:
    store, spool = golden_store(), SpoolContents()
    stored = store.objects[IDENTITY_NAME]
    now = identity().first_tick + timedelta(minutes=9)
    stream = Stream(
        "compras", "golden", "memory://", "compras", Source("http://h/"), Every(timedelta(minutes=1)), TERMS_NOW
    )

    report = whole(Evidence(stream, identity(), store, MemoryIndex(), spool, now, stored))

    # The minute that ends at 00:04 has an answer on demand only.
    assert [(one.code, one.where) for one in report.findings] == [
        ("open", "(2026-11-25T00:03:00Z, 2026-11-25T00:04:00Z]")
    ]
    assert (report.objects, report.totals.landed) == (
        len(OBJECTS),
        sum(one["record"]["rows"] for one in EXPECTED["objects"].values()),
    )


def test_the_rows_are_those_of_the_answers() -> None:
    rows = EXPECTED["objects"][OBJECTS[0]]["rows"]

    assert [row["id"] for row in rows] == [1, 2**63 - 1, 4]
    assert [row["_row"] for row in rows] == [0, 2, 3]
    assert (rows[0]["brl"], rows[0]["tags"], rows[0]["login"]) == ("199.90", [1, None, 3], "ana")
    assert rows[0]["at"] == "2026-11-24 23:56:59.500000+00:00"
    assert rows[2]["pos"] is None


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_any_kind_has_the_same_bytes_today(name: str) -> None:
    stored = (V1 / "records" / name).read_bytes()

    assert encode_record(decode_record(name, stored)) == stored
    assert stored == MAKER["by_hand"]()[name]


def test_every_kind_and_every_field_of_a_record_is_in_some_golden_file() -> None:
    stored = [json.loads((V1 / "records" / name).read_bytes()) for name in RECORDS]
    stored += [one["record"] for one in EXPECTED["objects"].values()]
    stored.append(json.loads(MOVED))

    for field in msgspec.inspect.type_info(Record).fields:  # type: ignore[attr-defined]
        assert any(record.get(field.name) not in (None, [], 0) for record in stored), field.name
    assert {record["kind"] for record in stored} == {"batch", "turn", "redrive", "expired", "moved"}
    assert {account["outcome"] for record in stored for account in record["accounts"]} == {
        *("ok", "empty", "unchanged", "rejected", "gap")
    }


def test_a_record_of_a_move_has_the_same_bytes_today_and_is_of_a_format_that_older_versions_leave_alone() -> None:
    record = decode_record("moved", MOVED)

    assert encode_record(record) == MOVED
    assert (record.kind, record.format, record.goes_on) == ("moved", 2, Place("memory://", "elsewhere"))
    assert all(json.loads((V1 / "records" / name).read_bytes())["format"] == 1 for name in RECORDS)


def test_a_golden_log_that_has_moved_is_sound_and_ends_there() -> None:
    store = moved_store()
    (name,) = store.objects.keys() - golden_store().objects.keys()
    stream = Stream(
        "compras", "golden", "memory://", "compras", Source("http://h/"), Every(timedelta(minutes=1)), TERMS_NOW
    )
    evidence = Evidence(stream, identity(), store, MemoryIndex(), SpoolContents(), START + timedelta(days=9))

    report = whole(evidence, deep=Deep())

    # The objects of version 1 were written without a digest of their bytes, the one of the move with.
    assert [(one.severity, one.code) for one in report.findings] == [("warning", "moved"), ("warning", "not_stamped")]
    assert report.objects == len(OBJECTS) + 1
    with pytest.raises(LogMoved, match="it goes on at memory://elsewhere"):
        follow(store, MemoryIndex(), identity())
    # Whatever comes after it is damage, also where it continues the log.
    moved = decode_record(name, footer(store, name))
    after = replace(moved, seq=moved.seq + 1, prev=record_digest(MOVED), nonce="1" * 32)
    body = BytesIO()
    with pq.ParquetWriter(body, pa.schema([pa.field("id", pa.int64())])) as writer:
        writer.add_key_value_metadata({FOOTER_KEY: encode_record(after)})
    store.objects[moved.next] = body.getvalue()
    assert "broken_log" in [one.code for one in whole(evidence).findings if one.severity == "damage"]


def test_what_a_new_place_says_of_the_old_one_has_the_same_bytes_today() -> None:
    stored = (V2 / "moved_from.json").read_bytes()

    assert Origin.from_json(stored).to_json() == stored
    assert Origin.from_json(stored).place == Place("memory://", "compras")
    with pytest.raises(NewerFormat):
        Origin.from_json(b'{"format":2}')
    with pytest.raises(Corrupt):
        Origin.from_json(stored[:-1])


def test_the_identity_has_the_same_bytes_today() -> None:
    assert identity().to_json() == (V1 / "log" / IDENTITY_NAME).read_bytes()


@pytest.mark.parametrize("name", TERMS)
def test_terms_have_the_same_bytes_and_the_same_name_today(name: str) -> None:
    stored = (V1 / "log" / "_ledger" / "terms" / name).read_bytes()
    terms = Terms.from_json(stored)

    assert canonical(terms) == stored
    assert f"{terms.digest}.json" == name


def test_each_quarantine_file_holds_what_was_refused_byte_for_byte() -> None:
    store = golden_store()
    named = [file for one in EXPECTED["objects"].values() for file in one["record"]["quarantine"]]

    assert {file["path"] for file in named} == EXPECTED["quarantine"].keys()
    for file in named:
        assert hashlib.sha256(store.objects[file["path"]]).hexdigest() == file["sha256"]
        assert MAKER["plain"](store.objects[file["path"]]) == EXPECTED["quarantine"][file["path"]]
    (raw,) = [file for file in named if file["holds"] == "page"]
    assert raw["page"] == 1
    assert EXPECTED["quarantine"][raw["path"]].encode("latin-1") == MAKER["HTML"]
    first = EXPECTED["quarantine"][named[0]["path"]].encode("latin-1")
    assert json.loads(first)["raw"] == '{"id":"two","price":1,"pos":null}'


def test_golden_files_are_never_made_anew() -> None:
    before = {path: path.read_bytes() for path in V1.parent.rglob("*") if path.is_file()}

    assert MAKER["main"]() == 1
    assert {path: path.read_bytes() for path in V1.parent.rglob("*") if path.is_file()} == before


# What is newer ----------------------------------------------------------------------------------


def test_a_spool_file_of_a_newer_format_is_held_and_left_untouched() -> None:
    newer = bytearray(spool_file(FIRST))
    newer[6] = 2
    files = {FIRST: (START, bytes(newer))}

    spool = MemorySpool(uuid=identity().uuid, now=lambda: START, files=files)

    assert (spool.contents().held, spool.contents().damaged, spool.contents().waiting) == ((FIRST,), (), ())
    assert files == {FIRST: (START, bytes(newer))}
    with pytest.raises(NewerFormat, match="spool format 2; this version of Coleta reads up to 1"):
        parse(FIRST, bytes(newer))


def test_no_spool_file_has_format_0() -> None:
    damaged = bytearray(spool_file(FIRST))
    damaged[6] = 0

    with pytest.raises(Corrupt, match="not a spool file"):
        parse(FIRST, bytes(damaged))


def test_a_log_that_a_newer_version_continues_is_not_followed_further() -> None:
    store = golden_store()
    newest = {**EXPECTED["objects"][OBJECTS[-1]]["record"], "format": 3, "kind": "of another world"}
    body = BytesIO()
    with pq.ParquetWriter(body, pa.schema([pa.field("id", pa.int64())])) as writer:
        writer.add_key_value_metadata({FOOTER_KEY: json.dumps(newest)})
    name = EXPECTED["head"]["next"]
    store.objects[name] = body.getvalue()
    before = dict(store.objects)

    with pytest.raises(NewerFormat, match="record has format 3") as caught:
        follow(store, MemoryIndex(), identity())

    assert caught.value.where == name
    assert caught.value.hint is not None
    assert "upgrade" in caught.value.hint
    assert store.objects == before


def test_an_identity_of_a_newer_format_is_not_used_whatever_it_looks_like() -> None:
    with pytest.raises(NewerFormat, match="format 2"):
        Identity.from_json(b'{"format":2,"log":"of another world"}')


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
def test_a_record_whose_format_is_no_number_from_1_up_is_damaged(number: object) -> None:
    record = {**EXPECTED["objects"][OBJECTS[0]]["record"], "format": number}

    with pytest.raises(Corrupt) as caught:
        decode_record("object", json.dumps(record).encode())

    assert not isinstance(caught.value, NewerFormat)


@pytest.mark.parametrize(("field", "value"), [("kind", "merge"), ("outcome", "maybe"), ("holds", "bytes")])
def test_a_kind_outcome_or_holds_that_format_1_does_not_know_is_damage(field: str, value: str) -> None:
    record = json.loads((V1 / "records" / "every-field.json").read_bytes())
    place = {"kind": record, "outcome": record["accounts"][0], "holds": record["quarantine"][0]}[field]
    place[field] = value

    with pytest.raises(Corrupt, match=f"Invalid enum value '{value}'"):
        decode_record("object", json.dumps(record).encode())


# What is unknown --------------------------------------------------------------------------------


def with_unknown(value: object) -> object:
    """`value` with a field that no version knows in every object whose members are fields, not names."""
    match value:
        case dict():
            inner = {key: member if key in OPEN else with_unknown(member) for key, member in value.items()}
            return {**inner, "from_the_future": {"any": ["thing"]}}
        case list():
            return [with_unknown(member) for member in value]
        case _:
            return value


OPEN = {"schedule", "request", "headers", "before", "after", "drift", "reasons"}
"""Fields whose value is an object with names for keys."""


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.mark.parametrize("name", SPOOLED)
def test_fields_that_are_unknown_in_a_spool_file_are_ignored(name: str) -> None:
    expected = EXPECTED["spool"][name]
    parts = [(b"H", encoded(with_unknown(expected["header"])))]
    for head, body in zip(expected["heads"], expected["pages"], strict=True):
        parts += [(b"P", encoded(with_unknown(head))), (b"B", bytes.fromhex(body))]
    parts += [(b"T", encoded(with_unknown(expected["trailer"])))]
    file = b"COLETA\1\n"
    for kind, payload in parts:
        frame = kind + pack("<I", len(payload)) + payload
        file += frame + pack("<I", zlib.crc32(frame))

    assert parse(name, file) == parse(name, spool_file(name))


@pytest.mark.parametrize("name", RECORDS)
def test_fields_that_are_unknown_in_a_record_are_ignored(name: str) -> None:
    stored = (V1 / "records" / name).read_bytes()

    more = encoded(with_unknown(json.loads(stored)))

    assert more.count(b"from_the_future") >= 1
    assert decode_record(name, more) == decode_record(name, stored)


def test_fields_that_are_unknown_in_terms_and_identity_are_ignored() -> None:
    for name in TERMS:
        stored = (V1 / "log" / "_ledger" / "terms" / name).read_bytes()
        assert Terms.from_json(encoded(with_unknown(json.loads(stored)))) == Terms.from_json(stored)
    more = encoded(with_unknown(json.loads(identity().to_json())))
    assert Identity.from_json(more) == identity()


# What contradicts itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"header": {"tick": None}}, "either the answer of one tick, or gaps"),
        ({"header": {"gaps": [{"tick": TICK, "reason": "missed"}]}}, "either the answer of one tick, or gaps"),
        ({"trailer": {"size_bytes": 1}}, "do not have the size"),
        ({"trailer": {"pages": 2}}, "counts 2 pages"),
        ({"trailer": {"answer": "0" * 64}}, "do not have the digest"),
    ],
)
def test_a_spool_file_that_contradicts_itself_is_damaged(change: dict[str, dict[str, object]], why: str) -> None:
    expected = EXPECTED["spool"][FIRST]
    head = parse(FIRST, spool_file(FIRST)).pages[0]
    parts = {kind: {**expected[kind], **change.get(kind, {})} for kind in ("header", "trailer")}
    framed = {
        kind: letter + pack("<I", len(encoded(parts[kind]))) + encoded(parts[kind])
        for kind, letter in (("header", b"H"), ("trailer", b"T"))
    }
    start, end = (frame + pack("<I", zlib.crc32(frame)) for frame in framed.values())

    with pytest.raises(Corrupt, match=why):
        parse(FIRST, b"".join([b"COLETA\1\n", start, *page(*head), end]))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
