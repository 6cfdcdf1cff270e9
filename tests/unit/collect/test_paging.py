"""Is the answer whole, or is there another page to ask for?"""

from __future__ import annotations

import pytest

from coleta.collect.envelope import Page
from coleta.collect.paging import Broken, Next, Progress, Whole, after, fingerprint, foreseen, opening, told_by
from coleta.paging import Cursor, NextLink, Offset, PageNumber, Paging, SinglePage


def progress(number: int = 1, *, received: int, repeats: bool = False) -> Progress:
    return Progress(number, received, repeats)


def test_a_single_page_is_the_whole_answer_whatever_it_says() -> None:
    assert after(SinglePage(), Page(count=3, total=100, total_pages=9), progress(received=3)) == Whole()


def test_pages_are_asked_until_one_is_empty() -> None:
    assert after(PageNumber(), Page(count=3), progress(1, received=3)) == Next(2)
    assert after(PageNumber(), Page(count=3), progress(7, received=21)) == Next(8)
    assert after(PageNumber(), Page(count=0), progress(8, received=21)) == Whole()


def test_a_page_that_is_short_is_the_last_where_the_size_is_known() -> None:
    assert after(PageNumber(size=10), Page(count=10), progress(received=10)) == Next(2)
    assert after(PageNumber(size=10), Page(count=9), progress(received=9)) == Whole()
    assert after(PageNumber(), Page(count=9), progress(received=9)) == Next(2)


def test_the_declared_number_of_pages_is_asked_for_short_or_empty_ones_too() -> None:
    paging = PageNumber(size=10)

    assert after(paging, Page(count=2, total_pages=3), progress(2, received=12)) == Next(3)
    assert after(paging, Page(count=0, total_pages=3), progress(2, received=12)) == Next(3)
    assert after(paging, Page(count=10, total_pages=3), progress(3, received=22)) == Whole()
    assert after(paging, Page(count=0, total_pages=0), progress(1, received=0)) == Whole()


def test_the_number_of_pages_counts_from_the_first_wherever_it_begins() -> None:
    paging = PageNumber(first=0)

    assert after(paging, Page(count=1, total_pages=2), progress(0, received=1)) == Next(1)
    assert after(paging, Page(count=1, total_pages=2), progress(1, received=2)) == Whole()


def test_an_answer_is_whole_once_the_declared_total_has_come() -> None:
    assert after(PageNumber(), Page(count=10, total=25), progress(2, received=20)) == Next(3)
    assert after(PageNumber(), Page(count=5, total=25), progress(3, received=25)) == Whole()


@pytest.mark.parametrize(
    ("page", "received"),
    [
        (Page(count=0, total=25), 20),
        (Page(count=10, total=25), 30),
        (Page(count=5, total=25, total_pages=3), 24),
    ],
)
def test_a_total_that_does_not_agree_breaks_the_answer(page: Page, received: int) -> None:
    step = after(PageNumber(), page, progress(3, received=received))

    assert step == Broken(f"the API declares 25 records, {received} came")


def test_a_short_page_before_the_declared_total_breaks_the_answer() -> None:
    step = after(PageNumber(size=10), Page(count=9, total=25), progress(1, received=9))

    assert step == Broken("the API declares 25 records, 9 came")


def test_a_page_that_repeats_the_one_before_it_breaks_the_answer() -> None:
    step = after(PageNumber(param="pagina"), Page(count=3), progress(2, received=6, repeats=True))

    assert step == Broken("page 2 repeats page 1: is 'pagina' the right name?")
    assert after(PageNumber(), Page(count=3), progress(2, received=6)) == Next(3)
    # Two empty pages are the same page, and the end.
    assert after(PageNumber(), Page(count=0), progress(2, received=0, repeats=True)) == Whole()


def test_there_is_a_limit_of_pages_and_the_last_of_them_may_be_the_end() -> None:
    paging = PageNumber(max_pages=3)

    assert after(paging, Page(count=1), progress(2, received=2)) == Next(3)
    assert after(paging, Page(count=1), progress(3, received=3)) == Broken("there are more than max_pages = 3 pages")
    assert after(paging, Page(count=0), progress(3, received=2)) == Whole()


def test_an_offset_counts_what_came_and_not_what_was_asked_for() -> None:
    paging = Offset(size=100, total=("total",), first=1)

    assert opening(paging) == Next(1, 1)
    assert after(paging, Page(count=50, total=120), progress(1, received=50)) == Next(2, 51)
    assert after(paging, Page(count=20, total=120), progress(3, received=120)) == Whole()


def test_what_the_page_says_of_more_outweighs_its_length() -> None:
    paging = PageNumber(size=10)

    assert after(paging, Page(count=3, has_more=True), progress(received=3)) == Next(2)
    assert after(paging, Page(count=10, has_more=False), progress(received=10)) == Whole()


def test_a_page_without_records_that_says_that_more_follow_breaks_an_answer_by_offset() -> None:
    step = after(Offset(size=10), Page(count=0, has_more=True), progress(2, received=10))

    assert step == Broken("a page without records says that more follow")


def test_a_page_without_records_ends_an_answer_by_cursor_only_where_that_is_said() -> None:
    page, so_far = Page(count=0, next="c2"), progress(2, received=3)

    assert after(Cursor(next=("next",)), page, so_far) == Next(3, "c2")
    assert after(Cursor(next=("next",), stop_after_empty_page=True), page, so_far) == Whole()


def test_more_that_is_promised_without_a_cursor_breaks_the_answer() -> None:
    step = after(Cursor(next=("next",)), Page(count=3, has_more=True), progress(received=3))

    assert isinstance(step, Broken)


def test_a_cursor_that_came_before_breaks_the_answer() -> None:
    so_far = Progress(2, 6, asked={fingerprint("c1")})

    assert isinstance(after(Cursor(next=("next",)), Page(count=3, next="c1"), so_far), Broken)
    assert after(Cursor(next=("next",)), Page(count=3, next="c2"), so_far) == Next(3, "c2")


def test_a_cursor_longer_than_any_url_breaks_the_answer() -> None:
    assert isinstance(after(Cursor(next=("n",)), Page(3, next="x" * 9_000), progress(received=3)), Broken)


def test_a_total_counts_for_cursors_and_links_too() -> None:
    assert after(Cursor(next=("n",)), Page(3, total=9), progress(received=3)) == Broken(
        "the API declares 9 records, 3 came"
    )


@pytest.mark.parametrize("paging", [Cursor(header="X-Next"), NextLink()])
def test_a_header_that_says_nothing_of_a_next_page_ends_the_answer(paging: Cursor | NextLink) -> None:
    assert told_by(paging, (("x-next", " "), ("link", "</a>; rel=prev"))) is None
    assert after(paging, Page(count=3), progress(received=3)) == Whole()


def test_pages_that_surely_follow_are_foreseen_by_what_the_page_declares() -> None:
    number, offset = PageNumber(first=0), Offset(first=1)

    assert foreseen(number, Page(3, total_pages=4), progress(0, received=3), most=8) == [Next(1), Next(2), Next(3)]
    assert foreseen(number, Page(3, total=7), progress(1, received=6), most=8) == [Next(2)]
    assert foreseen(offset, Page(3, total=9), progress(1, received=3), most=8) == [Next(2, 4), Next(3, 7)]
    assert foreseen(offset, Page(3, total=9_000), progress(1, received=3), most=2) == [Next(2, 4), Next(3, 7)]


@pytest.mark.parametrize(
    ("paging", "page"),
    [
        (PageNumber(), Page(3)),
        (PageNumber(), Page(0, total=9)),
        (PageNumber(), Page(3, total=3)),
        (PageNumber(max_pages=1), Page(3, total=9)),
        (Cursor(next=("n",)), Page(3, total=9, next="c")),
    ],
)
def test_nothing_is_foreseen_where_nobody_can_know(paging: Paging, page: Page) -> None:
    assert foreseen(paging, page, progress(1, received=3), most=8) == []


def test_what_is_foreseen_is_what_follows() -> None:
    paging = Offset(size=3, total=("total",), first=0)
    (guessed, *_) = foreseen(paging, Page(3, total=9), progress(1, received=3), most=8)

    assert after(paging, Page(3, total=9), progress(1, received=3)) == guessed
