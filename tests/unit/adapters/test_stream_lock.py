from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coleta.adapters.stream_lock import StreamLock
from coleta.errors import Busy, Misconfigured

HOLDER = """
import sys
from pathlib import Path
from coleta.adapters.stream_lock import StreamLock
with StreamLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_lock_and_gets_it_once_that_one_is_killed(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with pytest.raises(Busy, match=f"process {holder.pid} on ") as caught:
            StreamLock(tmp_path).acquire()
        assert caught.value.where == str(tmp_path)
        assert caught.value.hint
        holder.kill()

    with StreamLock(tmp_path):
        pass


def test_two_locks_in_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    first, second = StreamLock(tmp_path), StreamLock(tmp_path)
    first.acquire()
    first.acquire()

    with pytest.raises(Busy):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_streams_in_different_folders_do_not_exclude_each_other(tmp_path: Path) -> None:
    with StreamLock(tmp_path / "a"), StreamLock(tmp_path / "b"):
        pass


def test_a_folder_that_cannot_be_used_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Misconfigured, match="the spool cannot be used"):
        StreamLock(tmp_path / "file").acquire()
