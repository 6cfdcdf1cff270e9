"""``retry``: the tutorial's decorator, for code of the user's own, over tenacity.

Coleta itself does not use it: what it asks an API for is asked again by rules that know HTTP
(``collect/response.py``).
"""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_DELAY_S = 60.0
"""The most that is waited between two tries, unless told otherwise: longer waits belong to a schedule."""


def retry(
    exception_to_check: type[BaseException] | tuple[type[BaseException], ...],
    tries: int = 3,
    delay: float = 1,
    backoff: float = 2,
    *,
    jitter: float = 0.5,
    max_delay: float = LONGEST_DELAY_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Call the decorated function again when it raises `exception_to_check`, at most `tries` times in all.

    Before the second try `delay` seconds pass, before each further one `backoff` times as many, plus up to
    `jitter` seconds by chance, so that many callers do not come back at once; never more than `max_delay`.
    `sleep` is what waits: ``stop.wait`` of a ``threading.Event``, say, or a list's ``append`` in a test.

    Raises:
        what the last try raised, itself and not wrapped; another exception at once.
        ValueError: fewer than one try, or a negative wait.
        TypeError: the decorated function is a coroutine function, which cannot wait like this.

    """
    if tries < 1:
        raise ValueError(f"at least one try is needed, not {tries}")
    if min(delay, jitter, max_delay) < 0 or backoff <= 0:
        raise ValueError("waits cannot be negative, and backoff must be more than 0")

    def wait(state: RetryCallState) -> float:
        try:
            longer = delay * float(backoff) ** (state.attempt_number - 1)
        except OverflowError:
            return max_delay
        return min(longer + random.uniform(0, jitter), max_delay)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{function.__name__} is a coroutine function; use tenacity's own decorator there")

        @wraps(function)
        def again(*args: P.args, **kwargs: P.kwargs) -> R:
            # New for each call: tenacity keeps statistics on it, and calls may come from many threads.
            trying = Retrying(
                retry=retry_if_exception_type(exception_to_check),
                stop=stop_after_attempt(tries),
                wait=wait,
                sleep=sleep,
                reraise=True,
            )
            return trying(function, *args, **kwargs)

        return again

    return decorate
