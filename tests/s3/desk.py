"""A stream that lands in a real service over a line where anything may happen to a request."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, Self

import pyarrow.parquet as pq
import pytest
from tests.s3.proxy import FaultyProxy

from coleta.adapters.below import Below
from coleta.adapters.object_store import CloudStore
from coleta.land.commit import IDENTITY_NAME
from coleta.ports import Transport
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.events import Event
from coleta.runtime.lander import Lander
from coleta.runtime.station import Station, World
from coleta.stream import Every, Source, Store, Stream
from coleta.testing.memory import ManualClock, MemoryIndex, MemoryScratch, MemorySpool, SeededIds
from coleta.testing.samples import MINUTE, NOON, UUID, sample_identity, sample_terms, spooled_answer

FIRST = "data/tick_date=2026-11-24/000000001.parquet"
SHORT = timedelta(seconds=1)
"""A time-out that a test can wait for."""


class Service(Protocol):
    """A running service that stores are opened at."""

    def at(self, endpoint: str) -> Self: ...
    def url(self) -> str: ...
    def store(self, store: Store | None = None, *, known: bool = False) -> CloudStore: ...
    def lander(self, store: Store, *, known: bool = False) -> CloudStore: ...


@dataclass
class Desk:
    """One stream with an in-memory spool and a real service behind a proxy; ``direct`` looks past the proxy."""

    proxy: FaultyProxy
    service: Service
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.url = self.service.url()
        self.clock = ManualClock(NOON + timedelta(hours=1))
        self.direct = Below(self.service.store(Store(self.url)), "compras")
        identity = sample_identity().to_json()
        self.direct.create(IDENTITY_NAME, identity, sha256=hashlib.sha256(identity).hexdigest())
        self.spool = MemorySpool(uuid=UUID, now=self.clock.now, quota_bytes=1 << 30)
        self.through = self.service.at(self.proxy.url).lander(Store(self.url, timeout=SHORT), known=True)

    def station(self, store: CloudStore | None = None, *, seed: int = 0) -> Station:
        transport: Transport = None  # type: ignore[assignment]  # nothing is fetched here
        return Station(
            stream=Stream(
                name="compras",
                project="compras",
                store=self.url,
                path="compras",
                source=Source(url="http://api.test/compras"),
                schedule=Every(MINUTE),
                terms=sample_terms(),
            ),
            identity=sample_identity(),
            world=World(self.clock, SeededIds(seed), transport, owner="o", tool="t", tell=self.told.append),
            spool=self.spool,
            store=Below(store or self.through, "compras"),
            index=MemoryIndex(),
            scratch=MemoryScratch(),
        )

    def wait_for_landing(self, count: int = 3) -> None:
        """Accept `count` answers, in one of them a record that breaks the contract."""
        for n in range(1, count + 1):
            price = '"dear"' if n == 2 else "1.5"
            spooled_answer(self.spool, n, pages=[f'[{{"ean":{n},"price":{price}}}]'.encode()])

    def land_all(self, lander: Lander) -> None:
        """Step until nothing waits; far fewer steps than these are ever needed."""
        for _ in range(100):
            if lander.idle:
                return
            self.clock.set(lander.step())
        pytest.fail(f"it does not come to an end: {self.told[-3:]}")

    def objects(self) -> list[str]:
        return list(self.direct.names("data/"))

    def eans(self) -> list[int]:
        bodies = [self.direct.read(name) or b"" for name in self.objects()]
        return [ean for body in bodies for ean in pq.read_table(io.BytesIO(body), columns=["ean"])["ean"].to_pylist()]

    def damage(self, station: Station) -> list[str]:
        evidence = Evidence(
            station.stream, station.identity, self.direct, station.index, self.spool.contents(), self.clock.now()
        )
        return [finding.code for finding in whole(evidence).findings if finding.code not in ("late", "open", "hole")]
