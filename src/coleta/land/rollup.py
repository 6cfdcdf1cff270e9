"""Stage 2, after the fact: a roll-up, a thousand records and the digests of their objects in one file. Pure.

Derived from the log, and never needed by it: it spares a new machine from reading every footer, and it keeps
what only the whole object's bytes could give. docs/reference/layout.md specifies it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt
from coleta.land.commit import Committed
from coleta.land.record import decode_record, record_digest
from coleta.land.sealed import seal, unseal
from coleta.terms import canonical

FORMAT = 1
FOLDER = "_ledger/rollup/"
ROLL_UP_COMMITS = 1_000
"""How many commits a roll-up holds: 17 hours of minutes, and a file of some 300 kB."""


@dataclass(frozen=True, slots=True)
class RolledObject:
    """One commit: its object's name, size and digest before it was ever retired, and its record's bytes as text."""

    name: str
    size_bytes: int
    sha256: str
    record: str


@dataclass(frozen=True, slots=True)
class RollUp:
    """The commits ``first`` to ``last`` of the log ``uuid``, both included, in order."""

    uuid: str
    first: int
    last: int
    objects: tuple[RolledObject, ...]
    format: int = FORMAT

    def commits(self) -> Iterator[Committed]:
        """Its commits in order; that they continue a log is for the reader to check.

        Raises:
            Corrupt: what stands there is no record.

        """
        for one in self.objects:
            stored = one.record.encode()
            yield Committed(one.name, decode_record(one.name, stored), record_digest(stored))


def rollup_name(last: int) -> str:
    """Where the roll-up that ends with commit `last` lies, below the stream's path."""
    return f"{FOLDER}{last:09d}.json.zst"


def last_of(name: str) -> int | None:
    """The commit that the roll-up called `name` ends with; None where that is no roll-up's name."""
    number = name.removeprefix(FOLDER).removesuffix(".json.zst")
    return int(number) if number.isascii() and number.isdigit() and rollup_name(int(number)) == name else None


def encode_rollup(uuid: str, first: int, objects: Sequence[RolledObject]) -> bytes:
    """The file of a roll-up: zstd over its JSON, and the digest of that."""
    return seal(canonical(RollUp(uuid, first, first + len(objects) - 1, tuple(objects))))


def decode_rollup(name: str, stored: bytes) -> RollUp:
    """The roll-up in the file `name`.

    Raises:
        NewerFormat: a newer version wrote it.
        Corrupt: it is damaged, or is no roll-up.

    """
    text = unseal(name, stored)
    try:
        version = msgspec.json.decode(text, type=dict[str, object]).get("format")
        if type(version) is int and version > FORMAT:
            raise NewerFormat(f"it has format {version}; this version of Coleta reads up to {FORMAT}", where=name)
        found = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Corrupt(f"it cannot be read: {error}", where=name) from None
    if rollup_name(found.last) != name or found.last - found.first + 1 != len(found.objects):
        raise Corrupt(f"it holds {len(found.objects)} commits from {found.first} to {found.last}", where=name)
    return found


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(RollUp)
