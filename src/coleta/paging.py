"""How the pages of one answer are told apart and asked for, as values that every stage can read.

What follows from a page is decided in ``collect/paging.py``. A path is the keys from the top of a page's body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MOST_PAGES = 10_000
"""The most pages of one answer, unless its stream says otherwise: a million records at a hundred a page."""


Into = Literal["query", "body"]
"""Where in a request what a page is asked by stands: as a query parameter, or as a member of the body."""


@dataclass(frozen=True, slots=True)
class SinglePage:
    """The first response is the whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What of all kinds says where an answer ends, and how its pages are asked for.

    ``total`` is where a page gives a count of all records: what comes must agree. ``total_pages`` gives a count of
    all pages, and ``has_more`` is true where another follows. Into a ``body`` of JSON the names
    of parameters are paths with dots.
    """

    size_param: str | None = None
    size: int | None = None
    total: tuple[str, ...] = ()
    total_pages: tuple[str, ...] = ()
    has_more: tuple[str, ...] = ()
    stop_after_empty_page: bool = True
    into: Into = "query"
    max_pages: int = MOST_PAGES
    concurrency: int = 1
    """How many pages are asked for at once, where it is known how many there are."""


@dataclass(frozen=True, slots=True)
class PageNumber(Ends):
    """Pages are asked by number until one is empty, or short of ``size``, or another sign says so."""

    param: str = "page"
    first: int = 1


@dataclass(frozen=True, slots=True)
class Offset(Ends):
    """Pages are asked by how many records came before them; ``first`` is the number of the first record."""

    param: str = "offset"
    first: int = 0


@dataclass(frozen=True, slots=True)
class Cursor(Ends):
    """Each page says what the next one is asked by: at ``next`` in its body, or in the response header ``header``."""

    stop_after_empty_page: bool = field(default=False, kw_only=True)
    param: str = "cursor"
    first: str | None = None
    """What the first page is asked by; None: by nothing."""
    next: tuple[str, ...] = ()
    header: str | None = None


@dataclass(frozen=True, slots=True)
class NextLink(Ends):
    """Each page gives the next one's URL: at ``next`` in its body, or else in its ``Link`` header as ``rel``."""

    stop_after_empty_page: bool = field(default=False, kw_only=True)
    next: tuple[str, ...] = ()
    rel: str = "next"


Paging = SinglePage | PageNumber | Offset | Cursor | NextLink
