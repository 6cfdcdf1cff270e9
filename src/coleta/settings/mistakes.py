"""Settings, what is wrong: every mistake of a file is collected, then reported at once.

A mistake says which key it is about, the way one writes it in TOML, and what is wrong with it. It
never holds a value that may be secret: no header's value, no URL's password.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from coleta.errors import Misconfigured

Keys = tuple[str, ...]
"""Where something stands in the file: the keys that lead to it from the top."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True)
class Mistakes:
    """What is wrong with one file; ``lines`` says where its keys stand, as far as that is known."""

    where: str
    lines: Mapping[Keys, int] = field(default_factory=dict)
    found: list[tuple[Keys, str]] = field(default_factory=list)

    def add(self, keys: Keys, what: str) -> None:
        """Note that `what` is wrong with the value at `keys`. Saying the same twice is saying it once."""
        if (keys, what) not in self.found:
            self.found.append((keys, what))

    def raise_if_any(self, *, hint: str | None = None) -> None:
        """Report all that was noted, in the order of the file.

        Raises:
            Misconfigured: something was noted; its message has one line for each mistake.

        """
        if not self.found:
            return
        told = [self._told(keys, what) for keys, what in sorted(self.found, key=self._position)]
        text = told[0] if len(told) == 1 else "\n  ".join([f"{len(told)} mistakes", *told])
        raise Misconfigured(text, where=self.where, hint=hint)

    def _told(self, keys: Keys, what: str) -> str:
        line = self._line(keys)
        return f"{'' if line is None else f'line {line}: '}{written(keys)}: {what}"

    def _position(self, mistake: tuple[Keys, str]) -> int:
        return self._line(mistake[0]) or 0

    def _line(self, keys: Keys) -> int | None:
        """The line of `keys`, or of what they stand in: a missing key is missed in its table."""
        for length in range(len(keys), 0, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return line
        return None


def written(keys: Keys) -> str:
    """`keys` as one writes them in TOML: ``stream.compras.headers."a b"``."""
    return ".".join(key if _BARE_KEY.fullmatch(key) else f'"{key}"' for key in keys)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` was probably meant to be."""
    return next(iter(get_close_matches(name.lower(), list(names), n=1)), None)


def meant(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about an unknown `name`: the nearest right one, or all of them."""
    names = sorted(names)
    if (near := nearest(name, names)) is not None:
        return f"did you mean {near!r}?"
    return f"there is {', '.join(names)}" if names else "there is none"
