"""Runs the proofs that are asked for, and prints one report. Exit status 1: something is lost, doubled or silent.

``make proof`` runs all of them, ``make proof ARGS="kills --runs 300"`` one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proof.parts import PARTS
from proof.report import Report
from proof.work import Skipped, Work

IN_MEMORY = Path("/dev/shm")
"""Where kills are tried: kill -9 takes nothing back that a kernel has, and runs are many."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` ask for; the exit status."""
    parser = _parser()
    chosen = parser.parse_args(words)
    for part in chosen.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}; there are: {', '.join(PARTS)}")
    report = Report()
    with _folder(chosen.folder or _quick()) as quick, _folder(chosen.folder or Path(tempfile.gettempdir())) as disk:
        work = Work(quick, disk, runs=chosen.runs, seconds=chosen.seconds, jobs=chosen.jobs)
        with work.running:
            for name in chosen.parts or PARTS:
                sys.stderr.write(f"proof: {name}\n")
                try:
                    PARTS[name](work, report)
                except Skipped as why:
                    report.skipped.append(f"{name}: {why}")
    sys.stdout.write(report.markdown())
    if chosen.json:
        chosen.json.write_text(report.json(), encoding="utf-8")
    return 0 if report.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make proof", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"which: {', '.join(PARTS)}; all of them by default")
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
    sys.exit(main())
