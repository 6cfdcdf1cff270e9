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
    """Something that is not as it should be. ``code`` is stable; ``where`` names an object, a file or a tick."""

    severity: Severity
    code: str
    where: str
    what: str


class Findings:
    """All that an audit finds, the first ``MOST_OF_A_KIND`` of each code in full, the others as a number."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._told: list[Finding] = []
        self._counts: Counter[tuple[Severity, str]] = Counter()

    def add(self, found: Iterable[Finding]) -> None:
        """Take what was `found`."""
        for finding in found:
            kind = (finding.severity, finding.code)
            self._counts[kind] += 1
            if self._counts[kind] <= MOST_OF_A_KIND:
                self._told.append(finding)

    def __iter__(self) -> Iterator[Finding]:
        yield from self._told
        for (severity, code), count in sorted(self._counts.items()):
            if count > MOST_OF_A_KIND:
                yield Finding(severity, code, "elsewhere", f"{count - MOST_OF_A_KIND} more like these")
