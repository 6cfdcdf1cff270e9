"""Runs the proofs that are asked for, and prints one report. Exit status 1: something is lost, doubled or silent.

``make proof`` runs all of them, ``make proof ARGS="kills --runs 300"`` one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import SubprocessError
from time import monotonic

from coleta.errors import ColetaError
from proof.parts import PARTS, Part
from proof.report import Line, Report, Tally
from proof.work import Skipped, Work

IN_MEMORY = Path("/dev/shm")
"""Where kills are tried: kill -9 takes nothing back that a kernel has, and runs are many."""


def main(words: Sequence[str] | None = None, parts: Mapping[str, Part] = PARTS) -> int:
    """Run those of `parts` that `words` ask for; the exit status."""
    parser = _parser(parts)
    chosen = parser.parse_args(words)
    for part in chosen.parts:
        if part not in parts:
            parser.error(f"there is no part {part!r}; there are: {', '.join(parts)}")
    report = Report()
    with _folder(chosen.folder or _quick()) as quick, _folder(chosen.folder or Path(tempfile.gettempdir())) as disk:
        work = Work(quick, disk, runs=chosen.runs, seconds=chosen.seconds, jobs=chosen.jobs)
        with work.running:
            for name in chosen.parts or parts:
                sys.stderr.write(f"proof: {name}\n")
                _run(name, parts[name], work, report)
    sys.stdout.write(report.markdown())
    if chosen.json:
        chosen.json.write_text(report.json(), encoding="utf-8")
    return 0 if report.sound else 1


def _run(name: str, part: Part, work: Work, report: Report) -> None:
    began = monotonic()
    try:
        part(work, report)
    except Skipped as why:
        report.skipped.append(f"{name}: {why}")
    except (AssertionError, OSError, SubprocessError, ColetaError) as error:
        # The other parts, which may take an hour, are not to be lost with this one.
        broken = Tally()
        broken.blame(f"it broke off: {type(error).__name__}: {error}")
        report.lines.append(Line(name, broken, monotonic() - began))


def _parser(parts: Mapping[str, Part]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make proof", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which: {', '.join(parts)}; all of them by default")
    parser.add_argument("--runs", type=int, help="how many runs of `kills`, `eio` and `enospc` each; 2000 by default")
    parser.add_argument("--seconds", type=float, help="how long an outage or a faulty network lasts")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="how many of those runs at once")
    parser.add_argument("--folder", type=Path, help="work there; by default in memory and in the temporary folder")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    return parser


def _quick() -> Path:
    return IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def _folder(above: Path) -> Iterator[Path]:
    above.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="coleta-proof-", dir=above))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    # So that what was started is ended, and nothing is left in memory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
