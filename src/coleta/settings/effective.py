"""Settings, as they take effect: each key of ``coleta.toml`` with its value, and where that comes from.

For whoever asks why something is as it is. A secret is shown as its reference only, and a value that may
be one as ``***``. Reads ``.env`` and looks whether a secret's file is there; opens no store and no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_origin

from coleta.adapters.azure_container import ACCOUNT, ACCOUNT_KEY, ENDPOINT, SAS_TOKEN
from coleta.adapters.azure_container import endpoint_of as azure_endpoint
from coleta.adapters.google_bucket import GOOGLE
from coleta.adapters.s3_bucket import DEFAULT_REGION
from coleta.collect.request import SHOWN_HEADERS, is_secret_name
from coleta.contract.describe import type_text
from coleta.errors import Misconfigured
from coleta.settings.addresses import check_endpoint, scheme_of
from coleta.settings.apis import SHARED, shared
from coleta.settings.environment import ENVIRONMENT_FILE, load_environment
from coleta.settings.mistakes import Keys
from coleta.settings.model import TABLES, FileTable, RetentionTable
from coleta.settings.pages import DEFAULTS
from coleta.settings.project import Project
from coleta.settings.retention import FOREVER
from coleta.settings.schema import file_schema
from coleta.settings.stores import GOES_WITH, SECRETS
from coleta.settings.units import format_duration
from coleta.stream import Cron, Stream

Origin = Literal["file", "default", "environment", ".env", "--to"]
HIDDEN = "***"

_REFERENCE = re.compile(r"(env|file):(.+)", re.DOTALL)
_QUERY_VALUE = re.compile(r"([?&])([^=&#]+)=([^&#]*)")
_OF_S3: Mapping[str, tuple[str, ...]] = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "allow_http": ("AWS_ALLOW_HTTP",),
    "access_key": ("AWS_ACCESS_KEY_ID",),
    "secret_key": ("AWS_SECRET_ACCESS_KEY",),
    "session_token": ("AWS_SESSION_TOKEN",),
}
_OF_AZURE: Mapping[str, tuple[str, ...]] = {
    "account": ACCOUNT,
    "endpoint": ENDPOINT,
    "account_key": ACCOUNT_KEY,
    "sas_token": SAS_TOKEN,
}
_VARIABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {"s3": _OF_S3, "az": _OF_AZURE, "abfss": _OF_AZURE}
"""Which variables stand in for a key that the file does not have, by kind of store; the first one set is taken."""

_KEPT_FOREVER: Mapping[str, object] = dict.fromkeys(RetentionTable.model_fields, FOREVER)

_LOGINS = ({"access_key", "secret_key", "session_token"}, {"account_key", "sas_token", "token"})
"""Ways to log in: where the file has one of them, no variable stands in for another."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as it takes effect; ``value`` is as one would write it in the file.

    ``where`` is the file and its line, or the variable. Of a secret's reference ``secret`` says where the
    secret is now: ``in the environment``, ``in .env``, ``in the file``, or ``nowhere``.
    """

    keys: Keys
    value: object
    origin: Origin
    where: str | None = None
    secret: str | None = None


def effective(project: Project, environment: Mapping[str, str]) -> tuple[Setting, ...]:
    """Every key of `project` that has a value, in the file's own order of tables and the model's of keys.

    Raises:
        Misconfigured: there is a ``.env`` that cannot be read.

    """
    return tuple(_Effective(project, environment).settings())


class _Effective:
    """One project, looked at once."""

    def __init__(self, project: Project, environment: Mapping[str, str]) -> None:
        self._project = project
        self._real = environment
        self._all = load_environment(project.root, environment)
        self._table = project.document.table
        self._file = FileTable.model_validate(self._table)
        made = file_schema()
        self._properties = {
            keys: (made if not keys else made["$defs"][model.__name__])["properties"] for keys, model in TABLES.items()
        }

    def settings(self) -> Iterator[Setting]:
        for key in ("version", "project"):
            yield from self._plain((), key, {})
        yield from self._of_table(("spool",), ("spool",), {})
        yield from self._of_table(("retention",), ("retention",), _KEPT_FOREVER)
        yield from self._of_table(("maintenance",), ("maintenance",), {})
        for name in self._file.store:
            yield from self._of_store(name)
        for name in self._file.auth:
            yield from self._of_table(("auth", "NAME"), ("auth", name), {})
        for name, api in self._file.api.items():
            below = {} if api.pages is None else DEFAULTS[api.pages.kind]
            yield from self._of_table(("api", "NAME"), ("api", name), {"pages": below})
        yield from self._of_table(("alerts",), ("alerts",), {})
        for stream in self._project.streams:
            yield from self._of_stream(stream)

    def _of_store(self, name: str) -> Iterator[Setting]:
        at = ("store", name)
        kind = scheme_of(str(self._file.store[name].url))
        written = self._written(at)
        standing_in = _VARIABLES.get(kind, {})
        found = {key: one for key in standing_in if (one := self._from_variable(at, key, standing_in[key])) is not None}
        for way in _LOGINS:
            if way & written.keys():
                found = {key: setting for key, setting in found.items() if key not in way}
        derived = self._derived(name, kind, found)
        for setting in self._of_table(("store", "NAME"), at, derived):
            key = setting.keys[-1]
            if key in ("url", *written) or (kind in GOES_WITH.get(key, ()) and key not in found):
                yield setting
        yield from (setting for key, setting in found.items() if key not in written)

    def _derived(self, name: str, kind: str, found: Mapping[str, Setting]) -> Mapping[str, object]:
        """What a store of that kind has where neither the file nor a variable says it."""
        written = self._written(("store", name))
        match kind:
            case "s3":
                region = written.get("region") or (found["region"].value if "region" in found else DEFAULT_REGION)
                endpoint = {} if "endpoint" in found else {"endpoint": f"https://s3.{region}.amazonaws.com"}
                return {"region": DEFAULT_REGION, **endpoint}
            case "az" | "abfss":
                store = self._project.stores.get(name)
                if store is not None and "endpoint" not in found:
                    with suppress(Misconfigured):
                        return {"endpoint": azure_endpoint(store, self._all)}
            case "gs":
                return {"endpoint": GOOGLE}
        return {}

    def _of_stream(self, stream: Stream) -> Iterator[Setting]:
        at = ("stream", stream.name)
        table = self._file.stream[stream.name]
        names = [name for name, store in self._project.stores.items() if store.url == stream.store]
        # A stream that names no store has the only one; where there are several, --to has named this one.
        own = [table.store] if table.store is not None else list(self._project.stores) if len(names) == 1 else []
        chosen = len(own) != 1 or own[0] not in names
        if chosen:
            yield Setting((*at, "store"), stream.store, "--to")
        derived = {
            **({} if chosen else {"store": own[0]}),
            "path": stream.path,
            "catch_up": stream.catch_up,
            "timeout": format_duration(stream.source.timeout),
            "deadline": format_duration(stream.source.deadline),
            "expect": stream.terms.expect,
            **({} if table.api is None else {"url": self._shown((*at, "url"), stream.source.url)[0]}),
            **({"error_at": ".".join(stream.source.error_at)} if stream.source.error_at else {}),
            "method": stream.source.method,
            "retry_unsafe": stream.source.retry_unsafe,
            "pages": DEFAULTS.get(str(self._written((*at, "pages")).get("kind")), {}),
            "retention": {**_KEPT_FOREVER, **self._written(("retention",))},
            **({"zone": stream.schedule.zone} if isinstance(stream.schedule, Cron) else {}),
        }
        yield from self._of_table(("stream", "NAME"), at, derived, skipped=("store",) if chosen else ())

    def _of_table(
        self, kind: Keys, at: Keys, derived: Mapping[str, object], *, skipped: tuple[str, ...] = ()
    ) -> Iterator[Setting]:
        """The keys of the table `at`, which is of the `kind` that ``TABLES`` knows."""
        for key, field in TABLES[kind].model_fields.items():
            if key in skipped:
                continue
            if (*kind, key) in TABLES:
                if key in self._written(at) or field.default is not None:
                    below = derived.get(key)
                    yield from self._of_table((*kind, key), (*at, key), below if isinstance(below, Mapping) else {})
            elif key == "contract" or get_origin(field.annotation) is dict:
                yield from self._of_names((*at, key))
            else:
                yield from self._plain(at, key, derived, kind=kind)

    def _plain(self, at: Keys, key: str, derived: Mapping[str, object], *, kind: Keys = ()) -> Iterator[Setting]:
        written = self._written(at)
        if key in written:
            yield self._from_file((*at, key), written[key])
            return
        value = derived.get(key, self._properties[kind].get(key, {}).get("default"))
        if value is not None:
            yield Setting((*at, key), value, "default")

    def _of_names(self, at: Keys) -> Iterator[Setting]:
        """A table whose keys are a person's own: headers, parameters, a contract's fields."""
        for name, value in self._written(at).items():
            yield self._from_file((*at, str(name)), value)

    def _from_file(self, keys: Keys, value: object) -> Setting:
        shown, secret = self._shown(keys, value)
        return Setting(keys, shown, "file", self._place(keys), secret)

    def _shown(self, keys: Keys, value: object) -> tuple[object, str | None]:
        """`value` without what may be secret, and where the secret is that it refers to."""
        match keys:
            case (
                ("stream" | "api", _, "headers", _)
                | ("auth", _, "client_id" | "client_secret" | "refresh_token")
                | ("store", _, _)
            ) if keys[0] != "store" or keys[-1] in SECRETS:
                if found := _REFERENCE.fullmatch(str(value)):
                    return value, self._found(found[1], found[2])
                return (value if keys[-1].lower() in SHOWN_HEADERS else HIDDEN), None
            case ("stream" | "api", _, "params" | "form" | "body", name) | ("store", _, "options", name):
                if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
                    return value, self._found(found[1], found[2])
                return _without_secrets(name, value), None
            case ("stream", _, "graphql", "variables"):
                return _without_secrets("variables", value), None
            case ("stream" | "api", _, "url" | "endpoint") | ("auth", _, "token_url"):
                return _QUERY_VALUE.sub(_without_secret, str(value)), None
            case ("stream", stream, "contract", field) if isinstance(value, type):
                contract = next(one.terms.contract for one in self._project.streams if one.name == stream)
                return next(type_text(one.type) for one in contract.fields if one.name == field), None
        return value, None

    def _found(self, kind: str, name: str) -> str:
        if kind == "file":
            path = Path(name).expanduser() if name.startswith("~/") else self._project.root / name
            return "in the file" if path.is_file() else "nowhere"
        if self._real.get(name):
            return "in the environment"
        return f"in {ENVIRONMENT_FILE}" if self._all.get(name) else "nowhere"

    def _from_variable(self, at: Keys, key: str, variables: tuple[str, ...]) -> Setting | None:
        for variable in variables:
            value = self._all.get(variable)
            if not value:
                continue
            origin: Origin = "environment" if self._real.get(variable) else ".env"
            shown: object = value
            if key in SECRETS:
                return Setting((*at, key), f"env:{variable}", origin, variable, self._found("env", variable))
            if key == "allow_http":
                shown = value.lower() in ("1", "true")
            elif key == "endpoint":
                shown = _endpoint(value)
            return Setting((*at, key), shown, origin, variable)
        return None

    def _written(self, at: Keys) -> Mapping[str, object]:
        """What the file says in the table `at`; for a stream of an API, what that says, too."""
        own, above = self._at(at), self._in_api(at)
        theirs = self._at(above) if above else {}
        match at[2:]:
            case ():
                return {**{key: value for key, value in theirs.items() if key in SHARED}, **own}
            case ("headers",):
                lower = {name.lower() for name in own}
                return {**{name: one for name, one in theirs.items() if name.lower() not in lower}, **own}
            case ("params",):
                return {**theirs, **own}
        return own or theirs

    def _in_api(self, keys: Keys) -> Keys:
        """Where in its API's table what a stream may say at `keys` stands, too; no keys where nowhere."""
        found = shared(self._table, keys[1]) if len(keys) > 1 and keys[0] == "stream" else None
        if found is None or (len(keys) > 2 and keys[2] not in SHARED):
            return ()
        return ("api", found[0], *keys[2:])

    def _at(self, at: Keys) -> Mapping[str, object]:
        inner: object = self._table
        for key in at:
            inner = inner.get(key) if isinstance(inner, Mapping) else None
        return inner if isinstance(inner, Mapping) else {}

    def _place(self, keys: Keys) -> str:
        lines = self._project.document.lines
        if keys[-1] not in self._at(keys[:-1]) and (theirs := self._in_api(keys)):
            keys = theirs
        line = next((lines[keys[:length]] for length in range(len(keys), 0, -1) if keys[:length] in lines), None)
        name = self._project.document.path.name
        return name if line is None else f"{name}:{line}"


def _without_secrets(name: str, value: object) -> object:
    """`value` of `name`, with what may be a secret by its name, in it too, as ``***``."""
    match value:
        case dict():
            return {str(inner): _without_secrets(str(inner), one) for inner, one in value.items()}
        case list():
            return [_without_secrets(name, one) for one in value]
        case str() if _REFERENCE.fullmatch(value):
            return value
    return HIDDEN if is_secret_name(name) else value


def _without_secret(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}={HIDDEN if is_secret_name(found[2]) else found[3]}"


def _endpoint(value: str) -> str:
    try:
        return check_endpoint(value)
    except ValueError:
        # Somebody may have written credentials into it.
        return HIDDEN
