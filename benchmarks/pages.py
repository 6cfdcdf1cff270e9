"""Two hundred pages of a thousand records from an API that takes 50 ms for each: how near to the bound is it?

    make bench-pages
    make bench-pages ARGS="--concurrency 1 --pages 50"

The API runs in a process of its own, answers each request after `--latency`, and any number at once. One `coleta run`
collects and lands all of it. The bound is the latency of so many pages, so many at once. Beside it stand the time from
the first request to the last answer, as the API saw it, and that of the whole command with its start and landing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

RECORDS = 1_000

PROJECT = """version = 1
project = "bench"
[store.lake]
url = "file://./lake"
[stream.pages]
url = "http://127.0.0.1:{port}/records"
every = "1h"
records = "data"
contract = {{ id = "int", price = "float", store = "int", name = "str", at = "str" }}
pages = {{ kind = "page_number", total_pages = "pages", concurrency = {concurrency} }}
"""


def page(number: int, pages: int) -> bytes:
    """Page `number` of `pages`, some 100 bytes a record."""
    records = [
        {
            "id": number * RECORDS + n,
            "price": n / 4,
            "store": n % 9,
            "name": f"product {n}",
            "at": "2026-11-24T12:00:00Z",
        }
        for n in range(RECORDS)
    ]
    return json.dumps({"data": records, "pages": pages}).encode()


def serve(pipe: Connection, pages: int, latency_s: float) -> None:
    """Answer until told to stop; then say how long it was from the first request to the last answer, and how many."""
    bodies = [page(n, pages) for n in range(1, pages + 1)]
    seen: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            seen.append(time.monotonic())
            time.sleep(latency_s)
            body = bodies[int(parse_qs(urlsplit(self.path).query)["page"][0]) - 1]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            seen.append(time.monotonic())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is inherited
            """Nothing: it would take time."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    pipe.send(server.server_port)
    server.timeout = 0.05
    while not pipe.poll():
        server.handle_request()
    pipe.send((max(seen) - min(seen), len(seen) // 2))


def measure(pages: int, concurrency: int, latency_s: float) -> tuple[float, float, int]:
    """Seconds from the first request to the last answer, of the whole command, and the requests."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, pages, latency_s))
    server.start()
    try:
        port = ours.recv()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "coleta.toml").write_text(PROJECT.format(port=port, concurrency=concurrency))
            began = time.monotonic()
            command = [sys.executable, "-m", "coleta", "-C", folder, "run", "pages", "--json"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            whole_s = time.monotonic() - began
        if f'"landed": {pages * RECORDS}' not in done.stdout and f'"landed":{pages * RECORDS}' not in done.stdout:
            raise SystemExit(f"not all of it landed: {done.stdout}")
        ours.send(None)
        asking_s, requests = ours.recv()
    finally:
        server.join(5)
        server.terminate()
    return asking_s, whole_s, requests


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds for each request")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    bound_s = args.pages / args.concurrency * args.latency
    alone = f"the latency alone takes {bound_s:.2f} s"
    sys.stdout.write(f"{args.pages} pages of {RECORDS} records, {args.concurrency} at once: {alone}\n")
    for _ in range(args.rounds):
        asking_s, whole_s, requests = measure(args.pages, args.concurrency, args.latency)
        times = f"{asking_s:.2f} s of asking ({asking_s / bound_s:.2f} x the bound)"
        sys.stdout.write(f"{times}, {whole_s:.2f} s for the whole command, {requests} requests\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
