"""Stage 1 at work, for the hosts of all streams: what is known of each.

Decides nothing itself: ``collect.courtesy`` does. Lost at the end of the process, and then learnt anew.
"""

from __future__ import annotations

import threading
from collections import Counter

from coleta.collect.courtesy import Go, Hold, Standing, Wish, heard, may_ask
from coleta.collect.response import Failed, Response

MOST_AHEAD = 8
"""How many pages of one host are asked for before their turn, by all streams together: as many as the service asks
one host in their turn."""


class Hosts:
    """The standing of every host that a process asks. For any number of threads."""

    def __init__(self) -> None:
        """Begin with every host in good standing."""
        self._lock = threading.Lock()
        self._known: dict[str, Standing] = {}
        self._ahead: Counter[str] = Counter()

    def may_ask(self, host: str, wish: Wish) -> Go | Hold:
        """Whether `host` may be asked now; where it may, the request counts as made."""
        with self._lock:
            self._known[host], said = may_ask(self._known.get(host, Standing()), wish)
            return said

    def heard(self, host: str, came: Response | Failed, page: object, wish: Wish) -> bool:
        """Take note of what `host` answered; whether it counts as down from now on, and did not before."""
        with self._lock:
            before = self._known.get(host, Standing())
            after = self._known[host] = heard(before, came, page, wish)
            return after.down_since is not None and before.down_since is None

    def take_place(self, host: str) -> bool:
        """Take one of the places for pages of `host` that are asked for ahead, if one is left."""
        with self._lock:
            if self._ahead[host] >= MOST_AHEAD:
                return False
            self._ahead[host] += 1
            return True

    def give_place(self, host: str) -> None:
        """Give such a place back."""
        with self._lock:
            self._ahead[host] -= 1
