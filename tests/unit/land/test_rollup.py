"""A roll-up as bytes: back as it was, whatever zstd's own tools say of it, and no changed byte goes unseen."""

from __future__ import annotations

import json

import msgspec
import pyarrow as pa
import pytest

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Head
from coleta.land.record import encode_record
from coleta.land.rollup import RolledObject, decode_rollup, encode_rollup, last_of, rollup_name
from coleta.terms import canonical
from coleta.testing.samples import UUID, sample_commit, sample_identity

NAME = "_ledger/rollup/000000003.json.zst"


def entries() -> list[RolledObject]:
    head, made = Head.genesis(sample_identity()), []
    for n in range(3):
        head, committed = sample_commit(head, ticks=(n,))
        made.append(RolledObject(committed.name, 100 + n, f"{n:064x}", encode_record(committed.record).decode()))
    return made


def sealed(text: bytes) -> bytes:
    import hashlib

    body: bytes = pa.compress(text, codec="zstd", asbytes=True)
    return body + bytes.fromhex("502a4d1820000000") + hashlib.sha256(body).digest()


def test_what_is_written_is_read_and_names_its_commits() -> None:
    found = decode_rollup(NAME, encode_rollup(UUID, 1, entries()))

    assert (found.uuid, found.first, found.last, list(found.objects)) == (UUID, 1, 3, entries())
    head = Head.genesis(sample_identity())
    for committed in found.commits():
        head = head.after(committed)
    assert head.seq == 3


def test_the_file_is_zstd_over_the_json_of_the_page() -> None:
    with pa.CompressedInputStream(pa.BufferReader(encode_rollup(UUID, 1, entries())), "zstd") as stream:
        value = json.loads(stream.read())

    assert sorted(value) == ["first", "format", "last", "objects", "uuid"]
    assert sorted(value["objects"][0]) == ["name", "record", "sha256", "size_bytes"]
    assert (value["format"], value["first"], value["last"]) == (1, 1, 3)


def test_every_changed_bit_and_every_cut_is_refused() -> None:
    body = encode_rollup(UUID, 1, entries()[:1])
    name = rollup_name(1)
    assert decode_rollup(name, body).last == 1

    for at in range(len(body)):
        with pytest.raises(Corrupt):
            decode_rollup(name, body[:at])
        for bit in range(8):
            with pytest.raises(Corrupt):
                decode_rollup(name, body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :])


def test_a_newer_format_is_told_from_damage_whatever_it_looks_like() -> None:
    with pytest.raises(NewerFormat):
        decode_rollup(NAME, sealed(b'{"format":2,"of":"another world"}'))


@pytest.mark.parametrize(
    "value",
    [
        b"{}",
        b"[]",
        b"\xff",
        canonical({"format": 1, "uuid": UUID, "first": 1, "last": 3, "objects": []}),
        canonical({"format": 1, "uuid": UUID, "first": 1, "last": 2, "objects": msgspec.to_builtins(entries()[:2])}),
    ],
)
def test_what_is_no_roll_up_of_its_name_is_refused(value: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_rollup(NAME, sealed(value))


def test_only_a_roll_ups_name_says_where_it_ends() -> None:
    assert last_of(NAME) == 3
    assert last_of(rollup_name(12_345_678_901)) == 12_345_678_901
    names = ["_ledger/rollup/3.json.zst", "_ledger/rollup/000000003.json", "_ledger/rollup/x", "000000003"]
    assert [last_of(name) for name in names] == [None] * 4
