"""The outside thing, a catalog of Iceberg tables that speaks REST: each request is sent once, and waits so long only.

pyiceberg's own client waits without end, and asks the service for keys to the store. Files of metadata are reached
with the keys that landing has, so none are asked for, and a service need not have any to give.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io import FileIO
from pyiceberg.typedef import EMPTY_DICT, Properties
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from coleta.adapters.cloud_bucket import CONNECT_TIMEOUT
from coleta.adapters.iceberg_files import AREA, Area, StoreFiles
from coleta.errors import Misconfigured
from coleta.stream import Store

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_TIMEOUT = "coleta.timeout"
_OURS = ("auth", "py-io-impl", "rest.sigv4-enabled", "ssl", "token", "credential", "oauth2-server-uri", "scope")
"""What a service may not say for us: which code is run, and what is sent to whom."""


class _Rest(RestCatalog):
    """A catalog whose tables' files are reached by our own store."""

    def _create_session(self) -> Session:
        session = super()._create_session()
        patient = _Patient((CONNECT_TIMEOUT.total_seconds(), float(self.properties[_TIMEOUT])))
        session.mount("https://", patient)
        session.mount("http://", patient)
        # What is sent holds a token, and says what is to become of a table: it goes where it was sent.
        session.max_redirects = 0
        session.headers.pop("X-Iceberg-Access-Delegation", None)
        return session

    def _fetch_config(self) -> None:
        ours = dict(self.properties)
        super()._fetch_config()
        for key in _OURS:
            self.properties.pop(key, None)
        self.properties |= {key: value for key, value in ours.items() if key in (*_OURS, AREA, _TIMEOUT)}
        check_address(self.uri)

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return StoreFiles(self.properties)


class _Patient(HTTPAdapter):
    """Sends each request once, and waits for so many seconds: to connect, and for each part of an answer."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__(max_retries=0)
        self._timeout = timeout

    def send(self, request: PreparedRequest, *args: Any, **more: Any) -> Response:  # noqa: ANN401  # as requests has it
        more["timeout"] = self._timeout
        return super().send(request, **more)


def rest_catalog(url: str, place: Store, area: Area, *, token: str | None, credential: str | None) -> RestCatalog:
    """The catalog at `url`, which `place` tells of, asked for its configuration.

    Raises:
        Misconfigured: what is sent there could be read on its way.

    """
    check_address(url)
    given: dict[str, object] = {
        AREA: area,
        _TIMEOUT: str(place.timeout.total_seconds()),
        "token": token,
        "credential": credential,
        "oauth2-server-uri": place.catalog_auth_url or (credential and f"{url.rstrip('/')}/v1/oauth/tokens"),
        "scope": place.catalog_scope,
        "warehouse": place.catalog_warehouse,
    }
    said = {key: value for key, value in given.items() if value is not None}
    return _Rest("coleta", uri=url, **said)  # type: ignore[arg-type]


def check_address(url: str) -> None:
    """Refuse an address that a token must not be sent to.

    Raises:
        Misconfigured: it is not https, and not this machine's own.

    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise Misconfigured(
            "the Iceberg catalog's address is not https, so its token could be read on its way",
            hint="write catalog with https://; http:// goes on this machine only",
        )
    if parts.username or parts.password:
        raise Misconfigured(
            "the Iceberg catalog's address holds credentials",
            hint='leave them out of it, and write catalog_credential = "env:NAME" or catalog_token = "env:NAME"',
        )
