"""Stage 1 at work, for one tick: ask, judge, ask again or for the next page, accept. Never sees the bucket.

Waiting never holds a thread: ``advance`` makes at most one exchange and says when to be called again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coleta.collect.carry import Link
from coleta.collect.conditional import NOT_MODIFIED, question_of
from coleta.collect.envelope import NotData, Page, Unchanged, look
from coleta.collect.paging import Broken, Next, Progress, Whole, after, fingerprint, foreseen, opening, told_by
from coleta.collect.plausible import Doubt
from coleta.collect.request import first_request, is_window, page_request
from coleta.collect.response import EARLY, REFUSALS, Failed, GiveUp, Keep, Patience, Response, Retry, judge, start_over
from coleta.collect.spool import Gap, Header, Spooled, Trailer
from coleta.collect.tick import Interval
from coleta.errors import AuthRefused, Retryable, SpoolRefused
from coleta.paging import SinglePage
from coleta.runtime.abreast import Abreast
from coleta.runtime.checking import doubt_of
from coleta.runtime.dealings import Dealings, NoMore
from coleta.runtime.events import Accepted, AskAgain, Asking, Doubted, Gapped
from coleta.runtime.gathering import Asked, Gathering
from coleta.runtime.station import Station


@dataclass(frozen=True, slots=True)
class Later:
    """Not done: to be called again at ``at``."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The tick's answer is accepted."""

    entry: Spooled


@dataclass(frozen=True, slots=True)
class Missing:
    """The tick ended as a gap, which is accepted."""

    entry: Spooled


@dataclass(frozen=True, slots=True)
class _Last:
    """What came last, and how the tick ends if nothing else comes. None: all of it is in the draft."""

    came: Response | Failed | None
    end: Keep | GiveUp


class TickAsking:
    """The asking for one tick. Its state is lost in a crash, and then the tick is asked anew."""

    def __init__(
        self,
        station: Station,
        tick: Interval,
        *,
        link: Link | None = None,
        cancelled: threading.Event | None = None,
        stays_open: bool = False,
    ) -> None:
        """Begin to ask for `tick` now; its deadline runs from here. Setting `cancelled` is calling ``cancel``.

        `link` is what the answer begins with if its stream carries state, and None if it does not. `stays_open`: no
        gap is written while the API refuses who asks, since the same can be asked for later.
        """
        source = station.stream.source
        self.tick = tick
        self._question = question_of(station.stream, tick, link)
        self._station = station
        started = station.world.clock.now()
        self._asked = Asked(self._question, started, link)
        self._deadline = started + source.deadline
        self._attempts = 0
        self._dealings = Dealings(station.world, station.stream, started)
        self._last: _Last | None = None
        self._restarts = 0
        self._stays_open = stays_open
        self._cancelled = cancelled or threading.Event()
        self._abreast = Abreast(
            station.world.transport,
            station.world.hosts,
            self._dealings.host,
            most=1 if isinstance(source.paging, SinglePage) else source.paging.concurrency,
        )
        self._begin()

    def _begin(self) -> None:
        source = self._station.stream.source
        self._page = opening(source.paging)
        self._tries = 0
        self._anew = False
        self._request = first_request(source, self._question)
        self._named = {fingerprint(self._request.url)}
        self._answer = Gathering(self._station, self._asked)

    @property
    def size_bytes(self) -> int:
        """How many bytes of pages, as received, were to be kept so far."""
        return self._answer.size_bytes

    def advance(self) -> Later | Answered | Missing:
        """Make one exchange and act on it.

        Raises:
            AuthRefused: the API refuses who asks, and the tick is to stay open.
            SpoolRefused: the spool does not take the answer; drop this asking and try the tick later.
            StoreUnavailable: the same of the archive, where that comes first.

        """
        if self._cancelled.is_set():
            self.abandon()
            return Later(self._deadline)
        try:
            return self._exchange()
        except (SpoolRefused, Retryable):
            self.abandon()
            raise

    def cancel(self) -> None:
        """Treat what goes wrong from now on as our own doing: no gap, no further request. From any thread."""
        self._cancelled.set()

    def abandon(self) -> None:
        """Forget what came so far."""
        self._abreast.forget()
        self._answer.abandon()

    def _exchange(self) -> Later | Answered | Missing:
        station, world = self._station, self._station.world
        source = station.stream.source
        match None if self._abreast.has(self._page) else self._dealings.may_ask():
            case datetime() as until:
                return Later(until)
            case NoMore(why):
                return self._end(why)
        if self._anew:
            self.abandon()
            self._begin()
        self._attempts += 1
        self._tries += 1
        world.tell(Asking(station.stream.name, self.tick, self._page.number, self._attempts, self._request.shown))
        came = self._abreast.take(self._page)
        if came is None:
            came = world.transport.exchange(self._request, timeout=self._timeout(), max_bytes=self._room)
        if self._cancelled.is_set() and isinstance(came, Failed):
            self.abandon()
            return Later(self._deadline)
        page = self._look(came)
        self._dealings.heard(came, page)
        patience = self._patience()
        # A window's records come until its end, so what the API said before that cannot be all of them.
        complete_from = self.tick.end if is_window(source) else None
        verdict = judge(came, page, patience, complete_from=complete_from)
        match verdict:
            case Retry():
                end = judge(came, page, replace(patience, now=self._deadline), complete_from=complete_from)
                assert not isinstance(end, Retry)
                return self._later(verdict, _Last(came, end))
            case GiveUp(reason, detail):
                anew = self._start_over(verdict, came)
                return self._gap(reason, detail) if anew is None else anew
            case Keep(wrong):
                assert isinstance(came, Response)
                return self._keep(came, page, wrong)

    def _timeout(self) -> timedelta:
        left = self._deadline - self._station.world.clock.now()
        return min(self._station.stream.source.timeout, max(left, timedelta(seconds=1)))

    @property
    def _room(self) -> int:
        return self._station.stream.source.max_answer_bytes - self._answer.body_bytes

    def _look(self, came: Response | Failed) -> Page | NotData | Unchanged | None:
        source, terms = self._station.stream.source, self._station.stream.terms
        if isinstance(came, Response) and came.status == NOT_MODIFIED and self._question.condition:
            return Unchanged()
        if isinstance(came, Failed) or not 200 <= came.status < 300:
            return None
        if not came.body and source.allow_empty_body:
            return Page(count=0)
        return look(came.body, terms, source.paging, error_at=source.error_at)

    def _patience(self) -> Patience:
        source, world = self._station.stream.source, self._station.world
        return Patience(
            attempt=self._tries + self._restarts,
            now=world.clock.now(),
            deadline=self._deadline,
            chance=world.ids.chance(),
            repeatable=source.method in ("GET", "HEAD") or source.retry_unsafe,
        )

    def _later(self, retry: Retry, last: _Last, *, anew: bool = False) -> Later:
        """Ask again after a while; `anew`: for all pages. What came stays until then, in case it is the last."""
        world = self._station.world
        self._abreast.forget()  # what was asked for beside it has probably met the same
        self._last, self._anew = last, anew
        self._restarts += anew
        # An answer that came too early is nobody's fault, so asking again costs the host's budget nothing.
        self._dealings.again = retry.reason != EARLY
        world.tell(AskAgain(self._station.stream.name, self.tick, retry.reason, retry.after))
        return Later(world.clock.now() + retry.after)

    def _start_over(self, gave_up: GiveUp, came: Response | Failed) -> Later | None:
        """Ask for all pages anew, if some had come before this one was given up, and there is time."""
        if not self._answer.begun or isinstance(came, Failed):
            return None
        retry = start_over(gave_up, replace(self._patience(), attempt=self._restarts + 1))
        return self._later(retry, _Last(came, gave_up), anew=True) if isinstance(retry, Retry) else None

    def _end(self, why: str) -> Answered | Missing:
        """End the tick with what came last, since it may not be asked again."""
        assert self._last is not None
        match self._last:
            case _Last(Response() as came, Keep(wrong)):
                self._take(came)
                return self._accept(wrong)
            case _Last(None, Keep(str(doubt))):
                self._station.world.tell(Doubted(self._station.stream.name, self.tick, doubt, rejected=True))
                return self._accept(doubt)
            case _Last(_, GiveUp(reason, detail)):
                return self._gap(reason, f"{detail}; {why}")
        raise AssertionError("only a response can be kept")

    def _keep(
        self, came: Response, page: Page | NotData | Unchanged | None, wrong: str | None
    ) -> Later | Answered | Missing:
        self._tries, self._dealings.again = 0, False
        step: Whole | Next | Broken = Whole()
        if isinstance(page, Page):
            self._answer.received += page.count
            step = after(self._station.stream.source.paging, page, self._progress(came))
        if isinstance(step, Broken):
            # The pages contradict each other: ask for all of them anew while the deadline allows.
            patience = replace(self._patience(), attempt=self._restarts + 1)
            verdict = judge(came, NotData(step.why), patience)
            if isinstance(verdict, Retry):
                return self._later(verdict, _Last(came, Keep(step.why)), anew=True)
            wrong = step.why
        self._take(came, more=isinstance(step, Next))
        if isinstance(step, Next):
            assert isinstance(page, Page)
            self._ask_ahead(page, self._progress(came))
            return self._next_page(step)
        seen = wrong is None and not isinstance(page, Unchanged)
        if seen and (doubt := doubt_of(self._station, self.tick, self._answer.seen())):
            return self._doubted(came, doubt)
        return self._accept(wrong)

    def _doubted(self, came: Response, doubt: Doubt) -> Later | Answered:
        patience = replace(self._patience(), attempt=self._restarts + 1)
        verdict = judge(came, NotData(doubt.what), patience) if doubt.then == "retry" else Keep()
        if isinstance(verdict, Retry):
            return self._later(verdict, _Last(None, Keep(doubt.what)), anew=True)
        rejected = doubt.then != "warn"
        self._station.world.tell(Doubted(self._station.stream.name, self.tick, doubt.what, rejected))
        return self._accept(doubt.what if rejected else None)

    def _progress(self, came: Response) -> Progress:
        return Progress(
            number=self._page.number,
            received=self._answer.received,
            repeats=came.body == self._answer.last_body,
            url=self._request.url,
            told=told_by(self._station.stream.source.paging, came.headers),
            asked=self._named,
        )

    def _ask_ahead(self, page: Page, progress: Progress) -> None:
        source = self._station.stream.source
        if isinstance(source.paging, SinglePage) or source.paging.concurrency == 1:
            return
        for one in self._abreast.wanted(foreseen(source.paging, page, progress, most=source.paging.concurrency)):
            if self._cancelled.is_set() or self._dealings.may_ask() is not None:
                return
            request = page_request(source, self._question, one)
            if not self._abreast.ask(one, request, timeout=self._timeout(), max_bytes=self._room):
                return

    def _next_page(self, page: Next) -> Later:
        self._page = page
        if page.by is not None:
            self._named.add(fingerprint(page.by))
        self._request = page_request(self._station.stream.source, self._question, page)
        return Later(self._station.world.clock.now())

    def _take(self, came: Response, *, more: bool = False) -> None:
        self._answer.take(came, self._request, number=self._page.number, more=more)

    def _accept(self, wrong: str | None) -> Answered:
        self._abreast.forget()
        entry = self._answer.accept(attempts=self._attempts, wrong=wrong)
        self._station.world.tell(Accepted(self._station.stream.name, entry, self._answer.received))
        return Answered(entry)

    def _gap(self, reason: str, detail: str) -> Missing:
        self.abandon()
        if self._stays_open and reason in REFUSALS:
            raise AuthRefused(f"{reason}: {detail}")
        gap = Gap(self.tick, reason, detail, self._attempts)
        return Missing(spool_gaps(self._station, (gap,)))


def spool_gaps(station: Station, gaps: tuple[Gap, ...]) -> Spooled:
    """Write `gaps`, all of one date, down as one spool entry.

    Raises:
        SpoolRefused: they are not written down, so their ticks are still holes.

    """
    header = Header(
        project=station.stream.project,
        stream=station.stream.log_name,
        uuid=station.identity.uuid,
        terms=station.stream.terms,
        schedule=station.stream.schedule.to_json(),
        owner=station.world.owner,
        tool=station.world.tool,
        gaps=gaps,
    )
    draft = station.spool.draft(header)
    try:
        entry = draft.accept(Trailer())
    except SpoolRefused:
        draft.discard()
        raise
    station.world.tell(Gapped(station.stream.name, gaps))
    return entry
