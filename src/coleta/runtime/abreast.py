"""Stage 1 at work, for one answer: pages that surely follow are asked for before their turn, several at once.

Each is asked once, and what came is judged when its turn comes, as if it had been asked for then. Nothing rests on it:
what is not here is asked for in its turn. Memory is bounded by how many are asked for at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from coleta.collect.paging import Next
from coleta.collect.request import Request
from coleta.collect.response import Failed, Fault, Response
from coleta.ports import Transport
from coleta.runtime.hosts import Hosts


class Abreast:
    """The pages of one answer that are asked for ahead. For one thread, beside those that it starts."""

    def __init__(self, transport: Transport, hosts: Hosts, host: str, *, most: int) -> None:
        """Ask for none yet, and for `most` at once later on."""
        self._transport, self._hosts, self._host, self._most = transport, hosts, host, most
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[Next, Future[Response | Failed]] = {}

    def wanted(self, foreseen: Sequence[Next]) -> Sequence[Next]:
        """Which of the pages `foreseen` may be asked for now: as many as are not, and find a place."""
        return [page for page in foreseen if page not in self._coming][: self._most - len(self._coming)]

    def ask(self, page: Next, request: Request, *, timeout: timedelta, max_bytes: int) -> bool:
        """Begin to ask for `page`; False where its host is asked ahead often enough, by all streams together."""
        if not self._hosts.take_place(self._host):
            return False
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="page")
        room = max(max_bytes // self._most, 1)
        try:
            coming = self._pool.submit(self._exchange, request, timeout, room)
        except RuntimeError:  # the process ends
            self._hosts.give_place(self._host)
            return False
        self._coming[page] = coming
        return True

    def has(self, page: Next) -> bool:
        """Whether `page` was asked for."""
        return page in self._coming

    def take(self, page: Next) -> Response | Failed | None:
        """What came for `page`, once it is there; None where it was not asked for, or did not fit into its share."""
        coming = self._coming.pop(page, None)
        came = None if coming is None else coming.result()
        return None if isinstance(came, Failed) and came.fault is Fault.TOO_LARGE else came

    def forget(self) -> None:
        """Ask for none of them any more, and let go of what came."""
        for coming in self._coming.values():
            if coming.cancel():
                self._hosts.give_place(self._host)
        self._coming.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None

    def _exchange(self, request: Request, timeout: timedelta, max_bytes: int) -> Response | Failed:
        try:
            return self._transport.exchange(request, timeout=timeout, max_bytes=max_bytes)
        finally:
            self._hosts.give_place(self._host)
