"""Stage 2, after the fact, at work: keep the head after each roll-up, so that a new machine need not read them all.

Made from the roll-ups alone, one in a step, and from the newest head that is kept already. Every record is checked as
landing checks it, so what breaks a law is found here and no head is kept after it. Delays and fails no landing.
"""

from __future__ import annotations

from coleta.land.commit import Identity
from coleta.land.kept import MOST_BYTES, Keeping, encode_kept, kept_name
from coleta.land.rollup import ROLL_UP_COMMITS
from coleta.ports import ObjectStore
from coleta.runtime.log import newest_kept
from coleta.runtime.putting import put_note
from coleta.runtime.recalling import commits_between


class HeadKeeper:
    """Keeps the heads that one log lacks, a step at a time."""

    def __init__(self, store: ObjectStore, identity: Identity, *, rolled: int = ROLL_UP_COMMITS) -> None:
        """Begin; `rolled` is how many commits a roll-up holds. Nothing is read yet."""
        self._store = store
        self._identity = identity
        self._rolled = rolled
        self._keeping: Keeping | None = None

    def advance(self, until: int) -> bool:
        """Keep the next head, if there is a roll-up for it: the newest ends with commit `until`. Whether there was.

        Raises:
            Retryable, Doubtful: the store does not answer.
            Corrupt: a record breaks a law, or an object is missing.

        """
        if self._keeping is None and until:
            newest = newest_kept(self._store, self._identity)
            self._keeping = Keeping(self._identity, None if newest is None else newest[0])
        keeping = self._keeping
        if keeping is None or keeping.head.seq >= until:
            return False
        last = keeping.head.seq + self._rolled
        self._keeping = None  # until all of this roll-up is taken: what is half done begins anew
        first = keeping.head.seq + 1
        for committed in commits_between(self._store, self._identity, first, last, rolled=self._rolled):
            keeping.add(committed)
        self._keep(keeping)
        self._keeping = keeping
        return True

    def _keep(self, keeping: Keeping) -> None:
        body = encode_kept(keeping.kept())
        if len(body) <= MOST_BYTES:
            put_note(self._store, kept_name(keeping.head.seq), body)
