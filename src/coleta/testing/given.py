"""The records that the APIs of the simulations give, and which of them a contract takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Given:
    """A record as the API gave it."""

    id: int
    good: bool = True
    hopeless: bool = False
    """Whether no terms that people have would take it."""
    at: datetime | None = None
    """Its place in time, if it says one."""


def is_good(value: object) -> bool:
    """Whether the contract takes a record with `value`."""
    return isinstance(value, int) and value >= 0


def given_in(body: bytes) -> tuple[Given, ...] | None:
    """The records of an answer, its pages' bodies one a line; None where it is no data."""
    try:
        records = [record for page in body.splitlines() for record in json.loads(page)]
        return tuple(
            Given(
                record["id"],
                is_good(record["value"]),
                record["value"] is None,
                datetime.fromisoformat(record["at"]) if "at" in record else None,
            )
            for record in records
        )
    except (ValueError, TypeError, KeyError):
        return None  # it is no data, and ends rejected whole
