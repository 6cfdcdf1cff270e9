"""Stage 3: what an audit finds. Values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Severity = Literal["damage", "warning"]

MOST_OF_A_KIND = 100
"""How many findings of one code are told one by one: more than anybody reads, and a bound on memory."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be. ``code`` is stable; ``where`` names an object, a file or a tick.

    ``seq`` is the commit that it is of, or that names it, where that is known; else 0.
    """

    severity: Severity
    code: str
    where: str
    what: str
    seq: int = 0


class Findings:
    """All that an audit finds, the first `most` of each code in full, the others as a number."""

    def __init__(self, most: int = MOST_OF_A_KIND) -> None:
        """Begin with nothing found."""
        self._most = most
        self._told: list[Finding] = []
        self._counts: Counter[tuple[Severity, str]] = Counter()

    def add(self, found: Iterable[Finding]) -> None:
        """Take what was `found`."""
        for finding in found:
            kind = (finding.severity, finding.code)
            self._counts[kind] += 1
            if self._counts[kind] <= self._most:
                self._told.append(finding)

    def __iter__(self) -> Iterator[Finding]:
        yield from self._told
        for (severity, code), count in sorted(self._counts.items()):
            if count > self._most:
                yield Finding(severity, code, "elsewhere", f"{count - self._most} more like these")
