"""Stage 2 at work: land what waits in the spool, or find that others have. Never sees the API.

May be cut off after any line, by kill -9 or power loss, and simply called again. Any doubtful answer
of the store has one cure: read that name. Nothing is ever deleted on an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import BinaryIO

from coleta.collect.lost import Unreadable
from coleta.collect.spool import Spooled
from coleta.errors import Corrupt, Doubtful, Retryable, SpoolRefused
from coleta.land.batch import Batch, choose, closes_at
from coleta.land.commit import Head, Ready, perhaps_landed, sift
from coleta.land.compose import Composed, Source, compose, compose_turn
from coleta.land.contest import Contest, held_until
from coleta.land.quarantine import QuarantineObject
from coleta.land.record import Wait, folder_date
from coleta.runtime.archive import ALIVE, adopt, archived
from coleta.runtime.events import Landed, Superseded, Trouble
from coleta.runtime.log import follow
from coleta.runtime.opening import confirm
from coleta.runtime.putting import author_of, no_room, put_commit, put_note
from coleta.runtime.station import Station
from coleta.terms import canonical

ROUNDS = 1_000
"""How many commits, ours or others', one call works through before it lets other work have a turn."""

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
ADOPT_EVERY = timedelta(minutes=10)
"""How often the archive is looked through for answers of machines that died: one listing."""

IDLE = timedelta(hours=1)
"""How long a lander without work sleeps: acceptance of an answer wakes it, so this only bounds surprise."""


class Lander:
    """Lands one stream's answers, a step at a time. The only state between steps is a pause and its length."""

    def __init__(self, station: Station) -> None:
        """Begin; nothing is read or written yet."""
        self._station = station
        self._pause = SHORTEST_PAUSE
        self._rests_until: datetime | None = None
        self._one_at_a_time = Lock()
        self._confirmed = False
        self._adopts_at = datetime.min.replace(tzinfo=UTC)
        self._memory = Memory()

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._station.spool.contents().waiting

    def turn(self) -> AbstractContextManager[object]:
        """Keeps this lander from landing in a ``with`` block: others in this process may extend the log there."""
        return self._one_at_a_time

    def step(self, *, hurry: bool = False) -> datetime:
        """Land what is due, or everything when in a `hurry`; when to be called again.

        Raises:
            Corrupt: the log breaks its rules; landing must stop until a person has looked.

        """
        with self._one_at_a_time:
            if self._station.stream.archive != "first":
                return self._step(hurry)
            self._adopt()
            return min(self._step(hurry), self._adopts_at)

    def _adopt(self) -> None:
        """Look from time to time for answers that other machines have archived, and did not live to land."""
        station = self._station
        now = station.world.clock.now()
        # The second condition holds after a clock was set back by more than a look's distance.
        if now < self._adopts_at <= now + ADOPT_EVERY:
            return
        self._adopts_at = now + ADOPT_EVERY
        try:
            adopt(station, until=now - station.stream.landing.every - ALIVE)
        except (Retryable, SpoolRefused) as error:
            station.world.tell(Trouble(station.stream.name, "archive", str(error), self._adopts_at))

    def _step(self, hurry: bool) -> datetime:
        station = self._station
        now = station.world.clock.now()
        waiting = station.spool.contents().waiting
        due_at = closes_at(waiting, station.stream.landing)
        if due_at is None:
            return now + IDLE
        if due_at > now and not hurry:
            return due_at
        if not hurry and self._rests_until is not None and now < self._rests_until <= now + LONGEST_PAUSE:
            # Being roused by an answer is no reason to try again; nor may a clock set back lengthen a pause.
            return self._rests_until
        try:
            if not self._confirmed:
                # A stream may have been opened in an outage; another store may be there when it ends.
                confirm(station.store, station.identity)
                self._confirmed = True
            held = land(station, self._memory, polite=not hurry)
        except Unreadable as error:
            return self._rest(now, "disk", str(error))
        except (Retryable, Doubtful, SpoolRefused) as error:
            return self._rest(now, "store", str(error))
        if held is not None:
            return held
        if station.spool.contents().waiting == waiting:
            # Every round lands or lets go of something, or else its file cannot be removed.
            return self._rest(now, "spool", "what is settled cannot be removed from it")
        self._pause, self._rests_until = SHORTEST_PAUSE, None
        return now

    def _rest(self, now: datetime, where: str, why: str) -> datetime:
        self._rests_until = until = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._station.world.tell(Trouble(self._station.stream.name, where, why, until))
        return until


@dataclass(slots=True)
class Memory:
    """What a lander knows from before: digests of terms that are in the store, and how its last puts went."""

    terms: set[str] = field(default_factory=set)
    contest: Contest = field(default_factory=Contest)
    unread: dict[str, Unreadable] = field(default_factory=dict)
    """The entries that could not be read in this call, which hold no other up."""


def land(station: Station, memory: Memory | None = None, *, polite: bool = False) -> datetime | None:
    """Land everything that waits. When `polite`, hold back while another asks for time, and say until when.

    Raises:
        StoreUnavailable: the store does not answer; what waits goes on waiting.
        Unreadable: the disk does not give an answer now, which goes on waiting; all others are landed.
        Corrupt: the log breaks its rules.

    """
    memory = memory or Memory()
    memory.unread = {}
    for _ in range(ROUNDS):
        waiting = station.spool.contents().waiting
        if not waiting:
            return None
        head = follow(station.store, station.index, station.identity)
        held = held_until(head.wait, station.world.owner, station.world.clock.now())
        if held is not None and polite:
            return held
        perhaps = perhaps_landed(waiting, head)
        sifted = sift(waiting, head, station.index.landed(perhaps, days={*perhaps.values()}))
        if sifted.let_go:
            station.spool.release(sifted.let_go)
        for entry in sifted.superseded:
            _supersede(station, entry, memory)
        ready, max_bytes = _readable(sifted.ready, memory), station.stream.landing.max_bytes
        batch = choose(ready, folder=folder_date(head.next), max_bytes=max_bytes)
        if batch is None:
            for error in memory.unread.values():
                raise error
            return None
        _commit(station, batch, head, memory)
    return None


def _readable(ready: Sequence[Ready], memory: Memory) -> Sequence[Ready]:
    """Those of `ready` that can be landed without what the disk does not give now: also without what it leads to."""
    held = min((one.link for one in ready if one.link and one.entry.name in memory.unread), default=None)
    return [one for one in ready if one.entry.name not in memory.unread and (held is None or one.link < held)]


def _commit(station: Station, batch: Batch, head: Head, memory: Memory) -> None:
    clock = station.world.clock
    with closing(station.scratch.file()) as sink:
        composed = _compose(station, batch, head, sink, memory)
        if composed is None:
            return
        for entry in composed.unfit:
            _supersede(station, entry, memory)
        if composed.unfit:
            return
        _put_notes(station, batch, composed.quarantine, memory.terms)
        plea = memory.contest.plea(station.world.owner, clock.now())
        if plea is not None or folder_date(head.next) != batch.day:
            if _turn(station, batch, head, plea):
                memory.contest = memory.contest.won()
            return
        began = clock.now()
        committed = put_commit(station.store, head.next, composed.record, sink)
    if committed.record.nonce != composed.record.nonce:
        memory.contest = memory.contest.beaten(clock.now() - began)
        return  # another's: its record is in the log now, so everything is decided anew
    memory.contest = memory.contest.won()
    station.index.enter(head.after(committed), committed)
    station.spool.release([member.entry for member in batch.members])
    station.world.tell(Landed(station.stream.name, committed))


def _compose(station: Station, batch: Batch, head: Head, sink: BinaryIO, memory: Memory) -> Composed | None:
    before = station.spool.contents().damaged
    try:
        copies = archived(station, (member.entry for member in batch.members))
        source = replace(_source(station), archived=copies)
        return compose(batch, head, author_of(station.world), source=source, sink=sink)
    except OSError as error:
        raise no_room(error) from None
    except Unreadable as error:
        memory.unread[error.entry] = error
        return None
    except Corrupt as error:
        if station.spool.contents().damaged == before:
            raise
        # The spool has set the file aside; its tick is asked again, or written down: see collect/lost.py.
        now = station.world.clock.now()
        station.world.tell(Trouble(station.stream.name, "spool", str(error), now))
        return None


def _source(station: Station) -> Source:
    starts = station.world.head_starts
    return Source(station.spool.read) if starts is None else Source(station.spool.read, starts.take)


def _turn(station: Station, batch: Batch, head: Head, plea: Wait | None) -> bool:
    """Send the log to the batch's folder, perhaps with a plea to wait; whether the turn is ours."""
    with closing(station.scratch.file()) as sink:
        try:
            record = compose_turn(batch, head, author_of(station.world), sink=sink, wait=plea)
        except OSError as error:
            raise no_room(error) from None
        committed = put_commit(station.store, head.next, record, sink)
    if committed.record.nonce != record.nonce:
        return False
    station.index.enter(head.after(committed), committed)
    return True


def _put_notes(station: Station, batch: Batch, quarantine: Sequence[QuarantineObject], terms: set[str]) -> None:
    """Put what the object will name, before it: terms and quarantine files. Idempotent by name."""
    digest = batch.terms.digest
    if digest not in terms:
        put_note(station.store, f"_ledger/terms/{digest}.json", canonical(batch.terms))
        terms.add(digest)
    for one in quarantine:
        put_note(station.store, one.file.path, one.body)


def _supersede(station: Station, entry: Spooled, memory: Memory) -> None:
    """Keep an answer that lost a race, then let go of it."""
    if entry.name in memory.unread:
        return
    try:
        whole = station.spool.read(entry).whole()
    except Unreadable as error:
        memory.unread[entry.name] = error
        return
    except Corrupt as error:
        station.world.tell(Trouble(station.stream.name, "spool", str(error), station.world.clock.now()))
        return
    name = f"_superseded/{entry.intervals[0].name}-{(entry.trailer.answer or '')[:16]}.spool"
    put_note(station.store, name, whole)
    station.spool.release([entry])
    station.world.tell(Superseded(station.stream.name, entry, name))
