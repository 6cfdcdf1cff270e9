"""Books kept apart from the code under test: what was accepted, and where each record of it is now.

``Stranger`` reads the store for it, so that an error in the code under test is not shared.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from coleta.testing.given import Given, given_in
from coleta.testing.logbook import chain, coverage, links, unchanged
from coleta.testing.stranger import Contents, Span, Stranger, settled_in

LandedAs = Literal["parts", "whole", "link"]
"""Whether an answer may be landed for a part of its tick, only for all of it, or only after its parent."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One acceptance of an answer that carries state: whose state it began with, and that state."""

    parent: str | None
    before: str

    @classmethod
    def of(cls, parent: str | None, before: Mapping[str, object] | None) -> Copy:
        """The copy that began with the state `before` of the answer `parent`."""
        return cls(parent, _state(before))


@dataclass(slots=True)
class AcceptedAnswer:
    """An answer that the spool has said to be durable, and its records; none where it is not the data."""

    answer: str
    tick: Span
    landed_as: LandedAs
    data: bool
    records: tuple[Given, ...] = ()
    refused: tuple[Given, ...] = ()
    """The records of one that its stream's checks refuse: they are nowhere, unless a person takes it up."""
    copies: set[Copy] = field(default_factory=set)
    """How it was accepted, once for each way: several machines may have asked the same and got the same."""

    def is_rejected(self, part: Sequence[Span] = ()) -> bool:
        """Whether landing it, for `part` of its tick only where that is given, leaves nothing but broken records."""
        placed = [one for one in self.records if not part or one.at is None or _within(one.at, part)]
        return not self.data or (bool(placed) and not any(one.good for one in placed))


@dataclass(slots=True)
class Bookkeeper:
    """Collects what was accepted, and compares it with what a store holds."""

    accepted: dict[str, AcceptedAnswer] = field(default_factory=dict)
    comes_again: bool = False
    """Whether the API gives a record more than once, so that answers alone do not say how often it is to be there."""
    lifted: frozenset[str] = frozenset()
    """What a person may have done about the quarantine: the kinds of the commits that it makes."""
    lost: set[str] = field(default_factory=set)
    """The answers that lay on a disk that is gone: each may be landed or not, but at most once."""
    said: dict[str, set[tuple[int, str | None]]] = field(default_factory=dict)
    """With which status and ETag each answer came to an API that may say 304; empty where it may not."""
    stranger: Stranger = field(default_factory=Stranger)

    def note(
        self,
        answer: str,
        tick: Span,
        body: bytes,
        *,
        landed_as: LandedAs = "parts",
        refused: bool = False,
        copy: Copy | None = None,
    ) -> None:
        """Note an accepted answer for `tick`: its pages' bodies, one a line. `refused`: by its stream's checks."""
        self.lost.discard(answer)
        given = given_in(body)
        records = None if refused else given
        before = self.accepted.get(answer)
        copies = set() if before is None else before.copies
        self.accepted[answer] = known = AcceptedAnswer(
            answer, tick, landed_as, records is not None, records or (), copies=copies
        )
        if refused:
            known.refused = given or ()
        if copy is not None:
            copies.add(copy)

    def check(self, objects: Mapping[str, bytes], *, first: datetime, until: datetime) -> list[str]:
        """Every way in which `objects` (below the stream's path) break the promise; none if they keep it.

        Every instant from `first` to `until` must have exactly one outcome.
        """
        contents = self.stranger.read(objects)
        faults = chain(contents, self.stranger.deleted)
        faults += self._answers(contents)
        faults += links(contents.records)
        if self.said:
            faults += unchanged(contents.records, self.said)
        faults += [fault for one in contents.superseded for fault in self.set_aside(one, contents)]
        faults += self._lifted(contents)
        if not self.comes_again:
            faults += self._rows(contents)
        faults += coverage(contents, first=first, until=until)
        return faults

    def _answers(self, contents: Contents) -> list[str]:
        batches = [r for r in contents.records if r["kind"] != "redrive"]  # which names answers that have landed before
        accounts = [a for r in batches for a in r["accounts"] if a["answer"] is not None]
        landed = Counter(a["answer"] for a in accounts)
        faults = [f"answer {answer[:8]} is landed {n} times" for answer, n in landed.items() if n > 1]
        faults += [f"answer {answer[:8]} is landed and was never accepted" for answer in landed.keys() - self.accepted]
        faults += [
            f"answer {a['answer'][:8]} for {a['tick']['end']} is landed and settles nothing"
            for a in accounts
            if a["tick"]["start"] != a["tick"]["end"] and not a["settles"]
        ]
        faults += [
            f"answer {a['answer'][:8]} is no data, and ended {a['outcome']} with {a['received']} records"
            for a in accounts
            if not self._is_data(a["answer"]) and (a["outcome"], a["received"]) != ("rejected", 0)
        ]
        for answer in self.accepted:
            aside = answer[:16] in contents.superseded
            if answer not in landed and not aside and answer not in self.lost:
                faults.append(f"answer {answer[:8]} was accepted and is nowhere")
            if answer in landed and aside and not self._has_twins(answer):
                faults.append(f"answer {answer[:8]} is landed and superseded")
        return faults

    def _is_data(self, answer: str) -> bool:
        return answer not in self.accepted or self.accepted[answer].data

    def _has_twins(self, answer: str | None) -> bool:
        """Whether copies of `answer`, or of one that it follows from, began with another state.

        Terms differ between machines, and so does the state that the same answer leaves. Of two such copies only one
        can be landed, and what follows from the other is superseded with it.
        """
        seen = set[str]()
        while answer in self.accepted and answer not in seen:
            seen.add(answer)
            copies = self.accepted[answer].copies
            if len({copy.before for copy in copies}) > 1:
                return True
            answer = next((copy.parent for copy in copies), None)
        return False

    def set_aside(self, name: str, contents: Contents, beside: Collection[str] = ()) -> list[str]:
        """What is wrong about superseding the answer whose id begins with `name`, by what the store holds then.

        `beside` are the answers that wait where it waits.
        """
        one = next((one for answer, one in self.accepted.items() if answer.startswith(name)), None)
        if one is None:
            return [f"answer {name[:8]} is superseded and was never accepted"]
        answered = contents.spans(gaps=False)
        if one.landed_as == "link":
            why = None if self._chain_goes_on(one, contents, beside) else "its chain has not gone on without it"
        elif not any(_overlap(span, one.tick) for span in answered):
            why = "no answer has settled any of its tick"
        elif one.landed_as == "parts" and _open(one.tick, answered) and not _rejected_in_part(one, contents):
            why = "no answer has settled all of its tick"
        else:
            why = None
        return [] if why is None else [f"answer {one.answer[:8]} is superseded, and {why}"]

    def _chain_goes_on(self, one: AcceptedAnswer, contents: Contents, beside: Collection[str]) -> bool:
        """Whether the chain has gone on without `one`, or will with what waits beside it."""
        if any(_overlap(span, one.tick) for span in contents.spans(gaps=False)) or self._has_twins(one.answer):
            return True
        carrying = [a for r in contents.records for a in r["accounts"] if a["carried"]]
        after = {a["answer"]: _state(a["carried"]["after"]) for a in carrying}
        followed = {a["carried"]["parent"] for a in carrying if a["answer"] != one.answer}
        followed |= {copy.parent for other in beside if other != one.answer for copy in self.accepted[other].copies}
        for copy in one.copies:
            # Another follows from what it followed from, or that has landed as another copy, with another state.
            if copy.parent in followed or after.get(copy.parent, copy.before) != copy.before:
                return True
            parent = self.accepted.get(copy.parent or "")
            if parent is not None and self._chain_goes_on(parent, contents, beside) and copy.parent not in after:
                return True
        return False

    def _lifted(self, contents: Contents) -> list[str]:
        kinds = {record["kind"] for record in contents.records} & {"redrive", "expired"}
        return [f"nobody asked for a commit of kind {kind}" for kind in sorted(kinds - self.lifted)]

    def _rows(self, contents: Contents) -> list[str]:
        landed = {a["answer"] for r in contents.records for a in r["accounts"] if a["answer"] is not None}
        given = [each for answer, one in self.accepted.items() if answer in landed for each in one.records]
        given += self.taken_up(contents)
        times = Counter(each.id for each in given)
        return misplaced({each.id: each for each in given}, Counter(dict.fromkeys(times, 1)), contents)

    def taken_up(self, contents: Contents) -> list[Given]:
        """The records of answers that checks refused, and that a person took up: good by other terms or not."""
        some = (one for answer, one in self.accepted.items() if answer in contents.taken_up)
        return [replace(each, good=False, hopeless=False) for one in some for each in one.refused]


def misplaced(given: Mapping[int, Given], wanted: Counter[int], contents: Contents) -> list[str]:
    """Every record that is not as often as `wanted` where it belongs: good ones in the table.

    One that broke its contract is in the quarantine, or was given up with its file; or it is in the table, once a
    person has changed the terms and taken it up.
    """
    table, jailed = contents.table(), contents.held(contents.open_files)
    gone = contents.held(contents.given_up)
    kinds = {record["kind"] for record in contents.records}
    faults = []
    for number in sorted(wanted.keys() | table.keys() | jailed.keys() | gone.keys()):
        n, one = wanted[number], given.get(number, Given(number))
        if one.good or one.hopeless or "redrive" not in kinds:
            if table[number] != (n if one.good else 0):
                faults.append(f"record {number} is {table[number]} times in the table, not {n if one.good else 0}")
            elsewhere = jailed[number] + gone[number]
            if elsewhere != (0 if one.good else n):
                faults.append(f"record {number} is {elsewhere} times in the quarantine, not {0 if one.good else n}")
        elif table[number] + jailed[number] + gone[number] != n:
            where = f"{table[number]} times in the table, {jailed[number] + gone[number]} times in the quarantine"
            faults.append(f"record {number} is {where}, not {n} times in all")
    return faults


def _rejected_in_part(one: AcceptedAnswer, contents: Contents) -> bool:
    """Whether at some end of the log, up to its newest, landing what was open of `one` would have left nothing.

    What ends rejected does not settle a part of a tick: the rest of it is asked again.
    """
    answered: list[Span] = []
    for record in contents.records:
        answered = sorted(answered + settled_in(record, gaps=False))
        part = _open(one.tick, answered)
        if part and part != [one.tick] and one.is_rejected(part):
            return True
    return False


def _state(state: Mapping[str, object] | None) -> str:
    return json.dumps(state, sort_keys=True)


def _within(at: datetime, spans: Sequence[Span]) -> bool:
    return any(start < at <= end for start, end in spans)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _open(tick: Span, spans: Sequence[Span]) -> list[Span]:
    """The parts of `tick` that `spans`, in order, leave open."""
    parts, reached = [], tick[0]
    for start, end in spans:
        if end > reached and start < tick[1]:
            if start > reached:
                parts.append((reached, start))
            reached = end
    return [*parts, (reached, tick[1])] if reached < tick[1] else parts


def crc(objects: Mapping[str, bytes]) -> int:
    """One number for all of `objects`, to tell whether two runs came to the very same end."""
    value = 0
    for name in sorted(objects):
        value = zlib.crc32(objects[name], zlib.crc32(name.encode(), value))
    return value
