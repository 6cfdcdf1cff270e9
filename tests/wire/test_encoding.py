"""What a body is packed in: undone only to its proper end (FAULTS.md B 27 to 32)."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coleta.collect.response import Fault

if TYPE_CHECKING:
    from tests.wire.conftest import Client, Peer, Script, Server

Serve = Callable[..., "Server"]

DATA = b'[{"a": 1}, {"a": 2}]' * 100
PACKED = gzip.compress(DATA)


def packed(coding: str, wire: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(wire)}\r\n\r\n".encode())
        peer.say(wire)

    return script


@pytest.mark.parametrize(
    ("coding", "wire"),
    [("gzip", PACKED), ("X-GZip", PACKED), ("deflate", zlib.compress(DATA)), ("identity", DATA)],
    ids=["gzip", "X-GZip", "deflate", "identity"],  # gzip's bytes hold the time, and workers must agree on names
)
def test_what_was_asked_for_is_unpacked_and_kept_as_received(
    coding: str, wire: bytes, serve: Serve, client: Client
) -> None:
    came = client.get(serve(packed(coding, wire)).url())

    assert (came.body, came.wire, came.encoding) == (DATA, wire, coding)


def test_two_gzip_members_are_both_read(serve: Serve, client: Client) -> None:
    assert client.get(serve(packed("gzip", PACKED + PACKED)).url()).body == DATA + DATA


@pytest.mark.parametrize(
    ("coding", "wire"),
    [
        pytest.param("gzip", PACKED[:-20], id="cut short with a matching length"),
        pytest.param("gzip", PACKED[:-8], id="without a trailer"),
        pytest.param("gzip", PACKED[:-8] + b"\x00" * 4 + PACKED[-4:], id="a wrong CRC"),
        pytest.param("gzip", PACKED[:-4] + b"\x00" * 4, id="a wrong length in the trailer"),
        pytest.param("gzip", PACKED + b"junk", id="junk behind the end"),
        pytest.param("gzip", b"", id="nothing at all"),
        pytest.param("gzip", DATA, id="a plain body"),
        pytest.param("gzip, gzip", gzip.compress(PACKED), id="a chain"),
        pytest.param("br", DATA, id="a coding not asked for"),
        pytest.param("deflate", zlib.compress(DATA)[:-1], id="deflate cut short"),
        pytest.param("deflate", zlib.compress(DATA) + b"junk", id="junk behind deflate"),
    ],
)
def test_a_broken_packing_is_refused(coding: str, wire: bytes, serve: Serve, client: Client) -> None:
    assert client.fail(serve(packed(coding, wire)).url()).fault is Fault.ENCODING


def test_two_content_encoding_headers_are_a_chain(serve: Serve, client: Client) -> None:
    wire = gzip.compress(PACKED)
    double = packed("gzip\r\nContent-Encoding: gzip", wire)

    assert client.fail(serve(double).url()).fault is Fault.ENCODING


MEASURED = """
import sys
from datetime import UTC, datetime, timedelta
from coleta.adapters.http import HttpTransport
from coleta.collect.request import Request
from coleta.stream import Source

def peak_kb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

transport = HttpTransport(now=lambda: datetime.now(UTC), secrets=lambda _: "")
ask = lambda path: transport.exchange(
    Request(sys.argv[1] + path), timeout=timedelta(seconds=30), max_bytes=Source("").max_answer_bytes
)
ask("/small")
before = peak_kb()
came = ask("/bomb")
print(getattr(came, "fault", came), peak_kb() - before)
"""


def bomb(of_bytes: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(of_bytes // 1_000_000)) + packer.flush()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize("size_bytes", [300_000_000, 3_000_000_000], ids=["300 MB", "3 GB"])
def test_a_bomb_is_stopped_within_64_mb_of_memory_though_the_answer_may_be_large(size_bytes: int, serve: Serve) -> None:
    wire = bomb(300_000_000) * (size_bytes // 300_000_000)
    assert size_bytes / len(wire) > 900

    def script(peer: Peer) -> None:
        while head := peer.hear():
            body = PACKED if b"/small" in head else wire
            peer.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body), body)

    url = serve(script).url("")
    # In a process of its own: its peak is that of this request alone.
    told = subprocess.run([sys.executable, "-c", MEASURED, url], capture_output=True, text=True, timeout=60)

    assert told.stderr == ""
    fault, grown_kb = told.stdout.split()
    assert fault == "too_large"
    assert int(grown_kb) < 64_000
