"""What of the promise the log by itself shows: one dense chain, one outcome for each instant, one fate for each file.

For the ``Bookkeeper``, as ``Stranger`` has read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from coleta.testing.stranger import Contents, DataObject, Span

_MICRO = timedelta(microseconds=1)


def chain(contents: Contents, deleted: Mapping[str, object]) -> list[str]:
    """One dense sequence of commits, all that they name there; unless given up first and then `deleted`."""
    faults, records, objects = [], contents.records, contents.objects
    if [record["seq"] for record in records] != list(range(1, len(records) + 1)):
        faults.append(f"the sequence is not dense: {[record['seq'] for record in records]}")
    previous: DataObject | None = None
    whose = json.loads(objects["_ledger/identity.json"])["stream"]
    for one in contents.commits:
        record = one.record
        if previous is not None:
            if record["prev"] != hashlib.sha256(previous.stored).hexdigest():
                faults.append(f"commit {record['seq']} does not name the record before it")
            if record["_name"] != previous.record["next"]:
                faults.append(f"commit {record['seq']} lies at {record['_name']}, not {previous.record['next']}")
        for file in record["quarantine"] + record["archive"]:
            if file["path"] not in objects:
                if not (file["path"] in contents.given_up and file["path"] in deleted):
                    faults.append(f"file {file['path']} is missing")
            elif hashlib.sha256(objects[file["path"]]).hexdigest() != file["sha256"]:
                faults.append(f"file {file['path']} is another")
        if record["stream"] != whose:
            faults.append(f"commit {record['seq']} is of stream {record['stream']}, and the log is that of {whose}")
        if f"_ledger/terms/{record['terms']}.json" not in objects:
            faults.append(f"the terms of commit {record['seq']} are missing")
        previous = one
    return faults + _settled_files(records)


def _settled_files(records: list[dict]) -> list[str]:  # type: ignore[type-arg]
    """A file is taken up or given up once at most, after it was named."""
    faults, named, settled = [], set[str](), set[str]()
    for record in records:
        for path in record["redrives"]:
            if path not in named:
                faults.append(f"commit {record['seq']} takes up {path}, which nothing before it names")
            if path in settled:
                faults.append(f"commit {record['seq']} takes up {path} once more")
            settled.add(path)
        named |= {file["path"] for file in record["quarantine"] + record["archive"]}
    return faults


def links(records: list[dict]) -> list[str]:  # type: ignore[type-arg]
    """Answers that carry state begin each with what the one before it ended with."""
    faults, parent, state = [], None, None
    for account in (account for record in records for account in record["accounts"] if account["carried"]):
        carried = account["carried"]
        if (carried["parent"], carried["before"]) != (parent, state):
            faults.append(f"answer {account['answer'][:8]} does not begin with what the one before it ended with")
        parent, state = account["answer"], carried["after"]
    return faults


def unchanged(records: list[dict], said: Mapping[str, Collection[tuple[int, str | None]]]) -> list[str]:  # type: ignore[type-arg]
    """What is unchanged is so by the API's word, which is about the answer right before it, on the same terms.

    `said` are the statuses and ETags with which each answer came, once for each way in which it was accepted.
    """
    faults, before = [], None
    for record in records:
        for account in (one for one in record["accounts"] if one["carried"]):
            answer, after = account["answer"], account["carried"]["after"].get("validators") or {}
            if (account["outcome"] == "unchanged") != (304 in {status for status, _ in said[answer]}):
                faults.append(f"answer {answer[:8]} ended {account['outcome']}, and the API said {said[answer]}")
            elif account["outcome"] == "unchanged" and (
                before is None
                or before != (account["tick"]["start"], record["terms"], after.get("etag"))
                or (304, after.get("etag")) not in said[answer]
            ):
                faults.append(f"answer {answer[:8]} is unchanged, and not since the answer before it")
            nothing = account["outcome"] == "rejected" and not account["received"]
            before = (account["tick"]["end"], record["terms"], None if nothing else after.get("etag"))
    return faults


def coverage(contents: Contents, *, first: datetime, until: datetime) -> list[str]:
    """Each instant from `first` to `until` has one outcome; only a gap may have been replaced."""
    answers, gaps = contents.spans(gaps=False), contents.spans(gaps=True)
    faults = _overlaps("answers", answers) + _overlaps("gaps", gaps)
    reached = first - _MICRO
    for start, end in sorted(answers + gaps):
        if start > reached and reached < until:
            faults.append(f"no outcome from {reached} to {start}")
        reached = max(reached, end)
    if reached < until:
        faults.append(f"no outcome from {reached} to {until}")
    return faults


def _overlaps(what: str, spans: list[Span]) -> list[str]:
    return [f"two {what} settle {b[0]} to {min(a[1], b[1])}" for a, b in pairwise(sorted(spans)) if b[0] < a[1]]
