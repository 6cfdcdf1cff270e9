"""The outside thing, the files of an Iceberg table's metadata: read and written by way of our own store.

So they are reached by the same settings and keys as all else there, are as durable, and fail in the same words. Data
objects are neither read nor deleted here.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream
from pyiceberg.typedef import EMPTY_DICT, Properties

from coleta.errors import ColetaError, StoreUnavailable
from coleta.ports import Exists, Housekeeping, ObjectStore

AREA = "coleta.area"
"""The property of a catalog by which pyiceberg hands its ``Area`` to ``StoreFiles``."""

FOLDER = "_iceberg"

_REPLACED = re.compile(rf"{FOLDER}/metadata/[^/]+\.metadata\.json")

_MANIFEST = re.compile(rf"{FOLDER}/metadata/[^/]+\.avro")


@dataclass(frozen=True, slots=True)
class Area:
    """The place below `root`, a URL without a slash at its end, the store that reaches it, and what deletes there."""

    root: str
    store: ObjectStore
    housekeeping: Callable[[], Housekeeping] | None = None

    def name(self, location: str) -> str:
        """The object's name at `location`.

        Raises:
            StoreUnavailable: it lies elsewhere.

        """
        name = location.removeprefix(f"{self.root}/")
        if name == location or not name.startswith(f"{FOLDER}/"):
            raise StoreUnavailable(
                "a file of the Iceberg table does not lie with its stream",
                where=location,
                hint=f"was the table moved? It is kept below {self.root}/{FOLDER}",
            )
        return name

    def let_go(self, location: str) -> None:
        """Delete a manifest, or a list of them, that no snapshot names any more. What stays only takes room.

        Not by way of ``StoreFiles.delete``: pyiceberg calls that for what it believes to have failed.
        """
        with suppress(ColetaError):
            name = self.name(location)
            if self.housekeeping is not None and _MANIFEST.fullmatch(name):
                self.housekeeping().delete(name)


class StoreFiles(FileIO):
    """What pyiceberg reads and writes files with, made by it from a catalog's properties."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        """Work in the area that stands among `properties`."""
        super().__init__(properties)
        self._area: Area = properties[AREA]

    def new_input(self, location: str) -> StoredFile:
        """The file at `location`, to be read."""
        return StoredFile(location, self._area)

    def new_output(self, location: str) -> NewFile:
        """The file at `location`, to be written."""
        return NewFile(location, self._area)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file of metadata that a newer one has replaced long ago; nothing else is ever deleted.

        Raises:
            StoreUnavailable: it may or may not be gone.

        """
        name = self._area.name(location if isinstance(location, str) else location.location)
        if self._area.housekeeping is not None and _REPLACED.fullmatch(name):
            self._area.housekeeping().delete(name)


class StoredFile(InputFile):
    """A file that is there, or not."""

    def __init__(self, location: str, area: Area) -> None:
        """Name the file at `location`."""
        super().__init__(location)
        self._area = area

    def __len__(self) -> int:
        """Its size in bytes."""
        size = self._area.store.size(self._area.name(self.location))
        if size is None:
            raise _missing(self.location)
        return size

    def exists(self) -> bool:
        """Whether it is there."""
        return self._area.store.size(self._area.name(self.location)) is not None

    def open(self, seekable: bool = True) -> InputStream:
        """Its bytes."""
        found = self._area.store.read(self._area.name(self.location))
        if found is None:
            raise _missing(self.location)
        return io.BytesIO(found)


class NewFile(OutputFile):
    """A file that is to be written, whole, when its stream is closed."""

    def __init__(self, location: str, area: Area) -> None:
        """Name the file at `location`."""
        super().__init__(location)
        self._area = area

    def __len__(self) -> int:
        """Its size in bytes, once it is there."""
        return len(self.to_input_file())

    def exists(self) -> bool:
        """Whether it is there."""
        return self.to_input_file().exists()

    def to_input_file(self) -> StoredFile:
        """The same file, to be read."""
        return StoredFile(self.location, self._area)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Begin to write it. What lies there is never replaced, whatever `overwrite` says: names are new each time."""
        return _Growing(lambda body: _keep(self._area, self.location, body))


class _Growing(io.BytesIO):
    """Bytes that are kept when they are closed, unless an error ended their writing."""

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        super().__init__()
        self._keep = keep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()

    def close(self) -> None:
        if not self.closed:
            body = self.getvalue()
            super().close()
            self._keep(body)

    def __del__(self) -> None:
        # What was never closed was never finished.
        super().close()


def _keep(area: Area, location: str, body: bytes) -> None:
    name = area.name(location)
    outcome = area.store.create(name, body, sha256=hashlib.sha256(body).hexdigest())
    if isinstance(outcome, Exists) and area.store.read(name) != body:
        raise StoreUnavailable("another file lies under the name of a new one", where=location)


def _missing(location: str) -> StoreUnavailable:
    return StoreUnavailable(
        "a file of the Iceberg table's metadata is missing",
        where=location,
        hint="bring it back; or drop the table in its catalog, and call `coleta publish STREAM --accept`",
    )
