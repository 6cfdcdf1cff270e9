"""The tutorial's ``retry``: the same keywords, a cap and some chance. Nothing here waits: what waits is handed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coleta import retry


class Flaky:
    """Fails so many times, then gives 7."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left = failures
        self.error = error or ConnectionError("gone")
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return 7


def decorated(flaky: Flaky, **keywords: float) -> tuple[Callable[[], int], list[float]]:
    waits: list[float] = []

    @retry(ConnectionError, sleep=waits.append, **keywords)  # type: ignore[arg-type]
    def ask() -> int:
        """Ask."""
        return flaky()

    return ask, waits


def test_what_fails_twice_succeeds_at_the_third_try() -> None:
    flaky = Flaky(2)
    ask, waits = decorated(flaky, jitter=0)

    assert ask() == 7
    assert flaky.calls == 3
    assert waits == [1, 2]


def test_after_the_last_try_the_error_itself_comes_out() -> None:
    flaky = Flaky(9)
    ask, waits = decorated(flaky, tries=4, delay=3, backoff=10, jitter=0, max_delay=40)

    with pytest.raises(ConnectionError) as caught:
        ask()

    assert caught.value is flaky.error
    assert flaky.calls == 4
    assert waits == [3, 30, 40], "no wait is longer than the cap, and none follows the last try"


def test_waits_vary_by_chance_so_that_many_do_not_come_back_at_once() -> None:
    first = []
    for _ in range(20):
        ask, waits = decorated(Flaky(1), jitter=0.5)
        ask()
        first += waits

    assert len(set(first)) > 1
    assert all(1 <= wait <= 1.5 for wait in first)


def test_another_error_is_not_tried_again() -> None:
    flaky = Flaky(1, ValueError("no"))
    ask, waits = decorated(flaky)

    with pytest.raises(ValueError, match="no"):
        ask()

    assert (flaky.calls, waits) == (1, [])


def test_several_errors_may_be_named_by_place_as_in_the_tutorial() -> None:
    flaky = Flaky(1, TimeoutError())

    @retry((ConnectionError, TimeoutError), 2, 0, 1, jitter=0)
    def ask() -> int:
        return flaky()

    assert ask() == 7


def test_the_decorated_function_keeps_its_name_and_its_words() -> None:
    ask, _ = decorated(Flaky(0))

    assert (ask.__name__, ask.__doc__) == ("ask", "Ask.")


@pytest.mark.parametrize("keywords", [{"tries": 0}, {"delay": -1}, {"jitter": -1}, {"max_delay": -1}, {"backoff": 0}])
def test_what_cannot_be_done_is_refused_before_the_first_call(keywords: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decorated(Flaky(0), **keywords)


def test_a_coroutine_function_is_refused() -> None:
    async def ask() -> int:
        return 7

    with pytest.raises(TypeError, match="coroutine"):
        retry(ConnectionError)(ask)
