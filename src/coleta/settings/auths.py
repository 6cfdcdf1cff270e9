"""Settings, ``[auth.NAME]``: each table checked, and the value that tokens are asked with. Notes every mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from coleta.settings.addresses import Place
from coleta.settings.mistakes import Keys, Mistakes, meant
from coleta.settings.model import AuthTable, FileTable, StreamTable
from coleta.settings.reading import given
from coleta.settings.stores import secret_at
from coleta.stream import Auth, SecretRef

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def check_auths(
    file: FileTable, table: Mapping[str, object], place: Place, mistakes: Mistakes
) -> dict[str, Auth | None]:
    """The value of each table; None for one that is wrong."""
    written = table.get("auth")
    auths: dict[str, Auth | None] = dict.fromkeys(written) if isinstance(written, dict) else {}
    for name, auth in file.auth.items():
        at = ("auth", name)
        before = len(mistakes.found)
        if not _NAME.fullmatch(name):
            mistakes.add(at, "a name must begin with a to z and go on with a to z, 0 to 9, _ or -")
        _check_keys(at, auth, given(table, at), mistakes)
        value = _auth(name, auth, place, mistakes)
        auths[name] = value if len(mistakes.found) == before else None
    return auths


def auth_of(at: Keys, table: StreamTable, auths: Mapping[str, Auth | None], mistakes: Mistakes) -> Auth | None:
    """The value that the stream's ``auth`` names."""
    if table.auth is None:
        return None
    if table.auth not in auths:
        mistakes.add((*at, "auth"), f"there is no [auth.{table.auth}]; {meant(table.auth, auths)}")
    for name in table.headers:
        if name.lower() == "authorization":
            mistakes.add((*at, "headers", name), "is set by auth; leave it out here")
    return auths.get(table.auth)


def _check_keys(at: Keys, auth: AuthTable, given: set[str], mistakes: Mistakes) -> None:
    if "token_url" not in given:
        mistakes.add((*at, "token_url"), "missing; where is a token asked for?")
    elif auth.token_url is not None:
        url = urlsplit(auth.token_url)
        if "{" in auth.token_url:
            mistakes.add((*at, "token_url"), "a token is of no tick, so nothing of one can stand here")
        if url.scheme == "http" and url.hostname not in _LOOPBACK:
            mistakes.add((*at, "token_url"), "must begin with https://, or the secret could be read on its way")
    if "client_id" not in given:
        mistakes.add((*at, "client_id"), 'missing; write client_id = "…", or "env:NAME"')
    if not {"client_secret", "refresh_token"} & given:
        mistakes.add((*at, "client_secret"), 'missing; write client_secret = "env:NAME", or refresh_token')


def _auth(name: str, table: AuthTable, place: Place, mistakes: Mistakes) -> Auth:
    secrets: dict[str, SecretRef | None] = {}
    for key in ("client_id", "client_secret", "refresh_token"):
        reference = getattr(table, key)
        try:
            secrets[key] = secret_at(reference, place)
        except ValueError as error:
            mistakes.add(("auth", name, key), str(error))
    client = table.client_id or ""
    found = secrets.get("client_id") if client.startswith(("env:", "file:")) else None
    return Auth(
        name=name,
        token_url=table.token_url or "",
        client_id=found or client,
        client_secret=secrets.get("client_secret"),
        refresh_token=secrets.get("refresh_token"),
        scope=table.scope,
        audience=table.audience,
        style=table.style,
        allow_addresses=table.allow_addresses,
    )
