"""Settings, upkeep: how long files are kept, and when a service may delete them, as people write it.

Pure: a text goes in, a value comes out, or a ``ValueError`` that says how to write it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from coleta.collect.cadence import check_cron
from coleta.errors import Misconfigured
from coleta.land.window import Window
from coleta.settings.units import parse_duration

FOREVER: Literal["forever"] = "forever"
"""How a stream says that it keeps what others of its project do not."""

SHORTEST = timedelta(hours=1)
"""Longer than any landing that might be about to name a file of the same name again."""


def parse_kept(written: object) -> timedelta | Literal["forever"]:
    """How long files are kept: a duration of an hour at least, or ``forever``.

    Raises:
        ValueError: it is neither.

    """
    if written == FOREVER:
        return FOREVER
    kept_for = parse_duration(written)
    if kept_for < SHORTEST:
        raise ValueError(f'must be at least "1h", or "{FOREVER}"')
    return kept_for


def check_window(text: str) -> str:
    """`text`, if it says a part of each day.

    Raises:
        ValueError: it does not.

    """
    Window.of(text)
    return text


def check_zone(name: str) -> str:
    """`name`, if it is that of a time zone.

    Raises:
        ValueError: it is not.

    """
    try:
        check_cron("* * * * *", name)
    except Misconfigured as error:
        raise ValueError(f"{error.what}; {error.hint}") from None
    return name
