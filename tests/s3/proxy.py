"""A faulty network and a faulty front before a real S3: one plan says what happens to which request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to a request."""

    NONE = auto()
    DROP_BEFORE = auto()
    """The connection is cut, and the store never hears of it."""
    DROP_AFTER = auto()
    """The store does it, and the connection is cut instead of an answer."""
    CUT_IN_ANSWER = auto()
    """The store does it, and half of the answer arrives."""
    ERROR_AFTER = auto()
    """The store does it, and the answer is a 500."""
    SLOW_DOWN = auto()
    """A 503 from a busy store, which has not done it."""
    HANG = auto()
    """No answer, ever; the store never hears of it."""
    HANG_AFTER = auto()
    """No answer, ever, though the store has done it."""
    LATE = auto()
    """The connection is cut, and the store does it when ``release`` is called."""
    STALL = auto()
    """It is on its way until ``release`` is called; then the store does it, and answers whoever still listens."""
    SLOW = auto()
    """It passes a few bytes at a time."""
    CORRUPT = auto()
    """One bit of the body is turned on the way."""
    CONFLICT = auto()
    """A 409, as from a store where several create one name; it has not done it."""
    CONFLICT_AFTER = auto()
    """A 409, though the store has done it."""
    TAKEN_AFTER = auto()
    """A 412, though it was this very request that stored the object: somebody sent it twice."""
    DENIED = auto()
    """A 403: the credentials have expired."""
    SCRIPTED = auto()
    """The proxy's ``script`` is the answer, and nothing reaches the store."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came, and what it met."""

    method: str
    path: str
    headers: dict[str, str]
    fault: Fault

    @property
    def key(self) -> str:
        """The path below the bucket."""
        return self.path.partition("?")[0].removeprefix("/lake/")


Plan = Callable[[Seen], Fault]


def once(fault: Fault, *, method: str = "PUT", part: str = "/data/", times: int = 1) -> Plan:
    """`fault` for the first so many requests of that kind; the others pass."""
    left = [times]

    def plan(seen: Seen) -> Fault:
        if seen.method == method and part in seen.path and left[0] > 0:
            left[0] -= 1
            return fault
        return Fault.NONE

    return plan


WORST = (
    Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.CUT_IN_ANSWER, Fault.ERROR_AFTER, Fault.SLOW_DOWN, Fault.LATE,
    Fault.CORRUPT, Fault.CONFLICT, Fault.CONFLICT_AFTER, Fault.TAKEN_AFTER, Fault.SLOW, Fault.HANG, Fault.HANG_AFTER,
)  # fmt: skip
"""All that a network and a busy store do by themselves."""


def often(share: float, *, seed: int, faults: Sequence[Fault] = WORST) -> Plan:
    """One of `faults` for that `share` of all requests, as `seed` draws them."""
    random, lock = Random(seed), threading.Lock()

    def plan(seen: Seen) -> Fault:
        with lock:
            fault = random.choice(faults) if random.random() < share else Fault.NONE
        # What has no body cannot be corrupted in it.
        return Fault.DROP_BEFORE if fault is Fault.CORRUPT and seen.method != "PUT" else fault

    return plan


@dataclass(eq=False, slots=True)
class FaultyProxy:
    """Stands before the S3 at ``upstream`` until the ``with`` block ends."""

    upstream: str
    plan: Plan = lambda seen: Fault.NONE
    seen: list[Seen] = field(default_factory=list)
    token: str = "the-token-of-this-session"
    script: bytes = b""
    _late: list[bytes] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _lines: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _closed: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def __enter__(self) -> FaultyProxy:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._released.set()
        for line in (self._listener, *self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        for thread in self._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """The endpoint to give to clients."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def requests(self, method: str, part: str = "") -> list[Seen]:
        """The requests of `method` whose path has `part` in it."""
        return [one for one in list(self.seen) if one.method == method and part in one.path]

    def release(self) -> None:
        """Let the store have what was kept back, as if it had been on its way for long."""
        released, self._released = self._released, threading.Event()
        released.set()
        while self._late:
            self._forward(self._late.pop(0))

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            self._start(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError), line:
            while (request := _read_message(line)) is not None:
                if not self._answer(line, request):
                    return

    def _answer(self, line: socket.socket, request: bytes) -> bool:
        head, headers = _head(request)
        method, path, _ = head.split(" ", 2)
        fault = self.plan(Seen(method, path, headers, Fault.NONE))
        self.seen.append(Seen(method, path, headers, fault))
        match fault:
            case Fault.DROP_BEFORE:
                return False
            case Fault.LATE:
                self._late.append(request)
                return False
            case Fault.HANG:
                self._closed.wait()
                return False
            case Fault.STALL:
                self._released.wait()
            case Fault.SLOW_DOWN:
                line.sendall(error(503, "SlowDown"))
                return True
            case Fault.CONFLICT:
                line.sendall(error(409, "ConditionalRequestConflict"))
                return True
            case Fault.DENIED:
                line.sendall(error(403, "ExpiredToken", f"<Token-0>{self.token}</Token-0>"))
                return True
            case Fault.SCRIPTED:
                line.sendall(self.script)
                return False
            case Fault.CORRUPT:
                request = request[:-1] + bytes([request[-1] ^ 1])
        answer = self._forward(request)
        match fault:
            case Fault.DROP_AFTER:
                return False
            case Fault.HANG_AFTER:
                self._closed.wait()
                return False
            case Fault.CUT_IN_ANSWER:
                line.sendall(answer[: len(answer) // 2])
                return False
            case Fault.ERROR_AFTER:
                answer = error(500, "InternalError")
            case Fault.CONFLICT_AFTER:
                answer = error(409, "ConditionalRequestConflict")
            case Fault.TAKEN_AFTER:
                answer = error(412, "PreconditionFailed")
            case Fault.SLOW:
                for byte in range(0, len(answer), 16):
                    self._closed.wait(0.002)
                    line.sendall(answer[byte : byte + 16])
                return True
        line.sendall(answer)
        return True

    def _forward(self, request: bytes) -> bytes:
        parts = urlsplit(self.upstream)
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60) as store:
            store.sendall(request)
            return _read_message(store, to_head=request.startswith(b"HEAD ")) or b""


def _read_message(line: socket.socket, *, to_head: bool = False) -> bytes | None:
    """One request or answer, whole; None where the line ends before it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        if not piece:
            return None
        data += piece
    _, headers = _head(data)
    begin = data.index(b"\r\n\r\n") + 4
    if "chunked" in headers.get("transfer-encoding", ""):
        while not data.endswith(b"0\r\n\r\n"):
            data += line.recv(65536)
        return data
    length = 0 if to_head else int(headers.get("content-length", "0"))
    if headers.get("expect", "").lower() == "100-continue":
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray(data)
    while len(body) < begin + length:
        piece = line.recv(1 << 20)
        if not piece:
            return None
        body += piece
    return bytes(body)


def _head(data: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    return first, {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}


def error(status: int, code: str, more: str = "") -> bytes:
    """An answer as S3 gives it; `more` are further elements."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message>{more}</Error>'.encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
