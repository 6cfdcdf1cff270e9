"""A repair of one stream: for the command and for Python's ``Project`` alike. Shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coleta.cli.app import App
    from coleta.runtime.repair import Repairs
    from coleta.stream import Stream


def repair_stream(
    app: App, stream: Stream, *, source: str | None, dry_run: bool, data: bool, progress: Callable[[int], None]
) -> Repairs:
    """Put right what can be; with `dry_run` only say what that is, and take no lock.

    Raises:
        Busy: another process collects the stream.
        NeverStarted: there is nothing yet.
        StoreUnavailable, SpoolRefused: what was done until then stands; called again, it goes on.
        Misconfigured, WrongQuestion: `source` names no other store.

    """
    from coleta.runtime.inspector import DATA, deep_of
    from coleta.runtime.repair import repair

    with app.shop(stream, source=source, change=not dry_run) as shop:
        return repair(shop, deep=deep_of(DATA, None) if data else None, progress=progress)
