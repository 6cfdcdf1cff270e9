"""How answers are named."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.carry import ResponseDigest, answer_id, response_digest
from coleta.collect.tick import Interval
from coleta.testing.samples import NOON, sample_tick

DIGEST = "d" * 64


def test_the_same_body_for_two_ticks_is_two_answers() -> None:
    assert answer_id(None, sample_tick(1), DIGEST) != answer_id(None, sample_tick(2), DIGEST)


def test_everything_that_makes_an_answer_is_in_its_name() -> None:
    tick = sample_tick(1)
    micro = timedelta(microseconds=1)
    names = [
        answer_id(None, tick, DIGEST),
        answer_id("p" * 64, tick, DIGEST),
        answer_id(None, Interval(tick.start + micro, tick.end), DIGEST),
        answer_id(None, Interval(tick.start, tick.end + micro), DIGEST),
        answer_id(None, tick, "e" * 64),
    ]

    assert all(a != b for a, b in combinations(names, 2))
    assert all(len(name) == 64 and int(name, 16) >= 0 for name in names)


def test_an_answers_name_is_what_another_program_would_compute() -> None:
    import hashlib

    told = b"\n2026-11-24T11:59:00Z\n2026-11-24T12:00:00Z\n" + DIGEST.encode()

    assert answer_id(None, Interval(NOON - timedelta(minutes=1), NOON), DIGEST) == hashlib.sha256(told).hexdigest()


@given(st.lists(st.binary(max_size=9), max_size=5), st.lists(st.binary(max_size=9), max_size=5))
def test_two_answers_have_one_response_digest_only_if_all_their_pages_agree(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (response_digest(one) == response_digest(other)) == (one == other)


def test_bytes_do_not_move_from_page_to_page() -> None:
    assert len({response_digest(pages) for pages in ([b"ab", b""], [b"a", b"b"], [b"", b"ab"], [b"ab"])}) == 4


def test_a_response_digest_counts_what_it_took() -> None:
    digest = ResponseDigest()
    for page in (b"[1]", b"", b"[2, 3]"):
        digest.page(page)

    assert (digest.pages, digest.size_bytes) == (3, 9)
    assert digest.hex() == response_digest([b"[1]", b"", b"[2, 3]"])
