"""What was found: one line for each kind of proof, one for each figure, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Tally:
    """What one or more runs came to. ``said`` tells in words each thing that was wrong.

    ``wrong`` counts what is neither lost, doubled nor silent, and must not be either: a log that is no chain, a bug, a
    process that does not come to rest.
    """

    runs: int = 0
    lost: int = 0
    doubled: int = 0
    silent: int = 0
    wrong: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is lost, doubled, silent or otherwise wrong."""
        return not (self.lost or self.doubled or self.silent or self.wrong)

    def add(self, other: Tally) -> None:
        """Count `other` too."""
        self.runs += other.runs
        self.lost += other.lost
        self.doubled += other.doubled
        self.silent += other.silent
        self.wrong += other.wrong
        self.said += other.said

    def blame(self, what: str) -> None:
        """Count one thing that is wrong."""
        self.wrong += 1
        self.said.append(what)


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of proof; ``seconds`` is how long all its runs took, ``note`` what else is worth knowing."""

    what: str
    tally: Tally
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. ``target`` is what was promised of it, in words."""

    what: str
    value: float
    unit: str
    target: str
    met: bool
    note: str = ""


@dataclass(slots=True)
class Report:
    """All lines, and all figures."""

    lines: list[Line] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every line is."""
        return all(line.tally.sound for line in self.lines)

    def markdown(self) -> str:
        """The report for people."""
        parts: list[str] = []
        if self.lines:
            heads = ("what", "runs", "lost", "doubled", "silent gaps", "otherwise wrong", "time", "")
            parts.append(_table(heads, [_cells(line) for line in self.lines]))
        if self.figures:
            rows = [(one.what, f"{one.value:.4g} {one.unit}", one.target, _met(one), one.note) for one in self.figures]
            parts.append(_table(("figure", "measured", "target", "met", ""), rows))
        parts += [f"Skipped: {what}" for what in self.skipped]
        blamed = [f"- {line.what}: {said}" for line in self.lines for said in line.tally.said]
        if blamed:
            parts.append("What was wrong:\n\n" + "\n".join(blamed))
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        """The same for programs."""
        return json.dumps({"sound": self.sound, **asdict(self)}, indent=1)


def _cells(line: Line) -> tuple[str, ...]:
    tally = line.tally
    counts = (tally.runs, tally.lost, tally.doubled, tally.silent, tally.wrong)
    return (line.what, *(f"{count:,}" for count in counts), f"{line.seconds:.0f} s", line.note)


def _met(figure: Figure) -> str:
    return "yes" if figure.met else "NO"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))
