"""Stage 2, for a log that goes on at another place: what says where it went, and where it came from. Pure.

A ``moved`` record takes the one name at which the next commit could happen, so whoever is about to land here meets
it, whatever project file it has. It is the last of its log at that place. The copy at the new place ends before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from coleta.collect.spool import NewerFormat
from coleta.errors import Corrupt, LogMoved
from coleta.land.commit import Identity
from coleta.land.record import Place
from coleta.terms import canonical

ORIGIN_NAME = "_ledger/moved_from.json"
ORIGIN_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Which log a place was taken for, and where that came from: put there before anything else of it."""

    uuid: str
    store: str
    path: str
    format: int = ORIGIN_FORMAT

    @property
    def place(self) -> Place:
        """Where the log came from."""
        return Place(self.store, self.path)

    def to_json(self) -> bytes:
        """The bytes of moved_from.json."""
        return canonical(self)

    @classmethod
    def from_json(cls, stored: bytes) -> Origin:
        """The origin in `stored`.

        Raises:
            NewerFormat: a newer version wrote it.
            Corrupt: it cannot be read as one.

        """
        try:
            version = msgspec.json.decode(stored, type=dict[str, object]).get("format")
            if type(version) is int and version > ORIGIN_FORMAT:
                raise NewerFormat(f"it has format {version}", where=ORIGIN_NAME, hint="upgrade Coleta")
            return _ORIGIN.decode(stored)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Corrupt(f"it does not say where a log came from: {error}", where=ORIGIN_NAME) from None


def gone(to: Place, identity: Identity) -> LogMoved:
    """What whoever wants to go on here has to know."""
    return LogMoved(
        f"the log of stream {identity.stream!r} has ended here; it goes on at {to}",
        where=f"log {identity.uuid}",
        hint="give the stream that `store` and `path` in coleta.toml, or run the same `coleta move` here; "
        "what waits in the spool lands there then",
    )


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_ORIGIN = msgspec.json.Decoder(Origin)
