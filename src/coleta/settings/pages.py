"""Settings, ``pages``: which keys go with which kind, and the value that the stages read. Notes every mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from coleta.paging import Cursor, Ends, NextLink, Offset, PageNumber, Paging, SinglePage
from coleta.settings.mistakes import Keys, Mistakes
from coleta.settings.model import PagesTable, StreamTable

_COUNTED = ("page_number", "offset")
_CURSORS = ("cursor", "header_cursor")
_LINKS = ("next_link", "link_header")
_SIGNS = ("total", "total_pages", "has_more")

GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "param": (*_COUNTED, *_CURSORS),
    "first": (*_COUNTED, *_CURSORS),
    "next": ("cursor", "next_link"),
    "header": ("header_cursor",),
    "rel": ("link_header",),
}
"""Which kinds a key means something for; one that is not here, for all of them."""

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "page_number": {"param": "page", "first": 1, "stop_after_empty_page": True},
    "offset": {"param": "offset", "first": 0, "size_param": "limit", "stop_after_empty_page": True},
    "cursor": {"param": "cursor", "stop_after_empty_page": False},
    "header_cursor": {"param": "cursor", "stop_after_empty_page": False},
    "next_link": {"stop_after_empty_page": False},
    "link_header": {"rel": "next", "stop_after_empty_page": False},
}
"""What each kind has where the file does not say it."""

_NEEDED = {
    "offset": ("size", "missing; how many records are asked for at once? write size = 100"),
    "cursor": ("next", 'missing; where does a page say what the next one is asked by? write next = "meta.next_cursor"'),
    "header_cursor": ("header", 'missing; which header says it? write header = "X-Next-Cursor"'),
    "next_link": ("next", 'missing; where does a page give the URL of the next one? write next = "links.next"'),
}


def check_pages(at: Keys, table: StreamTable, given: Collection[str], mistakes: Mistakes) -> None:
    """Note what of ``pages`` would never work; ``pages.KEY`` in `given` are the keys that it has."""
    pages = table.pages
    if pages is None:
        return
    at_pages = (*at, "pages")
    for key in sorted(pages.model_fields_set):
        kinds = GOES_WITH.get(key, (pages.kind,))
        if pages.kind not in kinds:
            mistakes.add((*at_pages, key), f'means nothing for kind = "{pages.kind}"; it goes with {", ".join(kinds)}')
    key, why = _NEEDED.get(pages.kind, ("", ""))
    if key and f"pages.{key}" not in given:
        mistakes.add((*at_pages, key), why)
    for key, why in _amiss(pages, table):
        mistakes.add((*at_pages, key), why)
    taken = {param for param in (_value(pages, "param"), _value(pages, "size_param")) if param is not None}
    here, names = ("params", table.params) if pages.into == "query" else ("body", table.body)
    for name in (*names, *(table.form if pages.into == "body" else ())):
        if name in taken:
            mistakes.add((*at, here, name), "is set by pages; leave it out here")


def _amiss(pages: PagesTable, table: StreamTable) -> Iterator[tuple[str, str]]:
    if pages.size_param is not None and pages.size is None:
        yield "size_param", "needs size, the number that is sent with it"
    if pages.kind not in _LINKS and _value(pages, "size_param") == _value(pages, "param"):
        yield "size_param", f"is {_value(pages, 'param')!r}, and so is param"
    if isinstance(pages.first, str) and pages.kind in _COUNTED:
        yield "first", "must be a whole number, without quotes"
    if pages.stop_after_empty_page is False and pages.kind in _COUNTED and not any(map(pages.__getattribute__, _SIGNS)):
        yield "stop_after_empty_page", "nothing else would end the answer; say where total, total_pages or has_more is"
    if pages.concurrency > 1 and (pages.kind not in _COUNTED or not (pages.total or pages.total_pages)):
        yield "concurrency", "needs pages by number or by offset, and total or total_pages, to know which will follow"
    if not table.records and table.expect != "object":
        for key in ("next", *_SIGNS):
            if getattr(pages, key) and pages.kind in GOES_WITH.get(key, (pages.kind,)):
                yield key, "nothing stands beside the records of an array; say where they are: records = …"


def build_paging(pages: PagesTable | None) -> Paging:
    """The value that ``pages`` says."""
    if pages is None:
        return SinglePage()
    ends = Ends(
        size_param=pages.size_param or (pages.size and DEFAULTS[pages.kind].get("size_param")),  # type: ignore[arg-type]
        size=pages.size,
        total=pages.total,
        total_pages=pages.total_pages,
        has_more=pages.has_more,
        stop_after_empty_page=_value(pages, "stop_after_empty_page") is True,
        max_pages=pages.max_pages,
        into=pages.into,
        concurrency=pages.concurrency,
    )
    more = {name: getattr(ends, name) for name in Ends.__dataclass_fields__}
    param, first = str(_value(pages, "param")), _value(pages, "first")
    match pages.kind:
        case "page_number" | "offset":
            assert isinstance(first, int)
            return PageNumber(param, first, **more) if pages.kind == "page_number" else Offset(param, first, **more)
        case "cursor" | "header_cursor":
            opened = None if first is None else str(first)
            return Cursor(param=param, first=opened, next=pages.next, header=pages.header, **more)
        case "next_link" | "link_header":
            return NextLink(next=pages.next, rel=str(_value(pages, "rel") or "next"), **more)


def _value(pages: PagesTable, key: str) -> object:
    """What `key` says, or stands for in this kind."""
    written: object = getattr(pages, key)
    return DEFAULTS[pages.kind].get(key) if written is None else written
