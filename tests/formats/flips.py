"""Damages files of every kind, one after the other, and asks an audit that reads every byte whether all is well.

python tests/formats/flips.py --count 10000 --seed 1      a table by kind; exit status 1 if something was not found

The lake is small and varied: every kind of file, every type of column, several pages, gzip, quarantine, carried
state, superseded and archived answers, roll-ups, and a spool in which something waits.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from coleta.collect.spool import Gap
from coleta.land.commit import IDENTITY_NAME
from coleta.ports import Index
from coleta.runtime.auditor import Evidence, Report, whole
from coleta.runtime.inspector import Deep
from coleta.runtime.rollups import RollUps
from coleta.testing.memory import MemoryIndex, MemorySpool, MemoryStore

MAKER = runpy.run_path(str(Path(__file__).parent / "make_golden.py"))
ROLL_UPS = "_ledger/rollup"
KINDS = ("data", "_quarantine", "_archive", "_superseded", "_ledger/terms", ROLL_UPS, "identity", "spool")
ROLLED = 4


@dataclass(frozen=True)
class Lake:
    """A stream's store and spool, as bytes, and what this machine remembers of them."""

    objects: dict[str, bytes]
    files: dict[str, tuple[datetime, bytes]]
    evidence: Evidence
    index: Index

    def names(self, kind: str) -> list[str]:
        """The files of one kind."""
        if kind == "spool":
            return sorted(self.files)
        if kind == "identity":
            return [IDENTITY_NAME]
        return sorted(name for name in self.objects if name.startswith(f"{kind}/"))

    def body(self, kind: str, name: str) -> bytes:
        """The bytes of a file."""
        return self.files[name][1] if kind == "spool" else self.objects[name]

    def audit(self, kind: str, name: str, body: bytes, *, remembered: bool) -> Report:
        """What an audit says where the file `name` has become `body`; with or without this machine's memory."""
        objects, files = dict(self.objects), dict(self.files)
        if kind == "spool":
            files[name] = (files[name][0], body)
        else:
            objects[name] = body
        spool = MemorySpool(uuid=self.evidence.identity.uuid, now=lambda: self.evidence.now, files=files)
        changed = replace(self.evidence, store=MemoryStore(objects), spool=spool.contents())
        if not remembered:
            # The log alone must show it then; the identity is what only a machine that has collected can compare.
            rest = {name: one for name, one in objects.items() if kind == ROLL_UPS or not name.startswith(ROLL_UPS)}
            changed = replace(changed, index=MemoryIndex(), store=MemoryStore(rest))
        return whole(changed, deep=Deep(replay=True))


def build() -> Lake:
    """The lake, the same at each call."""
    world: Any = MAKER["play"]()
    world.station = replace(world.station, stream=replace(world.station.stream, archive="landed"))
    header, minute, late = MAKER["header"], MAKER["minute"], MAKER["LATE"]
    world.accept(header(minute(11)), large(Random(2026)))
    world.land()
    world.accept(header(minute(12)), MAKER["PLAIN"])
    world.accept(header(minute(13), MAKER["KEPT"]), *MAKER["PAGES"])
    world.accept(header(minute(14)), MAKER["HTML"])
    world.land()
    rolling = RollUps(world.station, commits=ROLLED)
    while rolling.step() == world.clock.now():
        pass
    world.accept(header(minute(15)), late)
    world.accept(header(None, gaps=(Gap(minute(16), "missed"), Gap(minute(17), "http_500", "no", 3))))
    world.clock.advance(MAKER["MINUTE"])
    stored = world.store.objects[IDENTITY_NAME]
    evidence = Evidence(
        world.station.stream, world.station.identity, world.store, world.station.index, world.spool.contents(),
        world.clock.now(), stored,
    )  # fmt: skip
    return Lake(dict(world.store.objects), dict(world.spool.files), evidence, world.station.index)


def large(chance: Random) -> bytes:
    """An answer of a few thousand records, most of whose values differ."""
    records = [
        {
            "id": n,
            "price": round(chance.random() * 1000, 2),
            "name": chance.choice(["câmera", "TV", None, f"{chance.getrandbits(64):x}"]),
            "ok": chance.choice([True, False, None]),
            "tags": [chance.randrange(100) for _ in range(chance.randrange(4))],
            "pos": None if n % 3 else {"city": f"city {chance.randrange(20)}", "floor": n % 7},
        }
        for n in range(3_000)
    ]
    return json.dumps(records, ensure_ascii=False).encode()


def damaged(body: bytes, chance: Random) -> tuple[str, bytes]:
    """`body` with one bit turned over, cut short, or with some bytes written over; and what was done."""
    # As often near the ends, where heads and footers lie, as anywhere.
    near = chance.randrange(min(len(body), 2_000))
    at = chance.choice([chance.randrange(len(body)), near % 100, len(body) - 1 - near])
    at = min(at, len(body) - 1)
    match chance.randrange(10):
        case 0 | 1:
            return f"cut at {at}", body[:at]
        case 2:
            over = chance.randbytes(chance.randrange(1, 17))
            made = body[:at] + over + body[at + len(over) :]
            return (f"{over.hex()} over {at}", made) if made != body else damaged(body, chance)
        case _:
            bit = chance.randrange(8)
            return f"bit {bit} of {at}", body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :]


@dataclass
class Count:
    """What became of the damages."""

    tried: Counter[str] = field(default_factory=Counter)
    warned: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def trials(lake: Lake, chance: Random, count: int) -> Iterator[tuple[str, str, bytes, str]]:
    """So many damages: kind, file, its new bytes, and what was done to it."""
    for _ in range(count):
        kind = chance.choice(KINDS)
        name = chance.choice(lake.names(kind))
        what, body = damaged(lake.body(kind, name), chance)
        yield kind, name, body, what


def run(lake: Lake, *, seed: int, count: int) -> Count:
    """Damage `count` times, and count what was found as damage, told as a warning only, or not seen at all."""
    chance = Random(seed)
    found = Count()
    usual = whole(lake.evidence, deep=Deep(replay=True)).findings
    for kind, name, body, what in trials(lake, chance, count):
        report = lake.audit(kind, name, body, remembered=chance.random() < 0.5)
        found.tried[kind] += 1
        if not report.sound:
            continue
        (found.warned if set(report.findings) - set(usual) else found.missed).append(f"{name}: {what}")
    return found


def main() -> int:
    """Damage as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    lake = build()
    sys.stdout.write(f"{len(lake.objects) + len(lake.files)} files, {asked.count:,} damages, seed {asked.seed}\n")
    clean = whole(lake.evidence, deep=Deep(replay=True))
    found = run(lake, seed=asked.seed, count=asked.count)
    for kind, tried in sorted(found.tried.items()):
        sys.stdout.write(f"{kind:16} {tried:6} damaged\n")
    for title, which in (("told as a warning", found.warned), ("NOT FOUND", found.missed)):
        sys.stdout.write(f"{len(which)} {title}\n" + "".join(f"  {one}\n" for one in which[:50]))
    sys.stdout.write(f"without damage: {'sound' if clean.sound else 'FALSE ALARM'}\n")
    return 1 if found.missed or not clean.sound else 0


if __name__ == "__main__":
    sys.exit(main())
