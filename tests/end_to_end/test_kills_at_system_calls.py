"""kill -9 just at a call that makes something durable or seen: at each of them in turn, by strace."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.end_to_end.bookkeeper import balance
from tests.end_to_end.ledger_api import LedgerApi, wait_until
from tests.end_to_end.program import Project

CALLS = {
    "fsync": ("fsync,fdatasync", 1),
    "rename": ("rename,renameat,renameat2", 1),
    "link": ("link,linkat", 1),
    "unlink": ("unlink,unlinkat", 1),
    "pwrite": ("pwrite64", 5),
}
"""Kinds of calls, and at which of them: each, or each fifth, since SQLite makes many."""

MOST = 60
SETTLED = (0, 65)
"""65: every record broke the contract, which happens; they lie in the quarantine then."""


def killing(calls: str, nth: int, log: Path) -> list[str]:
    """The command that runs another and kills it when it enters the nth of `calls`."""
    return ["strace", "-f", "-o", str(log), "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={nth}"]


@pytest.fixture(autouse=True)
def strace(tmp_path: Path) -> None:
    try:
        done = subprocess.run(["strace", "-o", str(tmp_path / "trial"), "true"], capture_output=True, text=True)
    except OSError:
        pytest.skip("strace is not installed")
    if done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")


@pytest.mark.parametrize("kind", CALLS)
def test_a_tick_cut_off_at_any_such_call_is_settled_once_when_it_is_run_again(
    serve: Callable[..., LedgerApi], make_project: Callable[..., Project], tmp_path: Path, kind: str
) -> None:
    calls, step = CALLS[kind]
    api = serve(seed=10)
    project = make_project(api)
    first = project.call("run", "s")  # on no schedule: it makes the store and the log
    assert first.status in SETTLED, first.err
    identity = json.loads((project.lake / "s/_ledger/identity.json").read_bytes())
    tick = datetime.fromisoformat(identity["first_tick"])

    kills = 0
    for nth in range(1, MOST + 1, step):
        wait_until(lambda tick=tick: datetime.now(UTC) >= tick, "the tick has come")
        name = tick.strftime("%Y%m%dT%H%M%SZ")
        cut = project.call("run", "s", "--tick", name, under=killing(calls, nth, tmp_path / "log"))
        if cut.status in SETTLED:
            break
        assert cut.status in (-9, 137), cut
        kills += 1
        again = project.call("run", "s", "--tick", name)
        assert again.status in SETTLED, again.err
        balance(project.lake, "s", api.sent, [project.spool()], may_be_lost=kills)
        tick += timedelta(seconds=1)

    else:
        pytest.fail(f"there are more than {MOST} such calls")
    assert kills
    assert project.verify()["sound"] is True


@pytest.mark.parametrize(("kind", "step"), [("fsync", 2), ("rename", 1), ("link", 1)])
def test_a_first_start_cut_off_at_any_such_call_leaves_nothing_in_the_way_of_the_next(
    serve: Callable[..., LedgerApi], make_project: Callable[..., Project], tmp_path: Path, kind: str, step: int
) -> None:
    calls, _ = CALLS[kind]
    api = serve(seed=12)
    for nth in range(1, MOST + 1, step):
        project = make_project(api, f"project {nth}", lake=f"lake {nth}")
        sent = len(api.sent)
        cut = project.call("run", "s", under=killing(calls, nth, tmp_path / "log"))
        if cut.status not in SETTLED:
            assert cut.status in (-9, 137), cut
            again = project.call("run", "s")
            assert again.status in SETTLED, again.err
        assert project.verify()["sound"] is True
        balance(project.lake, "s", api.sent[sent:], [project.spool()], may_be_lost=int(cut.status not in SETTLED))
        if cut.status in SETTLED:
            break
    else:
        pytest.fail(f"there are more than {MOST} such calls")
    assert nth > 1
