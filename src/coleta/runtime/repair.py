"""Stage 3 at work: do what is provably safe about what an audit finds, and say of the rest what a person must do.

In the store it only creates, under names where nothing lies, bytes that the log proves to be right; on this machine it
forgets what can be learned again, and lets answers wait again that were set aside and are whole. May be cut off
after any line and simply called again: a second call finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from coleta.audit.finding import Finding
from coleta.audit.repair import (
    Left,
    Mended,
    Place,
    contradiction,
    cure_of,
    is_missing,
    missing_rollups,
    settled_spool_step,
    step_for,
)
from coleta.collect.spool import file_name, parse
from coleta.errors import Corrupt, Retryable
from coleta.land.commit import Committed, Head
from coleta.land.record import SHORT_ID
from coleta.land.rollup import FOLDER, ROLL_UP_COMMITS
from coleta.ports import Aside, ObjectStore
from coleta.runtime.auditor import Evidence, whole
from coleta.runtime.copies import Copies, Copy
from coleta.runtime.inspector import Deep
from coleta.runtime.log import follow, look_ahead
from coleta.runtime.putting import put_note
from coleta.runtime.recalling import own
from coleta.runtime.rollups import RollUps
from coleta.runtime.station import Station

ROUNDS = 10
"""How often the log is audited again after something was put right: what comes back may show what else is missing."""

INDEX_LOST = "index_lost"

AT_ONCE = 10_000
"""Findings of one kind that one round works on."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What a repair works with. ``station`` is None where nothing may be changed; ``other`` is the store elsewhere."""

    look: Callable[[], Evidence]
    place: Place
    aside: Aside
    other: ObjectStore | None = None
    station: Station | None = None
    rollup_commits: int = ROLL_UP_COMMITS


@dataclass(frozen=True, slots=True)
class Repairs:
    """What was done, or would be with ``dry_run``, and what is left to a person."""

    stream: str
    dry_run: bool
    done: tuple[Mended, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there is no damage any more."""
        return not self.left and not (self.dry_run and self.done)


def repair(shop: Shop, *, deep: Deep | None = None, progress: Callable[[int], None] = lambda seq: None) -> Repairs:
    """Put right what can be, round by round, until a round finds nothing more to do.

    Raises:
        StoreUnavailable, Retryable: a store, or the disk, does not answer; what was done until then stands.
        SpoolRefused: the disk does not take what was set aside back.

    """
    done: list[Mended] = []
    left: tuple[Left, ...] = ()
    for _ in range(ROUNDS):
        one = _Round(shop, deep, progress)
        one.work()
        done += one.done
        left = tuple(one.left)
        if shop.station is None or not one.done:
            break
    return Repairs(shop.place.stream, shop.station is None, tuple(done), left)


@dataclass(slots=True)
class _Round:
    """One audit, and what follows from it."""

    shop: Shop
    deep: Deep | None
    progress: Callable[[int], None]
    done: list[Mended] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def work(self) -> None:
        """Look, and act."""
        if self._index():
            return
        evidence = self.shop.look()
        copies = Copies(evidence, self.shop.aside, self.shop.other, commits=self.shop.rollup_commits)
        report = whole(evidence, deep=self.deep, progress=self.progress, most=AT_ONCE)
        damage = [one for one in report.findings if one.severity == "damage"]
        chain = list(self._chain(evidence, copies, damage))
        back = {copy.name for copy in chain}
        for finding in damage:
            self._treat(finding, evidence, copies, back)
        for copy in chain:
            self._put("missing_object", copy)
        if not any(cure_of(one) == "object" for one in damage) and not chain:
            self._roll_ups(evidence, report.objects)

    def _index(self) -> bool:
        """Forget what this machine remembers, if it contradicts itself; else learn what is new. Whether it was so."""
        station = self.shop.station
        index = self.shop.look().index if station is None else own(station.index)
        try:
            why = contradiction(index.commits(), index.head())
        except Retryable as error:
            if error.code != INDEX_LOST:
                raise
            why = "its file was damaged"
        if why is not None:
            self.done.append(Mended("changed_index", "index", f"forgotten, and learned from the store again: {why}"))
        if station is None:
            return False
        if why is not None:
            station.index.enter(Head.genesis(station.identity), None)
        with suppress(Corrupt):  # the audit says where
            follow(station.store, station.index, station.identity)
        return why is not None

    def _chain(self, evidence: Evidence, copies: Copies, damage: list[Finding]) -> Iterator[Copy]:
        """Objects that the log has lost and nobody here remembers, from the other place."""
        if self.shop.other is None or not any(one.code in ("stray_object", "unreachable") for one in damage):
            return
        head = evidence.index.head()
        head = head if head is not None and head.uuid == evidence.identity.uuid else Head.genesis(evidence.identity)
        try:
            head = look_ahead(evidence.store, head)
        except Corrupt:
            return
        lost: list[Committed] = copies.lost_chain(head)
        for committed in lost:
            copy = copies.of_chain(committed)
            if copy is not None and evidence.store.size(committed.name) is None:
                yield copy

    def _treat(self, finding: Finding, evidence: Evidence, copies: Copies, back: set[str]) -> None:
        if finding.code in ("stray_object", "unreachable") and back:
            return  # the log leads there again, once what is missing before it is back
        if cure_of(finding) == "spool":
            self._spool(finding, evidence)
            return
        copy = _copy_for(finding, copies, {one.where for one in self.done})
        if copy is not None and is_missing(finding):
            self._put(finding.code, copy)
        else:
            good = None if copy is None else copy.origin
            self.left.append(Left(finding, step_for(finding, self.shop.place, good=good)))

    def _put(self, code: str, copy: Copy) -> None:
        if self.shop.station is not None:
            put_note(self.shop.station.store, copy.name, copy.body)
        self.done.append(Mended(code, copy.name, f"put again, from {copy.origin}"))

    def _spool(self, finding: Finding, evidence: Evidence) -> None:
        name = finding.where
        stored = self.shop.aside.read(name)
        try:
            contents = parse(name, stored or b"")
        except Corrupt:
            contents = None
        if contents is not None and contents.header.uuid == evidence.identity.uuid:
            to = file_name(contents.header, contents.trailer)
            if self.shop.station is None or self.shop.aside.give_back(name, to):
                self.done.append(Mended(finding.code, name, "it is whole after all, and waits to be landed again"))
                return
        step = settled_spool_step if _is_kept(name, evidence) else step_for
        self.left.append(Left(finding, step(finding, self.shop.place)))

    def _roll_ups(self, evidence: Evidence, seq: int) -> None:
        listed = list(evidence.store.names(FOLDER))
        missing = missing_rollups(listed, seq, commits=self.shop.rollup_commits)
        station = self.shop.station
        if station is not None and missing:
            rolling = RollUps(station, commits=self.shop.rollup_commits)
            try:
                while rolling.advance():
                    pass
            except Corrupt as error:
                what = f"a roll-up cannot be written: {error.what}"
                found = Finding("damage", "changed_object", error.where or "", what)
                self.left.append(Left(found, step_for(found, self.shop.place)))
                return
        self.done += [Mended("missing_rollup", name, "written again, from the objects") for name in missing]


def _copy_for(finding: Finding, copies: Copies, back: Container[str]) -> Copy | None:
    name = finding.where
    match cure_of(finding):
        case "identity":
            return copies.identity(name)
        case "terms":
            return copies.terms(name)
        case "file":
            return copies.file(name, finding.seq)
        case "object":
            return copies.object(name, finding.seq, back)
    return None


def _is_kept(name: str, evidence: Evidence) -> bool:
    """Whether the answer of a spool file is in the log, or in the store beside it, as far as the file's name tells."""
    tick, _, rest = name.partition("-")
    short = rest[:SHORT_ID]
    if len(short) < SHORT_ID or not short.isalnum():
        return False
    stored = f"_superseded/{tick}-{short}.spool"
    return bool(evidence.index.landed([short])) or evidence.store.size(stored) is not None
