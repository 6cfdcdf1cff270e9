"""A server that plays what Coleta uses of Google Cloud Storage's XML API. It is no emulator, and not Google.

It holds objects with generations, knows the condition on a generation, ranges, listings by pages, and one token.
What it cannot show is whether Google itself answers so: see docs/how-to/google-cloud.md.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from coleta.adapters.housekeeping import CloudHousekeeping
from coleta.adapters.object_store import CloudStore
from coleta.stream import SecretRef, Store

BUCKET = "lake"
TOKEN = "canary-of-the-token"
PAGE = 300
_WHEN = "Tue, 24 Nov 2026 12:00:00 GMT"

_numbers = count(1)


def account_key() -> str:
    """The key of a service account, made anew: whoever has it signs what he logs in with, and asks nobody."""
    made = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "lander@coleta",
            "private_key": made.decode(),
            "private_key_id": "1",
        }
    )


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class GoogleService:
    """A server that plays one bucket at ``endpoint``. ``script``: answers to give instead, in turn."""

    endpoint: str
    objects: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    script: list[tuple[int, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self) -> str:
        """A place in the bucket that nothing lies in yet."""
        return f"gs://{BUCKET}/test-{next(_numbers)}"

    def place(self, url: str | None = None) -> Store:
        """A store at `url`, or at a new place, with what lets one in."""
        return Store(url or self.url(), endpoint=self.endpoint, token=SecretRef("env:TOKEN"))

    def at(self, endpoint: str) -> GoogleService:
        """The same service behind another address."""
        return replace(self, endpoint=endpoint)

    def lander(self, store: Store, *, known: bool = False) -> CloudStore:
        """A store at the URL of `store`, with its time-out."""
        return self.store(replace(self.place(store.url), timeout=store.timeout), known=known)

    def store(self, place: Store | None = None, *, token: str = TOKEN, known: bool = False) -> CloudStore:
        """A store that is reached with `token`."""
        variables, place = {"TOKEN": token}, place or self.place()
        if place.token is None:
            place = replace(place, endpoint=self.endpoint, token=SecretRef("env:TOKEN"))
        return CloudStore(place, environment=lambda: variables, folder=Path(), known=known)

    def with_housekeeping(self) -> tuple[CloudStore, CloudHousekeeping]:
        """A store at a new place, and what can delete there."""
        place, variables = self.place(), {"TOKEN": TOKEN}
        return self.store(place), CloudHousekeeping(place, environment=lambda: variables, folder=Path())


@contextmanager
def play_google() -> Iterator[GoogleService]:
    """Serve until the ``with`` block ends."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service = GoogleService(f"http://127.0.0.1:{server.server_address[1]}")
        Handler.service = service
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def _may(authorization: str) -> bool:
    # A token, or what a service account signs for itself; that signature is not looked at.
    said = authorization.removeprefix("Bearer ")
    return said == TOKEN or said.count(".") == 2


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: GoogleService
    # One write for each answer: with more, the other side waits for the rest of them.
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that its base has
        """Say nothing."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        bucket, _, name = unquote(parts.path).removeprefix("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        with self.service.lock:
            self.service.asked.append(Asked(self.command, self.path, headers))
            if self.service.script:
                status, code = self.service.script.pop(0)
                self._fail(status, code)
            elif not _may(headers.get("authorization", "")):
                self._fail(401, "AuthenticationRequired")
            elif bucket != BUCKET:
                self._fail(404, "NoSuchBucket")
            elif not name:
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                after = query.get("continuation-token") or query.get("start-after", "")
                self._list(query.get("prefix", ""), after)
            else:
                self._object(name, body, headers)

    do_GET = do_PUT = do_HEAD = do_DELETE = _serve  # noqa: N815  # the names that its base looks for

    def _object(self, name: str, body: bytes, headers: dict[str, str]) -> None:
        generation, held = self.service.objects.get(name, (0, b""))
        match self.command:
            case "PUT":
                if int(headers.get("x-goog-if-generation-match", generation)) != generation:
                    self._fail(412, "PreconditionFailed")
                    return
                made = next(_numbers)
                self.service.objects[name] = (made, body)
                self._answer(200, generation=made)
            case _ if not generation:
                self._fail(404, "NoSuchKey")
            case "DELETE":
                del self.service.objects[name]
                self._answer(204)
            case _:
                self._read(held, generation, headers.get("range", ""))

    def _read(self, held: bytes, generation: int, asked: str) -> None:
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
        if found is None:
            self._answer(200, held, generation=generation)
            return
        first, last = found.groups()
        begin = int(first) if first else max(0, len(held) - int(last))
        end = min(len(held), int(last) + 1) if first and last else len(held)
        if begin >= len(held):
            self._fail(416, "InvalidRange")
            return
        self._answer(206, held[begin:end], generation=generation, place=f"bytes {begin}-{end - 1}/{len(held)}")

    def _list(self, prefix: str, after: str) -> None:
        names = sorted(name for name in self.service.objects if name.startswith(prefix) and name > after)
        page, more = names[:PAGE], names[PAGE:]
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.service.objects[name][1])}</Size>"
            '<LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>'
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        self._answer(200, f"<ListBucketResult>{items}{token}</ListBucketResult>".encode())

    def _fail(self, status: int, code: str) -> None:
        self._answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def _answer(self, status: int, body: bytes = b"", *, generation: int | None = None, place: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", _WHEN)
        if generation is not None:
            self.send_header("ETag", f'"{generation}"')
            self.send_header("x-goog-generation", str(generation))
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
