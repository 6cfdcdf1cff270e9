"""Decoding an answer while it is fetched changes nothing but the time that it takes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from coleta.collect.response import Fault
from coleta.errors import StoreUnavailable
from coleta.land.decode import Piece
from coleta.paging import PageNumber
from coleta.runtime.ahead import MOST_ANSWERS, HeadStarts
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.runtime.station import Station
from coleta.stream import Landing, Source
from coleta.testing.bench import Answer, Bench, bench_stream
from coleta.testing.samples import sample_terms

PAGED = Source(url="http://api.test/compras", paging=PageNumber(size=3))


class Watched(HeadStarts):
    """Head starts that tell what they were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.used: list[bool] = []

    def begin(self, terms: object) -> object:  # type: ignore[override]
        self.begun += 1
        return super().begin(terms)  # type: ignore[arg-type]

    def take(self, answer: str | None) -> object:  # type: ignore[override]
        pieces = super().take(answer)
        self.used.append(pieces is not None)
        return pieces


def page(*eans: object) -> bytes:
    return json.dumps([{"ean": ean, "price": 1.5} for ean in eans]).encode()


def bench(*answers: Answer, starts: HeadStarts | None, landing: Landing | None = None) -> tuple[Bench, Station]:
    world = Bench(bench_stream(source=PAGED, landing=landing or Landing()))
    world.head_starts = starts
    world.api.answers.extend(answers)
    return world, world.machine().open()


def collect(world: Bench, station: Station) -> None:
    collector = Collector(station)
    for _ in range(12):
        world.clock.set(max(min(collector.step(), world.clock.now() + timedelta(seconds=30)), world.clock.now()))
        if station.spool.contents().waiting:
            return


PAGES = (page(1, 2, 3), page(4, "five", 6), page(7))


def test_a_head_start_lands_the_same_rows_rejects_and_content_as_none() -> None:
    landed = []
    for starts in (Watched(), None):
        world, station = bench(*PAGES, starts=starts)
        collect(world, station)
        land(station)
        (commit,) = world.commits()
        landed.append((world.rows("ean", "_row", "_fetched_at"), commit.record.content, commit.record.accounts))
        if starts is not None:
            assert starts.used == [True]

    assert landed[0] == landed[1]
    assert [row[0] for row in landed[0][0]] == [1, 2, 3, 4, 6, 7]


def test_an_answer_that_is_asked_anew_brings_nothing_of_the_first_try_along() -> None:
    starts = Watched()
    world, station = bench(page(1, 2, 3), page(1, 2, 3), *PAGES, starts=starts)

    collect(world, station)
    land(station)

    assert starts.begun == 2
    assert [row[0] for row in world.rows("ean")] == [1, 2, 3, 4, 6, 7]


def test_a_tick_that_ends_as_a_gap_frees_its_head_start() -> None:
    starts = Watched()
    world, station = bench(page(1, 2, 3), *[404] * 3, starts=starts)

    collect(world, station)

    for _ in range(MOST_ANSWERS):
        assert starts.begin(sample_terms()) is not None


def test_a_single_page_gets_no_head_start_nor_does_an_answer_that_waits_for_its_batch() -> None:
    for answers, landing in [((page(1),), Landing()), (PAGES, Landing(every=timedelta(minutes=5)))]:
        starts = Watched()
        world, station = bench(*answers, starts=starts, landing=landing)
        collect(world, station)
        assert starts.begun == 0


def test_a_second_composition_decodes_the_spool_file_as_always() -> None:
    starts = Watched()
    world, station = bench(*PAGES, starts=starts)
    collect(world, station)
    world.store.plan("create", "compras/data/", "unavailable")
    with pytest.raises(StoreUnavailable):
        land(station)

    land(station)

    assert starts.used == [True, False]
    assert [row[0] for row in world.rows("ean")] == [1, 2, 3, 4, 6, 7]


def test_what_cannot_be_decoded_is_left_to_landing_which_says_why() -> None:
    starts = HeadStarts()
    ahead = starts.begin(sample_terms())
    assert ahead is not None
    for body in (page(1), b"<html>", *[page(2)] * 20):
        ahead.feed(body)

    ahead.keep("an answer")

    assert starts.take("an answer") is None


def test_no_more_than_a_few_head_starts_are_under_way_or_kept() -> None:
    starts = HeadStarts()
    under_way = [starts.begin(sample_terms()) for _ in range(MOST_ANSWERS)]
    assert starts.begin(sample_terms()) is None
    for number, ahead in enumerate(under_way):
        assert ahead is not None
        ahead.feed(page(number))
        ahead.keep(f"answer {number}")
    another = starts.begin(sample_terms())
    assert another is not None
    another.feed(page(9))
    another.keep("another")

    kept = [starts.take(name) for name in ("answer 0", "another", "another")]

    assert kept[0] is None
    assert kept[1] is not None
    assert isinstance(kept[1][0], Piece)
    assert kept[2] is None


def test_a_connection_that_fails_between_pages_goes_on_with_the_same_head_start() -> None:
    starts = Watched()
    world, station = bench(PAGES[0], Fault.RESET, *PAGES[1:], starts=starts)

    collect(world, station)
    land(station)

    assert (starts.begun, starts.used) == (1, [True])
    assert [row[0] for row in world.rows("ean")] == [1, 2, 3, 4, 6, 7]
