"""An independent bookkeeper: reads a lake and spools as a stranger would, and never imports coleta.

Rows by a naive ``read_parquet`` over the folder, records from the footers, quarantine and spool files by their
documented framing. Then it compares all of that with the book of the API: nothing lost, nothing double, nothing
invented, every tick with one outcome.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tests.end_to_end.ledger_api import Sent

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
Span = tuple[int, int]
"""An interval (start, end] in microseconds."""


@dataclass(slots=True)
class Balance:
    """What was found. ``places`` says for each id where it lies, ``lost`` which answers lie nowhere.

    The other lists say, in words, what is wrong whatever was killed: what lies there twice, which time has no outcome,
    and what else contradicts the books of the API.
    """

    places: dict[int, list[str]] = field(default_factory=dict)
    lost: list[Sent] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    superseded: int = 0
    waiting: int = 0
    damaged: int = 0

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Every account of every record, in the log's order."""
        return [account for record in self.records for account in record["accounts"]]

    @property
    def gaps(self) -> list[dict[str, Any]]:
        """The accounts of ticks that ended without an answer."""
        return [account for account in self.accounts if account["outcome"] == "gap"]

    def count(self, place: str) -> int:
        """How many ids lie in `place`."""
        return sum(place in places for places in self.places.values())


def balance(lake: Path, stream: str, sent: Sequence[Sent], spools: Sequence[Path], *, may_be_lost: int) -> Balance:
    """Check the books of one `stream`; at most `may_be_lost` answers may lie nowhere.

    `spools` are the stream's folders of all projects that collect into `lake`.
    """
    found = audit(lake, stream, sent, spools)
    assert not found.doubled, found.doubled
    assert not found.silent, found.silent
    assert not found.wrong, found.wrong
    assert not found.damaged, f"{found.damaged} files are set aside as damaged"
    assert len(found.lost) <= may_be_lost, f"{len(found.lost)} answers lie nowhere: {found.lost}"
    return found


def audit(lake: Path, stream: str, sent: Sequence[Sent], spools: Sequence[Path]) -> Balance:
    """Say what the books of one `stream` hold, and all that is wrong with them.

    A log that is no chain, or that names what is not there, ends with an error: nothing can be counted then.
    """
    found = Balance(records=read_log(lake / stream))
    landed_answers = {account["answer"] for account in found.accounts if account["answer"]}
    _add(found, "table", table_ids(lake, stream))
    _add(found, "quarantine", quarantine_ids(lake / stream, found.records))
    waiting: list[Span] = []
    for file in sorted(lake.glob(f"{stream}/_superseded/*.spool")):
        header, trailer, ids = read_spool(file)
        if trailer["answer"] in landed_answers:
            found.doubled.append(f"{file.name} is landed and superseded")
        found.superseded += 1
        _add(found, "superseded", ids)
    for place in ("waiting", "damaged"):
        for file in (file for spool in spools for file in sorted(spool.glob(f"{place}/*.spool"))):
            header, trailer, ids = read_spool(file)
            if trailer["answer"] in landed_answers:
                continue  # landed; the process ended before it let go of the file
            _add(found, place, ids)
            if place == "damaged":
                found.damaged += 1
            else:
                found.waiting += 1
            # What is set aside is told by `coleta verify`, so its time is not passed over in silence.
            waiting += [_span(tick) for tick in _ticks_of(header)]
    _check_ids(found, [one for one in sent if one.path == f"/{stream}"])
    _check_ticks(found, lake / stream, waiting)
    return found


def _add(found: Balance, place: str, ids: Iterable[int]) -> None:
    for one in ids:
        found.places.setdefault(one, []).append(place)


def _check_ids(found: Balance, sent: Sequence[Sent]) -> None:
    found.doubled += [f"record {one} lies in {places}" for one, places in found.places.items() if len(places) > 1]
    invented = found.places.keys() - {one for answer in sent for one in answer.ids}
    if invented:
        found.wrong.append(f"ids that the API never sent whole: {sorted(invented)}")
    for answer in sent:
        lies = {one: found.places.get(one) for one in answer.ids}
        missing = [one for one, places in lies.items() if places is None]
        if len(missing) not in (0, len(answer.ids)):
            found.wrong.append(f"an answer is there in parts only: {lies}")
        if missing:
            found.lost.append(answer)
        for one, places in lies.items():
            if places == (["table"] if one in answer.bad else ["quarantine"]):
                found.wrong.append(f"record {one} lies in the {places}")


# The lake ---------------------------------------------------------------------------------------


def table_ids(lake: Path, stream: str) -> list[int]:
    """The ids that a reader of the folder sees, as DuckDB reads them; pyarrow must count as many."""
    files = sorted(lake.glob(f"{stream}/data/**/*.parquet"))
    if not files:
        return []
    pattern = f"{lake}/{stream}/**/*.parquet"
    with duckdb.connect() as db:
        rows = db.execute("SELECT id FROM read_parquet(?, hive_partitioning = true)", [pattern]).fetchall()
    counted = sum(pq.read_table(pa.BufferReader(file.read_bytes())).num_rows for file in files)
    assert counted == len(rows), f"pyarrow counts {counted} rows, DuckDB {len(rows)}"
    return [row[0] for row in rows]


def quarantine_ids(below: Path, records: Iterable[dict[str, Any]]) -> list[int]:
    """The ids in the quarantine files that records name."""
    ids = []
    for named in (named for record in records for named in record["quarantine"]):
        packed = (below / named["path"]).read_bytes()
        assert hashlib.sha256(packed).hexdigest() == named["sha256"], f"{named['path']} has changed"
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as file:
            plain = file.read()
        if named["path"].endswith(".jsonl.zst"):
            ids += [json.loads(json.loads(line)["raw"])["id"] for line in plain.splitlines()]
    return ids


def read_log(below: Path) -> list[dict[str, Any]]:
    """The records of every data object, which must be one chain: dense, each naming the one before and after."""
    stored = {}
    for file in below.glob("data/**/*.parquet"):
        footer = pq.read_metadata(pa.BufferReader(file.read_bytes()))
        body = footer.metadata[b"coleta.record"]
        record = json.loads(body)
        assert record["rows"] == footer.num_rows, f"{file}: the record counts {record['rows']} rows"
        assert record["seq"] not in stored, f"commit {record['seq']} stands there twice"
        stored[record["seq"]] = (file.relative_to(below).as_posix(), body, record)
    records = []
    prev, following = None, None
    for seq in range(1, len(stored) + 1):
        assert seq in stored, f"commit {seq} of {len(stored)} is missing"
        name, body, record = stored[seq]
        assert record["prev"] == prev, f"commit {seq} does not name the record before it"
        assert following in (None, name), f"commit {seq} is {name}, not {following}"
        prev, following = hashlib.sha256(body).hexdigest(), record["next"]
        records.append(record)
    return records


# Ticks ------------------------------------------------------------------------------------------


def _check_ticks(found: Balance, below: Path, waiting: Iterable[Span]) -> None:
    """Every instant from the first tick to the last has one current outcome: no hole, no overlap."""
    answered, gaps = Stretches(), Stretches()
    for account in found.accounts:
        for span in (_span(tick) for tick in account["settles"]):
            if answered.meets(span):
                found.doubled.append(f"{account['tick']} is settled by two answers")
            if account["outcome"] == "gap" and gaps.meets(span):
                found.doubled.append(f"{account['tick']} is written down as a gap twice")
            if account["outcome"] == "gap":
                gaps.add(span)
            else:
                answered.add(span)
                gaps.remove(span)
    covered = Stretches()
    for span in (*answered.spans, *gaps.spans, *waiting):
        covered.add(span)
    for one, other in pairwise(covered.spans):
        found.silent.append(f"a hole of {(other[0] - one[1]) / 1e6} s before {other[0]}")
    if covered.spans:
        first = _instant(json.loads((below / "_ledger/identity.json").read_bytes())["first_tick"])
        if not covered.spans[0][0] < first <= covered.spans[0][1]:
            found.silent.append("the first tick has no outcome")


class Stretches:
    """Instants, as the fewest intervals that hold them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.spans: list[Span] = []

    def meets(self, span: Span) -> bool:
        """Whether some instant of `span` is among them."""
        return any(max(one[0], span[0]) < min(one[1], span[1]) for one in self.spans[self._touching(span)])

    def add(self, span: Span) -> None:
        """Take in all of `span`."""
        near = self._touching(span)
        joined = [*self.spans[near], span]
        if span[0] < span[1]:
            self.spans[near] = [(min(one[0] for one in joined), max(one[1] for one in joined))]

    def remove(self, span: Span) -> None:
        """Take out all of `span`."""
        if span[0] == span[1]:
            return
        near = self._touching(span)
        pieces = (
            piece
            for one in self.spans[near]
            for piece in ((one[0], min(one[1], span[0])), (max(one[0], span[1]), one[1]))
        )
        self.spans[near] = [piece for piece in pieces if piece[0] < piece[1]]

    def _touching(self, span: Span) -> slice:
        """Which of the intervals meet `span` or have an end in common with it."""
        first = bisect_left(self.spans, span[0], key=lambda one: one[1])
        last = bisect_right(self.spans, span[1], key=lambda one: one[0])
        return slice(first, max(first, last))


def _span(tick: dict[str, str]) -> Span:
    return _instant(tick["start"]), _instant(tick["end"])


def _instant(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


# Spool files ------------------------------------------------------------------------------------


def read_spool(file: Path) -> tuple[dict[str, Any], dict[str, Any], list[int]]:
    """Header, trailer and record ids of a whole spool file."""
    data = file.read_bytes()
    assert data[:8] == b"COLETA\x01\n", f"{file} is no spool file"
    frames, at = [], 8
    while at < len(data):
        kind, length = data[at : at + 1], int.from_bytes(data[at + 1 : at + 5], "little")
        end = at + 5 + length
        crc = int.from_bytes(data[end : end + 4], "little")
        assert crc == zlib.crc32(data[at:end]), f"{file}: the frame at {at} is damaged"
        frames.append((kind, data[at + 5 : end]))
        at = end + 4
    assert [kind for kind, _ in frames][:: len(frames) - 1] == [b"H", b"T"], f"{file} is not whole"
    body = b"".join(payload for kind, payload in frames if kind == b"B")
    header, trailer = json.loads(frames[0][1]), json.loads(frames[-1][1])
    is_data = body and trailer["wrong"] is None
    return header, trailer, [record["id"] for record in json.loads(body)] if is_data else []


def _ticks_of(header: dict[str, Any]) -> list[dict[str, str]]:
    return [header["tick"]] if header["tick"] else [gap["tick"] for gap in header["gaps"]]
