"""Stage 1 at work, for one answer: its pages gathered into the spool as they come, and accepted together.

Nothing of it stays unless it is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coleta.collect.carry import Carried, Link, ResponseDigest, answer_id, ruler_of, state_after
from coleta.collect.conditional import state_after_whole
from coleta.collect.marks import Mark, marks
from coleta.collect.plausible import Seen
from coleta.collect.request import Question, Request, first_request, is_incremental, is_window
from coleta.collect.response import Response
from coleta.collect.spool import Header, PageHead, Spooled, Trailer, kept_headers
from coleta.ports import Draft
from coleta.runtime.ahead import Ahead
from coleta.runtime.station import Station


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is to: the question, since when it is asked, and the link that it takes up, if any."""

    question: Question
    since: datetime
    link: Link | None


class Gathering:
    """The pages of one answer so far. For one thread."""

    def __init__(self, station: Station, asked: Asked) -> None:
        """Begin without any; the spool is not touched before the first."""
        self._station = station
        self._asked = asked
        self._draft: Draft | None = None
        self._digest = ResponseDigest()
        self._marks: list[Mark] = []
        self._ahead: Ahead | None = None
        self._last: Response | None = None
        self.received = 0
        """Records so far."""
        self.size_bytes = 0
        """How many bytes of pages, as received, were to be kept so far."""
        self.body_bytes = 0
        self.last_body: bytes | None = None

    @property
    def begun(self) -> bool:
        """Whether some page is kept."""
        return self._draft is not None

    def seen(self) -> Seen:
        """What a check of the whole answer looks at."""
        return Seen(self.received, self._digest.hex())

    def take(self, came: Response, request: Request, *, number: int, more: bool) -> None:
        """Keep page `number`; `more` says whether another will follow.

        Raises:
            SpoolRefused: it is not kept.

        """
        self._decode_ahead(came.body, more=more)
        self.size_bytes += len(came.wire)
        draft = self._draft = self._draft or self._station.spool.draft(self._header())
        head = PageHead(
            number=number,
            status=came.status,
            headers=kept_headers(came.headers),
            encoding=came.encoding,
            url=request.shown,
            asked_at=came.asked_at,
            received_at=came.received_at,
            tls_verified=request.verify_tls,
        )
        draft.page(head, came.wire)
        self._digest.page(came.wire)
        self.body_bytes += len(came.body)
        self.last_body, self._last = came.body, came
        if self._asked.link is not None and is_incremental(self._station.stream.source):
            self._marks += marks([came.body], self._station.stream.terms)

    def accept(self, *, attempts: int, wrong: str | None) -> Spooled:
        """Make the answer durable; `wrong` says why it is not the data, if it is not.

        Raises:
            SpoolRefused: it is not accepted; abandon it.
            StoreUnavailable: the same, where a copy in the store comes first.

        """
        assert self._draft is not None
        response, link = self._digest.hex(), self._asked.link
        trailer = Trailer(
            pages=self._digest.pages,
            size_bytes=self._digest.size_bytes,
            response=response,
            answer=answer_id(link.parent if link else None, self._asked.question.tick, response),
            attempts=attempts,
            wrong=wrong,
            after=None if link is None else self._after(link, good=wrong is None),
        )
        entry = self._draft.accept(trailer)
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if wrong is None:
                ahead.keep(trailer.answer)
            else:
                ahead.forget()
        return entry

    def abandon(self) -> None:
        """Forget what came."""
        if self._ahead is not None:
            self._ahead.forget()
            self._ahead = None
        if self._draft is not None:
            self._draft.discard()
            self._draft = None

    def _decode_ahead(self, body: bytes, *, more: bool) -> None:
        """Give landing a head start on an answer of several pages that it is to land at once."""
        station = self._station
        starts = station.world.head_starts
        # What carries state is landed without the records that its state knows, which only landing tells.
        at_once = self._asked.link is None and not station.stream.landing.every
        if self._draft is None and more and starts is not None and at_once:
            self._ahead = starts.begin(station.stream.terms)
        if self._ahead is not None:
            self._ahead.feed(body)

    def _after(self, link: Link, *, good: bool) -> dict[str, object]:
        """The state that this answer ends with, whatever decoding will say of its records; `good`: it is the data."""
        source, terms, tick = self._station.stream.source, self._station.stream.terms, self._asked.question.tick
        if source.conditional:
            return state_after_whole(link.state, tick, self._last if good else None, source=source, terms=terms)
        return state_after(link.state, tick, self._marks if good else (), ruler_of(terms, source.lag))

    def _header(self) -> Header:
        station, asked = self._station, self._asked
        source = station.stream.source
        return Header(
            project=station.stream.project,
            stream=station.stream.log_name,
            uuid=station.identity.uuid,
            terms=station.stream.terms,
            schedule=station.stream.schedule.to_json(),
            owner=station.world.owner,
            tool=station.world.tool,
            tick=asked.question.tick,
            scheduled=asked.since,
            window=asked.link is None and is_window(source),
            request=first_request(source, asked.question).redacted(),
            carried=None if asked.link is None else Carried(asked.link.parent, asked.link.state),
        )
