"""The machine's clock, and its sources of new names and of chance."""

from __future__ import annotations

import random
import secrets
import uuid
from datetime import UTC, datetime


class SystemClock:
    """The wall clock of this machine, as it is: correcting it is the caller's business."""

    def now(self) -> datetime:
        """The present instant in UTC, to the microsecond."""
        return datetime.now(UTC)


class SystemIds:
    """New names from the operating system's random source; chance from Python's generator."""

    def uuid(self) -> str:
        """A new random UUID in its usual form."""
        return str(uuid.uuid4())

    def nonce(self) -> str:
        """128 new random bits in hex."""
        return secrets.token_hex(16)

    def chance(self) -> float:
        """A random number in [0, 1); good for spreading load, not for secrets."""
        return random.random()
