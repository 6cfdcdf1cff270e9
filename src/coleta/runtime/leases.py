"""Stage 1, step 1 at work, among several collectors: hold the lease, or wait for it. Safety never rests on it."""

from __future__ import annotations

from datetime import datetime

from coleta.collect.lease import Another, Held, Lease, Take, decide
from coleta.errors import Doubtful, Retryable
from coleta.ports import Cell, Clock

_TRIES = 3


class LeaseHolder:
    """One stream's lease, as this machine's collector sees it. ``owner`` outlives the process: it is the spool's."""

    def __init__(self, cell: Cell, clock: Clock, *, uuid: str, owner: str) -> None:
        """Begin without it; nothing is read yet."""
        self._cell = cell
        self._clock = clock
        self._uuid = uuid
        self._owner = owner
        self._renew_at: datetime | None = None

    @property
    def renew_at(self) -> datetime | None:
        """When ``wait_until`` is to be called again at the latest, to keep what is held; None: nothing is."""
        return self._renew_at

    def wait_until(self) -> datetime | None:
        """None if this machine may ask, having taken or renewed the lease; else when to call again."""
        now = self._clock.now()
        if self._renew_at is not None and now < self._renew_at:
            return None
        self._renew_at = None
        try:
            for _ in range(_TRIES):
                found = self._cell.read()
                current = None if found is None else Lease.from_json(found[0])
                match decide(current, uuid=self._uuid, owner=self._owner, now=now):
                    case Held(until_renewal):
                        self._renew_at = until_renewal
                        return None
                    case Another(until):
                        return until
                    case Take(lease):
                        # Whether it was put is seen at the next reading: another may have come first.
                        self._cell.replace(lease.to_json(), None if found is None else found[1])
        except (Retryable, Doubtful):
            pass  # an outage of the store is no reason not to collect
        return None

    def let_go(self) -> None:
        """Let others begin at once; where that fails they begin when the lease has run out."""
        if self._renew_at is None:
            return
        self._renew_at = None
        try:
            found = self._cell.read()
            current = None if found is None else Lease.from_json(found[0])
            if found is not None and current is not None and current.owner == self._owner:
                ended = Lease(self._uuid, self._owner, self._clock.now())
                self._cell.replace(ended.to_json(), found[1])
        except (Retryable, Doubtful):
            pass
