"""Settings, ``[api.NAME]``: what the streams of one API share goes into each of their tables. Notes every mistake.

What a stream says itself counts; of ``headers`` and ``params`` each name by itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from coleta.settings.addresses import check_url
from coleta.settings.mistakes import Keys, Mistakes, meant
from coleta.settings.model import ApiTable, FileTable, StreamTable
from coleta.settings.reading import given

SHARED = tuple(name for name in ApiTable.model_fields if name != "url")
"""The keys that stand in a stream's table, too."""

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def check_apis(file: FileTable, table: Mapping[str, object], mistakes: Mistakes) -> None:
    """Note what of the tables themselves would never work."""
    for name, api in file.api.items():
        at = ("api", name)
        if not _NAME.fullmatch(name):
            mistakes.add(at, "a name must begin with a to z and go on with a to z, 0 to 9, _ or -")
        if "url" not in given(table, at):
            mistakes.add((*at, "url"), "missing; what do the URLs of all its streams begin with?")
        elif "?" in (api.url or ""):
            mistakes.add((*at, "url"), "what follows ? goes into params: the streams' endpoints come behind it")


def with_api(
    name: str, table: StreamTable, written: Mapping[str, object], file: FileTable, mistakes: Mistakes
) -> tuple[StreamTable, Collection[str]]:
    """The stream's table with all that its API says, and the keys that are given for it by either.

    ``pages.KEY`` among these are the keys of ``pages``. `written` is the whole file.
    """
    at = ("stream", name)
    known = _given(written, at)
    if table.api is None:
        if table.endpoint is not None and "api" not in known:
            mistakes.add((*at, "endpoint"), 'comes behind the URL of an API; write api = "NAME", or url = "…"')
        return table, known
    if "url" in known:
        mistakes.add((*at, "url"), f'comes from [api.{table.api}]; write endpoint = "…" for what follows it')
    known = known | {"url"}
    if table.api not in given(written, ("api",)):
        mistakes.add((*at, "api"), f"there is no [api.{table.api}]; {meant(table.api, file.api)}")
    api = file.api.get(table.api)
    if api is None or api.url is None:
        return table, known
    own = table.model_fields_set
    more: dict[str, object] = {key: getattr(api, key) for key in SHARED if key in api.model_fields_set - own}
    more["params"] = {**api.params, **table.params}
    lower = {header.lower() for header in table.headers}
    more["headers"] = {**{key: one for key, one in api.headers.items() if key.lower() not in lower}, **table.headers}
    more["url"] = _joined(at, api.url, table.endpoint or "", mistakes)
    theirs = {key for key in _given(written, ("api", table.api)) if key.partition(".")[0] not in own}
    return table.model_copy(update=more), known | theirs


def shared(written: Mapping[str, object], stream: str) -> tuple[str, Mapping[str, object]] | None:
    """The name of the API that `stream` of the sound file `written` has, and what that says."""
    streams, apis = written.get("stream"), written.get("api")
    table = streams.get(stream) if isinstance(streams, Mapping) else None
    name = table.get("api") if isinstance(table, Mapping) else None
    api = apis.get(name) if isinstance(apis, Mapping) else None
    return (name, api) if isinstance(name, str) and isinstance(api, Mapping) else None


def _given(written: Mapping[str, object], at: Keys) -> set[str]:
    return given(written, at) | {f"pages.{key}" for key in given(written, (*at, "pages"))}


def _joined(at: Keys, url: str, endpoint: str, mistakes: Mistakes) -> str:
    whole = (
        url if not endpoint else url + endpoint if endpoint[0] == "?" else f"{url.rstrip('/')}/{endpoint.lstrip('/')}"
    )
    try:
        if "://" in endpoint.partition("?")[0]:
            raise ValueError("comes behind the API's URL; for another server write url, and leave api out")
        return check_url(whole)
    except ValueError as error:
        mistakes.add((*at, "endpoint"), str(error))
        return url
