"""What follows from an accepted answer that cannot be used: asked again where that helps, else said in the log."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from coleta.collect.cadence import Plan
from coleta.collect.coverage import Coverage
from coleta.collect.lost import DAMAGED, Lost, can_be_asked_again, header_in, make_good, still_open
from coleta.collect.spool import Gap, Header, opening
from coleta.collect.tick import Interval, on_demand
from coleta.stream import Source, Stream
from coleta.testing.bench import bench_stream
from coleta.testing.samples import MINUTE, NOON, sample_header, sample_tick

NOW_ONLY = bench_stream()
WINDOW = bench_stream(source=Source(url="http://api.test/", params=(("to", "{tick.end}"),)))
CHAIN = bench_stream(source=Source(url="http://api.test/", params=(("since", "{cursor}"),)))
CONDITIONAL = bench_stream(source=Source(url="http://api.test/", conditional=True))
NOTHING = Coverage()


def plan(ask: tuple[int, ...] = (), missed: tuple[int, ...] = ()) -> Plan:
    return Plan(tuple(map(sample_tick, ask)), tuple(map(sample_tick, missed)), None)


def lost(n: int, *, header: bool = True) -> Lost:
    return Lost(f"{sample_tick(n).name}-0123456789abcdef.spool", sample_header(n) if header else None)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("open_as", ["ask", "missed"])
def test_a_tick_that_no_other_answer_can_hold_ends_as_a_gap_that_names_the_file(header: bool, open_as: str) -> None:
    one = lost(1, header=header)

    left, gaps = make_good(plan(**{open_as: (1, 2)}), [one], NOTHING, NOW_ONLY)

    assert [(gap.tick, gap.reason) for gap in gaps] == [(sample_tick(1), DAMAGED)]
    assert one.name in gaps[0].detail
    assert left == plan(**{open_as: (2,)})


@pytest.mark.parametrize("header", [True, False])
def test_a_window_is_asked_again_however_late_and_in_order(header: bool) -> None:
    left, gaps = make_good(plan(ask=(3,), missed=(1, 2)), [lost(2, header=header)], NOTHING, WINDOW)

    assert gaps == ()
    assert left == plan(ask=(2, 3), missed=(1,))


@pytest.mark.parametrize("stream", [CHAIN, CONDITIONAL])
def test_a_stream_that_carries_state_takes_up_where_it_ended_without_being_told(stream: Stream) -> None:
    before = plan(ask=(3,))

    assert make_good(before, [lost(2)], NOTHING, stream) == (before, ())


@pytest.mark.parametrize(("stream", "again"), [(NOW_ONLY, False), (WINDOW, True), (CHAIN, True), (CONDITIONAL, True)])
def test_what_names_its_interval_or_a_cursor_can_be_asked_again(stream: Stream, again: bool) -> None:
    assert can_be_asked_again(stream) == again


def test_only_what_has_no_outcome_becomes_a_gap() -> None:
    tick = Interval(NOON, NOON + 4 * MINUTE)
    one = Lost("x.spool", replace(sample_header(), tick=tick))
    covered = Coverage.of([sample_tick(2), sample_tick(4)])

    left, gaps = make_good(plan(ask=(1, 3)), [one, one], covered, NOW_ONLY)

    assert [gap.tick for gap in gaps] == [sample_tick(1), sample_tick(3)]
    assert left == plan()


def test_gaps_that_were_lost_are_written_down_again_as_they_were() -> None:
    gaps = (Gap(sample_tick(1), "refused", "no route", 3), Gap(sample_tick(2), "missed"))
    header = replace(sample_header(), tick=None, gaps=gaps)

    left, again = make_good(plan(missed=(1, 2, 3)), [Lost("x-gap-1.spool", header)], NOTHING, NOW_ONLY)

    assert again == gaps
    assert left == plan(missed=(3,))


def test_of_gaps_whose_header_cannot_be_read_their_ticks_stay_in_the_plan() -> None:
    before = plan(ask=(2,), missed=(1,))
    name = f"{sample_tick(1).name}-gap-01234567.spool"

    assert make_good(before, [Lost(name, None), Lost("rubbish", None)], NOTHING, NOW_ONLY) == (before, ())
    assert make_good(before, [Lost(name, None), Lost("rubbish", None)], NOTHING, WINDOW) == (before, ())


def test_an_answer_on_demand_covers_nothing_so_nothing_is_missing() -> None:
    one = Lost("x.spool", replace(sample_header(), tick=on_demand(NOON)))
    before = plan(ask=(0,))

    assert make_good(before, [one], NOTHING, NOW_ONLY) == (before, ())


def test_only_those_whose_ticks_have_no_outcome_are_open() -> None:
    gaps = replace(sample_header(), tick=None, gaps=(Gap(sample_tick(4), "missed"),))
    every = [lost(1), lost(2), lost(3, header=False), lost(5, header=False), Lost("x-gap-1.spool", gaps)]

    found = still_open(every, plan(missed=(2, 3)), Coverage.of([sample_tick(1), sample_tick(4)]))

    assert found == (every[1], every[2])


def test_a_header_is_read_from_a_file_that_is_broken_behind_it() -> None:
    header: Header = sample_header(1)
    whole = opening(header)

    assert header_in("x", BytesIO(whole + b"rubbish")) == header
    assert header_in("x", BytesIO(whole[:-1])) is None
    assert header_in("x", BytesIO(b"")) is None
