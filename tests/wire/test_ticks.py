"""What becomes of a tick when the API misbehaves: the collector and the lander over real sockets (FAULTS.md A, B, C).

The clock is set by hand, so a wait of a minute takes no time; only time-outs on the wire are real.
"""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.wire.collecting import END, GOOD, OK, TERMS, Collecting, saying, sized

from coleta.land.record import Outcome
from coleta.paging import PageNumber
from coleta.runtime.events import AskAgain
from coleta.stream import SecretRef
from coleta.terms import Terms
from coleta.testing.samples import MINUTE, NOON

if TYPE_CHECKING:
    from tests.wire.conftest import Certificate, Peer, Server

Serve = Callable[..., "Server"]
Collect = Callable[..., Collecting]

# What is broken on the way --------------------------------------------------------------------------

PACKED = gzip.compress(GOOD)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip"

BROKEN = [
    pytest.param(b"", "reset", id="closed without a word"),
    pytest.param(OK + b"Content-Length: 30\r\n\r\n" + GOOD, "incomplete", id="A 7, a length larger than the body"),
    pytest.param(OK + b"Content-Length: 30\r\nContent-Length: 21\r\n\r\n" + GOOD, "framing", id="A 9, two lengths"),
    pytest.param(OK + b"Content-Length: 21\r\nTransfer-Encoding: chunked\r\n\r\n", "framing", id="A 9, and chunked"),
    pytest.param(CHUNKED + b"15\r\n" + GOOD[:7], "incomplete", id="A 10, cut inside a chunk"),
    pytest.param(CHUNKED + b"15\r\n" + GOOD + b"\r\n", "incomplete", id="A 10, cut at a border"),
    pytest.param(CHUNKED + b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n", "framing", id="A 10, a bad size"),
    pytest.param(OK + b"\r\n" + GOOD[:7], "framing", id="A 11, ended by a close"),
    pytest.param(OK + b'\r\n{"ean":1}\n{"ean":2}\n', "framing", id="A 11, lines ended by a close"),
    pytest.param(sized(b"", status=b"408 Late"), "http_408", id="408"),
    pytest.param(sized(b"", status=b"500 Oh"), "http_500", id="500"),
    pytest.param(sized(b"", status=b"503 Busy"), "http_503", id="A 15, a bare 503"),
    pytest.param(sized(b"<html>"), "HTML or XML instead of JSON", id="A 17, HTML"),
    pytest.param(sized(b'{"error": "x"}'), "an array was expected, an object with error came", id="A 18, an error"),
    pytest.param(sized(b""), "an empty body", id="A 19, no bytes"),
    pytest.param(sized(PACKED[:-12], GZIP), "encoding", id="B 27, cut short with a matching length"),
    pytest.param(sized(PACKED[:-8], GZIP), "encoding", id="B 27, without a trailer"),
    pytest.param(sized(PACKED[:-8] + bytes(8), GZIP), "encoding", id="B 27, a wrong CRC"),
    pytest.param(sized(GOOD, GZIP), "encoding", id="B 29, plain"),
    pytest.param(sized(gzip.compress(PACKED), GZIP, GZIP), "encoding", id="B 31, a chain"),
    pytest.param(sized(GOOD, b"Content-Encoding: br"), "encoding", id="B 32, not asked for"),
    pytest.param(sized(GOOD + b"]"), None, id="B 37, something follows"),
    pytest.param(sized(GOOD[:-1]), None, id="cut JSON with a matching length"),
]


@pytest.mark.parametrize(("broken", "reason"), BROKEN)
def test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands(
    broken: bytes, reason: str | None, serve: Serve, collect: Collect
) -> None:
    server = serve(saying(broken, then=sized(GOOD)))
    one = collect(server.url())

    one.until(END)

    assert one.outcomes() == [(Outcome.OK, None)]
    assert one.eans() == [1, 2]
    assert [event.reason for event in one.bench.told(AskAgain)] == ([reason] if reason else [one_reason(one)])
    assert len(server.heard) == 2


def one_reason(one: Collecting) -> str:
    (event,) = one.bench.told(AskAgain)
    assert event.reason.startswith("broken JSON")
    return event.reason


@pytest.mark.parametrize(
    ("broken", "reason"), [case for case in BROKEN if case.values[1] and " " not in str(case.values[1])]
)
def test_what_stays_broken_is_a_gap_with_its_reason_after_a_few_requests(
    broken: bytes, reason: str, serve: Serve, collect: Collect
) -> None:
    server = serve(saying(then=broken))
    one = collect(server.url())

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0] == (Outcome.GAP, reason)
    assert one.eans() == []
    assert 4 <= one.accounts()[0].attempts <= 20


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>Sign in</html>", id="HTML"),
        pytest.param(b'{"error": "x"}', id="an error"),
        pytest.param(GOOD + b"]", id="something follows"),
        pytest.param(b"\xff\xfe[\x00]\x00", id="UTF-16"),
        pytest.param(b'["\xff"]', id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="nested 100000 deep"),
    ],
)
def test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept(
    body: bytes, serve: Serve, collect: Collect
) -> None:
    one = collect(serve(saying(then=sized(body))).url())

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0][0] is Outcome.REJECTED
    assert one.eans() == []
    assert len(one.bench.names("_quarantine/")) >= 1


def test_bytes_behind_an_answer_never_enter_the_next(serve: Serve, collect: Collect) -> None:
    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(sized(GOOD), sized(b'[{"ean":9}]'))

    one = collect(serve(script).url())

    one.until(END + 2 * MINUTE)

    assert one.eans() == [1, 2] * 3


# Who is not there -----------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve_is_asked_for_within_the_deadline_and_then_a_gap(collect: Collect) -> None:
    looked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[object]:
        looked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    one = collect("http://api.example.com/", resolve=resolve)

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0] == (Outcome.GAP, "dns")
    assert 4 <= len(looked) <= 20


def test_a_host_that_refuses_for_a_while_is_asked_again_until_it_answers(collect: Collect, serve: Serve) -> None:
    server = serve(saying(then=sized(GOOD)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    ports = [free, free, server.port]

    def resolve(host: str, port: int) -> Sequence[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", ports.pop(0)))]

    one = collect("http://localhost/", resolve=resolve)

    one.until(END)

    assert [event.reason for event in one.bench.told(AskAgain)] == ["refused", "refused"]
    assert one.eans() == [1, 2]


def test_a_server_that_is_silent_or_drips_is_given_up_at_the_time_out_and_asked_again(
    serve: Serve, collect: Collect
) -> None:
    def silent(peer: Peer) -> None:
        peer.hear()
        peer.wait()

    def drips(peer: Peer) -> None:
        peer.hear()
        peer.say(OK, b"Content-Length: 21\r\n\r\n")
        peer.drip(GOOD * 100, every_s=0.1)

    server = serve(silent, drips, saying(then=sized(GOOD)))
    one = collect(server.url(), timeout=timedelta(seconds=0.4))

    one.until(END)

    assert [event.reason for event in one.bench.told(AskAgain)] == ["read_timeout", "timeout"]
    assert one.eans() == [1, 2]


def test_a_certificate_that_is_not_accepted_is_a_gap_after_one_try_a_tick(
    serve: Serve, certify: Callable[..., Certificate], collect: Collect
) -> None:
    server = serve(saying(then=sized(GOOD)), tls=certify().serving())
    one = collect(server.url())

    one.until(END + 9 * MINUTE)

    assert one.outcomes() == [(Outcome.GAP, "tls")] * 10
    assert (server.connections, server.heard) == (10, [])


def test_an_answer_that_came_without_checking_the_certificate_says_so_for_good(
    serve: Serve, certify: Callable[..., Certificate], collect: Collect
) -> None:
    careless = collect(serve(saying(then=sized(GOOD)), tls=certify().serving()).url(), verify_tls=False)
    plain = collect(serve(saying(then=sized(GOOD))).url())

    careless.until(END)
    plain.until(END)

    assert [account.tls_verified for account in careless.accounts()] == [False]
    assert [account.tls_verified for account in plain.accounts()] == [True]


def test_who_asks_is_refused_and_not_asked_again_within_the_tick(serve: Serve, collect: Collect) -> None:
    server = serve(saying(then=sized(b"", status=b"401 Who")))
    one = collect(server.url(), headers=(("Authorization", SecretRef("env:TOKEN")),))

    one.until(END + MINUTE)

    assert one.outcomes() == [(Outcome.GAP, "auth")] * 2
    assert len(server.heard) == 2


def test_a_redirect_is_a_gap_and_the_key_goes_nowhere_else(serve: Serve, collect: Collect) -> None:
    elsewhere = serve(saying(then=sized(GOOD)))
    server = serve(saying(then=sized(b"", b"Location: " + elsewhere.url().encode(), status=b"302 Go")))
    one = collect(server.url(), headers=(("X-Api-Key", SecretRef("env:TOKEN")),), redirects="same_origin")

    one.until(END)

    assert one.outcomes() == [(Outcome.GAP, "redirect")]
    assert "http://127.0.0.1" in (one.accounts()[0].detail or "")
    assert elsewhere.connections == 0


# Who wants to be left alone -------------------------------------------------------------------------


def test_retry_after_is_obeyed_in_both_forms_and_never_beyond_the_ticks_last_chance(
    serve: Serve, collect: Collect
) -> None:
    def told(value: bytes) -> bytes:
        return sized(b"", b"Retry-After: " + value, status=b"429 Slow")

    now = NOON + timedelta(seconds=30)
    date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
    past = b"Thu, 01 Jan 1970 00:00:00 GMT"
    one = collect(serve(saying(told(b"7"), told(date), told(past), told(b"31536000"), then=sized(GOOD))).url())

    one.until(NOON + timedelta(seconds=72))

    seconds, at, before, year = one.waits()
    assert timedelta(seconds=7) <= seconds <= timedelta(seconds=7.5)
    assert one.accounts()[0].asked_at is not None
    assert timedelta(seconds=10) <= at <= timedelta(seconds=14)
    assert before <= timedelta(seconds=2)
    assert timedelta(seconds=20) <= year <= timedelta(seconds=40)
    assert one.outcomes() == [(Outcome.OK, None)]


@pytest.mark.parametrize(
    "header",
    [
        b"RateLimit: limit=9, remaining=0, reset=20",
        b'RateLimit: "default";r=0;t=20',
        b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 20",
    ],
)
def test_a_limit_that_is_used_up_is_waited_for_before_the_next_request(
    header: bytes, serve: Serve, collect: Collect
) -> None:
    server = serve(saying(sized(page(1, 2, total=3), header), sized(page(3, total=3))))
    one = collect(server.url(), terms=PAGED, paging=PageNumber(total=("total",)))
    began = one.bench.clock.now()

    one.until(began + timedelta(seconds=19))
    assert len(server.heard) == 1
    one.until(began + timedelta(seconds=29))

    assert len(server.heard) == 2
    assert one.eans() == [1, 2, 3]


def test_500_for_ever_is_asked_1_1_times_a_tick_and_the_tick_after_its_end_lands(
    serve: Serve, collect: Collect
) -> None:
    down = [True]

    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(sized(b"", status=b"500 Oh") if down[0] else sized(GOOD))

    server = serve(script)
    one = collect(server.url())
    one.until(END + 2 * MINUTE)
    asked, settled = len(server.heard), len(one.accounts())

    one.until(END + 102 * MINUTE)
    assert len(one.accounts()) - settled == 100
    assert 100 <= len(server.heard) - asked <= 110
    assert set(one.outcomes()) == {(Outcome.GAP, "http_500")}

    down[0] = False
    one.until(END + 103 * MINUTE)
    assert one.eans() == [1, 2]


# Pages ---------------------------------------------------------------------------------------------

PAGED = Terms(TERMS.contract, expect="object", records=("data",))


def page(*eans: int, total: int) -> bytes:
    return json.dumps({"data": [{"ean": ean} for ean in eans], "total": total}).encode()


def test_a_page_that_is_gone_lets_all_be_asked_for_anew_and_nothing_lands_in_part(
    serve: Serve, collect: Collect
) -> None:
    five = [sized(page(n, total=5)) for n in range(1, 6)]
    server = serve(saying(five[0], five[1], sized(b"", status=b"404 Gone"), *five))
    one = collect(server.url(), terms=PAGED, paging=PageNumber(total=("total",)))

    one.until(END)

    asked = [head.split(b" ")[1][-1:].decode() for head in server.heard]
    assert "".join(asked) == "12312345"
    assert one.eans() == [1, 2, 3, 4, 5]


def test_a_page_that_never_comes_leaves_a_gap_and_no_record(serve: Serve, collect: Collect) -> None:
    def script(peer: Peer) -> None:
        if head := peer.hear():
            gone = b"page=3" in head
            peer.say(sized(b"", status=b"500 Oh") if gone else sized(page(1, total=5)))

    one = collect(serve(script).url(), terms=PAGED, paging=PageNumber(total=("total",)))

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0][0] is not Outcome.OK
    assert one.eans() == []


def test_pages_that_repeat_for_ever_end(serve: Serve, collect: Collect) -> None:
    server = serve(saying(then=sized(page(1, total=99))))
    one = collect(server.url(), terms=PAGED, paging=PageNumber(total=("total",)))

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0][0] is Outcome.REJECTED
    assert len(server.heard) <= 60


def test_a_total_that_does_not_agree_is_asked_for_again_and_then_flagged(serve: Serve, collect: Collect) -> None:
    one = collect(serve(saying(then=sized(page(total=5)))).url(), terms=PAGED, paging=PageNumber(total=("total",)))

    one.until(NOON + timedelta(seconds=72))

    assert one.outcomes()[0] == (Outcome.REJECTED, "the API declares 5 records, 0 came")
    assert one.waits()


# Records -------------------------------------------------------------------------------------------


def test_one_record_that_no_parser_takes_does_not_cost_the_others(serve: Serve, collect: Collect) -> None:
    odd = ["NaN", "Infinity", "1e400", str(2**64), '"12"', "null", "true", "1.5"]
    body = "[" + ",".join([f'{{"ean":{value}}}' for value in odd] + ['{"ean":1,"ean":2}', '{"ean":7}', '{"x":1}']) + "]"
    one = collect(serve(saying(then=sized(body.encode()))).url())

    one.until(END)

    (account,) = one.accounts()
    assert (account.received, account.landed, account.quarantined) == (11, 1, 10)
    assert one.eans() == [7]


def test_a_tick_whose_every_record_fails_is_rejected_and_the_next_lands(serve: Serve, collect: Collect) -> None:
    one = collect(serve(saying(sized(b'[{"ean":"x"},{}]'), then=sized(GOOD))).url())

    one.until(END + MINUTE)

    assert one.outcomes() == [(Outcome.REJECTED, "contract"), (Outcome.OK, None)]
    assert one.eans() == [1, 2]


def test_a_byte_order_mark_and_two_gzip_members_are_read(serve: Serve, collect: Collect) -> None:
    wire = gzip.compress(b"\xef\xbb\xbf" + GOOD[:9]) + gzip.compress(GOOD[9:])
    one = collect(serve(saying(then=sized(wire, GZIP))).url())

    one.until(END)

    assert one.eans() == [1, 2]


def test_an_answer_without_a_body_is_empty_only_where_the_stream_allows_it(serve: Serve, collect: Collect) -> None:
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    allowed = collect(serve(saying(then=nothing)).url(), allow_empty_body=True)
    strict = collect(serve(saying(then=nothing)).url())

    allowed.until(END)
    strict.until(NOON + timedelta(seconds=72))

    assert allowed.outcomes() == [(Outcome.EMPTY, None)]
    assert strict.outcomes()[0] == (Outcome.REJECTED, "an empty body")


def test_an_answer_that_is_too_large_is_a_gap_after_one_try(serve: Serve, collect: Collect) -> None:
    bomb = gzip.compress(bytes(12_000_000))
    server = serve(saying(then=sized(bomb, GZIP)))
    one = collect(server.url())

    one.until(END)

    assert one.outcomes() == [(Outcome.GAP, "too_large")]
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("terms", "body"),
    [
        (replace(TERMS, format="ndjson"), b'{"ean":1}\n{"ean":"x"}\n{"ean":2}\n'),
        (replace(TERMS, format="csv"), b"ean,x\r\n1,a\r\nx,b\r\n2,c\r\n"),
    ],
)
def test_lines_and_rows_land_and_only_the_bad_one_is_quarantined(
    terms: Terms, body: bytes, serve: Serve, collect: Collect
) -> None:
    one = collect(serve(saying(sized(b"<html>"), then=sized(body))).url(), terms=terms)

    one.until(END)

    (account,) = one.accounts()
    assert (account.received, account.landed, account.quarantined) == (3, 2, 1)
    assert one.eans() == [1, 2]
