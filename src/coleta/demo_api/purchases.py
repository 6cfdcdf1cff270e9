"""Purchases, drawn from values that Faker made beforehand.

Faker costs up to 50 µs a value and keeps one generator for everybody, so its values are drawn into pools
once, at the start: 5,000 clients, 1,000 places on land, every card provider. Each request then draws from the
pools with a random generator of its own, named after the seed and the request's number. So answers vary, cost
a few µs a purchase, and don't depend on what other requests do at the same time. Every product can be drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from coleta.demo_api.products import Product, load

STORE = 11
CLIENTS = 5_000
PLACES = 1_000
CARDS = 500  # Faker knows about 10 providers and gives some more often; 500 draws keep that

FIRST_INSTANT = datetime(2025, 1, 1, tzinfo=UTC)

Purchase = dict[str, object]
# The instant of a request, told its number: 0, 1, 2, …
Clock = Callable[[int], datetime]


def time_of_day(_number: int) -> datetime:
    """The clock without a seed: now."""
    return datetime.now(UTC)


def fixed_steps(number: int) -> datetime:
    """The clock with a seed: a second a request, from 2025-01-01T00:00:00Z, so that answers repeat."""
    return FIRST_INSTANT + timedelta(seconds=number)


@dataclass(frozen=True, slots=True)
class Pools:
    """What purchases are drawn from. A place is latitude, longitude, name, country, time zone."""

    products: tuple[Product, ...]
    clients: tuple[str, ...]
    cards: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]


def draw_pools(seed: int) -> Pools:
    """The pools for ``seed``, always the same with one version of Faker. Takes about 0.2 s."""
    from faker import Faker

    fake = Faker("pt_BR")
    fake.seed_instance(seed)
    return Pools(
        products=load(),
        clients=tuple(fake.name() for _ in range(CLIENTS)),
        cards=tuple(fake.credit_card_provider() for _ in range(CARDS)),
        places=tuple(fake.location_on_land() for _ in range(PLACES)),
    )


def purchases(pools: Pools, random: Random, *, count: int, at: datetime) -> Iterator[Purchase]:
    """``count`` purchases, their fields in the tutorial's order.

    ``dateTime`` is ``at`` plus a microsecond for each purchase before: they differ, and come in order.
    """
    for place_in_answer in range(count):
        product = random.choice(pools.products)
        yield {
            "client": random.choice(pools.clients),
            "creditcard": random.choice(pools.cards),
            "product": product.name,
            "ean": product.ean,
            "price": product.sale_price,
            "clientPosition": random.choice(pools.places),
            "store": STORE,
            # Always six decimals: isoformat() alone drops them when they are zero.
            "dateTime": (at + timedelta(microseconds=place_in_answer)).isoformat(timespec="microseconds"),
        }
