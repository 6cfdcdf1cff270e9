"""The outside thing, HTTP: one request and its whole response, over urllib3, with nothing hidden.

Promises: no redirect but those that the request allows, and no address that it does not; no proxy, no cookie, no
content coding undone behind our back; an end by the deadline, however the other side behaves; a ``Response`` with a
2xx status is complete by its framing and its compression; every other end is a ``Failed``. One request is sent, but
for a GET or HEAD on a kept connection that the other side had closed meanwhile: that one is sent again, once.
It never shows a header's value or a URL's secrets, and never lowers TLS on its own.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from time import monotonic

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from coleta import __version__
from coleta.adapters.http_address import Names, Resolve, system_resolve
from coleta.adapters.http_body import NoBody, Sized, UntilClose, framing, pieces
from coleta.adapters.http_broken import Broken
from coleta.adapters.http_line import Line
from coleta.adapters.http_pool import Connection, Origin, Pool
from coleta.collect.body import rendered
from coleta.collect.envelope import BadEncoding, TooLarge, unwrap
from coleta.collect.redirect import MOST_HOPS, next_url
from coleta.collect.request import Request, redacted_url, with_params
from coleta.collect.response import Failed, Fault, Response
from coleta.errors import ColetaError
from coleta.stream import Hidden, SecretRef

EVIDENCE_BYTES = 1_000_000
"""How much is kept of a response that is not 2xx: enough to see what it says."""

_DEFAULT_HEADERS = (
    ("Accept", "application/json"),
    # Exactly the codings that `unwrap` can undo.
    ("Accept-Encoding", "gzip, deflate"),
    ("User-Agent", f"coleta/{__version__}"),
)
_FRAMING_HEADERS = frozenset({"connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


@dataclass(frozen=True, slots=True)
class _Order:
    """A request as it goes over the wire."""

    origin: Origin
    method: str
    target: str
    headers: HTTPHeaderDict
    body: bytes | None
    until: float
    max_bytes: int


class HttpTransport:
    """The port ``Transport`` over HTTP/1.1, for any number of threads."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        secrets: Callable[[SecretRef], str],
        ca_file: str | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        """Trust the system's certificate authorities (``SSL_CERT_FILE`` is heeded), or those in `ca_file`.

        `resolve` tells where a host's name leads.
        """
        self._now, self._secrets = now, secrets
        self._pool = Pool(ca_file=ca_file, names=Names(resolve))

    def exchange(self, request: Request, *, timeout: timedelta, max_bytes: int) -> Response | Failed:
        """Send `request` and read its whole response within `timeout` in all; see ``ports.Transport``.

        A response that is not 2xx is evidence: at most 1 MB of it, and it need not be whole.
        """
        asked_at, until = self._now(), monotonic() + timeout.total_seconds()
        try:
            for _ in range(MOST_HOPS):
                came = self._send(self._order(request, until, max_bytes), asked_at)
                url = next_url(request, came)
                if url is None:
                    return came
                request = replace(request, url=url)
            return self._send(self._order(request, until, max_bytes), asked_at)
        except Broken as broken:
            return Failed(broken.fault, broken.detail, self._now())

    def close(self) -> None:
        """Cut every exchange under way and refuse new ones; may be called twice."""
        self._pool.close()

    # What is sent -------------------------------------------------------------------------------

    def _order(self, request: Request, until: float, max_bytes: int) -> _Order:
        try:
            url = parse_url(with_params(request.url, [(name, self._plain(value)) for name, value in request.params]))
        except (LocationParseError, ValueError):
            raise Broken(Fault.BAD_URL, f"not a URL: {redacted_url(request.url)}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise Broken(Fault.BAD_URL, f"not an http or https URL: {redacted_url(request.url)}")
        if url.auth is not None:
            raise Broken(Fault.BAD_URL, "a URL cannot hold credentials; put them into a header, as a secret")
        port = url.port or (443 if url.scheme == "https" else 80)
        origin = Origin(url.scheme, url.host.strip("[]"), port, request.verify_tls, request.allow_addresses)
        if not re.fullmatch(r"[A-Z]+", request.method):
            raise Broken(Fault.BAD_URL, "the method is not a word")
        headers = self._headers(request)
        body = None
        if request.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = request.form.value.encode("ascii")
        elif request.body is not None:
            body, kind = rendered(request.body, self._plain)
            headers.setdefault("Content-Type", kind)
        return _Order(origin, request.method, url.request_uri, headers, body, until, max_bytes)

    def _headers(self, request: Request) -> HTTPHeaderDict:
        headers = HTTPHeaderDict()
        for name, value in request.headers:
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING_HEADERS:
                raise Broken(Fault.BAD_URL, f"a header {name[:40]!r} cannot be set")
            fault = Fault.BAD_URL if isinstance(value, str) else Fault.SECRET
            plain = value if isinstance(value, str) else self._plain(value)
            if not _HEADER_VALUE.fullmatch(plain):
                why = "holds a line end, a control character or a letter outside latin-1"
                raise Broken(fault, f"the value for header {name} {why}")
            headers.add(name, plain)
        for name, plain in _DEFAULT_HEADERS:
            headers.setdefault(name, plain)
        return headers

    def _plain(self, secret: SecretRef | Hidden) -> str:
        if isinstance(secret, Hidden):
            return secret.value
        try:
            return self._secrets(secret)
        except ColetaError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise Broken(Fault.SECRET, f"{error}{hint}") from None
        except Exception as error:  # noqa: BLE001 -- whoever keeps the secrets may fail in any way; its words may show one
            raise Broken(Fault.SECRET, f"a secret could not be had: {type(error).__name__}") from None

    # The exchange -------------------------------------------------------------------------------

    def _send(self, order: _Order, asked_at: datetime) -> Response:
        connection = self._pool.take(order.origin)
        try:
            return self._over(connection, order, asked_at)
        except Broken as broken:
            lost_race = connection.used and broken.fault is Fault.RESET and not connection.line.received_bytes
            if not lost_race or order.method not in ("GET", "HEAD") or self._pool.closed:
                raise
        # The other side closed the kept connection just before it saw the request (RFC 9112, 9.3.1).
        return self._over(self._pool.fresh(order.origin), order, asked_at)

    def _over(self, connection: Connection, order: _Order, asked_at: datetime) -> Response:
        line, reusable = connection.line, False
        line.begin(order.until)
        try:
            connection.request(
                order.method,
                order.target,
                body=order.body,
                headers=order.headers,
                preload_content=False,
                decode_content=False,
            )
            head = connection.getresponse()
            if line.ended:
                # The standard library takes the end of the stream for the end of the headers.
                raise Broken(Fault.INCOMPLETE, "the response ends within its headers")
            headers = tuple((name.lower(), value) for name, value in head.headers.iteritems())
            response, whole = self._received(order, line, head.status, headers, asked_at)
            # `sock` is None where the response said that the connection ends with it.
            reusable = whole and connection.sock is not None and line.reusable()
            head.close()
            return response
        except Exception as error:  # noqa: BLE001 -- the port promises a Failed for whatever comes over the wire
            raise self._broken(error, line) from None
        finally:
            self._pool.give_back(connection, reusable=reusable)

    def _received(
        self, order: _Order, line: Line, status: int, headers: tuple[tuple[str, str], ...], asked_at: datetime
    ) -> tuple[Response, bool]:
        if status < 200:
            raise Broken(Fault.FRAMING, f"an interim response, {status}, that was not asked for")
        how = framing(order.method, status, headers)
        good = 200 <= status < 300
        if good and isinstance(how, UntilClose):
            raise Broken(Fault.FRAMING, "neither Content-Length nor chunked: nobody can tell whether it is whole")
        # What cannot be compressed grows a little when it is; `unwrap` tests the limit itself.
        limit = order.max_bytes + order.max_bytes // 1000 + 1024 if good else EVIDENCE_BYTES
        if good and isinstance(how, Sized) and how.size_bytes > limit:
            raise Broken(Fault.TOO_LARGE, f"the body has {how.size_bytes} bytes, over the limit of {order.max_bytes}")
        kept, whole = BytesIO(), True
        try:
            for piece in pieces(line.reader, how):
                if kept.tell() + len(piece) > limit:
                    raise Broken(Fault.TOO_LARGE, f"the body is over the limit of {order.max_bytes} bytes")
                kept.write(piece)
        except (Broken, OSError):
            if good or self._pool.closed:
                raise
            whole = False
        encoding = None if isinstance(how, NoBody) else _encoding(headers)
        wire = kept.getvalue()
        body = _decoded(wire, encoding, order.max_bytes if good else EVIDENCE_BYTES, must=good)
        return Response(status, headers, wire, body, encoding, asked_at, self._now()), whole

    def _broken(self, error: Exception, line: Line) -> Broken:
        if self._pool.closed:
            return Broken(Fault.RESET, "cut from this side: stopping")
        match error:
            case Broken():
                return error
            case TimeoutError() if not line.received_bytes:
                return Broken(Fault.READ_TIMEOUT, "connected, but no response came in time")
            case TimeoutError():
                return Broken(Fault.TIMEOUT, f"not whole in time; {line.received_bytes} bytes came")
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return Broken(Fault.RESET, "the connection was closed")
            case ssl.SSLError() if not line.received_bytes:
                # Such as a missing client certificate, which TLS 1.3 reports only now.
                return Broken(Fault.TLS, f"TLS failed: {error.reason}")
            case OSError():
                return Broken(Fault.RESET, f"the connection broke: {error.strerror or type(error).__name__}")
            case MemoryError():
                return Broken(Fault.TOO_LARGE, "the body does not fit into memory")
            case http.client.HTTPException() | HTTPError():
                return Broken(Fault.FRAMING, f"not an HTTP response: {type(error).__name__}")
            case _:
                return Broken(Fault.FRAMING, f"a response that cannot be read: {type(error).__name__}")


def _encoding(headers: tuple[tuple[str, str], ...]) -> str | None:
    return ", ".join(value for name, value in headers if name == "content-encoding") or None


def _decoded(wire: bytes, encoding: str | None, max_bytes: int, *, must: bool) -> bytes:
    try:
        return unwrap(wire, encoding, max_bytes=max_bytes)
    except (BadEncoding, TooLarge) as error:
        if must:
            fault = Fault.TOO_LARGE if isinstance(error, TooLarge) else Fault.ENCODING
            raise Broken(fault, str(error)) from None
        return b""
