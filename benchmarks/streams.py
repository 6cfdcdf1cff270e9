"""A thousand streams that are each asked once a minute: is everything landed before the next minute?

    make bench-streams
    make bench-streams ARGS="--streams 200 --minutes 2"

One `coleta up` with its durable spool collects 50 records a stream and minute from an API on loopback,
each tick landed by itself. How late a tick is: from the instant that names it until its object lies in
the store, by the object's time stamp. What every object says is then read, and counted.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench import api  # noqa: E402

RECORDS = 50

PROJECT = """version = 1
project = "bench"
[store.lake]
url = "file://./lake"
[spool]
allow_tmpfs = true
"""
STREAM = """[stream.s{number:04d}]
url = "{url}/{records}"
every = "1m"
contract = {{ ean = "int", price = "float", store = "int", dateTime = "str" }}
"""


def up(folder: Path, url: str, streams: int, minutes: int) -> tuple[float, float, float]:
    """`coleta up` for so many whole minutes after its start; its wall and CPU seconds, its memory in MB."""
    text = PROJECT + "".join(STREAM.format(number=n, url=url, records=RECORDS) for n in range(streams))
    (folder / "coleta.toml").write_text(text)
    began = time.time()
    # The stop lies half a minute after the last whole one, so that its ticks could be landed by then.
    until = (began // 60 + 1 + minutes) * 60 + 59
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coleta", "-C", str(folder), "up"], stdout=log, stderr=subprocess.STDOUT
        )
        while time.time() < until and process.poll() is None:
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 128 + signal.SIGTERM:
        raise SystemExit(f"coleta up ended with {process.returncode}:\n{(folder / 'log').read_text()[-2000:]}")
    return time.time() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def landed(lake: Path) -> tuple[dict[str, list[float]], Counter[str]]:
    """For each tick how late its objects came, in seconds; and how many ticks there are of each outcome."""
    late: dict[str, list[float]] = {}
    outcomes: Counter[str] = Counter()
    for file in sorted(lake.glob("*/data/*/*.parquet")):
        metadata = pq.read_metadata(file)
        for account in json.loads(metadata.metadata[b"coleta.record"])["accounts"]:
            outcomes[account["outcome"]] += 1
            if account["outcome"] == "ok" and account["landed"] != RECORDS:
                raise SystemExit(f"{file}: {account['landed']} records of {RECORDS}")
            end = datetime.fromisoformat(account["tick"]["end"]).timestamp()
            late.setdefault(account["tick"]["end"], []).append(file.stat().st_mtime - end)
    return late, outcomes


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=3, help="whole minutes, after the one of the start")
    chosen = parser.parse_args()
    compileall.compile_dir(HERE.parent / "src", quiet=1)
    with tempfile.TemporaryDirectory(prefix="coleta-bench-") as place, api([RECORDS]) as url:
        folder = Path(place)
        wall, cpu, memory = up(folder, url, chosen.streams, chosen.minutes)
        late, outcomes = landed(folder / "lake")
    sys.stdout.write("| tick | streams landed | median s late | p99 | last |\n|---|---|---|---|---|\n")
    for end, delays in sorted(late.items()):
        delays.sort()
        p99 = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
        sys.stdout.write(
            f"| {end} | {len(delays)} | {statistics.median(delays):.1f} | {p99:.1f} | {delays[-1]:.1f} |\n"
        )
    sys.stdout.write(f"\n{dict(outcomes)}; {wall:.0f} s, {cpu:.0f} s of CPU, {memory:.0f} MB at most\n")


if __name__ == "__main__":
    main()
