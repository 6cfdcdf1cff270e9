"""Stage 3: which part of a log is read byte by byte, so that many short audits together read all of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

from coleta.errors import WrongQuestion

_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """The ``n``-th of ``parts`` equal parts of a log. Each commit and each file is in one of them for ever."""

    n: int = 1
    parts: int = 1

    @classmethod
    def of(cls, text: str) -> Share:
        """The share that `text` says, such as ``2/7``.

        Raises:
            WrongQuestion: it says none.

        """
        found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
        n, parts = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= n <= parts <= _MOST_PARTS:
            raise WrongQuestion(f"{text!r} is no part of a whole", hint="the second of seven parts is 2/7")
        return cls(n, parts)

    def has_commit(self, seq: int) -> bool:
        """Whether commit `seq`, and the files that it names, are in this share."""
        return seq % self.parts == self.n % self.parts

    def has_file(self, name: str) -> bool:
        """Whether the file `name`, which no record names, is in this share."""
        return crc32(name.encode("utf-8", "surrogatepass")) % self.parts == self.n % self.parts

    def __str__(self) -> str:
        return f"{self.n}/{self.parts}"
