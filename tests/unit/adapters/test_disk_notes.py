from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from coleta.adapters.disk_calls import DiskCalls
from coleta.adapters.disk_notes import DiskNotes
from coleta.errors import Misconfigured, SpoolRefused


def test_notes_on_different_stores_lie_beside_each_other(tmp_path: Path) -> None:
    one, other = (DiskNotes(tmp_path, store_url=url) for url in ("file:///a", "file:///b"))

    one.remember("identity", b"one")

    assert other.recall("identity") is None
    other.remember("identity", b"other")
    assert one.recall("identity") == b"one"


def test_recalling_makes_nothing(tmp_path: Path) -> None:
    assert DiskNotes(tmp_path / "notes", store_url="file:///a").recall("identity") is None
    assert not (tmp_path / "notes").exists()


def test_a_disk_that_does_not_take_a_note_refuses_it_and_the_old_one_stands(tmp_path: Path) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    DiskNotes(tmp_path, store_url="file:///a").remember("identity", b"old")
    notes = DiskNotes(tmp_path, store_url="file:///a", disk=DiskCalls(full))

    with pytest.raises(SpoolRefused, match="disk is full"):
        notes.remember("identity", b"new")

    assert notes.recall("identity") == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_note_that_cannot_be_read_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    notes = DiskNotes(tmp_path, store_url="file:///a")
    notes.remember("identity", b"x")
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()

    with pytest.raises(Misconfigured):
        notes.recall("identity")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a-b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="note"):
        DiskNotes(tmp_path, store_url="file:///a").recall(name)
