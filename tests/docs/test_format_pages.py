"""The pages of the formats against the code: every field is explained, every example is true."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from coleta.adapters.file_store import TEMPS
from coleta.collect import spool
from coleta.collect.carry import Carried, answer_id, response_digest
from coleta.collect.response import EARLY, Fault
from coleta.collect.tick import Interval, tick_name
from coleta.contract import types
from coleta.land.commit import IDENTITY_NAME, Identity
from coleta.land.content import ContentDigest
from coleta.land.decode.outcome import Reason
from coleta.land.record import (
    FOOTER_KEY,
    Account,
    ArchiveFile,
    Kind,
    Outcome,
    QuarantineFile,
    Record,
    Wait,
    object_name,
)
from coleta.runtime.collector import MISSED
from coleta.runtime.opening import PROBE_BODY, PROBE_NAME
from coleta.terms import Expect, OnViolation, Terms, Unknown

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SPOOL, OBJECT, LAYOUT = (
    (REFERENCE / name).read_text(encoding="utf-8") for name in ("spool.md", "data-object-and-record.md", "layout.md")
)


def section(page: str, title: str) -> str:
    """What stands below a heading, up to the next one of its rank or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", page, flags=re.MULTILINE)
    assert found, f"the page has no section {title}"
    rest = page[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, flags=re.MULTILINE)
    return rest[: end.start()] if end else rest


def own_text(page: str, title: str) -> str:
    """The same without the sections inside it."""
    return section(page, title).partition("\n###")[0]


def rows(text: str) -> list[str]:
    """The names that the first cells of its tables' rows explain."""
    cells = re.findall(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def fields(kind: type) -> list[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return [field.name for field in msgspec.structs.fields(kind)]


@pytest.mark.parametrize(
    ("kind", "page", "title"),
    [
        (spool.PageHead, SPOOL, "Page"),
        (spool.Trailer, SPOOL, "Trailer"),
        (Record, OBJECT, "The record"),
        (Account, OBJECT, "Account"),
        (QuarantineFile, OBJECT, "Quarantine file"),
        (ArchiveFile, OBJECT, "Archive file"),
        (Identity, OBJECT, "The identity"),
    ],
)
def test_every_field_is_explained_once_in_its_section_and_no_other_is(kind: type, page: str, title: str) -> None:
    assert sorted(rows(own_text(page, title))) == sorted(fields(kind))


def test_every_field_of_a_header_and_of_a_gap_is_explained() -> None:
    # `tick` is a field of both.
    assert sorted(rows(section(SPOOL, "Header"))) == sorted([*fields(spool.Header), *fields(spool.Gap)])


def test_every_field_of_the_terms_and_the_contract_is_explained() -> None:
    text = section(OBJECT, "Terms")

    assert sorted(rows(text)) == sorted([*fields(Terms), *fields(types.Field)])
    assert {*fields(types.Contract), *fields(types.Rules)} <= set(re.findall(r"\w+", text))


def test_every_type_of_a_contract_is_named_as_it_is_stored() -> None:
    text = section(OBJECT, "Terms")
    for kind in typing.get_args(types.Type):
        tag = msgspec.inspect.type_info(kind).tag  # type: ignore[attr-defined]
        assert f'"type": "{tag}"' in text or f"`{tag}`" in text


def test_every_field_of_carried_state_and_of_a_plea_to_wait_is_explained() -> None:
    assert set(fields(Carried)) <= set(rows(section(OBJECT, "Carried state")))
    assert all(f'"{name}"' in section(OBJECT, "Wait") for name in fields(Wait))


def test_every_outcome_and_every_kind_has_its_row_and_no_other_has() -> None:
    assert rows(section(OBJECT, "Outcomes")) == [str(outcome) for outcome in Outcome]
    assert rows(section(OBJECT, "Kinds")) == list(typing.get_args(Kind))


def test_every_reason_is_named() -> None:
    gaps = section(OBJECT, "Reasons of gaps")
    assert all(f"`{reason}`" in gaps for reason in [*Fault, EARLY, MISSED, "auth", "redirect", "unexpected_304"])
    quarantine = section(OBJECT, "Quarantine files")
    assert all(f"`{reason}`" in quarantine for reason in typing.get_args(Reason))


def test_every_value_of_a_choice_in_the_terms_is_named() -> None:
    text = section(OBJECT, "Terms")
    for choice in (OnViolation, Unknown, Expect):
        assert all(f"`{value}`" in text for value in typing.get_args(choice))


def test_the_response_headers_that_are_kept_are_listed_and_no_other_is() -> None:
    listed = SPOOL.partition("The headers that are kept")[2].partition("`encoding` is one of")[0]

    assert set(re.findall(r"`([a-z-]+)`", listed)) == spool.KEPT_RESPONSE_HEADERS


def test_the_limits_and_the_magic_number_are_those_of_the_code() -> None:
    assert f"({spool.BODY_FRAME_BYTES:,} bytes)" in SPOOL
    assert f"({spool.SMALL_FRAME_BYTES:,} bytes)" in SPOOL
    assert spool.MAGIC == b"COLETA\x01\x0a"


def test_the_frame_in_the_example_is_a_frame() -> None:
    (shown,) = re.findall(r"payload `\[\]`: `([0-9a-f ]+)`", SPOOL)
    head = spool.PageHead(1, 200, (), None, "", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))

    assert b"".join(spool.page(head, b"[]")).endswith(bytes.fromhex(shown))


def test_the_digests_in_the_example_of_an_answer_are_right() -> None:
    tick = Interval(datetime(2026, 11, 24, 11, 59, tzinfo=UTC), datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
    response = response_digest([b"[]"])

    assert f"`{response}`" in section(SPOOL, "Trailer")
    assert f"`{answer_id(None, tick, response)}`" in section(SPOOL, "Trailer")


def test_the_worked_example_of_the_content_digest_is_right_to_the_last_stream() -> None:
    streams, columns, whole = re.findall(
        r"^```text\n(.*?)\n```", section(OBJECT, "The content digest"), flags=re.MULTILINE | re.DOTALL
    )
    by_column: dict[str, str] = {}
    for line in streams.splitlines():
        column, name, content, digest = line.split()
        assert hashlib.sha256(bytes.fromhex(content)).hexdigest() == digest
        by_column[column] = by_column.get(column, "") + f"{name.replace('␀', chr(0))} {digest}\n"
    total = hashlib.sha256()
    for line in columns.splitlines():
        column, kind, digest = line.split()
        assert hashlib.sha256(by_column[column].encode()).hexdigest() == digest
        total.update(f"{column}\0{kind}\0{digest}\n".encode())
    assert total.hexdigest() == whole

    tags = pa.list_(pa.field("item", pa.int64()))
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string()), pa.field("tags", tags)]
    )
    values = [pa.array([1, 2]), pa.array(["é", None]), pa.array([[7], []], tags)]
    digest_of_rows = ContentDigest(schema)
    digest_of_rows.add(pa.RecordBatch.from_arrays(values, schema=schema))
    assert digest_of_rows.hex() == whole


def test_the_names_are_those_of_the_code() -> None:
    for name in (IDENTITY_NAME, PROBE_NAME, f"{TEMPS}/", object_name(date(2026, 11, 24), 42)):
        assert f"`{name}`" in LAYOUT
    assert tick_name(datetime(2026, 11, 24, 12, 0, 0, 1, tzinfo=UTC)) in LAYOUT
    assert f"{len(PROBE_BODY)} bytes of text" in LAYOUT
    assert f"`{FOOTER_KEY}`" in OBJECT
    assert f"`{FOOTER_KEY}`" in LAYOUT


def test_every_link_between_these_pages_leads_somewhere() -> None:
    pages = {"spool.md": SPOOL, "data-object-and-record.md": OBJECT, "layout.md": LAYOUT}
    for here, text in pages.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            name, _, anchor = target.partition("#")
            page = pages.get(name or here)
            assert page is not None or (REFERENCE / name).is_file(), target
            if anchor:
                assert page is not None
                titles = re.findall(r"^#+ (.+)$", page, flags=re.MULTILINE)
                assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target
