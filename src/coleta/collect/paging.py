"""Stage 1, step 3: is the answer whole, or is there another page to ask for? Pure."""

from __future__ import annotations

from dataclasses import dataclass

from coleta.collect.envelope import Page
from coleta.stream import PageNumber, Paging, SinglePage


@dataclass(frozen=True, slots=True)
class Whole:
    """There are no more pages."""


@dataclass(frozen=True, slots=True)
class Next:
    """The page with this number is to be asked for."""

    number: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The pages contradict each other, so the answer as a whole is not the data."""

    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer has come: its last page's number, and the records so far with it.

    ``repeats`` says whether that page's body is the very one of the page before.
    """

    number: int
    received: int
    repeats: bool = False


def after(paging: Paging, page: Page, progress: Progress) -> Whole | Next | Broken:
    """What follows `page`."""
    match paging:
        case SinglePage():
            return Whole()
        case PageNumber():
            return _after_number(paging, page, progress)


def _after_number(paging: PageNumber, page: Page, progress: Progress) -> Whole | Next | Broken:
    asked = progress.number - paging.first + 1
    if page.count and progress.repeats:
        return Broken(f"page {progress.number} repeats page {progress.number - 1}: is {paging.param!r} the right name?")
    if page.total is not None and progress.received > page.total:
        return Broken(f"the API declares {page.total} records, {progress.received} came")
    if _is_last(paging, page, progress, asked):
        if page.total is not None and progress.received != page.total:
            return Broken(f"the API declares {page.total} records, {progress.received} came")
        return Whole()
    if asked >= paging.max_pages:
        return Broken(f"there are more than max_pages = {paging.max_pages} pages")
    return Next(progress.number + 1)


def _is_last(paging: PageNumber, page: Page, progress: Progress, asked: int) -> bool:
    if page.total_pages is not None:
        return asked >= page.total_pages
    if page.total is not None and progress.received >= page.total:
        return True
    return page.count == 0 or (paging.size is not None and page.count < paging.size)
