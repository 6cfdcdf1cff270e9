"""Settings, the shape of ``coleta.toml``: its tables, their keys, and what each value must be alone.

Each class is one table of the file and each field one key. What one value means for another (a key
that is no field of the contract, two streams in one place) is looked at in ``project``. Fields that
the file must have may be None here, so that a mistake in one hides none in the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from coleta.paging import MOST_PAGES
from coleta.settings.addresses import (
    check_catalog,
    check_endpoint,
    check_networks,
    check_path,
    check_placeholders,
    check_url,
)
from coleta.settings.mistakes import Keys
from coleta.settings.retention import FOREVER, check_window, check_zone, parse_kept
from coleta.settings.units import format_duration, parse_duration, parse_selection, parse_size
from coleta.stream import IfDoubted, TableKind

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]")
REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
_EMBEDDED = re.compile(r"\s(env|file):\S+$")
_FRAMING = {"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}


def _at_least(shortest: timedelta) -> Callable[[timedelta], timedelta]:
    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(f'must be at least "{format_duration(shortest)}"')
        return duration

    return check


def _project_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise ValueError("must begin with a to z and go on with a to z, 0 to 9, _ or -")
    return name


def _stream_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError("must be a stream's name: a to z first, then a to z, 0 to 9 and _")
    return name


def _one_or_many(written: object) -> tuple[str, ...]:
    """The fields of ``key``: one name, or a list of them."""
    names = [written] if isinstance(written, str) else written
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError('must be a field\'s name, or a list of names: key = "id" or key = ["store", "id"]')
    if len(set(names)) < len(names):
        raise ValueError("names a field twice")
    return tuple(names)


def _command(written: object) -> object:
    """A program and its arguments, each a text."""
    if not isinstance(written, list) or not written or not all(isinstance(word, str) for word in written):
        raise ValueError('must be a list of texts, the program first: command = ["notify", "--urgent"]')
    return tuple(written)


def _param(written: object) -> tuple[str, ...]:
    """The texts that one parameter is sent with: a list is sent as the same name several times."""
    texts: list[str] = []
    for value in written if isinstance(written, list) else [written]:
        match value:
            case bool():
                texts.append("true" if value else "false")
            case str():
                check_placeholders(value)
                texts.append(value)
            case int() | float():
                texts.append(str(value))
            case _:
                raise ValueError("must be a text, a number, true or false, or a list of these")
    return tuple(texts)


def _lag(written: object) -> object:
    """A duration, or how many a whole number is set back by; which of them, the cursor's type says."""
    if isinstance(written, str):
        parse_duration(written)
    elif isinstance(written, bool) or not isinstance(written, int) or written < 0:
        raise ValueError('must be a duration such as "5m", or a whole number for a cursor of whole numbers')
    return written


def _first(written: object) -> object:
    """What the first page is asked by: a number, or a text for a cursor."""
    if isinstance(written, bool) or not isinstance(written, int | str) or written == "":
        raise ValueError("must be a whole number, or a text for a cursor")
    if isinstance(written, int) and written < 0:
        raise ValueError("must be at least 0")
    return written


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("is no name that a header may have")
    return name


def _headers(written: object) -> object:
    """Names that HTTP allows, each once; framing belongs to the transport."""
    if not isinstance(written, dict):
        return written
    lower = [name.lower() for name in written]
    for name in written:
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("some name is not one that a header may have")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} is set by coleta itself; leave it out")
        if lower.count(name.lower()) > 1:
            raise ValueError(f"{name} stands here twice; upper and lower case make no difference")
    return written


def _header(value: str) -> str:
    """A header's value or its reference. What is wrong is said without the value: it may be secret."""
    if value.startswith(("env:", "file:")):
        if not REFERENCE.fullmatch(value):
            raise ValueError('must be "env:NAME", or "file:PATH", with a name after it')
    elif _EMBEDDED.search(value):
        raise ValueError(
            'a secret is the whole value: write "env:NAME", and put what stands before it into the secret too'
        )
    elif _NOT_IN_HEADERS.search(value) or value != value.strip():
        raise ValueError("has characters, or spaces at an end, that a header cannot have")
    return value


def _reference(value: str) -> str:
    """Where a secret is found. What is wrong is said without the value: it may be the secret itself."""
    if not REFERENCE.fullmatch(value):
        raise ValueError('must say where the secret is found, "env:NAME" or "file:PATH", not what it is')
    return value


# The JSON Schema of what a person writes, where that is not the value's own.
_DURATION = {"type": "string", "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}
_KEPT_FOR = {"anyOf": [_DURATION, {"const": FOREVER}]}
_WINDOW = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}
_LAG = {"anyOf": [_DURATION, {"type": "integer", "minimum": 0}]}
_FIRST = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}]}
_SIZE = {"type": "string", "pattern": "^[0-9]{1,9} ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"}
_SELECTION = {"type": "string", "pattern": "^(\\$\\.)?[^.\\[\\]*$]+(\\.[^.\\[\\]*]+)*$"}
_NAMES = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_NETWORKS = {"type": "array", "items": {"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"}}
_COMMAND = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_SCALAR = {"type": ["string", "number", "boolean"]}
_PARAM = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}

Duration = Annotated[timedelta, BeforeValidator(parse_duration), WithJsonSchema(_DURATION)]
KeptFor = Annotated[timedelta | Literal["forever"], BeforeValidator(parse_kept), WithJsonSchema(_KEPT_FOR)]
Positive = Annotated[Duration, AfterValidator(_at_least(timedelta(seconds=1)))]
Size = Annotated[int, BeforeValidator(parse_size), WithJsonSchema(_SIZE)]
Selection = Annotated[tuple[str, ...], BeforeValidator(parse_selection), WithJsonSchema(_SELECTION)]
Param = Annotated[tuple[str, ...], BeforeValidator(_param), WithJsonSchema(_PARAM)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), WithJsonSchema(_NAMES)]
Text = Annotated[str, Field(min_length=1)]
First = Annotated[str | int, BeforeValidator(_first), WithJsonSchema(_FIRST)]
Command = Annotated[tuple[Text, ...], BeforeValidator(_command), WithJsonSchema(_COMMAND)]
Networks = Annotated[tuple[str, ...], BeforeValidator(check_networks), WithJsonSchema(_NETWORKS)]
Reference = Annotated[str, AfterValidator(_reference)]


class _Table(BaseModel):
    """A table that knows its keys, and takes no value for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SpoolTable(_Table):
    """``[spool]``: the local folder where accepted answers wait to be landed."""

    path: str = ".coleta"
    # 10 GB holds 50 purchases (about 15 kB) a second for a week: longer than a store is ever away.
    quota: Size = 10 * 10**9
    allow_tmpfs: bool = False


class StoreTable(_Table):
    """``[store.NAME]``: a place where data objects are landed."""

    url: str | None = None

    region: Text | None = None
    account: Text | None = None
    endpoint: Annotated[str, AfterValidator(check_endpoint)] | None = None
    path_style: bool = True
    allow_http: bool = False
    sse: Literal["AES256", "aws:kms"] | None = None
    kms_key: Text | None = None
    storage_class: Text | None = None
    access_key: Reference | None = None
    secret_key: Reference | None = None
    session_token: Reference | None = None
    account_key: Reference | None = None
    sas_token: Reference | None = None
    service_account: Reference | None = None
    token: Reference | None = None
    user: Text | None = None
    password: Reference | None = None
    private_key: Reference | None = None
    known_hosts: Text | None = None
    exclusive: bool = False
    catalog: Annotated[str, AfterValidator(check_catalog)] | None = None
    namespace: Annotated[str, AfterValidator(_project_name)] | None = None
    timeout: Positive = timedelta(seconds=30)


class AlertsTable(_Table):
    """``[alerts]``: how a person is told of trouble."""

    command: Command | None = None


class AuthTable(_Table):
    """``[auth.NAME]``: where streams get the token that they send (OAuth 2.0)."""

    token_url: Annotated[str, AfterValidator(check_url)] | None = None
    client_id: Annotated[str, Field(min_length=1), AfterValidator(_header)] | None = None
    client_secret: Reference | None = None
    refresh_token: Reference | None = None
    scope: Text | None = None
    audience: Text | None = None
    style: Literal["basic", "body"] = "basic"
    allow_addresses: Networks = ()


class LandTable(_Table):
    """``land``: when waiting answers are closed into one data object."""

    every: Duration = timedelta(0)
    max_bytes: Size = 256 * 10**6


class GraphqlTable(_Table):
    """``graphql``: a query, sent as GraphQL over HTTP has it."""

    query: Text
    variables: dict[str, object] = {}


class PagesTable(_Table):
    """``pages``: how the next page of an answer is asked for."""

    kind: Literal["page_number", "offset", "cursor", "header_cursor", "next_link", "link_header"]
    param: Text | None = None
    first: First | None = None
    size_param: Text | None = None
    size: Annotated[int, Field(ge=1)] | None = None
    next: Selection = ()
    header: Annotated[str, AfterValidator(_header_name)] | None = None
    rel: Text | None = None
    total: Selection = ()
    total_pages: Selection = ()
    has_more: Selection = ()
    stop_after_empty_page: bool | None = None
    max_pages: Annotated[int, Field(ge=1)] = MOST_PAGES
    into: Literal["query", "body"] = "query"
    concurrency: Annotated[int, Field(ge=1, le=8)] = 1


class ChecksTable(_Table):
    """``checks``: what makes a whole answer look wrong, and what is done then."""

    min_rows: Annotated[int, Field(ge=1)] | None = None
    on_few: IfDoubted = "retry"
    on_empty: IfDoubted = "accept"
    on_same: IfDoubted = "accept"


class RetentionTable(_Table):
    """``[retention]``, ``retention``: how long what is no row of the table is kept, before upkeep deletes it."""

    archive: KeptFor | None = None
    quarantine: KeptFor | None = None
    superseded: KeptFor | None = None
    data: KeptFor | None = None


class MaintenanceTable(_Table):
    """``[maintenance]``: when ``coleta up`` does upkeep."""

    window: Annotated[str, AfterValidator(check_window), WithJsonSchema(_WINDOW)] | None = None
    zone: Annotated[str, AfterValidator(check_zone)] = "UTC"


class StreamTable(_Table):
    """``[stream.NAME]``: one series of records from one API endpoint."""

    store: str | None = None
    path: Annotated[str, AfterValidator(check_path)] | None = None
    was: Annotated[str, AfterValidator(_stream_name)] | None = None

    url: Annotated[str, AfterValidator(check_url)] | None = None
    method: Literal["GET", "HEAD", "POST"] = "GET"
    params: dict[str, Param] = {}
    body: dict[str, object] = {}
    form: dict[str, Param] = {}
    graphql: GraphqlTable | None = None
    headers: Annotated[dict[str, Annotated[str, AfterValidator(_header)]], BeforeValidator(_headers)] = {}
    auth: str | None = None
    pages: PagesTable | None = None
    verify_tls: bool = True
    redirects: Literal["refuse", "same_origin"] = "refuse"
    allow_addresses: Networks = ()
    conditional: bool = False

    every: Positive | None = None
    cron: str | None = None
    zone: str | None = None
    delay: Duration = timedelta(0)
    catch_up: Literal["all", "latest", "none"] | None = None

    timeout: Positive | None = None
    deadline: Positive | None = None
    max_answer: Size = 2 * 10**9
    allow_empty: bool = False
    retry_unsafe: bool = False

    contract: dict[str, object] | None = None
    expect: Literal["array", "object"] | None = None
    records: Selection = ()
    on_violation: Literal["quarantine", "null", "reject"] = "quarantine"
    unknown: Literal["drop", "keep", "reject"] = "drop"
    key: Names = ()
    cursor: str | None = None
    cursor_start: Annotated[str, Field(min_length=1)] | int | None = None
    lag: Annotated[str | int, BeforeValidator(_lag), WithJsonSchema(_LAG)] | None = None
    budget: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1

    archive: Literal["none", "landed", "first"] = "none"
    lease: bool = False
    table: TableKind | None = None

    checks: ChecksTable = ChecksTable()
    land: LandTable = LandTable()
    retention: RetentionTable = RetentionTable()


class FileTable(_Table):
    """The whole file."""

    version: Literal[1]
    project: Annotated[str, AfterValidator(_project_name)] | None = None
    spool: SpoolTable = SpoolTable()
    retention: RetentionTable = RetentionTable()
    maintenance: MaintenanceTable = MaintenanceTable()
    store: dict[str, StoreTable] = {}
    auth: dict[str, AuthTable] = {}
    alerts: AlertsTable = AlertsTable()
    stream: dict[str, StreamTable] = {}


TABLES: dict[Keys, type[BaseModel]] = {
    (): FileTable,
    ("spool",): SpoolTable,
    ("retention",): RetentionTable,
    ("maintenance",): MaintenanceTable,
    ("store", "NAME"): StoreTable,
    ("auth", "NAME"): AuthTable,
    ("alerts",): AlertsTable,
    ("stream", "NAME"): StreamTable,
    ("stream", "NAME", "checks"): ChecksTable,
    ("stream", "NAME", "graphql"): GraphqlTable,
    ("stream", "NAME", "land"): LandTable,
    ("stream", "NAME", "pages"): PagesTable,
    ("stream", "NAME", "retention"): RetentionTable,
}
"""Every table that the file may have, by where it stands."""
