"""Settings, where things are: a source's URL, a store's URL, a stream's path, a local folder.

Pure but for types: nothing here touches a disk or a network. Every fault is a ``ValueError`` that
says how to write it, without the URL itself, which may hold a secret.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_interface, ip_network
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from coleta.settings.mistakes import meant, nearest
from coleta.settings.other_stores import EXAMPLE, FSSPEC, fsspec_url

FILE_SERVERS = ("sftp:", "webdav:", "webdavs:", "fsspec+")
"""How URLs of file servers begin."""

Place = Callable[[str], Path]
"""``local_path`` with its folder and its environment."""

STORES = {
    "file": "file://./lake", "s3": "s3://bucket/prefix", "gs": "gs://bucket/prefix", "az": "az://container/prefix",
    "abfss": "abfss://container@account.dfs.core.windows.net/prefix", "sftp": "sftp://user@host/srv/lake",
    "webdavs": "webdavs://host/lake", "webdav": "webdav://localhost:8080/lake", FSSPEC: EXAMPLE,
}  # fmt: skip
"""The schemes of stores' URLs, and how such a URL is written."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_NAME_LIKE = re.compile(r"[A-Za-z_][A-Za-z_.]*(?::.*)?")
_PLACEHOLDERS = ("tick.start", "tick.end", "cursor")
_STRFTIME = re.compile(r"%([YmdHMSfjyzaAbBpIuUwWGVTF%])")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_SEGMENT = re.compile(r"[A-Za-z0-9_.=-]+")
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
_USER = re.compile(r"[A-Za-z0-9_.+-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ENDPOINT = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/?")


def check_url(url: str) -> str:
    """`url`, if a source can be asked there.

    Raises:
        ValueError: it is not http(s), has no host, holds credentials, or an unknown placeholder.

    """
    filled = check_placeholders(url, strict=True)
    if _CONTROL.search(filled):
        raise ValueError("a URL has no spaces or control characters; write a space as %20")
    try:
        parts = urlsplit(filled)
        host, _ = parts.hostname, parts.port
    except ValueError:
        # Not with Python's own words: they quote what stands there, and in user:password@ that is a secret.
        raise ValueError("is no URL: its host or its port cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError('must begin with "http://" or "https://"')
    if not host:
        raise ValueError('names no host; write it such as "https://api.example.com/v1/orders"')
    if "{" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("the host and the port cannot depend on the tick")
    if "@" in parts.netloc:
        raise ValueError(
            "holds credentials, and this file is no place for them; "
            'write headers = { Authorization = "env:NAME" } and put the value into the environment or .env'
        )
    if parts.fragment or filled.endswith("#"):
        raise ValueError("what follows # never reaches the server; leave it out")
    return url


def check_placeholders(template: str, *, strict: bool = False) -> str:
    """`template` with an example in place of each ``{tick.start}``, ``{tick.end:FORM}`` and ``{cursor}``.

    Braces around anything that looks like a name are a placeholder; when `strict`, any braces are.

    Raises:
        ValueError: some placeholder, or its form, is none of those.

    """
    for found in _BRACES.finditer(template):
        if strict or _NAME_LIKE.fullmatch(found[1]):
            _check_placeholder(found[1])
    filled = _BRACES.sub("0", template)
    if strict and ("{" in filled or "}" in filled):
        raise ValueError("has a { or } without its other half; a brace that is meant itself is %7B or %7D")
    return filled


def _check_placeholder(inner: str) -> None:
    name, colon, form = inner.partition(":")
    if name not in _PLACEHOLDERS:
        near = nearest(name.removeprefix("tick."), ("start", "end", "cursor"))
        meant = near if near == "cursor" else f"tick.{near}"
        advice = f"did you mean {{{meant}}}?" if near else "there is {tick.start}, {tick.end} and {cursor}"
        raise ValueError(f"unknown placeholder {{{name}}}; {advice}")
    if not colon or form == "unix":
        return
    if "%" not in form or "%" in _STRFTIME.sub("", form):
        raise ValueError(f'the form after {{{name}: is "unix", or dates\' codes such as %Y-%m-%dT%H:%M:%SZ')


def check_path(path: str) -> str:
    """`path`, if a stream can lie there below its store.

    Raises:
        ValueError: it is not plain, or it could lead out of the store.

    """
    segments = path.split("/")
    if path.startswith("/"):
        raise ValueError("begins with /; a stream's path is relative to its store")
    if any(segment in (".", "..") for segment in segments):
        raise ValueError("has a . or .. in it, which could lead out of the store; write the plain path")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError("must be of letters, digits and _ - . = with single / between them")
    if segments[0] == "_coleta":
        raise ValueError("_coleta is where the store's own objects lie")
    return path


def local_path(written: str, *, root: Path, environment: Mapping[str, str]) -> Path:
    """The absolute path of `written`: below `root` if relative; ``~`` is the home folder.

    Raises:
        ValueError: it is empty, names another user's home, or no home is known.

    """
    if not written or "\x00" in written:
        raise ValueError("is no path")
    if written == "~" or written.startswith("~/"):
        if not (home := environment.get("HOME")):
            raise ValueError("~ is the home folder, and HOME is not set")
        written = home + written[1:]
    elif written.startswith("~"):
        raise ValueError("~NAME is not understood; write the whole path, or ~/ for your own home folder")
    # normpath, not resolve: what a link points to is known only when the folder is used.
    return Path(os.path.normpath(root / written))


def store_url(written: str, place: Place) -> str:
    """The absolute URL, ``file:///…`` and percent-encoded, of the store that `written` names.

    ``file://./lake`` is below the folder that `place` knows, and ``file://~/lake`` below the home folder.

    Raises:
        ValueError: it is no URL of a store, or this version cannot land there.

    """
    scheme, mark, rest = written.partition("://")
    if not mark:
        raise ValueError('is no URL; a folder beside the project file is written "file://./lake"')
    match scheme:
        case "s3" | "gs":
            return _bucket_url(scheme, rest)
        case "az" | "abfss":
            return _container_url(scheme, rest)
        case "sftp" | "webdav" | "webdavs":
            return _server_url(scheme, rest)
        case "file":
            return _folder_url(rest, place)
    if scheme.startswith("fsspec+"):
        return fsspec_url(scheme, rest)
    raise ValueError(f"unknown kind of store {scheme!r}; {meant(scheme, set(STORES))}")


def check_catalog(written: str) -> str:
    """The URL of a database or a REST catalog, or where that is found.

    What is wrong is said without it: it may hold a password.

    Raises:
        ValueError: it is neither, or holds a password.

    """
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+", written):
        return written
    if not re.fullmatch(r"sqlite:///.+|(?!sqlite)[a-z]+(\+[a-z0-9_]+)?://.+", written):
        raise ValueError('must be "sqlite:///catalog.sqlite", or "env:NAME" for a URL such as postgresql+psycopg://…')
    if "@" in written and ":" in written.partition("://")[2].rpartition("@")[0]:
        raise ValueError('holds a password, and this file is no place for it; write catalog = "env:NAME"')
    parts = urlsplit(written)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("is not https, so a token could be read on its way")
    return written


def scheme_of(url: str) -> str:
    """Which kind of store `url` names, as ``STORES`` has it."""
    return FSSPEC if url.startswith("fsspec+") else url.partition("://")[0]


def _folder_url(rest: str, place: Place) -> str:
    rest = unquote(rest.removeprefix("localhost"))
    if not re.match(r"(/|\.{1,2}/|~)", rest):
        raise ValueError('names a host; write "file://./lake" for a folder here, or "file:///srv/lake"')
    return place(rest).as_uri()


def _bucket_url(scheme: str, rest: str) -> str:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        key = "access_key" if scheme == "s3" else "service_account"
        raise ValueError(f'holds credentials, and this file is no place for them; write {key} = "env:NAME"')
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f'names no bucket; write "{STORES[scheme]}" (a to z, 0 to 9, . and -, 3 to 63 of them)')
    return "/".join([f"{scheme}://{bucket}", *_prefix(prefix)])


def _container_url(scheme: str, rest: str) -> str:
    container, _, prefix = rest.partition("/")
    name, at, host = container.partition("@")
    if ":" in container or (at and scheme == "az"):
        raise ValueError(
            f'is not how a container is written; write "{STORES[scheme]}", and account and account_key beside it'
        )
    if not _CONTAINER.fullmatch(name):
        raise ValueError(f'names no container; write "{STORES[scheme]}" (a to z, 0 to 9 and -, 3 to 63 of them)')
    if scheme == "abfss" and not re.fullmatch(r"[a-z0-9]{3,24}\.(dfs|blob)\.[a-z0-9.-]+", host):
        raise ValueError(f'names no account; write "{STORES[scheme]}"')
    return "/".join([f"{scheme}://{container}", *_prefix(prefix)])


def _server_url(scheme: str, rest: str) -> str:
    place, _, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if ":" in user or (at and scheme != "sftp"):
        raise ValueError('holds credentials, and this file is no place for them; write password = "env:NAME"')
    if not _HOST.fullmatch(host) or (at and not _USER.fullmatch(user)):
        raise ValueError(f'names no host; write "{STORES[scheme]}"')
    segments = _prefix(path.removeprefix("~/")) if scheme == "sftp" else _prefix(path)
    if not segments and scheme == "sftp":
        raise ValueError(
            f'names no folder; write "{STORES[scheme]}", or sftp://host/~/lake for one in the login folder'
        )
    home = ["~"] if scheme == "sftp" and path.startswith("~/") else []
    return "/".join([f"{scheme}://{user}{at}{host}", *home, *segments])


def _prefix(written: str) -> list[str]:
    """The prefix as one part of a URL, or nothing."""
    parts = written.strip("/").split("/") if written.strip("/") else []
    if any(not _SEGMENT.fullmatch(part) or part in (".", "..") for part in parts):
        raise ValueError("the prefix must be of letters, digits and _ - . = with single / between them")
    return ["/".join(parts)] if parts else []


def check_endpoint(endpoint: str) -> str:
    """`endpoint` without a slash at its end, if it is the base URL of a service.

    Raises:
        ValueError: it is not; the value is not shown, since credentials may stand in it.

    """
    if not _ENDPOINT.fullmatch(endpoint):
        raise ValueError('must be a base URL such as "https://minio.example.com:9000", without bucket, path or login')
    return endpoint.rstrip("/")


def check_networks(written: object) -> tuple[str, ...]:
    """The networks of a list such as ``["10.0.0.0/8", "::1"]``.

    Raises:
        ValueError: it is no list, or one of it is no network.

    """
    if not isinstance(written, list) or not all(isinstance(network, str) for network in written):
        raise ValueError('must be a list of networks: allow_addresses = ["10.0.0.0/8"]')
    for network in written:
        try:
            ip_network(network)
        except ValueError as error:
            # Python says so where bits beyond the mask are set, and then the network that was meant is known.
            meant_one = f"; did you mean {ip_interface(network).network}?" if "host bits" in str(error) else ""
            raise ValueError(f"{network!r} is no network, such as 10.0.0.0/8 or 192.168.1.7{meant_one}") from None
    return tuple(written)


def store_path(url: str) -> Path:
    """The folder of a store whose URL ``store_url`` gave."""
    return Path(unquote(urlsplit(url).path))


def chosen_store(to: str, stores: Mapping[str, str]) -> str:
    """The URL, as written, that ``--to`` means: a store's name, a URL, or a plain path.

    Raises:
        ValueError: it is none of these.

    """
    if to in stores:
        return stores[to]
    if "://" in to:
        return to
    if to.startswith(("/", "./", "../", "~/")):
        return f"file://{quote(to, safe='/~')}"
    raise ValueError(f"no store is named {to!r}; {meant(to, stores)} (a path begins with / or ./)")
