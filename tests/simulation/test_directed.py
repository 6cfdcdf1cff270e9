"""Courses of events that random faults hit rarely, each told step by step."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from coleta.land.commit import Committed, Head
from coleta.runtime.collector import Collector
from coleta.runtime.lander import land
from coleta.testing.baton import Killed
from coleta.testing.bench import Bench
from coleta.testing.memory import MemoryIndex
from coleta.testing.samples import MINUTE


class DyingIndex(MemoryIndex):
    """An index whose process dies just before the first commit is entered."""

    died = False

    def enter(self, head: Head | None, committed: Committed | None, *, before: Sequence[Committed] = ()) -> None:
        if committed is not None and not self.died:
            self.died = True
            raise Killed
        super().enter(head, committed, before=before)


def test_what_landed_just_before_a_crash_is_not_asked_again_though_the_store_is_away_at_the_restart() -> None:
    bench = Bench()
    machine = bench.machine()
    machine.index = DyingIndex()
    station = machine.open()
    Collector(station).step()
    with pytest.raises(Killed):
        land(station)
    asked = len(bench.api.asked)

    bench.store.down = True
    again = machine.open()
    Collector(again).step()
    bench.store.down = False
    land(again)
    bench.clock.advance(MINUTE)
    land(machine.open())

    assert len(bench.api.asked) == asked
    assert len(bench.commits()) == 1
    assert bench.names("_superseded/") == []
