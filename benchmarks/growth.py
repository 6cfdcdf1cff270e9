"""Three years at one tick a minute, made up, and what landing, opening and starting take on top of them.

    make bench-growth                                    in a folder, landed every 5 minutes, as `coleta init` says
    make bench-growth ARGS="--land 1"                    the worst case: an object for each minute
    make bench-growth ARGS="--store s3 --years 0.1"      SeaweedFS
    make bench-growth ARGS="--keep FOLDER"               leaves the project there, and uses it again the next time

Each figure is of a process of its own. Two rows a tick; see ``made.py`` for what is made up, and how.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

STREAM = "compras"
CONTRACT = '{ ean = "int", price = "float", store = "int", dateTime = "str" }'
RECORDS = 2
BUCKET = "lake"

HEAD = """version = 1
project = "bench"
[store.lake]
url = "{store}"
[spool]
allow_tmpfs = true
"""
ONE = """[stream.{name}]
url = "{url}/{records}"
every = "{every}"
contract = {contract}
{more}
"""


@dataclass(frozen=True)
class Figure:
    """A line of the table; `most` is the goal, below which it is met. Without one it is only told."""

    what: str
    measured: float
    unit: str
    most: float | None = None

    def line(self) -> str:
        """As Markdown."""
        goal = "" if self.most is None else f"< {self.most:,g} {self.unit}".rstrip()
        met = "" if self.most is None else "met" if self.measured < self.most else "missed"
        return f"| {self.what} | {self.measured:,.4g} {self.unit} | {goal} | {met} |"


def write(folder: Path, store: str, url: str, *, every: str = "1m", table: bool = True, others: int = 0) -> None:
    """The project file: the stream with three years behind it, and `others` that begin today."""
    folder.mkdir(parents=True, exist_ok=True)
    one = {"url": url, "records": RECORDS, "every": every, "contract": CONTRACT}
    text = HEAD.format(store=store) + ONE.format(name=STREAM, more='table = "delta"' if table else "", **one)
    text += "".join(ONE.format(name=f"s{number:02d}", more="", **one) for number in range(others))
    (folder / "coleta.toml").write_text(text, encoding="utf-8")


# What is measured, each in a process of its own ---------------------------------------------------


def opening(folder: Path) -> dict[str, float]:
    """Open the stream as a start does, until it is ready to ask and to land."""
    from coleta.settings import load_project
    from coleta.wiring import App

    app = App(load_project(folder / "coleta.toml", environment=os.environ))
    with app.station(app.stream(STREAM), lambda event: None):
        return {"since_start_s": time.time() - float(os.environ["COLETA_BENCH_BEGAN"])}


def commits(folder: Path, times: int) -> dict[str, float]:
    """Land answers on demand: how long each waits between being accepted and lying in the log."""
    from coleta.runtime.events import Accepted, Event, Landed
    from coleta.runtime.orders import choose_tick, settle
    from coleta.settings import load_project
    from coleta.wiring import App

    began, waits = [0.0], list[float]()

    def tell(event: Event) -> None:
        if isinstance(event, Accepted):
            began[0] = time.perf_counter()
        elif isinstance(event, Landed):
            waits.append(time.perf_counter() - began[0])

    app = App(load_project(folder / "coleta.toml", environment=os.environ))
    with app.station(app.stream(STREAM), tell) as station:
        for _ in range(times + 3):
            settle(station, choose_tick(station, None), cancelled=threading.Event())
    warm = sorted(waits[3:])
    return {"median_ms": _share(warm, 0.5) * 1000, "p99_ms": _share(warm, 0.99) * 1000, "commits": len(warm)}


def reading(folder: Path) -> dict[str, float]:
    """Open the table by the Python API: how many rows, and of which columns."""
    from coleta import Project

    project = Project.load(folder)
    began = time.perf_counter()
    table = project.table(STREAM)
    rows = len(table)
    table.schema()
    return {"open_s": time.perf_counter() - began, "rows": rows}


def delta(folder: Path) -> dict[str, float]:
    """Open the Delta table with deltalake, and learn which files it has."""
    from deltalake import DeltaTable

    uri, options = os.environ["COLETA_BENCH_TABLE"], json.loads(os.environ["COLETA_BENCH_OPTIONS"])
    began = time.perf_counter()
    table = DeltaTable(uri, storage_options=options)
    opened = time.perf_counter() - began
    return {"open_s": opened, "files": len(table.file_uris()), "listed_s": time.perf_counter() - began}


def service(folder: Path, seconds: float) -> dict[str, float]:
    """Run `coleta up`'s service with its streams: commits, how late those of the old stream are, and memory."""
    from coleta.runtime.events import Accepted, Event, Landed, Published
    from coleta.settings import load_project
    from coleta.wiring import App

    landed, published, accepted, waits = [0], [0], dict[str, float](), list[float]()

    def tell(event: Event) -> None:
        match event:
            case Accepted(stream) if stream == STREAM:
                accepted[event.entry.name] = time.perf_counter()
            case Landed(stream):
                landed[0] += 1
                if stream == STREAM and accepted:
                    waits.append(time.perf_counter() - min(accepted.values()))
                    accepted.clear()
            case Published():
                published[0] += 1

    samples: list[tuple[int, float]] = []
    app = App(load_project(folder / "coleta.toml", environment=os.environ))
    with app.service(tell) as running:
        thread = threading.Thread(target=running.run)
        thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and thread.is_alive():
            time.sleep(1)
            samples.append((landed[0], _resident_kb()))
        running.stop()
        thread.join()
    # The first third is warming up: pools, caches, the allocator.
    settled = samples[len(samples) // 3 :]
    waits = sorted(waits[len(waits) // 10 :])
    return {
        "commits": landed[0],
        "published": published[0],
        "p99_ms": _share(waits, 0.99) * 1000,
        "kb_per_1000": _slope(settled) * 1000,
        "first_mb": settled[0][1] / 1024,
        "last_mb": settled[-1][1] / 1024,
    }


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _slope(points: list[tuple[int, float]]) -> float:
    """Of the straight line that fits best."""
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((one - x) ** 2 for one, _ in points)
    return sum((one - x) * (other - y) for one, other in points) / spread if spread else 0.0


def _resident_kb() -> float:
    text = Path("/proc/self/statm").read_text()
    return int(text.split()[1]) * resource.getpagesize() / 1024


def _most_mb() -> float:
    # Not ``ru_maxrss``: a new process has at least what its parent had when it was started.
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


MEASURES: Mapping[str, Callable[[Path, float], dict[str, float]]] = {
    "opening": lambda folder, _: opening(folder),
    "commits": lambda folder, times: commits(folder, int(times)),
    "reading": lambda folder, _: reading(folder),
    "delta": lambda folder, _: delta(folder),
    "service": service,
}


def measured(name: str, folder: Path, number: float = 0) -> dict[str, float]:
    """What the measure `name` says, in a process of its own; and its largest resident memory."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--measure", name, str(folder), str(number)],
        stdout=subprocess.PIPE,
        env={**os.environ, "COLETA_BENCH_BEGAN": str(time.time())},
    )
    assert process.stdout is not None
    said = process.stdout.read()
    if process.wait():
        raise SystemExit(f"measuring {name} ended with {process.returncode}")
    found: dict[str, float] = json.loads(said)
    _say(f"{name}: {found}")
    return found


# Putting it together -------------------------------------------------------------------------------


def lake_of(folder: Path, *, days: int, every: int) -> dict[str, float]:
    """Make the lake in `folder` unless it is there; what it has."""
    told = folder / "made.json"
    if not told.exists():
        from made import make_log, make_table

        os.nice(10)
        began = time.monotonic()
        (folder / "_coleta" / "tmp").mkdir(parents=True)
        # Up to the present, so that a start has no years to catch up with.
        end = datetime.now(UTC).replace(second=0, microsecond=0)
        log = make_log(folder / STREAM, days=days, every=every, end=end)
        make_table(folder / STREAM, log)
        told.write_text(json.dumps({"commits": log.seq, "files": len(log.files)}))
        _say(f"made {log.seq:,} commits of {days} days in {time.monotonic() - began:.0f} s")
    found: dict[str, float] = json.loads(told.read_text())
    return found


@contextmanager
def bucket_with(lake: Path, place: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """SeaweedFS with all that lies in `lake`; the store's URL, and what deltalake needs to reach it."""
    from coleta.adapters.object_store import CloudStore
    from coleta.demo_api.seaweedfs import Login, serve_s3
    from coleta.stream import Store

    login = Login("COLETABENCH", "not-a-secret")
    with serve_s3(place, bucket=BUCKET, logins=[login]) as endpoint:
        keys = {
            "AWS_ACCESS_KEY_ID": login.access_key, "AWS_SECRET_ACCESS_KEY": login.secret_key,
            "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1",
        }  # fmt: skip
        os.environ |= keys
        url = f"s3://{BUCKET}/growth"
        store = CloudStore(Store(url), environment=lambda: keys, folder=place)

        def put(path: Path) -> None:
            from hashlib import sha256

            body = path.read_bytes()
            store.create(path.relative_to(lake).as_posix(), body, sha256=sha256(body).hexdigest())

        began = time.monotonic()
        files = [path for path in (lake / STREAM).rglob("*") if path.is_file()]
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(put, files):
                pass
        _say(f"put {len(files):,} objects in {time.monotonic() - began:.0f} s")
        yield url, {**keys, "aws_allow_http": "true", "aws_conditional_put": "etag"}


def figures(lake: Path, folder: Path, where: tuple[str, str], files: float, asked: argparse.Namespace) -> list[Figure]:
    """Measure all of it, in this order: a new machine first, and those that extend the log last."""
    spool, (store, url) = folder / ".coleta", where
    write(folder, store, url, table=False)
    cold = []
    for _ in range(asked.rounds):
        shutil.rmtree(spool, ignore_errors=True)
        cold.append(measured("opening", folder))
    again = measured("opening", folder)
    table = measured("reading", folder)
    registered = measured("delta", folder)
    landing = measured("commits", folder, asked.commits)
    write(folder, store, url, every="1s", others=asked.streams)
    up = measured("service", folder, asked.seconds)
    # Without the table, each commit of which takes and gives back as much memory as all its files need.
    write(folder, store, url, every="1s", table=False, others=asked.streams)
    plain = measured("service", folder, asked.seconds)
    checkpoints = [path.stat().st_size for path in (lake / STREAM / "_delta_log").glob("*.checkpoint.parquet")]
    # One for each ten versions, each as large as the table was by then.
    left = max(checkpoints) * files / 10 / 2
    return [
        Figure("commit, p99", landing["p99_ms"], "ms", 250),
        Figure("commit, median", landing["median_ms"], "ms"),
        Figure("commit in `coleta up`, the table kept beside, p99", up["p99_ms"], "ms", 250),
        Figure("Delta table opened by deltalake", registered["open_s"], "s", 1),
        Figure("the same, and its files listed", registered["listed_s"], "s"),
        Figure("`Project.table`, its rows counted", table["open_s"], "s", 1),
        Figure("the same: memory at most", table["most_mb"], "MB"),
        Figure("start of a new machine, the slowest", max(one["since_start_s"] for one in cold), "s", 5),
        Figure("the same: memory at most", max(one["most_mb"] for one in cold), "MB"),
        Figure("start of a machine that remembers", again["since_start_s"], "s"),
        Figure("live files", registered["files"], "", 10_000),
        Figure("checkpoints of the Delta log, if all were kept", left / 1e9, "GB"),
        Figure(f"memory of `coleta up`, a thousand commits (over {up['commits']:,.0f})", up["kb_per_1000"], "kB", 1024),
        Figure("the same: memory at the end", up["last_mb"], "MB"),
        Figure(
            f"memory without the table, a thousand commits (over {plain['commits']:,.0f})",
            plain["kb_per_1000"],
            "kB",
            1024,
        ),
        Figure("the same: memory at the end", plain["last_mb"], "MB"),
    ]


def main() -> int:
    """Make it, measure it, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=3)
    parser.add_argument("--land", type=int, default=5, help="minutes that land as one object; 1 is the worst case")
    parser.add_argument("--store", choices=("file", "s3"), default="file")
    parser.add_argument("--commits", type=int, default=300, help="how many are timed")
    parser.add_argument("--rounds", type=int, default=3, help="how many starts of a new machine")
    parser.add_argument("--streams", type=int, default=20, help="more streams in `coleta up`")
    parser.add_argument("--seconds", type=float, default=180, help="how long `coleta up` runs")
    parser.add_argument("--keep", type=Path, help="where to leave the lake; a temporary folder by default")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    asked = parser.parse_args()
    from bench import api

    with tempfile.TemporaryDirectory(prefix="coleta-growth-") as passing, api([RECORDS]) as url:
        place = Path(passing)
        lake = (asked.keep or place / "made").absolute()
        made = lake_of(lake, days=max(1, round(asked.years * 365)), every=asked.land)
        folder = nullcontext((f"file://{lake}", dict[str, str]()))
        with bucket_with(lake, place / "s3") if asked.store == "s3" else folder as (store, options):
            os.environ["COLETA_BENCH_TABLE"] = f"{store}/{STREAM}"
            os.environ["COLETA_BENCH_OPTIONS"] = json.dumps(options)
            found = figures(lake, place / "project", (store, url), made["files"], asked)
    sys.stdout.write(f"{made['commits']:,} commits, store: {asked.store}\n\n")
    sys.stdout.write("| what | measured | goal | |\n|---|---|---|---|\n")
    sys.stdout.write("\n".join(one.line() for one in found) + "\n")
    if asked.json:
        asked.json.write_text(json.dumps({**made, "figures": [asdict(one) for one in found]}, indent=1))
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _, _, name, where, number = sys.argv
        sys.stdout.write(json.dumps({**MEASURES[name](Path(where), float(number)), "most_mb": _most_mb()}))
        sys.exit(0)
    sys.exit(main())
