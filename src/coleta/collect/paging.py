"""Stage 1, step 3: is the answer whole, or is there another page to ask for? Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from coleta.collect.envelope import Page
from coleta.collect.link import LONGEST, NotToBeAsked, linked, next_page_url
from coleta.paging import Cursor, NextLink, Offset, PageNumber, Paging, SinglePage


@dataclass(frozen=True, slots=True)
class Whole:
    """There are no more pages."""


@dataclass(frozen=True, slots=True)
class Next:
    """The page with this number is to be asked for.

    ``by`` is what names it, where that is not the number: an offset, a cursor, or a URL.
    """

    number: int
    by: int | str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The pages contradict each other, so the answer as a whole is not the data."""

    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer has come: its last page's number, and the records so far with it.

    ``repeats`` says whether that page's body is the very one of the page before. ``url`` is the one that it was asked
    at, ``told`` what its headers say of the page after it, and ``asked`` are the ``fingerprint``s of all pages so far.
    """

    number: int
    received: int
    repeats: bool = False
    url: str = ""
    told: str | None = None
    asked: AbstractSet[str] = frozenset()


def opening(paging: Paging) -> Next:
    """The page that an answer begins with."""
    match paging:
        case PageNumber():
            return Next(paging.first)
        case Offset() | Cursor():
            return Next(1, paging.first)
        case SinglePage() | NextLink():
            return Next(1)


def told_by(paging: Paging, headers: tuple[tuple[str, str], ...]) -> str | None:
    """What a page's `headers`, their names in lower case, say of the page after it."""
    match paging:
        case Cursor(header=str() as wanted):
            return next((value.strip() for name, value in headers if name == wanted.lower()), None) or None
        case NextLink(next=()):
            return linked([value for name, value in headers if name == "link"], paging.rel)
    return None


def fingerprint(by: int | str) -> str:
    """What is remembered of a page's name until the answer's end: it may be long, and there may be many."""
    return hashlib.sha256(str(by).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def after(paging: Paging, page: Page, progress: Progress) -> Whole | Next | Broken:
    """What follows `page`."""
    if isinstance(paging, SinglePage):
        return Whole()
    if page.count and progress.repeats:
        asked_by = "" if isinstance(paging, NextLink) else f": is {paging.param!r} the right name?"
        return Broken(f"page {progress.number} repeats page {progress.number - 1}{asked_by}")
    if page.total is not None and progress.received > page.total:
        return Broken(_disagree(page, progress))
    match paging:
        case PageNumber() | Offset():
            step = _after_counted(paging, page, progress)
        case Cursor() | NextLink():
            step = _after_named(paging, page, progress)
    if isinstance(step, Whole) and page.total is not None and progress.received != page.total:
        return Broken(_disagree(page, progress))
    if isinstance(step, Next) and step.number - opening(paging).number >= paging.max_pages:
        return Broken(f"there are more than max_pages = {paging.max_pages} pages")
    return step


def foreseen(paging: Paging, page: Page, progress: Progress, *, most: int) -> list[Next]:
    """Up to `most` pages that surely follow `page`, in order, by what it declares of the whole."""
    if not isinstance(paging, PageNumber | Offset) or not page.count:
        return []
    begun = progress.number - opening(paging).number + 1
    if page.total_pages is not None:
        left = page.total_pages - begun
    elif page.total is not None:
        left = -(-(page.total - progress.received) // page.count)
    else:
        return []
    left = min(left, most, paging.max_pages - begun)
    if isinstance(paging, PageNumber):
        return [Next(progress.number + n) for n in range(1, left + 1)]
    at = paging.first + progress.received
    return [Next(progress.number + n, at + (n - 1) * page.count) for n in range(1, left + 1)]


def _disagree(page: Page, progress: Progress) -> str:
    return f"the API declares {page.total} records, {progress.received} came"


def _after_counted(paging: PageNumber | Offset, page: Page, progress: Progress) -> Whole | Next | Broken:
    if _is_last(paging, page, progress):
        return Whole()
    if isinstance(paging, PageNumber):
        return Next(progress.number + 1)
    if not page.count:
        return Broken("a page without records says that more follow")
    # By what came, not by what was asked for: an API may give fewer at once than it is asked for.
    return Next(progress.number + 1, paging.first + progress.received)


def _is_last(paging: PageNumber | Offset, page: Page, progress: Progress) -> bool:
    if page.total_pages is not None:
        return progress.number - opening(paging).number + 1 >= page.total_pages
    if page.has_more is not None:
        return not page.has_more
    if page.total is not None and progress.received >= page.total:
        return True
    if page.count == 0:
        return paging.stop_after_empty_page
    counted_on = isinstance(paging, Offset) and page.total is not None
    return paging.size is not None and page.count < paging.size and not counted_on


def _after_named(paging: Cursor | NextLink, page: Page, progress: Progress) -> Whole | Next | Broken:
    name = page.next if paging.next else progress.told
    if page.has_more is False or (page.count == 0 and paging.stop_after_empty_page):
        return Whole()
    if page.total_pages is not None and progress.number >= page.total_pages:
        return Whole()
    if name is None:
        return Broken("the page says that more follow, and not by what to ask for it") if page.has_more else Whole()
    if isinstance(paging, NextLink):
        try:
            name = next_page_url(progress.url, str(name))
        except NotToBeAsked as error:
            return Broken(str(error))
    if len(str(name)) > LONGEST:
        return Broken(f"what names the next page has more than {LONGEST} characters")
    if fingerprint(name) in progress.asked:
        return Broken(f"page {progress.number} leads to a page that was asked for before")
    return Next(progress.number + 1, name)
