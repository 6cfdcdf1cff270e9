"""Asking only for what is new, over real sockets: what is sent, and what a 304 is taken for (FAULTS.md A 22)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.collecting import END, GOOD, saying, sized
from tests.wire.test_ticks import Collect, Serve

from coleta.land.record import Outcome
from coleta.testing.samples import MINUTE

if TYPE_CHECKING:
    from tests.wire.conftest import Peer

ETAG = b'ETag: W/"7"'
SAME = b'HTTP/1.1 304 Not Modified\r\nETag: W/"7"\r\n\r\n'


def test_a_304_to_a_conditional_request_is_unchanged_and_what_is_new_lands(serve: Serve, collect: Collect) -> None:
    server = serve(saying(sized(GOOD, ETAG), SAME, SAME, then=sized(b'[{"ean":3}]', b'ETag: "8"')))
    one = collect(server.url(), conditional=True)

    one.until(END + 3 * MINUTE)

    ok, unchanged = (Outcome.OK, None), (Outcome.UNCHANGED, None)
    assert one.outcomes() == [ok, unchanged, unchanged, ok]
    assert one.eans() == [1, 2, 3]
    asked = [b'If-None-Match: W/"7"' in head for head in server.heard]
    assert asked == [False, True, True, True]


def test_a_304_on_a_kept_connection_leaves_it_fit_for_the_next(serve: Serve, collect: Collect) -> None:
    def script(peer: Peer) -> None:
        while head := peer.hear():
            # A length that says how long the body would be is allowed, and no body follows (RFC 9110, 15.4.5).
            same = SAME.replace(b"\r\n\r\n", b"\r\nContent-Length: 21\r\n\r\n")
            peer.say(same if b"If-None-Match" in head else sized(GOOD, ETAG))

    server = serve(script)
    one = collect(server.url(), conditional=True)

    one.until(END + 3 * MINUTE)

    assert [outcome for outcome, _ in one.outcomes()] == [Outcome.OK] + [Outcome.UNCHANGED] * 3
    assert server.connections == 1


def test_a_304_that_is_cut_within_its_headers_is_asked_for_again(serve: Serve, collect: Collect) -> None:
    server = serve(saying(sized(GOOD, ETAG), b"HTTP/1.1 304 Not Modified\r\nETag:", then=SAME))
    one = collect(server.url(), conditional=True)

    one.until(END + MINUTE)

    assert [outcome for outcome, _ in one.outcomes()] == [Outcome.OK, Outcome.UNCHANGED]
    assert len(server.heard) == 3


def test_a_304_that_nobody_asked_for_is_a_gap(serve: Serve, collect: Collect) -> None:
    one = collect(serve(saying(then=SAME)).url(), conditional=True)

    one.until(END)

    assert one.outcomes() == [(Outcome.GAP, "unexpected_304")]
