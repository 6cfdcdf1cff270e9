"""One stream collected over real sockets, and landed: its clock is set by hand, so a wait of a minute takes no time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from coleta.adapters.http import HttpTransport
from coleta.contract.types import Contract, Field, Int
from coleta.land.record import Account, Outcome
from coleta.runtime.collector import Collector
from coleta.runtime.events import AskAgain
from coleta.runtime.lander import land
from coleta.runtime.station import Station
from coleta.stream import Source
from coleta.terms import Terms
from coleta.testing.bench import Bench, bench_stream
from coleta.testing.samples import NOON

if TYPE_CHECKING:
    from tests.wire.conftest import Peer, Script

OK = b"HTTP/1.1 200 OK\r\n"
GOOD = b'[{"ean":1},{"ean":2}]'
TERMS = Terms(Contract((Field("ean", Int()),)))
END = NOON + timedelta(seconds=58)


def sized(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def saying(*answers: bytes, then: bytes = b"") -> Script:
    """Each of `answers` in turn, over as many connections as it takes, and then `then`; each ends its connection."""
    left = list(answers)

    def script(peer: Peer) -> None:
        if peer.hear():
            peer.say(left.pop(0) if left else then)

    return script


@dataclass
class Collecting:
    """One stream that is collected from a server, and landed."""

    bench: Bench
    station: Station

    def __post_init__(self) -> None:
        self.collector = Collector(self.station)

    def until(self, end: datetime) -> None:
        """Step, moving the clock on to each instant that the collector asks for, up to `end`; then land."""
        for _ in range(20_000):
            wake = self.collector.step()
            if wake > end:
                self.bench.clock.set(end)
                land(self.station)
                return
            self.bench.clock.set(max(self.bench.clock.now(), wake))
        raise AssertionError("the collector never rests")

    def accounts(self) -> list[Account]:
        return [account for commit in self.bench.commits() for account in commit.record.accounts]

    def outcomes(self) -> list[tuple[Outcome, str | None]]:
        return [(account.outcome, account.reason) for account in self.accounts()]

    def eans(self) -> list[object]:
        return [row[0] for row in self.bench.rows("ean")]

    def waits(self) -> list[timedelta]:
        return [event.after for event in self.bench.told(AskAgain)]


class Desk:
    """Where streams are begun to be collected; ``close`` ends what they had opened."""

    def __init__(self) -> None:
        self._transports: list[HttpTransport] = []

    def __call__(self, url: str, *, terms: Terms = TERMS, resolve: object = None, **source: object) -> Collecting:
        """Collect from `url`, with the source's other settings as given."""
        settings = {"timeout": timedelta(seconds=5), **source}
        bench = Bench(bench_stream(source=replace(Source(url), **settings), terms=terms))  # type: ignore[arg-type]
        more = {} if resolve is None else {"resolve": resolve}
        transport = HttpTransport(now=bench.clock.now, secrets=lambda _: "canary-5f1d", **more)  # type: ignore[arg-type]
        self._transports.append(transport)
        station = bench.machine().open()
        return Collecting(bench, replace(station, world=replace(station.world, transport=transport)))

    def close(self) -> None:
        for transport in self._transports:
            transport.close()
