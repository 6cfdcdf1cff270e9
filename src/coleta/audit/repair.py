"""Stage 3: what can be done about a finding, and what only a person can do. Pure.

Nothing is put in the store but bytes of which the log proves that they are the right ones, and only where nothing
lies: whatever is in the way stays, and a person is told how to take it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from shlex import quote
from typing import Literal
from urllib.parse import unquote, urlsplit

from coleta.audit.finding import Finding
from coleta.land.commit import Committed, Head
from coleta.land.rollup import ROLL_UP_COMMITS, rollup_name

Cure = Literal["identity", "terms", "file", "object", "spool", "none"]
"""Which kind of thing a finding is about, and so where its right bytes may be found."""

_CURES: dict[str, Cure] = {
    "missing_identity": "identity",
    "changed_identity": "identity",
    "missing_terms": "terms",
    "changed_terms": "terms",
    "missing_quarantine": "file",
    "changed_quarantine": "file",
    "missing_archive": "file",
    "changed_archive": "file",
    "missing_object": "object",
    "unreadable_object": "object",
    "changed_object": "object",
    "broken_log": "object",
    "damaged_spool": "spool",
}


@dataclass(frozen=True, slots=True)
class Mended:
    """What a repair did, or would do, about ``where``; ``code`` is that of the finding."""

    code: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that is left to a person, and the ``step`` to take."""

    finding: Finding
    step: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person finds what a step is about. ``source`` is the copy that was asked, as it was named."""

    stream: str
    store: str
    path: str
    spool: str
    source: str | None = None

    @property
    def again(self) -> str:
        """The command to give again."""
        return f"coleta repair {self.stream} --from {quote(self.source) if self.source else 'STORE'}"

    def move(self, name: str) -> str:
        """The command that takes the object `name` out of the way, and keeps it."""
        key, scheme = f"{self.path}/{name}", self.store.partition(":")[0]
        root = unquote(urlsplit(self.store).path).rstrip("/") if scheme == "file" else self.store.rstrip("/")
        old, new = quote(f"{root}/{key}"), quote(f"{root}/_set_aside/{key}")
        if scheme == "file":
            return f"mkdir -p {quote(f'{root}/_set_aside/{key}'.rpartition('/')[0])} && mv {old} {new}"
        return f"{_MOVES.get(scheme, 'move')} {old} {'to ' if scheme not in _MOVES else ''}{new}"

    def versions(self, name: str) -> str:
        """How to look for an earlier version of it."""
        scheme, _, rest = self.store.partition("://")
        bucket, _, prefix = rest.rstrip("/").partition("/")
        key = "/".join(part for part in (prefix, self.path, name) if part)
        if scheme == "s3":
            where = f"--bucket {quote(bucket)} --prefix {quote(key)}"
            return f"aws s3api list-object-versions {where} shows earlier versions"
        if scheme == "gs":
            return f"gcloud storage ls --all-versions {quote(f'gs://{bucket}/{key}')} shows earlier versions"
        return "an earlier version in the store, or a backup, may have it"


_MOVES = {"s3": "aws s3 mv", "gs": "gcloud storage mv"}
"""The commands of the stores' own tools; for others the step says what to move where."""


def cure_of(finding: Finding) -> Cure:
    """What kind of thing `finding` is about."""
    return _CURES.get(finding.code, "none")


def is_missing(finding: Finding) -> bool:
    """Whether nothing lies there, so that the right bytes can be put."""
    return finding.code.startswith("missing_")


def step_for(finding: Finding, place: Place, *, good: str | None = None) -> str:
    """What a person must do about `finding`; `good` says where its right bytes were found, if they were."""
    where, code = finding.where, finding.code
    if code == "missing_identity":
        return f"nothing of this log lies there: is it the right store, and mounted? {place.again} takes it from a copy"
    if is_missing(finding):
        asked = f"{place.source} does not have them either: " if place.source else ""
        return f"its right bytes are not at hand; {asked}{place.versions(where)}; {place.again} takes them from a copy"
    if cure_of(finding) not in ("none", "spool"):
        stop = "with every collector of this stream stopped, " if cure_of(finding) == "object" else ""
        if good is not None:
            command = place.again if place.source else f"coleta repair {place.stream}"
            return f"{stop}take it away: {place.move(where)}; then {command} puts its right bytes, from {good}"
        return f"{stop}find its right bytes ({place.versions(where)}), take it away: {place.move(where)}; {place.again}"
    return _STEPS.get(code, _REPORT).format(
        move=place.move(where),
        spool=place.spool,
        again=place.again,
        name=where,
        stream=place.stream,
        versions=place.versions(where),
    )


_REPORT = "a commit that exists is never changed: keep everything as it is, and find out who wrote it"

_STEPS = {
    "unreachable": "the object that is missing there leads on: {again} takes it from a copy of the store",
    "stray_object": "look at it, and take it away, since readers count its rows: {move}; if an object before it is "
    "missing, {again} instead",
    "changed_rollup": "it is derived, so take it away: {move}; coleta repair {stream} writes it anew",
    "changed_head": "it is derived, so take it away: {move}; coleta up keeps one anew. Whoever began with it has "
    "learned what is wrong: with its collector stopped, move {spool}/index-*.sqlite* to another place",
    "changed_superseded": "no record needs it: {move}",
    "other_history": "bring back what was there ({versions}); or, if the store was restored on purpose, let this "
    "machine forget: move {spool}/index-*.sqlite* to another place",
    "unreadable_table": "readers cannot read it either, unless the store was away just then: docs/how-to/delta.md says "
    "what to do, docs/how-to/iceberg.md for an Iceberg table; the data objects are whole without it",
    "lost_table": "bring its _delta_log, or its entry in the catalog, back; or, if it was dropped on purpose: "
    "coleta publish {stream} --accept",
    "other_table": "bring the other _delta_log, or entry in the catalog, back; or, if this is as it should be: "
    "coleta publish {stream} --accept",
    "table_ahead": "the store has lost commits that the table still holds: bring them back ({again}); else make the "
    "table anew: move its folder {name} away (an Iceberg table: drop it), then coleta publish {stream} --accept",
    "table_rows": "somebody has changed rows of the table; if that was not meant, restore a version of it, or make it "
    "anew: move its folder {name} away (an Iceberg table: drop it), then coleta publish {stream} --accept",
    "hole": "coleta up asks for it, or writes down that nobody did",
    "unreadable_spool": "look at the kernel's log; if the disk is failing, copy {spool} to another one",
    "damaged_spool": "coleta raw cat shows what of it can be read; when you don't need it any more: "
    "move {spool}/damaged/{name} to another place",
}


def settled_spool_step(finding: Finding, place: Place) -> str:
    """The step for a damaged spool file whose answer is in the log, or in another file, all the same."""
    path = quote(f"{place.spool}/damaged/{finding.where}")
    return f"its answer is not lost, it has landed or is set aside in the store; take the file away: rm {path}"


def contradiction(commits: Iterable[Committed], head: Head | None) -> str | None:
    """How what a machine remembers of a log contradicts itself, so that nothing in it can be believed; or None.

    That it contradicts the store is no reason: then it may be the store that has lost something.
    """
    last: Committed | None = None
    for before, after in pairwise(commits):
        last = after
        if (after.record.seq, after.record.prev) != (before.record.seq + 1, before.digest):
            return f"what it remembers as commit {after.record.seq} does not continue commit {before.record.seq}"
    if last is not None and head is not None and (head.seq, head.digest) != (last.record.seq, last.digest):
        return f"it ends with commit {last.record.seq}, and says that it has come to {head.seq}"
    return None


def missing_rollups(listed: Iterable[str], seq: int, *, commits: int = ROLL_UP_COMMITS) -> tuple[str, ...]:
    """The roll-ups that a log of `seq` commits should have and that are not `listed`."""
    there = set(listed)
    names = (rollup_name(last) for last in range(commits, seq + 1, commits))
    return tuple(name for name in names if name not in there)
