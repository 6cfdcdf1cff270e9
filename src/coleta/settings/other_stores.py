"""Settings, a store that fsspec reaches: its URL, ``fsspec+PROTOCOL://…``, and the options of its filesystem.

Pure. Every fault is a ``ValueError`` that says how to write it, without what was written, which may hold a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from coleta.collect.request import is_secret_name
from coleta.stream import SecretRef

FSSPEC = "fsspec+PROTOCOL"
"""How the schemes of such stores are told."""

EXAMPLE = "fsspec+ftp://user@host/lake"

Option = str | int | float | bool

_PROTOCOL = re.compile(r"[a-z][a-z0-9]*")
_PLACE = re.compile(r"(?:[A-Za-z0-9_.+-]+@)?(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])?(?::[0-9]{1,5})?")
_SEGMENT = re.compile(r"[A-Za-z0-9_.=-]+")
_OURS = {
    "file": "file", "local": "file", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az",
    "abfss": "abfss", "adl": "az", "sftp": "sftp", "ssh": "sftp", "webdav": "webdavs", "webdavs": "webdavs",
}  # fmt: skip
"""What Coleta reaches by itself, and there promises more."""


def fsspec_url(scheme: str, rest: str) -> str:
    """The URL as it is kept.

    Raises:
        ValueError: it is none, or Coleta has a way of its own to such a store.

    """
    protocol = scheme.removeprefix("fsspec+")
    if not _PROTOCOL.fullmatch(protocol):
        raise ValueError(f'names no protocol of fsspec; write it such as "{EXAMPLE}"')
    if (own := _OURS.get(protocol)) is not None:
        raise ValueError(f"write {own}:// instead: Coleta reaches such a store by itself, and promises more there")
    if protocol == "memory":
        raise ValueError("what lies in memory is lost with the process")
    place, _, path = rest.partition("/")
    if ":" in place.rpartition("@")[0]:
        raise ValueError(
            'holds credentials, and this file is no place for them; write password = "env:NAME" as an option'
        )
    segments = path.strip("/").split("/")
    if not _PLACE.fullmatch(place) or not all(_SEGMENT.fullmatch(one) and one not in (".", "..") for one in segments):
        raise ValueError(f'names no folder; write "{EXAMPLE}", of letters, digits and _ - . = with single / between')
    return f"{scheme}://{place}/{'/'.join(segments)}"


def options_of(
    written: Mapping[str, Option], place: Callable[[str], Path], wrong: Callable[[str, str], None]
) -> tuple[tuple[str, Option | SecretRef], ...]:
    """The options of a filesystem, with references in place of secrets; `wrong` is told of each that cannot be."""
    found: list[tuple[str, Option | SecretRef]] = []
    for name, value in written.items():
        if isinstance(value, str) and value.startswith("file:"):
            try:
                found.append((name, SecretRef(f"file:{place(value[len('file:') :])}")))
            except ValueError as error:
                wrong(name, str(error))
        elif isinstance(value, str) and value.startswith("env:"):
            found.append((name, SecretRef(value)))
        elif isinstance(value, str) and (is_secret_name(name) or "pass" in name.lower()):
            wrong(name, 'is a secret, and this file is no place for it; write "env:NAME" or "file:PATH"')
        else:
            found.append((name, value))
    return tuple(found)
