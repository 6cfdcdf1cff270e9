"""Reading ahead: the same bytes, asked for before they are needed, and nothing is believed that was only guessed."""

from __future__ import annotations

import threading

import pytest

from coleta.adapters.read_ahead import SMALL_BYTES, ReadAhead
from coleta.errors import StoreUnavailable
from coleta.testing.memory import MemoryStore


def name(seq: int, day: int = 24) -> str:
    return f"data/tick_date=2026-11-{day}/{seq:09d}.parquet"


class Slow(MemoryStore):
    """A store that notes what is read, and can hold readers back until enough of them are there."""

    def __init__(self, *seqs: int, together: int = 0) -> None:
        super().__init__({name(seq): b"%d" % seq for seq in seqs})
        self.reads: list[str] = []
        self.down = False
        self.gate = threading.Barrier(together) if together else None

    def read(self, name: str, *, last: int | None = None) -> bytes | None:
        self.reads.append(name)
        if self.gate is not None and int(name[-17:-8]) > 2:
            self.gate.wait(10)
        if self.down:
            raise StoreUnavailable("down", where=name)
        return super().read(name, last=last)


def test_what_is_read_is_what_lies_there_to_the_end() -> None:
    ahead = ReadAhead(Slow(*range(1, 100)))

    found = [ahead.read(name(seq), last=64) for seq in range(1, 103)]

    assert found == [b"%d" % seq for seq in range(1, 100)] + [None] * 3


def test_neighbours_are_asked_for_at_the_same_time() -> None:
    """Each of the four waits for the three others: one after the other none would ever come back."""
    store = Slow(*range(1, 7), together=4)
    ahead = ReadAhead(store, ahead=4)

    assert [ahead.read(name(seq), last=64) for seq in (1, 2, 3)] == [b"1", b"2", b"3"]


def test_nothing_is_guessed_where_objects_are_not_read_in_turn() -> None:
    store = Slow(*range(1, 100))
    ahead = ReadAhead(store)

    for seq in (1, 3, 5):
        ahead.read(name(seq), last=64)
    ahead.read(name(6, day=25), last=64)
    ahead.read(name(7, day=25))
    ahead.read("_ledger/identity.json")

    assert len(store.reads) == 6


def test_an_absent_object_is_asked_for_again_when_it_is_needed() -> None:
    store = Slow(1, 2)
    ahead = ReadAhead(store, ahead=2)
    assert [ahead.read(name(seq), last=64) for seq in (1, 2)] == [b"1", b"2"]
    for _ in range(1_000):
        if name(4) in store.reads:
            break
        threading.Event().wait(0.005)

    store.objects[name(3)] = b"3"

    assert ahead.read(name(3), last=64) == b"3"


def test_a_store_that_is_down_is_told_by_the_read_that_asks() -> None:
    store = Slow(1, 2, 3)
    ahead = ReadAhead(store, ahead=2)
    ahead.read(name(1), last=64)
    store.down = True

    with pytest.raises(StoreUnavailable):
        ahead.read(name(2), last=64)
    with pytest.raises(StoreUnavailable):
        ahead.read(name(3), last=64)
    store.down = False
    assert ahead.read(name(3), last=64) == b"3"


def test_large_objects_are_not_read_ahead_whole() -> None:
    store = Slow(*range(1, 100))
    store.objects[name(3)] = bytes(SMALL_BYTES + 1)
    ahead = ReadAhead(store, ahead=1)

    for seq in (1, 2, 3):
        ahead.read(name(seq))

    assert name(4) not in store.reads


def test_the_rest_is_the_stores_own() -> None:
    store = MemoryStore()
    ahead = ReadAhead(store)

    ahead.create("x", b"1", sha256="6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")

    assert (store.read("x"), ahead.size("x"), list(ahead.names(""))) == (b"1", 1, ["x"])
