"""Stage 1, step 2: asking only for what is new, by what an earlier answer said of itself (RFC 9110, 13). Pure.

An answer's ``ETag`` and ``Last-Modified`` are its *validators*; they stand in the state that it hands on. The next
request sends them, and a 304 then says that nothing is new since *that* answer. A reader of the outcome ``unchanged``
takes it for "since the answer before", so they are sent only right after it, with the same request, on the same terms.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta

from coleta.collect import limits
from coleta.collect.carry import Link, Ruler, State, state_after
from coleta.collect.request import Question, asked_from, first_request, redacted_url
from coleta.collect.response import Response
from coleta.collect.tick import Interval
from coleta.stream import SecretRef, Source, Stream
from coleta.terms import Terms, canonical

NOT_MODIFIED = 304

LONGEST_VALIDATOR = 1_000
"""More characters than any ETag has that was seen; a state stands in every record, so none may make it large."""

_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def question_of(stream: Stream, tick: Interval, link: Link | None) -> Question:
    """What is asked for `tick`, when its answer is to take up `link`; None where the stream carries no state."""
    source, terms = stream.source, stream.terms
    if link is None:
        return Question(tick)
    question = Question(tick, asked_from(source, terms, link.cursor))
    # An on-demand tick is asked in full: a person who asks wants to see what is there. Where something else was
    # answered in between, "nothing new" would be about another answer than the newest.
    if not source.conditional or tick.empty or link.end != tick.start:
        return question
    return Question(tick, question.cursor, _condition(link.state, _asked(source, terms, question)))


def state_after_whole(
    before: State | None, tick: Interval, came: Response | None, *, source: Source, terms: Terms
) -> dict[str, object]:
    """The state after a whole answer for `tick` of a stream that is asked conditionally; `before` is its parent's.

    `came` is the response, None where it was not the data: then the next request asks in full.
    """
    kept = {key: value for key, value in (before or {}).items() if key not in ("cursor", "boundary")}
    after = state_after(kept, tick, (), Ruler(lambda value: None))
    if came is None:
        return {**after, "validators": None}
    if came.status == NOT_MODIFIED:
        return {**after, "validators": kept.get("validators")}
    return {**after, "validators": _validators(came, _asked(source, terms, Question(tick)))}


def _validators(came: Response, asked: str) -> dict[str, object] | None:
    etag, modified = came.header("etag"), came.header("last-modified")
    etag = etag if etag is not None and len(etag) <= LONGEST_VALIDATOR and _ETAG.fullmatch(etag) else None
    modified = modified if modified is not None and _tells_apart(modified, came.header("date")) else None
    if etag is None and modified is None:
        return None
    return {"etag": etag, "last_modified": modified, "request": asked}


def _tells_apart(modified: str, date: str | None) -> bool:
    """Whether what changes from now on gets another ``Last-Modified``, which counts in whole seconds."""
    at, now = limits.http_date(modified), limits.http_date(date)
    return at is not None and now is not None and now - at >= timedelta(seconds=1)


def _condition(state: State | None, asked: str) -> tuple[tuple[str, str], ...]:
    known = (state or {}).get("validators")
    if not isinstance(known, Mapping) or known.get("request") != asked:
        return ()
    # One of them: a server that does not know ETags would go by the time, which tells less.
    for name, validator in (("If-None-Match", known.get("etag")), ("If-Modified-Since", known.get("last_modified"))):
        if isinstance(validator, str):
            return ((name, validator),)
    return ()


def _asked(source: Source, terms: Terms, question: Question) -> str:
    """What names the request and the terms: after a change in either, all is wanted anew. No secret is in it."""
    request = first_request(source, Question(question.tick))
    headers = [[name, value.reference if isinstance(value, SecretRef) else value] for name, value in source.headers]
    who = None if source.auth is None else source.auth.name
    parts = [request.method, redacted_url(request.url), headers, who, terms.digest]
    return hashlib.sha256(canonical(parts)).hexdigest()[:32]
