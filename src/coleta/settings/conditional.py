"""Settings, ``conditional``: can a stream be asked only for what is new? Notes every mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from coleta.settings.bodies import texts_of
from coleta.settings.mistakes import Keys, Mistakes
from coleta.settings.model import StreamTable

_OURS = ("if-none-match", "if-modified-since")


def check_conditional(at: Keys, table: StreamTable, given: Collection[str], mistakes: Mistakes) -> None:
    """Note what makes ``conditional = true`` mean nothing, or something that nobody wants."""
    if not table.conditional:
        return
    for why in _obstacles(table):
        mistakes.add((*at, "conditional"), why)
    if "catch_up" in given:
        mistakes.add((*at, "catch_up"), "means nothing here: each answer begins where the one before it ended")
    for name in table.headers:
        if name.lower() in _OURS:
            mistakes.add((*at, "headers", name), "is set by conditional; leave it out here")


def _obstacles(table: StreamTable) -> Iterator[str]:
    if any("{tick." in text or "{cursor" in text for text in texts_of(table)):
        yield "the request names the tick or the cursor, so it is another one each time: nothing can be unchanged"
    elif table.cursor is not None:
        yield "the stream has a cursor, but an answer that is asked for in full is landed in full; leave cursor out"
    if table.pages is not None:
        yield "an ETag is of one page, and says nothing of the others; a stream with pages is always asked in full"
    if table.redirects != "refuse":
        yield "a redirect may lead to another page each time, of which an ETag says nothing; leave redirects out"
    if table.method != "GET":
        yield f"only a GET can be asked so, and method is {table.method}"
