"""The outside thing, a WebDAV server, over HTTP: ``webdavs://`` with TLS, ``webdav://`` without.

No server promises that of two moves to one name at once only one wins, so this is for one machine at a time, and
somebody must say so. Requests are sent once; following redirects is left to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.adapters.server_store import Entry, Refused, no_swap, time_for
from coleta.errors import Doubtful, Misconfigured, StoreUnavailable
from coleta.stream import Store

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_TIMEOUT_S = 5.0
CONNECTIONS = 8
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_PLACE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_ASK_KIND = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'


class WebdavWire:
    """The folder that `store` names. Safe to use from several threads."""

    def __init__(self, store: Store, *, environment: Environment, folder: Path) -> None:
        """Prepare; nothing is sent, and no credential is looked up.

        Raises:
            Misconfigured: nobody promised that only one machine lands there, or that no TLS is needed.

        """
        from urllib3 import PoolManager

        scheme, _, rest = store.url.partition("://")
        self._base = f"{'https' if scheme == 'webdavs' else 'http'}://{rest.rstrip('/')}"
        if scheme == "webdav" and not store.allow_http and urlsplit(self._base).hostname not in _LOOPBACK:
            hint = f"write webdavs://{rest}, or allow_http = true"
            raise Misconfigured("without TLS, all that is landed could be read on its way", where=store.url, hint=hint)
        if not store.exclusive:
            raise Misconfigured(
                "no WebDAV server promises that of two creates at once only one wins",
                where=store.url,
                hint="write exclusive = true if one machine alone ever lands there; else use a bucket",
            )
        self._store = store
        self._environment = environment
        self._folder = folder
        self._pool = PoolManager(num_pools=1, maxsize=CONNECTIONS, block=True)

    def __str__(self) -> str:
        """Where it is, to be shown in errors."""
        return self._store.url

    def write(self, path: str, body: memoryview) -> None:
        """See ``Wire``."""
        answer = self._send("PUT", path, body=bytes(body), size_bytes=len(body))
        if answer.status not in (200, 201, 204):
            raise self._trouble(answer)

    def place(self, temp: str, target: str) -> bool:
        """See ``Wire``. Looked at before, too: there are servers that do not know ``Overwrite``."""
        if self.size(target) is not None:
            return False
        headers = {"Destination": self._url(target), "Overwrite": "F"}
        try:
            answer = self._send("MOVE", temp, headers=headers)
        except StoreUnavailable as error:
            if error.hint is not None:
                # It names why no connection came about: then nothing was sent.
                raise
            raise Doubtful(f"it may or may not be stored: {error.what}", where=str(self)) from None
        if answer.status in (201, 204):
            return True
        if answer.status == 412:
            return False
        if answer.status >= 500 or answer.status in (408, 409, 423, 425, 429):
            raise Doubtful(f"it may or may not be stored: the server says {answer.status}", where=str(self))
        raise self._trouble(answer)

    def swap(self, temp: str, target: str) -> None:
        """Refuse; see ``Wire``. A server may take the old file away before it moves the new one (RFC 4918, 9.9.3)."""
        raise no_swap("WebDAV")

    def read(self, path: str, last: int | None) -> bytes | None:
        """See ``Wire``."""
        headers = {} if last is None else {"Range": f"bytes=-{last}"}
        answer = self._send("GET", path, headers=headers)
        match answer.status:
            case 404:
                return None
            case 200:
                return answer.data if last is None else answer.data[max(0, len(answer.data) - last) :]
            case 206 if last is not None and _is_the_end(answer, last):
                return answer.data
            case 206 | 416 if last is not None:
                # Not every server knows such ranges, and none fits an empty file.
                whole = self.read(path, None)
                return whole if whole is None else whole[max(0, len(whole) - last) :]
        raise self._trouble(answer)

    def size(self, path: str) -> int | None:
        """See ``Wire``."""
        # On a connection of its own: WsgiDAV 4.3 sends a page after the head of a 404, which has no place there, and it
        # would be taken for the start of the next answer. That is often the one to a MOVE, and then in doubt.
        answer = self._send("HEAD", path, headers={"Connection": "close"})
        if answer.status == 404:
            return None
        length = answer.headers.get("Content-Length", "")
        if answer.status != 200 or not length.isdecimal():
            raise self._trouble(answer)
        return int(length)

    def entries(self, folder: str) -> Sequence[Entry] | None:
        """See ``Wire``."""
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        answer = self._send("PROPFIND", folder, headers=headers, body=_ASK_KIND, as_folder=True)
        if answer.status == 404:
            return None
        if answer.status != 207:
            raise self._trouble(answer)
        try:
            return _entries(answer.data)
        except ElementTree.ParseError:
            raise StoreUnavailable("its listing cannot be read", where=str(self), hint="is it WebDAV?") from None

    def make_folder(self, path: str) -> None:
        """See ``Wire``."""
        answer = self._send("MKCOL", path, as_folder=True)
        # 405 is how a server says that something has that name already.
        if answer.status not in (201, 405):
            raise self._trouble(answer)

    def remove(self, path: str) -> None:
        """See ``Wire``."""
        answer = self._send("DELETE", path)
        if answer.status not in (200, 204, 404):
            raise self._trouble(answer)

    def _url(self, path: str) -> str:
        return f"{self._base}/{quote(path)}" if path else self._base

    def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
        size_bytes: int = 0, as_folder: bool = False,
    ) -> BaseHTTPResponse:  # fmt: skip
        from urllib3 import Timeout
        from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError

        url = f"{self._url(path)}/" if as_folder else self._url(path)
        timeout = Timeout(connect=CONNECT_TIMEOUT_S, read=time_for(self._store.timeout, size_bytes))
        try:
            return self._pool.request(
                method, url, headers={"Accept-Encoding": "identity", **(headers or {}), **self._login()}, body=body,
                timeout=timeout, redirect=False, retries=False,
            )  # fmt: skip
        except (NewConnectionError, NameResolutionError, ConnectTimeoutError, SSLError) as error:
            what = {
                NameResolutionError: "its name cannot be resolved",
                ConnectTimeoutError: "no connection in time",
                SSLError: "its TLS certificate is not trusted, or it speaks no TLS",
            }.get(type(error), "no connection")
            hint = "is the URL right, and the network up?"
            raise StoreUnavailable(what, where=str(self), hint=hint) from None
        except HTTPError:
            raise StoreUnavailable("no answer in time, or the connection was cut", where=str(self)) from None

    def _login(self) -> dict[str, str]:
        from urllib3 import make_headers

        secrets = EnvironmentSecrets(self._environment(), folder=self._folder)
        if self._store.token is not None:
            return {"Authorization": f"Bearer {secrets(self._store.token)}"}
        if self._store.user is not None and self._store.password is not None:
            return make_headers(basic_auth=f"{self._store.user}:{secrets(self._store.password)}")
        return {}

    def _trouble(self, answer: BaseHTTPResponse) -> Refused | StoreUnavailable:
        status = answer.status
        if status in (401, 403):
            hint = "user and password, or token, must be those of somebody who may read and write there"
            return Refused(f"access denied ({status})", hint=hint, credentials=True)
        if status == 409:
            return Refused("the folder above it is not there (409)", hint="make the store's folder; Coleta does not")
        if status >= 500 or status in (408, 423, 425, 429):
            return StoreUnavailable(f"it says that it cannot do it now ({status})", where=str(self))
        hint = "is this the URL of a folder of a WebDAV server?"
        return Refused(f"this is not how a WebDAV server answers ({status})", hint=hint)


def _is_the_end(answer: BaseHTTPResponse, last: int) -> bool:
    found = _PLACE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None:
        return False
    begin, end, whole = (int(one) for one in found.groups())
    return end + 1 == whole and len(answer.data) == end + 1 - begin == min(last, whole)


def _entries(listing: bytes) -> list[Entry]:
    found = {
        unquote(urlsplit(response.findtext("{DAV:}href", "")).path).rstrip("/"): (
            response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
        )
        for response in ElementTree.fromstring(listing).iter("{DAV:}response")
    }
    # The folder itself is in its own listing, above all others. Not known by our URL: a proxy may have another for it.
    own = min(found, key=len, default="")
    return [Entry(path.rpartition("/")[2], is_folder) for path, is_folder in found.items() if path != own]
