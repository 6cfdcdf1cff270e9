"""What a store holds, read as a stranger would: with the standard library and pyarrow, knowing only the formats.

Nothing of the code under test is used, so that an error in it is not shared.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

Span = tuple[datetime, datetime]
"""An interval: the instants after the first, up to and including the second."""


@dataclass(frozen=True, slots=True)
class Line:
    """A record in the quarantine, and whether any terms that people have would take it."""

    id: int
    hopeless: bool


@dataclass(frozen=True, slots=True)
class DataObject:
    """A file under ``data/``: its record, the very bytes of that, its rows' ids, its columns and its size."""

    record: dict  # type: ignore[type-arg]
    stored: bytes
    ids: tuple[int, ...]
    columns: tuple[str, ...]
    size_bytes: int


@dataclass(slots=True)
class Stranger:
    """Reads stores, and remembers what it has read: one object is never another later, or its bytes are other ones."""

    known: dict[str, tuple[bytes, DataObject | tuple[Line, ...]]] = field(default_factory=dict)
    deleted: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    """What the files held that a person has given up, and that are gone."""

    def read(self, objects: Mapping[str, bytes]) -> Contents:
        """What `objects`, by their names below the stream's path, are."""
        data = {name: self._data(name, body) for name, body in objects.items() if name.startswith("data/")}
        lines = {name: self._lines(name, body) for name, body in objects.items() if name.endswith(".jsonl.zst")}
        return Contents(objects, data, {**self.deleted, **lines})

    def gone(self, name: str, body: bytes) -> None:
        """Remember what `name`, which is being deleted, held."""
        self.deleted[name] = self._lines(name, body) if name.endswith(".jsonl.zst") else ()

    def _data(self, name: str, body: bytes) -> DataObject:
        found = self._remembered(name, body)
        if not isinstance(found, DataObject):
            with pq.ParquetFile(pa.BufferReader(body)) as file:
                stored = file.metadata.metadata[b"coleta.record"]
                rows = file.read(columns=["id"], use_threads=False)["id"].to_pylist() if file.metadata.num_rows else []
                columns = tuple(file.schema_arrow.names)
            found = DataObject({**json.loads(stored), "_name": name}, stored, tuple(rows), columns, len(body))
            self.known[name] = body, found
        return found

    def _lines(self, name: str, body: bytes) -> tuple[Line, ...]:
        found = self._remembered(name, body)
        if not isinstance(found, tuple):
            with pa.CompressedInputStream(io.BytesIO(body), "zstd") as stream:
                raws = [json.loads(json.loads(line)["raw"]) for line in stream.read().decode().splitlines()]
            found = tuple(Line(raw["id"], hopeless=raw["value"] is None) for raw in raws)
            self.known[name] = body, found
        return found

    def _remembered(self, name: str, body: bytes) -> DataObject | tuple[Line, ...] | None:
        known = self.known.get(name)
        return known[1] if known is not None and known[0] is body else None


@dataclass(frozen=True)
class Contents:
    """What a store holds at one moment."""

    objects: Mapping[str, bytes]
    data: Mapping[str, DataObject]
    lines: Mapping[str, tuple[Line, ...]]
    """The records in each quarantine file, those of deleted ones included."""

    @cached_property
    def commits(self) -> list[DataObject]:
        """The data objects in the order of their log."""
        return sorted(self.data.values(), key=lambda one: one.record["seq"])

    @cached_property
    def records(self) -> list[dict]:  # type: ignore[type-arg]
        """What the log says, commit by commit."""
        return [one.record for one in self.commits]

    @cached_property
    def superseded(self) -> set[str]:
        """The beginnings of the ids of the answers that are kept as superseded."""
        names = (name for name in self.objects if name.startswith("_superseded/"))
        return {name.rsplit("-", 1)[1].split(".")[0] for name in names}

    @cached_property
    def given_up(self) -> set[str]:
        """The quarantine files that the log gives up for good."""
        return {path for one in self.records if one["kind"] == "expired" for path in one["redrives"]}

    @cached_property
    def named(self) -> Counter[str]:
        """The quarantine files that the log names, and for how many answers."""
        pairs = {(file["path"], file["answer"]) for one in self.records for file in one["quarantine"]}
        return Counter(path for path, _ in pairs)

    @cached_property
    def open_files(self) -> set[str]:
        """The quarantine files that the log names and has neither taken up nor given up."""
        return set(self.named) - {path for one in self.records for path in one["redrives"]}

    def table(self) -> Counter[int]:
        """How many rows each id has."""
        return Counter(row for one in self.data.values() for row in one.ids)

    def held(self, paths: Iterable[str]) -> Counter[int]:
        """How often each id is in the quarantine files `paths`: once for each answer that has the file."""
        held = Counter[int]()
        for path in paths:
            for line in self.lines.get(path, ()):
                held[line.id] += self.named[path]
        return held

    def spans(self, *, gaps: bool) -> list[Span]:
        """The intervals that answers, or gaps, settle, in order."""
        return sorted(span for record in self.records for span in settled_in(record, gaps=gaps))

    @cached_property
    def taken_up(self) -> set[str]:
        """The answers of which something in the quarantine was taken up."""
        return {account["answer"] for one in self.records if one["kind"] == "redrive" for account in one["accounts"]}

    def answered_with_data(self) -> list[Span]:
        """The intervals for which answers are landed that were the data."""
        return [
            span_of(interval)
            for record in self.records
            for account in record["accounts"]
            # What is no data at all settles its tick, too, and gives nothing, unless a person takes it up.
            if account["outcome"] != "gap"
            and (account["outcome"] != "rejected" or account["received"] or account["answer"] in self.taken_up)
            for interval in account["settles"]
        ]


def span_of(interval: Mapping[str, str]) -> Span:
    """An interval as a record has it."""
    return datetime.fromisoformat(interval["start"]), datetime.fromisoformat(interval["end"])


def settled_in(record: dict, *, gaps: bool) -> list[Span]:  # type: ignore[type-arg]
    """The intervals that one commit settles by answers, or by gaps."""
    return [
        span_of(interval)
        for account in record["accounts"]
        if (account["outcome"] == "gap") is gaps
        for interval in account["settles"]
    ]
