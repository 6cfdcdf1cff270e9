"""What goes wrong with an answer or with a record: drawn, or asked for by the client.

Decides only; ``api`` carries it out. The draws come from a generator of their own, so turning a switch on
changes no purchase that it doesn't befall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from coleta.demo_api.purchases import Purchase
from coleta.demo_api.settings import Fault, Settings


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one answer: how long it waits, and what befalls it then, if anything."""

    delay_s: float
    fault: Fault | None


def fate(settings: Settings, random: Random) -> Fate:
    """Draw what becomes of one answer. Always takes two numbers from ``random``."""
    delay_s = settings.delay_s if random.random() < settings.rate_slow else 0.0
    # One draw against the running sum: each fault then comes exactly as often as its rate says.
    drawn = random.random()
    for fault, rate in (
        (Fault.TOO_MANY_REQUESTS, settings.rate_429),
        (Fault.SERVER_ERROR, settings.rate_500),
        (Fault.TRUNCATED, settings.rate_truncated),
        (Fault.ERROR_ANSWER, settings.rate_error_answer),
    ):
        if drawn < rate:
            return Fate(delay_s, fault)
        drawn -= rate
    return Fate(delay_s, None)


def spoil(records: Iterable[Purchase], settings: Settings, random: Random) -> Iterator[object]:
    """The same records, some of them spoilt at the rates of ``settings``.

    Broken ones take the kinds in turn, from one that is drawn, so all occur even where an answer breaks one.
    """
    breaks = list(BREAKS.values())
    turn = random.randrange(len(breaks))
    for record in records:
        drawn = random.random()
        if drawn < settings.rate_error_purchase:
            yield record | {"product": "error", "ean": 0, "price": 0.0}
        elif drawn < settings.rate_error_purchase + settings.rate_broken:
            yield breaks[turn % len(breaks)](record)
            turn += 1
        else:
            yield record


# Each breaks the contract { ean = "int", price = "float", store = "int", dateTime = "str" } in its own way.
BREAKS: dict[str, Callable[[Purchase], object]] = {
    "ean is a text": lambda record: record | {"ean": str(record["ean"])},
    "price is null": lambda record: record | {"price": None},
    "dateTime is missing": lambda record: {name: value for name, value in record.items() if name != "dateTime"},
    "store is a text": lambda record: record | {"store": "onze"},
    "price is a text, with a comma": lambda record: record | {"price": str(record["price"]).replace(".", ",")},
    "dateTime is a number": lambda record: record | {"dateTime": 1735689600},
    "ean has a fraction": lambda record: record | {"ean": 7.5},
    "the record is a text": lambda _record: "sem sinal",
}
