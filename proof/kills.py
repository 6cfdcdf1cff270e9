"""kill -9, EIO and ENOSPC at each system call on the paths of spool and store, once each.

Each run: set the stage, strike, start again, come to rest, ask the bookkeeper.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from tests.end_to_end.ledger_api import wait_until
from tests.end_to_end.program import command, streams

from coleta.errors import ColetaError
from proof.books import accepted_ids, tally
from proof.report import Line, Tally
from proof.sites import ELSEWHERE, FAILING, ON_FILES, ON_LINES, Site, evenly, sites, striking, struck, tracing
from proof.stages import SETTLED, Stage, Trial

RUN_S = 60.0
"""No run of one tick takes longer, even on a busy machine."""

KILL = "signal=KILL"

RESTS = 3
"""An answer that is accepted just while a stop lands the others is left to the next start, which may happen again."""

SERVED_OBJECTS = 3
"""How many objects a service lands before it is stopped, if nothing has struck it by then."""

SERVED_S = 8.0


@dataclass(slots=True)
class _Struck:
    """What a run came to, and where it was struck, if it was."""

    tally: Tally
    site: Site | None = None


@dataclass(eq=False, slots=True)
class Strikes:
    """Runs that are struck ``how``, each at a site of one of ``kinds`` of stages, ``jobs`` at once."""

    how: str
    kinds: Sequence[type[Stage]]
    folder: Path
    jobs: int = 2
    running: ExitStack = field(default_factory=ExitStack)
    _local: threading.local = field(default_factory=threading.local)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self, runs: int) -> Line:
        """`runs` of them, at sites drawn evenly from all that there are."""
        began = monotonic()
        with self.running, ThreadPoolExecutor(self.jobs) as pool:
            listed = list(pool.map(self._sites, self.kinds))
            known = [(kind, site) for kind, found in zip(self.kinds, listed, strict=True) for site in found]
            chosen = evenly(known, runs)
            # Mixed, so that runs that mostly wait go on beside those that compute.
            Random(1).shuffle(chosen)
            done = list(pool.map(self._run, chosen))
        total, hit = Tally(), set()
        for (kind, wanted), one in zip(chosen, done, strict=True):
            one.tally.said = [f"{kind.name}, {one.site or wanted}: {said}" for said in one.tally.said]
            total.add(one.tally)
            if one.site is not None and one.site.place != ELSEWHERE:
                hit.add((kind.name, one.site))
        struck_runs = sum(one.site is not None for one in done)
        note = f"{struck_runs:,} struck, at {len(hit):,} distinct sites of {len(known):,}"
        return Line(self._what(), total, monotonic() - began, note)

    def _what(self) -> str:
        return "kill -9 at system calls" if self.how == KILL else f"{self.how.removeprefix('error=')} from them"

    def _stage(self, kind: type[Stage]) -> Stage:
        stages: dict[type[Stage], Stage] = self._local.__dict__.setdefault("stages", {})
        if kind not in stages:
            with self._lock:
                self._made += 1
                number = self._made
            stages[kind] = kind(self.folder / f"{number}", self.running)
        return stages[kind]

    def _sites(self, kind: type[Stage]) -> list[Site]:
        trial = self._stage(kind).trial()
        log = self.folder / f"trace-{threading.get_ident()}"
        calls = FAILING.get(self.how.removeprefix("error="), [*ON_FILES, *ON_LINES])
        status, said = _perform(trial, tracing(log, calls))
        wanted = (143,) if trial.service else SETTLED
        assert status in wanted, f"{kind.name} ended with {status}: {said}"
        return sites(log.read_text(encoding="utf-8", errors="replace"), trial.grounds)

    def _run(self, chosen: tuple[type[Stage], Site]) -> _Struck:
        kind, site = chosen
        one = _Struck(Tally(runs=1))
        try:
            self._strike(self._stage(kind).trial(), site, one)
        except (AssertionError, OSError, subprocess.SubprocessError, ColetaError) as error:
            # The other runs are not to be lost with this one.
            one.tally.blame(f"the run broke off: {type(error).__name__}: {error}")
        return one

    def _strike(self, trial: Trial, site: Site, one: _Struck) -> None:
        log = self.folder / f"trace-{threading.get_ident()}"
        status, said = _perform(trial, striking(log, site, self.how))
        one.site = struck(log.read_text(encoding="utf-8", errors="replace"), site, trial.grounds)
        # No disk refuses a call on an event counter or a pipe, and a library may end the process over one.
        # What became of the answers counts there, too.
        if self.how == KILL or one.site is None or one.site.place != ELSEWHERE:
            if status < 0 and self.how != KILL:
                one.tally.blame(f"it was ended by signal {-status}: {said.strip()[-600:]}")
            _look_for_bugs(one.tally, said)
        spools_of = {stream: [spool / stream for spool in trial.spools] for stream in trial.streams}
        accepted = accepted_ids([spool for spools in spools_of.values() for spool in spools])
        _come_to_rest(one.tally, trial)
        for stream, spools in spools_of.items():
            # One for the strike, and one for each stop of a service.
            cuts = 1 + len(trial.project.started)
            counted, books = tally(trial.lake(), stream, trial.sent(), spools, accepted=accepted, cuts=cuts)
            one.tally.add(counted)
            if books is not None and books.damaged:
                # Not after EIO either: that a disk did not give an answer says nothing about its bytes.
                one.tally.blame(f"{books.damaged} answers are set aside as damaged, and no byte was changed")


def _look_for_bugs(found: Tally, said: str) -> None:
    if any(word in said for word in ("Traceback", "bug in Coleta", "Fatal Python error")):
        found.blame(f"a bug: {said.strip()[-600:]}")


def _perform(trial: Trial, under: Sequence[str]) -> tuple[int, str]:
    """Run what the trial is about under strace, to its end; its status, and what it said."""
    folder = trial.project.folder
    said = folder / "said.log"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [*under, *command(folder, *trial.words)],
            **streams(file, trial.project.variables),
            start_new_session=True,
        )  # fmt: skip
        try:
            if trial.service:
                _serve(trial, process)
            status = process.wait(RUN_S)
        except BaseException:
            # The whole group: strace alone would leave behind what it traces.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return status, said.read_text(encoding="utf-8", errors="replace")


def _serve(trial: Trial, process: subprocess.Popen[bytes]) -> None:
    """Let a service work for a while, then stop it."""

    def enough() -> bool:
        return process.poll() is not None or trial.project.objects() >= SERVED_OBJECTS

    with suppress(AssertionError):
        wait_until(enough, "it has landed enough", within_s=SERVED_S)
    for child in _children(process.pid):
        subprocess.run(["kill", "-TERM", str(child)], check=False, stderr=subprocess.DEVNULL)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _come_to_rest(found: Tally, trial: Trial) -> None:
    if trial.service:
        _serve_to_rest(found, trial)
        return
    done = trial.project.call(*trial.words)
    _look_for_bugs(found, done.err)
    if done.status not in SETTLED:
        found.blame(f"run again, it ends with {done.status}: {done.err.strip()[-600:]}")


def _serve_to_rest(found: Tally, trial: Trial) -> None:
    for _ in range(RESTS):
        _serve_once(found, trial)
        left = [file.name for stream in trial.streams for file in trial.project.waiting(stream)]
        if found.wrong or not left:
            return
    found.blame(f"after {RESTS} starts and stops these still wait: {left}")


def _serve_once(found: Tally, trial: Trial) -> None:
    """Start it, let each stream land something, and stop it."""
    up = trial.project.up()
    try:
        for stream in trial.streams:
            trial.project.wait_for_objects(1, stream)
        status = up.stop()
        if status != 143:
            found.blame(f"started again and stopped, it ends with {status}: {up.said()[-600:]}")
    except AssertionError as error:
        found.blame(f"it does not come to rest: {error}; it said: {up.said()[-600:]}")
    finally:
        with suppress(AssertionError):
            trial.project.end()
        _look_for_bugs(found, up.said())
