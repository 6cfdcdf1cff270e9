"""The outside thing, names: where a host's name leads, within a time limit, and which of it may be asked.

The system's resolver cannot be interrupted, so it runs in a thread of its own; one for each name, which all who
want that name wait for. It ends by the system's own limits (resolv.conf), whoever has stopped waiting.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic

from coleta.adapters.http_broken import Broken
from coleta.collect.reach import is_address, refusal
from coleta.collect.response import Fault

LOOKUP_S = 10.0
"""The most that a name may take: the first question and one more, each of 5 s, as resolv.conf has it by default."""

_SLICE_S = 0.05
"""How soon a waiting thread notices that it is cut off."""

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]
"""An address as ``socket.getaddrinfo`` gives it: family, kind, protocol, a name, and what to connect to."""

Resolve = Callable[[str, int], Sequence[AddressInfo]]


def system_resolve(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system: files, DNS, whatever it is set up for.

    Raises:
        OSError: the name leads nowhere, or nobody answers.
        UnicodeError: it is no name.

    """
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Names:
    """The resolver of one transport. For any number of threads."""

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        """Ask `resolve`."""
        self._resolve = resolve
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[Sequence[AddressInfo]]] = {}

    def find(self, host: str, port: int, *, until: float, is_cut: Callable[[], bool]) -> Sequence[AddressInfo]:
        """The addresses of `host`, by the monotonic instant `until`, unless `is_cut` says true meanwhile.

        Raises:
            Broken: DNS, none is found in time; RESET, it was cut.

        """
        if is_address(host):
            return self._of_address(host, port)
        future, until = self._begun(host, port), min(until, monotonic() + LOOKUP_S)
        while (left := until - monotonic()) > 0:
            if is_cut():
                raise Broken(Fault.RESET, "the connection was cut from this side")
            # What the resolver raised is the future's; a time-out of its own is caught by ``done``.
            with suppress(TimeoutError):
                future.exception(timeout=min(left, _SLICE_S))
            if future.done():
                return self._outcome(host, future)
        raise Broken(Fault.DNS, f"{host}: the name was not resolved in time")

    def _of_address(self, host: str, port: int) -> Sequence[AddressInfo]:
        """What to connect to for `host`, which is an address: nobody needs to be asked, so this does not wait."""
        try:
            return self._resolve(host, port)
        except OSError as error:
            raise Broken(Fault.DNS, f"{host}: {error.strerror or type(error).__name__}") from None

    def _begun(self, host: str, port: int) -> Future[Sequence[AddressInfo]]:
        with self._lock:
            future = self._under_way.get((host, port))
            if future is None:
                future = self._under_way[host, port] = Future()
                work = threading.Thread(target=self._work, args=(host, port, future), name=f"lookup {host}")
                # The interpreter must not wait for a resolver that hangs.
                work.daemon = True
                work.start()
            return future

    def _work(self, host: str, port: int, future: Future[Sequence[AddressInfo]]) -> None:
        try:
            found = self._resolve(host, port)
        except Exception as error:  # noqa: BLE001 -- it is given to whoever waits
            outcome: Sequence[AddressInfo] | Exception = error
        else:
            outcome = found
        with self._lock:
            del self._under_way[host, port]
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _outcome(self, host: str, future: Future[Sequence[AddressInfo]]) -> Sequence[AddressInfo]:
        match future.exception():
            case None:
                return future.result()
            case OSError() as error:
                raise Broken(Fault.DNS, f"{host}: {error.strerror or type(error).__name__}")
            case UnicodeError():
                raise Broken(Fault.DNS, f"{host}: not a host name")
            case error:
                raise error


def permitted(host: str, found: Sequence[AddressInfo], allowed: Sequence[str]) -> list[AddressInfo]:
    """Of the addresses `found` for `host` those that may be asked, in their order.

    Raises:
        Broken: ADDRESS, there are some, and none of them may.

    """
    why: dict[str, str] = {}
    good = []
    for one in found:
        address = str(one[4][0])
        no = refusal(host, address, allowed)
        if no is None:
            good.append(one)
        else:
            why[address] = no
    if not good and why:
        address, no = next(iter(why.items()))
        size = 128 if ":" in address else 32
        hint = f'if that is meant, write allow_addresses = ["{address.partition("%")[0]}/{size}"] for the stream'
        raise Broken(Fault.ADDRESS, f"{host} leads to {address}, {no}; {hint}")
    return good
