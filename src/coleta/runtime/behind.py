"""One thing at a time beside its caller: pages are written while the next ones are being fetched.

Writing, checking and digesting let other threads run; so side by side with fetching they cost nearly nothing.
What goes wrong is raised to the caller at its next step, before anything rests on it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress


class Behind:
    """Does what it is given in the order given, one step behind its caller. For one thread."""

    def __init__(self) -> None:
        """Begin with nothing; no thread is started before the first work."""
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Begin `work` once what was given before is done, and do not wait for its end.

        Raises:
            Exception: what was given before raised it; `work` is not begun.

        """
        self.finish()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._under_way = self._pool.submit(work)

    def finish(self) -> None:
        """Wait until all is done; raises what it raised, once."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def end(self) -> None:
        """Wait until all is done, whatever came of it, and let go of the thread."""
        with suppress(Exception):
            self.finish()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None
