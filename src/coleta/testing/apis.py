"""The APIs of the simulations: one that invents records, and one that has events and gives them again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from coleta.testing.bookkeeper import misplaced
from coleta.testing.given import Given, is_good
from coleta.testing.setting import Kind
from coleta.testing.stranger import Contents


class Api(Protocol):
    """Answers requests."""

    def body(self, url: str, now: datetime) -> bytes:
        """The body of the answer to a request for `url` that comes at the true instant `now`."""


@dataclass(slots=True)
class Inventing:
    """Invents records at each request, so that each of them can be told from any other."""

    random: Random
    pages: int = 1
    bounded: bool = False
    """Whether what breaks the contract is out of bounds, not of another type."""
    issued: int = 0

    def body(self, url: str, now: datetime) -> bytes:
        """A page of up to three records, one in seven of them bad; the last of several pages is empty."""
        page = int(url.rpartition("page=")[2] or 1) if "page=" in url else 1
        if self.pages > 1 and page > self.pages:
            return b"[]"
        records = []
        for _ in range(self.random.choice((1, 2, 3)) if self.pages > 1 else self.random.choice((0, 1, 2, 3))):
            self.issued += 1
            records.append({"id": self.issued, "value": _value(self.random, self.issued, bounded=self.bounded)})
        return json.dumps(records).encode()


@dataclass(slots=True)
class Catalogue(Inventing):
    """Gives all that it has, with an ETag, and never the same twice: whoever has it already may be told so (304)."""

    version: int = 0

    @property
    def etag(self) -> str:
        """That of what it gave last."""
        return f'"{self.version}"'

    def has_nothing_new(self, since: str | None) -> bool:
        """Whether it says so to one who has what it gave with the ETag `since`."""
        return since == self.etag and self.random.random() < 2 / 3

    def body(self, url: str, now: datetime) -> bytes:
        """All that it has now."""
        self.version += 1
        return Inventing.body(self, url, now)


@dataclass(frozen=True, slots=True)
class _Happened:
    id: int
    seq: int
    at: datetime
    value: int | str | None


_EVERY = timedelta(seconds=40)
_AT_ONCE = 2  # of the same `seq` and `at`: a request from a value on must not lose, nor double, one of them


class Events:
    """Has events, two at each instant, and gives those since a value or those of an interval, as often as asked."""

    def __init__(self, random: Random, start: datetime, minutes: int, *, bounded: bool = False) -> None:
        """Let events happen from shortly before `start` on for so many minutes, and none after."""
        begin = start - timedelta(minutes=3)
        number = int(timedelta(minutes=minutes + 3) / _EVERY) * _AT_ONCE
        self._events = [
            _Happened(n + 1, n // _AT_ONCE, begin + (n // _AT_ONCE) * _EVERY, _value(random, n + 1, bounded=bounded))
            for n in range(number)
        ]

    def body(self, url: str, now: datetime) -> bytes:
        """What the request asks for, as far as it has happened."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        happened = [one for one in self._events if one.at <= now]
        if "from" in asked:
            start, end = (datetime.fromisoformat(asked[name]) for name in ("from", "until"))
            happened = [one for one in happened if start < one.at <= end]
        elif "since" in asked:
            happened = [one for one in happened if one.seq >= int(asked["since"])]
        return json.dumps(
            [{"id": one.id, "seq": one.seq, "at": one.at.isoformat(), "value": one.value} for one in happened]
        ).encode()

    def faults(self, contents: Contents, kind: Kind, *, all_asked: bool, taken_up: Iterable[Given] = ()) -> list[str]:
        """Every event that is not just once where it belongs, if each that an answer can have given is to be there.

        Those `taken_up` may have been good, and not be so by the terms that a person took them up by. Unless
        `all_asked`, those after the newest that is there may be asked for later.
        """
        there = contents.table() + contents.held(contents.named)
        newest = self._events[-1].id if all_asked else max([0, *there])
        answered = contents.answered_with_data()
        wanted = Counter(
            one.id
            for one in self._events
            if (one.id <= newest if kind == "since" else any(start < one.at <= end for start, end in answered))
        )
        given = {one.id: Given(one.id, is_good(one.value), one.value is None, one.at) for one in self._events}
        return misplaced({**given, **{one.id: one for one in taken_up}}, wanted, contents)


def _value(random: Random, number: int, *, bounded: bool) -> int | str | None:
    """One in seven breaks the contract; a quarter of these breaks any that people have."""
    if random.random() >= 1 / 7:
        return number
    bad = -number if bounded else "bad"
    return None if random.random() < 1 / 4 else bad
