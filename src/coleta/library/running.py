"""A service that runs until somebody else's event is set, or until Ctrl-C. Installs no signal handler."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coleta.runtime.service import Service

LOOK_S = 0.2
"""How soon it is noticed that the event is set."""


def run_until(service: Service, stop: threading.Event | None) -> bool:
    """Run `service` until `stop` is set or it ends by itself; whether nothing was left waiting.

    Raises:
        ColetaError: what stopped a stream for good.
        KeyboardInterrupt: Ctrl-C, once what waited is landed.

    """
    # In a thread of its own, so that Ctrl-C, which reaches the main thread only, never cuts it in the middle.
    with ThreadPoolExecutor(1, thread_name_prefix="coleta-up") as pool:
        running = pool.submit(service.run)
        try:
            while not running.done():
                try:
                    return running.result(timeout=LOOK_S)
                except TimeoutError:
                    if stop is not None and stop.is_set():
                        service.stop()
            return running.result()
        finally:
            service.stop()
