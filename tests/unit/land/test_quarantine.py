"""What goes into the quarantine: byte-exact, with reasons, named by its own bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import json

import pyarrow as pa
import pytest

from coleta.land.decode import Reject
from coleta.land.quarantine import QuarantineObject, of_records
from coleta.testing.samples import sample_tick

ANSWER = "a" * 64


def reject(raw: bytes = b"{}", *, row: int = 0, path: str = "$.id", detail: str = "absent") -> Reject:
    return Reject(row, path, "missing", detail, raw)


def lines(one: QuarantineObject) -> list[dict[str, object]]:
    with pa.CompressedInputStream(io.BytesIO(one.body), "zstd") as stream:
        return [json.loads(line) for line in stream.read().decode("utf-8").splitlines()]


def test_each_record_has_a_line_with_where_and_why() -> None:
    one = of_records(sample_tick(1), ANSWER, [reject(b'{"a": 1}', row=3), reject(row=5, path="$")])

    common = {"tick": "20261124T120100Z", "reason": "missing", "detail": "absent"}
    assert lines(one) == [
        {**common, "row": 3, "path": "$.id", "raw": '{"a": 1}'},
        {**common, "row": 5, "path": "$", "raw": "{}"},
    ]
    assert (one.file.count, one.file.reasons, one.file.answer) == (2, {"missing": 2}, ANSWER)


@pytest.mark.parametrize(
    "raw", ['{"nome":"João \N{PILE OF POO}"}'.encode(), b'{"a":"\\u0000\\n"}', b'{\n "a" : 1\r\n}']
)
def test_text_is_kept_exactly_in_one_line(raw: bytes) -> None:
    (line,) = lines(of_records(sample_tick(), ANSWER, [reject(raw)]))

    assert str(line["raw"]).encode() == raw


def test_bytes_that_are_no_utf8_are_kept_in_base64() -> None:
    (line,) = lines(of_records(sample_tick(), ANSWER, [reject(b'{"a":"\xff"}')]))

    assert "raw" not in line
    assert base64.b64decode(str(line["raw_b64"])) == b'{"a":"\xff"}'


def test_half_of_a_character_in_a_reason_does_no_harm() -> None:
    (line,) = lines(of_records(sample_tick(), ANSWER, [reject(path="$.\ud800", detail="a \udc00 b")]))

    assert (line["path"], line["detail"]) == ("$.\ud800", "a \udc00 b")


def test_the_name_is_that_of_the_bytes_so_that_putting_it_twice_is_putting_it_once() -> None:
    first = of_records(sample_tick(), ANSWER, [reject(row=1)])

    assert first == of_records(sample_tick(), ANSWER, [reject(row=1)])
    assert first.file.path != of_records(sample_tick(), ANSWER, [reject(row=2)]).file.path
    assert first.file.sha256 == hashlib.sha256(first.body).hexdigest()
    assert first.file.path == f"_quarantine/20261124T120000Z-{first.file.sha256[:16]}.jsonl.zst"
