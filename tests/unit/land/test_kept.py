"""A kept head as bytes: back as it was, no changed byte goes unseen, and what is newer is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Committed, Head
from coleta.land.kept import Day, Keeping, Kept, decode_kept, encode_kept, first_of, kept_name, seq_of
from coleta.land.sealed import seal
from coleta.testing.samples import NOON, UUID, sample_commit, sample_identity, sample_terms

NAME = "_ledger/head/000000003.json.zst"


def commits(count: int = 3) -> list[Committed]:
    head, made = Head.genesis(sample_identity()), []
    for n in range(count):
        head, committed = sample_commit(head, ticks=(n,))
        made.append(committed)
    return made


def kept(count: int = 3) -> Kept:
    keeping = Keeping(sample_identity())
    for committed in commits(count):
        keeping.add(committed)
    return keeping.kept()


def test_it_is_what_following_the_log_comes_to() -> None:
    head = Head.genesis(sample_identity())
    for committed in commits():
        head = head.after(committed)

    found = kept()

    assert found.head == head
    assert found.name == commits()[-1].name
    assert found.days == {"2026-11-24": Day(first=1, last=3, objects=3, rows=6)}
    assert (found.terms, found.rows, found.records) == ((sample_terms().digest,), 6, 1)


def test_whoever_goes_on_from_one_comes_to_the_same_as_whoever_begins_with_the_log() -> None:
    keeping = Keeping(sample_identity(), kept(2))
    keeping.add(commits()[2])

    assert keeping.kept() == kept(3)


def test_what_does_not_continue_the_log_is_refused() -> None:
    with pytest.raises(Corrupt, match="does not continue"):
        Keeping(sample_identity(), kept(1)).add(commits()[2])


def test_what_is_written_is_read() -> None:
    assert decode_kept(NAME, encode_kept(kept())) == kept()


def test_the_file_is_zstd_over_the_json_of_the_page() -> None:
    with pa.CompressedInputStream(pa.BufferReader(encode_kept(kept())), "zstd") as stream:
        value = json.loads(stream.read())

    assert sorted(value) == ["days", "format", "head", "name", "records", "terms", "totals"]
    assert value["totals"] == {
        "outcomes": {"ok": 3}, "received": 6, "landed": 6, "quarantined": 0, "deduplicated": 0, "nulled": 0,
    }  # fmt: skip
    assert value["days"] == {"2026-11-24": {"first": 1, "last": 3, "objects": 3, "rows": 6}}
    assert sorted(value["head"]) == [
        "answer", "answered", "carried", "digest", "first_tick", "gaps", "moved_to", "next", "seq", "uuid", "wait",
    ]  # fmt: skip
    assert value["head"]["answered"] == {
        "intervals": [{"start": "2026-11-24T11:59:00Z", "end": "2026-11-24T12:02:00Z"}]
    }
    assert (value["format"], value["records"], value["head"]["uuid"]) == (1, 1, UUID)


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    body = encode_kept(kept())
    for at in range(len(body)):
        for wrong in (body[:at], body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]):
            with pytest.raises(Corrupt):
                decode_kept(NAME, wrong)


@pytest.mark.parametrize(
    "text",
    [b'{"format":2,"of":"another world"}', b'{"format":1,"records":3}'],
    ids=["its own format", "that of a record"],
)
def test_a_newer_format_is_told_apart_from_damage(text: bytes) -> None:
    with pytest.raises(NewerFormat):
        decode_kept(NAME, seal(text))


@pytest.mark.parametrize("text", [b"{}", b"[]", b"\xff", b'{"format":"1"}'])
def test_what_is_no_kept_head_is_refused(text: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_kept(NAME, seal(text))


def test_one_under_the_name_of_another_is_refused() -> None:
    with pytest.raises(Corrupt, match="after commit 2"):
        decode_kept(NAME, encode_kept(kept(2)))


def test_only_its_very_name_says_after_which_commit_it_is() -> None:
    assert seq_of(NAME) == 3
    assert kept_name(3) == NAME
    assert [seq_of(f"_ledger/head/{name}") for name in ("3.json.zst", "000000003.json", "x")] == [None] * 3


@pytest.mark.parametrize(
    "other",
    [
        lambda one: replace(one, digest="0" * 64),
        lambda one: replace(one, next="data/tick_date=2026-11-25/000000004.parquet"),
        lambda one: replace(one, uuid="another"),
        lambda one: replace(one, first_tick=one.first_tick - timedelta(minutes=1)),
    ],
    ids=["digest", "next", "uuid", "first tick"],
)
def test_it_fits_only_the_commit_that_it_stands_after(other: Callable[[Head], Head]) -> None:
    there = commits()[-1]

    assert kept().fits(sample_identity(), there)
    assert not kept(2).fits(sample_identity(), there)
    assert not replace(kept(), head=other(kept().head)).fits(sample_identity(), there)


def test_it_says_from_which_commit_on_the_folders_of_some_days_begin() -> None:
    found = replace(kept(), days={"2026-11-23": Day(1, 1), "2026-11-24": Day(2, 3)})

    assert first_of(found, [date(2026, 11, 24)]) == 2
    assert first_of(found, [date(2026, 11, 24), date(2026, 11, 23)]) == 1
    assert first_of(found, [(NOON + timedelta(days=1)).date()]) == 4
