"""How answers are named."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from coleta.collect.carry import Known, Link, ResponseDigest, Ruler, answer_id, response_digest, state_after
from coleta.collect.marks import Mark, order_of
from coleta.collect.tick import Interval, on_demand
from coleta.contract.types import Int
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


# The state that an answer ends with -----------------------------------------------------------------

RULER = Ruler(order_of(Int()), lag=2)


def mark(at: int | None, raw: str = "", key: str | None = None) -> Mark:
    return Mark(at=at, key=key, raw=raw or f"r{at}")


def kept(state: dict[str, object]) -> list[object]:
    boundary = state["boundary"]
    assert isinstance(boundary, list)
    return [one["raw"] for one in boundary]


def test_the_state_keeps_the_greatest_value_and_what_may_come_again() -> None:
    state = state_after(None, sample_tick(1), [mark(5), mark(9), mark(7), mark(6)], RULER)

    assert state["cursor"] == 9
    assert state["end"] == "2026-11-24T12:01:00Z"
    assert kept(state) == ["r9", "r7"]


def test_what_stands_exactly_at_the_cursor_less_the_lag_is_kept() -> None:
    first = state_after(None, sample_tick(1), [mark(7)], RULER)
    second = state_after(first, sample_tick(2), [mark(9)], RULER)
    third = state_after(second, sample_tick(3), [mark(10)], RULER)

    assert kept(second) == ["r7", "r9"]
    assert kept(third) == ["r9", "r10"]


def test_a_record_without_a_readable_value_is_kept_as_if_it_stood_at_the_cursor() -> None:
    state = state_after(None, sample_tick(1), [mark(None, "bad"), mark(9)], RULER)

    assert kept(state) == ["bad", "r9"]
    assert kept(state_after(state, sample_tick(2), [mark(12)], RULER)) == ["r12"]


def test_without_any_value_all_that_was_seen_is_kept() -> None:
    state = state_after(None, sample_tick(1), [mark(None, "a"), mark(None, "b"), mark(None, "a")], RULER)

    assert (state["cursor"], kept(state)) == (None, ["a", "b"])


def test_an_answer_without_records_hands_the_state_on_but_for_its_end() -> None:
    first = state_after(None, sample_tick(1), [mark(5)], RULER)

    assert state_after(first, sample_tick(2), [], RULER) == {**first, "end": "2026-11-24T12:02:00Z"}


def test_an_on_demand_answer_moves_the_cursor_and_no_end() -> None:
    first = state_after(None, sample_tick(1), [mark(5)], RULER)
    second = state_after(first, on_demand(NOON + timedelta(seconds=90)), [mark(6)], RULER)

    assert (second["cursor"], second["end"]) == (6, first["end"])
    assert Link("p", second).end == sample_tick(1).end


def test_what_a_newer_version_keeps_in_a_state_is_handed_on() -> None:
    state = state_after({"validators": {"etag": "x"}, "later": 1}, sample_tick(1), [], RULER)

    assert (state["validators"], state["later"]) == ({"etag": "x"}, 1)


def test_a_record_is_known_by_its_bytes_or_by_its_key_at_its_value() -> None:
    known = Known.of(state_after(None, sample_tick(1), [mark(9, "raw", "key")], RULER), RULER)

    assert known.knows(mark(1, "raw"))
    assert known.knows(mark(9, "other", "key"))
    assert known.knows(mark(None, "other", "key"))
    assert not known.knows(mark(10, "other", "key"))
    assert not known.knows(mark(9, "other"))
    assert not Known.of(None, RULER)
