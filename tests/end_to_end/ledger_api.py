"""A small real HTTP API that invents unique records at each request, and books every answer that it sent whole.

It speaks HTTP over raw sockets, so that it can break off anywhere: 500, 429 with Retry-After, a body cut short,
a slow drip, a connection reset, 200 with an error envelope, HTML. What goes wrong, and when, follows from a seed.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic

HELD_S = 30.0
"""How long a held answer waits at the most: longer than any test looks at it."""

FAULTS = ("status_500", "throttled", "cut", "drip", "reset", "envelope", "html")


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer of which every byte was handed to the network. ``bad`` are those of ``ids`` that break the contract."""

    path: str
    ids: tuple[int, ...]
    bad: frozenset[int]


@dataclass(slots=True)
class _Drawn:
    """What the next request meets."""

    behaviour: str
    sent: Sent
    body: bytes


@dataclass(eq=False, slots=True)
class LedgerApi:
    """The API, on a loopback port that can be closed and opened again.

    ``trouble`` is the share of requests that go wrong, ``padding`` how many bytes each record has on top. With
    ``steady`` every answer has three records, the last of which breaks the contract: then two runs of a program make
    the same calls. ``broken`` is whether every request meets a 500.
    """

    seed: int = 0
    trouble: float = 0.0
    padding: int = 0
    steady: bool = False
    broken: bool = False
    port: int = 0
    requests: int = 0
    held: int = 0
    """How many answers are held back just now."""
    _sent: list[Sent] = field(default_factory=list)
    _issued: int = 0
    _random: Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _go: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket | None = None
    _lines: set[socket.socket] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._go.set()

    def __enter__(self) -> LedgerApi:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._go.set()
        self.close()
        for thread in self._threads:
            thread.join(timeout=10)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> list[Sent]:
        """Every answer that was sent whole, so far."""
        with self._lock:
            return list(self._sent)

    def open(self) -> None:
        """Listen; on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def close(self) -> None:
        """Close the port and every connection: to the other side the network is gone."""
        with self._lock:
            lines, listener = list(self._lines), self._listener
            self._listener = None
        for line in (*lines, *([listener] if listener else ())):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if listener is not None:
            listener.close()

    def hold(self) -> None:
        """Keep every answer back from now on."""
        self._go.clear()

    def let_go(self) -> None:
        """Send what was held back."""
        self._go.set()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._lines.add(line)
            self._start(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        try:
            for path in _requests(line):
                drawn = self._draw(path)
                self._wait()
                if not self._answer(line, drawn):
                    return
        except OSError:
            return
        finally:
            with self._lock:
                self._lines.discard(line)
            line.close()

    def _draw(self, path: str) -> _Drawn:
        with self._lock:
            self.requests += 1
            wrong = self._random.random() < self.trouble
            behaviour = self._random.choice(FAULTS) if wrong else "ok"
            if self.broken:
                behaviour = "status_500"
            count = 3 if self.steady else self._random.choice((0, 1, 2, 3, 3, 3))
            ids = tuple(range(self._issued + 1, self._issued + count + 1))
            self._issued += count
            bad = frozenset(one for one in ids if self._random.random() < 1 / 6)
            if self.steady:
                bad = frozenset(ids[-1:])
        records = [{"id": one, "value": "bad" if one in bad else one, "padding": "x" * self.padding} for one in ids]
        return _Drawn(behaviour, Sent(path, ids, bad), json.dumps(records).encode())

    def _wait(self) -> None:
        with self._lock:
            self.held += 1
        self._go.wait(HELD_S)
        with self._lock:
            self.held -= 1

    def _answer(self, line: socket.socket, drawn: _Drawn) -> bool:
        """Send what `drawn` says; whether the connection goes on."""
        match drawn.behaviour:
            case "status_500":
                line.sendall(_response(b"broken", status="500 Internal Server Error"))
            case "throttled":
                line.sendall(_response(b"slow down", status="429 Too Many Requests", more="Retry-After: 1\r\n"))
            case "envelope":
                line.sendall(_response(b'{"error": "try again"}'))
            case "html":
                line.sendall(_response(b"<html>maintenance</html>", kind="text/html"))
            case "reset":
                line.sendall(_response(drawn.body + b" ")[:-1])
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            case "cut":
                line.sendall(_response(drawn.body)[:-1])
                return False
            case "drip":
                for byte in _response(drawn.body):
                    line.sendall(bytes([byte]))
                    self._stop.wait(0.002)
                self._book(drawn.sent)
            case _:
                line.sendall(_response(drawn.body))
                self._book(drawn.sent)
        return True

    def _book(self, sent: Sent) -> None:
        with self._lock:
            self._sent.append(sent)


def _requests(line: socket.socket) -> Iterator[str]:
    """The paths of the requests that come over `line`, none of which has a body."""
    come = b""
    while True:
        while b"\r\n\r\n" not in come:
            piece = line.recv(65536)
            if not piece:
                return
            come += piece
        head, come = come.split(b"\r\n\r\n", 1)
        yield head.split(b" ", 2)[1].decode()


def _response(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def wait_until(condition: object, what: str, *, within_s: float = 30.0, step_s: float = 0.01) -> None:
    """Look at `condition` again and again until it holds; fail after `within_s` seconds, saying `what` never came."""
    assert callable(condition)
    until = monotonic() + within_s
    pause = threading.Event()
    while not condition():
        if monotonic() > until:
            raise AssertionError(f"in {within_s} s it never came that {what}")
        pause.wait(step_s)
