"""Stage 3: which names were met, in eight bytes for each, so that a log of years fits into memory. Pure.

Texts are known by the first 8 bytes of a digest. Among a million of them two share it by chance about once
in 40 million logs; what is found here is looked at again by its whole name wherever that can be done.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise

_PARTS = 16
"""Marks are sorted in so many parts, since Python's sort needs a list of whole integers, 36 bytes for each."""


def _mark(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _sorted(marks: array[int]) -> Iterator[int]:
    for part in range(_PARTS):
        yield from sorted(mark for mark in marks if mark >> 60 == part)


class Listed:
    """The names of a listing, and which of them were met since. It is a hint: what it lacks may still be there."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the listed `names`."""
        marks = array("Q", (_mark(name) for name in names))
        self._marks = array("Q", _sorted(marks))
        self._met = bytearray(len(marks))

    def meet(self, name: str) -> bool:
        """Whether `name` was listed; it counts as met from here on."""
        at = self._place(name)
        if at is not None:
            self._met[at] = 1
        return at is not None

    @property
    def unmet(self) -> int:
        """How many listed names were not met."""
        return len(self._met) - sum(self._met)

    def strangers(self, names: Iterable[str]) -> Iterator[str]:
        """Those of `names`, a listing again, that were listed before and never met."""
        if not self.unmet:
            return
        for name in names:
            at = self._place(name)
            if at is not None and not self._met[at]:
                yield name

    def _place(self, name: str) -> int | None:
        mark = _mark(name)
        at = bisect_left(self._marks, mark)
        return at if at < len(self._marks) and self._marks[at] == mark else None


class Once:
    """Texts that may come only once in a log, and at which commit each came."""

    def __init__(self) -> None:
        """Begin with none."""
        self._marks = array("Q")
        self._seqs = array("Q")

    def add(self, text: str, seq: int) -> None:
        """`text` came in commit `seq`."""
        self._marks.append(_mark(text))
        self._seqs.append(seq)

    def repeated(self) -> Iterator[tuple[int, ...]]:
        """The commits of each text that came more than once."""
        twice = {mark for mark, after in pairwise(_sorted(self._marks)) if mark == after}
        for mark in sorted(twice):
            yield tuple(seq for seq, other in zip(self._seqs, self._marks, strict=True) if other == mark)

    def first(self, texts: Iterable[str]) -> dict[str, int]:
        """The commit in which each of `texts` came first; without those that never came."""
        wanted = {_mark(text): text for text in texts}
        found: dict[str, int] = {}
        if wanted:
            for mark, seq in zip(self._marks, self._seqs, strict=True):
                if mark in wanted:
                    found.setdefault(wanted[mark], seq)
        return found
