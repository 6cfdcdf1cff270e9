"""The spool file as bytes: what is written comes back, and anything else is told from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coleta.collect.carry import Carried
from coleta.collect.spool import (
    BODY_FRAME_BYTES,
    MAGIC,
    Contents,
    Header,
    NewerFormat,
    Stored,
    Trailer,
    closing,
    file_name,
    kept_headers,
    opening,
    page,
    parse,
    summary,
)
from coleta.errors import Corrupt
from coleta.testing.samples import NOON, PAGE, sample_gaps, sample_header, sample_page, sample_tick, sample_trailer


def spool_file(header: Header, pages: Sequence[bytes], trailer: Trailer | None = None) -> bytes:
    parts = [opening(header)]
    for number, wire in enumerate(pages, start=1):
        parts += page(sample_page(number), wire)
    return b"".join([*parts, closing(trailer or sample_trailer(header, pages))])


ANSWER = spool_file(sample_header(), [PAGE, b""])


@given(st.lists(st.binary(max_size=50), max_size=4))
@settings(max_examples=50)
def test_an_answer_comes_back_as_it_was_written(pages: list[bytes]) -> None:
    header = replace(sample_header(), carried=Carried("p" * 64, {"cursor": 1}), window=True)

    contents = parse("x", spool_file(header, pages))

    heads = tuple(sample_page(number) for number in range(1, len(pages) + 1))
    assert contents == Contents(header, tuple(zip(heads, pages, strict=True)), sample_trailer(header, pages))


def test_gaps_come_back_as_they_were_written() -> None:
    assert parse("x", spool_file(sample_gaps(1, 2), [])) == Contents(sample_gaps(1, 2), (), Trailer())


def test_a_body_longer_than_a_frame_comes_back_whole() -> None:
    body = bytes(range(256)) * (BODY_FRAME_BYTES // 256) + b"and more"

    pieces = list(page(sample_page(), body))

    assert len(pieces) == 3
    assert max(map(len, pieces)) < BODY_FRAME_BYTES + 100
    assert parse("x", spool_file(sample_header(), [body])).pages[0][1] == body


def test_a_file_that_is_cut_short_anywhere_is_refused() -> None:
    for length in range(len(ANSWER)):
        with pytest.raises(Corrupt) as refused:
            parse("x", ANSWER[:length])
        assert not isinstance(refused.value, NewerFormat), length


def test_a_bit_that_flips_anywhere_is_found() -> None:
    for at in range(len(ANSWER)):
        damaged = bytearray(ANSWER)
        damaged[at] ^= 1 << (at % 8)
        with pytest.raises(Corrupt):
            parse("x", bytes(damaged))


def test_zeros_where_bytes_were_are_found() -> None:
    for at in range(len(MAGIC), len(ANSWER), 16):
        with pytest.raises(Corrupt):
            parse("x", ANSWER[:at] + bytes(len(ANSWER) - at))


def test_what_follows_the_trailer_is_refused() -> None:
    with pytest.raises(Corrupt, match="follows the trailer"):
        parse("x", ANSWER + closing(Trailer()))
    with pytest.raises(Corrupt, match="cut short"):
        parse("x", ANSWER + b"\0")


def test_a_newer_format_is_told_from_damage() -> None:
    newer = MAGIC[:6] + bytes([MAGIC[6] + 1]) + MAGIC[7:] + b"whatever comes then"

    with pytest.raises(NewerFormat, match="reads up to 1"):
        parse("x", newer)


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (closing(Trailer()), "first frame is not a header"),
        (opening(sample_header())[len(MAGIC) :], "no trailer"),
        (opening(sample_header())[len(MAGIC) :] + list(page(sample_page(), b"x"))[1], "has no place here"),
        (opening(sample_header())[len(MAGIC) :] * 2, "has no place here"),
        (b"", "no header"),
    ],
)
def test_frames_in_another_order_are_refused(frames: bytes, why: str) -> None:
    with pytest.raises(Corrupt, match=why):
        parse("x", MAGIC + frames)


def test_pages_that_are_not_those_of_the_trailer_are_refused() -> None:
    header = sample_header()

    with pytest.raises(Corrupt, match="counts 2 pages, there are 1"):
        parse("x", spool_file(header, [PAGE], sample_trailer(header, [PAGE, b""])))
    with pytest.raises(Corrupt, match="do not have the digest"):
        parse("x", spool_file(header, [PAGE.swapcase()], sample_trailer(header, [PAGE])))
    with pytest.raises(Corrupt, match="do not have the digest"):
        parse("x", spool_file(header, [PAGE], sample_trailer(sample_header(1), [PAGE])))


def test_a_frame_that_is_no_json_is_refused_and_not_a_bug() -> None:
    import zlib

    def frame(kind: bytes, payload: bytes) -> bytes:
        head = kind + len(payload).to_bytes(4, "little")
        return head + payload + zlib.crc32(head + payload).to_bytes(4, "little")

    for payload in (b"{", b"[]", b"{}", b"\xff", b'{"project": 1}'):
        with pytest.raises(Corrupt, match="cannot be read"):
            parse("x", MAGIC + frame(b"H", payload))


def test_a_file_is_named_by_its_tick_and_its_answer() -> None:
    header = sample_header(1)
    trailer = sample_trailer(header, [PAGE])

    assert file_name(header, trailer) == f"20261124T120100Z-{(trailer.answer or '')[:16]}.spool"


def test_files_of_gaps_are_named_by_their_first_tick_and_what_they_say() -> None:
    names = {file_name(sample_gaps(1, *more), Trailer()) for more in ([], [2], [2, 3])}

    assert len(names) == 3
    assert all(name.startswith("20261124T120100Z-gap-") for name in names)


def test_a_summary_says_when_the_first_page_was_asked_and_the_last_came() -> None:
    later = NOON + timedelta(minutes=2)
    heads = (sample_page(1), replace(sample_page(2, at=later), tls_verified=False))

    entry = summary("x", sample_header(), heads, Trailer(), Stored(123, later + timedelta(hours=1)))

    assert (entry.asked_at, entry.received_at) == (heads[0].asked_at, heads[1].received_at)
    assert (entry.size_bytes, entry.tls_verified) == (123, False)
    assert (entry.intervals, entry.is_gap) == ((sample_tick(),), False)


def test_gaps_have_the_instant_of_their_acceptance() -> None:
    entry = summary("x", sample_gaps(1, 2), (), Trailer(), Stored(10, NOON))

    assert (entry.asked_at, entry.received_at) == (None, NOON)
    assert (entry.intervals, entry.is_gap) == ((sample_tick(1), sample_tick(2)), True)


def test_headers_that_may_be_secrets_are_not_kept() -> None:
    came = (("date", "x"), ("set-cookie", "sid=1"), ("etag", "y"), ("authorization", "z"), ("x-amz-token", "t"))

    assert kept_headers(came) == (("date", "x"), ("etag", "y"))


def test_a_link_is_kept_without_what_may_be_a_secret() -> None:
    link = '<https://api.test/x?page=2&access_token=canary>; rel="next", <https://u:canary@api.test/>; rel="last"'

    ((_, kept),) = kept_headers((("link", link), ("set-cookie", "canary")))

    assert kept == '<https://api.test/x?page=2&access_token=***>; rel="next", <https://api.test/>; rel="last"'
