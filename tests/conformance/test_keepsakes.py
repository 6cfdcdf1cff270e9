"""The contract of ``Keepsakes`` in code: the adapter in memory and the one on disk pass it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coleta.adapters.keepsakes import DiskKeepsakes
from coleta.errors import Busy, SpoolRefused
from coleta.ports import Keepsakes
from coleta.testing.keepsakes import MemoryKeepsakes

SOON = timedelta(milliseconds=120)
Make = Callable[[], Keepsakes]


@pytest.fixture(params=["memory", "disk"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Another process's view of the same keepsakes."""
    shared = MemoryKeepsakes()
    return (lambda: shared) if request.param == "memory" else (lambda: DiskKeepsakes(tmp_path / "spool" / "_tokens"))


def test_what_was_kept_last_is_there_for_every_process(make: Make) -> None:
    assert make().recall("erp") is None

    make().remember("erp", b"first")
    make().remember("erp", b"second")
    make().remember("crm", b"other")

    assert make().recall("erp") == b"second"


def test_who_holds_it_alone_keeps_others_out_and_lets_them_in_at_the_end(make: Make) -> None:
    with make().alone("erp", timeout=SOON):
        with pytest.raises(Busy), make().alone("erp", timeout=SOON):
            pass
        with make().alone("crm", timeout=SOON):
            pass

    with make().alone("erp", timeout=SOON):
        pass


def test_who_waits_goes_on_when_the_other_is_done(make: Make) -> None:
    entered, leave, then = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with make().alone("erp", timeout=SOON):
            entered.set()
            leave.wait(5)

    def second() -> None:
        entered.wait(5)
        leave.set()
        with make().alone("erp", timeout=timedelta(seconds=5)):
            then.set()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert then.is_set()


def test_a_mistake_while_it_is_held_lets_go_of_it(make: Make) -> None:
    with pytest.raises(ZeroDivisionError), make().alone("erp", timeout=SOON):
        raise ZeroDivisionError

    with make().alone("erp", timeout=SOON):
        pass


def test_on_disk_it_is_for_this_user_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "_tokens"
    with DiskKeepsakes(folder).alone("erp", timeout=SOON):
        DiskKeepsakes(folder).remember("erp", b"secret")

    assert sorted(path.name for path in folder.iterdir()) == ["erp", "erp.lock"]
    assert (folder / "erp").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_where_there_is_no_place_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(SpoolRefused, match="a part of its path is a file"):
        DiskKeepsakes(tmp_path / "file").remember("erp", b"x")
    with pytest.raises(SpoolRefused), DiskKeepsakes(tmp_path / "file").alone("erp", timeout=SOON):
        pass
