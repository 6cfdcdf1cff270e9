"""A span of time on the command line: ``3s``, ``5m``, ``1h``."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_SPAN = re.compile(r"([0-9]{1,6})(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def parse_span(text: str) -> timedelta:
    """`text` as a span of at least one second.

    Raises:
        typer.BadParameter: it is none.

    """
    found = _SPAN.fullmatch(text.strip())
    span = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else timedelta(0)
    if span < timedelta(seconds=1):
        raise typer.BadParameter(f"{text!r} is no span of time, such as 3s, 5m or 1h", param_hint="--every")
    return span
