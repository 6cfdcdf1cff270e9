"""Settings, where data lands: each store's table checked, and the values that adapters are made from.

Notes every mistake and goes on. Whether a store can be reached is not looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from coleta.settings.addresses import Place, chosen_store, scheme_of, store_url
from coleta.settings.mistakes import Keys, Mistakes
from coleta.settings.model import FileTable, StoreTable
from coleta.settings.other_stores import FSSPEC, options_of
from coleta.settings.reading import given
from coleta.stream import SecretRef, Store

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SECRETS = (
    "access_key", "secret_key", "session_token", "account_key", "sas_token", "service_account", "token", "password",
    "private_key", "catalog_token", "catalog_credential",
)  # fmt: skip
_FILE, _S3, _AZURE, _GOOGLE, _SFTP, _WEBDAV = {"file"}, {"s3"}, {"az", "abfss"}, {"gs"}, {"sftp"}, {"webdav", "webdavs"}
_FSSPEC = {FSSPEC}
CATALOG = ("catalog_token", "catalog_credential", "catalog_auth_url", "catalog_scope", "catalog_warehouse")
"""What only a REST catalog is told."""
GOES_WITH: Mapping[str, set[str]] = {
    "region": _S3, "account": _AZURE, "endpoint": _S3 | _AZURE | _GOOGLE, "path_style": _S3,
    "allow_http": _S3 | _AZURE | _GOOGLE | _WEBDAV, "sse": _S3, "kms_key": _S3,
    "storage_class": _S3 | _AZURE | _GOOGLE, "access_key": _S3, "secret_key": _S3, "session_token": _S3,
    "account_key": _AZURE, "sas_token": _AZURE, "service_account": _GOOGLE, "token": _AZURE | _GOOGLE | _WEBDAV,
    "user": _SFTP | _WEBDAV, "password": _SFTP | _WEBDAV, "private_key": _SFTP, "known_hosts": _SFTP,
    "exclusive": _SFTP | _WEBDAV | _FSSPEC, "options": _FSSPEC,
    **dict.fromkeys((*CATALOG, "catalog", "namespace"), _FILE | _S3 | _AZURE | _GOOGLE),
    "timeout": _S3 | _AZURE | _GOOGLE | _SFTP | _WEBDAV | _FSSPEC,
}  # fmt: skip
"""Which kinds of stores a key means something for."""

_NEEDS = (
    ("access_key", "secret_key"), ("secret_key", "access_key"), ("session_token", "access_key"), ("password", "user"),
    *((key, "catalog") for key in CATALOG), ("catalog_auth_url", "catalog_credential"),
    ("catalog_scope", "catalog_credential"),
)  # fmt: skip
_ONE_OF = (
    ("account_key", "sas_token", "token"),
    ("service_account", "token"),
    ("password", "token"),
    ("catalog_token", "catalog_credential"),
)
"""Ways to log in, of which one is enough."""


def check_stores(
    file: FileTable, table: Mapping[str, object], place: Place, mistakes: Mistakes
) -> dict[str, str | None]:
    """The absolute URL of each store; None for one that is wrong."""
    written = table.get("store")
    stores: dict[str, str | None] = dict.fromkeys(written) if isinstance(written, dict) else {}
    for name, store in file.store.items():
        at = ("store", name)
        if not _NAME.fullmatch(name):
            mistakes.add(at, "a store's name must begin with a to z and go on with a to z, 0 to 9, _ or -")
        _check_keys(at, store, given(table, at), place, mistakes)
        if store.url is None:
            if "url" not in given(table, at):
                mistakes.add((*at, "url"), 'missing; write url = "file://./lake"')
            continue
        try:
            stores[name] = _new_url(store_url(store.url, place), stores)
        except ValueError as error:
            mistakes.add((*at, "url"), str(error))
    return stores


def choose_store(file: FileTable, to: str, place: Place, mistakes: Mistakes) -> str | None:
    """The absolute URL of the store that `to` names, if it names one."""
    try:
        written = chosen_store(to, {name: store.url for name, store in file.store.items() if store.url is not None})
        return store_url(written, place)
    except ValueError as error:
        mistakes.add(("--to",), str(error))
        return None


def build_stores(file: FileTable, urls: Mapping[str, str | None], place: Place) -> dict[str, Store]:
    """The value of each store whose URL is right."""
    return {name: _store(file.store[name], url, place) for name, url in urls.items() if url is not None}


def _new_url(url: str, stores: Mapping[str, str | None]) -> str:
    # A store is known by its URL, so two with the same would be reached in the same way, without a word.
    other = next((name for name, known in stores.items() if known == url), None)
    if other is not None and not url.startswith("file:"):
        raise ValueError(f"store {other!r} is there already; let the streams name that one")
    return url


def _check_keys(at: Keys, store: StoreTable, given: set[str], place: Place, mistakes: Mistakes) -> None:
    kind = scheme_of(store.url or "")
    for key in sorted(given & GOES_WITH.keys()):
        if store.url is not None and kind not in GOES_WITH[key]:
            kinds = " or ".join(f"{one}://" for one in sorted(GOES_WITH[key]))
            mistakes.add((*at, key), f"goes with {kinds} stores only")
    options_of(store.options, place, lambda name, what: mistakes.add((*at, "options", name), what))
    if store.url is not None:
        given = {key for key in given if kind in GOES_WITH.get(key, ())}
    for one, other in _NEEDS:
        if one in given and other not in given and not (other == "user" and "@" in (store.url or "")):
            mistakes.add((*at, one), f"needs {other} beside it")
    for ways in _ONE_OF:
        first, *more = [key for key in ways if key in given] or [""]
        for key in more:
            mistakes.add((*at, key), f"stands beside {first}; one way to log in is enough")
    if "kms_key" in given and store.sse != "aws:kms":
        mistakes.add((*at, "kms_key"), 'needs sse = "aws:kms"')
    endpoint = urlsplit(store.endpoint or "")
    if "endpoint" in given and _is_open(endpoint) and not store.allow_http:
        mistakes.add((*at, "endpoint"), "is not https, so what lands could be read on its way; or allow_http = true")
    if store.catalog_auth_url is not None and _is_open(urlsplit(store.catalog_auth_url)):
        mistakes.add((*at, "catalog_auth_url"), "is not https, so the credential could be read on its way")
    for key in SECRETS:
        try:
            secret_at(getattr(store, key) if key in given else None, place)
        except ValueError as error:
            mistakes.add((*at, key), str(error))


def _is_open(url: SplitResult) -> bool:
    """Whether what is sent to `url` can be read on its way."""
    return url.scheme == "http" and url.hostname not in _LOOPBACK


def secret_at(reference: str | None, place: Place) -> SecretRef | None:
    """Where the secret of `reference` is found.

    Raises:
        ValueError: its file cannot be anywhere.

    """
    if reference is not None and reference.startswith("file:"):
        # Made absolute here, so that a secret's place depends on this file, not on who reads it.
        return SecretRef(f"file:{place(reference[len('file:') :])}")
    return None if reference is None else SecretRef(reference)


def _catalog(written: str | None, place: Place) -> str | SecretRef | None:
    if written is None or not written.startswith(("env:", "file:")):
        scheme, mark, path = (written or "").partition("sqlite:///")
        # Made absolute here, as the places of secrets are.
        return f"{mark}{place(path)}" if mark and not scheme else written
    return secret_at(written, place)


def _store(table: StoreTable, url: str, place: Place) -> Store:
    return Store(
        url=url,
        region=table.region,
        endpoint=table.endpoint,
        path_style=table.path_style,
        allow_http=table.allow_http,
        encryption=table.sse,
        kms_key=table.kms_key,
        storage_class=table.storage_class,
        access_key=secret_at(table.access_key, place),
        secret_key=secret_at(table.secret_key, place),
        session_token=secret_at(table.session_token, place),
        account=table.account,
        account_key=secret_at(table.account_key, place),
        sas_token=secret_at(table.sas_token, place),
        service_account=secret_at(table.service_account, place),
        token=secret_at(table.token, place),
        user=table.user,
        password=secret_at(table.password, place),
        private_key=secret_at(table.private_key, place),
        known_hosts=None if table.known_hosts is None else str(place(table.known_hosts)),
        exclusive=table.exclusive,
        options=options_of(table.options, place, lambda name, what: None),
        catalog=_catalog(table.catalog, place),
        catalog_token=secret_at(table.catalog_token, place),
        catalog_credential=secret_at(table.catalog_credential, place),
        catalog_auth_url=table.catalog_auth_url,
        catalog_scope=table.catalog_scope,
        catalog_warehouse=table.catalog_warehouse,
        namespace=table.namespace,
        timeout=table.timeout,
    )
