"""Where a body ends: only its framing may say so (FAULTS.md A 7 to 11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from coleta.collect.request import Request
from coleta.collect.response import Fault

if TYPE_CHECKING:
    from tests.wire.conftest import Client, Peer, Server

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

Serve = Callable[..., "Server"]


def once(*parts: bytes) -> Callable[[Peer], None]:
    """Answer one request with `parts`, as they are, and close."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(*parts)

    return script


def test_a_body_as_long_as_its_content_length_says_is_complete(serve: Serve, client: Client) -> None:
    came = client.get(serve(once(OK, b"Content-Length: 7\r\nX-A: 1\r\n\r\n", b"[1,2,3]")).url())

    assert (came.status, came.wire, came.body, came.encoding) == (200, b"[1,2,3]", b"[1,2,3]", None)
    assert came.headers == (("content-length", "7"), ("x-a", "1"))
    assert came.asked_at <= came.received_at


@pytest.mark.parametrize("body", [b"3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n", b"05;a=b\r\n[1,2]\r\n0\r\nX-Sum: 1\r\n\r\n"])
def test_a_chunked_body_is_complete_at_its_last_chunk(body: bytes, serve: Serve, client: Client) -> None:
    assert client.get(serve(once(CHUNKED, body)).url()).body == b"[1,2]"


def test_a_body_shorter_than_its_content_length_is_incomplete(serve: Serve, client: Client) -> None:
    failed = client.fail(serve(once(OK, b"Content-Length: 20\r\n\r\n", b"[1,2,3]")).url())

    assert failed.fault is Fault.INCOMPLETE


def test_a_huge_body_that_is_cut_short_is_incomplete(serve: Serve, client: Client) -> None:
    failed = client.fail(serve(once(OK, b"Content-Length: 3000000\r\n\r\n", b"x" * 2_999_999)).url())

    assert failed.fault is Fault.INCOMPLETE


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="before the first"),
        pytest.param(b"5\r\n[1,", id="inside a chunk"),
        pytest.param(b"5\r\n[1,2]", id="before a chunk's line end"),
        pytest.param(b"5\r\n[1,2]\r\n", id="at a border"),
        pytest.param(b"5\r\n[1,2]\r\n0", id="inside a size that begins with 0"),
        pytest.param(b"5\r\n[1,2]\r\n0\r", id="inside the last size's line end"),
    ],
)
def test_a_chunked_body_that_is_cut_is_incomplete(body: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(once(CHUNKED, body)).url()).fault is Fault.INCOMPLETE


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"zz\r\n[1,2]\r\n0\r\n\r\n", id="a size that is no number"),
        pytest.param(b"-5\r\n[1,2]\r\n0\r\n\r\n", id="a negative size"),
        pytest.param(b"0x5\r\n[1,2]\r\n0\r\n\r\n", id="a size with a prefix"),
        pytest.param(b"\r\n[1,2]\r\n0\r\n\r\n", id="no size"),
        pytest.param(b"5\n[1,2]\n0\n\n", id="bare line feeds"),
        pytest.param(b"5\r\n[1,2]0\r\n\r\n", id="chunk data without its line end"),
        pytest.param(b"4\r\n[1,2]\r\n0\r\n\r\n", id="more data than the size says"),
        pytest.param(b"5;" + b"x" * 20_000 + b"\r\n[1,2]\r\n0\r\n\r\n", id="an endless extension"),
        pytest.param(b"5\r\n[1,2]\r\n0\r\n" + b"a: b\r\n" * 1000 + b"\r\n", id="endless trailers"),
    ],
)
def test_malformed_chunks_are_refused(body: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(once(CHUNKED, body)).url()).fault is Fault.FRAMING


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Content-Length: 5\r\nContent-Length: 4\r\n", id="two lengths"),
        pytest.param(b"Content-Length: 5, 4\r\n", id="two lengths in one line"),
        pytest.param(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", id="length and chunked"),
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", id="another transfer coding"),
        pytest.param(b"Transfer-Encoding: identity\r\n", id="no transfer coding by name"),
        pytest.param(b"Content-Length: +5\r\n", id="a length with a sign"),
        pytest.param(b"Content-Length: five\r\n", id="a length in words"),
        pytest.param(b"Content-Length: " + b"9" * 5000 + b"\r\n", id="a length of thousands of digits"),
        pytest.param(b"Content-Length: \r\n", id="an empty length"),
    ],
)
def test_headers_that_leave_the_end_in_doubt_are_refused(headers: bytes, serve: Serve, client: Client) -> None:
    failed = client.fail(serve(once(OK, headers, b"\r\n", b"[1,2]")).url())

    assert failed.fault is Fault.FRAMING


def test_the_same_length_said_twice_is_no_contradiction(serve: Serve, client: Client) -> None:
    came = client.get(serve(once(OK, b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n[1,2]")).url())

    assert came.body == b"[1,2]"


@pytest.mark.parametrize("body", [b"[1,2]", b"[1,", b'{"a":1}\n{"a":2}\n'])
def test_a_body_that_only_a_close_ends_is_refused_whole_or_not(body: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(once(OK, b"\r\n", body)).url()).fault is Fault.FRAMING


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A", OK + b"Content-Length: 0\r\n"])
def test_headers_that_are_cut_are_not_taken_for_complete(head: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(once(head)).url()).fault is Fault.INCOMPLETE


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_status_without_a_body_needs_no_framing(status: bytes, serve: Serve, client: Client) -> None:
    came = client.get(serve(once(b"HTTP/1.1 ", status, b"\r\nContent-Encoding: gzip\r\n\r\n")).url())

    assert (came.wire, came.body, came.encoding) == (b"", b"", None)


def test_the_response_to_head_has_no_body_whatever_its_length_says(serve: Serve, client: Client) -> None:
    came = client.get(Request(serve(once(OK, b"Content-Length: 99\r\n\r\n")).url(), method="HEAD"))

    assert (came.status, came.body) == (200, b"")


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"\x00\x01\x02\r\n\r\n", id="noise"),
        pytest.param(b"HTTP/1.1 abc\r\n\r\n", id="a status in letters"),
        pytest.param(OK + b"a" * 70_000, id="an endless header"),
        pytest.param(OK + b"a: b\r\n" * 200 + b"\r\n", id="endless headers"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", id="an interim response"),
    ],
)
def test_what_is_no_http_response_is_refused(noise: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(once(noise)).url()).fault is Fault.FRAMING


def test_a_connection_that_is_closed_without_a_word_counts_as_reset(serve: Serve, client: Client) -> None:
    assert client.fail(serve(once()).url()).fault is Fault.RESET


def test_a_connection_that_is_reset_in_the_middle_of_a_body_is_reset(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(OK, b"Content-Length: 100\r\n\r\n", b"[1,")
        peer.reset()

    assert client.fail(serve(script).url()).fault in (Fault.RESET, Fault.INCOMPLETE)


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (b"Content-Length: 5\r\n\r\nwrong", b"wrong"),
        (b"Content-Length: 50\r\n\r\nwrong", b"wrong"),
        (b"\r\nwrong", b"wrong"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nwrong\r\nzz", b"wrong"),
        (b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nwrong", b""),
        (b"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nwrong", b""),
    ],
)
def test_an_error_response_is_evidence_even_if_it_is_not_whole(
    wire: bytes, body: bytes, serve: Serve, client: Client
) -> None:
    came = client.get(serve(once(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n", wire)).url())

    assert (came.status, came.header("retry-after"), came.wire, came.body) == (503, "7", b"wrong", body)


def test_of_a_long_error_response_only_its_beginning_is_kept(serve: Serve, client: Client) -> None:
    came = client.get(serve(once(b"HTTP/1.1 500 Oh\r\nContent-Length: 9000000\r\n\r\n", b"x" * 9_000_000)).url())

    assert came.status == 500
    assert 0 < len(came.wire) <= 1_000_000


def test_a_body_over_the_limit_is_refused_before_it_is_read(serve: Serve, client: Client) -> None:
    server = serve(once(OK, b"Content-Length: 10000000000\r\n\r\n", b"["))

    assert client.fail(server.url(), max_bytes=1_000_000).fault is Fault.TOO_LARGE


def test_an_endless_chunked_body_is_refused_at_the_limit(serve: Serve, client: Client) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(CHUNKED)
        while True:
            peer.say(b"10000\r\n", b"x" * 0x10000, b"\r\n")

    assert client.fail(serve(script).url(), max_bytes=1_000_000).fault is Fault.TOO_LARGE


def test_a_body_exactly_at_the_limit_is_taken_and_one_byte_more_is_not(serve: Serve, client: Client) -> None:
    server = serve(once(OK, b"Content-Length: 7\r\n\r\n[1,2,3]"))

    assert client.get(server.url(), max_bytes=7).body == b"[1,2,3]"
    assert client.fail(server.url(), max_bytes=6).fault is Fault.TOO_LARGE
