"""What the purchases API is told at its start: a seed, and how often it goes wrong in which way.

Plain values; imports nothing that the extra ``demo`` brings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coleta.errors import Misconfigured


class Fault(StrEnum):
    """One way to go wrong. The value is what ``?fault=`` takes."""

    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "500"
    SLOW = "slow"
    TRUNCATED = "truncated"
    ERROR_ANSWER = "error-answer"
    ERROR_PURCHASE = "error-purchase"
    BROKEN = "broken"


MAX_DELAY_S = 3600.0  # one hour: beyond every deadline that a collector may have
MAX_RETRY_AFTER_S = 366 * 86400  # a year ahead is a fault that a collector must survive


@dataclass(frozen=True, slots=True)
class Settings:
    """The seed and the fault switches. Rates lie in [0, 1] and are 0 at first: no faults.

    With a ``seed`` the same sequence of requests gives the same answers, faults and ``dateTime`` included.
    Without one the answers differ at each start and ``dateTime`` is the time of day.

    Of ``rate_429``, ``rate_500``, ``rate_truncated`` and ``rate_error_answer`` at most one befalls an answer,
    and each comes exactly as often as its rate says; so they add up to at most 1. ``rate_slow`` is drawn
    apart: a slow answer may be a truncated one too. ``rate_error_purchase`` and ``rate_broken`` are per
    record, at most one befalls a record, and they add up to at most 1 too.

    Raises:
        Misconfigured: a value is out of its range; all mistakes are named at once.

    """

    seed: int | None = None
    rate_429: float = 0.0
    retry_after_s: int = 2
    rate_500: float = 0.0
    rate_slow: float = 0.0
    delay_s: float = 5.0
    rate_truncated: float = 0.0
    rate_error_answer: float = 0.0
    rate_error_purchase: float = 0.0
    rate_broken: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be obeyed."""
        mistakes = [
            f"{name} is {getattr(self, name)}, and must lie between 0 and 1"
            for name in RATES.values()
            if not 0 <= getattr(self, name) <= 1
        ]
        for names in (_PER_ANSWER, _PER_RECORD):
            total = math.fsum(getattr(self, name) for name in names)
            if not mistakes and total > 1:
                mistakes.append(f"{' + '.join(names)} is {total:g}, and must be at most 1")
        if not 0 <= self.delay_s <= MAX_DELAY_S:
            mistakes.append(f"delay_s is {self.delay_s}, and must lie between 0 and {MAX_DELAY_S:g}")
        if not 0 <= self.retry_after_s <= MAX_RETRY_AFTER_S:
            mistakes.append(f"retry_after_s is {self.retry_after_s}, and must lie between 0 and {MAX_RETRY_AFTER_S}")
        if mistakes:
            raise Misconfigured("; ".join(mistakes), where="purchases API", hint="change these options")

    @classmethod
    def of(cls, switches: Mapping[str, float | None]) -> Settings:
        """The settings with these names and values, as a command line gives them; the rest as at first."""
        # Any: names and types meet here for the first time; a name that isn't known is refused by the call.
        values: dict[str, Any] = dict(switches)
        return cls(**values)

    def only(self, fault: Fault) -> Settings:
        """The same, but ``fault`` always happens and no other does."""
        kept = {"seed": self.seed, "retry_after_s": self.retry_after_s, "delay_s": self.delay_s}
        return Settings.of({**kept, RATES[fault]: 1.0})


RATES = {
    Fault.TOO_MANY_REQUESTS: "rate_429",
    Fault.SERVER_ERROR: "rate_500",
    Fault.SLOW: "rate_slow",
    Fault.TRUNCATED: "rate_truncated",
    Fault.ERROR_ANSWER: "rate_error_answer",
    Fault.ERROR_PURCHASE: "rate_error_purchase",
    Fault.BROKEN: "rate_broken",
}
_PER_ANSWER = ("rate_429", "rate_500", "rate_truncated", "rate_error_answer")
_PER_RECORD = ("rate_error_purchase", "rate_broken")
