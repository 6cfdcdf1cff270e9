"""Stage 2, step 4: the log's rules. Pure: what is known of the log goes in, what to do comes out.

Object n is commit n, and record n names object n+1, so the store's create-only put on one known
name is the only arbiter. ``Head`` is what following the log has taught; ``sift`` decides what
becomes of each waiting answer. Neither ever deletes, and no rule here trusts an error's wording.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import msgspec

from coleta.collect.carry import Link
from coleta.collect.coverage import Coverage
from coleta.collect.marks import placed_in_time
from coleta.collect.spool import Gap, NewerFormat, Spooled
from coleta.collect.tick import Interval
from coleta.errors import Corrupt
from coleta.land.record import MOVED_FORMAT, Account, Outcome, Place, Record, Wait, folder_date, object_name
from coleta.terms import canonical

IDENTITY_NAME = "_ledger/identity.json"
IDENTITY_FORMAT = 1
NOTHING = Coverage()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose log lies under a path: written once, create-only, before anything else."""

    uuid: str
    project: str
    stream: str
    first_tick: datetime
    created: datetime
    format: int = IDENTITY_FORMAT

    def to_json(self) -> bytes:
        """The bytes of identity.json."""
        return canonical(self)

    @classmethod
    def from_json(cls, stored: bytes) -> Identity:
        """The identity in `stored`.

        Raises:
            NewerFormat: a newer version wrote it.
            Corrupt: it cannot be read as one.

        """
        try:
            # The number first: what a newer version writes beside it need not look like ours.
            version = msgspec.json.decode(stored, type=dict[str, object]).get("format")
            if type(version) is int and version > IDENTITY_FORMAT:
                raise NewerFormat(
                    f"it has format {version}; this version of Coleta reads up to {IDENTITY_FORMAT}",
                    where=IDENTITY_NAME,
                    hint="upgrade Coleta; nothing is landed here until then",
                )
            return _IDENTITY.decode(stored)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Corrupt(f"not an identity: {error}", where=IDENTITY_NAME) from None


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that exists: its object's name, its record and the record's digest."""

    name: str
    record: Record
    digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """All that following the log up to commit ``seq`` has taught. The empty log has seq 0.

    ``answered`` are the intervals settled by answers, ``gaps`` those settled by gaps alone.
    ``answer`` is the id of the newest answer committed, the parent of the next one that carries state.
    ``wait`` is the plea of the newest record, if it makes one. ``moved_to`` is where the log goes on, if it has ended.
    """

    uuid: str
    first_tick: datetime
    next: str
    seq: int = 0
    digest: str | None = None
    answered: Coverage = NOTHING
    gaps: Coverage = NOTHING
    answer: str | None = None
    carried: dict[str, object] | None = None
    wait: Wait | None = None
    moved_to: Place | None = None

    @classmethod
    def genesis(cls, identity: Identity) -> Head:
        """The head of a log without commits."""
        return cls(identity.uuid, identity.first_tick, next=object_name(identity.first_tick.date(), 1))

    @property
    def settled(self) -> Coverage:
        """Every interval that has an outcome."""
        return self.answered.union(self.gaps)

    def after(self, committed: Committed) -> Head:
        """The head once `committed` is known.

        Raises:
            Corrupt: it does not extend this head, or breaks a law.

        """
        record = committed.record
        _check_link(self, committed)
        _check_rows(committed)
        if record.kind == "redrive":
            _check_redrive(committed)
        _check_end(self, committed)
        answered, gaps = self.answered, self.gaps
        answer, carried = self.answer, self.carried
        for account in record.accounts:
            if record.kind == "redrive":
                _check_balance(committed.name, account)
                continue  # its tick keeps the outcome that it has
            _check_account(committed.name, account, answered, gaps)
            for interval in account.settles:
                if account.outcome is Outcome.GAP:
                    gaps = gaps.add(interval)
                else:
                    answered = answered.add(interval)
                    gaps = gaps.remove(interval)
            if account.carried is not None:
                answer, carried = account.answer, account.carried.after  # type: ignore[assignment]
        return replace(
            self,
            next=record.next,
            seq=record.seq,
            digest=committed.digest,
            answered=answered,
            gaps=gaps,
            answer=answer,
            carried=carried,
            wait=record.wait,
            moved_to=record.goes_on,
        )


def _check_link(head: Head, committed: Committed) -> None:
    record, name = committed.record, committed.name
    expected = (head.uuid, head.seq + 1, head.digest, head.next)
    found = (record.uuid, record.seq, record.prev, name)
    for what, mine, theirs in zip(("uuid", "seq", "prev", "name"), expected, found, strict=True):
        if mine != theirs:
            raise Corrupt(
                f"it does not continue the log: {what} should be {mine}, not {theirs}",
                where=name,
                hint="coleta verify tells more",
            )


def _check_rows(committed: Committed) -> None:
    record, name = committed.record, committed.name
    landed = sum(account.landed for account in record.accounts)
    if landed != record.rows:
        raise Corrupt(f"its accounts say {landed} rows landed, it has {record.rows}", where=name)
    day = folder_date(name)
    strangers = [account.tick.name for account in record.accounts if account.tick.date != day]
    if strangers:
        raise Corrupt(f"ticks of another date lie in this folder: {', '.join(strangers[:3])}", where=name)


def _check_redrive(committed: Committed) -> None:
    """What a redrive may hold; whether its files may be taken up, only earlier commits can tell."""
    record, accounts = committed.record, committed.record.accounts
    wrong = None
    if not record.redrives:
        wrong = "names no file to take up"
    elif len(set(record.redrives)) < len(record.redrives):
        wrong = "names a file twice"
    elif not accounts:
        wrong = "has no account"
    elif any(one.settles or one.carried or one.answer is None for one in accounts):
        wrong = "settles a tick, carries state, or has a gap"
    if wrong is not None:
        raise Corrupt(f"it is a redrive, and {wrong}", where=committed.name)


def _check_end(head: Head, committed: Committed) -> None:
    """The fence of a move: a log that goes on elsewhere has no commit here after the one that says so."""
    record = committed.record
    if head.moved_to is not None:
        raise Corrupt(f"the log ended before it, and goes on at {head.moved_to}", where=committed.name)
    is_end = record.goes_on is not None
    wrong = (record.kind == "moved") != is_end
    if wrong or (is_end and (record.rows or record.accounts or record.format < MOVED_FORMAT)):
        raise Corrupt("its kind, and whether it says where the log goes on, do not go together", where=committed.name)


def _check_balance(name: str, account: Account) -> None:
    if not account.balances:
        raise Corrupt(f"tick {account.tick.name}: received is not landed + quarantined + deduplicated", where=name)


def _check_account(name: str, account: Account, answered: Coverage, gaps: Coverage) -> None:
    _check_balance(name, account)
    if not account.settles and not account.tick.empty:
        raise Corrupt(f"tick {account.tick.name}: it settles nothing, so its rows stand here twice", where=name)
    for interval in account.settles:
        taken = answered.overlaps(interval) or (account.outcome is Outcome.GAP and gaps.overlaps(interval))
        if taken:
            raise Corrupt(f"tick {account.tick.name}: {interval} is settled twice", where=name)


@dataclass(frozen=True, slots=True)
class OpenGap:
    """A waiting gap, and the parts of its tick that nothing else covers."""

    gap: Gap
    settles: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A waiting entry that can be landed: an answer with the intervals that it settles, or open gaps.

    ``link`` is the answer's place among those that wait in its chain of carried state, from 1: they are landed
    in this order, and none without those before it. 0: it carries no state.
    """

    entry: Spooled
    settles: tuple[Interval, ...] = ()
    gaps: tuple[OpenGap, ...] = ()
    link: int = 0


@dataclass(frozen=True, slots=True)
class Sifted:
    """What to do with each waiting entry: let go, set aside as superseded, or land."""

    let_go: tuple[Spooled, ...] = ()
    superseded: tuple[Spooled, ...] = ()
    ready: tuple[Ready, ...] = ()


def perhaps_landed(waiting: Iterable[Spooled], head: Head) -> dict[str, date]:
    """The ids of those answers of `waiting` that may have landed, with the dates of their ticks.

    What lands of an answer leaves nothing of its tick unanswered, so one with time that nothing has answered has not.
    """
    found: dict[str, date] = {}
    for entry in waiting:
        if entry.trailer.answer is not None and head.answered.covers(entry.intervals[0]):
            found[entry.trailer.answer] = entry.intervals[0].date
    return found


def sift(waiting: Iterable[Spooled], head: Head, landed: Collection[str]) -> Sifted:
    """Decide what becomes of each of `waiting`, given the log's head and which answer ids it names.

    An answer whose id is landed is let go. One wholly covered by answers (gaps do not count) is
    superseded; so is one that is covered in part and cannot be landed in part: it carries state, its
    records cannot be placed in time, or it is no data. One that carries state is superseded, too, if its
    parent is neither the log's newest answer with state nor waiting itself. One that could follow as well as
    another that waits here is none of these until that other is committed: it may be this one that another machine
    lands. A gap settles only what nothing else does.
    """
    let_go: list[Spooled] = []
    superseded: list[Spooled] = []
    ready: list[Ready] = []
    settled = head.settled
    waiting = tuple(waiting)
    chained = chain(waiting, head)
    links = {entry.name: number for number, entry in enumerate(chained, 1)}
    rivals = _rivals(waiting, head, chained)
    for entry in waiting:
        if entry.is_gap:
            gaps = cut_gaps(entry.header.gaps, settled)
            if gaps:
                ready.append(Ready(entry, gaps=gaps))
            else:
                let_go.append(entry)
        elif entry.trailer.answer in landed:
            let_go.append(entry)
        elif entry.name in rivals:
            continue
        elif _is_superseded(entry, head, links):
            superseded.append(entry)
        else:
            (tick,) = entry.intervals
            settles = () if tick.empty else head.answered.uncovered(tick)
            ready.append(Ready(entry, settles=settles, link=links.get(entry.name, 0)))
    return Sifted(tuple(let_go), tuple(superseded), tuple(ready))


def chain(waiting: Iterable[Spooled], head: Head) -> tuple[Spooled, ...]:
    """Those of `waiting` that carry state and continue the log, each the child of the one before it.

    One whose interval is answered already is no link: it is superseded, and what follows from it is, too. Nor is
    one that began with another state than its parent ended with: the same answer, taken on other terms by
    another machine, leaves another state under the same id.
    """
    children: dict[str | None, list[Spooled]] = {}
    for entry in sorted(waiting, key=lambda entry: entry.received_at):
        if entry.header.carried is not None and entry.trailer.answer != head.answer:
            children.setdefault(entry.header.carried.parent, []).append(entry)
    links: list[Spooled] = []
    parent, state = head.answer, head.carried
    # Taken out, so that no ring of parents, which only a damaged disk could hold, is followed for ever.
    while (fitting := _fitting(children.pop(parent, []), head, state)) is not None:
        links.append(fitting)
        parent, state = fitting.trailer.answer, fitting.trailer.after
    return tuple(links)


def _fitting(children: Iterable[Spooled], head: Head, state: dict[str, object] | None) -> Spooled | None:
    """Of the `children` of one parent the first one that can follow it; the others are superseded."""
    for entry in children:
        carried = entry.header.carried
        if carried is not None and carried.before == state and not head.answered.overlaps(entry.intervals[0]):
            return entry
    return None


def _rivals(waiting: Sequence[Spooled], head: Head, links: Sequence[Spooled]) -> set[str]:
    """The names of those of `waiting` of which nobody can say yet whether they follow from what will be committed.

    They could be in the place of one of `links`, or follow from one that is: a link may be landed by another machine
    as another copy, which leaves another state.
    """
    known = {link.name for link in links}
    uncommitted = {link.trailer.answer for link in links}
    rivals: set[str] = set()
    for entry in sorted(waiting, key=lambda entry: entry.intervals[-1].end):
        carried = entry.header.carried
        if carried is None or entry.name in known or head.answered.overlaps(entry.intervals[0]):
            continue
        follows = carried.parent == head.answer and carried.before == head.carried
        if follows or carried.parent in uncommitted:
            rivals.add(entry.name)
            uncommitted.add(entry.trailer.answer)
    return rivals


def newest_link(waiting: Iterable[Spooled], head: Head) -> Link:
    """What the next answer begins with: the newest waiting answer of the chain, or the newest committed one."""
    links = chain(waiting, head)
    return Link(links[-1].trailer.answer, links[-1].trailer.after) if links else Link(head.answer, head.carried)


def _is_superseded(entry: Spooled, head: Head, links: Container[str]) -> bool:
    (tick,) = entry.intervals
    header = entry.header
    if header.carried is not None and entry.name not in links:
        return True
    if not head.answered.overlaps(tick):
        return False
    whole = head.answered.covers(tick)
    placed = not header.window or placed_in_time(header.terms)
    return whole or header.carried is not None or not placed or entry.trailer.wrong is not None


def cut_gaps(gaps: Iterable[Gap], settled: Coverage) -> tuple[OpenGap, ...]:
    """Those of `gaps` that `settled` does not cover, each cut to what it leaves."""
    cut = (OpenGap(gap, settled.uncovered(gap.tick)) for gap in gaps)
    return tuple(one for one in cut if one.settles)


# Made as this is imported: two threads that have msgspec look at a type for the first time at once may crash.
_IDENTITY = msgspec.json.Decoder(Identity)
