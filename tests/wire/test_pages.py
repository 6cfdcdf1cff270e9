"""Every kind of pages × what ends them × what goes wrong on the way, over real sockets (FAULTS.md A, 23 to 25)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.wire.collecting import END, OK, TERMS, Collecting, sized

from coleta.land.record import Outcome
from coleta.paging import Cursor, NextLink, Offset, PageNumber, Paging
from coleta.terms import Terms
from coleta.testing.samples import NOON

if TYPE_CHECKING:
    from tests.wire.conftest import Peer, Server

PAGED = Terms(TERMS.contract, expect="object", records=("data",))
SIZE = 3

Asked = tuple[str, dict[str, str]]
Fault = Callable[[bytes], bytes]


@dataclass
class Api:
    """Records 1 to ``count``, three a page, given in the way of ``dialect``; ``fault`` meets its requests by turn."""

    dialect: str = ""
    count: int = 7
    port: int = 0
    faults: dict[int, Fault] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    turn: Lock = field(default_factory=Lock)

    def answer(self, head: bytes) -> bytes:
        parts = urlsplit(head.split(b" ")[1].decode())
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.turn:
            self.asked.append((parts.path, query))
            fault = self.faults.get(len(self.asked) - 1) or self.faults.get(-1)
        good = self._good(query)
        return good if fault is None else fault(good)

    def _good(self, query: dict[str, str]) -> bytes:
        if "page" in query:
            start = (int(query["page"]) - 1) * SIZE
        else:
            start = int(query.get("offset") or query.get("cursor", "c0").removeprefix("c"))
        end = min(start + SIZE, self.count)
        body: dict[str, object] = {"data": [{"ean": n + 1} for n in range(start, end)]}
        ends = end >= self.count if self.dialect != "until empty" else start >= self.count
        match self.dialect:
            case "total":
                body["total"] = self.count
            case "total pages":
                body["pages"] = -(-self.count // SIZE)
            case "has more" | "has more, and a cursor all the same":
                body["more"] = not ends
        absent = {"null": None, "blank": "", "false": False, "has more, and a cursor all the same": f"c{end}"}
        following = f"c{end}" if not ends else absent.get(self.dialect, "absent")
        headers = []
        if following != "absent":
            body["meta"] = {"cursor": following}
            link = following and {
                "absolute": f"http://127.0.0.1:{self.port}/records?cursor={following}&size=3",
                "a query": f"?cursor={following}",
            }.get(self.dialect, f"/records?cursor={following}")
            body["links"] = {"next": link}
            headers.append(f"X-Next: {following or ''}".encode())
        if not ends:
            first, then = "</records>; rel=first", f'</records?cursor={following}>; title="a, b; c"; rel="next last"'
            headers.append(f"Link: {first}, {then}".encode())
        elif self.dialect == "another link":
            headers.append(b'Link: </records>; rel="first", </records?cursor=c0>; rel="prev"; title="rel=next"')
        return sized(json.dumps(body).encode(), *headers)

    def script(self, peer: Peer) -> None:
        while head := peer.hear():
            said = self.answer(head)
            peer.say(said)
            if self.faults:
                return


NUMBER = PageNumber(size_param="size", size=SIZE)
OFFSET = Offset(size_param="limit", size=SIZE)
CURSOR = Cursor(next=("meta", "cursor"))
HEADER = Cursor(header="X-Next")
LINK = NextLink(next=("links", "next"))
LINKS = NextLink()
MORE = ("more",)

KINDS: dict[str, tuple[Paging, str]] = {
    "number, a short page": (NUMBER, ""),
    "number, an empty page": (PageNumber(), ""),
    "number, a total": (replace(NUMBER, total=("total",), stop_after_empty_page=False), "total"),
    "number, total pages": (PageNumber(total_pages=("pages",)), "total pages"),
    "number, has more": (PageNumber(has_more=MORE), "has more"),
    "offset, a short page": (OFFSET, ""),
    "offset, a total": (replace(OFFSET, total=("total",)), "total"),
    "offset, fewer than asked for": (replace(OFFSET, size=5, total=("total",)), "total"),
    "offset, total pages": (replace(OFFSET, total_pages=("pages",)), "total pages"),
    "offset, has more": (replace(OFFSET, size=5, has_more=MORE), "has more"),
    "cursor, none": (CURSOR, ""),
    "cursor, null": (CURSOR, "null"),
    "cursor, blank": (CURSOR, "blank"),
    "cursor, false": (CURSOR, "false"),
    "cursor, has more": (replace(CURSOR, has_more=MORE), "has more, and a cursor all the same"),
    "cursor, an empty page": (replace(CURSOR, stop_after_empty_page=True), "until empty"),
    "cursor, a total": (replace(CURSOR, total=("total",)), "total"),
    "cursor, a first one": (replace(CURSOR, first="c0"), ""),
    "header, none": (HEADER, ""),
    "header, blank": (HEADER, "blank"),
    "header, an empty page": (replace(HEADER, stop_after_empty_page=True), "until empty"),
    "link, none": (LINK, ""),
    "link, null": (LINK, "null"),
    "link, absolute": (LINK, "absolute"),
    "link, a query": (LINK, "a query"),
    "link, has more": (replace(LINK, has_more=MORE), "has more, and a cursor all the same"),
    "links, none": (LINKS, ""),
    "links, another": (LINKS, "another link"),
    "links, a total": (replace(LINKS, total=("total",)), "total"),
}


KINDS |= {
    f"{kind}, several at once": (replace(paging, concurrency=4), dialect)  # type: ignore[arg-type]
    for kind, (paging, dialect) in KINDS.items()
    if "total" in kind and kind.startswith(("number", "offset"))
}


def instead(said: bytes) -> Fault:
    return lambda good: said


def packed(good: bytes) -> bytes:
    return sized(gzip.compress(good.partition(b"\r\n\r\n")[2])[:-4], b"Content-Encoding: gzip")


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

FAULTS: dict[str, Fault] = {
    "closed without a word": instead(b""),
    "A 7, cut": lambda good: good[:-4],
    "A 9, two lengths": lambda good: good.replace(b"\r\n", b"\r\nContent-Length: 1\r\n", 1),
    "A 10, a chunk that is cut": instead(CHUNKED + b"15\r\n{"),
    "A 11, ended by a close": instead(OK + b'\r\n{"data": []}'),
    "A 12, 429": instead(sized(b"", b"Retry-After: 3", status=b"429 Wait")),
    "A 15, 503": instead(sized(b"", status=b"503 Wait")),
    "A 16, 500": instead(sized(b"", status=b"500 Oh")),
    "A 17, HTML": instead(sized(b"<html>")),
    "A 18, an error": instead(sized(b'{"error": "quota", "data": []}')),
    "A 19, no body": instead(sized(b"", status=b"204 Nothing")),
    "A 23, gone": instead(sized(b"", status=b"404 Gone")),
    "B 27, packed and cut": packed,
}


@pytest.fixture(scope="module")
def played() -> Iterator[tuple[Api, Server]]:
    """One server for all of them, and what it plays."""
    from tests.wire.conftest import Server

    api = Api()
    server = Server(api.script)
    api.port = server.port
    yield api, server
    server.close()


Collect = Callable[..., Collecting]
Played = tuple[Api, "Server"]


def begin(played: Played, dialect: str, *, count: int = 7) -> Api:
    api, _ = played
    api.dialect, api.count = dialect, count
    api.faults, api.asked = {}, []
    return api


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_all_pages_are_asked_for_once_and_land_in_order(
    kind: str, count: int, played: Played, collect: Collect
) -> None:
    paging, dialect = KINDS[kind]
    api = begin(played, dialect, count=count)
    one = collect(played[1].url(), terms=PAGED, paging=paging)

    one.until(END)

    assert one.eans() == list(range(1, count + 1))
    assert one.outcomes() == [(Outcome.OK if count else Outcome.EMPTY, None)]
    assert len(api.asked) <= -(-count // SIZE) + 1
    assert len({tuple(query.items()) for _, query in api.asked}) == len(api.asked)
    assert one.waits() == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_the_second_page_costs_a_request_or_all_of_them_and_no_record(
    kind: str, fault: str, played: Played, collect: Collect
) -> None:
    paging, dialect = KINDS[kind]
    api = begin(played, dialect)
    one = collect(played[1].url(), terms=PAGED, paging=paging)
    api.faults = {1: FAULTS[fault]}

    one.until(END)

    assert one.eans() == [1, 2, 3, 4, 5, 6, 7]
    assert one.outcomes() == [(Outcome.OK, None)]
    assert api.asked.count(api.asked[1]) == 2, "the page is asked for again as it was"


def repeated(api: Api) -> Fault:
    """A page that leads to itself, or to one before it, for ever."""
    return lambda _: sized(
        json.dumps(
            {
                "data": [{"ean": len(api.asked)}],
                "meta": {"cursor": f"c{len(api.asked) % 2}"},
                "links": {"next": f"?cursor={len(api.asked) % 2}"},
                "more": True,
            }
        ).encode(),
        f"X-Next: c{len(api.asked) % 2}".encode(),
        f"Link: <?cursor=c{len(api.asked) % 2}>; rel=next".encode(),
    )


@pytest.mark.parametrize("paging", [CURSOR, HEADER, LINK, LINKS, replace(CURSOR, has_more=MORE)])
def test_pages_that_lead_back_to_each_other_end_rejected(paging: Paging, played: Played, collect: Collect) -> None:
    api = begin(played, "")
    api.faults = {-1: repeated(api)}
    one = collect(played[1].url(), terms=PAGED, paging=paging)

    one.until(NOON + timedelta(seconds=72))

    (outcome, why) = one.outcomes()[0]
    assert outcome is Outcome.REJECTED
    assert "asked for before" in str(why)
    assert len(api.asked) < 60


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "total" in kind and "pages" not in kind])
def test_a_total_that_differs_from_what_came_is_flagged(kind: str, played: Played, collect: Collect) -> None:
    paging, dialect = KINDS[kind]
    api = begin(played, dialect)
    api.faults = {-1: lambda good: good.replace(b'"total": 7', b'"total": 5')}
    one = collect(played[1].url(), terms=PAGED, paging=paging)

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0][0] is Outcome.REJECTED
    assert "declares 5 records" in str(one.outcomes()[0][1])


ELSEWHERE = [
    "http://localhost:{port}/records?cursor=c3",
    "https://127.0.0.1:{port}/records?cursor=c3",
    "//evil.test/records",
    "http://127.0.0.1:1/records",
    "http://user:secret@127.0.0.1:{port}/records?cursor=c3",
    "http://127.0.0.1:{port}@evil.test/records",
    "ftp://127.0.0.1:{port}/records",
    "http://[::1/records",
]


@pytest.mark.parametrize("link", ELSEWHERE)
@pytest.mark.parametrize("paging", [LINK, LINKS])
def test_a_link_to_another_server_is_never_asked(paging: NextLink, link: str, played: Played, collect: Collect) -> None:
    api, server = begin(played, ""), played[1]
    there = link.format(port=server.port)
    body = json.dumps({"data": [{"ean": 1}], "links": {"next": there}}).encode()
    api.faults = {-1: instead(sized(body, f"Link: <{there}>; rel=next".encode()))}
    one = collect(server.url(), terms=PAGED, paging=paging)

    one.until(NOON + timedelta(seconds=72))

    outcome, why = one.outcomes()[0]
    assert outcome is Outcome.REJECTED
    assert "the link to the next page" in str(why)
    assert "secret" not in str(why)
    assert {query.get("cursor") for _, query in api.asked} == {None}


def test_records_beside_an_error_are_asked_for_again_where_that_is_said(played: Played, collect: Collect) -> None:
    api = begin(played, "")
    half = sized(b'{"data": [{"ean": 9}], "meta": {"cursor": null}, "errors": ["the rest is missing"]}')
    one = collect(played[1].url(), terms=PAGED, paging=CURSOR, error_at=("errors",))
    api.faults = {1: instead(half)}

    one.until(END)

    assert one.eans() == [1, 2, 3, 4, 5, 6, 7]
    assert len(one.waits()) == 1


def test_what_was_asked_beside_a_page_that_failed_is_asked_again_in_its_turn(played: Played, collect: Collect) -> None:
    api = begin(played, "total")
    beside, failed = Event(), Event()

    def second_fails_once(good: bytes) -> bytes:
        if b'"ean": 7' in good:
            beside.set()
        if b'"ean": 4' in good and not failed.is_set():
            assert beside.wait(5)
            failed.set()
            return sized(b"", status=b"503 Wait")
        return good

    api.faults = {-1: second_fails_once}
    one = collect(played[1].url(), terms=PAGED, paging=replace(NUMBER, total=("total",), concurrency=2))

    one.until(END)

    assert one.eans() == [1, 2, 3, 4, 5, 6, 7]
    assert sorted(query["page"] for _, query in api.asked) == ["1", "2", "2", "3", "3"]
