"""The outside thing, kept connections: per origin a few that wait, and all that are in use.

A connection is handed out only while it is open and silent, so that bytes left over from one
exchange never become part of the next. All of them can be cut at once, from any thread.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from urllib3.connection import HTTPConnection

from coleta.adapters.http_address import Names
from coleta.adapters.http_broken import Broken
from coleta.adapters.http_line import Line
from coleta.collect.response import Fault

IDLE_S = 30.0
"""How long a connection is kept unused: half of what common load balancers grant, so they rarely close first."""

MOST_IDLE = 8
"""Connections kept per origin; more threads than this to one host gain nothing."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a connection can be shared for. The host is without brackets.

    ``allowed`` are networks that its name may lead to in any case: who may not ask an address must not be handed a
    connection to it either.
    """

    scheme: str
    host: str
    port: int
    verify_tls: bool
    allowed: tuple[str, ...] = ()


class Connection(HTTPConnection):
    """urllib3's connection: it writes the request's head and reads the response's, over a line of ours.

    It has no place for a proxy, so none that the environment names is ever used.
    """

    def __init__(self, origin: Origin, line: Line) -> None:
        """Nothing is connected before the first request."""
        super().__init__(origin.host, origin.port)
        # Which port the Host header leaves out.
        self.default_port = 443 if origin.scheme == "https" else 80  # type: ignore[misc]
        self.origin = origin
        self.line = line
        self.used = False
        """Whether an exchange has gone over it before."""
        self.idle_since_s = 0.0

    def connect(self) -> None:
        """Reach the origin, by the line's deadline."""
        self.line.connect()
        self.sock = self.line


class Pool:
    """The connections of one transport."""

    def __init__(self, *, ca_file: str | None, names: Names) -> None:
        """Trust the system's certificate authorities, or those in `ca_file`; `names` tells where hosts are."""
        self._ca_file, self._names = ca_file, names
        self._lock = Lock()
        self._tls: dict[bool, ssl.SSLContext] = {}
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self.closed = False

    def take(self, origin: Origin) -> Connection:
        """A connection that waits for work and is still good, else a fresh one; give it back.

        Raises:
            Broken: the pool is closed, or TLS cannot be set up.

        """
        while True:
            with self._lock:
                waiting = self._idle.get(origin)
                if not waiting:
                    break
                connection = waiting.pop()
                self._busy.add(connection)
            if monotonic() - connection.idle_since_s < IDLE_S and connection.line.still_good():
                return connection
            self.give_back(connection, reusable=False)
        return self.fresh(origin)

    def fresh(self, origin: Origin) -> Connection:
        """A connection that nobody has used; give it back.

        Raises:
            Broken: the pool is closed, or TLS cannot be set up.

        """
        tls = self._context(verify=origin.verify_tls) if origin.scheme == "https" else None
        line = Line(origin.host, origin.port, tls=tls, names=self._names, allowed=origin.allowed)
        connection = Connection(origin, line)
        with self._lock:
            if self.closed:
                raise Broken(Fault.RESET, "cut from this side: stopping")
            self._busy.add(connection)
        return connection

    def give_back(self, connection: Connection, *, reusable: bool) -> None:
        """End its use; it waits for the next where it is `reusable` and there is room."""
        with self._lock:
            self._busy.discard(connection)
            idle = self._idle.setdefault(connection.origin, [])
            if reusable and not self.closed and len(idle) < MOST_IDLE:
                connection.used, connection.idle_since_s = True, monotonic()
                idle.append(connection)
                return
        with suppress(OSError):
            connection.close()
        connection.line.hang_up()

    def close(self) -> None:
        """Cut what is in use, close what waits, hand out no more; may be called twice."""
        with self._lock:
            self.closed = True
            for connection in self._busy:
                connection.line.cut()
            for connection in (kept for idle in self._idle.values() for kept in idle):
                connection.line.hang_up()
            self._idle.clear()

    def _context(self, *, verify: bool) -> ssl.SSLContext:
        with self._lock:
            if verify not in self._tls:
                self._tls[verify] = _context(self._ca_file, verify=verify)
            return self._tls[verify]


def _context(ca_file: str | None, *, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError:
        raise Broken(Fault.TLS, "the file of certificate authorities cannot be read") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
