"""Bars on a terminal while something takes long; silent where nobody watches."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coleta.cli.screen import Screen, printable

if TYPE_CHECKING:
    from rich.progress import TaskID

    from coleta.ask.landed import Progress


@contextmanager
def progress_of(screen: Screen) -> Iterator[Progress]:
    """Shows how far something is, on stderr; only where both streams are a terminal, and no JSON is asked for.

    The bars are gone at the end of the ``with`` block. A total of 0 says that it is not known.
    """
    if screen.json or not (sys.stderr.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        known: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(printable(what).replace("[", "\\["), total=total or None)
            bars.update(known[what], completed=done, total=total or None)

        yield tell
