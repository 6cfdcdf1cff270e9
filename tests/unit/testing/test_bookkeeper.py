"""The independent books find each way of breaking the promise, and nothing in a sound store."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int
from coleta.runtime.lander import land
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.bookkeeper import Bookkeeper, crc
from coleta.testing.samples import MINUTE, NOON, sample_tick

TERMS = Terms(Contract((Field("id", Int()), Field("value", Int()))))


class Kept:
    """Two landed answers and a superseded one, and books that know of them."""

    def __init__(self) -> None:
        self.books = Bookkeeper()
        bench = Bench(bench_stream(terms=TERMS))
        one, two = bench.machine("one").open(), bench.machine("two").open()
        for station, n, ids in ((one, 0, (1, 2)), (one, 1, (3,)), (two, 1, (4,))):
            records = [{"id": i, "value": "bad" if i == 2 else i} for i in ids]
            body = json.dumps(records).encode()
            entry = waiting(station, n, body, terms=TERMS)
            self.note(entry.trailer.answer or "", sample_tick(n), body)
            land(station)
        prefix = "compras/"
        self.objects = {name.removeprefix(prefix): bench.objects.objects[name] for name in bench.objects.names(prefix)}

    def note(self, answer: str, tick: Interval, body: bytes) -> None:
        self.books.note(answer, (tick.start, tick.end), body)

    def the(self, folder: str, at: int = 0) -> str:
        return sorted(name for name in self.objects if name.startswith(folder))[at]

    def check(self, *, minutes: int = 1) -> str:
        return "; ".join(self.books.check(self.objects, first=NOON, until=NOON + minutes * MINUTE))


def test_a_sound_store_breaks_no_promise() -> None:
    kept = Kept()

    assert kept.check() == ""
    assert len(kept.objects) == 6


def lose_an_object(kept: Kept) -> None:
    del kept.objects[kept.the("data/", 1)]


def lose_the_first_object(kept: Kept) -> None:
    del kept.objects[kept.the("data/", 0)]


def double_an_object(kept: Kept) -> None:
    kept.objects["data/tick_date=2026-11-24/000000009.parquet"] = kept.objects[kept.the("data/")]


def lose_the_quarantine(kept: Kept) -> None:
    name = kept.the("_quarantine/")
    kept.objects[name.replace("_quarantine", "_elsewhere")] = kept.objects.pop(name)


def lose_the_terms(kept: Kept) -> None:
    del kept.objects[kept.the("_ledger/terms/")]


def lose_the_superseded(kept: Kept) -> None:
    del kept.objects[kept.the("_superseded/")]


def accept_one_more(kept: Kept) -> None:
    kept.note("f" * 64, sample_tick(2), b"[]")


def forget_one(kept: Kept) -> None:
    del kept.books.accepted[next(iter(kept.books.accepted))]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lose_an_object, "was accepted and is nowhere"),
        (lose_the_first_object, "the sequence is not dense"),
        (double_an_object, "is landed 2 times"),
        (lose_the_terms, "the terms of commit 1 are missing"),
        (lose_the_superseded, "was accepted and is nowhere"),
        (accept_one_more, "answer ffffffff was accepted and is nowhere"),
        (forget_one, "is landed and was never accepted"),
    ],
)
def test_each_broken_promise_is_told(spoil: Callable[[Kept], None], fault: str) -> None:
    kept = Kept()
    spoil(kept)

    assert fault in kept.check()


def test_a_quarantine_file_that_is_missing_is_told() -> None:
    kept = Kept()
    lose_the_quarantine(kept)

    assert "is missing" in kept.check()


def test_a_record_whose_value_is_another_answers_is_told() -> None:
    kept = Kept()
    answer = next(iter(kept.books.accepted))
    kept.note(answer, sample_tick(0), b'[{"id": 1, "value": 1}, {"id": 7, "value": 7}]')

    assert "record 7 is 0 times in the table" in kept.check()
    assert "record 2 has no place in the quarantine" in kept.check()


def test_time_without_an_outcome_is_told() -> None:
    kept = Kept()

    assert "no outcome from" in kept.check(minutes=2)


def test_two_stores_are_the_same_only_to_the_last_byte() -> None:
    one, other = Kept().objects, Kept().objects
    assert crc(one) == crc(other)

    other[next(iter(other))] += b" "

    assert crc(one) != crc(other)
