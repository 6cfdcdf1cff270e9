"""The independent books find each way of breaking the promise, and nothing in a sound store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from coleta.collect.tick import Interval
from coleta.contract.types import Contract, Field, Int, Str
from coleta.runtime.lander import land
from coleta.runtime.redrive import Wanted, replay
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream, waiting
from coleta.testing.bookkeeper import Bookkeeper, Copy, crc
from coleta.testing.logbook import unchanged
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
        self.bench = bench
        self.look_again()

    def look_again(self) -> None:
        bench, prefix = self.bench, "compras/"
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
    assert "record 2 is 1 times in the quarantine, not 0" in kept.check()


def test_an_answer_that_its_checks_refuse_and_that_landed_is_told() -> None:
    kept = Kept()
    answer = next(iter(kept.books.accepted))
    kept.books.note(answer, kept.books.accepted[answer].tick, b'[{"id": 1, "value": 1}]', refused=True)

    assert "is no data, and ended ok with 2 records" in kept.check()


def test_an_answer_is_superseded_wrongly_while_a_part_of_its_tick_is_open() -> None:
    kept = Kept()
    (name,) = {name.rsplit("-", 1)[1].split(".")[0] for name in kept.objects if name.startswith("_superseded/")}
    answer = next(answer for answer in kept.books.accepted if answer.startswith(name))
    longer = sample_tick(1).start, sample_tick(2).end
    kept.books.note(answer, longer, b'[{"id": 4, "value": 4}]')

    assert "is superseded, and no answer has settled all of its tick" in kept.check()


def test_what_would_leave_only_broken_records_in_the_open_part_is_rightly_superseded() -> None:
    kept = Kept()
    (name,) = {name.rsplit("-", 1)[1].split(".")[0] for name in kept.objects if name.startswith("_superseded/")}
    answer = next(answer for answer in kept.books.accepted if answer.startswith(name))
    within, after = (sample_tick(n).end.isoformat() for n in (1, 2))
    longer = sample_tick(1).start, sample_tick(2).end
    good, bad = {"id": 4, "value": 4}, {"id": 5, "value": "bad"}

    kept.books.note(answer, longer, json.dumps([{**good, "at": within}, {**bad, "at": after}]).encode())
    assert "is superseded, and" not in kept.check()

    kept.books.note(answer, longer, json.dumps([{**bad, "at": within}, {**good, "at": after}]).encode())
    assert "is superseded, and no answer has settled all of its tick" in kept.check()


@pytest.mark.parametrize(("states", "told"), [((1, 1), True), ((1, 2), False)], ids=["the same", "others"])
def test_only_copies_that_began_with_other_states_may_be_both_landed_and_superseded(
    states: tuple[int, ...], told: bool
) -> None:
    kept = Kept()
    answer, one = next(iter(kept.books.accepted.items()))
    kept.objects[f"_superseded/20261124T120000Z-{answer[:16]}.spool"] = b""
    for state in states:
        copy = Copy.of(None, {"cursor": state})
        kept.books.note(answer, one.tick, b'[{"id": 1, "value": 1}]', landed_as="link", copy=copy)

    assert (f"answer {answer[:8]} is landed and superseded" in kept.check()) == told


def test_a_link_is_superseded_wrongly_while_its_chain_has_not_gone_on() -> None:
    books = Bookkeeper()
    books.note("a" * 64, (NOON, NOON + MINUTE), b"[]", landed_as="link", copy=Copy.of(None, None))
    books.note("b" * 64, (NOON, NOON + MINUTE), b"[]", landed_as="link", copy=Copy.of(None, None))
    nothing = books.stranger.read({})

    why = "its chain has not gone on without it"
    assert books.set_aside("a" * 16, nothing) == [f"answer aaaaaaaa is superseded, and {why}"]
    assert books.set_aside("a" * 16, nothing, {"a" * 64, "b" * 64}) == []
    assert books.set_aside("c" * 16, nothing) == ["answer cccccccc is superseded and was never accepted"]


def test_a_commit_that_nobody_asked_for_is_told() -> None:
    kept = Kept()
    bench, files = kept.bench, kept.the("_quarantine/")
    loose = replace(TERMS, contract=Contract((Field("id", Int()), Field("value", Str()))))
    replay(bench.machine("person").open(bench_stream(terms=loose)), Wanted())
    kept.look_again()

    assert "nobody asked for a commit of kind redrive" in kept.check()
    kept.books.lifted = frozenset({"redrive"})
    assert kept.check() == ""
    kept.objects[files.replace("_quarantine", "_elsewhere")] = kept.objects.pop(files)
    assert "is missing" in kept.check()


def test_time_without_an_outcome_is_told() -> None:
    kept = Kept()

    assert "no outcome from" in kept.check(minutes=2)


def test_two_stores_are_the_same_only_to_the_last_byte() -> None:
    one, other = Kept().objects, Kept().objects
    assert crc(one) == crc(other)

    other[next(iter(other))] += b" "

    assert crc(one) != crc(other)


def conditional(answer: str, start: str, end: str, outcome: str, etag: str | None) -> dict[str, object]:
    after = {"validators": None if etag is None else {"etag": etag}}
    tick = {"start": start, "end": end}
    return {"answer": answer, "tick": tick, "outcome": outcome, "received": 1, "carried": {"after": after}}


FIRST, SECOND = conditional("a", "0", "1", "ok", "x"), conditional("b", "1", "2", "unchanged", "x")
SAID: dict[str, set[tuple[int, str | None]]] = {"a": {(200, "x")}, "b": {(304, "x")}}


def log_of(*accounts: dict[str, object], terms: tuple[str, ...] = ("t", "t")) -> list[dict[str, object]]:
    return [{"terms": one, "accounts": [account]} for one, account in zip(terms, accounts, strict=True)]


def test_what_is_unchanged_since_the_answer_before_it_breaks_no_promise() -> None:
    assert unchanged(log_of(FIRST, SECOND), SAID) == []


@pytest.mark.parametrize(
    "log",
    [
        log_of(SECOND, terms=("t",)),
        log_of(conditional("a", "0", "1", "ok", "y"), SECOND),
        log_of({**FIRST, "outcome": "rejected", "received": 0}, SECOND),
        log_of(conditional("a", "0", "0.5", "ok", "x"), SECOND),
        log_of(FIRST, SECOND, terms=("t", "u")),
        log_of(FIRST, {**SECOND, "outcome": "empty"}),
        log_of({**FIRST, "outcome": "unchanged"}, SECOND),
    ],
    ids=["no answer", "another", "no data", "not right before", "other terms", "not told", "not said"],
)
def test_what_is_unchanged_since_anything_else_is_told(log: list[dict[str, object]]) -> None:
    assert unchanged(log, SAID) != []


def test_a_commit_in_the_name_of_another_stream_is_told() -> None:
    kept = Kept()
    kept.objects["_ledger/identity.json"] = kept.objects["_ledger/identity.json"].replace(b"compras", b"vendas")

    assert "commit 1 is of stream compras, and the log is that of vendas" in kept.check()
