"""The record as bytes, and the names of objects."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.carry import Carried
from coleta.errors import Corrupt
from coleta.land.commit import Head
from coleta.land.record import (
    ArchiveFile,
    QuarantineFile,
    Wait,
    decode_record,
    encode_record,
    folder_date,
    object_name,
    record_digest,
)
from coleta.testing.samples import NOON, sample_identity, sample_record

RECORD = sample_record(Head.genesis(sample_identity()), ticks=(0, 1))
FULL = replace(
    RECORD,
    accounts=(replace(RECORD.accounts[0], carried=Carried("p", {"a": 1}, {"a": [1, None]}), drift={"é": 1}),),
    quarantine=(QuarantineFile("_quarantine/x", "s" * 64, "a" * 64, "records", 3, {"type": 3}),),
    archive=(ArchiveFile("_archive/x", "s" * 64, "a" * 64),),
    redrives=("_quarantine/y",),
    schedule={"cron": "0 6 * * *", "zone": "America/Sao_Paulo"},
    content="c" * 64,
    wait=Wait("other", NOON + timedelta(minutes=15)),
)


@pytest.mark.parametrize("record", [RECORD, FULL])
def test_a_record_comes_back_as_it_was_written(record: object) -> None:
    assert decode_record("x", encode_record(record)) == record  # type: ignore[arg-type]


def test_a_record_has_one_form_so_that_its_digest_names_it() -> None:
    stored = encode_record(FULL)

    assert encode_record(decode_record("x", stored)) == stored
    assert stored == json.dumps(json.loads(stored), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert record_digest(stored) == hashlib.sha256(stored).hexdigest()


def test_what_a_newer_version_wrote_is_refused_and_said_so() -> None:
    with pytest.raises(Corrupt, match="has format 3; this version of Coleta reads up to 2") as refused:
        decode_record("x", encode_record(replace(RECORD, format=3)))
    assert "upgrade Coleta" in (refused.value.hint or "")


def test_fields_that_a_later_version_of_this_format_adds_do_no_harm() -> None:
    stored = json.loads(encode_record(RECORD))

    assert decode_record("x", json.dumps({**stored, "new": 1}).encode()) == RECORD


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b"{}", b'{"format": "1"}', b'{"format": 1}', b"\xff", b"null"])
def test_what_is_no_record_is_refused(stored: bytes) -> None:
    with pytest.raises(Corrupt, match="x: "):
        decode_record("x", stored)


@given(st.dates(date(1970, 1, 1), date(2999, 1, 1)), st.integers(1, 10**12))
def test_an_objects_name_says_the_date_of_its_folder(day: date, seq: int) -> None:
    assert folder_date(object_name(day, seq)) == day


def test_names_of_one_folder_sort_as_they_were_committed() -> None:
    names = [object_name(NOON.date(), seq) for seq in (1, 2, 9, 10, 999_999_999)]

    assert names == sorted(names)
    assert names[0] == "data/tick_date=2026-11-24/000000001.parquet"


@pytest.mark.parametrize("name", ["", "x", "data/x/y", "data/tick_date=2026-13-01/1.parquet", "a/tick_date=2026-01-01"])
def test_what_is_no_objects_name_has_no_date(name: str) -> None:
    with pytest.raises(Corrupt, match="not the name of a data object"):
        folder_date(name)
