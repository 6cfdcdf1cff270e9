"""The outside thing, one connection: a socket that keeps to a deadline and that another thread can cut.

Every wait on it is given only the time that is left of the whole exchange, so a peer that sends a
byte now and then gains nothing by it, and no timer thread is needed. It never asks again, never
follows anything, and never reports an end of stream as anything else.
"""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import suppress
from threading import Lock
from time import monotonic

from coleta.adapters.http_address import Names, permitted
from coleta.adapters.http_broken import Broken
from coleta.collect.response import Fault

CONNECT_S = 5.0
"""The most that reaching an address may take, TLS included: two lost SYNs are sent again within 3 s."""

LONGEST_WAIT_S = 3600.0
"""A peer that is silent for longer than this has gone, whatever the deadline says."""

_BUFFER_BYTES = 64 * 1024


class Line:
    """One TCP or TLS connection to `host`:`port`, in the place where urllib3 expects a socket.

    Used by one thread at a time; only ``cut`` may be called by others.
    """

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None, names: Names, allowed: tuple[str, ...] = ()
    ) -> None:
        """Nothing is connected before ``connect``; `allowed` are networks that a name may lead to in any case."""
        self._host, self._port, self._tls = host, port, tls
        self._names, self._allowed = names, allowed
        self._socket: socket.socket | None = None
        self._knife: socket.socket | None = None
        self._lock = Lock()
        self._was_cut = False
        self._until = 0.0
        self._patient = True
        self.received_bytes = 0
        """How much came since ``begin``."""
        self.ended = False
        """Whether the other side has ended its stream."""
        self.reader = io.BufferedReader(_Inbox(self))

    def begin(self, until: float) -> None:
        """From here on one exchange, which must end by the monotonic instant `until`."""
        self._until = until
        self._patient = True
        self.received_bytes = 0

    # Connecting ---------------------------------------------------------------------------------

    def connect(self) -> None:
        """Find the host's addresses and reach one that may be asked, within 5 s and the deadline.

        Raises:
            Broken: none could be reached, or may be asked, or TLS could not be had.

        """
        names = self._names.find(self._host, self._port, until=self._until, is_cut=lambda: self._was_cut)
        # These very addresses are connected to: the name is not asked again in between.
        found = permitted(self._host, names, self._allowed)
        until = min(self._until, monotonic() + CONNECT_S)
        last: OSError = TimeoutError()
        for tried, (family, kind, protocol, _, address) in enumerate(found):
            # Each address gets a share of the time, so that a dead one leaves some to the others.
            share = (until - monotonic()) / (len(found) - tried)
            try:
                self._hold(socket.socket(family, kind, protocol))
                self._dial(address, share)
            except OSError as error:
                last = error
                self.hang_up()
            else:
                self._secure(until)
                return
        raise self._unreachable(last)

    def _hold(self, fresh: socket.socket) -> None:
        with self._lock:
            self._socket = fresh
            if self._was_cut:
                raise Broken(Fault.RESET, "the connection was cut from this side")
            # A second descriptor of the same connection: shutting it down from another thread is safe at
            # any moment, even while TLS takes the first one over, and can never hit a reused number.
            self._knife = fresh.dup()

    def _dial(self, address: tuple[object, ...], share_s: float) -> None:
        if self._socket is None or share_s <= 0:
            raise TimeoutError
        self._socket.settimeout(share_s)
        self._socket.connect(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _secure(self, until: float) -> None:
        if self._tls is None or self._socket is None:
            return
        where = f"{self._host}:{self._port}"
        try:
            self._socket.settimeout(max(until - monotonic(), 0.001))
            self._socket = self._tls.wrap_socket(self._socket, server_hostname=self._host.rstrip("."))
        except TimeoutError:
            raise Broken(Fault.CONNECT_TIMEOUT, f"{where}: no TLS handshake in time") from None
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            # It says nothing about trust: a restarting server does the same, so asking again may help.
            raise Broken(Fault.RESET, f"{where}: closed during the TLS handshake") from None
        except ssl.SSLCertVerificationError as error:
            raise Broken(Fault.TLS, f"{where}: the certificate is not accepted: {error.verify_message}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise Broken(Fault.TLS, f"{where}: TLS failed: {reason}") from None

    def _unreachable(self, error: OSError) -> Broken:
        where = f"{self._host}:{self._port}"
        if isinstance(error, TimeoutError):
            return Broken(Fault.CONNECT_TIMEOUT, f"{where}: no connection in time")
        if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
            return Broken(Fault.RESET, f"{where}: {error.strerror or type(error).__name__}")
        return Broken(Fault.REFUSED, f"{where}: {error.strerror or type(error).__name__}")

    # What urllib3 calls -------------------------------------------------------------------------

    def sendall(self, data: bytes) -> None:
        """Send all of `data` by the deadline."""
        live = self._live()
        live.settimeout(self._left_s())
        live.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader[_Inbox]:
        """What the next response is read from; kept as ``reader``."""
        if mode != "rb":
            raise ValueError(f"a line is read in bytes only, not {mode!r}")
        self.reader = io.BufferedReader(_Inbox(self), _BUFFER_BYTES)
        return self.reader

    def settimeout(self, timeout_s: float | None) -> None:
        """Ignored: the deadline decides."""

    def close(self) -> None:
        """Ignored: urllib3 closes before the body is read; ``hang_up`` is what closes."""

    # Being read, being cut ----------------------------------------------------------------------

    def receive(self, buffer: memoryview | bytearray) -> int | None:
        """What comes next, into `buffer`; 0 at the end, None where nothing is there and waiting is off.

        Raises:
            TimeoutError: the deadline has passed.

        """
        live = self._live()
        try:
            live.settimeout(self._left_s() if self._patient else 0)
            size = live.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        self.received_bytes += size
        self.ended = self.ended or size == 0
        return size

    def reusable(self) -> bool:
        """Whether nothing of this exchange is left over, and the other side has not hung up."""
        self._patient = False
        try:
            return not self.reader.peek(1) and not self.ended
        except OSError:
            return False

    def still_good(self) -> bool:
        """Whether this connection, idle until now, is open and silent."""
        self.makefile("rb")
        return self.reusable()

    def cut(self) -> None:
        """End whatever waits on it, now; from any thread."""
        with self._lock:
            self._was_cut = True
            if self._knife is not None:
                with suppress(OSError):
                    self._knife.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Close it; may be called twice."""
        with self._lock:
            for end in (self._socket, self._knife):
                if end is not None:
                    with suppress(OSError):
                        end.close()
            self._socket = self._knife = None

    def _live(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the connection is closed")
        return self._socket

    def _left_s(self) -> float:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        # The system takes no time-out of any length.
        return min(left, LONGEST_WAIT_S)


class _Inbox(io.RawIOBase):
    """A line as a raw stream, for Python's own buffered reader."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int | None:  # type: ignore[override]
        return self._line.receive(buffer)
