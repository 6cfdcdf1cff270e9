"""Stage 1, step 1, among several collectors: who asks, so that the others need not. Pure.

A lease spares duplicate calls and nothing else. Whoever cannot read it asks all the same: two answers for one
tick are landed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from coleta.collect.clocks import TOLERANCE
from coleta.terms import canonical

LEASE_NAME = "_ledger/lease.json"
LEASE_FORMAT = 1

LENGTH = timedelta(minutes=5)
"""How long a lease holds without being renewed: so long a dead collector's ticks wait for the next one."""

RENEW_AFTER = timedelta(minutes=2)
"""A renewal may fail once and come again before the lease has run out."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who collects the log `uuid`, and until when nobody else need."""

    uuid: str
    owner: str
    until: datetime
    format: int = LEASE_FORMAT

    def to_json(self) -> bytes:
        """The bytes of lease.json."""
        return canonical(self)

    @classmethod
    def from_json(cls, stored: bytes) -> Lease | None:
        """The lease in `stored`; None where it cannot be read, as one of a newer format, which may be taken."""
        try:
            lease = _DECODER.decode(stored)
        except msgspec.MsgspecError:
            return None
        return lease if lease.format == LEASE_FORMAT else None


@dataclass(frozen=True, slots=True)
class Held:
    """It is ours, and need not be renewed before ``until_renewal``."""

    until_renewal: datetime


@dataclass(frozen=True, slots=True)
class Another:
    """Another has it until ``until``: nothing is to be asked before."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Take:
    """It is free, or ours and old: put ``lease`` in its place, if it is still what it was."""

    lease: Lease


def decide(current: Lease | None, *, uuid: str, owner: str, now: datetime) -> Held | Another | Take:
    """What `owner` is to do about `current`, the lease that lies there now."""
    mine = Take(Lease(uuid, owner, now + LENGTH))
    if current is None or current.uuid != uuid:
        return mine
    if current.owner == owner:
        renew_at = current.until - LENGTH + RENEW_AFTER
        return Held(renew_at) if now < renew_at else mine
    if current.until <= now:
        return mine
    if current.until > now + LENGTH + TOLERANCE:
        # No lease holds so long: one of the two clocks is wrong, and who made it may be long dead.
        return mine
    return Another(min(current.until, now + LENGTH))


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_DECODER = msgspec.json.Decoder(Lease)
