"""Books kept apart from the code under test: what was accepted, and where each record of it is now.

Reads the store as a stranger would: every Parquet file under ``data/``, every file of the quarantine,
with the standard library and pyarrow only, so that an error in the code under test is not shared.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

_MICRO = timedelta(microseconds=1)


LandedAs = Literal["parts", "whole", "link"]
"""Whether an answer may be landed for a part of its tick, only for all of it, or only after its parent."""


@dataclass(frozen=True, slots=True)
class Found:
    """The records that a store holds, by their ids, and the intervals for which answers with data are landed."""

    table: list[int]
    quarantine: list[int]
    answered: list[tuple[datetime, datetime]]


@dataclass(slots=True)
class AcceptedAnswer:
    """An answer that the spool has said to be durable: its records' ids, good and bad ones."""

    answer: str
    tick: tuple[datetime, datetime]
    good: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    whole: bool = False
    landed_as: LandedAs = "parts"
    copies: int = 1
    """How many machines have accepted it: they asked the same and got the same."""


@dataclass(slots=True)
class Bookkeeper:
    """Collects what was accepted, and compares it with what a store holds."""

    accepted: dict[str, AcceptedAnswer] = field(default_factory=dict)
    comes_again: bool = False
    """Whether the API gives a record more than once, so that answers alone do not say how often it is to be there."""
    lost: set[str] = field(default_factory=set)
    """The answers that lay on a disk that is gone: each may be landed or not, but at most once."""

    def note(self, answer: str, tick: tuple[datetime, datetime], body: bytes, *, landed_as: LandedAs = "parts") -> None:
        """Note an accepted answer for `tick`: its pages' bodies, one a line."""
        self.lost.discard(answer)
        copies = self.accepted[answer].copies + 1 if answer in self.accepted else 1
        known = AcceptedAnswer(answer, tick, landed_as=landed_as, copies=copies)
        try:
            records = [record for page in body.splitlines() for record in json.loads(page)]
            good = tuple(record["id"] for record in records if isinstance(record["value"], int))
            bad = tuple(record["id"] for record in records if not isinstance(record["value"], int))
            known = replace(known, good=good, bad=bad, whole=True)
        except (ValueError, TypeError, KeyError):
            pass  # it is no data, and ends rejected whole
        self.accepted[answer] = known

    def check(self, objects: Mapping[str, bytes], *, first: datetime, until: datetime) -> list[str]:
        """Every way in which `objects` (below the stream's path) break the promise; none if they keep it.

        Every instant from `first` to `until` must have exactly one outcome.
        """
        records = _records(objects)
        faults = _chain(objects, records)
        faults += self._answers(objects, records)
        faults += _links(records)
        if not self.comes_again:
            faults += self._rows(objects, records)
        faults += _coverage(records, first=first, until=until)
        return faults

    def _answers(self, objects: Mapping[str, bytes], records: list[dict]) -> list[str]:  # type: ignore[type-arg]
        batches = [r for r in records if r["kind"] != "redrive"]  # which names answers that have landed before
        landed = Counter(a["answer"] for r in batches for a in r["accounts"] if a["answer"] is not None)
        faults = [f"answer {answer[:8]} is landed {n} times" for answer, n in landed.items() if n > 1]
        faults += [f"answer {answer[:8]} is landed and was never accepted" for answer in landed.keys() - self.accepted]
        faults += [
            f"answer {a['answer'][:8]} for {a['tick']['end']} is landed and settles nothing"
            for r in batches
            for a in r["accounts"]
            if a["answer"] is not None and a["tick"]["start"] != a["tick"]["end"] and not a["settles"]
        ]
        superseded = {name.rsplit("-", 1)[1].split(".")[0] for name in objects if name.startswith("_superseded/")}
        for answer, one in self.accepted.items():
            if answer not in landed and answer[:16] not in superseded and answer not in self.lost:
                faults.append(f"answer {answer[:8]} was accepted and is nowhere")
            # Of two copies that began with another state, since terms differed, only one can be landed.
            twins = one.copies > 1 and one.landed_as == "link"
            if answer in landed and answer[:16] in superseded and not twins:
                faults.append(f"answer {answer[:8]} is landed and superseded")
        answered = _spans(records, gaps=False)
        for answer, one in self.accepted.items():
            if answer[:16] not in superseded:
                continue
            # What ends rejected does not settle a part of a tick: the rest of it is asked again. Where records are
            # placed in time, the part that was open may have had bad ones only.
            rejected = not one.whole or (one.bad and (not one.good or self.comes_again))
            if one.landed_as == "parts" and not rejected and _uncovered(one.tick, answered):
                faults.append(f"answer {answer[:8]} is superseded, and no answer has settled all of its tick")
            elif one.landed_as != "link" and not any(
                start < one.tick[1] and one.tick[0] < end for start, end in answered
            ):
                faults.append(f"answer {answer[:8]} is superseded, and no answer has settled any of its tick")
        return faults

    def _rows(self, objects: Mapping[str, bytes], records: list[dict]) -> list[str]:  # type: ignore[type-arg]
        landed = {a["answer"] for r in records for a in r["accounts"] if a["answer"] is not None}
        answers = [one for answer, one in self.accepted.items() if answer in landed]
        rows = Counter(_table_ids(objects))
        jailed = Counter(_quarantined_ids(objects, records))
        faults = _compare("table", rows, (i for one in answers for i in one.good))
        return faults + _compare("quarantine", jailed, (i for one in answers for i in one.bad))


def found(objects: Mapping[str, bytes]) -> Found:
    """What `objects` (below the stream's path) hold."""
    records = _records(objects)
    answered = [
        (datetime.fromisoformat(interval["start"]), datetime.fromisoformat(interval["end"]))
        for record in records
        for account in record["accounts"]
        # What is no data at all settles its tick, too, and gives nothing.
        if account["outcome"] != "gap" and (account["outcome"] != "rejected" or account["received"])
        for interval in account["settles"]
    ]
    return Found(_table_ids(objects), _quarantined_ids(objects, records), answered)


def _compare(place: str, found: Counter[int], wanted: Iterable[int]) -> list[str]:
    expected = Counter(wanted)
    faults = [f"record {i} is {found[i]} times in the {place}" for i in expected if found[i] != 1]
    return faults + [f"record {i} has no place in the {place}" for i in found.keys() - expected.keys()]


def _records(objects: Mapping[str, bytes]) -> list[dict]:  # type: ignore[type-arg]
    records = []
    for name, body in objects.items():
        if name.startswith("data/"):
            stored = pq.read_metadata(pa.BufferReader(body)).metadata[b"coleta.record"]
            records.append({**json.loads(stored), "_name": name, "_stored": stored})
    return sorted(records, key=lambda record: record["seq"])


def _chain(objects: Mapping[str, bytes], records: list[dict]) -> list[str]:  # type: ignore[type-arg]
    faults = []
    if [record["seq"] for record in records] != list(range(1, len(records) + 1)):
        faults.append(f"the sequence is not dense: {[record['seq'] for record in records]}")
    previous = None
    for record in records:
        if previous is not None:
            if record["prev"] != hashlib.sha256(previous["_stored"]).hexdigest():
                faults.append(f"commit {record['seq']} does not name the record before it")
            if record["_name"] != previous["next"]:
                faults.append(f"commit {record['seq']} lies at {record['_name']}, not {previous['next']}")
        for file in record["quarantine"] + record["archive"]:
            if file["path"] not in objects:
                faults.append(f"file {file['path']} is missing")
            elif hashlib.sha256(objects[file["path"]]).hexdigest() != file["sha256"]:
                faults.append(f"file {file['path']} is another")
        if f"_ledger/terms/{record['terms']}.json" not in objects:
            faults.append(f"the terms of commit {record['seq']} are missing")
        previous = record
    return faults


def _links(records: list[dict]) -> list[str]:  # type: ignore[type-arg]
    """Answers that carry state begin each with what the one before it ended with."""
    faults, parent, state = [], None, None
    for account in (account for record in records for account in record["accounts"] if account["carried"]):
        carried = account["carried"]
        if (carried["parent"], carried["before"]) != (parent, state):
            faults.append(f"answer {account['answer'][:8]} does not begin with what the one before it ended with")
        parent, state = account["answer"], carried["after"]
    return faults


def _table_ids(objects: Mapping[str, bytes]) -> list[int]:
    ids: list[int] = []
    for name, body in objects.items():
        if name.startswith("data/"):
            ids += pq.read_table(io.BytesIO(body), columns=["id"])["id"].to_pylist()
    return ids


def _quarantined_ids(objects: Mapping[str, bytes], records: list[dict]) -> list[int]:  # type: ignore[type-arg]
    ids = []
    taken = {path for r in records for path in r["redrives"]}
    named = [file for r in records for file in r["quarantine"] if file["path"] not in taken]
    for path in [file["path"] for file in named if file["holds"] == "records"]:
        if path not in objects:
            continue  # reported with the chain
        with pa.CompressedInputStream(io.BytesIO(objects[path]), "zstd") as stream:
            for line in stream.read().decode().splitlines():
                ids.append(json.loads(json.loads(line)["raw"])["id"])
    return ids


def _coverage(records: list[dict], *, first: datetime, until: datetime) -> list[str]:  # type: ignore[type-arg]
    answers, gaps = _spans(records, gaps=False), _spans(records, gaps=True)
    faults = _overlaps("answers", answers) + _overlaps("gaps", gaps)
    reached = first - _MICRO
    for start, end in sorted(answers + gaps):
        if start > reached and reached < until:
            faults.append(f"no outcome from {reached} to {start}")
        reached = max(reached, end)
    if reached < until:
        faults.append(f"no outcome from {reached} to {until}")
    return faults


def _spans(records: list[dict], *, gaps: bool) -> list[tuple[datetime, datetime]]:  # type: ignore[type-arg]
    return sorted(
        (datetime.fromisoformat(interval["start"]), datetime.fromisoformat(interval["end"]))
        for record in records
        for account in record["accounts"]
        if (account["outcome"] == "gap") is gaps
        for interval in account["settles"]
    )


def _uncovered(tick: tuple[datetime, datetime], spans: list[tuple[datetime, datetime]]) -> bool:
    reached = tick[0]
    for start, end in spans:
        if start <= reached < end:
            reached = end
    return reached < tick[1]


def _overlaps(what: str, spans: list[tuple[datetime, datetime]]) -> list[str]:
    return [f"two {what} settle {b[0]} to {min(a[1], b[1])}" for a, b in pairwise(sorted(spans)) if b[0] < a[1]]


def crc(objects: Mapping[str, bytes]) -> int:
    """One number for all of `objects`, to tell whether two runs came to the very same end."""
    value = 0
    for name in sorted(objects):
        value = zlib.crc32(objects[name], zlib.crc32(name.encode(), value))
    return value
