"""The API that every contender asks: purchases in pages of 10,000, made before the first request.

    GET /RECORDS?page=N    page N of RECORDS purchases; after the last page, an empty array

Values are drawn from a fixed seed, so what each contender landed can be compared value by value.
"""

from __future__ import annotations

import json
import random
import sys
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE_RECORDS = 10_000


def purchase(number: int) -> dict[str, object]:
    """Purchase `number`, always the same: the fields and sizes of the tutorial's API."""
    chance = random.Random(number)
    return {
        "client": f"Cliente da Silva {chance.randrange(10**6)}",
        "creditcard": "VISA 16 digit",
        "product": chance.choice(("smartphone", "notebook", "smartwatch", "fones de ouvido")) + " Souza Ltda.",
        "ean": 7_890_000_000_000 + number,
        "price": round(chance.uniform(1, 120), 2),
        "clientPosition": ["-23.54750", "-46.63611", "São Paulo", "BR", "America/Sao_Paulo"],
        "store": 11,
        "dateTime": f"2026-11-24T12:{number // 60 % 60:02d}:{number % 60:02d}.{number % 10**6:06d}",
    }


@cache
def page(records: int, number: int) -> bytes:
    """The body of page `number` (from 1) of `records` purchases."""
    first = (number - 1) * PAGE_RECORDS
    return json.dumps([purchase(n) for n in range(first, min(records, first + PAGE_RECORDS))]).encode()


class Api(BaseHTTPRequestHandler):
    """Answers with what was made before."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """One page."""
        url = urlsplit(self.path)
        body = page(int(url.path.strip("/")), int(parse_qs(url.query).get("page", ["1"])[0]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is inherited
        """Say nothing: a log would cost every contender time."""


def _listening() -> ThreadingHTTPServer:
    # Below 32,768, where the kernel takes the ports of outgoing connections from.
    for port in random.Random().sample(range(20_000, 32_000), 200):
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), Api)
        except OSError:
            continue
    raise SystemExit("no free port")


def main() -> None:
    """Serve on a free port, and print it once all pages of the sizes given are made."""
    for records in map(int, sys.argv[1:]):
        for number in range(1, records // PAGE_RECORDS + 2):
            page(records, number)
    server = _listening()
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
