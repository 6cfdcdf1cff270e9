"""Coleta beside dlt's REST source and the tutorial's own way, on one API, in one run.

    make bench                              everything: about 15 minutes
    make bench ARGS="--sizes 50 --rounds 3"

Each contender is a process of its own, started cold; rounds are interleaved, so that a noisy moment
meets them all. Wall and CPU time and the largest resident memory are the kernel's figures for that
process (wait4). What each landed is compared, value by value, with what the API gave.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZES = (50, 10_000, 100_000, 1_000_000)
OTHERS = ("tutorial", "dlt")

PROJECT = """version = 1
project = "bench"
[store.lake]
url = "file://./lake"
[stream.compras]
url = "{url}/{records}"
every = "1h"
contract = {{ ean = "int", price = "float", store = "int", dateTime = "str" }}
{pages}
[spool]
allow_tmpfs = true
"""
PAGES = 'pages = { kind = "page_number", param = "page", size = 10000 }'


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    wall_s: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Contender:
    """How one of them is started."""

    name: str
    command: Callable[[str, int, Path], list[str]]


def coleta_command(url: str, records: int, folder: Path) -> list[str]:
    """A project, and one tick of it on demand."""
    folder.mkdir(parents=True)
    text = PROJECT.format(url=url, records=records, pages=PAGES if records > 10_000 else "")
    (folder / "coleta.toml").write_text(text)
    return [sys.executable, "-m", "coleta", "-C", str(folder), "run", "compras", "--now"]


def other_command(python: Path, script: str) -> Callable[[str, int, Path], list[str]]:
    """A script of ``contenders/``."""
    return lambda url, records, folder: [
        str(python), str(HERE / "contenders" / script), url, str(records), str(folder)
    ]  # fmt: skip


def contenders(python: Path) -> list[Contender]:
    """All of them."""
    return [
        Contender("coleta", coleta_command),
        Contender("tutorial", other_command(python, "tutorial.py")),
        Contender("dlt", other_command(python, "dlt_rest.py")),
    ]


def timed(command: list[str]) -> Cost:
    """Run `command` to its end; what it took, without what this process took."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{complaint.decode()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def check(contender: str, folder: Path, records: int) -> None:
    """Compare what was landed with what the API gave, value by value.

    In another process: a new process's largest memory is at least what its parent had when it was started.
    """
    done = subprocess.run([sys.executable, str(HERE / "compare.py"), contender, str(folder), str(records)], check=False)
    if done.returncode:
        raise SystemExit(1)


@contextmanager
def api(sizes: list[int]) -> Iterator[str]:
    """The API in a process of its own; its URL."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "api.py"), *map(str, sizes)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def cold(url: str, records: int, rounds: int, everyone: list[Contender]) -> dict[str, list[Cost]]:
    """Each contender `rounds` times, in turns."""
    costs: dict[str, list[Cost]] = {one.name: [] for one in everyone}
    for round_ in range(rounds):
        for one in everyone:
            with tempfile.TemporaryDirectory(prefix="coleta-bench-") as place:
                folder = Path(place) / one.name
                costs[one.name].append(timed(one.command(url, records, folder)))
                if round_ == 0:
                    check(one.name, folder, records)
        sys.stderr.write(f"{records} records, round {round_ + 1} of {rounds}\n")
    return costs


def warm(url: str, python: Path, times: int) -> dict[str, list[float]]:
    """50 records again and again in one process; seconds each."""
    with tempfile.TemporaryDirectory(prefix="coleta-bench-") as place:
        folder = Path(place)
        coleta_command(url, 50, folder / "coleta")
        runs = {
            "coleta": [sys.executable, str(HERE / "contenders/coleta_run.py"), str(folder / "coleta"), str(times)],
            "tutorial": [str(python), str(HERE / "contenders/tutorial.py"), url, "50", str(folder / "t"), str(times)],
            "dlt": [str(python), str(HERE / "contenders/dlt_rest.py"), url, "50", str(folder / "d"), str(times)],
        }
        return {
            name: [
                float(line) for line in subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
            ]
            for name, run in runs.items()
        }


def table(records: int, costs: dict[str, list[Cost]]) -> list[str]:
    """Markdown lines: medians, and each contender's wall time as a multiple of Coleta's."""
    base = statistics.median(cost.wall_s for cost in costs["coleta"])
    lines = []
    for name, ones in costs.items():
        walls = sorted(cost.wall_s for cost in ones)
        wall = statistics.median(walls)
        lines.append(
            f"| {records:,} | {name} | {wall:.2f} ({walls[0]:.2f}-{walls[-1]:.2f}) "
            f"| {statistics.median(cost.cpu_s for cost in ones):.2f} "
            f"| {statistics.median(cost.memory_mb for cost in ones):.0f} | {wall / base:.1f} |"
        )
    return lines


def main() -> None:
    """Run what is asked for, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm", type=int, default=200, help="warm answers of 50 records; 0 leaves them out")
    parser.add_argument("--python", type=Path, default=Path(".venv-bench/bin/python"), help="where dlt and pandas are")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    chosen = parser.parse_args()
    if not shutil.which(str(chosen.python)):
        raise SystemExit(f"{chosen.python} is missing: make bench installs the other contenders there")
    # Installed packages have their bytecode; a checkout may not, and would be compiled at each cold start.
    compileall.compile_dir(HERE.parent / "src", quiet=1)
    everyone, figures = contenders(chosen.python.absolute()), {}
    lines = [
        "| records | contender | wall s, median (range) | CPU s | memory MB | wall / Coleta's |",
        "|---|---|---|---|---|---|",
    ]
    with api(chosen.sizes) as url:
        for records in chosen.sizes:
            costs = cold(url, records, chosen.rounds, everyone)
            figures[records] = {name: [vars(cost) for cost in ones] for name, ones in costs.items()}
            lines += table(records, costs)
        if chosen.warm:
            warmed = warm(url, chosen.python.absolute(), chosen.warm)
            lines += ["", "| 50 records, warm | median ms | p99 ms |", "|---|---|---|"]
            for name, seconds in warmed.items():
                ordered = sorted(seconds)
                p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
                lines.append(f"| {name} | {statistics.median(ordered) * 1000:.1f} | {p99 * 1000:.1f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
