"""The contracts of ``Clock``, ``Ids``, ``Scratch``, ``Notes`` and ``Aside`` in code: every adapter passes them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from coleta.adapters.disk_aside import DiskAside
from coleta.adapters.disk_notes import DiskNotes
from coleta.adapters.scratch import DiskScratch
from coleta.adapters.system import SystemClock, SystemIds
from coleta.ports import Aside, Clock, Ids, Notes, Scratch
from coleta.testing.memory import ManualClock, MemoryAside, MemoryNotes, MemoryScratch, SeededIds


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_the_time_is_in_utc_and_does_not_stand_before_itself(clock: Clock) -> None:
    first, second = clock.now(), clock.now()

    assert first.utcoffset() == timedelta(0)
    assert first <= second


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    start = clock.now()

    clock.advance(timedelta(minutes=5))
    assert clock.now() == start + timedelta(minutes=5)
    clock.set(start)
    assert clock.now() == start


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(7)])
def test_names_are_new_each_time_and_of_their_form(ids: Ids) -> None:
    uuids = {ids.uuid() for _ in range(100)}
    nonces = {ids.nonce() for _ in range(100)}

    assert len(uuids) == len(nonces) == 100
    assert all(str(uuid.UUID(each)) == each for each in uuids)
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in nonces)


@pytest.mark.parametrize("ids", [SystemIds(), SeededIds(7)])
def test_chance_lies_in_its_range_and_differs(ids: Ids) -> None:
    drawn = [ids.chance() for _ in range(100)]

    assert all(0 <= each < 1 for each in drawn)
    assert len(set(drawn)) > 50


def test_a_seed_repeats_names_and_chance() -> None:
    def drawn(seed: int) -> list[object]:
        ids = SeededIds(seed)
        return [ids.uuid(), ids.nonce(), ids.chance()]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


@pytest.fixture(params=["memory", "disk"])
def scratch(request: pytest.FixtureRequest, tmp_path: Path) -> Scratch:
    makers: dict[str, Callable[[], Scratch]] = {
        "memory": MemoryScratch,
        "disk": lambda: DiskScratch(tmp_path / "scratch", in_memory_bytes=1_000),
    }
    return makers[request.param]()


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_scratch_file_begins_empty_and_gives_back_what_was_written(scratch: Scratch, size: int) -> None:
    with scratch.file() as file:
        assert file.read() == b""
        file.write(b"x" * size)
        assert file.tell() == size
        file.seek(0)
        assert file.read() == b"x" * size


def test_scratch_files_are_apart_and_can_be_written_again_from_the_middle(scratch: Scratch) -> None:
    with scratch.file() as one, scratch.file() as other:
        one.write(b"0123456789" * 1_000)
        other.write(b"other")
        one.seek(5)
        one.write(b"five")
        one.seek(0)
        assert one.read(10) == b"01234five9"
        other.seek(0)
        assert other.read() == b"other"


def test_a_large_scratch_file_leaves_nothing_in_its_folder(tmp_path: Path) -> None:
    with DiskScratch(tmp_path / "scratch", in_memory_bytes=10).file() as file:
        file.write(b"x" * 100_000)
        assert list((tmp_path / "scratch").iterdir()) == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.fixture(params=["memory", "disk"])
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Notes]:
    kept: dict[str, bytes] = {}
    makers: dict[str, Callable[[], Notes]] = {
        "memory": lambda: MemoryNotes(kept),
        "disk": lambda: DiskNotes(tmp_path / "spool" / "notes", store_url="file:///lake"),
    }
    return makers[request.param]


def test_what_was_remembered_is_recalled_after_a_restart(notes: Callable[[], Notes]) -> None:
    notes().remember("identity", b'{"uuid":"x"}\n\0')

    assert notes().recall("identity") == b'{"uuid":"x"}\n\0'
    assert notes().recall("probe") is None


def test_what_is_remembered_later_takes_the_place_of_what_was(notes: Callable[[], Notes]) -> None:
    notes().remember("identity", b"a longer one")
    notes().remember("identity", b"")

    assert notes().recall("identity") == b""


class Sickroom(Protocol):
    """A spool of which something was set aside, whichever adapter keeps it."""

    aside: Aside

    def lay(self, name: str, body: bytes) -> None:
        """Set `name` aside."""

    def waiting(self) -> dict[str, bytes]:
        """What waits."""


class MemorySickroom:
    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._files: dict[str, tuple[datetime, bytes]] = {}
        self.aside: Aside = MemoryAside(self._bodies, self._files)

    def lay(self, name: str, body: bytes) -> None:
        self._bodies[name] = body

    def waiting(self) -> dict[str, bytes]:
        return {name: body for name, (_, body) in self._files.items()}


class DiskSickroom:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for part in ("waiting", "damaged"):
            (folder / part).mkdir()
        self.aside: Aside = DiskAside(folder)

    def lay(self, name: str, body: bytes) -> None:
        (self._folder / "damaged" / name).write_bytes(body)

    def waiting(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self._folder / "waiting").iterdir()}


@pytest.fixture(params=["memory", "disk"])
def sickroom(request: pytest.FixtureRequest, tmp_path: Path) -> Sickroom:
    makers: dict[str, Callable[[], Sickroom]] = {"memory": MemorySickroom, "disk": lambda: DiskSickroom(tmp_path)}
    return makers[request.param]()


def test_what_is_given_back_waits_under_its_name_and_lies_aside_no_more(sickroom: Sickroom) -> None:
    sickroom.lay("b.spool-1", b"two")
    sickroom.lay("a.spool", b"one")
    assert list(sickroom.aside.names()) == ["a.spool", "b.spool-1"]
    assert (sickroom.aside.read("a.spool"), sickroom.aside.read("c.spool")) == (b"one", None)

    assert sickroom.aside.give_back("b.spool-1", "b.spool")

    assert sickroom.waiting() == {"b.spool": b"two"}
    assert list(sickroom.aside.names()) == ["a.spool"]


def test_nothing_that_waits_is_replaced_by_what_is_given_back(sickroom: Sickroom) -> None:
    sickroom.lay("a.spool", b"one")
    sickroom.aside.give_back("a.spool", "a.spool")
    sickroom.lay("a.spool", b"two")

    assert not sickroom.aside.give_back("a.spool", "a.spool")

    assert sickroom.waiting() == {"a.spool": b"one"}
    assert sickroom.aside.read("a.spool") == b"two"
