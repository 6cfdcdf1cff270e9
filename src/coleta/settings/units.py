"""Settings, quantities as people write them: ``"1h30m"``, ``"10GB"``, ``"data.items"``.

Pure: a text goes in, a value comes out, or a ``ValueError`` that says how to write it.
"""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(days=3660)
"""The longest duration: ten years, far from where arithmetic on instants would overflow."""

_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,9})s)?")
_SIZE = re.compile(r"([0-9]{1,9}) ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_POWERS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_WRITTEN = [("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1)]
_POWERS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def parse_duration(written: object) -> timedelta:
    """A duration such as ``"5s"``, ``"1m"``, ``"2h"``, ``"1d"`` or ``"1h30m"``.

    Raises:
        ValueError: it is not one; a bare number, whose unit would be a guess, is not.

    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        raise ValueError(f'{written} has no unit: write "{written:.0f}s" for seconds, or "5m", "2h", "1d", "1h30m"')
    found = _DURATION.fullmatch(written) if isinstance(written, str) else None
    if found is None or not written:
        raise ValueError(f'{_shown(written)} is no duration: write one such as "30s", "5m", "2h", "1d" or "1h30m"')
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if duration > LONGEST:
        raise ValueError(f'{_shown(written)} is too long: at most "{LONGEST.days}d"')
    return duration


def format_duration(duration: timedelta) -> str:
    """`duration`, in whole seconds, the way ``parse_duration`` reads it."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def parse_size(written: object) -> int:
    """A size in bytes such as ``"10GB"`` (powers of 1000) or ``"64KiB"`` (powers of 1024).

    Raises:
        ValueError: it is not one, or it is nothing at all.

    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        raise ValueError(f'{written} has no unit: write a size such as "{written:.0f}B", "256MB" or "64KiB"')
    found = _SIZE.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f'{_shown(written)} is no size: write a whole number and a unit, such as "256MB" or "64KiB"')
    if (size_bytes := int(found[1]) * _POWERS[found[2].upper()]) == 0:
        raise ValueError("must be more than nothing")
    return size_bytes


def format_size(size_bytes: int) -> str:
    """`size_bytes`, the way ``parse_size`` reads it, in the greatest unit that leaves a whole number."""
    unit, power = next((unit, power) for unit, power in _WRITTEN if size_bytes % power == 0)
    return f"{size_bytes // power}{unit}"


def parse_selection(written: object) -> tuple[str, ...]:
    """The keys of ``"data.items"`` or ``"$.data.items"``, from the top of the answer.

    Raises:
        ValueError: it is not dotted keys.

    """
    if not isinstance(written, str):
        raise ValueError('must be keys with dots between them, such as "data.items"')
    keys = tuple(written.removeprefix("$.").split("."))
    if not all(keys) or keys == ("$",) or any(sign in written for sign in "[]*"):
        raise ValueError(f'{_shown(written)} is no path: write keys with dots between them, such as "data.items"')
    return keys


def _shown(written: object) -> str:
    """`written` as it looks in the file, cut where it would fill the screen."""
    if isinstance(written, str):
        return f'"{written[:40]}{"…" if len(written) > 40 else ""}"'
    return {bool: "true or false", list: "a list", dict: "a table"}.get(type(written), "this")
