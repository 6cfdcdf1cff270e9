"""A server that misbehaves on purpose: raw sockets, one script for each connection, nothing polite in between."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.wire.collecting import Desk

from coleta.adapters.http import HttpTransport
from coleta.collect.request import Request
from coleta.collect.response import Failed, Response
from coleta.stream import SecretRef

PATIENCE_S = 10.0
"""No thread of a test server lives longer than this, whatever the test does."""


class Peer:
    """The server's end of one connection, in a script's hands."""

    def __init__(self, sock: socket.socket, number: int, stop: Event, heard: list[bytes]) -> None:
        self._sock, self._stop, self._heard = sock, stop, heard
        self.number = number
        """Which connection to this server it is, from 0."""

    def hear(self) -> bytes:
        """One request's head; empty where the client has closed."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self._sock.recv(1)
            if not piece:
                return b""
            head += piece
        self._heard.append(head)
        return head

    def take(self) -> bytes:
        """One byte of a request's body."""
        return self._sock.recv(1)

    def say(self, *parts: bytes) -> None:
        self._sock.sendall(b"".join(parts))

    def drip(self, text: bytes, *, every_s: float) -> None:
        """One byte at a time, until told to stop or cut off."""
        for byte in text:
            self.say(bytes([byte]))
            if self._stop.wait(every_s):
                return

    def wait(self) -> None:
        """Say nothing, until the test is over."""
        self._stop.wait(PATIENCE_S)

    def reset(self) -> None:
        """Close without farewell: the client sees a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self._sock.close()


Script = Callable[[Peer], None]


class Server:
    """Listens on a loopback port; connection n runs script n, or the last one."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._scripts, self._tls = scripts, tls
        self._stop = Event()
        self._open: list[socket.socket] = []
        self._threads: list[Thread] = []
        self.heard: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def url(self, path: str = "/records") -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._stop.set()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for sock in (self._listener, *self._open):
            sock.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = Thread(target=run, name="test server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            number = self.connections
            self.connections += 1
            self._open.append(sock)
            self._start(lambda sock=sock, number=number: self._serve(sock, number))  # type: ignore[misc]

    def _serve(self, sock: socket.socket, number: int) -> None:
        script = self._scripts[min(number, len(self._scripts) - 1)]
        # A client that cuts the connection is what many of these tests are about.
        with suppress(OSError):
            sock.settimeout(PATIENCE_S)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            script(Peer(sock, number, self._stop, self.heard))
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server with the scripts given; it ends with the test."""
    servers: list[Server] = []

    def start(*scripts: Script, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(*scripts, tls=tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def collect() -> Iterator[Desk]:
    """Collect from a URL, with the source's other settings as given."""
    desk = Desk()
    yield desk
    desk.close()


SECRETS = {"env:TOKEN": "canary-5f1d", "env:SPLIT": "canary-5f1d\r\nX-Evil: 1", "env:WIDE": "canary-5f1d-\u20ac"}


def reveal(secret: SecretRef) -> str:
    return SECRETS[secret.reference]


class Client:
    """The transport under test, with short limits."""

    def __init__(self, transport: HttpTransport) -> None:
        self.transport = transport

    def ask(self, request: str | Request, *, timeout_s: float = 5.0, max_bytes: int = 50_000_000) -> Response | Failed:
        if isinstance(request, str):
            request = Request(request)
        return self.transport.exchange(request, timeout=timedelta(seconds=timeout_s), max_bytes=max_bytes)

    def get(self, request: str | Request, *, max_bytes: int = 50_000_000) -> Response:
        came = self.ask(request, max_bytes=max_bytes)
        assert isinstance(came, Response), came
        return came

    def fail(self, request: str | Request, *, timeout_s: float = 5.0, max_bytes: int = 50_000_000) -> Failed:
        came = self.ask(request, timeout_s=timeout_s, max_bytes=max_bytes)
        assert isinstance(came, Failed), came
        assert "canary" not in repr(came)
        return came


@pytest.fixture
def client() -> Iterator[Client]:
    transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=reveal)
    yield Client(transport)
    transport.close()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate, its key, and a context to serve with."""

    certificate: Path
    key: Path

    def serving(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@pytest.fixture(scope="session")
def certify(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Certificate]:
    """Make a self-signed certificate for an IP address, valid between two years."""

    def make(*, ip: str = "127.0.0.1", years: tuple[int, int] = (2020, 2049)) -> Certificate:
        folder = tmp_path_factory.mktemp("certificate")
        (folder / "index").touch()
        config = folder / "openssl.cnf"
        config.write_text(
            "[req]\ndistinguished_name = name\n[name]\n"
            "[ca]\ndefault_ca = here\n[here]\n"
            f'database = "{folder}/index"\nnew_certs_dir = "{folder}"\nrand_serial = yes\n'
            "default_md = sha256\npolicy = any\nx509_extensions = leaf\n"
            f"[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = IP:{ip}\nbasicConstraints = CA:TRUE\n"
        )
        key, request, certificate = folder / "key", folder / "request", folder / "certificate"
        dates = ["-startdate", f"{years[0]}0101000000Z", "-enddate", f"{years[1]}0101000000Z"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        commands: list[list[str | Path]] = [
            ["req", "-new", *curve, "-nodes", "-subj", "/CN=test", "-keyout", key, "-out", request],
            ["ca", "-batch", "-selfsign", "-notext", *dates, "-keyfile", key, "-in", request, "-out", certificate],
        ]
        for command in commands:
            whole = ["openssl", command[0], "-config", config, *command[1:]]
            subprocess.run(whole, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
        return Certificate(certificate, key)

    return make
