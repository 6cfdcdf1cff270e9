"""What a repair works with, put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coleta.adapters.disk_aside import DiskAside
from coleta.audit.repair import Place
from coleta.ports import ObjectStore
from coleta.runtime.auditor import Evidence
from coleta.runtime.repair import Shop
from coleta.runtime.station import Station
from coleta.stream import Stream


def shop_of(
    stream: Stream,
    folder: Path,
    look: Callable[[], Evidence],
    elsewhere: tuple[str | None, ObjectStore | None],
    station: Station | None,
) -> Shop:
    """The shop of `stream`, whose spool is `folder`; `elsewhere` is a copy's name and the copy."""
    source, other = elsewhere
    place = Place(stream.name, stream.store, stream.path, str(folder), source)
    return Shop(look, place, DiskAside(folder), other, station)
